//! What an origin answers: status, header fields, body, and how it all ends.

use std::time::Duration;

use super::origin::Ask;

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Complete,
    /// As it should, in chunks of so many bytes each (`Transfer-Encoding: chunked`).
    Chunked(usize),
    /// The connection is closed after so many bytes of the body; all of it was announced.
    Cut(usize),
    /// The connection is reset after so many bytes of the body.
    Reset(usize),
    /// After so many bytes of the body nothing comes any more.
    Hang(usize),
    /// As it should, but the body comes in parts over so long a time.
    Drip(Duration),
    /// Without a length, in chunks of so many bytes, so long apart; then as it says.
    Live(usize, Duration, Then),
    /// The body is written as it is, its own head included, in pieces of so many bytes, so long apart;
    /// then as it says.
    RawLive(usize, Duration, Then),
    /// Nothing is answered, and the connection stays open.
    Silent,
    /// Nothing is answered, and the connection is closed.
    Closed,
    /// Nothing is answered, and the connection is reset.
    Aborted,
    /// The body is written as it is: no head, no HTTP.
    Raw,
}

/// What comes behind a body without a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The same again, for ever.
    Again,
    /// Its end, in good order.
    End,
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
    /// Nothing any more.
    Hang,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub end: End,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: body.into(),
            end: End::Complete,
        }
        .with("Content-Type", content_type)
    }

    pub fn playlist(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/vnd.apple.mpegurl", body)
    }

    pub fn segment(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "video/mp2t", body)
    }

    pub fn key(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/octet-stream", body)
    }

    pub fn html(status: u16) -> Self {
        Self::new(status, "text/html", "<html><body>sorry</body></html>")
    }

    pub fn not_found() -> Self {
        Self::html(404)
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, "text/html", "").with("Location", location)
    }

    /// Nothing, with the connection left open or closed.
    pub fn nothing(end: End) -> Self {
        Self {
            status: 0,
            fields: Vec::new(),
            body: Vec::new(),
            end,
        }
    }

    /// An answer whose head is written as it stands here.
    pub fn raw_live(head: &str, body: &[u8], piece: usize, pause: Duration, then: Then) -> Self {
        Self {
            body: [head.as_bytes(), body].concat(),
            ..Self::nothing(End::RawLive(piece, pause, then))
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// An entity tag made of the body; 304 without a body where the ask has it already.
    pub fn tagged(self, ask: &Ask) -> Self {
        let tag = format!("\"{:016x}\"", checksum(&self.body));
        let known = ask.header("if-none-match") == Some(tag.as_str());
        let tagged = self.with("ETag", tag);
        if known { tagged.unmodified() } else { tagged }
    }

    /// A date of last modification; 304 without a body where the ask has it already.
    pub fn dated(self, ask: &Ask, date: &str) -> Self {
        let known = ask.header("if-modified-since") == Some(date);
        let dated = self.with("Last-Modified", date);
        if known { dated.unmodified() } else { dated }
    }

    fn unmodified(mut self) -> Self {
        self.status = 304;
        self.body.clear();
        self
    }

    /// As a server of files does: 206 where the ask names a range of `whole`, 200 where not.
    pub fn ranged(ask: &Ask, whole: &[u8]) -> Self {
        let range = ask.header("range").and_then(|value| {
            let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
            let last = last.parse::<usize>().ok()?.min(whole.len().checked_sub(1)?);
            Some((first.parse::<usize>().ok()?, last))
        });
        match range {
            None => Self::segment(whole),
            Some((first, last)) if first <= last => {
                let mut part = Self::segment(&whole[first..=last]).with(
                    "Content-Range",
                    format!("bytes {first}-{last}/{}", whole.len()),
                );
                part.status = 206;
                part
            }
            Some(_) => {
                let total = format!("bytes */{}", whole.len());
                Self::new(416, "text/plain", "").with("Content-Range", total)
            }
        }
    }
}

fn checksum(body: &[u8]) -> u64 {
    body.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
