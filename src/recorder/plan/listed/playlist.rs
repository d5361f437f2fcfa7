//! One playlist of a plan: its newest revision, its queue, its places.

use super::entry::Listed;
use super::places::Places;
use crate::recorder::plan::left::lateness::Stay;
use crate::recorder::plan::model::DEPARTED_FOR;
use crate::recorder::plan::model::Key;
use crate::recorder::plan::model::Rank;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Playlist {
    /// What its newest revision lists.
    pub(crate) listed: Vec<Arc<Listed>>,
    pub(crate) last_sequence: Option<u64>,
    /// The same, with what it announces.
    pub(crate) last_named: Option<u64>,
    pub(crate) lists_segments: bool,
    /// Partial segments.
    pub(crate) lists_parts: bool,
    pub(crate) ended: bool,
    /// It has come in this run.
    pub(crate) has_come: bool,
    /// Its first revision had an end already: what it lists was there before.
    pub(crate) on_demand: bool,
    /// The longest that it was.
    pub(crate) longest: Duration,
    pub(crate) target_us: i64,
    /// What left it came back as something else: its names say nothing once they have left.
    pub(crate) reuses_names: bool,
    pub(crate) in_flight: usize,
    pub(crate) ready: BTreeSet<(Rank, Key)>,
    /// What `listed` takes.
    pub(crate) bytes: usize,
    /// Its segments by their places.
    pub(crate) places: Places,
    /// Requests for what it announces that failed in a row, and until when no more are made.
    pub(crate) hints: HintPause,
}

/// Where requests for what a playlist announces fail, they are made ever less often.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HintPause {
    pub(crate) failures: u32,
    pub(crate) until: Option<Instant>,
}

impl Playlist {
    /// For how long the origin has what leaves the playlist.
    pub(crate) fn stay(&self, target_us: i64) -> Stay {
        let target = Duration::from_micros(target_us.unsigned_abs());
        Stay {
            longest: self.longest.max(target),
            departed_for: target * DEPARTED_FOR,
        }
    }

    /// Whether it may list something else yet. A multivariant playlist does not say that it has ended;
    /// the playlists that it names do: whether these are over.
    pub(crate) fn may_still_grow(&self, are_over: impl FnOnce() -> bool) -> bool {
        !self.ended && (self.lists_segments || !are_over())
    }
}
