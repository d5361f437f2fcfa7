//! What a recording has done so far, to be shown while it goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::{Kind, Outcome};

/// Counters of one playlist.
#[derive(Debug, Default)]
pub struct PlaylistStats {
    /// For people: what the multivariant playlist says of it, or its name.
    pub label: String,
    /// Polls made.
    pub polls: AtomicU64,
    /// Revisions recorded.
    pub revisions: AtomicU64,
    /// When it last advanced, in microseconds of Unix time; 0: never.
    pub advanced_us: AtomicI64,
    /// Chunks and keys recorded on its account.
    pub chunks: AtomicU64,
    /// Bytes of them.
    pub bytes: AtomicU64,
    /// Exchanges on its account that were no good answer.
    pub faults: AtomicU64,
}

/// Sums over all playlists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Playlists.
    pub playlists: u64,
    /// Polls made.
    pub polls: u64,
    /// Revisions recorded.
    pub revisions: u64,
    /// Chunks and keys recorded.
    pub chunks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Exchanges that were no good answer.
    pub faults: u64,
    /// The recorder's own greatest lateness with a poll, in microseconds.
    pub worst_lag_us: i64,
}

/// Counters of a recording; clones share them.
#[derive(Debug, Default, Clone)]
pub struct Stats(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    playlists: Mutex<Vec<Arc<PlaylistStats>>>,
    faults: Mutex<BTreeMap<(Kind, String), u64>>,
    worst_lag_us: AtomicI64,
}

impl PlaylistStats {
    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

impl Stats {
    /// Counters of each playlist, in the order in which they were found.
    pub fn playlists(&self) -> Vec<Arc<PlaylistStats>> {
        self.0
            .playlists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sums over all playlists.
    pub fn totals(&self) -> Totals {
        let start = Totals {
            worst_lag_us: self.0.worst_lag_us.load(Ordering::Relaxed),
            ..Totals::default()
        };
        self.playlists().iter().fold(start, |sum, one| Totals {
            playlists: sum.playlists + 1,
            polls: sum.polls + one.polls.load(Ordering::Relaxed),
            revisions: sum.revisions + one.revisions.load(Ordering::Relaxed),
            chunks: sum.chunks + one.chunks.load(Ordering::Relaxed),
            bytes: sum.bytes + one.bytes.load(Ordering::Relaxed),
            faults: sum.faults + one.faults.load(Ordering::Relaxed),
            worst_lag_us: sum.worst_lag_us,
        })
    }

    /// Faults by kind of resource and by what happened: a status, or an outcome.
    pub fn faults(&self) -> BTreeMap<(Kind, String), u64> {
        self.0
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts an exchange that was no good answer.
    pub(super) fn fault(&self, kind: Kind, status: Option<u16>, outcome: Outcome) {
        let what = match (status, outcome) {
            (Some(status), Outcome::Complete) => status.to_string(),
            _ => outcome.to_string(),
        };
        let mut faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
        *faults.entry((kind, what)).or_default() += 1;
    }

    pub(super) fn add(&self, label: String) -> Arc<PlaylistStats> {
        let one = Arc::new(PlaylistStats {
            label,
            ..PlaylistStats::default()
        });
        self.0
            .playlists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&one));
        one
    }

    pub(super) fn lag(&self, lag_us: i64) {
        self.0.worst_lag_us.fetch_max(lag_us, Ordering::Relaxed);
    }
}
