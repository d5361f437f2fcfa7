//! Heads of requests, taken from the bytes of a connection and judged before anybody acts on them.
//! Pure.
//!
//! What two readers of RFC 9112 could read in two ways is refused, and so is what follows it on the
//! connection: a lone LF or CR, a folded line, a space before a colon, two lengths, two hosts.

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;

/// Longest head: as much as nginx takes.
pub(super) const HEAD_BYTES: usize = 32 * 1024;
/// Longest request line.
const LINE_BYTES: usize = 16 * 1024;
/// Most fields.
const FIELDS: usize = 100;
/// Empty lines before a request (RFC 9112 2.2).
const EMPTY_LINES: usize = 4;

/// A head that may be acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// With the empty line at its end.
    pub(super) bytes: Bytes,
    /// A body comes behind it, which nobody reads.
    pub(super) has_body: bool,
}

/// Why a head is not acted on; nothing that follows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) sentence: &'static str,
}

/// The bytes that came, up to the end of the next head.
#[derive(Debug, Default)]
pub(super) struct Heads {
    bytes: BytesMut,
    /// Where the scan goes on.
    scanned: usize,
    /// Whether the request line has ended.
    in_fields: bool,
    empty_lines: usize,
}

impl Heads {
    /// Bytes came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether the beginning of a head is there.
    pub(super) fn has_begun(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next head, once it is whole; an error as soon as it can be none.
    pub(super) fn next(&mut self) -> Option<Result<Head, Refusal>> {
        while self.scanned <= 1 && self.bytes.starts_with(b"\r\n") {
            self.bytes.advance(2);
            self.scanned = 0;
            self.empty_lines += 1;
            if self.empty_lines > EMPTY_LINES {
                return Some(Err(bad("a request begins with its method")));
            }
        }
        while let Some(&byte) = self.bytes.get(self.scanned) {
            if let Err(refusal) = self.judge(byte) {
                return Some(Err(refusal));
            }
            self.scanned += 1;
            if byte == b'\n' {
                self.in_fields = true;
                if self.bytes[..self.scanned].ends_with(b"\r\n\r\n") {
                    return Some(self.take());
                }
            }
        }
        None
    }

    /// The next byte of a head, as far as it can be judged alone.
    fn judge(&self, byte: u8) -> Result<(), Refusal> {
        let before = self.scanned.checked_sub(1).map(|at| self.bytes[at]);
        match byte {
            b'\n' if before != Some(b'\r') => return Err(bad("lines end with CR LF")),
            b'\n' | b'\r' => {}
            b'\t' if self.in_fields => {}
            0..0x20 | 0x7f => return Err(bad("that is no HTTP/1.1")),
            _ => {}
        }
        if before == Some(b'\r') && byte != b'\n' {
            return Err(bad("lines end with CR LF"));
        }
        if !self.in_fields && self.scanned >= LINE_BYTES {
            return Err(Refusal {
                status: StatusCode::URI_TOO_LONG,
                sentence: "the request line is too long",
            });
        }
        match self.scanned >= HEAD_BYTES {
            true => Err(TOO_LARGE),
            false => Ok(()),
        }
    }

    fn take(&mut self) -> Result<Head, Refusal> {
        let bytes = self.bytes.split_to(self.scanned).freeze();
        (self.scanned, self.in_fields, self.empty_lines) = (0, false, 0);
        if self.bytes.is_empty() {
            // A client that is idle needs no memory.
            self.bytes = BytesMut::new();
        }
        let has_body = read(&bytes)?;
        Ok(Head { bytes, has_body })
    }
}

const TOO_LARGE: Refusal = Refusal {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    sentence: "the head of the request is too large",
};

const fn bad(sentence: &'static str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        sentence,
    }
}

/// What matters of the fields.
#[derive(Default)]
struct Fields<'a> {
    hosts: usize,
    lengths: Vec<&'a [u8]>,
    codings: Vec<&'a [u8]>,
}

/// Whether a body follows a whole head.
fn read(head: &[u8]) -> Result<bool, Refusal> {
    let lines = head.split(|b| *b == b'\n');
    let mut lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_old = request_line(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    for (number, line) in lines.filter(|line| !line.is_empty()).enumerate() {
        if number >= FIELDS {
            return Err(TOO_LARGE);
        }
        fields.add(line)?;
    }
    if fields.hosts > 1 || (fields.hosts == 0 && !is_old) {
        return Err(bad("a request has one Host field"));
    }
    let has_body = fields.has_body(is_old)?;
    if has_body && (head.starts_with(b"GET ") || head.starts_with(b"HEAD ")) {
        return Err(bad("a replay takes no body"));
    }
    Ok(has_body)
}

/// Whether it is HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Refusal> {
    let mut parts = line.split(|b| *b == b' ');
    let parts = [(); 4].map(|()| parts.next());
    let [Some(method), Some(target), Some(version), None] = parts else {
        return Err(bad("a request line has a method, a target and a version"));
    };
    if !is_token(method) {
        return Err(bad("a method is a word"));
    }
    if version != b"HTTP/1.1" && version != b"HTTP/1.0" {
        return Err(match version.starts_with(b"HTTP/") {
            true => Refusal {
                status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                sentence: "HTTP/1.1 is spoken here",
            },
            false => bad("a request line ends with HTTP/1.1"),
        });
    }
    let is_absolute = || {
        let schemes: [&[u8]; 2] = [b"http://", b"https://"];
        let begins = |scheme: &[u8]| {
            let start = target.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        schemes.into_iter().any(begins)
    };
    // RFC 9112 3.2: four forms, none with a fragment.
    let has_form = match (method, target) {
        (b"CONNECT", _) | (b"OPTIONS", b"*") => true,
        _ => target.starts_with(b"/") || is_absolute(),
    };
    if !has_form || target.contains(&b'#') {
        return Err(bad("a target is a path"));
    }
    Ok(version == b"HTTP/1.0")
}

impl<'a> Fields<'a> {
    fn add(&mut self, line: &'a [u8]) -> Result<(), Refusal> {
        // A folded line, a space before the colon: no name is a token there.
        let colon = line.iter().position(|b| *b == b':');
        let Some((name, value)) = colon.map(|at| (&line[..at], &line[at + 1..])) else {
            return Err(bad("a field has a name, a colon and a value"));
        };
        if !is_token(name) {
            return Err(bad("a field name is a word"));
        }
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
            let is_host = |b: &u8| b.is_ascii_graphic() && !b"/\\@?#,\"<>^`{|}".contains(b);
            if !value.iter().all(is_host) {
                return Err(bad("that is no host"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths.push(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings.push(value);
        } else if name.eq_ignore_ascii_case(b"expect")
            && !value.eq_ignore_ascii_case(b"100-continue")
        {
            return Err(Refusal {
                status: StatusCode::EXPECTATION_FAILED,
                sentence: "only 100-continue can be expected",
            });
        }
        Ok(())
    }

    fn has_body(&self, is_old: bool) -> Result<bool, Refusal> {
        match (&self.lengths[..], &self.codings[..]) {
            ([], []) => Ok(false),
            ([length], []) => {
                let is_number = (1..=18).contains(&length.len());
                match is_number && length.iter().all(u8::is_ascii_digit) {
                    true => Ok(length.iter().any(|b| *b != b'0')),
                    false => Err(bad("that is no Content-Length")),
                }
            }
            ([], [coding]) if !is_old && coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
            ([], [_]) if !is_old => Err(Refusal {
                status: StatusCode::NOT_IMPLEMENTED,
                sentence: "only chunked is known",
            }),
            _ => Err(bad("a request has one length")),
        }
    }
}

/// RFC 9110 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !text.is_empty() && text.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: \u{e9}\t\r\n\r\n";

    fn first(text: impl AsRef<[u8]>) -> Option<Result<bool, u16>> {
        let mut heads = Heads::default();
        heads.push(text.as_ref());
        let next = heads.next()?;
        Some(
            next.map(|head| head.has_body)
                .map_err(|refusal| refusal.status.as_u16()),
        )
    }

    fn with(fields: &str) -> String {
        format!("OPTIONS /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n")
    }

    #[test]
    fn heads_come_one_after_the_other_however_they_are_cut() {
        let text = format!("\r\n{GOOD}\r\n{GOOD}GET /c HTTP/1.0\r\n\r\n");
        for size in 1..text.len() {
            let mut heads = Heads::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                heads.push(piece);
                while let Some(head) = heads.next() {
                    found.push(head.unwrap().bytes);
                }
            }
            assert_eq!(
                found,
                [GOOD, GOOD, "GET /c HTTP/1.0\r\n\r\n"].map(str::as_bytes)
            );
            assert!(!heads.has_begun());
        }
    }

    #[test]
    fn bodies_are_seen() {
        for (fields, has_body) in [
            ("A: b", false),
            ("Content-Length: 0", false),
            ("content-length:  5 ", true),
            ("Transfer-Encoding: Chunked", true),
            ("Expect: 100-Continue", false),
        ] {
            assert_eq!(first(with(fields)), Some(Ok(has_body)), "{fields}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for fields in [
            "Host: h",
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: 1, 1",
            "Content-Length: +1",
            "Content-Length: 0x1",
            "Content-Length:",
            "Content-Length: 9999999999999999999999",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "A: b\r\n folded",
            "A: b\r\n\tfolded",
            "A : b",
            " A: b",
            "A",
            ": b",
            "A: b\nC: d",
            "A: b\rC: d",
            "A: \0",
            "A: \u{7f}",
            "A\u{e9}: b",
        ] {
            assert_eq!(first(with(fields)), Some(Err(400)), "{fields:?}");
        }
        assert_eq!(
            first(with("Transfer-Encoding: gzip, chunked")),
            Some(Err(501))
        );
        assert_eq!(first(with("Expect: more")), Some(Err(417)));
        let get = with("Content-Length: 1").replace("OPTIONS", "GET");
        assert_eq!(first(get), Some(Err(400)));
    }

    #[test]
    fn what_is_no_request_is_refused_at_once() {
        for (text, status) in [
            ("GET /\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\n", 400),
            ("\n", 400),
            ("\r\n\r\n\r\n\r\n\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}\u{2}", 400),
            ("PRI * HTTP/2.0\r\n\r\n", 505),
            ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505),
        ] {
            assert_eq!(first(text), Some(Err(status)), "{text:?}");
        }
        assert_eq!(
            first("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
            Some(Ok(false))
        );
        assert_eq!(
            first("GET HTTP://h/a HTTP/1.1\r\nHost:\r\n\r\n"),
            Some(Ok(false))
        );
        // Players send the URIs of playlists as they stand there.
        assert_eq!(
            first("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n"),
            Some(Ok(false))
        );
        assert_eq!(
            first("GET /"),
            None,
            "the beginning of a request is awaited"
        );
    }

    #[test]
    fn what_is_too_large_is_not_awaited() {
        let long = "a".repeat(LINE_BYTES);
        assert_eq!(first(format!("GET /{long}")), Some(Err(414)));
        let large = "a".repeat(HEAD_BYTES);
        assert_eq!(first(with(&format!("A: {large}"))), Some(Err(431)));
        let many = "A: b\r\n".repeat(FIELDS);
        assert_eq!(first(with(many.trim_end())), Some(Err(431)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_head_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1..20_usize) {
            let mut cut = Heads::default();
            let mut found = None;
            for piece in bytes.chunks(size) {
                cut.push(piece);
                found = found.or_else(|| cut.next());
            }
            let mut whole = Heads::default();
            whole.push(&bytes);
            prop_assert_eq!(found, whole.next());
        }
    }
}
