//! Answers players out of a session: `answer(url, t)` over HTTP.
//!
//! What always holds:
//! - The server keeps no state of a client: a player's clock is in the URLs that it asks for.
//! - No request becomes the path of a file, and no request leaves for another server.
//! - A request's moment is decided once ([`request`]). Below that, time is read for deadlines only.
//! - Decisions are pure functions: [`request::route`], [`request::timeline`], [`content::ranges`], all of [`header`],
//!   the lists of `dvr`, the rules of [`inject`]. Only [`connection`] knows the HTTP server.
//!
//! What does not belong here: what is on disk (`session`), what a playlist means (`hls`), arguments and messages
//! (`cli`).
//!
//! Folders, upper ones first: none names one above it (`tests/it/layers.rs`).
//!
//! | file or folder | is |
//! | --- | --- |
//! | [`connection`] | connections: their number, their limits, HTTP, sending |
//! | `volumes` | a recording in volumes that are elsewhere: which one answers |
//! | [`respond`] | from a request to a response: the way in |
//! | `raw` | streams that are not playlists |
//! | [`replay`] | a session that is being replayed: asks it, waits for it, follows it |
//! | `page` | the page that says what there is to play |
//! | `cache` | answers that hold for a while |
//! | `dvr` | playlists of everything that was recorded |
//! | [`inject`] | faults that the recording does not have |
//! | [`response`] | from recorded content to a response |
//! | [`content`] | from a question to recorded content, on a blocking thread |
//! | [`request`] | a request: its clock, its moment, what it asks for |
//! | [`body`] | bodies of responses, at their pace |
//! | `memory` | texts that several responses share, and the memory that they may take |
//! | [`header`] | header fields |

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
#[cfg(feature = "archive")]
pub mod volumes;

pub use self::body::pace::Network;
pub use self::header::cors::{Cors, PageOrigin};
pub use self::request::timeline::{AtEnd, Dates};
pub use crate::session::Faults;
pub use connection::Limits;
pub use page::{Description, StreamDescription};
pub use replay::{Options, Replay};
pub use request::Request;
#[cfg(feature = "archive")]
pub use volumes::Archive;
