//! From a question to recorded content. The only part of the replayer that reads the
//! session; runs on a blocking thread.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::bodies::Bodies;
use super::playlist::{self, Key, Served, contains};
use super::ranges as parts;
use super::ranges::{Part, Plan};
use super::text_cache::{Depends, Made, TextKey};
use crate::hls::{
    MOST_OF_ONE, PlaylistKind, Variables, lacks_parameters, playlist_kind, read_list,
    read_multivariant,
};
use crate::replayer::body::Piece;
use crate::replayer::body::pace::Pace;
use crate::replayer::header::range::RangeSpec;
use crate::replayer::request::Player;
use crate::replayer::request::base::served_url;
use crate::session::{
    Answer, Body, Exchange, Faults, Found, Growing, Headers, Kind, Outcome, Query, RangePart,
    ReadError, Reader, StreamInfo, is_success,
};

/// Redirects that are followed inside.
const MOST_HOPS: usize = 10;

/// What a request asks of the session.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The URL at the origin.
    pub(crate) url: Url,
    /// Whether it was asked for under a name of this replay: recorded redirects are followed inside.
    pub(crate) by_name: bool,
    /// Path and query that the player asked for.
    pub(crate) served: String,
    /// The clock in it, as a path prefix.
    pub(crate) prefix: String,
    /// The Range of the request.
    pub(crate) range: Option<RangeSpec>,
    /// The moment of the recording, in microseconds of Unix time.
    pub(crate) moment_us: i64,
    /// Whether the session is being recorded.
    pub(crate) recording: bool,
    /// Whether media playlists are to end.
    pub(crate) endlist: bool,
    /// By how many microseconds dates are moved.
    pub(crate) shift_us: i64,
    /// The clock of the player.
    pub(crate) player: Player,
}

/// What is being recorded of a stream that is no playlist.
#[derive(Debug)]
pub(crate) struct GrowingPart {
    pub(crate) stream_id: i64,
    pub(crate) growing: Growing,
}

/// What the session has.
#[derive(Debug)]
pub(crate) enum Looked {
    /// The URL was never asked for.
    Unknown,
    /// The user did not want it recorded.
    LeftOut,
    /// From then on it is there (microseconds of Unix time).
    NotYet(i64),
    /// It is being recorded.
    Pending,
    /// A raw stream that is being recorded.
    Growing(Box<GrowingPart>),
    /// An answer.
    Whole(Box<Whole>),
    /// Pieces of a resource that is known by byte ranges.
    Pieces(Box<Pieces>),
    /// The range begins behind the end of a resource of this size.
    Behind(u64),
    /// Nothing that was recorded has this byte.
    Hole(u64),
}

/// An answer with its content.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) answer: Answer,
    /// The resource's URL.
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) content: Content,
    /// Whether it was asked for a little too early.
    pub(crate) early: bool,
    /// Whether it was asked for under a name of this replay.
    pub(crate) by_name: bool,
    /// So long it is the answer, in microseconds of Unix time, as far as was recorded by now;
    /// `None`: nobody knows.
    pub(crate) until_us: Option<i64>,
    /// Whether what is recorded next may change that.
    pub(crate) recording: bool,
}

/// Content of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// None was recorded.
    None,
    /// A playlist, steering manifest or list of assets, as it is served.
    Playlist(Served),
    /// A playlist that only means something at its own URL: it takes variables from its query, which the
    /// player does not have.
    OwnUrlOnly,
    /// Other bytes.
    Plain(Piece),
    /// There is no memory for it now.
    NoRoom,
}

/// Pieces of a resource that is known by byte ranges.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The part that the first piece is of: its header fields count.
    pub(crate) answer: Answer,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    /// Where the pieces begin in the resource.
    pub(crate) first: u64,
    /// The size of the whole resource, if it is known.
    pub(crate) total: Option<u64>,
    pub(crate) pieces: Vec<Piece>,
    /// How they came.
    pub(crate) pace: Option<Pace>,
    /// Whether one of them takes the place of a fault.
    pub(crate) healed: bool,
    /// Whether it was asked for a little too early.
    pub(crate) early: bool,
    /// Whether it was asked for under a name of this replay.
    pub(crate) by_name: bool,
}

/// Whether something is missing of the body that an exchange announced.
pub(crate) fn is_broken(exchange: &Exchange) -> bool {
    match exchange.outcome {
        // Less or something else than was asked for, and all that was announced.
        Outcome::Short => exchange.announced_bytes != Some(exchange.body_size),
        Outcome::Protocol if exchange.announced_bytes == Some(exchange.body_size) => false,
        Outcome::Reset | Outcome::BodyTimeout | Outcome::Aborted | Outcome::TooLarge => true,
        Outcome::Complete | Outcome::Long | Outcome::Encoding | Outcome::NotAPlaylist => false,
        Outcome::Scheme | Outcome::Redirects | Outcome::Disk => false,
        _ => exchange.status.is_some(),
    }
}

/// Whether it has what no list of streams has.
fn is_hls(content: &Content) -> bool {
    let Content::Playlist(served) = content else {
        return false;
    };
    let has = |tag: &[u8]| contains(served.text.bytes(), tag);
    has(b"#EXT-X-TARGETDURATION") || has(b"#EXT-X-STREAM-INF")
}

impl Whole {
    /// For how many microseconds it is the answer, at a moment; 0: nobody knows.
    pub(crate) fn left_us(&self, moment_us: i64) -> i64 {
        let until_us = self.until_us.filter(|_| !self.recording);
        until_us.map_or(0, |us| us.saturating_sub(moment_us).max(0))
    }

    /// Where a recorded redirect leads, over http(s).
    pub(crate) fn redirect(&self) -> Option<Url> {
        redirect(&self.answer.exchange, &self.url, &self.headers)
    }
}

fn redirect(exchange: &Exchange, url: &Url, headers: &Headers) -> Option<Url> {
    if !matches!(exchange.status, Some(301 | 302 | 303 | 307 | 308)) {
        return None;
    }
    let mut target = url.join(headers.get("location")?).ok()?;
    target.set_fragment(None);
    matches!(target.scheme(), "http" | "https").then_some(target)
}

/// A look at a session.
pub(crate) struct Look<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) streams: &'a [StreamInfo],
    pub(crate) bodies: &'a Arc<Bodies>,
    /// Whether faults are answers.
    pub(crate) faults: Faults,
    /// So much before its time a resource that is no playlist is given, in microseconds.
    pub(crate) early_us: i64,
}

impl Look<'_> {
    /// What the session has for a question.
    pub(crate) fn ask(&self, question: &Question) -> Result<Looked, ReadError> {
        let mut looked = self.ask_once(question, question.url.as_str())?;
        let mut waited_us = 0_i64;
        let mut until_us = Some(i64::MAX);
        for _ in 0..MOST_HOPS {
            let target = match &looked {
                Looked::Whole(whole) if question.by_name && !is_hls(&whole.content) => {
                    match whole.redirect() {
                        None => self.listed(&whole.answer, &whole.url, &whole.headers)?,
                        target => target,
                    }
                }
                _ => None,
            };
            let Some(target) = target else {
                break;
            };
            if let Looked::Whole(hop) = &looked {
                waited_us = waited_us.saturating_add(hop.answer.wait_us.unwrap_or(0));
                until_us = earlier(until_us, hop.until_us);
            }
            looked = self.ask_once(question, target.as_str())?;
        }
        // What is followed inside takes as long as the hops did.
        if let (Looked::Whole(whole), 1..) = (&mut looked, waited_us) {
            let wait_us = &mut whole.answer.wait_us;
            *wait_us = wait_us.map(|us| us.saturating_add(waited_us));
        }
        if let Looked::Whole(whole) = &mut looked {
            whole.until_us = earlier(until_us, whole.until_us);
        }
        Ok(looked)
    }

    /// The stream that an answer names, where that is a list of one: its recorder asked for it in the
    /// place of the list.
    fn listed(
        &self,
        answer: &Answer,
        url: &Url,
        headers: &Headers,
    ) -> Result<Option<Url>, ReadError> {
        let exchange = &answer.exchange;
        let may_be = answer.resource.kind.is_playlist()
            && exchange.status.is_some_and(is_success)
            && exchange.body_encoding.is_none()
            && exchange.body_size <= MOST_OF_ONE as u64;
        let body = match exchange.body_id.filter(|_| may_be) {
            Some(body_id) => self.reader.body(body_id)?,
            None => return Ok(None),
        };
        let Body::Bytes(body) = body else {
            return Ok(None);
        };
        let list = read_list(&body, url, headers.get("content-type"));
        let Some(target) = list.and_then(|list| Some(list.only()?.url.clone())) else {
            return Ok(None);
        };
        // What it names may have been recorded as a segment.
        let stream_id = answer.resource.stream_id;
        let named = match self.reader.resource_in(stream_id, target.as_str(), None)? {
            Some(id) => self.reader.resource(id)?,
            None => None,
        };
        let is_followed = named.is_some_and(|named| named.kind.is_playlist());
        Ok(is_followed.then_some(target))
    }

    fn ask_once(&self, question: &Question, url: &str) -> Result<Looked, ReadError> {
        let range = match question.range {
            Some(RangeSpec::From(first, last)) => Some((first, last)),
            // Where its end is, only the parts know.
            Some(RangeSpec::Suffix(_)) | None => None,
        };
        let query = Query {
            url,
            range,
            at_us: question.moment_us,
            recording: question.recording,
            faults: self.faults,
        };
        let (found, early) = self.find(&query)?;
        Ok(match found {
            Found::Unknown if self.reader.is_left_out(url)? => Looked::LeftOut,
            // Its recorder may have been killed.
            Found::Unknown => self.pending_else(url, Looked::Unknown)?,
            Found::NotYet(from_us) => Looked::NotYet(from_us),
            Found::Pending => self.pending_else(url, Looked::Pending)?,
            Found::Answer(answer) => self.whole(question, *answer, early)?,
            Found::Ranges(parts) => self.ranges(question, parts, early)?,
        })
    }

    fn pending_else(&self, url: &str, looked: Looked) -> Result<Looked, ReadError> {
        let growing = self.reader.growing_from(url)?;
        Ok(growing.map_or(looked, |(stream_id, growing)| {
            Looked::Growing(Box::new(GrowingPart { stream_id, growing }))
        }))
    }

    /// What is found; whether that is what a player asks for a little too early. Playlists
    /// are never early: their time is what a replay is about.
    fn find(&self, query: &Query<'_>) -> Result<(Found, bool), ReadError> {
        let found = self.reader.answer_to(query)?;
        let Found::NotYet(from_us) = found else {
            return Ok((found, false));
        };
        if from_us.saturating_sub(query.at_us) > self.early_us {
            return Ok((found, false));
        }
        let then = self.reader.answer_to(&Query {
            at_us: from_us,
            ..*query
        })?;
        Ok(match &then {
            Found::Answer(answer) if !answer.resource.kind.is_playlist() => (then, true),
            Found::Ranges(_) => (then, true),
            _ => (found, false),
        })
    }

    fn whole(&self, question: &Question, answer: Answer, early: bool) -> Result<Looked, ReadError> {
        // What was asked for once was a URL.
        let url = Url::parse(&answer.resource.url).unwrap_or_else(|_| question.url.clone());
        let headers = self.reader.headers(&answer.exchange)?;
        let content = self.content(question, &answer, &url)?;
        // The variables that a playlist imports have times of their own.
        let imports = matches!(&content, Content::Playlist(served) if served.imports);
        let is_known = !early && !imports;
        let until_us = is_known.then(|| answer.until_us.unwrap_or(i64::MAX));
        Ok(Looked::Whole(Box::new(Whole {
            answer,
            url,
            headers,
            content,
            early,
            by_name: question.by_name,
            until_us,
            recording: question.recording,
        })))
    }

    fn content(
        &self,
        question: &Question,
        answer: &Answer,
        url: &Url,
    ) -> Result<Content, ReadError> {
        let exchange = &answer.exchange;
        let Some(body_id) = exchange.body_id else {
            return Ok(Content::None);
        };
        let kind = answer.resource.kind;
        let is_json = matches!(kind, Kind::Steering | Kind::Assets);
        let may_be_rewritten = (kind.is_playlist() || is_json)
            && exchange.status.is_some_and(is_success)
            && exchange.body_encoding.is_none()
            && !is_broken(exchange);
        let made = match may_be_rewritten {
            true => self.served(question, answer, (body_id, is_json), url)?,
            false => Some(Made::Unread),
        };
        Ok(match made {
            Some(Made::Served(served)) => Content::Playlist(served),
            Some(Made::OwnUrlOnly) => Content::OwnUrlOnly,
            None => Content::NoRoom,
            Some(_) => self
                .bodies
                .piece(self.reader, body_id, exchange.body_size)?
                .map_or(Content::NoRoom, Content::Plain),
        })
    }

    /// A playlist, a steering manifest or a list of assets as it is served. `None`: there is no memory for
    /// it now.
    fn served(
        &self,
        question: &Question,
        answer: &Answer,
        (body_id, is_json): (i64, bool),
        url: &Url,
    ) -> Result<Option<Made>, ReadError> {
        let mut key = Key::new(body_id, url, &question.served, &question.prefix);
        if !is_json {
            (key.endlist, key.shift_us) = (question.endlist, question.shift_us);
        }
        let mut imports = None;
        loop {
            let text_key = TextKey::Served(Box::new(key.clone()));
            let made = self.bodies.texts.get_or_make(&text_key, || {
                self.make(question, answer, (&key, is_json), imports.as_ref())
            })?;
            let Some(Made::Depends(depends)) = made else {
                return Ok(made);
            };
            if depends.query {
                key = key.with_query(&question.served);
            }
            if depends.imports {
                let main = self.main_of(answer.resource.stream_id, question.moment_us)?;
                key.imports = Some(main.as_ref().map_or(0, |(id, ..)| *id));
                imports = Some(main.map_or_else(Variables::default, |(_, url, body)| {
                    read_multivariant(&body, &url).variables
                }));
            }
        }
    }

    /// What a body is as it is served, or what else that depends on.
    fn make(
        &self,
        question: &Question,
        answer: &Answer,
        (key, is_json): (&Key, bool),
        imports: Option<&Variables>,
    ) -> Result<Option<Made>, ReadError> {
        let size = usize::try_from(answer.exchange.body_size).unwrap_or(usize::MAX);
        // The body, its text, and what is replaced in it on the way.
        let Some(permit) = self.bodies.budget.take(size, 4) else {
            return Ok(None);
        };
        let Body::Bytes(body) = self.reader.body(key.body_id)? else {
            return Ok(Some(Made::Unread));
        };
        if is_json {
            return Ok(Some(Made::Served(playlist::serve_json(&body, key, permit))));
        }
        let Some(kind) = playlist_kind(&body) else {
            return Ok(Some(Made::Unread));
        };
        let takes_query = contains(&body, b"QUERYPARAM=");
        let depends = Depends {
            query: takes_query,
            imports: kind == PlaylistKind::Media && contains(&body, b"IMPORT="),
        };
        if depends.query && key.any_query || depends.imports && imports.is_none() {
            return Ok(Some(Made::Depends(depends)));
        }
        let served = served_url(&key.served);
        let lacks = |served: &Url| lacks_parameters(&body, &key.origin, served);
        if question.by_name && takes_query || served.as_ref().is_some_and(lacks) {
            return Ok(Some(Made::OwnUrlOnly));
        }
        let served = playlist::serve(&body, key, imports, permit);
        Ok(Some(Made::Served(served)))
    }

    /// The multivariant playlist of a stream at a moment: number and text of its body, its URL.
    pub(crate) fn main_of(
        &self,
        stream_id: i64,
        moment_us: i64,
    ) -> Result<Option<(i64, Url, Bytes)>, ReadError> {
        let Some(stream) = self.streams.iter().find(|stream| stream.id == stream_id) else {
            return Ok(None);
        };
        let mut url = stream.url.clone();
        for _ in 0..=MOST_HOPS {
            let query = Query {
                url: &url,
                range: None,
                at_us: moment_us,
                recording: false,
                faults: self.faults,
            };
            let Found::Answer(answer) = self.reader.answer_to(&query)? else {
                return Ok(None);
            };
            let Ok(own) = Url::parse(&answer.resource.url) else {
                return Ok(None);
            };
            let headers = self.reader.headers(&answer.exchange)?;
            if let Some(target) = self.listed(&answer, &own, &headers)? {
                url = target.into();
                continue;
            }
            if let Some(target) = redirect(&answer.exchange, &own, &headers) {
                url = target.into();
                continue;
            }
            let Some(body_id) = answer.exchange.body_id else {
                return Ok(None);
            };
            return Ok(match self.reader.body(body_id)? {
                Body::Bytes(body) if playlist_kind(&body) == Some(PlaylistKind::Multivariant) => {
                    Some((body_id, own, body.into()))
                }
                _ => None,
            });
        }
        Ok(None)
    }

    fn ranges(
        &self,
        question: &Question,
        parts: Vec<RangePart>,
        early: bool,
    ) -> Result<Looked, ReadError> {
        let facts: Vec<Part> = parts.iter().map(Part::of).collect();
        let (first, pieces, total) = match parts::plan(&facts, question.range) {
            Plan::Behind(size) => return Ok(Looked::Behind(size)),
            Plan::Hole(at) => return Ok(Looked::Hole(at)),
            Plan::Fault(index) => {
                return match parts.into_iter().nth(index) {
                    Some(part) => self.whole(question, part.answer, early),
                    None => Ok(Looked::Unknown),
                };
            }
            Plan::Pieces {
                first,
                pieces,
                total,
            } => (first, pieces, total),
        };
        let mut bodies = Vec::with_capacity(pieces.len());
        let mut healed = false;
        let mut paces = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            let answer = parts.get(piece.part).map(|part| &part.answer);
            healed |= answer.is_some_and(|answer| answer.healed);
            let pace = answer
                .and_then(|answer| Pace::of(&answer.exchange, answer.exchange.body_size, false))
                .map(|pace| pace.part(piece.skip, piece.length));
            paces.push((pace, piece.length));
            if let Some(exchange) = answer.map(|answer| &answer.exchange)
                && let Some(body_id) = exchange.body_id
            {
                let body = (body_id, exchange.body_size);
                bodies.push(self.bodies.later(body, piece.skip, piece.length));
            }
        }
        let leading = pieces
            .first()
            .and_then(|piece| parts.into_iter().nth(piece.part));
        let Some(RangePart { answer, .. }) = leading else {
            return Ok(Looked::Unknown);
        };
        let url = Url::parse(&answer.resource.url).unwrap_or_else(|_| question.url.clone());
        let headers = self.reader.headers(&answer.exchange)?;
        Ok(Looked::Pieces(Box::new(Pieces {
            answer,
            url,
            headers,
            first,
            total,
            pieces: bodies,
            pace: Pace::joined(paces),
            healed,
            early,
            by_name: question.by_name,
        })))
    }
}

/// Until when two answers hold; each is known, or not.
fn earlier(one_us: Option<i64>, other_us: Option<i64>) -> Option<i64> {
    Some(one_us?.min(other_us?))
}
