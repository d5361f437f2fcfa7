//! Connections to clients: the only user of hyper and h2 as servers. HTTP/1.1 and HTTP/2, over plain TCP or TLS.
//!
//! | file | is |
//! | --- | --- |
//! | [`limits`] | what a client may take |
//! | `session` | answers out of a session, and their lines of the log |
//! | `accept` | the loop that accepts connections |
//! | `table`, `activity` | how many there are; what each is doing, how long it may, which one is evicted |
//! | [`opening`] | which protocol is spoken; TLS |
//! | `http1` | what hyper is given, and gives, for a connection of HTTP/1.1 |
//! | `http2` | a connection of HTTP/2 |
//! | `head_check` | requests that are refused although hyper could read them |
//! | `watched` | time limit of writes |
//! | `socket`, `sendfile` | TCP; spans of files that the system sends in place of bytes |
//!
//! What a body and its connection tell each other is in `body`: `ending`, `stall`.

mod accept;
mod activity;
mod head_check;
mod http1;
mod http2;
pub mod limits;
pub mod opening;
mod sendfile;
mod session;
mod socket;
mod table;
#[cfg(test)]
mod tests;
mod watched;

pub use accept::{Port, serve};
pub use http1::Handles;
pub use limits::Limits;
pub use session::run;
