//! Gaps of a playlist, counted as they are told.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gaps of one playlist so far.
#[derive(Debug, Default)]
pub struct Gaps {
    count: AtomicU64,
    /// Those that are over, together, in microseconds.
    over_us: AtomicU64,
    /// The one that is not over, so far; 0: there is none.
    open_us: AtomicU64,
    longest_us: AtomicU64,
    never_listed: AtomicU64,
}

/// What gaps come to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct GapTally {
    /// How many.
    pub count: u64,
    /// How long all of them were, in microseconds.
    pub length_us: u64,
    /// The longest one, in microseconds.
    pub longest_us: u64,
    /// Segments that a playlist skipped in them.
    pub never_listed: u64,
}

impl GapTally {
    /// Of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            length_us: self.length_us + other.length_us,
            longest_us: self.longest_us.max(other.longest_us),
            never_listed: self.never_listed + other.never_listed,
        }
    }
}

impl Gaps {
    /// One goes on, for so long by now; `is_new`: it was not known before.
    pub(crate) fn lasts(&self, for_us: i64, is_new: bool) {
        self.count.fetch_add(u64::from(is_new), Ordering::Relaxed);
        self.open_us.store(micros(for_us), Ordering::Relaxed);
    }

    /// One is over; `is_new`: it was not known before.
    pub(crate) fn ends(&self, after_us: i64, never_listed: u64, is_new: bool) {
        self.lasts(after_us, is_new);
        self.never_listed.fetch_add(never_listed, Ordering::Relaxed);
        self.over();
    }

    /// No advance is due any more.
    pub(crate) fn over(&self) {
        let length_us = self.open_us.swap(0, Ordering::Relaxed);
        self.over_us.fetch_add(length_us, Ordering::Relaxed);
        self.longest_us.fetch_max(length_us, Ordering::Relaxed);
    }

    /// How long the one is so far that is not over, in microseconds; `None`: there is none.
    pub fn open_us(&self) -> Option<u64> {
        Some(self.open_us.load(Ordering::Relaxed)).filter(|open_us| *open_us > 0)
    }

    /// All of them.
    pub fn tally(&self) -> GapTally {
        let open_us = self.open_us.load(Ordering::Relaxed);
        GapTally {
            count: self.count.load(Ordering::Relaxed),
            length_us: self.over_us.load(Ordering::Relaxed) + open_us,
            longest_us: self.longest_us.load(Ordering::Relaxed).max(open_us),
            never_listed: self.never_listed.load(Ordering::Relaxed),
        }
    }
}

fn micros(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0)
}
