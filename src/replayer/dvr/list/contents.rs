//! What a list refers to: the recorded bodies of a segment, of its keys and of its initialization section.

use std::sync::Arc;

use crate::hls::ByteRange;

/// Everything that a segment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) body: RecordedBody,
    pub(crate) applied: AppliedBodies,
}

/// Of each key, then of the initialization section; `None`: its line stays as it is. Segments with the same keys and
/// section share it.
pub(crate) type AppliedBodies = Arc<[Option<Arc<RecordedBody>>]>;

/// A body that was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedBody {
    /// The exchange that brought it.
    pub(crate) exchange_id: i64,
    /// SHA-256 of it.
    pub(crate) sha256: Vec<u8>,
    /// The bytes of it that a segment is; `None`: all.
    pub(crate) range: Option<ByteRange>,
}
