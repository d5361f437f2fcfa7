//! `/NAME/dvr.m3u8`: everything that was recorded, played back out of real recordings.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::replay::Replayer;
use crate::support::client::led;
use crate::support::{Ask, Files, Origin, Recorder, Reply, Stage, Window, ts};

const SEGMENTS: &str =
    "SELECT count(DISTINCT e.id) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind = 'segment' AND e.status IN (200, 206)";

const KEYS_AND_SECTIONS: &str =
    "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind IN ('key', 'init') AND e.status IN (200, 206)";
/// Head and body of an answer.
fn get(replayer: &Replayer, path: &str, fields: &str) -> (String, Vec<u8>) {
    let mut connection = TcpStream::connect(&replayer.address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

pub fn playlist(replayer: &Replayer, path: &str) -> String {
    let (head, body) = get(replayer, path, "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
    assert!(
        head.contains("content-type: application/vnd.apple.mpegurl"),
        "{head}"
    );
    String::from_utf8(body).unwrap()
}

/// A playlist that comes in gzip: the fields of its answer, and its text.
fn compressed(replayer: &Replayer, path: &str) -> (String, String) {
    let (head, body) = get(replayer, path, "Accept-Encoding: br, gzip\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
    for wanted in ["content-encoding: gzip", "vary: Accept-Encoding"] {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(body.len() < text.len() / 3, "{} bytes", body.len());
    (head, text)
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .into_iter()
        .find_map(|(n, value)| (n == name).then_some(value))
        .unwrap_or_default()
}

/// The paths of playlists in a multivariant one, which is `/dvr.m3u8`.
fn variants(main: &str) -> Vec<String> {
    main.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| led("/dvr.m3u8", line))
        .collect()
}

/// A playlist with what its references bring in their places: text of a chunk, or its status.
fn resolved(replayer: &Replayer, playlist: &str) -> String {
    let bring = |path: &str| {
        let (head, body) = get(replayer, path, "");
        match head.get(9..12) {
            Some("200") => label(&body),
            status => format!("{status:?}"),
        }
    };
    let mut text = String::new();
    for line in playlist.lines() {
        let line = match line.split_once("exchange/") {
            Some((before, rest)) => {
                let before = before.trim_end_matches("../");
                let end = rest.find('"').unwrap_or(rest.len());
                let (path, behind) = rest.split_at(end);
                format!("{before}{}{behind}", bring(&format!("/exchange/{path}")))
            }
            None => line.to_owned(),
        };
        writeln!(text, "{line}").unwrap();
    }
    text
}

/// What a test wrote into a chunk.
fn label(body: &[u8]) -> String {
    let is_text = |b: &u8| b.is_ascii_graphic();
    let text: Vec<u8> = body.iter().copied().filter(is_text).take(24).collect();
    let text = String::from_utf8(text).unwrap();
    let end = text.rfind(';').unwrap_or(text.len());
    text[..end].trim_start_matches('G').to_owned()
}

/// A variant with a key for each page, without IVs; a segment that stays away; and an encoder that
/// starts again, with the names from before, that of the key too.
fn encrypted(ask: &Ask, page: u64) -> Reply {
    match ask.path() {
        "/a/key" | "/a/second.key" => Reply::key(format!("key-of-page-{page};").into_bytes()),
        "/a/live.m3u8" => {
            let window = match page {
                0 => Window::new(5000, 2),
                1 => Window::new(5001, 4),
                _ => Window::new(0, 2),
            };
            let uri = if page == 0 { "key" } else { "second.key" };
            let key = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\"");
            let named = window.headed(&key).named(|n| format!("s{}.ts", n % 5000));
            let text = named.text();
            Reply::playlist(match page {
                1 => text.replace(
                    "#EXTINF:1.0,\ns3.ts",
                    "#EXT-X-DISCONTINUITY\n#EXTINF:1.0,\ns3.ts",
                ),
                _ => text,
            })
        }
        "/a/s3.ts" => Reply::not_found(),
        path => Reply::segment(ts(&format!("{path}-of-page-{page};"))),
    }
}

/// Parts of two files, each with an initialization section at its beginning.
fn ranges(ask: &Ask, page: u64) -> Reply {
    let file = |name: &str| {
        let part = |n: usize| format!("{name}-part-{n};..............")[..16].to_owned();
        (0..8).map(part).collect::<String>().into_bytes()
    };
    match ask.path() {
        "/b/live.m3u8" => {
            let list = |name: &str, count: usize| {
                let part = |n: usize| {
                    let offset = if n == 1 { "@16" } else { "" };
                    format!("#EXTINF:1.0,\n#EXT-X-BYTERANGE:16{offset}\n{name}\n")
                };
                let parts: String = (1..=count).map(part).collect();
                format!("#EXT-X-MAP:URI=\"{name}\",BYTERANGE=\"16@0\"\n{parts}")
            };
            let head =
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:1\n#EXT-X-INDEPENDENT-SEGMENTS\n";
            let second = format!("#EXT-X-DISCONTINUITY\n{}", list("y.mp4", 2));
            Reply::playlist(match page {
                0 => head.to_owned() + &list("x.mp4", 2),
                _ => head.to_owned() + &list("x.mp4", 3) + &second,
            })
        }
        path => Reply::ranged(ask, &file(path.trim_start_matches("/b/"))),
    }
}

#[test]
fn a_recording_with_everything_in_it_is_one_playlist() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\na/live.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb/live.m3u8\n\
             #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"ftp://h/i.m3u8\"\n",
        ),
        path if path.starts_with("/a/") => encrypted(ask, page.at()),
        _ => ranges(ask, page.at()),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(4, SEGMENTS);
    stage.go(1);
    recording.until_at_least(9, SEGMENTS);
    recording.until_at_least(4, KEYS_AND_SECTIONS);
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 404");
    stage.go(2);
    recording.until_at_least(11, SEGMENTS);
    recording.until_at_least(5, KEYS_AND_SECTIONS);
    let session = recording.interrupt().session();

    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let main = playlist(&replayer, "/dvr.m3u8");
    let paths = variants(&main);
    assert_eq!(paths.len(), 2, "{main}");
    assert!(main.contains("URI=\"ftp://h/i.m3u8\""), "{main}");
    let encrypted = resolved(&replayer, &playlist(&replayer, &paths[0]));
    let key = |page: u32, iv: u64| {
        format!(
            "#EXT-X-KEY:METHOD=AES-128,URI=\"key-of-page-{page}\",IV=0x{iv:032x}\n#EXTINF:1.0,\n"
        )
    };
    let wanted = [
        "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:5000\n#EXT-X-PLAYLIST-TYPE:VOD\n",
        &key(0, 5000),
        "/a/s0.ts-of-page-0\n",
        &key(0, 5001),
        "/a/s1.ts-of-page-0\n",
        &key(1, 5002),
        "/a/s2.ts-of-page-1\n",
        "#EXT-X-DISCONTINUITY\n#EXTINF:1.0,\n#EXT-X-GAP\nSome(\"404\")\n",
        &key(1, 5004),
        "/a/s4.ts-of-page-1\n",
        "#EXT-X-DISCONTINUITY\n",
        &key(2, 0),
        "/a/s0.ts-of-page-2\n",
        &key(2, 1),
        "/a/s1.ts-of-page-2\n",
        "#EXT-X-ENDLIST\n",
    ];
    assert_eq!(encrypted, wanted.concat());

    let ranged = resolved(&replayer, &playlist(&replayer, &paths[1]));
    let wanted = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:1000\n\
        #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n\
        #EXT-X-MAP:URI=\"x.mp4-part-0\",BYTERANGE=\"16@0\"\n\
        #EXTINF:1.0,\nx.mp4-part-1\n#EXTINF:1.0,\nx.mp4-part-2\n#EXTINF:1.0,\nx.mp4-part-3\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"y.mp4-part-0\",BYTERANGE=\"16@0\"\n\
        #EXTINF:1.0,\ny.mp4-part-1\n#EXTINF:1.0,\ny.mp4-part-2\n#EXT-X-ENDLIST\n";
    assert_eq!(ranged, wanted);
    is_the_same_everywhere(
        &replayer,
        &session.path().join("..").canonicalize().unwrap(),
        &paths,
    );
}

/// Another replayer, at another time and with faults on top, says the same.
fn is_the_same_everywhere(one: &Replayer, sessions: &std::path::Path, paths: &[String]) {
    let arguments = [
        "-p",
        "0",
        "--zero",
        "2020-01-01T00:00:00Z",
        "--faults",
        "none",
        "--inject",
        "segment status=500",
        "session1",
    ];
    let other = Replayer::start(sessions, &arguments);
    for path in paths {
        let text = playlist(one, path);
        assert_eq!(playlist(&other, path), text);
        let chunk = text.lines().rfind(|line| line.contains("exchange/"));
        let chunk = &led(path, chunk.unwrap());
        let (head, body) = get(&other, chunk, "Range: bytes=1-3\r\n");
        assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
        assert!(
            head.contains("cache-control: max-age=31536000, immutable"),
            "{head}"
        );
        assert_eq!(body, get(one, chunk, "").1[1..4]);
        let (head, _) = get(one, path, "");
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap();
        let (again, body) = get(one, path, &format!("If-None-Match: {tag}\r\n"));
        assert!(
            again.starts_with("HTTP/1.1 304 ") && body.is_empty(),
            "{again}"
        );
    }
    for nothing in [
        "/@5/dvr.m3u8",
        "/other/dvr.m3u8",
        "/dvr/999999.m3u8",
        "/exchange/999999/a.ts",
    ] {
        let (head, _) = get(one, nothing, "");
        assert!(head.starts_with("HTTP/1.1 404 "), "{nothing}: {head}");
    }
}

/// Lines behind the head.
fn segments(playlist: &str) -> &str {
    let at = playlist.find("#EXTINF").unwrap_or(playlist.len());
    &playlist[at..]
}

#[test]
fn while_it_is_recorded_it_only_grows_at_its_end() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        // Comes later than the ones behind it.
        "/seg5.ts" | "/seg9.ts" if ask.nth == 0 => Reply::html(503),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, SEGMENTS);
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let mut fetched: Vec<String> = Vec::new();
    recording.until("a list of fourteen segments", || {
        let (head, body) = get(&replayer, "/dvr.m3u8", "");
        let text = String::from_utf8(body).unwrap();
        if head.starts_with("HTTP/1.1 503 ") {
            assert!(fetched.is_empty(), "{head}");
            return false;
        }
        assert!(
            text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !text.contains("ENDLIST"),
            "{text}"
        );
        if let Some(before) = fetched.last() {
            assert!(text.starts_with(before), "{before}\nthen\n{text}");
        }
        fetched.push(text);
        fetched.last().unwrap().matches("#EXTINF").count() >= 14
    });
    let anew = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    assert!(playlist(&anew, "/dvr.m3u8").starts_with(fetched.last().unwrap()));
    let session = recording.interrupt().session();
    let finished = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let vod = playlist(&finished, "/dvr.m3u8");
    assert!(
        vod.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && vod.ends_with("#EXT-X-ENDLIST\n"),
        "{vod}"
    );
    assert!(
        segments(&vod).starts_with(segments(fetched.last().unwrap())),
        "{vod}"
    );
    assert!(
        !vod.contains("GAP") && !vod.contains("DISCONTINUITY"),
        "{vod}"
    );
    let listed = resolved(&finished, &vod);
    for n in 0..14 {
        assert!(listed.contains(&format!("\n/seg{n}.ts")), "{n}: {listed}");
    }
}

#[test]
fn a_long_window_that_is_there_at_the_start_is_all_there() {
    // More than what is kept as one text; listed at once, and fetched newest first.
    let window =
        |first| Window::new(first, 200).named(|n| format!("a-name-that-takes-its-room/seg{n}.ts"));
    let files = Files::default().segments("/a-name-that-takes-its-room", 204);
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(window(page.at()).text()),
        _ => files.reply(ask),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    for slid in 0..=4 {
        stage.go(slid);
        recording.until_at_least(200 + slid as i64, SEGMENTS);
    }
    let session = recording.interrupt().session();
    assert!(session.number("SELECT count(*) FROM body WHERE first_line IS NOT NULL") >= 5);
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let vod = playlist(&replayer, "/dvr.m3u8");
    let names: Vec<&str> = vod.lines().filter(|line| !line.starts_with('#')).collect();
    let number = |path: &&str| {
        path.rsplit("seg")
            .next()
            .unwrap()
            .trim_end_matches(".ts")
            .parse()
    };
    let numbers: Result<Vec<u64>, _> = names.iter().map(number).collect();
    assert_eq!(numbers.unwrap(), (0..204).collect::<Vec<_>>());
    assert!(!vod.contains("GAP") && !vod.contains("DISCONTINUITY"));
    let (head, body) = get(&replayer, &led("/dvr.m3u8", names[203]), "");
    assert!(head.contains("content-type: video/mp2t"), "{head}");
    assert_eq!(body, ts("/a-name-that-takes-its-room/seg203.ts"));
}

#[test]
fn a_large_one_is_compressed_for_who_takes_that() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 60).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(60, SEGMENTS);
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let mut before = String::new();
    recording.until("a compressed list that has grown twice", || {
        let (head, body) = get(&replayer, "/dvr.m3u8", "");
        if head.starts_with("HTTP/1.1 503 ") || body.len() < 1024 {
            return false;
        }
        let plain = String::from_utf8(body).unwrap();
        let (_, text) = compressed(&replayer, "/dvr.m3u8");
        assert!(text.starts_with(&plain), "{plain}\nthen\n{text}");
        assert!(text.starts_with(&before), "{before}\nthen\n{text}");
        let has_grown = !before.is_empty() && text.len() > before.len();
        before = text;
        has_grown
    });
    let session = recording.interrupt().session();
    let finished = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let (head, body) = get(&finished, "/dvr.m3u8", "");
    assert_eq!(field(&head, "content-encoding"), "");
    assert_eq!(field(&head, "vary"), "Accept-Encoding");
    // The second time out of what is kept.
    for _ in 0..2 {
        let (small, text) = compressed(&finished, "/dvr.m3u8");
        assert_eq!(text.as_bytes(), body);
        let tag = format!("W/{}", field(&head, "etag"));
        assert_eq!(field(&small, "etag"), tag);
        let fields = format!("Accept-Encoding: gzip\r\nIf-None-Match: {tag}\r\n");
        let (same, nothing) = get(&finished, "/dvr.m3u8", &fields);
        assert!(same.starts_with("HTTP/1.1 304 "), "{same}");
        assert_eq!((field(&same, "etag"), nothing.len()), (&*tag, 0));
    }
}

/// Segments of a second each, with their dates: the first window, then three segments further than it ends.
fn jumps(ask: &Ask, page: u64) -> Reply {
    let window = |first: u64, with_dates: bool| {
        let date = format!("#EXT-X-PROGRAM-DATE-TIME:2026-11-30T12:00:{first:02}Z");
        let window = Window::new(first, 3);
        match with_dates {
            true => window.headed(&date).text(),
            false => window.text(),
        }
    };
    match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\na/live.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb/live.m3u8\n",
        ),
        "/a/live.m3u8" => Reply::playlist(window(10 + 6 * page, true)),
        "/b/live.m3u8" => Reply::playlist(window(10 + 6 * page, false)),
        path => Reply::segment(ts(&format!("{path};"))),
    }
}

#[test]
fn what_a_window_that_jumped_never_listed_is_there_as_gaps_where_dates_say_how_long_it_was() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| jumps(ask, page.at()));
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(6, SEGMENTS);
    stage.go(1);
    recording.until_at_least(12, SEGMENTS);
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let paths = variants(&playlist(&replayer, "/dvr.m3u8"));
    let mut before = Vec::new();
    for path in &paths {
        let mut text = String::new();
        recording.until("a list of all segments", || {
            text = playlist(&replayer, path);
            text.contains("seg18.ts")
        });
        before.push(text);
    }
    let session = recording.interrupt().session();
    let finished = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let bodies = |text: &str| resolved(&finished, text).replace("#EXTINF:1.0,\n", "");
    let lists: Vec<String> = paths.iter().map(|path| playlist(&finished, path)).collect();
    for (list, before) in lists.iter().zip(&before) {
        assert!(
            segments(list).starts_with(segments(before)),
            "{before}\nthen\n{list}"
        );
    }
    assert_eq!(lists[0].matches("exchange/0/never-listed.ts\n").count(), 3);
    let gap = "#EXTINF:1.000000,\n#EXT-X-GAP\nSome(\"404\")\n";
    let dated = bodies(&lists[0]);
    assert!(dated.contains("#EXT-X-MEDIA-SEQUENCE:10\n"), "{dated}");
    let wanted = format!(
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-30T12:00:10Z\n/a/seg10.ts\n/a/seg11.ts\n/a/seg12.ts\n{}\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-30T12:00:16Z\n/a/seg16.ts\n",
        gap.repeat(3)
    );
    assert!(dated.contains(&wanted), "{dated}");
    let undated = bodies(&lists[1]);
    let wanted = "/b/seg12.ts\n#EXT-X-DISCONTINUITY\n/b/seg16.ts\n";
    assert!(
        undated.contains(wanted) && !undated.contains("GAP"),
        "{undated}"
    );
}
