//! What a stream is asked for beside playlists and what they list: steering manifests, lists of assets.

pub mod assets;
pub mod interstitials;
pub mod request;
pub mod steering;
