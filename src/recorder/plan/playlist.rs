//! One playlist in the plan.

use super::lateness::Stay;
use super::listed::Listed;
use super::model::DEPARTED_FOR;
use super::model::Key;
use super::model::Rank;
use super::renamed::Places;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Playlist {
    /// What its newest revision lists.
    pub(super) listed: Vec<Arc<Listed>>,
    pub(super) last_sequence: Option<u64>,
    pub(super) lists_segments: bool,
    pub(super) ended: bool,
    /// It has come in this run.
    pub(super) has_come: bool,
    /// Its first revision had an end already: what it lists was there before.
    pub(super) on_demand: bool,
    /// The longest that it was.
    pub(super) longest: Duration,
    pub(super) target_us: i64,
    /// What left it came back as something else: its names say nothing once they have left.
    pub(super) reuses_names: bool,
    pub(super) in_flight: usize,
    pub(super) ready: BTreeSet<(Rank, Key)>,
    /// What `listed` takes.
    pub(super) bytes: usize,
    /// Its segments by their places.
    pub(super) places: Places,
}

impl Playlist {
    /// How long what leaves it is there.
    pub(super) fn stay(&self, target_us: i64) -> Stay {
        let target = Duration::from_micros(target_us.unsigned_abs());
        Stay {
            longest: self.longest.max(target),
            departed_for: target * DEPARTED_FOR,
        }
    }

    /// Whether it may list something else yet. A multivariant playlist does not say that it has ended;
    /// the playlists that it names do: whether these are over.
    pub(super) fn lives(&self, are_over: impl FnOnce() -> bool) -> bool {
        !self.ended && (self.lists_segments || !are_over())
    }
}
