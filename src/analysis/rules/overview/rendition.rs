//! A media playlist over the whole session: what it listed, what came of it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::fetched::Item;
use super::keys::KeyDistances;
use super::series::Series;
use super::viewer::{Watch, Watched};
use crate::analysis::finding::Evidence;
use crate::analysis::rules::playlist::{Playlist, Segment};
use crate::hls::{attributes, lines};
use crate::media::facts::{ChunkFacts, Content, Track, TrackKind};

/// Values that are told apart.
const MOST_VALUES: usize = 16;

/// A media playlist over the whole session. Series are in seconds, where nothing else is said.
#[derive(Debug, Default, Clone)]
pub struct Rendition {
    /// Row of `resource`.
    pub id: i64,
    /// Name of its stream.
    pub stream: String,
    /// URL path without the leading slash.
    pub name: String,
    /// Its absolute URL.
    pub url: String,
    /// Its target duration as it was told last, in microseconds.
    pub target_us: Option<i64>,
    /// PART-TARGET as it was told last, in microseconds.
    pub part_target_us: Option<i64>,
    /// Segments that it listed.
    pub segments: u64,
    /// The shortest EXTINF, and the longest one, in microseconds.
    pub told_us: Option<(i64, i64)>,
    /// Discontinuities.
    pub discontinuities: u64,
    /// EXT-X-GAP.
    pub gaps: u64,
    /// Methods of its keys.
    pub methods: BTreeSet<String>,
    /// IDs of its EXT-X-DATERANGEs: how many were told apart, 1000 at most.
    pub date_ranges: BTreeSet<String>,
    /// Texts that have an EXT-X-CUE or the like.
    pub cues: u64,
    /// Splices that its media carry (SCTE-35).
    pub splices: u64,
    /// What its media are, by their tracks, and the first segment of each.
    pub codecs: BTreeMap<String, Evidence>,
    /// How far apart its random access points are.
    pub keys: KeyDistances,
    /// When it listed something new, and for how long it had not.
    pub advances: Series,
    /// From when to when nothing new had come at the end, in microseconds of Unix time.
    pub open_us: Option<(i64, i64)>,
    /// EXTINF, when it was listed.
    pub told: Series,
    /// How long segments are by their time stamps, when they were listed.
    pub measured: Series,
    /// How long segments took to fetch, when they were there.
    pub fetched: Series,
    /// Bits per second of each segment by its EXTINF, when it was there.
    pub rates: Series,
    /// How far the end of the playlist is behind the recorder's clock by EXT-X-PROGRAM-DATE-TIME.
    pub edge: Series,
    /// Bytes of its segments, and how long these are, in microseconds.
    pub weight: (u64, i64),
    /// Its segments that never came, and those that were not asked for.
    pub not_come: (u64, u64),
    /// Times without a new segment that are the origin's (T07); `None`: nobody looked for them.
    pub late: Option<u64>,
    /// What it listed, ...
    pub watch: Watch,
    /// ... and who plays it as it came.
    pub viewer: Watched,
}

/// A segment that came.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// When it was asked for, in microseconds of Unix time.
    pub requested_us: i64,
    /// When it was there.
    pub at_us: i64,
    /// Its size.
    pub bytes: u64,
    /// Its EXTINF, in microseconds.
    pub duration_us: i64,
}

impl Rendition {
    /// Takes in a text, of which segments from `fresh` on are new. `ends_us`: when its last segment ends by its dates; `since_us`: how
    /// long nothing new was listed before it; `None`: it brings nothing new.
    pub fn text(
        &mut self,
        now: &Playlist,
        fresh: usize,
        seen_us: i64,
        since_us: Option<i64>,
        ends_us: Option<i64>,
    ) {
        self.target_us = now.target_us.or(self.target_us);
        self.part_target_us = now.part_target_us.or(self.part_target_us);
        if let Some(since_us) = since_us {
            self.advances.push(seen_us, seconds(since_us));
        }
        if let Some(ends_us) = ends_us.filter(|_| now.is_live()) {
            let behind_us = seen_us.saturating_sub(ends_us);
            self.edge.push(seen_us, seconds(behind_us));
        }
        let longest_us = now.segments.iter().map(|segment| segment.duration_us).max();
        if let Some(target_us) =
            (now.target_us.or(longest_us)).filter(|_| self.segments == 0 && now.is_live())
        {
            self.watch.comes(now.duration_us(), target_us);
        }
        self.watch.ends(now.ended);
        let fresh = now.segments.get(fresh..).unwrap_or_default();
        if fresh.is_empty() {
            return;
        }
        for segment in fresh {
            self.segments += 1;
            self.discontinuities += u64::from(segment.discontinuity);
            self.gaps += u64::from(segment.gap);
            let us = segment.duration_us;
            let (least, most) = self.told_us.unwrap_or((us, us));
            self.told_us = Some((least.min(us), most.max(us)));
            self.told.push(seen_us, seconds(us));
        }
        self.tags(now);
    }

    /// Takes in the names of its new segments, in their order; of a window of which everything is new, `jumped`.
    pub fn lists(&mut self, fresh: &[Segment], names: &[Option<u64>], seen_us: i64, jumped: bool) {
        for (segment, name) in fresh.iter().zip(names) {
            self.watch.lists(Item {
                name: *name,
                listed_us: seen_us,
                duration_us: segment.duration_us,
                is_gap: segment.gap,
                jumped,
            });
        }
    }

    /// The target duration, or the longest EXTINF where there is none that can be, in microseconds: what lateness and buffers are
    /// measured by.
    pub fn unit_us(&self) -> i64 {
        let longest_us = self.told_us.map(|(_, longest_us)| longest_us);
        self.target_us.or(longest_us).unwrap_or(0)
    }

    fn tags(&mut self, now: &Playlist) {
        for span in &now.in_force {
            let line = now.text.get(span.clone()).unwrap_or_default();
            let tag = lines(line).next().and_then(|line| line.tag());
            if let Some(tag) = tag.filter(|tag| tag.name == b"#EXT-X-KEY") {
                insert(&mut self.methods, value(tag.value, b"METHOD"), MOST_VALUES);
            }
        }
        for span in &now.date_ranges {
            let line = now.text.get(span.clone()).unwrap_or_default();
            insert(&mut self.date_ranges, value(line, b"ID"), 1000);
        }
        let has_cue = memchr::memmem::find(&now.text, b"#EXT-X-CUE").is_some()
            || memchr::memmem::find(&now.text, b"#EXT-OATCLS-SCTE35").is_some();
        self.cues += u64::from(has_cue);
    }

    /// Takes in what the bytes of a segment say that an exchange brought, and when it was listed. `goes_on`: it directly follows the one before, and time
    /// stamps go on.
    pub fn media(&mut self, facts: &ChunkFacts, at: Evidence, goes_on: bool) {
        self.keys.take(facts, goes_on);
        let tracks = facts.tracks().iter();
        let length_us = tracks.filter_map(length).min_by_key(|(kind, _)| *kind);
        if let Some((_, length_us)) = length_us {
            self.measured.push(at.at_us, seconds(length_us));
        }
        for track in facts.tracks() {
            let codec = track.codec.as_deref().map(str::to_owned);
            if let Some(codec) = codec.filter(|_| self.codecs.len() < MOST_VALUES) {
                self.codecs.entry(codec).or_insert(at);
            }
        }
        if let Content::Transport(facts) = &facts.content {
            self.splices += facts.cues.len() as u64;
        }
    }

    /// Takes in a segment that came, whole.
    pub fn came(&mut self, came: &Came) {
        let took_us = came.at_us.saturating_sub(came.requested_us);
        self.fetched.push(came.at_us, seconds(took_us));
        if came.duration_us > 0 {
            let bits = came.bytes as f64 * 8.0;
            self.rates
                .push(came.at_us, bits / seconds(came.duration_us));
            self.weight.0 = self.weight.0.saturating_add(came.bytes);
            self.weight.1 = self.weight.1.saturating_add(came.duration_us);
        }
    }

    /// Its numbers over time and its stalls between two moments, in microseconds of Unix time; all else is of the whole session.
    #[must_use]
    pub fn within(&self, span_us: (i64, i64)) -> Self {
        Self {
            advances: self.advances.within(span_us),
            open_us: (self.open_us)
                .map(|(from_us, until_us)| (from_us.max(span_us.0), until_us.min(span_us.1)))
                .filter(|(from_us, until_us)| from_us < until_us),
            told: self.told.within(span_us),
            measured: self.measured.within(span_us),
            fetched: self.fetched.within(span_us),
            rates: self.rates.within(span_us),
            edge: self.edge.within(span_us),
            viewer: self.viewer.within(span_us),
            ..self.clone()
        }
    }

    /// Bits per second of all its segments; `None`: none came.
    pub fn mean_rate(&self) -> Option<f64> {
        (self.weight.1 > 0).then(|| self.weight.0 as f64 * 8.0 / seconds(self.weight.1))
    }
}

/// How long a track is, as far as that can be seen of itself.
fn length(track: &Track) -> Option<(TrackKind, i64)> {
    let times = track.times.filter(|times| times.breaks == 0)?;
    if track.kind == TrackKind::Other || track.timescale == 0 {
        return None;
    }
    let ticks = times.end_latest.saturating_sub(times.first_decode);
    Some((track.kind, track.us(ticks)))
}

fn value(list: &[u8], name: &[u8]) -> Option<String> {
    let mut values = attributes(list).filter(|attribute| attribute.name == name);
    let text = String::from_utf8_lossy(values.next()?.value);
    Some(text.chars().take(80).collect())
}

fn insert(values: &mut BTreeSet<String>, value: Option<String>, most: usize) {
    if let Some(value) = value.filter(|_| values.len() < most) {
        values.insert(value);
    }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playlist(text: &str) -> Playlist {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n";
        Playlist::read(format!("{head}{text}").into())
    }

    #[test]
    fn a_rendition_is_what_its_texts_list() {
        let mut rendition = Rendition::default();
        let text = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"2026-11-29T10:00:00Z\"\n\
            #EXTINF:4,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.5,\nb.ts\n";
        rendition.text(&playlist(text), 0, 5_000_000, None, Some(1_000_000));
        rendition.text(&playlist(text), 2, 6_000_000, None, None);
        assert_eq!((rendition.segments, rendition.discontinuities), (2, 1));
        assert_eq!(rendition.told_us, Some((2_500_000, 4_000_000)));
        assert!(rendition.methods.contains("AES-128") && rendition.date_ranges.contains("ad"));
        assert_eq!(rendition.edge.largest(), Some(4.0));
    }

    #[test]
    fn a_rate_is_of_bytes_and_duration() {
        let mut rendition = Rendition::default();
        rendition.came(&Came {
            requested_us: 0,
            at_us: 500_000,
            bytes: 1_000_000,
            duration_us: 4_000_000,
        });
        assert_eq!(rendition.mean_rate(), Some(2_000_000.0));
        assert_eq!(rendition.fetched.largest(), Some(0.5));
    }
}
