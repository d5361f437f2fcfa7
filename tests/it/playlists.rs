//! Playlists: all that a stream has is found, every revision is kept byte for byte, every
//! poll is an exchange.

use std::io::Write;

use crate::support::{Ask, End, Files, Origin, Recorder, Reply, Stage, Window, ts};

const MAIN: &str = r#"#EXTM3U
#EXT-X-SESSION-DATA:DATA-ID="com.example.title",URI="data/title.json"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="keys/session.key"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="audio/en.m3u8"
#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="v",NAME="cam2",URI="cam2/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",URI="subs/en.m3u8"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="cc",INSTREAM-ID="CC1"
#EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO="a",VIDEO="v",SUBTITLES="s"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,AUDIO="a",VIDEO="v",SUBTITLES="s"
high/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI="low/iframes.m3u8"
"#;

/// A stream on demand with everything that a multivariant playlist can name.
fn everything() -> Files {
    let vod = || Window::new(0, 2).ended();
    let named = |ending: &'static str| vod().named(move |n| format!("seg{n}.{ending}"));
    let keyed = vod().headed("#EXT-X-KEY:METHOD=AES-128,URI=\"../keys/low.key\",IV=0x01");
    let mapped = named("m4s").headed("#EXT-X-MAP:URI=\"init.mp4\"");
    let iframes = vod()
        .headed("#EXT-X-I-FRAMES-ONLY")
        .named(|n| format!("iframe{n}.ts"));
    let fmp4 = |label: &str| Reply::new(200, "video/mp4", label);
    let vtt = |label: &str| Reply::new(200, "text/vtt", format!("WEBVTT\n\n{label}\n"));
    Files::default()
        .with("/main.m3u8", Reply::playlist(MAIN))
        .with(
            "/data/title.json",
            Reply::new(200, "application/json", "{\"t\":1}"),
        )
        .with("/keys/session.key", Reply::key(*b"session key 16 b"))
        .with(
            "/keys/low.key",
            Reply::key((0..16).map(|n| n * 17).collect::<Vec<u8>>()),
        )
        .with("/audio/en.m3u8", Reply::playlist(named("aac").text()))
        .with("/audio/seg0.aac", Reply::new(200, "audio/aac", "audio 0"))
        .with("/audio/seg1.aac", Reply::new(200, "audio/aac", "audio 1"))
        .with("/cam2/index.m3u8", Reply::playlist(vod().text()))
        .segments("/cam2", 2)
        .with("/subs/en.m3u8", Reply::playlist(named("vtt").text()))
        .with("/subs/seg0.vtt", vtt("one"))
        .with("/subs/seg1.vtt", vtt("two"))
        .with("/low/index.m3u8", Reply::playlist(keyed.text()))
        .segments("/low", 2)
        .with("/low/iframes.m3u8", Reply::playlist(iframes.text()))
        .with("/low/iframe0.ts", Reply::segment(ts("iframe 0")))
        .with("/low/iframe1.ts", Reply::segment(ts("iframe 1")))
        .with("/high/index.m3u8", Reply::playlist(mapped.text()))
        .with("/high/init.mp4", fmp4("init"))
        .with("/high/seg0.m4s", fmp4("high 0"))
        .with("/high/seg1.m4s", fmp4("high 1"))
}

#[test]
fn a_stream_on_demand_is_recorded_whole_and_the_recording_ends_by_itself() {
    let files = everything();
    let served = files.clone();
    let origin = Origin::new(move |ask| served.reply(ask));
    let finished = Recorder::new(origin.url("/main.m3u8")).run();
    assert!(
        finished.stdout.contains("playlists 7"),
        "{}",
        finished.stdout
    );
    let session = finished.session();

    for (path, reply) in &files.0 {
        let kept = session.answer(&origin.url(path), session.zero_us());
        assert_eq!(
            kept.as_ref(),
            Some(&reply.body),
            "{path}, from the first moment on"
        );
    }
    let faults: Vec<String> =
        session.list("SELECT name FROM timeline WHERE outcome <> 'complete' OR status <> 200");
    assert_eq!(faults, [""; 0]);
    assert_eq!(
        session.rows(
            "SELECT kind, count(*) FROM resource GROUP BY kind ORDER BY kind",
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        ),
        [
            ("data", 1),
            ("init", 1),
            ("key", 2),
            ("main", 1),
            ("media", 6),
            ("segment", 12)
        ]
        .map(|(kind, n)| (kind.to_owned(), n))
    );
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
}

#[test]
fn a_media_playlist_alone_is_recorded_as_well() {
    let files = Files::default()
        .with(
            "/only.m3u8",
            Reply::playlist(Window::new(7, 3).ended().text()),
        )
        .with("/seg7.ts", Reply::segment(ts("7")))
        .with("/seg8.ts", Reply::segment(ts("8")))
        .with("/seg9.ts", Reply::segment(ts("9")));
    let origin = Origin::new(move |ask| files.reply(ask));
    let session = Recorder::new(origin.url("/only.m3u8")).run().session();
    assert_eq!(
        session.list::<String>("SELECT name FROM simple_playlist"),
        ["only.m3u8"]
    );
    assert_eq!(
        session.list::<String>("SELECT id FROM main_playlist"),
        [""; 0]
    );
    assert_eq!(session.number("SELECT count(*) FROM segments"), 3);
    assert_eq!(
        session.rows(
            "SELECT media_sequence, last_sequence, segment_count, ended FROM revision",
            |row| { Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?]) }
        ),
        [[7, 9, 3, 1]]
    );
}

/// Texts that a parser would change if it printed them again.
fn oddities() -> Vec<Vec<u8>> {
    let plain = Window::new(0, 2).text();
    let mut bom = b"\xef\xbb\xbf".to_vec();
    bom.extend_from_slice(plain.as_bytes());
    let mut latin1 = plain.clone().into_bytes();
    latin1.extend_from_slice(b"# caf\xe9\n");
    let mut with_nul = plain.clone().into_bytes();
    with_nul.extend_from_slice(b"# \0 \n");
    vec![
        plain.replace('\n', "\r\n").into_bytes(),
        bom,
        plain.trim_end().as_bytes().to_vec(),
        format!("{plain}\n\n# a comment, and a tag of nobody\n#EXT-X-NOBODY:URI=\"x.bin\",A=1 \n")
            .into_bytes(),
        latin1,
        with_nul,
        plain
            .replace("#EXTINF:1.0,", "#EXTINF:1.000,title, with a comma  ")
            .into_bytes(),
        plain.into_bytes(),
    ]
}

#[test]
fn every_revision_is_kept_byte_for_byte() {
    let revisions = oddities();
    let served = revisions.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/odd.m3u8" => Reply::playlist(served[ask.nth.min(served.len() - 1)].clone()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/odd.m3u8")).start();
    recording.until_at_least(revisions.len() as i64, "SELECT count(*) FROM revision");
    let session = recording.interrupt().session();
    assert_eq!(session.revisions("odd.m3u8"), revisions);
    assert_eq!(
        origin.count("/x.bin"),
        0,
        "a URI in a tag that nobody knows is left alone"
    );
}

/// More than 4 KiB; its segments are marked as absent, so that none is asked for.
fn large(first: u64, count: u64) -> String {
    let uri = |n| format!("#EXT-X-GAP\nvideo/1080p/a-rather-long-name-of-a-segment-{n:08}.ts");
    let window = Window::new(first, count).named(uri);
    let text = window
        .headed(&format!("# published {}", first + count))
        .text();
    assert!(text.len() > 4096);
    text
}

#[test]
fn large_playlists_that_grow_or_slide_come_back_whole_and_cost_what_changed() {
    const REVISIONS: u64 = 6;
    let texts = |name: &str, nth: u64| match name {
        "/grows.m3u8" => large(0, 100 + nth),
        _ => large(1000 + 3 * nth, 100),
    };
    let origin = Origin::new(move |ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ngrows.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nslides.m3u8\n",
        ),
        name => Reply::playlist(texts(name, (ask.nth as u64).min(REVISIONS - 1))),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(
        REVISIONS as i64,
        "SELECT min(n) FROM (SELECT (SELECT count(*) FROM revision v WHERE v.playlist_id = r.id) AS n
           FROM resource r WHERE kind = 'media')",
    );
    let session = recording.interrupt().session();
    let only_playlists = |ask: &Ask| ask.path().ends_with(".m3u8");
    assert!(
        origin.asks().iter().all(only_playlists),
        "absent segments are not asked for"
    );
    // One that only grows shares the lines of its head, too.
    for (name, new_segments) in [("grows.m3u8", 1), ("slides.m3u8", 3)] {
        let in_sql: Vec<String> = session.list(&format!(
            "SELECT t.text FROM revision v JOIN exchange e ON e.id = v.exchange_id
               JOIN body_text t ON t.id = e.body_id JOIN resource r ON r.id = v.playlist_id
              WHERE r.name = '{name}' ORDER BY e.id"
        ));
        let published: Vec<String> = (0..REVISIONS)
            .map(|nth| texts(&format!("/{name}"), nth))
            .collect();
        assert_eq!(in_sql, published, "{name}");
        let lines = session.number(&format!(
            "SELECT count(*) FROM line l JOIN resource r ON r.id = l.resource_id WHERE r.name = '{name}'"
        ));
        let segments = 100 + (REVISIONS - 1) * new_segments;
        // The head of the first revision may be that of all; this one changes.
        let mut first = published[0].lines();
        let head = first.position(|line| line.starts_with("#EXTINF"));
        let rows = segments + head.unwrap() as u64;
        assert_eq!(lines as u64, rows, "{name}: each segment is kept once");
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

pub fn encoded(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => gzip(plain),
        "deflate" => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
            encoder.write_all(plain).unwrap();
            encoder.into_inner()
        }
        _ => zstd::encode_all(plain, 3).unwrap(),
    }
}

#[test]
fn compressed_playlists_are_kept_decoded_and_their_size_on_the_wire_stays_known() {
    const CODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
    let vod = |coding: &str| {
        Window::new(0, 1)
            .headed(&format!("# {coding}"))
            .ended()
            .text()
    };
    let origin = Origin::new(move |ask| {
        let path = ask.path();
        if path == "/main.m3u8" {
            let variants = CODINGS.map(|c| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{c}.m3u8\n"));
            return Reply::playlist(format!("#EXTM3U\n{}", variants.concat()));
        }
        match path.trim_start_matches('/').split_once('.') {
            Some((coding, "m3u8")) => Reply::playlist(encoded(coding, vod(coding).as_bytes()))
                .with("Content-Encoding", coding),
            _ => Reply::segment(ts(path)),
        }
    });
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    for coding in CODINGS {
        let name = format!("{coding}.m3u8");
        assert_eq!(
            session.revisions(&name),
            [vod(coding).into_bytes()],
            "{coding}"
        );
        let (id, wire_bytes, still): (i64, i64, Option<String>) = session.rows(
            &format!("SELECT e.id, e.wire_bytes, e.body_encoding FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name = '{name}'"),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        ).remove(0);
        assert_eq!(
            wire_bytes as usize,
            encoded(coding, vod(coding).as_bytes()).len(),
            "{coding}"
        );
        assert_eq!(
            session.header(id, "content-encoding").as_deref(),
            Some(coding)
        );
        assert_eq!(still, None);
    }
    for ask in origin.asks() {
        let wished = if ask.path().ends_with(".m3u8") {
            "gzip"
        } else {
            "identity"
        };
        assert_eq!(
            ask.header("accept-encoding"),
            Some(wished),
            "{}",
            ask.target
        );
    }
}

#[test]
fn a_damaged_gzip_is_a_recorded_fault_with_its_bytes_as_they_came() {
    let mut damaged = gzip(Window::new(0, 2).text().as_bytes());
    damaged.truncate(30);
    let served = damaged.clone();
    let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 1) => Reply::playlist(served.clone()).with("Content-Encoding", "gzip"),
        ("/live.m3u8", nth) => Reply::playlist(Window::new(nth as u64 / 2, 2).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM revision");
    let session = recording.interrupt().session();
    let (id, coding): (i64, String) = session
        .rows(
            "SELECT id, body_encoding FROM exchange WHERE outcome = 'encoding'",
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .remove(0);
    assert_eq!((session.body(id), coding.as_str()), (damaged, "gzip"));
}

const DATE: &str = "Mon, 02 Feb 2026 10:00:00 GMT";

fn conditional(ask: &Ask, stage: &Stage) -> Reply {
    match ask.path() {
        "/main.m3u8" => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n").dated(ask, DATE)
        }
        "/v.m3u8" => Reply::playlist(Window::new(stage.at(), 2).text()).tagged(ask),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn every_poll_is_an_exchange_and_an_unchanged_one_costs_a_304() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| conditional(ask, &page));
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls without a change", || origin.count("/v.m3u8") >= 4);
    stage.go(1);
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    let before = origin.count("/v.m3u8");
    recording.until("polls after it", || origin.count("/v.m3u8") >= before + 2);
    let session = recording.interrupt().session();

    assert_eq!(
        session.number("SELECT count(*) FROM exchange") as usize,
        origin.asks().len()
    );
    for (name, field) in [
        ("main.m3u8", "if-modified-since"),
        ("v.m3u8", "if-none-match"),
    ] {
        let asks = origin.asks_for(&format!("/{name}"));
        assert!(asks[0].header(field).is_none());
        assert!(
            asks[1..].iter().all(|ask| ask.header(field).is_some()),
            "{name}"
        );
        // Each 304 confirms the revision before it, and changes the answer nowhere.
        let polls: Vec<(i64, i64, Option<i64>, Option<i64>)> = session.rows(
            &format!("SELECT e.id, e.status, e.confirms_id, e.body_id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name = '{name}' ORDER BY e.id"),
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        );
        let mut revision = None;
        for (id, status, confirms, body) in polls {
            if status == 200 {
                revision = Some(id);
                assert!(body.is_some());
            } else {
                assert_eq!((status, confirms, body), (304, revision, None));
                let url = origin.url(&format!("/{name}"));
                assert_eq!(
                    session.answer_with(&url, id).unwrap(),
                    session.body(revision.unwrap())
                );
            }
        }
    }
    assert_eq!(session.number("SELECT count(*) FROM revision WHERE not_before_us IS NOT NULL AND not_before_us < seen_us"), 1);
}

#[test]
fn a_slow_playlist_delays_no_other() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nslow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nquick.m3u8\n",
        ),
        "/slow.m3u8" => Reply::nothing(End::Silent),
        "/quick.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 2).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls of the others, and chunks", || {
        origin.count("/quick.m3u8") >= 8
            && origin.count("/main.m3u8") >= 8
            && origin.count("/seg7.ts") == 1
    });
    assert_eq!(origin.count("/slow.m3u8"), 1, "its first poll is not over");
    let session = recording.interrupt().session();
    assert_eq!(session.outcomes("slow.m3u8"), [(0, "aborted".to_owned())]);
}
