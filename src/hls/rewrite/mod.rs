//! What a replay replaces in a playlist, and nothing else.

pub mod dates;
pub mod manifest;
pub mod playlist;
pub mod relative;
pub mod replay_path;
pub mod tag_urls;
