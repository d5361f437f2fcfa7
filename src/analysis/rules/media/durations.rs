//! M05: how long a segment is, by its time stamps and by its EXTINF (RFC 8216bis 4.4.4.1).

use super::known::{Found, Known, is_damaged, name, seconds, ticks_between, timed};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::{Content, Times, Track, TrackKind};
use crate::session;

/// Rounding of time stamps.
const ROUNDING_US: i64 = 1000;
/// A track of one frame does not say how long one is.
const ONE_FRAME_US: i64 = 100_000;

/// A way to measure a segment: how long it is, and how far off EXTINF may be.
#[derive(Debug, Clone, Copy)]
struct Length {
    us: i64,
    frame_us: i64,
}

impl Length {
    fn off_us(self, this: &Known) -> i64 {
        (self.us - this.extinf_us).abs()
    }

    /// EXTINF is rounded to its last digit.
    fn fits(self, this: &Known) -> bool {
        self.off_us(this) <= self.frame_us + this.extinf_unit_us / 2 + ROUNDING_US
    }
}

/// EXTINF is that of pictures where there are some. Where it fits to one way in which the segment can be measured, be that by
/// its sound, it is right: what the last frame lasts is often to be seen by the next segment only, or by none.
pub fn judge(this: &Known, next: Option<&Known>, found: &mut Found) {
    let ways = ways(this, next);
    if ways.iter().any(|(_, length)| length.fits(this)) {
        return;
    }
    let nearest = ways.iter();
    let nearest = nearest.min_by_key(|(track, length)| (track.kind, length.off_us(this)));
    if let Some((track, length)) = nearest {
        found.push((this.sequence, broken(this, track, *length)));
    }
}

/// The nearest length to EXTINF that a segment can be said to have, where EXTINF fits to it; and what a frame of it lasts.
pub(super) fn nearest_us(this: &Known, next: Option<&Known>) -> Option<(i64, i64)> {
    let ways = ways(this, next).into_iter().map(|(_, length)| length);
    let nearest = ways.min_by_key(|length| length.off_us(this))?;
    nearest.fits(this).then_some((nearest.us, nearest.frame_us))
}

/// How long a segment plays, where that is not what EXTINF says by more than a frame, in microseconds.
pub fn played_us(this: &Known, next: Option<&Known>) -> Option<i64> {
    let ways = ways(this, next);
    let is_right =
        |(_, length): &(&Track, Length)| length.off_us(this) <= length.frame_us + ROUNDING_US;
    if ways.iter().any(is_right) {
        return None;
    }
    let ways = ways.into_iter();
    let nearest = ways.min_by_key(|(track, length)| (track.kind, length.off_us(this)));
    nearest.map(|(_, length)| length.us)
}

/// All ways in which a segment can be measured; none: its times cannot be relied on.
fn ways<'a>(this: &Known<'a>, next: Option<&Known>) -> Vec<(&'a Track, Length)> {
    let mut ways = Vec::new();
    if this.gap || this.iframes_only || is_damaged(this.facts) || lacks_time(this) {
        return ways;
    }
    let mut tracks = timed(this.facts).filter_map(|track| track.times);
    if tracks.any(|times| times.breaks > 0) {
        return ways;
    }
    for track in timed(this.facts) {
        let Some(times) = track.times else { continue };
        if next.is_none() && is_irregular(times) {
            return Vec::new();
        }
        let lengths = lengths(this, track, times, next).into_iter();
        ways.extend(lengths.map(|length| (track, length)));
    }
    ways
}

fn broken(this: &Known, track: &Track, length: Length) -> Broken {
    let text = format!(
        "Segment {} plays for {} by the time stamps of its {}, and EXTINF says {}",
        this.sequence,
        seconds(length.us),
        name(track.kind),
        seconds(this.extinf_us)
    );
    Broken::new("M05", text)
        .kind(if track.kind == TrackKind::Video {
            "video"
        } else {
            "audio"
        })
        .worse(length.off_us(this))
        .with("measured_seconds", session::seconds(length.us))
        .with("extinf_seconds", session::seconds(this.extinf_us))
}

/// Fragments without `tfdt` have no times.
fn lacks_time(this: &Known) -> bool {
    matches!(&this.facts.content, Content::Fragments(facts) if facts.without_time > 0 || facts.jumps > 0)
}

/// All that the segment could be said to last, by a track of it.
fn lengths(this: &Known, track: &Track, times: Times, next: Option<&Known>) -> Vec<Length> {
    let goes_round = this.facts.goes_round();
    let following = next.and_then(|next| following(track, next));
    let mut all = Vec::with_capacity(8);
    let frame_us = match times.unit {
        0 => ONE_FRAME_US,
        unit => track.us(unit),
    };
    let mut add = |ticks: i64| {
        all.push(Length {
            us: track.us(ticks),
            frame_us,
        });
    };
    if let Some(next) = following {
        let between = |earlier, later| ticks_between(earlier, later, goes_round);
        add(between(times.first_decode, next.first_decode));
        add(between(times.first_shown, next.first_shown));
        add(between(times.earliest_shown, next.earliest_shown));
    }
    if times.unit > 0 {
        let shown = times.latest_shown.saturating_add(times.unit);
        add(times.end_latest.saturating_sub(times.first_decode));
        add(shown.saturating_sub(times.earliest_shown));
        add(shown.saturating_sub(times.first_shown));
        // ffmpeg cuts the first segment of an open GOP so, and gives it the duration of one that has all its pictures.
        if !goes_round {
            add(shown.saturating_sub(times.first_decode));
        }
    }
    all
}

/// Frames come at irregular times: the longest says nothing of the last one.
fn is_irregular(times: Times) -> bool {
    let steps = i64::try_from(times.units).unwrap_or(i64::MAX) - 1;
    let all = times.last_decode.saturating_sub(times.first_decode);
    times.unit == times.longest && times.longest.saturating_mul(steps) > all.saturating_add(all / 2)
}

/// The times of the same track in the next segment.
fn following(track: &Track, next: &Known) -> Option<Times> {
    let same = timed(next.facts).find(|other| {
        other.id == track.id && other.kind == track.kind && other.timescale == track.timescale
    });
    same.and_then(|track| track.times)
}
