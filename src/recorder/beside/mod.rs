//! What a stream is asked for beside playlists and what they list: steering manifests, lists of assets.

pub mod aside;
pub mod assets;
pub mod steering;
