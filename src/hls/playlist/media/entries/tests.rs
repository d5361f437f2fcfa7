use super::*;
use crate::hls::testing::{any_body, playlist_text, url};
use crate::hls::text::numbers::LARGEST;
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
    let segments = lists("#EXTINF:1,\na\n", MOST_SEGMENTS + 7);
    assert_eq!(
        (segments.entries.len(), segments.left_out),
        (MOST_SEGMENTS, 7)
    );
    assert_eq!(segments.entries[0].sequence, 7);
    for line in [
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n",
        "#EXT-X-MAP:URI=\"m\"\n",
    ] {
        let playlist = lists(line, MOST_ENTRIES + 7);
        let counts = (playlist.entries.len(), playlist.left_out);
        assert_eq!(counts, (MOST_ENTRIES, 7), "{line}");
    }
}

#[test]
fn parts_are_entries_of_their_segment_with_ranges_that_go_on_and_keys_are_used_by_them() {
    let playlist = read(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=1.1\n#EXT-X-MEDIA-SEQUENCE:7\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,PART-HOLD-BACK=3.3,HOLD-BACK=12\n\
         #EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n\
         #EXT-X-PART:DURATION=1,URI=\"a.mp4\",BYTERANGE=\"100@0\"\n\
         #EXT-X-PART:DURATION=1.5,URI=\"a.mp4\",BYTERANGE=\"50\",GAP=YES\n\
         #EXT-X-PART:DURATION=1,INDEPENDENT=YES,URI=\"a.mp4\",BYTERANGE=\"7\"\n#EXTINF:4,\na.mp4\n\
         #EXT-X-KEY:METHOD=AES-128,URI=\"k2\"\n#EXT-X-PART:DURATION=1,URI=\"b.0.mp4\"\n\
         #EXT-X-PART:DURATION=1\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b.2.mp4\"\n",
    );
    assert_eq!(
        listed(&playlist),
        [
            "Init /live/i.mp4 7-8",
            "Key /live/k1 7-7",
            "Part /live/a.mp4 0+100 7-7",
            "Part /live/a.mp4 100+50 7-7 gap",
            "Part /live/a.mp4 150+7 7-7",
            "Segment /live/a.mp4 7-7",
            "Key /live/k2 8-8",
            "Part /live/b.0.mp4 8-8",
        ]
    );
    let places: Vec<u64> = playlist.entries.iter().map(|entry| entry.part).collect();
    assert_eq!(places, [0, 0, 0, 1, 2, 0, 0, 0]);
    let facts = &playlist.facts;
    assert_eq!((facts.last_parts, facts.next_parts), (3, 2));
    assert_eq!(facts.last_sequence, Some(7));
    let seconds = Duration::from_secs_f64;
    let control = ServerControl {
        can_block: true,
        can_skip_until: Some(seconds(24.0)),
        hold_back: Some(seconds(12.0)),
        part_hold_back: Some(seconds(3.3)),
    };
    assert_eq!(facts.control, control);
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
        numbered: true,
        segment_count: 4,
        last_sequence: Some(7797),
        last_uri: Some("f53-A.ts".to_owned()),
        target_duration: Some(Duration::from_secs(15)),
        target_is_stated: true,
        duration: Duration::from_millis(46_166),
        ..MediaFacts::default()
    };
    assert_eq!(playlist.facts, facts);
    assert_eq!(*playlist.entries[1].url, url("https://h/live/f52-A.ts"));
    let durations: Vec<f64> = playlist
        .entries
        .iter()
        .map(|e| e.duration.as_secs_f64())
        .collect();
    assert_eq!(durations, [0.0, 2.833, 15.0, 13.333, 0.0, 15.0]);
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
        (0, Some(LARGEST))
    );
    assert!(!facts.numbered, "nothing can be counted from it");
    let facts = read(
        "#EXT-X-MEDIA-SEQUENCE:-4\n#EXT-X-TARGETDURATION:999999\n\
         #EXT-X-PART-INF:PART-TARGET=x\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:x\n#EXT-X-I-FRAMES-ONLY\n#EXT-X-ENDLIST\n",
    )
    .facts;
    assert_eq!((facts.media_sequence, facts.discontinuity_sequence), (0, 0));
    assert_eq!(facts.target_duration, None);
    assert_eq!(facts.part_target, None);
    assert!(facts.ended && facts.i_frames_only);
}

#[test]
fn what_states_no_target_duration_that_can_be_is_measured_by_its_longest_segment() {
    let of = |head: &str, segments: &str| {
        let facts = read(&format!("#EXTM3U\n{head}{segments}")).facts;
        (facts.target_duration, facts.target_is_stated)
    };
    let segments = "#EXTINF:3.9,\na\n#EXTINF:4.4,\nb\n#EXTINF:2,\nc\n";
    let tag = |value| format!("#EXT-X-TARGETDURATION:{value}\n");
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(of(&tag("6"), segments), (seconds(6), true));
    for value in [
        "0",
        "-6",
        "1e9",
        "1000000000",
        "18446744073709551615",
        "six",
        "",
    ] {
        assert_eq!(of(&tag(value), segments), (seconds(4), false), "{value}");
        assert_eq!(of(&tag(value), ""), (None, false), "{value}");
    }
    assert_eq!(of("", segments), (seconds(4), false));
    assert_eq!(of("", "#EXTINF:0.2,\na\n"), (seconds(1), false));
    assert_eq!(of("", "a\n"), (None, false), "nothing is known of it");
    let parts = |value| {
        let text = format!("#EXTM3U\n#EXT-X-PART-INF:PART-TARGET={value}\n");
        read(&text).facts.part_target
    };
    assert_eq!(
        [parts("0"), parts("0.0"), parts("1")],
        [None, None, seconds(1)]
    );
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

/// What an origin does to the lines of its playlist from one revision to the next.
#[derive(Debug, Clone)]
enum Change {
    Append(Vec<String>),
    /// So many lines behind the first go.
    Slide(usize),
    Replace(usize, String),
    Insert(usize, String),
    /// Every line gets this at its end: tokens.
    Token(String),
    /// Everything begins again.
    Restart(Vec<String>),
    /// A redirect leads elsewhere.
    Move(usize),
    /// The multivariant playlist gives its variables other values.
    Import(usize),
}

/// Lines of which there are few, so that the same come again.
fn some_line() -> impl Strategy<Value = String> {
    let few = prop::sample::select(vec![
        "#EXTINF:2,",
        "#EXT-X-MEDIA-SEQUENCE:7",
        "#EXT-X-MEDIA-SEQUENCE:8",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-DISCONTINUITY-SEQUENCE:3",
        "#EXT-X-BYTERANGE:5@10",
        "#EXT-X-BYTERANGE:5",
        "#EXT-X-GAP",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=3",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k2\",KEYFORMAT=\"x\"",
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\"",
        "#EXT-X-KEY:METHOD=NONE",
        "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"5@0\"",
        "#EXT-X-MAP:URI=\"{$a}.mp4\"",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"one/\"",
        "#EXT-X-DEFINE:IMPORT=\"a\"",
        "#EXT-X-DEFINE:QUERYPARAM=\"b\"",
        "#EXT-X-STREAM-INF:BANDWIDTH=1",
        "{$a}/s.ts",
        "{$b}/s.ts",
        "a.ts",
        "b.ts",
        "../c.ts?x=1",
        "/d.ts#t=1",
        "//u:p@other.example/e.ts",
        "rtmp://h/f",
    ]);
    prop_oneof![4 => few.prop_map(str::to_owned), 3 => "[a-d][0-9]\\.ts", 1 => "\\PC{0,12}"]
}

fn some_change() -> impl Strategy<Value = Change> {
    let lines = || prop::collection::vec(some_line(), 0..12);
    prop_oneof![
        4 => prop::collection::vec(some_line(), 0..4).prop_map(Change::Append),
        2 => (0..5_usize).prop_map(Change::Slide),
        1 => (0..20_usize, some_line()).prop_map(|(at, line)| Change::Replace(at, line)),
        1 => (0..20_usize, some_line()).prop_map(|(at, line)| Change::Insert(at, line)),
        1 => "\\?[ab]".prop_map(Change::Token),
        1 => lines().prop_map(Change::Restart),
        1 => (0..3_usize).prop_map(Change::Move),
        1 => (0..3_usize).prop_map(Change::Import),
    ]
}

/// The origin of a playlist.
struct Origin {
    lines: Vec<String>,
    base: Url,
    imports: Variables,
}

impl Origin {
    fn change(&mut self, change: Change) {
        let count = self.lines.len();
        match change {
            Change::Append(lines) => self.lines.extend(lines),
            Change::Slide(by) => drop(self.lines.drain(1.min(count)..(1 + by).min(count))),
            Change::Replace(at, line) if count > 0 => self.lines[at % count] = line,
            Change::Replace(_, line) => self.lines.push(line),
            Change::Insert(at, line) => self.lines.insert(at % (count + 1), line),
            Change::Token(token) => self.lines.iter_mut().for_each(|line| *line += &token),
            Change::Restart(lines) => self.lines = lines,
            Change::Move(to) => {
                let bases = [
                    "https://h/live/p.m3u8?b=1",
                    "https://h/live/p.m3u8?b=2",
                    "http://h2/x/",
                ];
                self.base = url(bases[to]);
            }
            Change::Import(to) => {
                let define = format!("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"v{to}\"\n");
                let none = Variables::default();
                self.imports = Variables::read(define.as_bytes(), &self.base, &none);
            }
        }
    }
}

proptest! {
    #[test]
    fn revisions_are_read_as_if_each_were_the_first(
        lines in prop::collection::vec(some_line(), 0..40),
        changes in prop::collection::vec(some_change(), 1..12),
        end in prop::sample::select(vec!["", "\n", "\r\n"]),
    ) {
        let base = url("https://u:p@h/live/p.m3u8?b=0");
        let mut origin = Origin { lines, base, imports: Variables::default() };
        let mut reader = MediaReader::default();
        for change in changes {
            origin.change(change);
            let body = Bytes::from(origin.lines.join("\n") + end);
            let fresh = read_media(&body, &origin.base, &origin.imports);
            let found = reader.read(&body, &origin.base, &origin.imports);
            prop_assert_eq!(found, fresh, "{:?}", body);
        }
    }
}

#[test]
fn entries_that_stay_share_their_urls() {
    let base = url("https://h/live/p.m3u8");
    let window = |from: usize| {
        let lines = (from..from + 100).map(|n| format!("#EXTINF:2,\n{n}.ts\n"));
        Bytes::from(format!(
            "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{from}\n{}",
            lines.collect::<String>()
        ))
    };
    let mut reader = MediaReader::default();
    let none = Variables::default();
    let before = reader.read(&window(0), &base, &none).entries;
    let after = reader.read(&window(30), &base, &none).entries;
    let shared = |(old, new): (&Entry, &Entry)| Arc::ptr_eq(&old.url, &new.url);
    assert!(before[30..].iter().zip(&after).all(shared));
    reader.forget();
    let anew = reader.read(&window(30), &base, &none).entries;
    assert!(!Arc::ptr_eq(&anew[0].url, &after[0].url));
}

#[test]
fn a_short_text_of_long_urls_is_counted() {
    let base = url(&format!("https://h/{}/p.m3u8", "x".repeat(8_000)));
    let text = Bytes::from("a\n".repeat(4_400));
    let mut reader = MediaReader::default();
    assert_eq!(reader.beside_text(), 0);
    let entries = reader.read(&text, &base, &Variables::default()).entries;
    let urls: usize = entries.iter().map(|e| e.url.as_str().len()).sum();
    let lists = urls + entries.len() * size_of::<Url>();
    assert!(reader.beside_text() > lists, "{}", reader.beside_text());
    assert!(reader.beside_text() < 2 * lists, "{}", reader.beside_text());
    let again = reader.read(&text, &base, &Variables::default()).entries;
    assert!(Arc::ptr_eq(&again[0].url, &entries[0].url));
    assert!(reader.beside_text() > lists, "URLs that are shared count");
    reader.forget();
    assert_eq!(reader.beside_text(), 0);
}

#[test]
fn a_short_url_at_a_long_base_takes_what_it_is_long() {
    let base = url(&format!("https://h/{}/p.m3u8", "x".repeat(60_000)));
    let entries = read_media(b"../a\n../b\n", &base, &Variables::default()).entries;
    for entry in entries {
        let url = String::from(Arc::into_inner(entry.url).unwrap());
        assert!(url.capacity() < 2 * url.len(), "{}", url.capacity());
    }
}

#[test]
fn a_date_is_that_of_the_next_segment_wherever_it_stands_before_it() {
    let end_us = |lines: &str| {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{lines}");
        let base = "http://h/live.m3u8".parse().unwrap();
        let media = read_media(text.as_bytes(), &base, &Variables::default());
        media.facts.end_date_us
    };
    let date = "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:01:00Z\n";
    let (segment, breaks) = ("#EXTINF:2,\ns.ts\n", "#EXT-X-DISCONTINUITY\n");
    for order in [[date, breaks], [breaks, date]] {
        assert_eq!(end_us(&(order.concat() + segment)), Some(62_000_000));
    }
    assert_eq!(end_us(&[date, segment, segment].concat()), Some(64_000_000));
    assert_eq!(end_us(&[date, segment, breaks, segment].concat()), None);
}
