//! What the session has for a request: recorded content, as it is served.

pub(super) mod bodies;
pub(super) mod extension;
pub(super) mod lookup;
pub(super) mod playlist;
pub(super) mod pool;
pub mod ranges;
pub(super) mod text_cache;
