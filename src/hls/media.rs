//! Media playlists: their facts, and what they list (RFC 8216bis 4.4.2 to 4.4.5).
//!
//! Partial segments, hints and reports are found by [`super::uris`]; here is what a recorder
//! keeps of a playlist: segments, initialization sections and keys.

use std::collections::HashMap;
use std::time::Duration;

use url::Url;

use super::attributes::attributes;
use super::byte_range::{ByteRange, written_range};
use super::numbers::{LARGEST, integer, seconds};
use super::resolve::{Refused, Resolver};
use super::scan::{Line, LineKind, Tag, lines};
use super::variables::Variables;

/// Segments of one playlist that become entries, the last ones. A week of them is about as many; a
/// hostile playlist of 16 MiB would have a million.
const MOST_ENTRIES: usize = 100_000;

/// What an entry of a media playlist is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryRole {
    /// A media segment.
    Segment,
    /// A media initialization section (`EXT-X-MAP`).
    Init,
    /// A key (`EXT-X-KEY`).
    Key,
}

/// A resource that a media playlist lists. A key or map is an entry each time its tag is
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub role: EntryRole,
    /// Its URL, http or https; without fragment, user and password.
    pub url: Url,
    /// Which part of it, where the playlist says so.
    pub range: Option<ByteRange>,
    /// The media sequence number of the segment that it is, or of the first segment that it
    /// applies to; behind the last segment, the number that the next one will have.
    pub sequence: u64,
    /// The media sequence number of the last listed segment that it applies to; `sequence`
    /// for a segment, and for what applies to none that is listed.
    pub last_use: u64,
    /// Whether the segment is marked as absent (`EXT-X-GAP`, RFC 8216bis 4.4.4.7): it must
    /// not be requested.
    pub gap: bool,
}

/// What a media playlist says about itself. Numbers are at most `i64::MAX`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaFacts {
    /// `EXT-X-MEDIA-SEQUENCE`, 0 without one (RFC 8216bis 4.4.3.2).
    pub media_sequence: u64,
    /// How many segments are listed; without those that `EXT-X-SKIP` stands for.
    pub segment_count: u64,
    /// The media sequence number of the last listed segment.
    pub last_sequence: Option<u64>,
    /// The URI of the last listed segment, as it is written.
    pub last_uri: Option<String>,
    /// `EXT-X-TARGETDURATION` (RFC 8216bis 4.4.3.1), at most one day.
    pub target_duration: Option<Duration>,
    /// `PART-TARGET` of `EXT-X-PART-INF` (RFC 8216bis 4.4.3.7), at most one day.
    pub part_target: Option<Duration>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, 0 without one (RFC 8216bis 4.4.3.3).
    pub discontinuity_sequence: u64,
    /// Whether there is an `EXT-X-ENDLIST` (RFC 8216bis 4.4.3.4).
    pub ended: bool,
    /// Whether there is an `EXT-X-I-FRAMES-ONLY` (RFC 8216bis 4.4.3.6).
    pub i_frames_only: bool,
}

/// What was read of a media playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// What it says about itself.
    pub facts: MediaFacts,
    /// What it lists, in the order in which it is written.
    pub entries: Vec<Entry>,
    /// What it lists and nobody can ask for; each URI once.
    pub refused: Vec<Refused>,
    /// The variables that it defines.
    pub variables: Variables,
    /// Segments (the oldest), keys and initialization sections that are no entries, since there are
    /// too many.
    pub left_out: u64,
}

/// Reads a media playlist. `base` is the URL that answered, after redirects; `imports` are
/// the variables of the multivariant playlist.
pub fn read_media(body: &[u8], base: &Url, imports: &Variables) -> MediaPlaylist {
    let variables = Variables::read(body, base, imports);
    let mut reader = Reader::new(Resolver::new(base, &variables));
    if body.len() > MOST_ENTRIES {
        let uris = lines(body).filter(|line| matches!(line.kind, LineKind::Uri));
        reader.only_counted = uris.count().saturating_sub(MOST_ENTRIES);
    }
    for line in lines(body) {
        reader.line(&line);
    }
    let mut playlist = reader.finish();
    playlist.variables = variables;
    playlist
}

/// What stands before a segment's line and belongs to it.
#[derive(Default)]
struct Pending {
    /// Length, and offset if it is written.
    range: Option<(u64, Option<u64>)>,
    gap: bool,
    /// The next line is a variant of a multivariant playlist, and no segment.
    variant: bool,
}

/// Until [`Reader::finish`], sequence numbers are counted from 0: `EXT-X-MEDIA-SEQUENCE`
/// should stand before the first segment, and need not.
struct Reader<'a> {
    resolver: Resolver<'a>,
    playlist: MediaPlaylist,
    media_sequence: Option<u64>,
    next_sequence: u64,
    pending: Pending,
    /// Index of the entry of each key in force, by `KEYFORMAT`; None for one without entry.
    keys: HashMap<Vec<u8>, usize>,
    map: Option<usize>,
    /// Where the last range of each URL ended, for ranges without an offset.
    range_ends: HashMap<Url, u64>,
    /// So many segments at the beginning are counted, and no more.
    only_counted: usize,
}

impl<'a> Reader<'a> {
    fn new(resolver: Resolver<'a>) -> Reader<'a> {
        Reader {
            resolver,
            playlist: MediaPlaylist::default(),
            media_sequence: None,
            next_sequence: 0,
            pending: Pending::default(),
            keys: HashMap::new(),
            map: None,
            range_ends: HashMap::new(),
            only_counted: 0,
        }
    }

    fn line(&mut self, line: &Line) {
        match line.kind {
            LineKind::Blank | LineKind::Comment => {}
            LineKind::Uri => self.uri(line.trimmed().1),
            LineKind::Tag => {
                if let Some(tag) = line.tag() {
                    self.tag(tag);
                }
            }
        }
    }

    fn tag(&mut self, tag: Tag) {
        let facts = &mut self.playlist.facts;
        match tag.name {
            b"#EXT-X-MEDIA-SEQUENCE" => {
                self.media_sequence = self.media_sequence.or_else(|| integer(tag.value));
            }
            b"#EXT-X-DISCONTINUITY-SEQUENCE" => {
                facts.discontinuity_sequence = integer(tag.value).unwrap_or(0);
            }
            b"#EXT-X-TARGETDURATION" => facts.target_duration = seconds(tag.value),
            b"#EXT-X-PART-INF" => {
                facts.part_target = attribute(tag, b"PART-TARGET").and_then(seconds);
            }
            b"#EXT-X-ENDLIST" => facts.ended = true,
            b"#EXT-X-I-FRAMES-ONLY" => facts.i_frames_only = true,
            b"#EXT-X-GAP" => self.pending.gap = true,
            b"#EXT-X-BYTERANGE" => self.pending.range = written_range(tag.value),
            b"#EXT-X-STREAM-INF" => self.pending.variant = true,
            b"#EXT-X-SKIP" => {
                let skipped = attribute(tag, b"SKIPPED-SEGMENTS").and_then(integer);
                self.advance(skipped.unwrap_or(0));
            }
            b"#EXT-X-KEY" => self.key(tag),
            b"#EXT-X-MAP" => self.map(tag),
            _ => {}
        }
    }

    fn advance(&mut self, segments: u64) {
        self.next_sequence = self.next_sequence.saturating_add(segments).min(LARGEST);
    }

    fn uri(&mut self, written: &[u8]) {
        let pending = std::mem::take(&mut self.pending);
        if pending.variant {
            return;
        }
        let sequence = self.next_sequence;
        let facts = &mut self.playlist.facts;
        facts.segment_count += 1;
        facts.last_sequence = Some(sequence);
        facts.last_uri = Some(String::from_utf8_lossy(written).into_owned());
        let is_too_old = facts.segment_count <= self.only_counted as u64;
        if is_too_old {
            self.playlist.left_out += 1;
        } else if let Some(url) = self.resolver.request(written) {
            let range = pending.range.and_then(|(length, offset)| {
                let last_end = self.range_ends.get(&url).copied();
                ByteRange::new(offset.or(last_end).unwrap_or(0), length)
            });
            if let Some(range) = range {
                self.range_ends.insert(url.clone(), range.end());
            }
            self.push(EntryRole::Segment, url, range, pending.gap);
        }
        self.advance(1);
    }

    /// Keys of other KEYFORMATs stay in force beside this one (RFC 8216bis 4.4.4.4); NONE
    /// ends them all.
    fn key(&mut self, tag: Tag) {
        if self.playlist.entries.len() >= 2 * MOST_ENTRIES {
            self.playlist.left_out += 1;
            return;
        }
        if attribute(tag, b"METHOD") == Some(b"NONE") {
            let ended = std::mem::take(&mut self.keys);
            ended.into_values().for_each(|entry| self.retire(entry));
            return;
        }
        let format = attribute(tag, b"KEYFORMAT").unwrap_or(b"identity");
        if let Some(replaced) = self.keys.remove(format) {
            self.retire(replaced);
        }
        if let Some(url) = self.resolve_attribute(tag) {
            let entry = self.push(EntryRole::Key, url, None, false);
            self.keys.insert(format.to_vec(), entry);
        }
    }

    fn map(&mut self, tag: Tag) {
        if self.playlist.entries.len() >= 2 * MOST_ENTRIES {
            self.playlist.left_out += 1;
            return;
        }
        if let Some(replaced) = self.map.take() {
            self.retire(replaced);
        }
        if let Some(url) = self.resolve_attribute(tag) {
            let written = attribute(tag, b"BYTERANGE").and_then(written_range);
            let range =
                written.and_then(|(length, offset)| ByteRange::new(offset.unwrap_or(0), length));
            self.map = Some(self.push(EntryRole::Init, url, range, false));
        }
    }

    /// Adds an entry and gives its index.
    fn push(&mut self, role: EntryRole, url: Url, range: Option<ByteRange>, gap: bool) -> usize {
        self.playlist.entries.push(Entry {
            role,
            url,
            range,
            sequence: self.next_sequence,
            last_use: self.next_sequence,
            gap,
        });
        self.playlist.entries.len() - 1
    }

    /// A key or map has been replaced: the last segment so far was the last that used it.
    fn retire(&mut self, entry: usize) {
        let last = self.playlist.facts.last_sequence;
        if let (Some(entry), Some(last)) = (self.playlist.entries.get_mut(entry), last) {
            entry.last_use = entry.last_use.max(last);
        }
    }

    fn resolve_attribute(&mut self, tag: Tag) -> Option<Url> {
        let uri = attribute(tag, b"URI").filter(|uri| !uri.is_empty())?;
        self.resolver.request(uri)
    }

    fn finish(mut self) -> MediaPlaylist {
        let in_force: Vec<usize> = self.keys.drain().map(|(_, entry)| entry).collect();
        in_force
            .into_iter()
            .chain(self.map)
            .for_each(|entry| self.retire(entry));
        let first = self.media_sequence.unwrap_or(0);
        let counted_from_first = |n: u64| n.saturating_add(first).min(LARGEST);
        for entry in &mut self.playlist.entries {
            entry.sequence = counted_from_first(entry.sequence);
            entry.last_use = counted_from_first(entry.last_use);
        }
        let facts = &mut self.playlist.facts;
        facts.media_sequence = first;
        facts.last_sequence = facts.last_sequence.map(counted_from_first);
        self.playlist.refused = self.resolver.into_refused();
        self.playlist
    }
}

/// The value of an attribute; of the last one where it is written twice, as players do.
fn attribute<'a>(tag: Tag<'a>, name: &[u8]) -> Option<&'a [u8]> {
    attributes(tag.value)
        .filter(|attribute| attribute.name == name)
        .last()
        .map(|attribute| attribute.value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_body, playlist_text, url};
    use super::*;
    use proptest::prelude::*;

    fn read(body: &str) -> MediaPlaylist {
        read_media(
            body.as_bytes(),
            &url("https://u:p@h/live/p.m3u8?t=1"),
            &Variables::default(),
        )
    }

    /// Role, path, range, sequence and last use of each entry.
    fn listed(playlist: &MediaPlaylist) -> Vec<String> {
        let line = |e: &Entry| {
            let range = e
                .range
                .map_or(String::new(), |r| format!(" {}+{}", r.first, r.length));
            let gap = if e.gap { " gap" } else { "" };
            format!(
                "{:?} {}{range} {}-{}{gap}",
                e.role,
                e.url.path(),
                e.sequence,
                e.last_use
            )
        };
        playlist.entries.iter().map(line).collect()
    }

    #[test]
    fn of_very_many_entries_the_oldest_segments_and_the_last_keys_are_left_out() {
        let lists = |line: &str, count: usize| read(&format!("#EXTM3U\n{}", line.repeat(count)));
        let segments = lists("#EXTINF:1,\na\n", MOST_ENTRIES + 7);
        assert_eq!(
            (segments.entries.len(), segments.left_out),
            (MOST_ENTRIES, 7)
        );
        assert_eq!(segments.entries[0].sequence, 7);
        for line in [
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n",
            "#EXT-X-MAP:URI=\"m\"\n",
        ] {
            let playlist = lists(line, 2 * MOST_ENTRIES + 7);
            let counts = (playlist.entries.len(), playlist.left_out);
            assert_eq!(counts, (2 * MOST_ENTRIES, 7), "{line}");
        }
    }

    #[test]
    fn a_live_playlist_with_keys_as_in_the_rfc() {
        let playlist = read(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:7794\n#EXT-X-TARGETDURATION:15\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"https://priv/key.php?r=52\"\n\
             #EXTINF:2.833,\nf52-A.ts\n#EXTINF:15.0,\nf52-B.ts\n#EXTINF:13.333,\nf52-C.ts\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"https://priv/key.php?r=53\"\n\
             #EXTINF:15.0,\nf53-A.ts\n",
        );
        assert_eq!(
            listed(&playlist),
            [
                "Key /key.php 7794-7796",
                "Segment /live/f52-A.ts 7794-7794",
                "Segment /live/f52-B.ts 7795-7795",
                "Segment /live/f52-C.ts 7796-7796",
                "Key /key.php 7797-7797",
                "Segment /live/f53-A.ts 7797-7797",
            ]
        );
        let facts = MediaFacts {
            media_sequence: 7794,
            segment_count: 4,
            last_sequence: Some(7797),
            last_uri: Some("f53-A.ts".to_owned()),
            target_duration: Some(Duration::from_secs(15)),
            ..MediaFacts::default()
        };
        assert_eq!(playlist.facts, facts);
        assert_eq!(playlist.entries[1].url, url("https://h/live/f52-A.ts"));
    }

    #[test]
    fn ranges_follow_the_last_range_of_the_same_url() {
        let playlist = read(
            "#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"10\"\n#EXT-X-BYTERANGE:100@10\na.mp4\n\
             #EXT-X-BYTERANGE:50\na.mp4\n#EXT-X-BYTERANGE:5\nb.mp4\n#EXT-X-BYTERANGE:7\na.mp4\n\
             #EXT-X-BYTERANGE:0@3\nc\n#EXT-X-BYTERANGE:-5\nc\n#EXT-X-BYTERANGE:5@x\nc\n\
             #EXT-X-BYTERANGE:99999999999999999999@5\nc\n\
             #EXT-X-BYTERANGE:9@9223372036854775807\nc\n",
        );
        let largest = LARGEST - 5;
        assert_eq!(
            listed(&playlist),
            [
                "Init /live/a.mp4 0+10 0-8".to_owned(),
                "Segment /live/a.mp4 10+100 0-0".to_owned(),
                "Segment /live/a.mp4 110+50 1-1".to_owned(),
                "Segment /live/b.mp4 0+5 2-2".to_owned(),
                "Segment /live/a.mp4 160+7 3-3".to_owned(),
                "Segment /live/c 4-4".to_owned(),
                "Segment /live/c 5-5".to_owned(),
                "Segment /live/c 6-6".to_owned(),
                format!("Segment /live/c 5+{largest} 7-7"),
                "Segment /live/c 8-8".to_owned(),
            ]
        );
    }

    #[test]
    fn keys_of_two_formats_are_in_force_together() {
        let playlist = read(
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k1\"\n\
             #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k2\",KEYFORMAT=\"x\"\n\
             #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple\"\n1\n2\n\
             #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k3\",KEYFORMAT=\"x\"\n3\n\
             #EXT-X-KEY:METHOD=NONE\n4\n#EXT-X-KEY:METHOD=AES-128,URI=\"k4\"\n",
        );
        let keys: Vec<_> = listed(&playlist)
            .into_iter()
            .filter(|e| e.starts_with("Key"))
            .collect();
        assert_eq!(
            keys,
            [
                "Key /live/k1 0-2",
                "Key /live/k2 0-1",
                "Key /live/k3 2-2",
                "Key /live/k4 4-4"
            ]
        );
        assert_eq!(playlist.refused.len(), 1);
    }

    #[test]
    fn titles_gaps_skips_and_missing_extinf() {
        let playlist = read(
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXTINF:6.0,A, B,http://c\ns1.ts#t=1\n\
             #EXT-X-GAP\n#EXTINF:6,\ns2.ts\nbare.ts\n#EXT-X-MEDIA-SEQUENCE:10\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\nvariant.m3u8\nrtmp://h/s\nrtmp://h/s\n",
        );
        assert_eq!(
            listed(&playlist),
            [
                "Segment /live/s1.ts 13-13",
                "Segment /live/s2.ts 14-14 gap",
                "Segment /live/bare.ts 15-15",
            ]
        );
        assert_eq!(playlist.facts.last_sequence, Some(17));
        assert_eq!(playlist.facts.last_uri.as_deref(), Some("rtmp://h/s"));
        assert_eq!(playlist.refused.len(), 1, "each URI once");
    }

    #[test]
    fn absurd_numbers_saturate_and_garbage_is_ignored() {
        let facts = read(
            "#EXT-X-MEDIA-SEQUENCE:99999999999999999999\n#EXT-X-TARGETDURATION:1e9999\n\
             #EXT-X-SKIP:SKIPPED-SEGMENTS=18446744073709551615\na\nb\n",
        )
        .facts;
        assert_eq!(
            (facts.media_sequence, facts.last_sequence),
            (LARGEST, Some(LARGEST))
        );
        let facts = read(
            "#EXT-X-MEDIA-SEQUENCE:-4\n#EXT-X-TARGETDURATION:999999\n\
             #EXT-X-PART-INF:PART-TARGET=x\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:x\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-ENDLIST\n",
        )
        .facts;
        assert_eq!((facts.media_sequence, facts.discontinuity_sequence), (0, 0));
        assert_eq!(facts.target_duration, Some(Duration::from_secs(86_400)));
        assert_eq!(facts.part_target, None);
        assert!(facts.ended && facts.i_frames_only);
    }

    #[test]
    fn variables_and_bytes_that_are_no_utf8() {
        let mut body = b"#EXT-X-DEFINE:QUERYPARAM=\"t\"\n{$t}.ts\n".to_vec();
        body.extend_from_slice(b"#EXTINF:6,\xE9\nseg\xE9.ts\n");
        let base = url("https://h/live/p.m3u8?t=1");
        let playlist = read_media(&body, &base, &Variables::default());
        let paths: Vec<_> = playlist.entries.iter().map(|e| e.url.path()).collect();
        assert_eq!(paths, ["/live/1.ts", "/live/seg%E9.ts"]);
        assert!(!playlist.variables.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(body in any_body(), text in playlist_text()) {
            for body in [&body[..], text.as_bytes()] {
                let base = url("https://h/a/p.m3u8?b=1");
                let playlist = read_media(body, &base, &Variables::default());
                for entry in &playlist.entries {
                    prop_assert!(entry.last_use >= entry.sequence);
                    prop_assert!(entry.url.has_host() && entry.url.scheme().starts_with("http"));
                }
                prop_assert!(playlist.entries.is_sorted_by_key(|e| e.sequence));
            }
        }
    }
}
