//! Gaps of a playlist, counted as they are told.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::events::{Events, Over, Skipped};

/// Gaps of one playlist so far, or of one raw stream.
#[derive(Debug, Default)]
pub struct Gaps {
    /// Those of its stream, and which of its playlists this one is.
    events: Arc<Events>,
    /// Times in which segments were skipped that the recorder may have missed.
    missed: Arc<Events>,
    /// Those of them in which a host was left alone, as it had asked.
    held_back: Arc<Events>,
    of: i64,
    count: AtomicU64,
    /// Since when the one is that is not over, in microseconds of Unix time; 0: there is none.
    since_us: AtomicI64,
    /// From when until when the last one was that is over.
    past: Mutex<Option<(i64, i64)>>,
}

impl Gaps {
    /// Of the playlist with that number of a stream.
    pub(super) fn new([events, missed, held_back]: [Arc<Events>; 3], of: i64) -> Self {
        Self {
            events,
            missed,
            held_back,
            of,
            ..Self::default()
        }
    }

    /// One goes on, from one moment until another at least; `is_new`: it was not known before. Whether it is told of:
    /// nothing of the same event was.
    pub(crate) fn lasts(&self, (from_us, until_us): (i64, i64), is_new: bool) -> bool {
        self.count.fetch_add(u64::from(is_new), Ordering::Relaxed);
        self.since_us.store(from_us, Ordering::Relaxed);
        self.events.lasts(self.of, from_us, until_us)
    }

    /// One is over; `is_new`: it was not known before. The event that is over with it, if one is.
    pub(crate) fn ends(
        &self,
        (from_us, until_us): (i64, i64),
        skipped: Skipped,
        is_new: bool,
    ) -> Option<Over> {
        self.count.fetch_add(u64::from(is_new), Ordering::Relaxed);
        self.since_us.store(0, Ordering::Relaxed);
        *self.past.lock().unwrap_or_else(PoisonError::into_inner) = Some((from_us, until_us));
        self.missed((from_us, until_us), skipped);
        self.events.ends(self.of, (from_us, until_us), skipped)
    }

    /// In a time that may be the recorder's own, segments were skipped.
    pub(crate) fn missed(&self, span_us: (i64, i64), skipped: Skipped) {
        if skipped.not_seen > 0 {
            let not_seen = Skipped::never_listed(skipped.not_seen);
            let _ = self.missed.ends(self.of, span_us, not_seen);
            if skipped.is_held_back {
                let _ = self.held_back.ends(self.of, span_us, not_seen);
            }
        }
    }

    /// No advance is due any more.
    pub(crate) fn over(&self) {
        if self.since_us.swap(0, Ordering::Relaxed) != 0 {
            self.events.over(self.of);
        }
    }

    /// The recording has ended, and of the one that is not over no end was seen.
    pub(super) fn last_until(&self, until_us: i64) {
        if self.since_us().is_some() {
            self.events.last_until(self.of, until_us);
        }
    }

    /// Since when the one is that is not over, in microseconds of Unix time; `None`: there is none.
    pub fn since_us(&self) -> Option<i64> {
        Some(self.since_us.load(Ordering::Relaxed)).filter(|since_us| *since_us != 0)
    }

    /// From when until when the last one was that is over, in microseconds of Unix time.
    pub fn past(&self) -> Option<(i64, i64)> {
        *self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
