//! Finds what was late or wrong in a session. Reads a session; knows no terminal.
//!
//! | file | is |
//! | --- | --- |
//! | [`adjacent`] | gaps between advances of media playlists |
//! | [`finding`] | what everything that is found becomes: text and JSON of it |
//! | [`faults`] | every fault, and for how long |
//! | [`never_listed`] | segments that a playlist went on without |
//! | `noticed` | what the recorder noticed about itself, told in a gap |
//! | [`raw`] | gaps in raw streams, as text and as JSON |
//! | `silences` | when bytes of a raw stream came, and when none did |
//! | [`report`] | findings as text and as JSON, to any writer |

pub mod adjacent;
pub mod faults;
pub mod finding;
pub mod never_listed;
mod noticed;
pub mod raw;
pub mod report;
mod silences;
pub mod times;
