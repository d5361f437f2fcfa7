//! M06: a segment goes on where the one before it ends.

use super::known::{Found, Known, is_damaged, name, seconds, ticks_between, timed, times};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::{Content, Track};
use crate::session;
use crate::shown::counted;

/// Rounding of time stamps.
const ROUNDING_US: i64 = 1000;

pub fn judge(before: Option<&Known>, this: &Known, found: &mut Found) {
    if this.iframes_only || is_damaged(this.facts) || lacks_time(this) {
        return;
    }
    inside(this, found);
    let Some(before) = before.filter(|before| !is_damaged(before.facts) && !lacks_time(before))
    else {
        return;
    };
    // The first of several: they jump together.
    let jumps = timed(this.facts).filter_map(|track| {
        let same = |other: &&Track| other.id == track.id && other.kind == track.kind;
        let earlier = timed(before.facts).find(same)?;
        Some((track, off_us(this, earlier, track)?))
    });
    let mut jumps: Vec<_> = jumps.collect();
    jumps.sort_by_key(|(track, _)| track.kind);
    if let Some((track, off)) = jumps.first() {
        let (what, by) = match off.is_negative() {
            true => ("earlier", seconds(-off)),
            false => ("later", seconds(*off)),
        };
        let text = format!(
            "The {} of segment {} begins {by} {what} than that of the segment before it ends, without EXT-X-DISCONTINUITY",
            name(track.kind),
            this.sequence,
        );
        let broken = Broken::new("M06", text).kind(name(track.kind));
        found.push((
            this.sequence,
            broken.with("off_seconds", session::seconds(*off)),
        ));
    }
}

/// Time that jumps in a segment.
fn inside(this: &Known, found: &mut Found) {
    let breaks = |track: &&Track| track.times.is_some_and(|times| times.breaks > 0);
    if let Some(track) = timed(this.facts).find(breaks) {
        let count = track.times.map_or(0, |times| times.breaks);
        let text = format!(
            "The time stamps of the {} of segment {} jump {} inside it",
            name(track.kind),
            this.sequence,
            times(u64::from(count))
        );
        let broken = Broken::new("M06", text).kind("inside");
        found.push((this.sequence, broken.with("count", count)));
    } else if let Content::Fragments(facts) = &this.facts.content
        && facts.jumps > 0
    {
        let count = facts.jumps;
        let text = format!(
            "The time (tfdt) of {} in segment {} is not where the fragment before it ends",
            counted(u64::from(count), "fragment"),
            this.sequence
        );
        let broken = Broken::new("M06", text).kind("inside");
        found.push((this.sequence, broken.with("count", count)));
    }
}

/// By how much a track is off the end of the one before it, where that is more than a frame.
fn off_us(this: &Known, earlier: &Track, track: &Track) -> Option<i64> {
    let (before, now) = (earlier.times?, track.times?);
    // Of one frame nobody knows how long it is. Time that jumps inside is told already.
    if before.unit == 0 || before.breaks > 0 {
        return None;
    }
    let goes_round = this.facts.goes_round();
    let off = match earlier.timescale == track.timescale {
        true => track.us(ticks_between(
            before.end_latest,
            now.first_decode,
            goes_round,
        )),
        false => track.us(now.first_decode) - earlier.us(before.end_latest),
    };
    let frame = earlier.us(before.unit);
    (off.abs() > frame + ROUNDING_US).then_some(off)
}

fn lacks_time(known: &Known) -> bool {
    match &known.facts.content {
        Content::Fragments(facts) => facts.without_time > 0,
        Content::Packed(facts) => facts.time.is_none(),
        _ => false,
    }
}
