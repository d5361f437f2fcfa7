//! What the counters of playlists come to. Pure.

use super::events::GapTally;

/// Sums over all playlists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Playlists.
    pub playlists: u64,
    /// Streams that are no playlists.
    pub raw_streams: u64,
    /// Polls made.
    pub polls: u64,
    /// Revisions recorded.
    pub revisions: u64,
    /// Chunks and keys recorded.
    pub chunks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Exchanges that were no good answer of the origin.
    pub faults: u64,
    /// Gaps of playlists; those of one stream that overlap are one.
    pub gaps: GapTally,
    /// Times in which no byte came of raw streams.
    pub silences: GapTally,
    /// When the last fault was, or a request was known to be unanswered for long, in microseconds of Unix time; 0: neither was.
    pub fault_us: i64,
    /// The recorder's own greatest lateness with a poll, in microseconds.
    pub worst_lag_us: i64,
}

impl Totals {
    /// Of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            playlists: self.playlists + other.playlists,
            raw_streams: self.raw_streams + other.raw_streams,
            polls: self.polls + other.polls,
            revisions: self.revisions + other.revisions,
            chunks: self.chunks + other.chunks,
            bytes: self.bytes + other.bytes,
            faults: self.faults + other.faults,
            gaps: self.gaps.and(other.gaps),
            silences: self.silences.and(other.silences),
            fault_us: self.fault_us.max(other.fault_us),
            worst_lag_us: self.worst_lag_us.max(other.worst_lag_us),
        }
    }

    /// How many gaps, of whatever.
    pub fn all_gaps(&self) -> u64 {
        self.gaps.count + self.silences.count
    }
}
