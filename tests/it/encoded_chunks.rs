//! Origins that compress media, asked for or not: files of a session are media all the same.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::playlists::encoded;
use crate::replay::Replayer;
use crate::support::{Origin, Recorder, Reply, Session, Window, ts};

/// Long enough for a coding to be worth it.
fn film(name: &str) -> Vec<u8> {
    ts(name).repeat(40)
}

fn files(session: &Session) -> Vec<String> {
    let files = session.chunk_files().into_iter();
    files.map(|(path, _)| path).collect()
}

fn exchange(session: &Session, name: &str) -> (String, Option<String>, i64, Option<String>) {
    let sql = format!(
        "SELECT e.outcome, e.body_encoding, e.wire_bytes, e.note FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = '{name}' ORDER BY e.id LIMIT 1"
    );
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    session.rows(&sql, row).remove(0)
}

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
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.unwrap() + 4);
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn compressed_media_is_kept_and_replayed_plain_and_what_was_sent_stays_known() {
    const CODINGS: [&str; 5] = ["gzip", "br", "zstd", "deflate", "br, gzip"];
    let origin = Origin::new(|ask| match ask.path() {
        "/list.m3u8" => {
            let named = |n| format!("film{n}.ts");
            Reply::playlist(Window::new(0, 5).named(named).ended().text())
        }
        path => {
            let number = path.trim_matches(|c: char| !c.is_ascii_digit());
            let codings = CODINGS[number.parse::<usize>().unwrap()];
            Reply::segment(sent(codings, path))
                .with("Content-Encoding", codings)
                .with("Vary", "Accept-Encoding")
        }
    });
    let session = Recorder::new(origin.url("/list.m3u8")).run().session();
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    for (number, codings) in CODINGS.iter().enumerate() {
        let name = format!("film{number}.ts");
        let path = format!("/{name}");
        let on_disk = std::fs::read(session.path().join("chunks").join(&name)).unwrap();
        assert_eq!(on_disk, film(&path), "{codings}");
        let (outcome, encoding, wire_bytes, _) = exchange(&session, &name);
        assert_eq!((outcome.as_str(), encoding), ("complete", None));
        assert_eq!(wire_bytes as usize, sent(codings, &path).len());
        let id = session.number(&format!(
            "SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name = '{name}'"
        ));
        let said = session.header(id, "content-encoding");
        assert_eq!(said.as_deref(), Some(*codings));
        let at = format!("/http/127.0.0.1:{}{path}", origin.port());
        let (head, body) = get(&replayer, &at, "Accept-Encoding: identity\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(!head.contains("content-encoding"), "{head}");
        assert_eq!(body, film(&path), "{codings}");
        let (head, body) = get(&replayer, &at, "Range: bytes=188-375\r\n");
        assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
        assert_eq!(body, film(&path)[188..376]);
    }
    assert_eq!(files(&session).len(), CODINGS.len());
}

fn sent(codings: &str, path: &str) -> Vec<u8> {
    let one_by_one = codings.split(", ");
    one_by_one.fold(film(path), |body, coding| encoded(coding, &body))
}

#[test]
fn what_cannot_be_decoded_stays_as_it_came_under_a_name_that_says_so() {
    let origin = Origin::new(|ask| match ask.path() {
        "/list.m3u8" => {
            let names = ["cut.ts", "bomb.ts", "own.ts", "part.ts", "whole.ts"];
            let named = move |n: u64| names[n as usize].to_owned();
            let text = Window::new(0, 5).named(named).ended().text();
            Reply::playlist(text.replace("part.ts", "#EXT-X-BYTERANGE:100@0\npart.ts"))
        }
        "/cut.ts" => {
            let mut cut = encoded("gzip", &film("cut"));
            cut.truncate(cut.len() - 9);
            Reply::segment(cut).with("Content-Encoding", "gzip")
        }
        "/bomb.ts" => {
            Reply::segment(encoded("gzip", &vec![0; 3 << 20])).with("Content-Encoding", "gzip")
        }
        "/own.ts" => Reply::segment("whatever").with("Content-Encoding", "compress"),
        "/part.ts" => {
            Reply::ranged(ask, &encoded("gzip", &film("part"))).with("Content-Encoding", "gzip")
        }
        path => Reply::segment(encoded("gzip", &film(path))).with("Content-Encoding", "gzip"),
    });
    let recorder = Recorder::new(origin.url("/list.m3u8")).args(["--limit", "chunk=1M"]);
    let session = recorder.run().session();
    let of = |name: &str| {
        let (outcome, encoding, _, note) = exchange(&session, name);
        (outcome, encoding.unwrap_or_default(), note)
    };
    let is = |name: &str, outcome: &str, encoding: &str| {
        let (found, codings, _) = of(name);
        assert_eq!(
            (found.as_str(), codings.as_str()),
            (outcome, encoding),
            "{name}"
        );
    };
    is("cut.ts", "encoding", "gzip");
    is("bomb.ts", "too large", "gzip");
    is("own.ts", "complete", "compress");
    is("part.ts", "complete", "gzip");
    is("whole.ts", "complete", "");
    assert!(of("own.ts").2.unwrap().contains("compress"));
    let names = [
        "bomb.ts.gz",
        "cut.ts.gz",
        "own.ts.Z",
        "part@0-99.ts.gz",
        "whole.ts",
    ];
    assert_eq!(files(&session), names);
    let file = |name: &str| std::fs::read(session.path().join("chunks").join(name)).unwrap();
    let mut cut = encoded("gzip", &film("cut"));
    cut.truncate(cut.len() - 9);
    assert_eq!(file("cut.ts.gz"), cut);
    assert_eq!(
        file("part@0-99.ts.gz"),
        encoded("gzip", &film("part"))[..100]
    );
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let at = format!("/http/127.0.0.1:{}/cut.ts", origin.port());
    let (head, body) = get(&replayer, &at, "");
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    assert_eq!(body, cut, "a player fails at what the origin's failed at");
}
