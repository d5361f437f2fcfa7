//! Things that left their playlists before they were fetched, in the order in which they are given up.

use super::lateness::{Late, MOST, MOST_BYTES};
use crate::recorder::plan::model::Key;
use crate::recorder::plan::model::Rank;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// The late things of all playlists of a stream.
#[derive(Debug, Default)]
pub(crate) struct LateItems {
    pub(crate) by_end: BTreeSet<(Instant, Key)>,
    pub(crate) bytes: usize,
    pub(crate) ready: BTreeSet<(Rank, Key)>,
    pub(crate) in_flight: usize,
}

impl LateItems {
    pub(crate) fn len(&self) -> usize {
        self.by_end.len()
    }

    pub(crate) fn add(&mut self, key: &Key, late: Late) {
        self.bytes += key.url.as_str().len();
        self.by_end.insert((late.until, key.clone()));
    }

    /// Removes a thing from every queue.
    pub(crate) fn remove(&mut self, key: &Key, late: Late, rank: Rank) {
        if self.by_end.remove(&(late.until, key.clone())) {
            self.bytes = self.bytes.saturating_sub(key.url.as_str().len());
        }
        self.ready.remove(&(rank, key.clone()));
    }

    /// The oldest thing, where there are too many.
    pub(crate) fn too_many(&self) -> Option<Key> {
        let is_too_much = self.by_end.len() > MOST || self.bytes > MOST_BYTES;
        let (_, oldest) = self.by_end.first().filter(|_| is_too_much)?;
        Some(oldest.clone())
    }
}
