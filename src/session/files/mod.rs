//! Folders and files of sessions: the only doors to them.

pub mod around;
pub mod beneath;
pub mod chunk_dir;
pub mod chunks;
pub mod folder;
pub mod growing;
pub mod new_body;
mod permission;
pub mod room;
