//! What a user asks of a recording, and what an origin may make it do.

pub(super) mod limits;
pub(super) mod options;
pub(super) mod selection;
