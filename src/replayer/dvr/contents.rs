//! What stands at a URL of a list.

use std::sync::Arc;

use super::recorded::Recorded;

/// Everything that a segment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) body: Recorded,
    pub(super) applied: AppliedBodies,
}

/// Of each key, then of the initialization section; `None`: its line stays as it is. Segments with the same keys and
/// section share it.
pub(super) type AppliedBodies = Arc<[Option<Arc<Recorded>>]>;
