//! `isreplayer --inject` on the demo session, over real connections.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::replay::Replayer;

fn demo(arguments: &[&str]) -> Replayer {
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions");
    let all = [&["-p", "0", "-o", "11", "demo"], arguments].concat();
    Replayer::start(&sessions, &all)
}

/// The bytes of an answer, and what ended the connection.
fn bytes(replayer: &Replayer, path: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let mut connection = TcpStream::connect(&replayer.address).unwrap();
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    let end = connection.read_to_end(&mut answer);
    (answer, end.err().map(|error| error.kind()))
}

fn segment(number: u32) -> String {
    format!("/http/localhost:8080/live/high/seg{number:03}.ts")
}

#[test]
fn faults_are_laid_over_a_recording_that_has_none() {
    let page = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(page.path(), "<h1>busy</h1>").unwrap();
    let body = format!(
        "media path=*/low/* status=503 type=text/html body=@{}",
        page.path().display()
    );
    let replayer = demo(&[
        "--inject",
        "segment sn=6 status=404",
        "--inject",
        "segment sn=7 reset",
        "--inject",
        "segment sn=8 close",
        "--inject",
        "segment sn=9 truncate=1k",
        "--inject",
        "segment sn=10 truncate=1k reset",
        "--inject",
        &body,
    ]);
    let missing = replayer.get(&segment(6));
    assert!(
        missing.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{missing}"
    );
    assert!(
        missing.contains("\r\nx-isrecorder-injected: rule 1: status 404\r\n"),
        "{missing}"
    );

    assert_eq!(
        bytes(&replayer, &segment(7)),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(bytes(&replayer, &segment(8)), (Vec::new(), None));

    for (number, ending) in [(9, None), (10, Some(ErrorKind::ConnectionReset))] {
        let (answer, end) = bytes(&replayer, &segment(number));
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let fields = String::from_utf8_lossy(&answer[..head]).into_owned();
        let announced = fields
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        assert!(
            announced.unwrap().parse::<usize>().unwrap() > 2000,
            "{fields}"
        );
        assert_eq!((answer.len() - head, end), (1000, ending), "{fields}");
    }

    let busy = replayer.get("/http/localhost:8080/live/low/live.m3u8");
    assert!(busy.starts_with("HTTP/1.1 503 "), "{busy}");
    assert!(busy.contains("\r\ncontent-type: text/html\r\n"), "{busy}");
    assert!(busy.ends_with("\r\n\r\n<h1>busy</h1>"), "{busy}");
    let high = replayer.get("/http/localhost:8080/live/high/live.m3u8");
    assert!(high.starts_with("HTTP/1.1 200 "), "{high}");
}

#[test]
fn the_same_seed_makes_the_same_faults_in_any_replayer() {
    let faults = |seed: &str| -> Vec<bool> {
        let replayer = demo(&["--inject", "segment chance=50% status=404", "--seed", seed]);
        let missing = |number| {
            bytes(&replayer, &segment(number))
                .0
                .starts_with(b"HTTP/1.1 404")
        };
        (0..10).map(missing).collect()
    };
    assert_eq!(faults("1"), faults("1"));
    assert_ne!(faults("1"), faults("2"));
}

#[test]
fn what_is_no_rule_is_shown_where_it_is_wrong() {
    let replay = |rule: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
            .args(["demo", "--inject", rule])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = replay("segment sn=+5 status=4o4");
    assert_eq!(code, Some(2));
    let pointed = "\n  segment sn=+5 status=4o4\n                       ^\n";
    assert!(
        said.contains("a status is 200 to 599") && said.contains(pointed),
        "{said}"
    );

    let (code, said) = replay("segment status=404 body=@/nowhere/page.html");
    assert_eq!(code, Some(2));
    assert!(
        said.contains("/nowhere/page.html") && said.lines().count() == 1,
        "{said}"
    );
}
