//! How far an archive is, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::error::ArchiveError;
use crate::store::Kind;

/// How far a tail is, as metrics tell it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct TailState(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Until when all streams are in the archive, in microseconds of Unix time; 0: nothing is yet.
    until_us: AtomicI64,
    bytes_behind: AtomicU64,
    volumes: AtomicU64,
    skipped: AtomicU64,
    failures: [AtomicU64; Kind::ALL.len()],
    failures_of_session: AtomicU64,
}

impl TailState {
    /// Until when all streams are in the archive, in microseconds of Unix time; `None`: nothing is yet.
    pub fn until_us(&self) -> Option<i64> {
        Some(self.0.until_us.load(Ordering::Relaxed)).filter(|us| *us != 0)
    }

    /// Bytes that were received since then, as they were counted last.
    pub fn bytes_behind(&self) -> u64 {
        self.0.bytes_behind.load(Ordering::Relaxed)
    }

    /// Volumes that were completed, and such that can never be made.
    pub fn volumes(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.0.volumes), of(&self.0.skipped))
    }

    /// Failures by their kinds, those of the session itself last.
    pub fn failures(&self) -> Vec<(&'static str, u64)> {
        let of_store = Kind::ALL.iter().zip(&self.0.failures);
        let of_store = of_store.map(|(kind, count)| (kind.as_str(), count));
        let all = of_store.chain([("session", &self.0.failures_of_session)]);
        all.map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
            .collect()
    }

    pub(super) fn reached(&self, until_us: i64) {
        self.0.until_us.store(until_us, Ordering::Relaxed);
    }

    pub(super) fn counted_behind(&self, bytes: u64) {
        self.0.bytes_behind.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn completed(&self) {
        self.0.volumes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn skipped(&self) {
        self.0.skipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, error: &ArchiveError) {
        let kind = match error {
            ArchiveError::Store(error) => Kind::ALL.iter().position(|kind| *kind == error.trouble),
            _ => None,
        };
        let count = kind.and_then(|at| self.0.failures.get(at));
        count
            .unwrap_or(&self.0.failures_of_session)
            .fetch_add(1, Ordering::Relaxed);
    }
}
