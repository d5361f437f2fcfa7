//! Finds what was late or wrong in a session. Reads a session; knows no terminal.
//!
//! | file | is |
//! | --- | --- |
//! | [`adjacent`] | gaps between advances of media playlists |
//! | [`damaged`] | what is not told of a damaged session |
//! | [`gaps`] | a gap, and the comparison that finds it |
//! | [`finding`] | what everything that is found becomes: text and JSON of it |
//! | [`faults`] | single faults, and for how long |
//! | [`never_listed`] | segments that a playlist went on without |
//! | `noticed` | what the recorder noticed about itself, told in a gap |
//! | [`raw`] | gaps in raw streams, as text and as JSON |
//! | `silences` | when bytes of a raw stream came, and when none did |
//! | [`outages`] | faults that are one event |
//! | [`rules`] | what is wrong with a channel |
//! | [`report`] | gaps as findings, and as text in the original's format |
//! | [`rules`] | what `isreport` looks for: the rules, and a session judged by them |
//! | [`summary`] | what all findings come to, in a line |

pub mod adjacent;
pub mod damaged;
pub mod faults;
pub mod finding;
pub mod gaps;
pub mod never_listed;
mod noticed;
pub mod outages;
pub mod raw;
pub mod report;
pub mod rules;
mod silences;
pub mod summary;
pub mod times;
