//! What has left its playlists: what was had of it, and for how long the rest is tried.

pub(super) mod departed;
pub(super) mod late_items;
pub(super) mod lateness;
