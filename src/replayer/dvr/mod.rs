//! `/NAME/dvr.m3u8`: everything that was recorded of a stream, as one playlist
//! (`docs/design/dvr.md`). A function of the session and of how far it goes; the clock of the
//! replay does not matter.
//!
//! | file | is |
//! | --- | --- |
//! | `take`, `taken` | what each revision adds (pure) |
//! | `verdict` | there, missing, or still to come (pure) |
//! | `contents`, `recorded` | what a list refers to |
//! | `needs` | whether a segment is there with its keys and its section (pure) |
//! | `list` | the list, in order, as far as it is decided (pure) |
//! | `write` | its text (pure) |
//! | `feed` | from a session to a list |
//! | `fills` | of a finished session: what later listings say of what is missing |
//! | `text` | the text of a list that grows with its session, or is finished |
//! | `lists` | those that were asked for, in the cache |
//! | `answer`, `reply` | from a request to a response |

mod feed;
mod fills;
mod list;
pub(super) mod lists;

#[cfg(test)]
mod tests;
pub(super) mod text;
