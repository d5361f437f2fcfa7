//! `/NAME/dvr.m3u8` of a raw stream: its parts as one playlist, each cut where players can begin.
//!
//! | file | is |
//! | --- | --- |
//! | `playlist` | the playlist as its session has it now |
//! | `text` | its lines (pure) |
//! | `spans` | where a part is cut, by time stamps and by when its bytes came (pure) |
//! | `transport`, `frames`, `fragments` | the same of each format that players take in segments |
//! | `restarts` | where the time stamps of a transport stream begin anew |
//! | `window` | some bytes of a transport stream |
//! | `media` | bytes of a part, at places |

mod fragments;
mod frames;
mod media;
pub(crate) mod playlist;
mod restarts;
mod spans;
mod text;
mod transport;
mod window;
