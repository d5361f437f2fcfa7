//! M08, M09: initialization sections, and what changes without a discontinuity.

use super::known::{Found, Known};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::media::facts::{ChunkFacts, Content, FragmentFacts, Track, TrackKind};
use crate::media::fragments::{InitFacts, InitTrack};
use crate::media::read::Init;
use crate::shown::counted;

/// Brands from before `iso6` (ISO 14496-12 annex E). Others may be compatible with it: CMAF, DASH, HLS.
const OLD: [&[u8; 4]; 19] = [
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"avc1", b"mp41", b"mp42", b"mp71", b"qt  ",
    b"M4V ", b"M4A ", b"M4P ", b"3gp4", b"3gp5", b"3gp6", b"3g2a", b"f4v ", b"MSNV",
];

pub fn judge(before: Option<&Known>, this: &Known, found: &mut Found) {
    let mut say = |broken: Broken| found.push((this.sequence, broken));
    if let Content::Fragments(facts) = &this.facts.content {
        match this.init {
            _ if facts.has_moov => {}
            Some(Init::Fragments(init)) => init_section(init, &mut say),
            Some(Init::Transport(_) | Init::Subtitles | Init::Unknown) => {
                let text = "The initialization section is none of fragments of MP4";
                say(Broken::new("M09", text).kind("init"));
            }
            None => {}
        }
        segment(this.sequence, facts, &mut say);
    }
    if let Some(before) = before {
        change(before, this, &mut say);
    }
}

/// M09, of the section.
fn init_section(init: &InitFacts, say: &mut impl FnMut(Broken)) {
    let mut wrong = |kind: &'static str, text: String| {
        say(Broken::new("M09", text).kind(kind));
    };
    let names = |brands: &[[u8; 4]]| -> Vec<String> {
        let name = |brand: &[u8; 4]| brand.escape_ascii().to_string();
        brands.iter().map(name).collect()
    };
    if init.brands.is_empty() {
        wrong(
            "brands",
            "The initialization section has no ftyp".to_owned(),
        );
    } else if init.brands.iter().all(|brand| OLD.contains(&brand)) {
        let brands = names(&init.brands).join(", ");
        wrong(
            "brands",
            format!("No brand of the initialization section is compatible with iso6: {brands}"),
        );
    }
    if !init.has_moov {
        wrong("moov", "The initialization section has no moov".to_owned());
        return;
    }
    if !init.has_mvex {
        wrong(
            "mvex",
            "The moov of the initialization section has no mvex".to_owned(),
        );
    }
    if let Some(track) = init.tracks.iter().find(|track| track.samples > 0) {
        let (id, samples) = (track.id, track.samples);
        wrong(
            "samples",
            format!(
                "The tables of track {id} in the initialization section have {}",
                counted(samples, "sample")
            ),
        );
    } else if init.has_media {
        wrong(
            "samples",
            "The initialization section has media in it".to_owned(),
        );
    }
}

/// M09, of the segment.
fn segment(sequence: u64, facts: &FragmentFacts, say: &mut impl FnMut(Broken)) {
    if let [first, ..] = *facts.unknown_tracks {
        let text = format!(
            "Segment {sequence} has fragments of track {first}, which the initialization section does not have"
        );
        say(Broken::new("M09", text).kind("track").with("track", first));
    }
    if facts.without_time > 0 {
        let count = facts.without_time;
        let text = format!(
            "Segment {sequence} has {} without a time (tfdt)",
            counted(u64::from(count), "track fragment")
        );
        say(Broken::new("M09", text).kind("tfdt").with("count", count));
    }
    if facts.absolute > 0 {
        let text = format!(
            "Segment {sequence} has addresses that are not relative to the fragment (base_data_offset)"
        );
        say(Broken::new("M09", text).kind("addresses"));
    }
}

/// M08.
fn change(before: &Known, this: &Known, say: &mut impl FnMut(Broken)) {
    let sequence = this.sequence;
    let without = "without EXT-X-DISCONTINUITY";
    let (Some(earlier), Some(now)) = (format(before), format(this)) else {
        return;
    };
    if earlier != now {
        let text = format!("Segment {sequence} is {now} behind {earlier}, {without}");
        say(Broken::new("M08", text).kind("format"));
        return;
    }
    let (earlier, now) = (tracks(before), tracks(this));
    if earlier.is_empty() || now.is_empty() {
        return;
    }
    let shape = |tracks: &[Shape]| -> Vec<(u32, TrackKind, u32)> {
        let shape = tracks.iter();
        shape.map(|one| (one.id, one.kind, one.format)).collect()
    };
    if shape(&earlier) != shape(&now) {
        let text = format!(
            "The tracks of segment {sequence} are not those of the segment before it, {without}"
        );
        say(Broken::new("M08", text).kind("tracks"));
        return;
    }
    let pairs = earlier.iter().zip(&now);
    let changed: Vec<String> = pairs
        .flat_map(|(earlier, now)| earlier.changes(now))
        .collect();
    if !changed.is_empty() {
        let changed = changed.join(", ");
        let text = format!("The encoding changes {changed} at segment {sequence}, {without}");
        say(Broken::new("M08", text)
            .kind("encoding")
            .severity(Severity::Should));
    }
}

fn format(known: &Known) -> Option<&'static str> {
    match known.facts.content {
        Content::Transport(_) => Some("a transport stream"),
        Content::Fragments(_) => Some("fragments of MP4"),
        Content::Packed(_) => Some("packed audio"),
        Content::Subtitles(_) => Some("WebVTT"),
        Content::NoMedia(_) | Content::NotRead => None,
    }
}

/// What may not change of a track, and what should not.
struct Shape<'a> {
    id: u32,
    kind: TrackKind,
    format: u32,
    codec: Option<&'a str>,
    size: Option<(u16, u16)>,
    /// Samples of sound in a second.
    rate: Option<u32>,
    /// Pictures in a thousand seconds, where they come at regular times.
    frames: Option<i64>,
}

impl Shape<'_> {
    /// What is another, each from what to what.
    fn changes(&self, now: &Self) -> Vec<String> {
        let pair = |earlier: Option<String>, now: Option<String>, unit: &str| {
            let (earlier, now) = (earlier?, now?);
            (earlier != now).then(|| format!("from {earlier} to {now}{unit}"))
        };
        let codec = |shape: &Self| shape.codec.map(str::to_owned);
        let size = |shape: &Self| {
            shape
                .size
                .map(|(width, height)| format!("{width}x{height}"))
        };
        let rate = |shape: &Self| shape.rate.map(|rate| rate.to_string());
        let frames = |shape: &Self| {
            let frames = shape.frames? as f64 / 1000.0;
            Some(format!("{}", (frames * 100.0).round() / 100.0))
        };
        // Time stamps are rounded.
        let (least, most) = match (self.frames, now.frames) {
            (Some(a), Some(b)) => (a.min(b), a.max(b)),
            _ => (0, 0),
        };
        let is_other = most.saturating_sub(least) > least / 50;
        let frames = is_other.then(|| pair(frames(self), frames(now), " frames/s"));
        let all = [
            pair(codec(self), codec(now), ""),
            pair(size(self), size(now), ""),
            frames.flatten(),
            pair(rate(self), rate(now), " Hz"),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Pictures in a thousand seconds; `None`: they do not come at regular times.
fn frame_rate(facts: &ChunkFacts, id: u32) -> Option<i64> {
    let mut tracks = facts.tracks().iter();
    let track = tracks.find(|track| track.id == id && track.kind == TrackKind::Video)?;
    let times = track
        .times
        .filter(|times| times.unit > 0 && times.breaks == 0)?;
    let steps = i64::try_from(times.units).ok()?.checked_sub(1)?;
    let all = times.last_decode.saturating_sub(times.first_decode);
    let off = all.saturating_sub(times.unit.saturating_mul(steps)).abs();
    let is_regular = steps > 2 && off <= times.unit / 2 && times.longest < times.unit * 2;
    let ticks = i64::from(track.timescale)
        .saturating_mul(1000)
        .saturating_mul(steps);
    is_regular.then(|| ticks.checked_div(all)).flatten()
}

/// Tracks of sound and pictures as they are announced: by the PMT, or the initialization section.
fn tracks<'a>(known: &Known<'a>) -> Vec<Shape<'a>> {
    let of_init = |track: &'a InitTrack| Shape {
        id: track.id,
        kind: track.kind(),
        format: u32::from_be_bytes(track.entry.name),
        codec: track.entry.codec.as_deref(),
        size: track.entry.size,
        rate: track.entry.rate,
        frames: frame_rate(known.facts, track.id),
    };
    let of_chunk = |track: &'a Track| Shape {
        id: track.id,
        kind: track.kind,
        format: track.format,
        codec: track.codec.as_deref(),
        size: None,
        rate: None,
        frames: frame_rate(known.facts, track.id),
    };
    let mut all: Vec<_> = match (&known.facts.content, known.init) {
        (Content::Transport(facts), _) => {
            let named = facts.tracks.iter().filter(|track| track.format != 0);
            named.map(of_chunk).collect()
        }
        (Content::Packed(facts), _) => vec![of_chunk(&facts.track)],
        (Content::Fragments(_), Some(Init::Fragments(init))) => {
            init.tracks.iter().map(of_init).collect()
        }
        _ => Vec::new(),
    };
    all.retain(|shape| shape.kind != TrackKind::Other);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_changes_is_told() {
        let shape = |codec, size, rate, frames| Shape {
            id: 1,
            kind: TrackKind::Video,
            format: 0,
            codec: Some(codec),
            size: Some(size),
            rate: Some(rate),
            frames: Some(frames),
        };
        let one = shape("avc1.42c00d", (320, 180), 48_000, 25_000);
        let other = shape("avc1.42c015", (426, 240), 44_100, 29_970);
        assert_eq!(
            one.changes(&other),
            [
                "from avc1.42c00d to avc1.42c015",
                "from 320x180 to 426x240",
                "from 25 to 29.97 frames/s",
                "from 48000 to 44100 Hz"
            ]
        );
        // Time stamps are rounded, and what is not known has not changed.
        let rounded = Shape {
            size: None,
            ..shape("avc1.42c00d", (0, 0), 48_000, 25_100)
        };
        assert_eq!(one.changes(&rounded), Vec::<String>::new());
    }
}
