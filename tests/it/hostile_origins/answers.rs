//! Bad HTTP: heads and framing that are wrong, answers that never come or never end.

use std::time::Duration;

use super::{As, Case, Trial};
use crate::support::{End, Reply, Then};

/// A reply as it goes over the wire.
fn raw(bytes: impl Into<Vec<u8>>) -> Reply {
    Reply {
        body: bytes.into(),
        ..Reply::nothing(End::Raw)
    }
}

fn headed(fields: &str) -> Reply {
    raw(format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: 5\r\n\r\nhello"
    ))
}

const WHOLE: (i64, &str) = (200, "complete");
const NO_HTTP: (i64, &str) = (0, "protocol");
const BAD_BODY: (i64, &str) = (200, "protocol");
const SHORT: (i64, &str) = (200, "short");

/// Heads that are wrong, or only look so.
fn heads() -> Vec<Case> {
    let fields = |count: usize| "X-Field: 1\r\n".repeat(count);
    let long = |size: usize| format!("X-Long: {}\r\n", "x".repeat(size));
    let whole = |name: &str, head: &str| Case::new(name, WHOLE, headed(head)).keeping("hello");
    vec![
        Case::new("garbage", NO_HTTP, raw("HELLO THERE\r\n\r\nhello")),
        Case::new("bytes", NO_HTTP, raw([0xff; 300])),
        Case::new("zeros", NO_HTTP, raw([0; 300])),
        Case::new("http 0.9", NO_HTTP, raw("<html>sorry</html>")),
        Case::new("http 3.0", NO_HTTP, raw("HTTP/3.0 200 OK\r\n\r\n")),
        Case::new(
            "tls",
            NO_HTTP,
            raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ),
        Case::new(
            "http 2",
            NO_HTTP,
            raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00".repeat(5)),
        ),
        Case::new(
            "status of two digits",
            NO_HTTP,
            raw("HTTP/1.1 20 OK\r\n\r\n"),
        ),
        Case::new(
            "status of four digits",
            NO_HTTP,
            raw("HTTP/1.1 2000 OK\r\n\r\n"),
        ),
        Case::new("status minus", NO_HTTP, raw("HTTP/1.1 -20 OK\r\n\r\n")),
        Case::new("no status", NO_HTTP, raw("HTTP/1.1\r\n\r\n")),
        Case::new("only a line", (0, "short"), raw("HTTP/1.1 200 OK\r\n")),
        Case::new(
            "half a field",
            (0, "short"),
            raw("HTTP/1.1 200 OK\r\nContent-Le"),
        ),
        Case::new("status 099", NO_HTTP, raw("HTTP/1.1 099 OK\r\n\r\n")),
        Case::new(
            "upgrade",
            (101, "complete"),
            raw("HTTP/1.1 101 Other\r\nUpgrade: x\r\n\r\nhello"),
        ),
        Case::new("101 fields", NO_HTTP, headed(&fields(101))),
        Case::new("1000 fields", NO_HTTP, headed(&fields(1000))),
        Case::new("field of 1 MB", NO_HTTP, headed(&long(1_000_000))),
        Case::new("field of 4 MB", NO_HTTP, headed(&long(4_000_000))),
        Case::new(
            "endless name",
            NO_HTTP,
            raw(format!("HTTP/1.1 200 {}", "x".repeat(1_000_000))),
        ),
        Case::new(
            "length minus",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
        ),
        Case::new(
            "length a word",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"),
        ),
        Case::new(
            "length 2 to 64",
            NO_HTTP,
            raw("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nh"),
        ),
        Case::new("lengths differ", NO_HTTP, headed("Content-Length: 7\r\n")),
        whole("99 fields", &fields(99)),
        whole("field of 300 KB", &long(300_000)),
        whole("lengths agree", "Content-Length: 5\r\n"),
        Case::new("nul in a value", NO_HTTP, headed("X-Field: a\0b\r\n")),
        whole("escapes in a value", "X-Field: \x1b[2J\x07\r\n"),
        whole("no colon", "X-Field\r\n"),
        whole("blank in a name", "X Field: a\r\n"),
        whole("no name", ": a\r\n"),
        whole("latin 1", "X-Field: caf\u{e9}\r\n"),
        whole(
            "types",
            "Content-Type: text/html\r\nContent-Type: \x7f/\x7f\r\n",
        ),
        Case::new(
            "escapes in the reason",
            WHOLE,
            raw("HTTP/1.1 200 \u{9b}2J\r\nContent-Length: 5\r\n\r\nhello"),
        ),
    ]
}

/// Bodies whose framing is wrong.
fn framing() -> Vec<Case> {
    let chunked = |body: &str| {
        raw(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ))
    };
    let sized = |length: &str, body: &str| {
        raw(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    let part = |status: &str, range: &str| {
        raw(format!(
            "HTTP/1.1 {status} OK\r\n{range}Content-Length: 5\r\n\r\nhello"
        ))
    };
    vec![
        Case::new("both lengths", BAD_BODY, headed("Transfer-Encoding: chunked\r\n")),
        Case::new(
            "both lengths and right",
            WHOLE,
            raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        )
        .keeping("hello"),
        Case::new("short", SHORT, sized("100", "hello")).keeping("hello"),
        Case::new("nothing of it", SHORT, sized("100", "")),
        Case::new("short by far", SHORT, sized("9223372036854775807", "hello")).keeping("hello"),
        Case::new("long", WHOLE, sized("5", "hello and more")).keeping("hello"),
        Case::new("empty", WHOLE, sized("0", "hello")).keeping(""),
        Case::new("until the end", WHOLE, raw("HTTP/1.0 200 OK\r\n\r\nhello")).keeping("hello"),
        Case::new("chunk size a word", BAD_BODY, chunked("zz\r\nhello\r\n0\r\n\r\n")),
        Case::new("chunk size minus", BAD_BODY, chunked("-5\r\nhello\r\n0\r\n\r\n")),
        Case::new("chunk size 2 to 68", BAD_BODY, chunked("fffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
        Case::new("chunk without an end", BAD_BODY, chunked("5\r\nhelloXX0\r\n\r\n")),
        Case::new("chunks without an end", SHORT, chunked("5\r\nhello\r\n")).keeping("hello"),
        Case::new("chunk cut off", SHORT, chunked("50\r\nhello")).keeping("hello"),
        Case::new("chunk extension", BAD_BODY, chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000)))),
        Case::new("trailers", BAD_BODY, chunked(&format!("5\r\nhello\r\n0\r\n{}\r\n", "X: y\r\n".repeat(50_000)))),
        Case::new("206 unasked", (206, "protocol"), part("206", "Content-Range: bytes 0-4/9\r\n")).keeping("hello"),
        Case::new("206 of nothing", (206, "complete"), part("206", "")).keeping("hello"),
        Case::new("206 of parts", (206, "protocol"), part("206", "Content-Type: multipart/byteranges; boundary=x\r\n")).keeping("hello"),
        Case::new("304 unasked", (304, "protocol"), raw("HTTP/1.1 304 Not Modified\r\n\r\n")),
        Case::new("204 with a body", (204, "complete"), part("204", "")),
        Case::new("416 unasked", (416, "complete"), part("416", "Content-Range: bytes */9\r\n")).keeping("hello"),
        Case::new("transfer gzip", BAD_BODY, raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")),
        Case::new("early hints", WHOLE, raw(format!("{}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n".repeat(2000)))).keeping("hello"),
        Case::new("only hints", (0, "short"), raw("HTTP/1.1 100 Continue\r\n\r\n".repeat(2000))),
    ]
}

/// Answers that do not come, or do not end.
fn never() -> Vec<Case> {
    let body = |end| Reply::segment("#EXTM3U\n".repeat(5000)).ending(end);
    let again = |size, pause| body(End::Live(size, Duration::from_millis(pause), Then::Again));
    vec![
        Case::new("closed", (0, "short"), Reply::nothing(End::Closed)),
        Case::new("reset", (0, "reset"), Reply::nothing(End::Aborted)),
        Case::new(
            "silent",
            (0, "response timeout"),
            Reply::nothing(End::Silent),
        ),
        Case::new(
            "silent after the head",
            (200, "body timeout"),
            body(End::Hang(0)),
        ),
        Case::new(
            "silent in the body",
            (200, "body timeout"),
            body(End::Hang(100)),
        ),
        Case::new("reset in the body", (200, "reset"), body(End::Reset(100))),
        Case::new("cut in the body", SHORT, body(End::Cut(100))),
        Case::new("tarpit", (200, "body timeout"), again(1, 300)),
        Case::new(
            "tarpit with a length",
            (200, "body timeout"),
            body(End::Drip(Duration::from_secs(9))),
        ),
        Case::new("endless", (200, "too large"), again(40_000, 0)),
        Case::new(
            "endless of an error",
            (500, "too large"),
            Reply {
                status: 500,
                ..again(40_000, 0)
            },
        ),
    ]
}

const SMALL: [&str; 12] = [
    "--limit",
    "chunk=300k",
    "--limit",
    "key=300k",
    "--limit",
    "init=300k",
    "--limit",
    "playlist=300k",
    "--limit",
    "error=300k",
    "--limit",
    "data=300k",
];

fn all() -> Vec<Case> {
    [heads(), framing(), never()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn bad_http_is_a_row_with_the_class_of_the_error_for_segments() {
    Trial::new(As::Segment, all()).with(&SMALL).run();
}

#[test]
fn bad_http_is_a_row_with_the_class_of_the_error_for_keys() {
    Trial::new(As::Key, all()).with(&SMALL).run();
}

#[test]
fn bad_http_is_a_row_with_the_class_of_the_error_for_initialization_sections() {
    Trial::new(As::Init, all()).with(&SMALL).run();
}

#[test]
fn bad_http_is_a_row_with_the_class_of_the_error_for_playlists() {
    let mut cases = all();
    for case in &mut cases {
        // What came whole is no playlist.
        if case.row == WHOLE || case.row == (206, "complete") {
            case.row.1 = "not a playlist";
        }
    }
    Trial::new(As::Playlist, cases).with(&SMALL).run();
}
