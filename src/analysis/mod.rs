//! Finds what was late or wrong in a session. Reads a session; knows no terminal.
//!
//! | file | is |
//! | --- | --- |
//! | [`adjacent`] | gaps between advances of media playlists |
//! | [`faults`] | every fault, and for how long |
//! | `noticed` | what the recorder noticed about itself, told in a gap |
//! | [`raw`] | gaps in raw streams, as text and as JSON |
//! | `silences` | when bytes of a raw stream came, and when none did |
//! | [`report`] | findings as text and as JSON, to any writer |

pub mod adjacent;
pub mod faults;
mod noticed;
pub mod raw;
pub mod report;
mod silences;
pub mod times;
