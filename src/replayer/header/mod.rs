//! Header fields of requests and responses. Pure.

pub mod cors;
pub mod fields;
pub mod media_type;
pub mod range;
pub(super) mod shared_caches;
