//! What playlists listed over time: their windows, their revisions, and what was fetched on account of each.

pub mod advances;
pub mod landings;
pub mod listings;
pub mod placement;
pub(crate) mod playlists;
pub mod revisions;
