//! `/NAME/dvr.m3u8`: everything that was recorded of a stream, as one playlist (`docs/design/dvr.md`). It depends on
//! the session and on how far that is recorded, not on a clock of the replay.
//!
//! | file or folder | is |
//! | --- | --- |
//! | `list` | the list of segments, as far as it is decided, and its lines (pure) |
//! | `feed` | reads revisions from a session into a list |
//! | `recorded_stream` | which bodies the stream has |
//! | `fills` | in a finished session: what later revisions say about segments that are missing |
//! | `growing` | the text of a playlist as its session has it now |
//! | `raw` | the same of a raw stream: its parts, cut where players can begin |
//! | `playlist_cache` | playlists that were asked for, so that a request reads only what is new |
//!
//! The responses are in `respond/dvr.rs`.

mod feed;
mod fills;
pub(super) mod growing;
mod list;
pub(super) mod playlist_cache;
pub(super) mod raw;
mod recorded_stream;
#[cfg(test)]
mod tests;
