//! What came is measured: partial answers, lengths, codings. And it is replayed as it came.

use std::io::Read;

use crate::replay::Replayer;
use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Window, client, ts};

/// A reply as it goes over the wire.
fn raw(head: &str, body: &[u8]) -> Reply {
    let mut bytes = format!("HTTP/1.1 {head}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    Reply {
        body: bytes,
        ..Reply::nothing(End::Raw)
    }
}

/// What came of each name in the end: status, outcome, note.
fn last(session: &Session, name: &str) -> (i64, String, String) {
    let sql = format!(
        "SELECT e.status, e.outcome, ifnull(e.note, ifnull(e.error, '')) FROM exchange e
           JOIN resource r ON r.id = e.resource_id WHERE r.name = '{name}' ORDER BY e.id DESC LIMIT 1"
    );
    let mut rows = session.rows(&sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.remove(0)
}

/// An answer of a replay: its head and its body.
fn answer(replayer: &Replayer, target: &str, fields: &str) -> (String, Vec<u8>) {
    let mut stream = client::ask_with(&replayer.address, target, fields);
    let mut bytes = Vec::new();
    // It may break, as what it replays did.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}

fn vod(names: &[&str], range: &str) -> String {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
    for name in names {
        text += &format!("#EXTINF:1,\n{range}{name}\n");
    }
    text + "#EXT-X-ENDLIST\n"
}

fn parts(ask: &Ask) -> Reply {
    let part = |fields: &str, body: &[u8]| {
        let length = body.len();
        raw(
            &format!("206 Part\r\nContent-Type: video/mp2t\r\n{fields}Content-Length: {length}"),
            body,
        )
    };
    let several = "--x\r\nContent-Range: bytes 5-9/20\r\n\r\nhello\r\n--x--\r\n";
    match ask.path() {
        "/vod.m3u8" => {
            let names = [
                "silent.ts",
                "few.ts",
                "several.ts",
                "liar.ts",
                "labelled.ts",
            ];
            Reply::playlist(vod(&names, "#EXT-X-BYTERANGE:5@5\n"))
        }
        "/silent.ts" => part("", b"hello"),
        "/few.ts" => part("", b"he"),
        "/several.ts" => Reply::new(206, "multipart/byteranges; boundary=x", several),
        "/liar.ts" => part("Content-Range: bytes 50-69/100\r\n", b"hello"),
        _ => part(
            "Content-Range: bytes 5-9/20\r\nContent-Encoding: identity\r\n",
            b"hel",
        ),
    }
}

#[test]
fn a_part_that_does_not_say_what_it_is_counts_by_its_length_and_a_lie_is_replayed_as_it_was_told() {
    let origin = Origin::new(parts);
    let finished = Recorder::new(origin.url("/vod.m3u8")).run();
    let folder = finished.folder().to_owned();
    let session = finished.session();
    let of = |name: &str| last(&session, name);
    let (status, outcome, note) = of("silent.ts");
    assert_eq!((status, outcome.as_str()), (206, "complete"));
    assert!(note.contains("Content-Range"), "{note}");
    for name in ["few.ts", "several.ts", "liar.ts", "labelled.ts"] {
        let (status, outcome, why) = of(name);
        assert_eq!(
            (status, outcome.as_str()),
            (206, "protocol"),
            "{name}: {why}"
        );
    }

    let replayer = Replayer::start(
        &folder.join("sessions"),
        &["-p", "0", "-o", "0", "session1"],
    );
    let host = origin.url("").replace("http://", "");
    let host = host.trim_end_matches('/');
    let get = |name: &str| {
        answer(
            &replayer,
            &format!("/http/{host}/{name}"),
            "Range: bytes=5-9\r\n",
        )
    };
    let (head, body) = get("silent.ts");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert_eq!(body, b"hello");
    let (head, body) = get("few.ts");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert!(!head.contains("content-range"), "nobody said one: {head}");
    assert_eq!(body, b"he");
    let (head, body) = get("liar.ts");
    assert!(head.contains("content-range: bytes 50-69/100"), "{head}");
    assert_eq!(body, b"hello", "and it does not break");
}

#[test]
fn chunked_counts_before_any_length() {
    let both = |length: usize| {
        let head = format!("200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked");
        raw(&head, b"5\r\nhello\r\n0\r\n\r\n")
    };
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(vod(&["more.ts", "less.ts"], "")),
        "/more.ts" => both(5_000),
        _ => both(2),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    for name in ["more.ts", "less.ts"] {
        let (status, outcome, note) = last(&session, name);
        assert_eq!((status, outcome.as_str()), (200, "complete"), "{name}");
        assert!(note.contains("Content-Length"), "{note}");
        let url = origin.url(&format!("/{name}"));
        assert_eq!(
            session.answer(&url, session.end_us()),
            Some(b"hello".to_vec())
        );
    }
}

#[test]
fn what_is_no_content_coding_changes_nothing_about_a_channel() {
    for name in ["aws-chunked", "UTF-8", "none", "binary, x-unknown"] {
        let origin = Origin::new(move |ask| {
            match ask.path() {
                "/vod.m3u8" => Reply::playlist(Window::new(0, 3).ended().text()),
                path => Reply::segment(ts(path)),
            }
            .with("Content-Encoding", name)
        });
        let finished = Recorder::new(origin.url("/vod.m3u8")).run();
        let folder = finished.folder().to_owned();
        let session = finished.session();
        let encoded = "SELECT count(*) FROM exchange WHERE outcome <> 'complete' OR body_encoding IS NOT NULL";
        assert_eq!(session.number(encoded), 0, "{name}");
        let noted = "SELECT count(*) FROM exchange WHERE note LIKE '%Content-Encoding%'";
        assert_eq!(session.number(noted), 4, "{name}");
        for nth in 0..3 {
            let path = format!("/seg{nth}.ts");
            let answer = session.answer(&origin.url(&path), session.end_us());
            assert_eq!(answer, Some(ts(&path)), "{name}");
        }
        let replayer = Replayer::start(
            &folder.join("sessions"),
            &["-p", "0", "-o", "0", "session1"],
        );
        let (head, body) = answer(&replayer, "/stream.m3u8", "");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(body.starts_with(b"#EXTM3U"), "{name}");
    }
}

#[test]
fn a_range_past_the_end_of_a_file_that_does_not_grow_is_what_there_is() {
    let whole = ts("all");
    let end = whole.len();
    let ranges = format!("#EXT-X-BYTERANGE:{end}@10\n");
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(vod(&["all.ts"], &ranges)),
        _ => Reply::ranged(ask, &whole),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    let outcomes = session.outcomes("all.ts");
    // Short as long as it might grow: for the duration of the segment.
    let (last, before) = outcomes.split_last().unwrap();
    assert_eq!(*last, (206, "complete".to_owned()), "{outcomes:?}");
    assert!(!before.is_empty() && before.iter().all(|(_, outcome)| outcome == "short"));
    let (_, _, note) = self::last(&session, "all.ts");
    assert!(note.contains("past the end"), "{note}");
}
