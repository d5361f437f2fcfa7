//! `/NAME/dvr.m3u8`: everything that was recorded of a stream, as one playlist
//! (`docs/design/dvr.md`). A function of the session and of how far it goes; the clock of the
//! replay does not matter.
//!
//! | file | is |
//! | --- | --- |
//! | `take` | what each revision adds (pure) |
//! | `verdict` | there, missing, or still to come (pure) |
//! | `list` | the list, in order, as far as it is decided (pure) |
//! | `write` | its text (pure) |
//! | `feed` | from a session to a list |
//! | `fills` | of a finished session: what later listings say of what is missing |
//! | `kept` | lists that grow with their session, kept |
//! | `answer` | from a request to a response |

mod answer;
mod feed;
mod fills;
mod kept;
mod list;
mod take;
#[cfg(test)]
mod tests;
mod verdict;
mod write;

pub(super) use kept::Kept;

use bytes::Bytes;

use super::gzip::Gzip;
use super::headers::entity_tag;
use crate::session::digest;

/// A playlist as it is served.
#[derive(Debug, Clone)]
struct Served {
    bytes: Bytes,
    tag: String,
    gzip: Gzip,
}

impl Served {
    fn new(text: Vec<u8>) -> Self {
        Self {
            tag: entity_tag(&digest(&text)),
            bytes: text.into(),
            gzip: Gzip::default(),
        }
    }

    /// Whether it is in gzip already, or will never be.
    fn is_compressed(&self) -> bool {
        self.gzip.get(&self.bytes).is_some()
    }

    /// What it takes in memory, in bytes.
    fn size(&self) -> usize {
        self.bytes.len() + self.gzip.size()
    }
}
