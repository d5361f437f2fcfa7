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
//! | `kept` | lists that grow with their session, kept |
//! | `answer` | from a request to a response |

mod answer;
mod feed;
mod kept;
mod list;
mod take;
#[cfg(test)]
mod tests;
mod verdict;
mod write;

pub(super) use answer::dvr_path;
pub(super) use kept::Kept;
