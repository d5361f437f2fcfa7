//! Playlists that are too long, lie, name themselves, or are no text.

use std::fmt::Write;

use super::{As, Case, Trial};
use crate::support::{Ask, Origin, Recorder, Reply, Window, rounds, ts};

fn media(lines: &str) -> String {
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}")
}

/// A tag of one number, with every number that could trip somebody.
fn numbers() -> Vec<Case> {
    const NUMBERS: [&str; 14] = [
        "-1",
        "0",
        "0.2",
        "1e309",
        "NaN",
        "inf",
        "2147483648",
        "4294967296",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999999999999999999",
    ];
    const TAGS: [&str; 10] = [
        "#EXT-X-TARGETDURATION:{}",
        "#EXT-X-MEDIA-SEQUENCE:{}",
        "#EXT-X-DISCONTINUITY-SEQUENCE:{}",
        "#EXT-X-VERSION:{}",
        "#EXTINF:{},",
        "#EXT-X-BYTERANGE:{}@{}",
        "#EXT-X-PART-INF:PART-TARGET={}",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS={}",
        "#EXT-X-SERVER-CONTROL:HOLD-BACK={}",
        "#EXT-X-START:TIME-OFFSET={}",
    ];
    let pairs = TAGS.iter().enumerate().flat_map(|(t, tag)| {
        (0..)
            .zip(NUMBERS)
            .map(move |(n, number)| (t, *tag, n, number))
    });
    let case = |(t, tag, n, number): (usize, &str, usize, &str)| {
        let text = format!("#EXTM3U\n{}\n#EXTINF:1,\ns.ts\n", tag.replace("{}", number));
        Case::new(
            &format!("number {t} {n}"),
            (200, "complete"),
            Reply::playlist(text.clone()),
        )
        .keeping(text)
    };
    pairs.map(case).collect()
}

fn odd() -> Vec<Case> {
    let kept = |name: &str, body: Vec<u8>| {
        Case::new(name, (200, "complete"), Reply::playlist(body.clone())).keeping(body)
    };
    let text = |name: &str, text: &str| kept(name, media(text).into_bytes());
    let none = |name: &str, body: Vec<u8>| {
        Case::new(name, (200, "not a playlist"), Reply::playlist(body.clone())).keeping(body)
    };
    let utf16: Vec<u8> = media("")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut doubling = "#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"xxxxxxxxxx\"\n".to_owned();
    for n in 1..60 {
        let m = n - 1;
        writeln!(
            doubling,
            "#EXT-X-DEFINE:NAME=\"v{n}\",VALUE=\"{{$v{m}}}{{$v{m}}}\""
        )
        .unwrap();
    }
    let expanding = |count: usize| {
        format!(
            "{doubling}{}",
            "#EXTINF:1,\n{$v59}{$v20}{$v12}\n".repeat(count)
        )
    };
    let tagged = |line: String| format!("{}#EXTINF:1,\ns.ts\n", line);
    vec![
        none("html", b"<!DOCTYPE html><script>alert(1)</script>".to_vec()),
        none("utf 16", utf16),
        none("zeros", vec![0; 1000]),
        none("nul first", b"\0#EXTM3U\n".to_vec()),
        none("lower case", b"#extm3u\n".to_vec()),
        kept(
            "byte order mark",
            format!("\u{feff}{}", media("#EXTINF:1,\ns.ts\n")).into_bytes(),
        ),
        kept("nul", media("#EXTINF:1,\ns\0.ts\n").into_bytes()),
        kept(
            "no utf 8",
            [
                media("#EXTINF:1,").into_bytes(),
                vec![0xff, 0xfe, b'\n', b's', b'\n'],
            ]
            .concat(),
        ),
        none("lone returns", media("").replace('\n', "\r").into_bytes()),
        text(
            "escapes",
            "#EXTINF:1,\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}\ns.ts\n",
        ),
        text(
            "forged lines",
            "#EXTINF:1,\r2026-01-01 ERROR forged\ns.ts\n",
        ),
        text(
            "a master inside",
            "#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.1:1/never.m3u8\n#EXTINF:1,\ns.ts\n",
        ),
        text("expanding variables", &expanding(1)),
        text("many expanding variables", &expanding(2000)),
        text(
            "import of nothing",
            "#EXT-X-DEFINE:IMPORT=\"x\"\n#EXTINF:1,\n{$x}.ts\n",
        ),
        text(
            "a query as variable",
            "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXTINF:1,\n{$token}.ts\n",
        ),
        text(
            "one attribute of 200 KB",
            &tagged(format!(
                "#EXT-X-KEY:METHOD=NONE,X-A=\"{}\"\n",
                "x".repeat(200_000)
            )),
        ),
        text(
            "20000 attributes",
            &tagged(format!(
                "#EXT-X-KEY:METHOD=NONE,{}\n",
                "A=1,".repeat(20_000)
            )),
        ),
        text(
            "quotes",
            &tagged(format!("#EXT-X-KEY:METHOD=NONE,{}\n", "\"".repeat(100_000))),
        ),
        text(
            "1000 keyformats",
            &tagged((0..1000).fold(String::new(), |all, n| {
                all + &format!("#EXT-X-KEY:METHOD=NONE,KEYFORMAT=\"{n}\",URI=\"skd://{n}\"\n")
            })),
        ),
        text("100000 blank lines", &"\n".repeat(100_000)),
        text("100000 comments", &"#\n".repeat(100_000)),
        text("ends", &"#EXT-X-ENDLIST\n".repeat(1000)),
        text("discontinuities", &"#EXT-X-DISCONTINUITY\n".repeat(10_000)),
        text(
            "gaps",
            &"#EXT-X-GAP\n#EXTINF:1,\nhttp://127.0.0.1:1/never.ts\n".repeat(100),
        ),
        text(
            "ranges that overflow",
            &"#EXTINF:1,\n#EXT-X-BYTERANGE:9223372036854775807\ns.ts\n".repeat(3),
        ),
    ]
}

#[test]
fn odd_texts_are_kept_as_they_are_and_harm_nobody() {
    let (session, origin) = Trial::new(
        As::Playlist,
        [numbers(), odd()].into_iter().flatten().collect(),
    )
    .with(&["--limit", "downloads=8"])
    .run();
    let asked = origin.asks();
    assert!(asked.iter().all(|ask| ask.target.len() <= 64 * 1024 + 100));
    assert_eq!(
        session.number("SELECT count(*) FROM resource WHERE url LIKE '%never%'"),
        0
    );
    assert_eq!(session.number("SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'media' AND e.lag_us > 60000000"), 0);
}

#[test]
fn a_playlist_that_names_itself_is_polled_as_what_it_is_and_no_deeper_than_two() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\ninner.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
        ),
        "/inner.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ndeeper.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\ninner.m3u8\n",
        ),
        "/v.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 2).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("ten polls", || origin.count("/v.m3u8") >= 10);
    recording.interrupt().session();
    assert_eq!(origin.count("/deeper.m3u8"), 0);
    let (main, v) = (origin.count("/main.m3u8"), origin.count("/v.m3u8"));
    assert!(
        main <= 8 * v,
        "{main} requests for the one that names itself, {v} for the other"
    );
}

/// A stream of one text, beside a good one.
fn beside_a_good_one(
    text: String,
    arguments: &[&str],
    enough: &str,
) -> (crate::support::Session, usize) {
    let evil = Origin::new(move |ask: &Ask| match ask.path() {
        "/evil.m3u8" => Reply::playlist(format!("{text}#EXTINF:1,\nlast{}.ts\n", ask.nth)),
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(0, 1).text()),
        path => Reply::segment(ts(path)),
    });
    let good = Origin::new(super::good);
    let urls = [
        format!("evil={}", evil.url("/evil.m3u8")),
        format!("good={}", good.url("/good.m3u8")),
    ];
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args(arguments.iter().copied())
        .args(urls.iter().map(String::as_str))
        .start();
    recording.until_at_least(1, enough);
    let polls = good.count("/good.m3u8");
    recording.until("the good one is polled on", || {
        good.count("/good.m3u8") > polls + 5
    });
    let memory = recording.most_memory();
    (super::check(recording.interrupt(), &good), memory)
}

#[test]
fn of_too_many_lines_all_are_kept_and_the_end_is_fetched_whatever_chance() {
    // A million lines in the long form.
    let text = media(&"#EXTINF:1,\na\n".repeat(rounds(110_000, 500_000)));
    let (session, memory) = beside_a_good_one(
        text.clone(),
        &[],
        "SELECT count(*) FROM segments WHERE name LIKE 'last%'",
    );
    assert!(memory < super::MEMORY, "{memory}");
    let kept = session.revisions("evil.m3u8").remove(0);
    assert!(kept.starts_with(text.as_bytes()));
    assert!(session.number("SELECT count(*) FROM event WHERE kind = 'too many segments'") > 0);
}

#[test]
fn a_line_of_15_megabytes_is_kept_and_asked_for_by_nobody() {
    let text = media(&format!("#EXTINF:1,\n{}\n", "a".repeat(15 * 1024 * 1024)));
    let (session, memory) = beside_a_good_one(
        text,
        &[],
        "SELECT count(*) FROM segments WHERE name LIKE 'last%'",
    );
    assert!(memory < super::MEMORY, "{memory}");
    assert!(!session.revisions("evil.m3u8").is_empty());
}

#[test]
fn of_too_many_variants_a_bounded_number_is_polled_whatever_chance() {
    let mut text = "#EXTM3U\n".to_owned();
    for n in 0..rounds(20_000, 100_000) {
        write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={n}\nv{n}.m3u8\n").unwrap();
    }
    let (session, memory) = beside_a_good_one(
        text,
        &["--limit", "playlists=40"],
        "SELECT count(*) >= 40 FROM (SELECT DISTINCT resource_id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'media')",
    );
    assert!(memory < super::MEMORY, "{memory}");
    let polled = session.number("SELECT count(DISTINCT resource_id) FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id WHERE r.kind = 'media' AND s.name = 'evil'");
    assert!((39..=41).contains(&polled), "{polled}");
    assert!(session.number("SELECT count(*) FROM event WHERE kind = 'too many playlists'") > 0);
}
