//! The things of a plan: what is known of each, and when those that wait for a host are asked for again.

pub(in crate::recorder) mod content;
pub(super) mod host_returns;
pub(super) mod item;
pub(super) mod keys;
pub(super) mod repeats;
pub(super) mod table;
