//! Raw streams: endless bodies that are not playlists, recorded in parts.

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hop;
pub mod opened;
mod pace;
pub mod part;
pub mod recording;
pub mod silence;
#[cfg(test)]
pub mod testing;
