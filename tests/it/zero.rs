//! `isreplayer --zero`: replayers over copies of one session are one replayer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use isrecorder::clock;

use crate::replay::Replayer;

const PATIENCE: Duration = Duration::from_secs(60);
const MEDIA: &str = "/http/localhost:8080/live/high/live.m3u8";
/// What says when it was asked.
const OF_THE_REQUEST: [&str; 2] = ["date: ", "x-isrecorder-session-time: "];

/// A copy of the demo session, in a folder of its own under a name of its own.
struct Copy {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Copy {
    fn new(name: &'static str) -> Self {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo");
        let folder = tempfile::tempdir().unwrap();
        copy(&demo, &folder.path().join(name));
        Self { folder, name }
    }

    fn replay(&self, zero: &str) -> Replayer {
        let arguments = ["-p", "0", "--zero", zero, self.name];
        Replayer::start(self.folder.path(), &arguments)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A whole answer, but for what says when it was asked; and the session time of the request.
fn ask(replayer: &Replayer, path: &str, host: &str, fields: &str) -> (Vec<u8>, f64) {
    let mut connection = TcpStream::connect(&replayer.address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let is_of_request = |line: &&str| OF_THE_REQUEST.iter().any(|name| line.starts_with(name));
    let at = head
        .lines()
        .find_map(|line| line.strip_prefix(OF_THE_REQUEST[1]))
        .map_or(0.0, |at| at.parse().unwrap());
    let kept: Vec<&str> = head.lines().filter(|line| !is_of_request(line)).collect();
    ([kept.join("\n").as_bytes(), &answer[end..]].concat(), at)
}

#[test]
fn replayers_that_were_started_at_different_times_answer_alike_at_every_moment() {
    let (one, other) = (Copy::new("demo"), Copy::new("another-name"));
    let zero = format!("@{}", clock::system_us() / 1000 - 12_000);
    let first = one.replay(&zero);
    let began = clock::instant();
    let (_, at) = ask(&first, MEDIA, "one.example", "");
    // The second is started when another moment of the session is played.
    while ask(&first, MEDIA, "one.example", "").1 < at + 0.5 {
        assert!(began.elapsed() < PATIENCE);
    }
    let second = other.replay(&zero);

    let asked = [
        (MEDIA, ""),
        (MEDIA, "Accept-Encoding: gzip\r\n"),
        (MEDIA, "Origin: http://player.example\r\n"),
        ("/stream.m3u8", ""),
        ("/http/localhost:8080/live/main.m3u8", ""),
        ("/http/localhost:8080/live/high/seg007.ts", ""),
        (
            "/http/localhost:8080/live/high/seg007.ts",
            "Range: bytes=5-9\r\n",
        ),
        ("/http/localhost:8080/live/never.ts", ""),
        ("/nobody/stream.m3u8", ""),
    ];
    let mut compared = 0;
    let mut revisions: Vec<Vec<u8>> = Vec::new();
    while revisions.len() < 3 || compared < 100 {
        assert!(
            began.elapsed() < PATIENCE,
            "{compared}, {}",
            revisions.len()
        );
        for (path, fields) in asked {
            let (before, _) = ask(&first, path, "one.example", fields);
            let (between, _) = ask(&second, path, "other.example:81", fields);
            let (after, _) = ask(&first, path, "one.example", fields);
            if before != after {
                continue;
            }
            let (wanted, got) = (before.escape_ascii(), between.escape_ascii());
            assert!(before == between, "{path}:\n{wanted}\n{got}");
            compared += 1;
            if path == MEDIA && fields.is_empty() && revisions.last() != Some(&before) {
                revisions.push(before);
            }
        }
    }
}

#[test]
fn before_session_time_0_there_is_nothing_and_no_offset_goes_with_it() {
    let copy = Copy::new("demo");
    let replayer = copy.replay("2100-01-01T00:00:00Z");
    let answer = replayer.get("/stream.m3u8");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("has not begun on this clock"), "{answer}");

    let program = env!("CARGO_BIN_EXE_isreplayer");
    let both = ["--zero", "@0", "-o", "5", "demo"];
    let output = std::process::Command::new(program).args(both).output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}

#[test]
fn a_playlist_has_a_validator_whatever_the_origin_sent_and_caches_are_told_how_long_it_holds() {
    let copy = Copy::new("demo");
    // Long over: nothing changes any more.
    let replayer = copy.replay("2026-01-01T00:00:00Z");
    let answer = replayer.get(MEDIA);
    assert!(
        answer.contains("cdn-cache-control: max-age=60\r\n"),
        "{answer}"
    );
    assert!(answer.contains("x-accel-expires: 60\r\n"), "{answer}");
    let tag = answer
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .unwrap();
    let fields = format!("If-None-Match: {tag}\r\n");
    let (same, _) = ask(&replayer, MEDIA, "h", &fields);
    assert!(
        same.starts_with(b"HTTP/1.1 304 "),
        "{}",
        same.escape_ascii()
    );
}

#[test]
fn what_no_player_may_keep_no_cache_is_to_keep() {
    let copy = Copy::new("demo");
    let replayer = copy.replay("2026-01-01T00:00:00Z");
    let playlist = replayer.get(MEDIA);
    let chunk = playlist.lines().rfind(|line| line.ends_with(".ts"));
    let chunk = format!("{}/{}", MEDIA.rsplit_once('/').unwrap().0, chunk.unwrap());
    // Asked for first, and answered out of what is kept.
    for _ in 0..2 {
        let (behind, _) = ask(&replayer, &chunk, "h", "Range: bytes=99999999-\r\n");
        let behind = String::from_utf8(behind).unwrap();
        assert!(behind.starts_with("HTTP/1.1 416 "), "{behind}");
        assert!(behind.contains("\ncache-control: no-store\n"), "{behind}");
        assert!(
            behind.contains("\ncdn-cache-control: no-store\n"),
            "{behind}"
        );
        assert!(behind.contains("\nx-accel-expires: 0\n"), "{behind}");
    }
}
