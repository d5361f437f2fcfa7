//! What stands at a URL of a list.

use std::sync::Arc;

use super::recorded::Recorded;

/// Everything that a segment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) body: Recorded,
    pub(crate) applied: AppliedBodies,
}

/// Of each key, then of the initialization section; `None`: its line stays as it is. Segments with the same keys and
/// section share it.
pub(crate) type AppliedBodies = Arc<[Option<Arc<Recorded>>]>;
