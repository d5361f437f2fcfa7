//! Bodies of segments, read as their revisions pass, each once: the rules of media, and time stamps across renditions.

use std::io::Read as _;
use std::sync::Arc;

use url::Url;

use super::held::{Held, Rendition};
use super::judgement::NotJudged;
use super::judging::Judging;
use super::state::Read;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::findings::Place;
use crate::analysis::rules::media::across::{self, Dated};
use crate::analysis::rules::media::freeze::{self, Weight};
use crate::analysis::rules::media::{cues, judge, judge_end};
use crate::analysis::rules::playlist::{Playlist, Segment};
use crate::hls::{ByteRange, Tag, Variables, attributes, lines};
use crate::media::cipher::Protection;
use crate::media::facts::Cipher;
use crate::media::read::{Init, read};
use crate::session::{Body, ExchangeId, LandedBody, ListedUrl, ReadError, Reader, RevisedPlaylist};

/// Larger bodies are not read.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Keys and initialization sections that are remembered of a playlist.
const MOST: usize = 64;
/// Segments of a playlist that are weighed against each other.
const MOST_WEIGHTS: usize = 50_000;
/// What was asked for so much later than it was listed, in microseconds, is still the answer.
const PATIENCE_US: i64 = 60_000_000;

impl Judging<'_> {
    /// The segments of a revision that no earlier one listed.
    pub(super) fn media(&mut self, read: &Read<'_>) -> Result<(), ReadError> {
        // Single frames are read by nobody as a channel.
        if !self.media.is_wanted || read.now.i_frames_only || !read.row.is_advance {
            return Ok(());
        }
        let dates = dates(read.now);
        let variables = Variables::read(&read.now.text, read.url, &Variables::default());
        for index in read.fresh..read.now.segments.len() {
            let rendition = self.media.of.entry(read.playlist.id).or_default();
            let listing = Listing {
                reader: self.reader,
                read,
                variables: &variables,
            };
            match listing.held(
                rendition,
                index,
                dates.get(index).copied().unwrap_or_default(),
            ) {
                Ok(held) => self.judge_media(read.playlist, held),
                Err(Unread::Session(error)) => return Err(error),
                Err(Unread::Because(why)) => {
                    *self.media.told.entry(why).or_default() += 1;
                    self.media_end(read.playlist);
                }
            }
        }
        Ok(())
    }

    fn judge_media(&mut self, playlist: &RevisedPlaylist, held: Held) {
        let rendition = self.media.of.entry(playlist.id).or_default();
        let last = rendition.last.take();
        let mut found = Vec::new();
        let previous = last.as_ref().map(Held::known);
        judge(previous.as_ref(), &held.known(), &mut found);
        cues::judge(&held.known(), held.tells_splices, &mut found);
        if held.facts.cipher == Cipher::NotRead {
            *self.media.told.entry("segments that are encrypted, and whose key was not recorded or whose method is not looked into").or_default() += 1;
        }
        for (sequence, broken) in found {
            let of = last
                .as_ref()
                .filter(|last| last.sequence == sequence)
                .unwrap_or(&held);
            let place = place(playlist, of.at_us, of.exchange);
            self.findings.add(&place, named(sequence, broken));
        }
        self.across_media(playlist, &held);
        if let Some(rendition) = self.media.of.get_mut(&playlist.id) {
            if rendition.weights.len() < MOST_WEIGHTS {
                rendition.weights.push(held.weight);
            }
            rendition.last = Some(held);
        }
    }

    /// X05: the newest segments of two renditions of one family.
    fn across_media(&mut self, playlist: &RevisedPlaylist, held: &Held) {
        let family = self.families.get(&playlist.stream_id);
        let is_member = |url: &str| {
            family
                .and_then(|family| family.member(url))
                .is_some_and(|member| member.is_timed_like_others())
        };
        let Some(date_us) = held.date_us.filter(|_| is_member(&playlist.url)) else {
            return;
        };
        let others = self.media.of.iter().filter(|(id, _)| **id != playlist.id);
        let found = others
            .filter_map(|(_, rendition)| rendition.last.as_ref())
            .find_map(|other| {
                let other_date_us = other
                    .date_us
                    .filter(|_| other.discontinuity == held.discontinuity)?;
                let one = Dated {
                    known: other.known(),
                    date_us: other_date_us,
                };
                across::judge(
                    &one,
                    &Dated {
                        known: held.known(),
                        date_us,
                    },
                )
            });
        if let Some(broken) = found {
            let place = place(playlist, held.at_us, held.exchange);
            self.findings.add(&place, broken);
        }
    }

    /// Nothing is known of what follows.
    fn media_end(&mut self, playlist: &RevisedPlaylist) {
        let last = self
            .media
            .of
            .get_mut(&playlist.id)
            .and_then(|rendition| rendition.last.take());
        let Some(last) = last else { return };
        let mut found = Vec::new();
        judge_end(&last.known(), &mut found);
        for (_, broken) in found {
            let place = place(playlist, last.at_us, last.exchange);
            self.findings.add(&place, broken);
        }
    }

    /// M16, at the end of a playlist.
    fn freezes(&mut self, playlist: &RevisedPlaylist) {
        let Some(rendition) = self.media.of.get(&playlist.id) else {
            return;
        };
        let mut found = Vec::new();
        freeze::judge(&rendition.weights, &mut found);
        let end_us = self.reader.runs().ok();
        let end_us = end_us.and_then(|runs| runs.last().map(crate::session::Run::end_us));
        for (_, broken) in found {
            let place = Place {
                stream: &playlist.stream,
                playlist: Some(&playlist.name),
                id: playlist.id,
                at: Evidence {
                    at_us: end_us.unwrap_or(0),
                    exchange: None,
                },
            };
            self.findings.add(&place, broken);
        }
    }

    /// The end of all playlists; what was not read is told.
    pub(super) fn media_ends(&mut self, playlists: &[RevisedPlaylist]) {
        for playlist in playlists {
            self.media_end(playlist);
            self.freezes(playlist);
        }
        for (what, count) in std::mem::take(&mut self.media.told) {
            self.not_judged.push(NotJudged {
                what: format!("media of {}", crate::shown::counted(count, "segment")),
                why: what.to_owned(),
            });
        }
    }
}

fn place(playlist: &RevisedPlaylist, at_us: i64, exchange: ExchangeId) -> Place<'_> {
    Place {
        stream: &playlist.stream,
        playlist: Some(&playlist.name),
        id: playlist.id,
        at: Evidence {
            at_us,
            exchange: Some(exchange),
        },
    }
}

/// With the number of the segment in its sentence.
fn named(sequence: u64, broken: Broken) -> Broken {
    let number = format!("egment {sequence}");
    match broken.text.contains(&number) {
        true => broken,
        false => Broken {
            text: format!("S{number}: {}", broken.text),
            ..broken
        },
    }
}

/// When each segment begins by the dates of its text, and its discontinuity number.
fn dates(playlist: &Playlist) -> Vec<(Option<i64>, u64)> {
    let mut begins_us = None;
    let mut number = playlist.discontinuity_sequence.unwrap_or(0);
    let each = playlist.segments.iter().map(|segment| {
        if segment.discontinuity {
            number += 1;
            begins_us = None;
        }
        let date_us = segment.date_us.or(begins_us);
        begins_us = date_us.map(|us: i64| us.saturating_add(segment.duration_us));
        (date_us, number)
    });
    each.collect()
}

/// Whether a text tells of splices, in whatever way.
fn tells_splices(playlist: &Playlist) -> bool {
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

/// Why a body was not read.
enum Unread {
    Session(ReadError),
    Because(&'static str),
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Lost(_) | ReadError::Altered { .. } => {
                Self::Because("their bodies are not there: never had, lost or damaged")
            }
            other => Self::Session(other),
        }
    }
}

/// Where segments are listed.
struct Listing<'a> {
    reader: &'a Reader,
    read: &'a Read<'a>,
    variables: &'a Variables,
}

impl Listing<'_> {
    fn held(
        &self,
        rendition: &mut Rendition,
        index: usize,
        (date_us, discontinuity): (Option<i64>, u64),
    ) -> Result<Held, Unread> {
        let now = self.read.now;
        let Some(segment) = now.segments.get(index).cloned() else {
            return Err(Unread::Because("they are not listed"));
        };
        if segment.gap {
            return Err(Unread::Because("they have an EXT-X-GAP"));
        }
        let sequence = now.number(index);
        let written = now.text.get(segment.uri.clone()).unwrap_or_default();
        let url = self
            .url(written)
            .ok_or(Unread::Because("their URLs cannot be read"))?;
        let landed = self.landed(&url, segment.range)?;
        let mut body = self.bytes(&landed, segment.range)?;
        let init = self.init(rendition, &segment, sequence);
        let key = self.key(rendition, &segment);
        let facts = read(&mut body, key.protection(sequence), init.as_deref());
        let rate = freeze::rate(&facts, segment.duration_us);
        let last = rendition.last.as_ref();
        Ok(Held {
            facts,
            init,
            sequence,
            exchange: landed.exchange_id,
            at_us: self.read.row.seen_us,
            follows: last.is_some_and(|last| last.sequence.wrapping_add(1) == sequence)
                && (index > 0 || self.read.fresh > 0 || !self.is_new_epoch()),
            date_us,
            discontinuity,
            iframes_only: now.i_frames_only,
            independent: now.independent,
            tells_splices: tells_splices(now),
            weight: Weight {
                sequence,
                body: first_bytes(&landed.sha256),
                resource: segment.name,
                rate,
            },
            segment,
        })
    }

    fn is_new_epoch(&self) -> bool {
        use crate::hls::Step;
        !matches!(self.read.row.step, Some(Step::Slid | Step::Same))
    }

    fn url(&self, written: &[u8]) -> Option<Url> {
        let text = std::str::from_utf8(written).ok()?;
        self.read.url.join(&self.variables.substitute(text)).ok()
    }

    fn landed(&self, url: &Url, range: Option<ByteRange>) -> Result<LandedBody, Unread> {
        let mut url = url.clone();
        url.set_fragment(None);
        let reader = self.reader;
        let landings = reader.together(|| {
            reader.landings(&ListedUrl {
                stream_id: self.read.playlist.stream_id,
                revision: self.read.row.exchange_id,
                from_us: self.read.row.from_us,
                url: url.as_str(),
                range,
                patience_us: PATIENCE_US,
            })
        })?;
        let all = landings
            .own
            .into_iter()
            .chain(landings.before)
            .chain(landings.other);
        all.filter_map(|landing| landing.good)
            .next()
            .ok_or(Unread::Because(
                "their bodies are not there: never had, lost or damaged",
            ))
    }

    /// A body, or the range of it that is listed.
    fn bytes(&self, landed: &LandedBody, range: Option<ByteRange>) -> Result<Vec<u8>, Unread> {
        if landed.size > LARGEST {
            return Err(Unread::Because("they are larger than 64 MiB"));
        }
        let reader = self.reader;
        let body = reader.together(|| reader.body_of(landed.exchange_id))?;
        let mut bytes = match body {
            Some(Body::Bytes(bytes)) => bytes,
            Some(Body::Chunk(chunk)) => {
                let mut bytes = Vec::new();
                let read = chunk
                    .file
                    .take(chunk.size.min(LARGEST))
                    .read_to_end(&mut bytes);
                read.map_err(|_| Unread::Because("their files cannot be read"))?;
                bytes
            }
            None => {
                return Err(Unread::Because(
                    "their bodies are not there: never had, lost or damaged",
                ));
            }
        };
        if let (Some(range), Some(first)) = (range, landed.first) {
            let skipped = usize::try_from(range.first.saturating_sub(first)).unwrap_or(usize::MAX);
            let length = usize::try_from(range.length).unwrap_or(usize::MAX);
            bytes = bytes.into_iter().skip(skipped).take(length).collect();
        }
        Ok(bytes)
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
            let url = self.url(uri.as_bytes())?;
            let landed = self.landed(&url, range).ok()?;
            self.bytes(&landed, range).ok()
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
            let url = self.url(uri.as_bytes())?;
            let landed = self.landed(&url, None).ok()?;
            self.bytes(&landed, None).ok()
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
