//! Raw streams: endless bodies that are not playlists, recorded in parts.

pub mod boxes;
pub mod cut;
pub mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hop;
pub mod icy;
pub mod part;
pub mod recording;
pub mod sniff;
#[cfg(test)]
pub mod testing;
pub mod transport;
