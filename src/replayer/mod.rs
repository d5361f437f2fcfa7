//! Answers players out of a session: `answer(url, t)` over HTTP.
//!
//! What always holds:
//! - The server keeps nothing about a client: what time it is for a player stands in its URLs.
//! - No request becomes the path of a file, and no request leaves for another server.
//! - Decisions are pure functions ([`route`], [`range`], [`timeline`], [`parts`],
//!   [`headers`]); only `lookup` and `dvr` read the session, only [`connection`] knows the HTTP server.
//!
//! What does not belong here: what is on disk (`session`), what a playlist means (`hls`),
//! arguments and messages (`cli`).
//!
//! | file | is |
//! | --- | --- |
//! | [`route`] | which resource a path means |
//! | [`timeline`] | clocks, the end, durations |
//! | [`request`], `server_clock` | a request and its moment, decided once |
//! | [`range`], [`parts`] | byte ranges: of one body, of a resource known by parts |
//! | [`headers`], [`media_type`], `shared_caches` | header fields |
//! | [`pace`] | when bytes go |
//! | [`inject`] | faults on top of the recorded ones |
//! | `dvr` | playlists of everything that was recorded, and what they refer to |
//! | [`replay`], `state` | a session that is being replayed: its span, readers, watch |
//! | `lookup`, `playlist` | from a question to recorded content, on a blocking thread |
//! | `cache` | answers that hold for a while, texts that are shared, memory for them |
//! | [`respond`], [`reply`], `recorded`, `page`, [`body`] | from a request to a response |
//! | `chunk_read` | chunk files, read piece by piece |
//! | `raw` | streams that are no playlists |
//! | [`stall`], [`ending`] | what a body learns of its connection, and says to it |
//! | [`connection`] | connections: their number, their limits, HTTP, sending |

pub mod body;
mod cache;
pub mod connection;
pub mod content;
mod dvr;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod header;
pub mod inject;
mod memory;
mod page;
mod raw;
pub mod replay;
pub mod request;
pub mod respond;
pub mod response;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use self::body::pace::Network;
pub use self::header::cors::{Cors, PageOrigin};
pub use self::request::timeline::{AtEnd, Dates};
pub use crate::session::Faults;
pub use connection::Limits;
pub use page::{Description, StreamDescription};
pub use replay::{Options, Replay};
pub use request::Request;
