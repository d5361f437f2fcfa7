//! Segments that no revision has listed: how many they were, and how long each. Pure.
//!
//! Their number is the origin's own word, their durations are what dates on both sides leave for them.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::hls::{InForce, Segment};

/// What was never listed for longer is a discontinuity and nothing else, in microseconds.
const LONGEST_US: i64 = 3_600_000_000;

/// What is known of the segment that was listed last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// Its place and this, wrapping around, is its media sequence number.
    number_offset: u64,
    /// Its Discontinuity Sequence Number.
    discontinuity: u64,
    duration: Option<Duration>,
}

/// Segments that a revision lists anew, and what it says of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) list: &'a [Segment],
    /// A place and this, wrapping around, is the media sequence number.
    pub(super) number_offset: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub(super) discontinuity_sequence: u64,
    pub(super) target_us: i64,
}

/// Segments that were never listed.
#[derive(Debug)]
pub(super) struct NeverListed {
    pub(super) segments: Vec<Segment>,
    /// There is a discontinuity behind them.
    pub(super) breaks: bool,
}

impl Edge {
    /// Behind what a revision lists anew. `before`: behind the one before, where this one goes on from there.
    pub(super) fn behind(before: Option<Self>, listed: &Listed<'_>) -> Option<Self> {
        let Some(last) = listed.list.last() else {
            return before;
        };
        let first = before.map_or(listed.discontinuity_sequence, |edge| edge.discontinuity);
        let discontinuities = listed
            .list
            .iter()
            .filter(|segment| segment.discontinuity)
            .count();
        Some(Self {
            number_offset: listed.number_offset,
            discontinuity: first.saturating_add(discontinuities as u64),
            duration: last.duration,
        })
    }

    /// What was never listed between it, which ends at `end_us` by dates, and the window that a revision lists; `next`: the
    /// place behind it. `None`: nobody knows how many they were, or how long.
    pub(super) fn to(self, (next, end_us): (u64, i64), listed: &Listed<'_>) -> Option<NeverListed> {
        let first = listed.list.first()?;
        let count = i64::try_from(first.sequence.checked_sub(next)?).ok()?;
        let length_us = begins_us(listed.list)?.checked_sub(end_us)?;
        if listed.number_offset != self.number_offset || !(1..=LONGEST_US).contains(&length_us) {
            return None;
        }
        let each_us = length_us.checked_div(count)?;
        let neighbours = [self.duration?, first.duration?];
        let least_us = neighbours.into_iter().min()?.as_micros() / 2;
        let most_us = listed.target_us.saturating_add(500_000);
        if u128::try_from(each_us).ok()? < least_us || each_us >= most_us {
            return None;
        }
        let now = listed
            .discontinuity_sequence
            .saturating_add(u64::from(first.discontinuity));
        // Less than there were is nonsense: that it goes on is not known.
        let breaks = now.checked_sub(self.discontinuity).unwrap_or(1);
        let ends = (0..=count).map(|n| i128::from(length_us) * i128::from(n) / i128::from(count));
        let ends: Vec<i64> = ends.map_while(|end_us| end_us.try_into().ok()).collect();
        let lengths = ends.windows(2).map(|two| two[1] - two[0]);
        let url = first.url.as_ref().and_then(named);
        let segments = lengths.zip(next..first.sequence).map(|(us, place)| {
            let is_break = first.sequence - place < breaks;
            missing((place, url.clone()), us, is_break)
        });
        Some(NeverListed {
            segments: segments.collect(),
            breaks: breaks > 0,
        })
    }
}

/// When the first one begins, by the first date of them and the durations before it.
fn begins_us(list: &[Segment]) -> Option<i64> {
    let mut before_us: i64 = 0;
    for (n, segment) in list.iter().enumerate() {
        if let Some(date_us) = segment.date_us.filter(|_| n == 0 || !segment.discontinuity) {
            return date_us.checked_sub(before_us);
        }
        if n > 0 && segment.discontinuity {
            return None;
        }
        let lasts_us = i64::try_from(segment.duration?.as_micros()).ok()?;
        before_us = before_us.checked_add(lasts_us)?;
    }
    None
}

/// A name for what has none. ffmpeg plays nothing of a list in which something is named otherwise than media is.
fn named(like: &Url) -> Option<Url> {
    let last = like.path().rsplit('/').next()?;
    let dot = last.rfind('.').and_then(|at| last.get(at..));
    let extension = dot.unwrap_or_default();
    like.join(&format!("never-listed{extension}")).ok()
}

fn missing((place, url): (u64, Option<Url>), length_us: i64, discontinuity: bool) -> Segment {
    let (seconds, rest_us) = (length_us / 1_000_000, length_us % 1_000_000);
    Segment {
        sequence: place,
        tags: vec![format!("#EXTINF:{seconds}.{rest_us:06},")],
        duration: u64::try_from(length_us).ok().map(Duration::from_micros),
        date_us: None,
        discontinuity,
        gap: true,
        url,
        range: None,
        in_force: Arc::new(InForce::default()),
    }
}
