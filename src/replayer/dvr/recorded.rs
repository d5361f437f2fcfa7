//! A recorded body, as a list looks it up.

use crate::hls::ByteRange;

/// A body that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The exchange that brought it.
    pub(super) exchange_id: i64,
    /// SHA-256 of it.
    pub(super) sha256: Vec<u8>,
    /// What of it is meant; `None`: all.
    pub(super) part: Option<ByteRange>,
}
