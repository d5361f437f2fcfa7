//! What is known of a segment, and what rules ask of it.

use crate::analysis::rules::broken::Broken;
use crate::media::facts::{ChunkFacts, Content, Track, TrackKind};
use crate::media::read::Init;

/// A media segment whose body is known, whole.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What its bytes say.
    pub facts: &'a ChunkFacts,
    /// What its initialization section says: none is in force, or it is not known.
    pub init: Option<&'a Init>,
    /// An EXT-X-MAP is in force.
    pub has_map: bool,
    /// Its media sequence number.
    pub sequence: u64,
    /// Its EXTINF.
    pub extinf_us: i64,
    /// What the last digit of its EXTINF is worth: 1,000,000 where it is written without a fraction.
    pub extinf_unit_us: i64,
    /// An EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// It has an EXT-X-GAP.
    pub gap: bool,
    /// The segment that is given as the one before it is the one before it: its number is less by one, in one epoch.
    pub follows: bool,
    /// Its playlist has EXT-X-I-FRAMES-ONLY.
    pub iframes_only: bool,
    /// EXT-X-INDEPENDENT-SEGMENTS is said, by its playlist or by the multivariant one.
    pub independent: bool,
}

/// What is wrong with a segment: its media sequence number, and what.
pub type Found = Vec<(u64, Broken)>;

/// A segment must go on where the other one ends.
pub fn follows(previous: &Known, this: &Known) -> bool {
    this.follows && !this.discontinuity && !this.gap && !previous.gap
}

/// From one time to another of the same track, in ticks: time stamps of 33 bits go round.
pub fn ticks_between(earlier: i64, later: i64, goes_round: bool) -> i64 {
    const ROUND: i64 = 1 << 33;
    let ticks = later.saturating_sub(earlier);
    if !goes_round {
        return ticks;
    }
    let ahead = ticks.rem_euclid(ROUND);
    if ahead < ROUND / 2 {
        ahead
    } else {
        ahead - ROUND
    }
}

/// Tracks of sound and pictures that have times.
pub fn timed(facts: &ChunkFacts) -> impl Iterator<Item = &Track> {
    facts
        .tracks()
        .iter()
        .filter(|track| track.kind != TrackKind::Other && track.timescale > 0)
        .filter(|track| track.times.is_some())
}

pub fn name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Other => "other",
    }
}

/// How often, in words.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Microseconds as seconds.
pub fn seconds(us: i64) -> String {
    format!("{:.3} s", us as f64 / 1e6)
}

/// Whether it lost packets, so that its times cannot be relied on.
pub fn is_damaged(facts: &ChunkFacts) -> bool {
    match &facts.content {
        Content::Transport(facts) => facts.sync_lost > 0 || facts.cut_bytes > 0 || facts.errors > 0,
        Content::Fragments(facts) => {
            facts.broken_at.is_some() || facts.cut_bytes > 0 || facts.not_read > 0
        }
        Content::Packed(_) | Content::Subtitles(_) | Content::NoMedia(_) | Content::NotRead => {
            false
        }
    }
}
