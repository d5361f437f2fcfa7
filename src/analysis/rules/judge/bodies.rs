//! Bodies of the segments that a revision lists, as players would have got them, and what their bytes say. Each is read once;
//! what AES-128 encrypted is decrypted in memory, with the recorded key.

use std::io::Read as _;
use std::sync::Arc;

use url::Url;

use super::held::{Held, Rendition};
use super::state::Read;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::media::freeze::{self, Weight};
use crate::analysis::rules::playlist::{Playlist, Segment};
use crate::hls::{ByteRange, Step, Tag, Variables, attributes, lines};
use crate::media::cipher::Protection;
use crate::media::read::{Init, read};
use crate::session::{Body, LandedBody, ListedUrl, ReadError, Reader};

/// Larger bodies are not read.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Larger keys are not read.
const LARGEST_KEY: u64 = 4096;
/// Keys and initialization sections that are remembered of a playlist.
const MOST: usize = 64;
/// What was asked for so much later than it was listed, in microseconds, is still the answer.
const PATIENCE_US: i64 = 60_000_000;

/// Why segments are not read.
const NOT_THERE: &str = "their bodies are not there: never had, lost or damaged";

/// Why a body was not read.
pub(super) enum Unread {
    Session(ReadError),
    Because(&'static str),
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Lost(_) | ReadError::Altered { .. } => Self::Because(NOT_THERE),
            other => Self::Session(other),
        }
    }
}

/// Where segments are listed.
pub(super) struct Listing<'a> {
    pub(super) reader: &'a Reader,
    pub(super) read: &'a Read<'a>,
    pub(super) variables: &'a Variables,
    /// Whether the text tells of splices, in whatever way.
    pub(super) tells_splices: bool,
    /// Whether any segment was asked for.
    pub(super) has_segments: bool,
}

impl Listing<'_> {
    /// What is known of a segment. `date_us`: when it begins by the dates of its text; `discontinuity`: its number. `body` is room
    /// for its bytes.
    pub(super) fn held(
        &self,
        rendition: &mut Rendition,
        index: usize,
        (date_us, discontinuity): (Option<i64>, u64),
        body: &mut Vec<u8>,
    ) -> Result<Held, Unread> {
        let now = self.read.now;
        let Some(segment) = now.segments.get(index).cloned() else {
            return Err(Unread::Because("they are not listed"));
        };
        if segment.gap {
            return Err(Unread::Because("they have an EXT-X-GAP"));
        }
        if !self.has_segments {
            return Err(Unread::Because(NOT_THERE));
        }
        let sequence = now.number(index);
        let written = now.text.get(segment.uri.clone()).unwrap_or_default();
        let url = self
            .url(written)
            .ok_or(Unread::Because("their URLs cannot be read"))?;
        let landed = self.bytes(&url, segment.range, LARGEST, body)?;
        let init = self.init(rendition, &segment, sequence);
        let key = self.key(rendition, &segment);
        let facts = read(body, key.protection(sequence), init.as_deref());
        let rate = freeze::rate(&facts, segment.duration_us);
        let last = rendition.last.as_ref();
        Ok(Held {
            facts,
            init,
            sequence,
            exchange: landed.exchange_id,
            url: url.into(),
            at_us: self.read.row.seen_us,
            follows: last.is_some_and(|last| self.is_behind(index, last))
                && (index > 0 || self.read.fresh > 0 || !self.is_new_epoch()),
            date_us,
            discontinuity,
            iframes_only: now.i_frames_only,
            independent: now.independent,
            tells_splices: self.tells_splices,
            weight: Weight {
                at: Evidence {
                    at_us: self.read.row.seen_us,
                    exchange: Some(landed.exchange_id),
                },
                sequence,
                body: first_bytes(&landed.sha256),
                resource: segment.name,
                rate,
            },
            segment,
        })
    }

    /// By its number, and by the name that stands before it, where that of the last one is listed: numbers may be wrong.
    fn is_behind(&self, index: usize, last: &Held) -> bool {
        let segments = &self.read.now.segments;
        let name = last.segment.name;
        let before = index.checked_sub(1).and_then(|before| segments.get(before));
        last.sequence.wrapping_add(1) == self.read.now.number(index)
            && (before.is_none_or(|before| before.name == name)
                || !segments.iter().any(|segment| segment.name == name))
    }

    fn is_new_epoch(&self) -> bool {
        !matches!(self.read.row.step, Some(Step::Slid | Step::Same))
    }

    fn url(&self, written: &[u8]) -> Option<Url> {
        let text = std::str::from_utf8(written).ok()?;
        self.read.url.join(&self.variables.substitute(text)).ok()
    }

    /// The body behind a URL, or the range of it that is listed, into `bytes`; larger ones than `most` are not read.
    fn bytes(
        &self,
        url: &Url,
        range: Option<ByteRange>,
        most: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<LandedBody, Unread> {
        let (landed, body) = self.landed(url, range, most)?;
        bytes.clear();
        match body {
            Some(Body::Bytes(own)) => *bytes = own,
            Some(Body::Chunk(chunk)) => {
                let size = chunk.size.min(most);
                bytes.reserve(usize::try_from(size).unwrap_or(0));
                let read = chunk.file.take(size).read_to_end(bytes);
                read.map_err(|_| Unread::Because("their files cannot be read"))?;
            }
            None => return Err(Unread::Because("they are larger than 64 MiB")),
        }
        if let (Some(range), Some(first)) = (range, landed.first) {
            let skipped = usize::try_from(range.first.saturating_sub(first)).unwrap_or(usize::MAX);
            let length = usize::try_from(range.length).unwrap_or(usize::MAX);
            bytes.truncate(skipped.saturating_add(length));
            bytes.drain(..skipped.min(bytes.len()));
        }
        Ok(landed)
    }

    /// What came for a URL, and its body, which is opened; `None`: it is larger than `most`. One transaction, which saves locks.
    fn landed(
        &self,
        url: &Url,
        range: Option<ByteRange>,
        most: u64,
    ) -> Result<(LandedBody, Option<Body>), Unread> {
        let mut url = url.clone();
        url.set_fragment(None);
        let reader = self.reader;
        let found = reader.together(|| {
            let landings = reader.landings(&ListedUrl {
                stream_id: self.read.playlist.stream_id,
                revision: self.read.row.exchange_id,
                from_us: self.read.row.from_us,
                url: url.as_str(),
                range,
                patience_us: PATIENCE_US,
            })?;
            let own = landings.own.into_iter();
            let all = own.chain(landings.before).chain(landings.other);
            let Some(landed) = all.filter_map(|landing| landing.good).next() else {
                return Ok(None);
            };
            if landed.size > most {
                return Ok(Some((landed, None)));
            }
            let body = reader.body_of(landed.exchange_id)?;
            Ok(body.map(|body| (landed, Some(body))))
        })?;
        found.ok_or(Unread::Because(NOT_THERE))
    }

    fn tag(&self, at: Option<usize>) -> Option<Vec<(String, String)>> {
        let span = self.read.now.in_force.get(at?)?;
        let mut lines = lines(self.read.now.text.get(span.clone())?);
        lines.next()?.tag().map(pairs)
    }

    fn init(
        &self,
        rendition: &mut Rendition,
        segment: &Segment,
        sequence: u64,
    ) -> Option<Arc<Init>> {
        let tag = self.tag(segment.map_tag)?;
        let uri = value(&tag, "URI")?;
        let range = value(&tag, "BYTERANGE").and_then(range);
        let name = (uri.to_owned(), range);
        if let Some(known) = rendition.inits.get(&name) {
            return known.clone();
        }
        let read = || {
            let (url, mut body) = (self.url(uri.as_bytes())?, Vec::new());
            self.bytes(&url, range, LARGEST, &mut body).ok()?;
            Some(body)
        };
        let body = read();
        let key = self.key(rendition, segment);
        let init = body.map(|mut body| Arc::new(Init::read(&mut body, key.protection(sequence))));
        if rendition.inits.len() >= MOST {
            rendition.inits.clear();
        }
        rendition.inits.insert(name, init.clone());
        init
    }

    fn key(&self, rendition: &mut Rendition, segment: &Segment) -> Key {
        if segment.keys == 0 {
            return Key::None;
        }
        let Some(tag) = self.tag(segment.key_tag) else {
            return Key::NotRead;
        };
        let method = value(&tag, "METHOD").unwrap_or_default().to_owned();
        let Some(uri) = value(&tag, "URI").map(str::to_owned) else {
            return Key::NotRead;
        };
        let bytes = rendition.keys.get(&uri).cloned().unwrap_or_else(|| {
            let (url, mut key) = (self.url(uri.as_bytes())?, Vec::new());
            // What is larger is no key of any method.
            self.bytes(&url, None, LARGEST_KEY, &mut key).ok()?;
            Some(key)
        });
        if rendition.keys.len() >= MOST {
            rendition.keys.clear();
        }
        rendition.keys.insert(uri, bytes.clone());
        Key::Known {
            method,
            bytes,
            iv: value(&tag, "IV").and_then(iv),
        }
    }
}

/// The key that applies to a segment.
enum Key {
    None,
    NotRead,
    Known {
        method: String,
        bytes: Option<Vec<u8>>,
        iv: Option<[u8; 16]>,
    },
}

impl Key {
    fn protection(&self, sequence: u64) -> Protection<'_> {
        match self {
            Self::None => Protection::None,
            Self::NotRead => Protection::NotRead,
            Self::Known { method, bytes, iv } => match (method.as_str(), bytes) {
                ("AES-128", Some(key)) => Protection::Aes128 {
                    key,
                    iv: iv.unwrap_or_else(|| u128::from(sequence).to_be_bytes()),
                },
                ("AES-256-GCM", key) => Protection::Aes256Gcm {
                    key: key.as_deref(),
                },
                _ => Protection::NotRead,
            },
        }
    }
}

fn pairs(tag: Tag<'_>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    attributes(tag.value)
        .map(|a| (text(a.name), text(a.value)))
        .collect()
}

fn value<'a>(tag: &'a [(String, String)], name: &str) -> Option<&'a str> {
    tag.iter()
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.as_str())
}

fn range(written: &str) -> Option<ByteRange> {
    let (length, first) = written.split_once('@').unwrap_or((written, "0"));
    Some(ByteRange {
        first: first.parse().ok()?,
        length: length.parse().ok().filter(|length| *length > 0)?,
    })
}

fn iv(written: &str) -> Option<[u8; 16]> {
    let digits = written
        .strip_prefix("0x")
        .or_else(|| written.strip_prefix("0X"))?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// Whether a text tells of splices, in whatever way.
pub(super) fn tells_splices(playlist: &Playlist) -> bool {
    let holds = |what: &[u8]| memchr::memmem::find(&playlist.text, what).is_some();
    holds(b"SCTE35-")
        || holds(b"#EXT-X-CUE")
        || holds(b"#EXT-OATCLS-SCTE35")
        || holds(b"#EXT-X-SCTE35")
}

fn first_bytes(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |n, byte| n << 8 | u64::from(*byte))
}
