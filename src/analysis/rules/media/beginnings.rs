//! M07, M12, M13, M15: what a segment begins with.

use super::known::{Found, Known, seconds, ticks_between, timed};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::media::facts::{Beginning, Content, Track, TrackKind};
use crate::media::read::Init;
use crate::session;

/// Sound and pictures may begin so far from each other.
const SKEW_US: i64 = 500_000;

pub fn judge(this: &Known, found: &mut Found) {
    let mut say = |broken: Broken| found.push((this.sequence, broken));
    if this.independent {
        picture(this, &mut say);
    }
    match &this.facts.content {
        Content::Packed(facts) if facts.time.is_none() => {
            let what = match facts.has_tag {
                true => "has an ID3 tag without the time of its first sample",
                false => "begins without an ID3 tag that has the time of its first sample",
            };
            let text = format!("Segment {} of packed audio {what}", this.sequence);
            say(Broken::new("M12", text));
        }
        Content::Subtitles(facts) => {
            let has_header = facts.has_header || this.has_map;
            let in_map = this.has_map && !matches!(this.init, Some(Init::Unknown));
            if !has_header {
                let text = format!("Segment {} has cues, and no WEBVTT header", this.sequence);
                say(Broken::new("M13", text).kind("header"));
            } else if facts.map.is_none() && !in_map {
                let text = format!("Segment {} has no X-TIMESTAMP-MAP", this.sequence);
                say(Broken::new("M13", text).kind("map"));
            }
        }
        Content::Transport(_) | Content::Fragments(_) if !this.iframes_only => {
            skew(this, &mut say);
        }
        _ => {}
    }
}

/// M07.
fn picture(this: &Known, say: &mut impl FnMut(Broken)) {
    let tracks = this.facts.tracks().iter();
    let begins = tracks
        .filter(|track| track.kind == TrackKind::Video)
        .find_map(|track| track.begins);
    let sequence = this.sequence;
    match begins {
        Some(Beginning::Dependent) => {
            let text = format!(
                "Segment {sequence} begins with a picture that needs others before it, though EXT-X-INDEPENDENT-SEGMENTS is said"
            );
            say(Broken::new("M07", text).kind("dependent"));
        }
        Some(Beginning::Recovery) => {
            let text = format!(
                "Segment {sequence} begins with a picture that decoding can begin with, but not with an IDR: pictures that follow may need others before it"
            );
            say(Broken::new("M07", text)
                .kind("recovery")
                .severity(Severity::Info));
        }
        Some(Beginning::RandomAccess) | None => {}
    }
}

/// M15.
fn skew(this: &Known, say: &mut impl FnMut(Broken)) {
    let first = |kind: TrackKind| -> Option<(&Track, i64)> {
        let track = timed(this.facts).find(|track| track.kind == kind)?;
        Some((track, track.times?.first_shown))
    };
    let (Some((video, seen)), Some((audio, heard))) =
        (first(TrackKind::Video), first(TrackKind::Audio))
    else {
        return;
    };
    let off = match video.timescale == audio.timescale {
        true => audio.us(ticks_between(seen, heard, this.facts.goes_round())),
        false => audio.us(heard) - video.us(seen),
    };
    if off.saturating_abs() > SKEW_US {
        let (what, by) = match off.is_negative() {
            true => ("before", seconds(-off)),
            false => ("behind", seconds(off)),
        };
        let text = format!(
            "The audio of segment {} begins {by} {what} its video",
            this.sequence
        );
        say(Broken::new("M15", text).with("off_seconds", session::seconds(off)));
    }
}
