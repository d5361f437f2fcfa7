//! From a question to recorded content, as it is served. Reads the session, on blocking threads.
//!
//! | file | is |
//! | --- | --- |
//! | `question`, `found` | what is asked of the session, and what it has |
//! | `lookup` | finds the answer, or the ranges of which one is made |
//! | [`ranges`] | which recorded ranges answer a request (pure) |
//! | `as_it_grew` | the rest of a resource, each part when it was there |
//! | `main_playlist` | the multivariant playlist of a stream |
//! | `served`, `playlist` | playlists with their URIs replaced: made, and how (pure) |
//! | `text_cache` | texts, one for all requests that get the same |
//! | `bodies` | recorded bodies: shared texts, files that are opened when they are sent |
//! | `raw_extension` | the extension of a raw stream |
//! | `pool` | readers of the session |

mod as_it_grew;
pub(super) mod bodies;
pub(super) mod found;
pub(super) mod lookup;
mod main_playlist;
pub(super) mod playlist;
pub(super) mod pool;
pub(super) mod question;
pub mod ranges;
pub(super) mod raw_extension;
mod served;
pub(super) mod text_cache;
