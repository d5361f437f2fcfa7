//! Where a body can be cut.

use bytes::Bytes;

/// What becomes of bytes that came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// They belong to the part that is being written.
    pub now: Bytes,
    /// A new part begins with these.
    pub next: Option<Bytes>,
}
