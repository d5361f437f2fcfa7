//! The items of a media playlist in the order in which they are written (RFC 8216bis 4.4.2 to 4.4.5).
//!
//! This is the only place that interprets the tags of media playlists. What a recorder fetches
//! ([`super::media`]) and what a DVR playlist is made of ([`super::segments`]) come from the same items.

use std::ops::Range;
use std::time::Duration;

use crate::hls::rewrite::dates::unix_us;
use crate::hls::text::attributes::{Attribute, attributes};
use crate::hls::text::byte_range::{ByteRange, WrittenRange};
use crate::hls::text::numbers::{LARGEST, integer, seconds};
use crate::hls::text::scan::{Line, LineKind, Tag, lines};

/// Segments of one playlist that are given in full, the last ones. A week of them is about as many; a
/// hostile playlist of 16 MiB would have a million.
pub(crate) const MOST_SEGMENTS: usize = 100_000;

/// One item, and its place among the segments.
pub(crate) struct Item<'a> {
    /// How many segments stand before it, with those that `EXT-X-SKIP` stands for; at most [`LARGEST`].
    pub index: u64,
    /// It belongs to one of the oldest segments of too many: those are counted, and no more.
    pub is_left_out: bool,
    pub content: Content<'a>,
}

pub(crate) enum Content<'a> {
    /// A tag about the whole playlist.
    Playlist(Tag<'a>),
    /// `EXT-X-PART`: a partial segment of the segment with this index.
    Part(PartItem<'a>),
    /// `EXT-X-PRELOAD-HINT`.
    Hint(HintItem<'a>),
    /// `EXT-X-RENDITION-REPORT`.
    Report,
    /// `EXT-X-SKIP`. The index of the item is that of the next segment.
    Skip,
    /// `EXT-X-KEY`.
    Key(Line<'a>, KeyOrMap<'a>),
    /// `EXT-X-MAP`.
    Map(Line<'a>, KeyOrMap<'a>),
    /// `EXT-X-DATERANGE`: its place means nothing (RFC 8216bis 4.4.5.1).
    DateRange(Line<'a>),
    /// Any other tag, which belongs to the next segment.
    SegmentTag(Line<'a>),
    /// The URI of a media segment.
    Segment(SegmentItem<'a>),
}

/// A media segment: its URI, and what the tags before it say.
pub(crate) struct SegmentItem<'a> {
    /// Its URI as it is written.
    pub written: &'a [u8],
    /// Where that stands in the text, in bytes.
    pub span: Range<usize>,
    /// `EXTINF`.
    pub duration: Option<Duration>,
    /// `EXT-X-BYTERANGE`.
    pub range: Option<WrittenRange>,
    /// `EXT-X-GAP`.
    pub gap: bool,
    /// `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// The value of `EXT-X-PROGRAM-DATE-TIME`.
    date: Option<&'a [u8]>,
}

/// A partial segment (RFC 8216bis 4.4.4.9). Of an attribute that is written twice the last counts, as players do.
#[derive(Default)]
pub(crate) struct PartItem<'a> {
    uri: Option<Value<'a>>,
    /// `BYTERANGE`.
    pub range: Option<WrittenRange>,
    /// `DURATION`.
    pub duration: Option<Duration>,
    /// `GAP=YES`.
    pub gap: bool,
}

impl<'a> PartItem<'a> {
    fn read(tag: Tag<'a>) -> PartItem<'a> {
        let mut found = PartItem::default();
        for attribute in attributes(tag.value) {
            let value = attribute.value;
            match attribute.name {
                b"URI" => found.uri = Some(placed(tag, attribute)),
                b"BYTERANGE" => found.range = WrittenRange::read(value),
                b"DURATION" => found.duration = seconds(value),
                b"GAP" => found.gap = value == b"YES",
                _ => {}
            }
        }
        found
    }

    /// The URI as it is written, if it is not empty, and where it stands in the text.
    pub(crate) fn uri(&self) -> Option<Value<'a>> {
        self.uri.clone().filter(|(written, _)| !written.is_empty())
    }
}

/// A resource that is announced (RFC 8216bis 4.4.5.3). Of an attribute that is written twice the last counts, as players do.
#[derive(Default)]
pub(crate) struct HintItem<'a> {
    /// `TYPE`, as it is written.
    pub kind: &'a [u8],
    uri: Option<Value<'a>>,
    /// `BYTERANGE-START`.
    pub start: Option<u64>,
    /// `BYTERANGE-LENGTH`.
    pub length: Option<u64>,
}

impl<'a> HintItem<'a> {
    fn read(tag: Tag<'a>) -> HintItem<'a> {
        let mut found = HintItem::default();
        for attribute in attributes(tag.value) {
            let value = attribute.value;
            match attribute.name {
                b"TYPE" => found.kind = value,
                b"URI" => found.uri = Some(placed(tag, attribute)),
                b"BYTERANGE-START" => found.start = integer(value),
                b"BYTERANGE-LENGTH" => found.length = integer(value),
                _ => {}
            }
        }
        found
    }

    /// The URI as it is written, if it is not empty, and where it stands in the text.
    pub(crate) fn uri(&self) -> Option<Value<'a>> {
        self.uri.clone().filter(|(written, _)| !written.is_empty())
    }
}

impl SegmentItem<'_> {
    /// When it begins, by its own `EXT-X-PROGRAM-DATE-TIME`, in microseconds of Unix time.
    pub(crate) fn date_us(&self) -> Option<i64> {
        self.date.and_then(unix_us)
    }
}

/// The value of an attribute, and where it stands in the text.
type Value<'a> = (&'a [u8], Range<usize>);

/// The value of an attribute of a tag.
fn placed<'a>(tag: Tag<'a>, attribute: Attribute<'a>) -> Value<'a> {
    let span = tag.start + attribute.span.start..tag.start + attribute.span.end;
    (attribute.value, span)
}

/// The attributes of an `EXT-X-KEY` or `EXT-X-MAP`. Of one that is written twice the last counts, as players do.
#[derive(Default)]
pub(crate) struct KeyOrMap<'a> {
    method: Option<&'a [u8]>,
    format: Option<&'a [u8]>,
    uri: Option<Value<'a>>,
    range: Option<Value<'a>>,
    has_iv: bool,
}

impl<'a> KeyOrMap<'a> {
    pub(crate) fn read(tag: Tag<'a>) -> KeyOrMap<'a> {
        let mut found = KeyOrMap::default();
        for attribute in attributes(tag.value) {
            match attribute.name {
                b"METHOD" => found.method = Some(attribute.value),
                b"KEYFORMAT" => found.format = Some(attribute.value),
                b"URI" => found.uri = Some(placed(tag, attribute)),
                b"BYTERANGE" => found.range = Some(placed(tag, attribute)),
                b"IV" => found.has_iv = true,
                _ => {}
            }
        }
        found
    }

    /// Whether no key applies from here on (RFC 8216bis 4.4.4.4).
    pub(crate) fn ends_keys(&self) -> bool {
        self.method == Some(b"NONE")
    }

    /// Keys of other formats stay in force beside this one (RFC 8216bis 4.4.4.4).
    pub(crate) fn key_format(&self) -> &'a [u8] {
        self.format.unwrap_or(b"identity")
    }

    /// Whether the media sequence number of a segment is its IV (RFC 8216bis 4.4.4.4).
    pub(crate) fn counts_iv(&self) -> bool {
        let is_aes = matches!(self.method, Some(b"AES-128" | b"SAMPLE-AES"));
        is_aes && self.key_format() == b"identity" && !self.has_iv
    }

    /// The URI as it is written, if it is not empty, and where it stands in the text.
    pub(crate) fn uri(&self) -> Option<Value<'a>> {
        self.uri.clone().filter(|(written, _)| !written.is_empty())
    }

    /// The sub-range of an initialization section (RFC 8216bis 4.4.4.5).
    pub(crate) fn byte_range(&self) -> Option<ByteRange> {
        let (written, _) = self.range.as_ref()?;
        WrittenRange::read(written)?.resolve(None)
    }

    /// Where the sub-range stands in the text.
    pub(crate) fn byte_range_span(&self) -> Option<Range<usize>> {
        self.range.as_ref().map(|(_, span)| span.clone())
    }
}

/// The items of a text, in order.
pub(crate) fn items(text: &[u8]) -> impl Iterator<Item = Item<'_>> {
    let mut left_out = 0;
    if text.len() > MOST_SEGMENTS {
        let uris = lines(text).filter(|line| line.kind == LineKind::Uri);
        left_out = uris.count().saturating_sub(MOST_SEGMENTS);
    }
    interpret(text, left_out)
}

/// The tags about the whole playlist that stand before its first segment.
pub(crate) fn head_tags(text: &[u8]) -> impl Iterator<Item = Tag<'_>> {
    let head = interpret(text, 0).map(|item| item.content);
    head.take_while(|content| !matches!(content, Content::Segment(_)))
        .filter_map(|content| match content {
            Content::Playlist(tag) => Some(tag),
            _ => None,
        })
}

fn interpret(text: &[u8], left_out: usize) -> impl Iterator<Item = Item<'_>> {
    let mut interpreter = Interpreter {
        index: 0,
        left_out,
        pending: Pending::default(),
    };
    lines(text).filter_map(move |line| interpreter.item(line))
}

/// The value of an attribute; of the last one where it is written twice, as players do.
pub(crate) fn attribute<'a>(tag: Tag<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let named = attributes(tag.value).filter(|attribute| attribute.name == name);
    named.last().map(|attribute| attribute.value)
}

/// Tags that belong to the next segment.
#[derive(Default)]
struct Pending<'a> {
    duration: Option<Duration>,
    range: Option<WrittenRange>,
    gap: bool,
    discontinuity: bool,
    date: Option<&'a [u8]>,
    /// The next URI is that of a variant of a multivariant playlist, and no segment.
    is_variant: bool,
}

struct Interpreter<'a> {
    /// Of the next segment.
    index: u64,
    /// So many segments that follow are left out.
    left_out: usize,
    pending: Pending<'a>,
}

impl<'a> Interpreter<'a> {
    fn item(&mut self, line: Line<'a>) -> Option<Item<'a>> {
        let index = self.index;
        let is_left_out = self.left_out > 0;
        let content = self.content(line)?;
        let is_skip = matches!(content, Content::Skip);
        Some(Item {
            index: if is_skip { self.index } else { index },
            is_left_out,
            content,
        })
    }

    fn content(&mut self, line: Line<'a>) -> Option<Content<'a>> {
        match line.kind {
            LineKind::Blank | LineKind::Comment => None,
            LineKind::Uri => self.segment(&line).map(Content::Segment),
            // Every other line is one.
            LineKind::Tag if line.text.starts_with(b"#EXTINF:") => {
                self.pending.duration = line.text.get(b"#EXTINF:".len()..).and_then(seconds);
                Some(Content::SegmentTag(line))
            }
            LineKind::Tag => {
                let tag = line.tag()?;
                self.tag(line, tag)
            }
        }
    }

    fn tag(&mut self, line: Line<'a>, tag: Tag<'a>) -> Option<Content<'a>> {
        match tag.name {
            b"#EXTINF" => self.pending.duration = seconds(tag.value),
            b"#EXT-X-PROGRAM-DATE-TIME" => self.pending.date = Some(tag.value),
            b"#EXT-X-DATERANGE" => return Some(Content::DateRange(line)),
            b"#EXT-X-KEY" => return Some(Content::Key(line, KeyOrMap::read(tag))),
            b"#EXT-X-MAP" => return Some(Content::Map(line, KeyOrMap::read(tag))),
            b"#EXT-X-PART" => return Some(Content::Part(PartItem::read(tag))),
            b"#EXT-X-PRELOAD-HINT" => return Some(Content::Hint(HintItem::read(tag))),
            b"#EXT-X-RENDITION-REPORT" => return Some(Content::Report),
            b"#EXT-X-SKIP" => {
                let skipped = attribute(tag, b"SKIPPED-SEGMENTS").and_then(integer);
                self.advance(skipped.unwrap_or(0));
                return Some(Content::Skip);
            }
            b"#EXT-X-DISCONTINUITY" => {
                self.pending.discontinuity = true;
                return None;
            }
            b"#EXT-X-GAP" => {
                self.pending.gap = true;
                return None;
            }
            b"#EXT-X-BYTERANGE" => {
                self.pending.range = WrittenRange::read(tag.value);
                return None;
            }
            b"#EXT-X-STREAM-INF" => {
                self.pending.is_variant = true;
                return None;
            }
            name if is_of_playlist(name) => return Some(Content::Playlist(tag)),
            _ => {}
        }
        Some(Content::SegmentTag(line))
    }

    fn segment(&mut self, line: &Line<'a>) -> Option<SegmentItem<'a>> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_variant {
            return None;
        }
        let (span, written) = line.trimmed();
        self.left_out = self.left_out.saturating_sub(1);
        self.advance(1);
        Some(SegmentItem {
            written,
            span,
            duration: pending.duration,
            range: pending.range,
            gap: pending.gap,
            discontinuity: pending.discontinuity,
            date: pending.date,
        })
    }

    fn advance(&mut self, segments: u64) {
        self.index = self.index.saturating_add(segments).min(LARGEST);
    }
}

/// Whether a tag is about the whole playlist (RFC 8216bis 4.4.1 to 4.4.3).
pub(crate) fn is_of_playlist(name: &[u8]) -> bool {
    matches!(
        name,
        b"#EXTM3U"
            | b"#EXT-X-VERSION"
            | b"#EXT-X-TARGETDURATION"
            | b"#EXT-X-MEDIA-SEQUENCE"
            | b"#EXT-X-DISCONTINUITY-SEQUENCE"
            | b"#EXT-X-PLAYLIST-TYPE"
            | b"#EXT-X-ALLOW-CACHE"
            | b"#EXT-X-ENDLIST"
            | b"#EXT-X-INDEPENDENT-SEGMENTS"
            | b"#EXT-X-I-FRAMES-ONLY"
            | b"#EXT-X-IMAGES-ONLY"
            | b"#EXT-X-START"
            | b"#EXT-X-DEFINE"
            | b"#EXT-X-SERVER-CONTROL"
            | b"#EXT-X-PART-INF"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kind and index of each item.
    fn found(text: &str) -> Vec<String> {
        let name = |content: Content| match content {
            Content::Playlist(tag) => String::from_utf8_lossy(tag.name).into_owned(),
            Content::Part(_) => "part".to_owned(),
            Content::Hint(_) => "hint".to_owned(),
            Content::Report => "report".to_owned(),
            Content::Skip => "skip".to_owned(),
            Content::Key(..) => "key".to_owned(),
            Content::Map(..) => "map".to_owned(),
            Content::DateRange(_) => "dates".to_owned(),
            Content::SegmentTag(line) => String::from_utf8_lossy(line.text).into_owned(),
            Content::Segment(segment) => String::from_utf8_lossy(segment.written).into_owned(),
        };
        let line = |item: Item| format!("{} {}", item.index, name(item.content));
        items(text.as_bytes()).map(line).collect()
    }

    #[test]
    fn partial_segments_stand_at_the_index_of_their_segment() {
        let text = "#EXTM3U\n#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n\
            #EXT-X-MAP:URI=\"i\"\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-PART:DURATION=1,URI=\"p\"\n\
            #EXTINF:2,\n#EXT-X-GAP\n s.ts \n#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n\
            #EXT-X-PART:DURATION=1,URI=\"q\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"r\"\n";
        assert_eq!(
            found(text),
            [
                "0 #EXTM3U",
                "0 #EXT-X-PART-INF",
                "4 skip",
                "4 map",
                "4 key",
                "4 part",
                "4 #EXTINF:2,",
                "4 s.ts",
                "5 part",
                "5 hint",
            ]
        );
    }

    #[test]
    fn of_attributes_that_are_written_twice_the_last_counts() {
        let text = b"#EXT-X-KEY:METHOD=NONE,URI=\"a\",METHOD=AES-128,URI=\"b\"";
        let line = lines(text).next().unwrap();
        let key = KeyOrMap::read(line.tag().unwrap());
        assert!(!key.ends_keys() && key.counts_iv());
        let (uri, span) = key.uri().unwrap();
        assert_eq!((uri, &text[span]), (&b"b"[..], &b"b"[..]));
    }
}
