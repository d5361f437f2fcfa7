//! The segments of a media playlist, each with the lines that belong to it, so that another
//! playlist can be put together of them (RFC 8216bis 4.4.4).
//!
//! Lines come out as the origin wrote them, but for variables, which are substituted, since
//! their definitions stand elsewhere.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::in_force::{Applied, InForce};
use super::items::{Content, Item, KeyOrMap, SegmentItem, head_tags, items};
use crate::hls::rewrite::replay_path::replay_path;
use crate::hls::rewrite::tag_urls::{references_of_tag, url_text};
use crate::hls::text::byte_range::ByteRange;
use crate::hls::text::numbers::integer;
use crate::hls::text::resolve::Resolver;
use crate::hls::text::scan::{Line, UriRole, lines};
use crate::hls::text::variables::Variables;

/// What a text says about a segment that follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Following {
    in_force: Arc<InForce>,
    /// The last segment that was a part of a resource: its URI and where that part ended.
    range_end: Option<(String, u64)>,
    /// When the last segment ends, by dates, in microseconds of Unix time.
    end_us: Option<i64>,
}

impl Following {
    /// When the last segment ends, by the last EXT-X-PROGRAM-DATE-TIME since the last discontinuity and the durations
    /// from there on, in microseconds of Unix time; `None`: nothing says.
    pub fn end_us(&self) -> Option<i64> {
        self.end_us
    }
}

/// A media segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its media sequence number.
    pub sequence: u64,
    /// Lines of tags that belong to it; without those that have a field here.
    pub tags: Vec<String>,
    /// `EXTINF`.
    pub duration: Option<Duration>,
    /// When it begins, by its own EXT-X-PROGRAM-DATE-TIME, in microseconds of Unix time.
    pub date_us: Option<i64>,
    /// `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// `EXT-X-GAP`.
    pub gap: bool,
    /// Where it is, if that is http or https.
    pub url: Option<Url>,
    /// Which part of that.
    pub range: Option<ByteRange>,
    /// The keys and the initialization section that apply; one list for all segments between two changes.
    pub in_force: Arc<InForce>,
}

/// What was read of a playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments {
    /// The segments that were asked for, in order; of very many the last ones.
    pub list: Vec<Segment>,
    /// Lines of `EXT-X-DATERANGE` that stand elsewhere: their place means nothing.
    pub dates: Vec<String>,
    /// What it says about a segment that follows.
    pub following: Following,
    /// The media sequence number of a segment that follows.
    pub next_sequence: u64,
}

/// What to read of a playlist, or of the end of one.
#[derive(Debug, Clone)]
pub struct ReadSegments<'a> {
    /// What its references resolve against.
    pub base: &'a Url,
    /// What leads to the root of the replay from where the lines will stand: nothing, or `../` as often as needed.
    pub root: &'a str,
    /// Those of the whole playlist.
    pub variables: &'a Variables,
    /// The media sequence number of the first segment in the text.
    pub first: u64,
    /// The first one to be given.
    pub from: u64,
    /// What the text before it says.
    pub following: Following,
}

impl ReadSegments<'_> {
    /// Reads the text.
    pub fn read(self, text: &[u8]) -> Segments {
        let mut reader = Reader {
            resolver: Resolver::new(self.base, self.variables),
            root: self.root,
            first: self.first,
            from: self.from,
            found: Segments {
                following: self.following,
                next_sequence: self.first,
                ..Segments::default()
            },
            tags: Vec::new(),
        };
        for item in items(text) {
            reader.item(item);
        }
        reader.keep_dates();
        reader.found
    }
}

/// What a playlist says about all of itself and DVR playlists repeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadFacts {
    /// `EXT-X-VERSION`.
    pub version: u64,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent: bool,
    /// `EXT-X-I-FRAMES-ONLY`.
    pub i_frames_only: bool,
    /// `EXT-X-IMAGES-ONLY`, which the RFC does not know.
    pub images_only: bool,
}

/// Reads what a playlist says about all of itself, out of its beginning.
pub fn head_facts(text: &[u8]) -> HeadFacts {
    let mut facts = HeadFacts::default();
    for tag in head_tags(text) {
        match tag.name {
            b"#EXT-X-VERSION" => facts.version = integer(tag.value).unwrap_or(0),
            b"#EXT-X-INDEPENDENT-SEGMENTS" => facts.independent = true,
            b"#EXT-X-I-FRAMES-ONLY" => facts.i_frames_only = true,
            b"#EXT-X-IMAGES-ONLY" => facts.images_only = true,
            _ => {}
        }
    }
    facts
}

/// The tag of dates, whose place in a playlist means nothing (RFC 8216bis 4.4.5.1).
pub const DATERANGE: &str = "#EXT-X-DATERANGE";

struct Reader<'a> {
    resolver: Resolver<'a>,
    root: &'a str,
    first: u64,
    from: u64,
    found: Segments,
    /// Lines that belong to the next segment.
    tags: Vec<String>,
}

impl Reader<'_> {
    fn item(&mut self, item: Item) {
        let sequence = self.first.saturating_add(item.index);
        // Which segment comes next is known: what nobody asked for costs nothing.
        let is_wanted = !item.is_left_out && sequence >= self.from;
        match item.content {
            Content::Playlist(_) | Content::Part(_) | Content::Hint(_) | Content::Report => {}
            Content::Skip => self.found.next_sequence = sequence,
            Content::Key(line, key) => self.key(&line, &key),
            Content::Map(line, _) => {
                let map = self.applied(&line);
                self.found.following.in_force.set_map(map);
            }
            Content::DateRange(line) => self.tag(&line),
            Content::SegmentTag(line) if is_wanted => self.tag(&line),
            Content::SegmentTag(_) => {}
            Content::Segment(segment) => self.segment(segment, sequence, is_wanted),
        }
    }

    fn tag(&mut self, line: &Line) {
        let line = self.localized(line, |_| true);
        self.tags.extend(line);
    }

    fn segment(&mut self, segment: SegmentItem, sequence: u64, is_wanted: bool) {
        let range = self.range(&segment);
        let date_us = segment.date_us();
        self.found.following.end_us = self.end_us(&segment, date_us);
        self.found.next_sequence = sequence.saturating_add(1);
        if !is_wanted {
            return self.keep_dates();
        }
        self.found.list.push(Segment {
            sequence,
            tags: std::mem::take(&mut self.tags),
            duration: segment.duration,
            date_us,
            discontinuity: segment.discontinuity,
            gap: segment.gap,
            url: self.resolver.request(segment.written),
            range,
            in_force: Arc::clone(&self.found.following.in_force),
        });
    }

    /// Of lines that belong to no segment that is given, only dates mean something.
    fn keep_dates(&mut self) {
        let is_date = |line: &String| line.starts_with(DATERANGE);
        let dates = self.tags.drain(..).filter(is_date);
        self.found.dates.extend(dates);
    }

    fn end_us(&self, segment: &SegmentItem, date_us: Option<i64>) -> Option<i64> {
        let before = self.found.following.end_us;
        let begins_us = date_us.or(before.filter(|_| !segment.discontinuity))?;
        let lasts_us = i64::try_from(segment.duration?.as_micros()).ok()?;
        begins_us.checked_add(lasts_us)
    }

    fn range(&mut self, segment: &SegmentItem) -> Option<ByteRange> {
        let written = segment.range?;
        let uri = String::from_utf8_lossy(segment.written);
        let before = self.found.following.range_end.as_ref();
        let last_end = before.filter(|(of, _)| *of == uri).map(|(_, end)| *end);
        let range = written.resolve(last_end)?;
        self.found.following.range_end = Some((uri.into_owned(), range.end()));
        Some(range)
    }

    fn key(&mut self, line: &Line, key: &KeyOrMap) {
        if key.ends_keys() {
            return self.found.following.in_force.end_keys();
        }
        let key = self.applied(line);
        self.found.following.in_force.add_key(key);
    }

    fn applied(&mut self, line: &Line) -> Option<Applied> {
        // What it is for is replaced later, by what was recorded of it.
        let is_other = |role| matches!(role, UriRole::Named | UriRole::Text);
        let text = self.localized(line, is_other)?;
        let again = lines(text.as_bytes()).next()?;
        // Variables are substituted, so that attributes stand elsewhere and say something else.
        let tag = KeyOrMap::read(again.tag()?);
        let uri = tag.uri();
        Some(Applied {
            url: uri
                .as_ref()
                .and_then(|(written, _)| self.resolver.request(written)),
            range: tag.byte_range(),
            written_range: tag.byte_range_span(),
            format: String::from_utf8_lossy(tag.key_format()).into_owned(),
            counts_iv: tag.counts_iv(),
            uri: uri.map(|(_, span)| span),
            line: text.clone(),
        })
    }

    /// A line whose URIs of some roles lead nowhere but to the replay; `None`: the variables of the playlist
    /// expand to too much.
    fn localized(&mut self, line: &Line, roles: fn(UriRole) -> bool) -> Option<String> {
        let text = String::from_utf8_lossy(line.trimmed().1);
        let text = self.resolver.expand(&text).ok()?.into_owned();
        let found = lines(text.as_bytes()).next();
        let references = found.map_or_else(Vec::new, |line| references_of_tag(&line));
        let mut localized = String::new();
        let mut copied = 0;
        for uri in references.into_iter().filter(|uri| roles(uri.role)) {
            let written = text.get(uri.span.clone()).unwrap_or_default();
            let url = url_text(uri.role, written.into(), written)
                .and_then(|written| self.resolver.request(written.as_bytes()));
            if let Some(path) = url.and_then(|url| replay_path(&url)) {
                localized += text.get(copied..uri.span.start).unwrap_or_default();
                localized += self.root;
                localized += path.trim_start_matches('/');
                copied = uri.span.end;
            }
        }
        Some(localized + text.get(copied..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::MOST_SEGMENTS;
    use super::*;
    use crate::hls::testing::{any_body, playlist_text, url};
    use proptest::prelude::*;

    fn read(body: &str, first: u64, from: u64) -> Segments {
        let base = url("https://h/live/p.m3u8");
        ReadSegments {
            base: &base,
            root: "../",
            variables: &Variables::read(body.as_bytes(), &base, &Variables::default()),
            first,
            from,
            following: Following::default(),
        }
        .read(body.as_bytes())
    }

    const BODY: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DEFINE:NAME=\"x\",VALUE=\"y\"\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"k0\"\n#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"5@1\"\n\
        #EXTINF:2,\na.mp4\n# a comment\n#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"k1\",IV=0x1\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00Z\n#EXT-X-CUE:ID=\"{$x}\",X-AD=\"http://h/{$x}\"\n#EXT-X-PART:DURATION=1,URI=\"p\"\n\
        #EXTINF:1.5,title\n#EXT-X-BYTERANGE:10@5\nb.mp4\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-GAP\n\
        #EXTINF:1,\n#EXT-X-BYTERANGE:7\nb.mp4\n#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"ad\"\n#EXT-X-ENDLIST\n";

    #[test]
    fn each_segment_has_its_lines_and_what_applies_to_it() {
        let found = read(BODY, 7, 0);
        let [a, b, c] = found.list.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!((a.sequence, b.sequence, c.sequence), (7, 8, 9));
        assert_eq!(a.tags, ["#EXTINF:2,"]);
        assert_eq!(a.url, Some(url("https://h/live/a.mp4")));
        assert_eq!(a.in_force.keys()[0].url, Some(url("https://h/live/k0")));
        assert!(
            a.in_force.keys()[0].counts_iv
                && !b.in_force.keys()[0].counts_iv
                && c.in_force.keys().is_empty()
        );
        let map = a.in_force.map().unwrap();
        assert_eq!(map.range.map(|r| (r.first, r.length)), Some((1, 5)));
        assert_eq!(
            map.with("/e/1/i.mp4", ByteRange::new(0, 5)),
            "#EXT-X-MAP:URI=\"/e/1/i.mp4\",BYTERANGE=\"5@0\""
        );
        assert_eq!(
            b.tags,
            [
                "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00Z",
                "#EXT-X-CUE:ID=\"y\",X-AD=\"../http/h:80/y\"",
                "#EXTINF:1.5,title"
            ]
        );
        assert!(b.discontinuity && !b.gap && c.gap && !c.discontinuity);
        assert_eq!(b.duration, Some(Duration::from_millis(1500)));
        let noon_us = 1_795_176_000_000_000;
        assert_eq!(
            [a.date_us, b.date_us, c.date_us],
            [None, Some(noon_us), None]
        );
        assert_eq!(found.following.end_us(), Some(noon_us + 2_500_000));
        assert_eq!(c.range.map(|r| (r.first, r.length)), Some((15, 7)));
        let date = "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"../https/h:443/live/ad\"";
        assert_eq!(found.dates, [date]);
        assert_eq!(found.next_sequence, 10);
        let facts = head_facts(BODY.as_bytes());
        assert_eq!((facts.version, facts.independent), (6, true));
    }

    #[test]
    fn what_was_not_asked_for_still_counts() {
        let found = read(BODY, 7, 9);
        assert_eq!(found.list, read(BODY, 7, 0).list[2..]);
        assert!(read(BODY, 7, 10).list.is_empty());
    }

    #[test]
    fn the_end_of_a_playlist_is_read_with_what_applies_there() {
        let (front, end) = BODY.split_at(BODY.find("# a comment").unwrap());
        let front = read(front, 7, 0);
        let base = url("https://h/live/p.m3u8");
        let rest = ReadSegments {
            base: &base,
            root: "../",
            variables: &Variables::read(BODY.as_bytes(), &base, &Variables::default()),
            first: front.next_sequence,
            from: 0,
            following: front.following,
        }
        .read(end.as_bytes());
        assert_eq!(rest.list, read(BODY, 7, 0).list[1..]);
    }

    #[test]
    fn of_very_many_segments_the_last_are_given() {
        let found = read(&"s\n".repeat(MOST_SEGMENTS + 3), 7, 0);
        assert_eq!(found.list.len(), MOST_SEGMENTS);
        assert_eq!(found.list.first().map(|segment| segment.sequence), Some(10));
        assert_eq!(found.next_sequence, MOST_SEGMENTS as u64 + 10);
    }

    #[test]
    fn variables_in_tags_expand_to_a_bounded_text() {
        let value = "long".repeat(10_000);
        let definition = format!("#EXT-X-DEFINE:NAME=\"v\",VALUE=\"{value}\"\n");
        let text = definition + &"#EXT-X-CUE:\"{$v}\"\ns\n".repeat(1_000);
        let tags = read(&text, 0, 0).list.into_iter().flat_map(|s| s.tags);
        let bytes: usize = tags.map(|line| line.len()).sum();
        assert!(
            (8 << 20..20 << 20).contains(&bytes),
            "{bytes} bytes of {}",
            text.len()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_have_segments_or_none(body in any_body()) {
            let body = String::from_utf8_lossy(&body);
            let _ = read(&body, 0, 0);
        }

        #[test]
        fn where_reading_begins_changes_nothing_else(body in playlist_text(), from in 0..8_u64) {
            let all = read(&body, 0, 0).list;
            let some = read(&body, 0, from);
            let wanted: Vec<_> = all.into_iter().filter(|s| s.sequence >= from).collect();
            prop_assert_eq!(some.list, wanted);
        }
    }
}
