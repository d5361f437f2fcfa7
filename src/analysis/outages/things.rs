//! What had faults in an outage. Pure.

use std::collections::{BTreeSet, HashSet};

use crate::session::Kind;

/// Different things that are told apart in an outage; what is more is not counted.
pub(super) const MOST_TOLD_APART: usize = 8192;
/// Names that are kept.
pub(super) const MOST_NAMED: usize = 8;

/// What requests are for, as outages tell them apart: of each a good answer says that it is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Playlists, and raw streams.
    Playlist,
    /// Segments, their parts and initialization sections.
    Segment,
    /// Keys.
    Key,
    /// Everything else.
    Other,
}

impl Class {
    /// Of a kind of resource.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Main | Kind::Media => Self::Playlist,
            Kind::Segment | Kind::Init | Kind::Part => Self::Segment,
            Kind::Key => Self::Key,
            Kind::Data | Kind::Steering | Kind::Assets => Self::Other,
        }
    }
}

/// Things that had faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Things {
    /// Rows of `resource`, [`MOST_TOLD_APART`] of them.
    pub(super) ids: HashSet<i64>,
    /// Names of the first ones.
    pub names: Vec<String>,
    /// How many requests for them had faults.
    pub requests: u64,
    /// How many of them were not asked for again, of those that are not polled.
    pub never_good: u64,
}

impl Things {
    pub(super) fn add(&mut self, id: i64, name: &str) {
        self.requests += 1;
        if self.ids.len() < MOST_TOLD_APART && self.ids.insert(id) && self.names.len() < MOST_NAMED
        {
            self.names.push(name.to_owned());
        }
    }

    /// How many there are; where they are very many, at least so many.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are more than are told apart.
    pub fn are_more(&self) -> bool {
        self.ids.len() >= MOST_TOLD_APART
    }

    pub(super) fn has(&self, id: i64) -> bool {
        self.ids.contains(&id)
    }

    /// Rows of `resource`, in order.
    pub fn ids(&self) -> BTreeSet<i64> {
        self.ids.iter().copied().collect()
    }
}
