//! What media playlists list is what quick-m3u8 reads of them: of all of `tests/corpus`, and of texts that are made.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use isrecorder::hls::{self, EntryRole, PlaylistKind, Variables, playlist_kind};
use proptest::prelude::*;
use quick_m3u8::config::ParsingOptions;
use quick_m3u8::tag::hls::{Method, Tag};
use quick_m3u8::tag::{DecimalIntegerRange, KnownTag};
use quick_m3u8::{HlsLine, Reader};
use url::Url;

/// What is listed: its media sequence number, what it is, where, which part of that, whether it is there, and how long it is, in
/// microseconds.
type Listed = (u64, EntryRole, String, Option<(u64, u64)>, bool, u128);

/// What a text says.
#[derive(Debug, PartialEq, Default)]
struct Reading {
    target: Option<u64>,
    ended: bool,
    listed: Vec<Listed>,
}

const BASE: &str = "https://origin.example/live/list.m3u8";

fn ours(text: &str) -> Reading {
    let base = Url::parse(BASE).unwrap();
    let read = hls::read_media(text.as_bytes(), &base, &Variables::default());
    let listed = read.entries.iter().map(|entry| {
        let range = entry.range.map(|range| (range.first, range.length));
        let length = entry.duration.as_micros();
        (
            entry.sequence,
            entry.role,
            entry.url.to_string(),
            range,
            entry.gap,
            length,
        )
    });
    let mut reading = Reading {
        target: read.facts.target_duration.map(|target| target.as_secs()),
        ended: read.facts.ended,
        listed: listed.collect(),
    };
    reading.listed.sort();
    reading
}

/// Lines of quick-m3u8, put together as RFC 8216bis 4.4.4 says.
#[derive(Default)]
struct Theirs {
    reading: Reading,
    next: u64,
    duration: f64,
    range: Option<(u64, Option<u64>)>,
    gap: bool,
    /// Where ranges of a resource end: of segments, of parts.
    ends: [HashMap<String, u64>; 2],
}

fn theirs(text: &str) -> Reading {
    let mut reader = Reader::from_str(text, ParsingOptions::default());
    let mut lines = Vec::new();
    while let Some(line) = reader.read_line().unwrap() {
        lines.push(line);
    }
    let mut all = Theirs::default();
    let first = lines.iter().find_map(|line| match line {
        HlsLine::KnownTag(KnownTag::Hls(Tag::MediaSequence(tag))) => Some(tag.media_sequence()),
        _ => None,
    });
    all.next = first.unwrap_or(0);
    for line in lines {
        match line {
            HlsLine::KnownTag(KnownTag::Hls(tag)) => all.tag(tag),
            HlsLine::Uri(uri) => all.segment(uri.trim()),
            _ => {}
        }
    }
    all.reading.listed.sort();
    all.reading
}

impl Theirs {
    fn tag(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Targetduration(tag) => self.reading.target = Some(tag.target_duration()),
            Tag::Endlist(_) => self.reading.ended = true,
            Tag::Skip(tag) => self.next += tag.skipped_segments(),
            Tag::Inf(tag) => self.duration = tag.duration(),
            Tag::Gap(_) => self.gap = true,
            Tag::Byterange(tag) => self.range = Some((tag.length(), tag.offset())),
            Tag::Key(tag) => {
                if let Some(uri) = tag.uri().filter(|_| tag.method() != Method::None.into()) {
                    self.push(EntryRole::Key, uri, None, false, 0.0);
                }
            }
            Tag::Map(tag) => {
                let range = tag.byterange().map(|range| (range.offset, range.length));
                self.push(EntryRole::Init, tag.uri(), range, false, 0.0);
            }
            Tag::Part(tag) => {
                let written = tag
                    .byterange()
                    .map(|DecimalIntegerRange { length, offset }| (length, offset));
                let range = self.placed(1, tag.uri(), written);
                self.push(EntryRole::Part, tag.uri(), range, tag.gap(), tag.duration());
            }
            _ => {}
        }
    }

    fn segment(&mut self, uri: &str) {
        if uri.is_empty() {
            return;
        }
        let written = self.range.take();
        let range = self.placed(0, uri, written);
        let (gap, duration) = (
            std::mem::take(&mut self.gap),
            std::mem::take(&mut self.duration),
        );
        self.push(EntryRole::Segment, uri, range, gap, duration);
        self.next = self.next.wrapping_add(1);
    }

    /// First byte and length: without an offset, where the last one of the same resource ended.
    fn placed(
        &mut self,
        kind: usize,
        uri: &str,
        written: Option<(u64, Option<u64>)>,
    ) -> Option<(u64, u64)> {
        let (length, offset) = written?;
        let end = self.ends[kind].get(uri).copied().unwrap_or(0);
        let first = offset.unwrap_or(end);
        self.ends[kind].insert(uri.to_owned(), first.saturating_add(length));
        Some((first, length))
    }

    fn push(
        &mut self,
        role: EntryRole,
        uri: &str,
        range: Option<(u64, u64)>,
        gap: bool,
        duration: f64,
    ) {
        let url = Url::parse(BASE).unwrap().join(uri);
        let Ok(mut url) = url else { return };
        if !matches!(url.scheme(), "http" | "https") {
            return;
        }
        url.set_fragment(None);
        url.set_username("").unwrap();
        url.set_password(None).unwrap();
        let length = Duration::try_from_secs_f64(duration).unwrap_or_default();
        let length = (length.as_secs_f64() * 1e6).round() as u128;
        self.reading
            .listed
            .push((self.next, role, url.into(), range, gap, length));
    }
}

/// Playlists of the corpus of which the two say something else, and why.
const APART: [(&str, &str); 17] = [
    ("bom", "to it a byte order mark is a URI"),
    (
        "byterange-garbage",
        "a range whose end is no number of 64 bits is none",
    ),
    ("doubled-cr", "its numbers end in a CR, and are none"),
    ("empty-uri", "a key without a URI is asked for by nobody"),
    (
        "key-odd-order",
        "to it a space is a part of the name of the attribute before it",
    ),
    (
        "leading-spaces",
        "to it spaces before a # make a URI of a tag",
    ),
    (
        "map-quoted-comma",
        "to it a space is a part of the name of the attribute behind it",
    ),
    (
        "mixed-kinds",
        "the URI behind an EXT-X-STREAM-INF is no segment",
    ),
    (
        "target-duration-absurd",
        "a target duration is a day at most",
    ),
    (
        "target-duration-fraction",
        "to it a fraction is no target duration",
    ),
    (
        "target-duration-missing",
        "without one the longest segment is taken",
    ),
    (
        "unclosed-quote",
        "to it a tag whose quote stays open is none",
    ),
    (
        "unquoted-uri",
        "to it a tag whose URI is not quoted is none",
    ),
    ("variables-defined-late", "it leaves variables to others"),
    ("variables-doubling", "it leaves variables to others"),
    ("variables-in-attributes", "it leaves variables to others"),
    ("variables-name-value", "it leaves variables to others"),
];

#[test]
fn of_each_playlist_both_read_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let (mut apart, mut said) = (Vec::new(), String::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let body = std::fs::read(&path).unwrap();
        // It reads UTF-8 only.
        let Ok(text) = std::str::from_utf8(&body) else {
            continue;
        };
        let is_text = path.extension().is_some_and(|end| end == "m3u8");
        if !is_text || playlist_kind(&body) != Some(PlaylistKind::Media) {
            continue;
        }
        let (ours, theirs) = (ours(text), theirs(text));
        if ours != theirs {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            said += &format!("{name}:\n  ours   {ours:?}\n  theirs {theirs:?}\n");
            apart.push(name);
        }
    }
    apart.sort();
    let known: Vec<_> = APART.iter().map(|(name, _)| *name).collect();
    assert_eq!(apart, known, "{said}");
}

/// A playlist as packagers write them, in all the forms that tags of segments have.
fn made() -> impl Strategy<Value = String> {
    let uri = "[a-z0-9]{1,6}(/[a-z]{1,4})?\\.(ts|m4s)(\\?[a-z]=[0-9]{1,3})?";
    let seconds = "[0-9]{1,2}(\\.[0-9]{1,6})?";
    let range = "(,BYTERANGE=\"[1-9][0-9]{0,6}@[0-9]{1,6}\")?";
    let part = (
        uri,
        seconds,
        range,
        "(,INDEPENDENT=YES)?(,GAP=YES)?(,X-MORE=\"a,b=c\")?",
    );
    let part = part.prop_map(|(uri, seconds, range, more)| {
        format!("#EXT-X-PART:DURATION={seconds},URI=\"{uri}\"{range}{more}\n")
    });
    let key = (
        uri,
        prop::sample::select(vec!["AES-128", "SAMPLE-AES", "NONE"]),
        "(,IV=0x[0-9A-F]{32})?",
    );
    let key = key.prop_map(|(uri, method, iv)| match method {
        "NONE" => "#EXT-X-KEY:METHOD=NONE\n".to_owned(),
        method => format!("#EXT-X-KEY:METHOD={method},URI=\"{uri}\"{iv}\n"),
    });
    let map = (uri, range).prop_map(|(uri, range)| format!("#EXT-X-MAP:URI=\"{uri}\"{range}\n"));
    let before = prop_oneof![
        3 => Just(String::new()),
        1 => Just("#EXT-X-DISCONTINUITY\n".to_owned()),
        1 => Just("#EXT-X-GAP\n".to_owned()),
        1 => Just("# a comment, URI=\"x.ts\"\n\n".to_owned()),
        1 => Just("#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:00.5Z\n".to_owned()),
        1 => "#EXT-X-BYTERANGE:[1-9][0-9]{0,6}@[0-9]{1,6}\n",
        2 => key,
        1 => map,
        2 => part,
    ];
    let segment = (
        prop::collection::vec(before, 0..4),
        seconds,
        "(,[a-z, ]{0,8})?",
        uri,
    );
    let segment = segment.prop_map(|(before, seconds, title, uri)| {
        let title = if title.is_empty() { "," } else { &title };
        format!("{}#EXTINF:{seconds}{title}\n{uri}\n", before.concat())
    });
    let segments = prop::collection::vec(segment, 0..8);
    let head = (
        1_u64..60,
        0_u64..1 << 40,
        prop::option::of(0_u64..9),
        any::<bool>(),
    );
    (head, segments, any::<bool>()).prop_map(|((target, first, skipped, crlf), segments, ended)| {
        let skip = skipped.map(|count| format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={count}\n"));
        let text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n{}{}{}",
            skip.unwrap_or_default(),
            segments.concat(),
            if ended { "#EXT-X-ENDLIST\n" } else { "" }
        );
        if crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    })
}

proptest! {
    #[test]
    fn of_texts_that_are_made_both_read_the_same(text in made()) {
        prop_assert_eq!(ours(&text), theirs(&text));
    }
}
