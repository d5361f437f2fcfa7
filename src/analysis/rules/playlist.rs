//! A text of a playlist, as rules look at it: read once, then asked by all of them. Pure.
//!
//! What it lists comes of [`items`], which alone interprets tags of media playlists; this adds what only a judge needs.

use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use crate::hls::MOST_KEYS;
use crate::hls::items::{Content, KeyOrMap, PartItem, SegmentItem, items};
use crate::hls::steps::step;
use crate::hls::target_duration;
use crate::hls::{ByteRange, Line, PlaylistKind, Tag, attributes, lines, playlist_kind};

/// `EXT-X-PLAYLIST-TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// EVENT.
    Event,
    /// VOD.
    Vod,
}

/// A media segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Where its URI stands in the text, in bytes.
    pub uri: Range<usize>,
    /// EXTINF, in microseconds; 0 without one that can be read.
    pub duration_us: i64,
    /// What the last digit of EXTINF is worth, in microseconds.
    pub duration_unit_us: i64,
    /// EXT-X-BYTERANGE.
    pub range: Option<ByteRange>,
    /// EXT-X-GAP.
    pub gap: bool,
    /// EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
    /// EXT-X-PROGRAM-DATE-TIME of its own, in microseconds of Unix time.
    pub date_us: Option<i64>,
    /// Of the keys that apply: METHOD, URI without its query, KEYFORMAT, IV. Equal keys have equal numbers.
    pub keys: u64,
    /// Of the map that applies: URI without its query, and range; 0: none does.
    pub map: u64,
    /// Of its URI without query and fragment, and its range.
    pub name: u64,
    /// How many parts of it are listed.
    pub parts: u32,
    /// EXT-X-BITRATE that applies to it, in kilobits per second; never to a range (RFC 8216bis 4.4.4.8).
    pub bitrate: Option<u64>,
    /// Where the EXT-X-KEY stands that applies to it, of KEYFORMAT identity: index in [`Playlist::in_force`].
    pub key_tag: Option<usize>,
    /// Where the EXT-X-MAP stands that applies to it, likewise.
    pub map_tag: Option<usize>,
}

/// A partial segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Index of the segment that it is a part of.
    pub index: usize,
    /// DURATION, in microseconds.
    pub duration_us: i64,
    /// GAP=YES.
    pub gap: bool,
    /// INDEPENDENT=YES.
    pub independent: bool,
}

/// A text.
#[derive(Debug, Clone)]
pub struct Playlist {
    /// What it was read from.
    pub text: Vec<u8>,
    /// Which of the two; `None`: it is none.
    pub kind: Option<PlaylistKind>,
    /// EXT-X-VERSION.
    pub version: Option<u64>,
    /// EXT-X-TARGETDURATION, in microseconds; `None`: there is none, or none that can be (P05).
    pub target_us: Option<i64>,
    /// What it says of it, by where that stands in the text.
    pub target_written: Option<Range<usize>>,
    /// EXT-X-MEDIA-SEQUENCE, the largest number there is for one that is above that.
    pub media_sequence: Option<u64>,
    /// EXT-X-DISCONTINUITY-SEQUENCE, likewise.
    pub discontinuity_sequence: Option<u64>,
    /// What these two say where it is no number of 64 bits (RFC 8216bis 4.2), by where it stands in the text.
    pub no_numbers: Vec<Range<usize>>,
    /// EXT-X-PLAYLIST-TYPE.
    pub list_type: Option<ListType>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
    /// EXT-X-I-FRAMES-ONLY.
    pub i_frames_only: bool,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent: bool,
    /// PART-TARGET, in microseconds.
    pub part_target_us: Option<i64>,
    /// How many segments an EXT-X-SKIP stands for.
    pub skipped: u64,
    /// Its segments, in order.
    pub segments: Vec<Segment>,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// Values of its EXT-X-DATERANGEs, by where they stand in the text.
    pub date_ranges: Vec<Range<usize>>,
    /// Lines of EXT-X-KEY and EXT-X-MAP, by where they stand in the text.
    pub in_force: Vec<Range<usize>>,
    /// Where its lines end, once a number of one is asked for.
    line_ends: OnceCell<Vec<usize>>,
    /// Its tags, once they are asked for; `None`: there are too many to be remembered.
    tags: OnceCell<Option<Vec<TagSpan>>>,
}

/// Where a tag stands in a text: its name, and its value. The texts that are remembered have less than 4 GiB.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TagSpan {
    name: Range<u32>,
    value: Range<u32>,
}

/// Tags of a text that are remembered: all rules ask for them. Of a text with more they are read each time.
const MOST_TAGS: usize = 512;

impl Playlist {
    /// Reads a text.
    pub fn read(text: Vec<u8>) -> Self {
        let mut playlist = Self {
            kind: playlist_kind(&text),
            text: Vec::new(),
            version: None,
            target_us: None,
            target_written: None,
            media_sequence: None,
            discontinuity_sequence: None,
            no_numbers: Vec::new(),
            list_type: None,
            ended: false,
            i_frames_only: false,
            independent: false,
            part_target_us: None,
            skipped: 0,
            segments: Vec::new(),
            parts: Vec::new(),
            date_ranges: Vec::new(),
            in_force: Vec::new(),
            line_ends: OnceCell::new(),
            tags: OnceCell::new(),
        };
        Reader {
            playlist: &mut playlist,
            text: &text,
            keys: Vec::new(),
            keys_hash: 0,
            map: 0,
            parts: 0,
            range_end: None,
            unit_us: WHOLE_US,
            key_tag: None,
            map_tag: None,
            bitrate: None,
        }
        .read();
        playlist.text = text;
        playlist
    }

    /// EXT-X-MEDIA-SEQUENCE, 0 without one.
    pub fn first_number(&self) -> u64 {
        self.media_sequence.unwrap_or(0)
    }

    /// The media sequence number of a segment.
    pub fn number(&self, index: usize) -> u64 {
        self.first_number().wrapping_add(index as u64)
    }

    /// Whether numbers of segments and of discontinuities can be compared with those of another text: none of them is beyond
    /// 64 bits.
    pub fn has_numbers(&self) -> bool {
        self.no_numbers.is_empty() && !self.runs_over() && !self.discontinuities_run_over()
    }

    /// Whether its last discontinuity would have a number beyond 64 bits.
    pub fn discontinuities_run_over(&self) -> bool {
        let tags = self.segments.iter().filter(|one| one.discontinuity).count() as u64;
        let first = self.discontinuity_sequence.unwrap_or(0);
        first.checked_add(tags).is_none()
    }

    /// Whether its last segment would have a media sequence number beyond 64 bits.
    pub fn runs_over(&self) -> bool {
        let last = (self.segments.len() as u64).saturating_sub(1);
        self.first_number().checked_add(last).is_none()
    }

    /// The number that a tag states; it is noted where it states none.
    fn sequence(&mut self, tag: Tag<'_>) -> Option<u64> {
        let number = integer(tag.value);
        // A text of such lines alone is none that anybody needs to know all of.
        if number.is_none() && self.no_numbers.len() < MOST_KEYS {
            self.no_numbers.push(tag.start..tag.start + tag.value.len());
        }
        number.or_else(|| is_digits(tag.value).then_some(u64::MAX))
    }

    /// The number of the line in which a byte stands, from 1.
    pub fn line(&self, byte: usize) -> usize {
        let ends = || memchr::memchr_iter(b'\n', &self.text).inspect(|_| step());
        let ends = self.line_ends.get_or_init(|| ends().collect());
        ends.partition_point(|end| *end < byte) + 1
    }

    /// How long its segments are together, in microseconds.
    pub fn duration_us(&self) -> i64 {
        let lengths = self.segments.iter().map(|segment| segment.duration_us);
        lengths.fold(0, i64::saturating_add)
    }

    /// Bytes that it takes, about.
    pub fn bytes_held(&self) -> usize {
        let spans = self.date_ranges.capacity() + self.in_force.capacity();
        let spans = spans + self.no_numbers.capacity();
        let tags = self.tags.get().and_then(Option::as_ref);
        self.text.capacity()
            + self.segments.capacity() * size_of::<Segment>()
            + self.parts.capacity() * size_of::<Part>()
            + spans * size_of::<Range<usize>>()
            + tags.map_or(0, Vec::capacity) * size_of::<TagSpan>()
    }

    /// Its tags.
    pub fn tags(&self) -> impl Iterator<Item = Tag<'_>> {
        let known = self.tags.get_or_init(|| tag_spans(&self.text));
        let read = known.is_none().then(|| lines(&self.text));
        let read = read.into_iter().flatten().filter_map(|line| line.tag());
        let part = |span: &Range<u32>| {
            let part = self.text.get(span.start as usize..span.end as usize);
            part.unwrap_or_default()
        };
        let known = known.iter().flatten().map(move |span| {
            step();
            Tag {
                name: part(&span.name),
                value: part(&span.value),
                start: span.value.start as usize,
            }
        });
        known.chain(read)
    }

    /// Whether a segment is one of fragments of MP4 by its name, and no EXT-X-MAP applies to it (RFC 8216bis 3.1.2).
    pub fn lacks_map(&self, index: usize) -> bool {
        let segment = self.segments.get(index).filter(|one| one.map == 0);
        let Some(segment) = segment.filter(|_| !self.i_frames_only) else {
            return false;
        };
        let uri = self.text.get(segment.uri.clone()).unwrap_or_default();
        let path = without_query(uri);
        let has_dot = |behind: usize| {
            let at = path.len().checked_sub(behind);
            at.and_then(|at| path.get(at)) == Some(&b'.')
        };
        // All of them have three or four letters behind it.
        (has_dot(4) || has_dot(5))
            && FRAGMENTED.iter().any(|end| {
                let tail = path
                    .len()
                    .checked_sub(end.len())
                    .and_then(|at| path.get(at..));
                tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
            })
    }

    /// Whether it is a media playlist that goes on.
    pub fn is_live(&self) -> bool {
        self.kind == Some(PlaylistKind::Media)
            && !self.ended
            && self.list_type != Some(ListType::Vod)
    }
}

/// Where the tags of a text stand; `None`: they are too many.
fn tag_spans(text: &[u8]) -> Option<Vec<TagSpan>> {
    let mut spans = Vec::new();
    for line in lines(text) {
        let Some(tag) = line.tag() else { continue };
        if spans.len() >= MOST_TAGS {
            return None;
        }
        let begins = line.trimmed().0.start;
        let ends = tag.start + tag.value.len();
        let number = |at: usize| u32::try_from(at).ok();
        spans.push(TagSpan {
            name: number(begins)?..number(begins + tag.name.len())?,
            value: number(tag.start)?..number(ends)?,
        });
    }
    Some(spans)
}

/// Names of files of fragmented MP4.
const FRAGMENTED: [&str; 6] = [".m4s", ".mp4", ".cmfv", ".cmfa", ".cmft", ".m4v"];

struct Reader<'a> {
    playlist: &'a mut Playlist,
    text: &'a [u8],
    /// Keys that apply, by KEYFORMAT.
    keys: Vec<(Vec<u8>, u64)>,
    keys_hash: u64,
    map: u64,
    /// Parts of the segment that comes next.
    parts: u32,
    /// The last range: of which resource, and where it ended.
    range_end: Option<(u64, u64)>,
    unit_us: i64,
    key_tag: Option<usize>,
    map_tag: Option<usize>,
    bitrate: Option<u64>,
}

/// What the last digit of a whole number of seconds is worth, in microseconds.
const WHOLE_US: i64 = 1_000_000;

impl Reader<'_> {
    fn read(mut self) {
        let text = self.text;
        if self.playlist.kind != Some(PlaylistKind::Media) {
            for tag in lines(text).filter_map(|line| line.tag()) {
                self.playlist_tag(tag);
            }
            return;
        }
        for item in items(text) {
            match item.content {
                Content::Playlist(tag) => self.playlist_tag(tag),
                Content::Key(line, key) => self.key_in_force(&line, &key),
                Content::Map(line, map) => self.map_in_force(&line, &map),
                Content::Part(part) => self.part(&part),
                Content::Skip => self.playlist.skipped = item.index,
                Content::DateRange(line) => {
                    if let Some(tag) = line.tag() {
                        let span = tag.start..tag.start + tag.value.len();
                        self.playlist.date_ranges.push(span);
                    }
                }
                Content::SegmentTag(line) => {
                    if let Some(value) = line.text.strip_prefix(b"#EXTINF:") {
                        self.unit_us = unit_us(value);
                    } else if let Some(value) = line.text.strip_prefix(b"#EXT-X-BITRATE:") {
                        let value = std::str::from_utf8(value).unwrap_or_default();
                        self.bitrate = value.trim().parse().ok().filter(|rate| *rate > 0);
                    }
                }
                Content::Hint(_) | Content::Report => {}
                Content::Segment(_) if item.is_left_out => {}
                Content::Segment(segment) => self.segment(segment),
            }
        }
    }

    fn key_in_force(&mut self, line: &Line<'_>, key: &KeyOrMap<'_>) {
        self.key(key);
        if key.ends_keys() {
            self.key_tag = None;
        } else if key.key_format() == b"identity" {
            self.key_tag = Some(self.stands(line));
        }
    }

    fn map_in_force(&mut self, line: &Line<'_>, map: &KeyOrMap<'_>) {
        self.map_tag = Some(self.stands(line));
        let uri = map.uri().map(|(uri, _)| without_query(uri));
        self.map = hash(&(uri, map.byte_range())) | 1;
    }

    fn part(&mut self, part: &PartItem<'_>) {
        self.parts = self.parts.saturating_add(1);
        let index = self.playlist.segments.len();
        self.playlist.parts.push(Part {
            index,
            duration_us: part.duration.map_or(0, crate::clock::micros),
            gap: part.gap,
            independent: part.independent,
        });
    }

    fn segment(&mut self, segment: SegmentItem<'_>) {
        let path = without_query(segment.written);
        let resource = hash(&path);
        let last = self.range_end.filter(|(of, _)| *of == resource);
        let range = segment
            .range
            .and_then(|range| range.resolve(last.map(|(_, end)| end)));
        self.range_end = range.map(|range| (resource, range.end()));
        self.playlist.segments.push(Segment {
            duration_us: segment.duration.map_or(0, crate::clock::micros),
            duration_unit_us: std::mem::replace(&mut self.unit_us, WHOLE_US),
            range,
            gap: segment.gap,
            discontinuity: segment.discontinuity,
            date_us: segment.date_us(),
            keys: self.keys_hash,
            map: self.map,
            name: hash(&(path, range)),
            parts: std::mem::take(&mut self.parts),
            bitrate: self.bitrate.filter(|_| segment.range.is_none()),
            key_tag: self.key_tag,
            map_tag: self.map_tag,
            uri: segment.span,
        });
    }

    fn stands(&mut self, line: &Line<'_>) -> usize {
        self.playlist.in_force.push(line.span.clone());
        self.playlist.in_force.len() - 1
    }

    fn playlist_tag(&mut self, tag: Tag<'_>) {
        let playlist = &mut self.playlist;
        match tag.name {
            b"#EXT-X-VERSION" => playlist.version = integer(tag.value),
            b"#EXT-X-TARGETDURATION" => {
                let whole = integer(tag.value).and_then(|_| target_duration(tag.value));
                playlist.target_us = whole.map(crate::clock::micros);
                playlist.target_written = Some(tag.start..tag.start + tag.value.len());
            }
            b"#EXT-X-MEDIA-SEQUENCE" => playlist.media_sequence = playlist.sequence(tag),
            b"#EXT-X-DISCONTINUITY-SEQUENCE" => {
                playlist.discontinuity_sequence = playlist.sequence(tag);
            }
            b"#EXT-X-PLAYLIST-TYPE" => {
                playlist.list_type = match tag.value {
                    b"EVENT" => Some(ListType::Event),
                    b"VOD" => Some(ListType::Vod),
                    _ => None,
                }
            }
            b"#EXT-X-ENDLIST" => playlist.ended = true,
            b"#EXT-X-I-FRAMES-ONLY" => playlist.i_frames_only = true,
            b"#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent = true,
            b"#EXT-X-PART-INF" => playlist.part_target_us = seconds_us(tag, b"PART-TARGET"),
            _ => {}
        }
    }

    fn key(&mut self, key: &KeyOrMap<'_>) {
        if key.ends_keys() {
            self.keys.clear();
        } else {
            let format = key.key_format().to_vec();
            let uri = key.uri().map(|(uri, _)| without_query(uri));
            let number = hash(&(key.method(), uri, &format, key.iv()));
            self.keys.retain(|(other, _)| *other != format);
            // Players know some ten of them.
            if self.keys.len() < MOST_KEYS {
                self.keys.push((format, number));
                self.keys.sort();
            }
        }
        self.keys_hash = match self.keys.is_empty() {
            true => 0,
            false => hash(&self.keys) | 1,
        };
    }
}

/// What the last digit of a number of seconds is worth, in microseconds.
fn unit_us(value: &[u8]) -> i64 {
    let mut rest = value.splitn(2, |b| *b == b'.').skip(1);
    let fraction = rest.next().unwrap_or_default();
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).take(6);
    digits.fold(WHOLE_US, |unit_us, _| unit_us / 10)
}

/// A decimal-integer as it is written; `None`: it is none.
pub fn integer(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    is_digits(text.as_bytes()).then(|| text.parse().ok())?
}

/// Whether it is digits and nothing else: a decimal-integer, but for its size (RFC 8216bis 4.2).
pub fn is_digits(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// A number of seconds of an attribute, in microseconds.
pub fn seconds_us(tag: Tag<'_>, name: &[u8]) -> Option<i64> {
    let mut values = attributes(tag.value).filter(|attribute| attribute.name == name);
    let text = std::str::from_utf8(values.next()?.value).ok()?;
    micros(text.trim().parse().ok()?)
}

/// Seconds in microseconds.
#[allow(clippy::cast_possible_truncation)]
pub fn micros(seconds: f64) -> Option<i64> {
    let us = (seconds * 1e6).round();
    (us.is_finite() && us.abs() < 9e18).then_some(us as i64)
}

/// A URI without query and fragment.
pub fn without_query(uri: &[u8]) -> &[u8] {
    let end = uri.iter().position(|b| matches!(b, b'?' | b'#'));
    uri.get(..end.unwrap_or(uri.len())).unwrap_or(uri)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_same_whether_they_are_remembered_or_read() {
        let lines_of = |count: usize| {
            let each = |n: usize| {
                format!(" #EXT-X-A : {n} \r\n#EXTINF:4,\n{n}.ts\n#EXT-X-B\n# a comment\n\n#EXT:\n")
            };
            format!("#EXTM3U\n{}", (0..count).map(each).collect::<String>())
        };
        for count in [0, 1, MOST_TAGS / 4, MOST_TAGS / 3, MOST_TAGS] {
            let text = lines_of(count).into_bytes();
            let playlist = Playlist::read(text.clone());
            let read: Vec<_> = lines(&text).filter_map(|line| line.tag()).collect();
            for _ in 0..2 {
                assert_eq!(playlist.tags().collect::<Vec<_>>(), read, "{count}");
            }
            let is_remembered = playlist.tags.get().is_some_and(Option::is_some);
            assert_eq!(is_remembered, read.len() <= MOST_TAGS, "{count}");
        }
    }

    #[test]
    fn a_text_is_read_as_it_is_written() {
        let text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n\
            #EXT-X-MAP:URI=\"init.mp4?t=1\"\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:10Z\n\
            #EXTINF:3.84,\na.m4s?t=1\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-DISCONTINUITY\n\
            #EXTINF:4,\n#EXT-X-BYTERANGE:100@50\nb.m4s\n#EXTINF:2,\n#EXT-X-BYTERANGE:10\nb.m4s\n";
        let playlist = Playlist::read(text.into());
        assert_eq!(
            (playlist.version, playlist.target_us),
            (Some(6), Some(4_000_000))
        );
        let [first, second, third] = playlist.segments.as_slice() else {
            panic!("{:?}", playlist.segments);
        };
        assert_eq!(
            (first.duration_us, first.date_us),
            (3_840_000, Some(10_000_000))
        );
        assert!(second.discontinuity && second.keys != 0 && first.keys == 0);
        assert_eq!(
            third.range.map(|range| (range.first, range.length)),
            Some((150, 10))
        );
        assert_eq!(playlist.number(2), 9);
        assert_eq!(&playlist.text[first.uri.clone()], b"a.m4s?t=1");
        assert_eq!(playlist.line(first.uri.start), 8);
        let other = Playlist::read(text.replace("t=1", "t=2").into());
        assert_eq!(other.segments, playlist.segments, "tokens are no name");
    }
}
