//! Header fields of requests and responses. Pure.
//!
//! | file | is |
//! | --- | --- |
//! | `blocking` | what caches are told of answers to blocking requests, and of others |
//! | [`fields`] | entity tags, conditions, dates, the replayer's own fields |
//! | [`range`] | Range |
//! | [`media_type`] | Content-Type where the origin sent none |
//! | [`cors`] | which pages of other sites may read answers |
//! | `shared_caches` | lifetimes for caches in front of several replayers |

pub(super) mod blocking;
pub mod cors;
pub mod fields;
pub mod media_type;
pub mod range;
pub(super) mod shared_caches;
