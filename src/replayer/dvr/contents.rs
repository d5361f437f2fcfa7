//! What stands at a URL of a list.

use super::recorded::Recorded;

/// Everything that a segment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) body: Recorded,
    /// Of each key, then of the initialization section; `None`: its line stays as it is.
    pub(super) applied: Vec<Option<Recorded>>,
}
