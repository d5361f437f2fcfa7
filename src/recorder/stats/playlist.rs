//! Counters of one playlist.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use super::gaps::Gaps;
use super::left_alone::LeftAlone;
use super::lost::Lost;
use super::pace::SlowNow;
use super::trouble::Trouble;
use super::waiting::Waiting;
use crate::session::Outcome;

/// Counters of one playlist.
#[derive(Debug, Default)]
pub struct PlaylistStats {
    /// For people: what the multivariant playlist says of it, or its name.
    pub label: String,
    /// Which playlist of its stream it is.
    pub number: usize,
    /// Polls made.
    pub polls: AtomicU64,
    /// Revisions recorded.
    pub revisions: AtomicU64,
    /// Since when it is asked for, in microseconds of Unix time; 0: it is not.
    pub since_us: AtomicI64,
    /// When it last advanced, in microseconds of Unix time; 0: never.
    pub advanced_us: AtomicI64,
    /// Its target duration in microseconds; 0: it has stated none.
    pub target_us: AtomicI64,
    /// It lists playlists, and never advances.
    pub is_multivariant: AtomicBool,
    /// It is no playlist, but a stream of media.
    pub is_raw: AtomicBool,
    /// Times in which it did not advance for too long; of a raw stream, in which no byte came.
    pub gaps: Gaps,
    /// For how long requests for it have had no answer.
    pub waiting: Waiting,
    /// When polls of it were held back, since the host that they are made of had asked for patience.
    pub left_alone: LeftAlone,
    /// It is not polled any more.
    pub is_over: AtomicBool,
    /// Its stream has been begun again since.
    pub is_before: AtomicBool,
    /// Its newest revision has an EXT-X-ENDLIST: nothing is due.
    pub has_ended: AtomicBool,
    /// When that came, in microseconds of Unix time; 0: it never did.
    pub ended_us: AtomicI64,
    /// Chunks and keys recorded on its account.
    pub chunks: AtomicU64,
    /// Bytes of them.
    pub bytes: AtomicU64,
    /// Exchanges on its account that were no good answer of the origin.
    pub faults: AtomicU64,
    /// Its polls, or its raw stream, that fail at the moment.
    pub failing: Trouble,
    /// Its chunks and keys that have failed lately.
    pub losing: Trouble,
    /// Its chunks under way that are slow.
    pub slow: SlowNow,
    /// Its segments that have failed and not come.
    pub lost: Lost,
}

impl PlaylistStats {
    pub(crate) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Counts an exchange that was no good answer, unless that is the recorder's own doing.
    pub(crate) fn fault(&self, outcome: Outcome) {
        if !outcome.is_recorders() {
            Self::count(&self.faults, 1);
        }
    }

    pub(crate) fn advanced(&self, at_us: i64, target_us: i64) {
        self.advanced_us.store(at_us, Ordering::Relaxed);
        self.target_us.store(target_us, Ordering::Relaxed);
    }

    /// Its newest revision has an EXT-X-ENDLIST, or has none any more.
    pub(crate) fn ends(&self, has_ended: bool, at_us: i64) {
        let had = self.has_ended.swap(has_ended, Ordering::Relaxed);
        if has_ended && !had {
            self.ended_us.store(at_us, Ordering::Relaxed);
        }
    }

    /// When its EXT-X-ENDLIST came, in microseconds of Unix time; `None`: it has none.
    pub(crate) fn ended_us(&self) -> Option<i64> {
        let has_ended = self.has_ended.load(Ordering::Relaxed);
        has_ended.then(|| self.ended_us.load(Ordering::Relaxed))
    }

    /// It is not polled any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Its target duration in microseconds; 0: it has stated none.
    pub(crate) fn target_us(&self) -> i64 {
        self.target_us.load(Ordering::Relaxed)
    }

    /// When it last advanced, or since when it is asked for; `None`: no advance is to be expected of it.
    pub fn due_since_us(&self) -> Option<i64> {
        let nothing_due = [&self.is_over, &self.is_multivariant, &self.has_ended];
        let is_none = nothing_due.into_iter().any(|is| is.load(Ordering::Relaxed));
        let moments = [&self.advanced_us, &self.since_us].map(|one| one.load(Ordering::Relaxed));
        moments.into_iter().find(|us| *us > 0 && !is_none)
    }

    /// For so long it has not advanced, or has been asked for, in microseconds: without the time in which its host was left alone
    /// as it had asked. `None`: no advance is to be expected of it.
    pub fn due_for_us(&self, now_us: i64) -> Option<i64> {
        let since_us = self.due_since_us()?;
        let alone_us = self.left_alone.between_us(since_us, now_us);
        Some(
            now_us
                .saturating_sub(since_us)
                .saturating_sub(alone_us)
                .max(0),
        )
    }
}
