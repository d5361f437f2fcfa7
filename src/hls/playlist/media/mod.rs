//! Media playlists: one interpreter of their tags, and the two readers that take its items.

pub mod entries;
pub mod in_force;
pub(crate) mod items;
pub mod references;
pub mod segments;
