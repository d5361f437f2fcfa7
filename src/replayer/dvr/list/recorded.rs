//! A recorded body, as a list looks it up.

use crate::hls::ByteRange;

/// A body that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The exchange that brought it.
    pub(crate) exchange_id: i64,
    /// SHA-256 of it.
    pub(crate) sha256: Vec<u8>,
    /// What of it is meant; `None`: all.
    pub(crate) part: Option<ByteRange>,
}
