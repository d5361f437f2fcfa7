//! Requests that nobody means well with, and what comes back for each.

#[path = "paths.rs"]
mod paths;

use crate::support::{Dice, rounds, seed};

/// Bytes, the statuses that may come back for them, and whether the connection ends then.
pub struct Case {
    pub bytes: Vec<u8>,
    pub statuses: &'static [u16],
    pub ends: bool,
}

fn ends(bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    Case {
        bytes: bytes.into(),
        statuses,
        ends: true,
    }
}

fn goes_on(bytes: impl Into<Vec<u8>>, statuses: &'static [u16]) -> Case {
    Case {
        ends: false,
        ..ends(bytes, statuses)
    }
}

fn with(method: &str, fields: &str) -> String {
    format!("{method} /stream.m3u8 HTTP/1.1\r\n{fields}\r\n\r\n")
}

fn path(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// All of them, by what they try.
pub fn families() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("hosts", hosts()),
        ("lengths", lengths()),
        ("lines", lines()),
        ("control characters", controls()),
        ("sizes", sizes()),
        ("methods", methods()),
        ("bodies", bodies()),
        ("versions", versions()),
        ("other protocols", protocols()),
        ("targets", paths::targets()),
        ("paths", paths::paths()),
        ("numbers", paths::numbers()),
        ("expectations", expectations()),
        ("garbage", garbage()),
    ]
}

fn hosts() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "BREW"] {
        for fields in [
            "Accept: */*",
            "Host: a\r\nHost: a",
            "Host: a\r\nHost: b",
            "Host: a\r\nAccept: */*\r\nhOsT: a",
            "Host : a",
            "Host",
            "Hostess: a",
        ] {
            cases.push(ends(with(method, fields), &[400]));
        }
    }
    cases
}

fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 0\r\nTransfer-Encoding: identity",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5, 5",
            "Content-Length: -1",
            "Content-Length: +5",
            "Content-Length: 5 5",
            "Content-Length: 0x5",
            "Content-Length: 5e1",
            "Content-Length: five",
            "Content-Length:",
            "Content-Length: 99999999999999999999999",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Content-Length : 5",
        ] {
            let fields = format!("Host: h\r\n{fields}");
            cases.push(ends(with(method, &fields), &[400]));
        }
        for coding in [
            "gzip",
            "chunked, chunked",
            "xchunked",
            "chunked;a=b",
            "\u{b}chunked",
        ] {
            let fields = format!("Host: h\r\nTransfer-Encoding: {coding}");
            cases.push(ends(with(method, &fields), &[400]));
        }
    }
    let old = "GET /stream.m3u8 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push(ends(old, &[400]));
    cases
}

fn lines() -> Vec<Case> {
    let good = "GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n";
    let mut cases = Vec::new();
    for (at, _) in good.match_indices("\r\n") {
        for end in ["\r", "\r\r\n", "\0\n", "\u{b}\r\n", "\r\u{c}\n"] {
            let text = format!("{}{end}{}", &good[..at], &good[at + 2..]);
            // What waits for more of its head gets it.
            cases.push(ends(format!("{text}\r\n\r\n"), &[400]));
        }
    }
    for field in [
        " folded",
        "\tfolded",
        "A: b\r\n folded",
        "A: b\r\n\tfolded: c",
        " Host: other",
        "A : b",
        "A\t: b",
        "A b: c",
        ": b",
        "=: b",
        "A",
        "(A): b",
        "A;b: c",
        "A\u{e9}: c",
        "\"A\": c",
    ] {
        let fields = format!("Host: h\r\n{field}");
        cases.push(ends(with("GET", &fields), &[400]));
    }
    cases.push(goes_on(format!("\r\n\r\n{good}"), &[200]));
    cases
}

fn controls() -> Vec<Case> {
    let mut cases = Vec::new();
    for byte in (0..0x20_u8)
        .chain([0x7f])
        .filter(|b| !b"\t\r\n".contains(b))
    {
        for place in 0..3 {
            let mut put = ["", "", ""].map(str::as_bytes);
            let byte = [byte];
            put[place] = &byte;
            let parts: [&[u8]; 7] = [
                b"GET /stream",
                put[0],
                b".m3u8 HTTP/1.1\r\nHost: h\r\nAcc",
                put[1],
                b"ept: *",
                put[2],
                b"/*\r\n\r\n",
            ];
            cases.push(ends(parts.concat(), &[400]));
        }
    }
    cases
}

fn sizes() -> Vec<Case> {
    let long = |count: usize| format!("/stream.m3u8?{}", "a".repeat(count));
    let mut cases = vec![
        goes_on(path(&long(4_000)), &[200]),
        goes_on(path(&long(9_000)), &[414]),
        goes_on(path(&long(15_000)), &[414]),
        goes_on(path(&long(30_000)), &[414]),
        ends(path(&long(65_535)), &[431]),
        ends(path(&long(1_000_000)), &[431]),
        ends(format!("GET /{}", "../".repeat(20_000)), &[431]),
        ends("A".repeat(100_000), &[431]),
    ];
    for (count, length) in [
        (1, 32_768),
        (1, 1_000_000),
        (101, 1),
        (1_000, 1),
        (100_000, 1),
        (90, 4_000),
    ] {
        let field = format!("A: {}\r\n", "b".repeat(length));
        let fields = format!("Host: h\r\n{}C: d", field.repeat(count));
        cases.push(ends(with("GET", &fields), &[431]));
    }
    let name = format!("Host: h\r\n{}: b", "a".repeat(40_000));
    cases.push(ends(with("GET", &name), &[431]));
    let fields = format!("Host: h\r\n{}", "A: b\r\n".repeat(90));
    cases.push(goes_on(with("GET", fields.trim_end()), &[200]));
    cases
}

fn methods() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        cases.push(goes_on(with(method, "Host: h"), &[405]));
    }
    for target in ["h:443", "127.0.0.1:80", "[::1]:80", "origin.example:443"] {
        let text = format!("CONNECT {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        cases.push(goes_on(text, &[405]));
    }
    for method in [
        "get", "Get", "BREW", "PROPFIND", "PRI", "GETT", "G", "A-B", "!", "COPY", "M-SEARCH",
    ] {
        cases.push(goes_on(with(method, "Host: h"), &[501]));
    }
    for method in [
        "G(T", "G/T", "\u{e9}", "\"GET\"", "GET:", "G\u{0}T", "[", "GET\t", "",
    ] {
        cases.push(ends(with(method, "Host: h"), &[400]));
    }
    cases
}

fn bodies() -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, bodiless) in [
        ("GET", &[200][..]),
        ("HEAD", &[200]),
        ("OPTIONS", &[204]),
        ("POST", &[405]),
        ("PUT", &[405]),
        ("BREW", &[501]),
    ] {
        for (field, body) in [
            ("Content-Length: 5", "hello"),
            ("Content-Length: 5", ""),
            (
                "Content-Length: 999999999999",
                "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            ),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            (
                "Transfer-Encoding: chunked",
                "0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            ),
            ("Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\n"),
        ] {
            let head = with(method, &format!("Host: h\r\n{field}"));
            cases.push(ends(head + body, &[400]));
        }
        let empty = with(method, "Host: h\r\nContent-Length: 0");
        cases.push(goes_on(empty, bodiless));
    }
    cases
}

fn versions() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in [
        "HTTP/2.0",
        "HTTP/1.2",
        "HTTP/3",
        "HTTP/0.9",
        "HTTP/1.10",
        "HTTP/",
        "HTTP/-1.1",
    ] {
        let text = format!("GET /stream.m3u8 {version}\r\nHost: h\r\n\r\n");
        cases.push(ends(text, &[400]));
    }
    for line in [
        "GET /stream.m3u8",
        "GET /stream.m3u8 ",
        "GET  /stream.m3u8 HTTP/1.1",
        "GET /stream.m3u8  HTTP/1.1",
        "GET /stream.m3u8 HTTP/1.1 ",
        "GET /stream .m3u8 HTTP/1.1",
        "GET\t/stream.m3u8\tHTTP/1.1",
        " GET /stream.m3u8 HTTP/1.1",
        "GET /stream.m3u8 http/1.1",
        "GET /stream.m3u8 HTTPS/1.1",
        "GET /stream.m3u8 RTSP/1.0",
        "GET",
        "/stream.m3u8",
    ] {
        cases.push(ends(format!("{line}\r\nHost: h\r\n\r\n"), &[400]));
    }
    cases.push(ends("GET /stream.m3u8\r\n\r\n", &[400]));
    let old = "GET /stream.m3u8 HTTP/1.0\r\n\r\n";
    cases.push(ends(old, &[200]));
    cases
}

fn protocols() -> Vec<Case> {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let mut cases = vec![
        // HTTP/2, but for its preface.
        ends(
            "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            &[400],
        ),
        // And one that has not begun well.
        ends(
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            &[0],
        ),
        ends(&hello[..], &[400]),
        ends(&b"\x80\x2e\x01\x00\x02"[..], &[400]),
        ends(&b"\x05\x01\x00"[..], &[400]),
        ends(&b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"[..], &[400]),
        ends(&b"\x03\x00\x00\x13\x0e\xe0\x00\x00"[..], &[400]),
        ends(&b"\x00\x00\x00\x85\xff\x53\x4d\x42"[..], &[400]),
        ends(&b"\x10\x0e\x00\x04MQTT\x04\x02"[..], &[400]),
        ends(
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            &[400],
        ),
        ends("\r\n\r\n\0\r\nQUIT\n", &[400]),
    ];
    for text in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "EHLO origin.example\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n",
        "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n",
        "HELP\r\n",
        "stats\r\n",
        "220 ready\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    ] {
        cases.push(ends(format!("{text}\r\n"), &[400]));
    }
    for upgrade in ["h2c", "websocket", "TLS/1.3", "HTTP/2.0"] {
        let fields = format!(
            "Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n\
             HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        );
        cases.push(goes_on(with("GET", &fields), &[200]));
    }
    cases
}

fn expectations() -> Vec<Case> {
    let mut cases = vec![
        goes_on(with("GET", "Host: h\r\nExpect: 100-continue"), &[200]),
        ends(
            with(
                "POST",
                "Host: h\r\nExpect: 100-continue\r\nContent-Length: 5",
            ),
            &[400],
        ),
    ];
    for expected in ["200-ok", "100-continue, more", ""] {
        let fields = format!("Host: h\r\nExpect: {expected}");
        cases.push(goes_on(with("GET", &fields), &[200]));
    }
    for fields in [
        "Origin: null",
        "Origin: <script>",
        "If-None-Match: \"",
        "If-Modified-Since: yesterday",
        "If-Range: ,,,",
        "Accept-Encoding: gzip;q=9999999999",
        "Connection: keep-alive, keep-alive, \"",
        "Via: 1.1 a\r\nX-Forwarded-For: 127.0.0.1",
        "Cookie: a=b; c",
        "Access-Control-Request-Headers: \u{e9}",
        "Accept: application/json\r\nAccept: \u{fe}",
    ] {
        let fields = format!("Host: h\r\n{fields}");
        cases.push(goes_on(with("GET", &fields), &[200]));
    }
    cases
}

/// Bytes that are no request, then a NUL: whatever it was, it is none.
fn garbage() -> Vec<Case> {
    let mut dice = Dice::new(seed());
    let one = |_| {
        let length = 1 + dice.below(300) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
        bytes.extend_from_slice(b"\0\r\n\r\n");
        ends(bytes, &[400])
    };
    (0..rounds(60, 5000)).map(one).collect()
}
