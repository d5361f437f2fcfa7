//! How much `--keep` removed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// Rows of `body`.
    pub bodies: BTreeSet<i64>,
    /// Rows of `header_set`.
    pub header_sets: BTreeSet<i64>,
    /// Rows of `resource`.
    pub resources: BTreeSet<i64>,
    /// Rows of `line` before these, by their owner.
    pub lines: BTreeMap<i64, i64>,
    pub(super) paths: Vec<String>,
    /// URLs of resources and aliases.
    pub(super) urls: Vec<String>,
}

impl Removed {
    pub(super) fn is_nothing(&self) -> bool {
        self.bodies.is_empty() && self.header_sets.is_empty() && self.resources.is_empty()
    }
}
