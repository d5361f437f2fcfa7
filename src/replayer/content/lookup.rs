//! From a question to the answer that holds. Runs on a blocking thread.

use std::sync::Arc;

use url::Url;

use super::bodies::Bodies;
use super::found::{Content, GrowingPart, LookupResult, Pieces, Whole};
use super::playlist::contains;
use super::question::Question;
use super::ranges;
use super::ranges::{Plan, RecordedRange};
use crate::replayer::body::pace::Pace;
use crate::replayer::body::piece::Piece;
use crate::replayer::header::blocking;
use crate::replayer::header::range::RangeSpec;
use crate::session::{
    Answer, Exchange, Faults, Found, Headers, Kind, Query, RangePart, ReadError, Reader,
    StreamInfo, is_success,
};

/// Redirects that are followed inside.
pub(super) const MOST_HOPS: usize = 10;

/// Whether it has what no list of streams has.
fn is_hls(content: &Content) -> bool {
    let Content::Playlist(served) = content else {
        return false;
    };
    let has = |tag: &[u8]| contains(served.text.bytes(), tag);
    has(b"#EXT-X-TARGETDURATION") || has(b"#EXT-X-STREAM-INF")
}

/// A look at a session.
pub(crate) struct Lookup<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) streams: &'a [StreamInfo],
    pub(crate) bodies: &'a Arc<Bodies>,
    /// Whether faults are answers.
    pub(crate) faults: Faults,
    /// How early a resource that is not a playlist is given, in microseconds.
    pub(crate) early_us: i64,
}

impl Lookup<'_> {
    /// What the session has for a question.
    pub(crate) fn ask(&self, question: &Question) -> Result<LookupResult, ReadError> {
        let mut looked = self.ask_once(question, question.url.as_str())?;
        let mut waited_us = 0_i64;
        let mut until_us = Some(i64::MAX);
        for _ in 0..MOST_HOPS {
            let target = match &looked {
                LookupResult::Whole(whole) if question.by_name && !is_hls(&whole.content) => {
                    match whole.redirect() {
                        None => self.stream_in_list(&whole.answer, &whole.url, &whole.headers)?,
                        target => target,
                    }
                }
                _ => None,
            };
            let Some(target) = target else {
                break;
            };
            if let LookupResult::Whole(hop) = &looked {
                waited_us = waited_us.saturating_add(hop.answer.wait_us.unwrap_or(0));
                until_us = earlier_end(until_us, hop.until_us);
            }
            looked = self.ask_once(question, target.as_str())?;
        }
        // Redirects that are followed inside take as long as their hops did.
        if let (LookupResult::Whole(whole), 1..) = (&mut looked, waited_us) {
            let wait_us = &mut whole.answer.wait_us;
            *wait_us = wait_us.map(|us| us.saturating_add(waited_us));
        }
        if let LookupResult::Whole(whole) = &mut looked {
            whole.until_us = earlier_end(until_us, whole.until_us);
        }
        Ok(looked)
    }

    fn ask_once(&self, question: &Question, url: &str) -> Result<LookupResult, ReadError> {
        let range = match question.range {
            Some(RangeSpec::From(first, last)) => Some((first, last)),
            // Only the recorded ranges say where its end is.
            Some(RangeSpec::Suffix(_)) | None => None,
        };
        let query = Query {
            url,
            range,
            at_us: question.moment_us,
            recording: question.recording,
            faults: self.faults,
        };
        let by_fault = match question.fault {
            Some(exchange) => self.reader.answer_by(url, exchange)?,
            None => None,
        };
        if let Some(answer) = by_fault {
            return self.whole(question, answer, false);
        }
        if let (true, Some(first)) = (
            question.grows,
            question.range.and_then(RangeSpec::rest_from),
        ) && let Some(grown) = self.as_it_grew(question, url, first)?
        {
            return Ok(grown);
        }
        let (found, early) = self.find(&query)?;
        Ok(match found {
            Found::Unknown if self.reader.is_left_out(url)? => LookupResult::LeftOut,
            Found::Unknown => {
                let known = match self.reader.why_not_kept(url)? {
                    Some(why) => LookupResult::NotKept(why),
                    None => LookupResult::Unknown,
                };
                // Its recorder may have been killed.
                self.pending_else(url, known)?
            }
            Found::NotYet(from_us) => LookupResult::NotYet(from_us),
            Found::Pending => self.pending_else(url, LookupResult::Pending)?,
            Found::Answer(answer) => self.whole(question, *answer, early)?,
            Found::Ranges(ranges) => self.ranges(question, ranges, early)?,
        })
    }

    fn pending_else(&self, url: &str, looked: LookupResult) -> Result<LookupResult, ReadError> {
        let growing = self.reader.growing_from(url)?;
        Ok(growing.map_or(looked, |(stream_id, growing)| {
            LookupResult::Growing(Box::new(GrowingPart { stream_id, growing }))
        }))
    }

    /// Finds the answer; whether a player asks for it a little too early. Playlists
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
        let answer = match &then {
            Found::Answer(answer) if !answer.resource.kind.is_playlist() => Some(&**answer),
            Found::Ranges(ranges) => ranges.first().map(|range| &range.answer),
            _ => None,
        };
        Ok(match answer {
            Some(answer) if self.may_be_early(answer, query, from_us)? => (then, true),
            _ => (found, false),
        })
    }

    /// Parts are asked for at their moment: a quarter of one is early, and what is announced is held.
    fn may_be_early(
        &self,
        answer: &Answer,
        query: &Query<'_>,
        from_us: i64,
    ) -> Result<bool, ReadError> {
        if answer.resource.kind != Kind::Part {
            return Ok(true);
        }
        let part_us = self.reader.part_target_us(answer.exchange.id)?;
        let early_us = from_us.saturating_sub(query.at_us);
        Ok(early_us <= part_us.unwrap_or(0) / 4
            && !self.reader.is_hinted(query.url, query.at_us)?)
    }

    fn whole(
        &self,
        question: &Question,
        answer: Answer,
        early: bool,
    ) -> Result<LookupResult, ReadError> {
        // A recorded URL was valid once.
        let url = Url::parse(&answer.resource.url).unwrap_or_else(|_| question.url.clone());
        let content = self.content(question, &answer, &url)?;
        let is_file = matches!(
            content,
            Err(_) | Ok(Content::AsRecorded(Piece::File { .. }))
        );
        if self.bodies.chunks.is_some() && is_file && is_part_of_a_raw_stream(&answer) {
            return Ok(LookupResult::NotFromHere(RAW));
        }
        let content = match content {
            Err(name) => return Ok(LookupResult::Elsewhere(name)),
            Ok(content) => content,
        };
        let (headers, kept_us) = self.said_to_caches(question, &answer, &content)?;
        // The variables that a playlist imports have times of their own.
        let imports = matches!(&content, Content::Playlist(served) if served.imports);
        let is_known = !early && !imports;
        let until_us = is_known.then(|| answer.until_us.unwrap_or(i64::MAX));
        Ok(LookupResult::Whole(Box::new(Whole {
            answer,
            url,
            headers,
            content,
            early,
            by_name: question.by_name,
            until_us,
            recording: question.recording,
            kept_us,
        })))
    }

    /// The header fields of an answer, with what caches are told of its kind of request; and for how long those in front of
    /// replayers may keep it, beyond the next one, in microseconds.
    fn said_to_caches(
        &self,
        question: &Question,
        answer: &Answer,
        content: &Content,
    ) -> Result<(Headers, i64), ReadError> {
        let exchange = &answer.exchange;
        let headers = self.reader.headers(exchange)?;
        if !matches!(content, Content::Playlist(_)) {
            return Ok((headers, 0));
        }
        Ok(match question.met_us {
            Some(target_us) => {
                let kept_us = target_us.saturating_mul(blocking::KEPT_TARGETS);
                (blocking::told_when_met(headers, kept_us), kept_us)
            }
            None if exchange.is_held => {
                let plain = self
                    .reader
                    .plain_before(answer.resource.id, exchange.from_us)?;
                let plain = match plain {
                    Some(plain) => self.reader.headers(&plain)?,
                    None => Headers::default(),
                };
                (blocking::told_when_plain(headers, plain), 0)
            }
            None => (headers, 0),
        })
    }

    /// Some bytes of what an exchange brought; `None`: it brought nothing.
    pub(super) fn piece_of(
        &self,
        exchange: &Exchange,
        skip: u64,
        length: u64,
    ) -> Result<Option<Piece>, ReadError> {
        let Some(body_id) = exchange.body_id else {
            return Ok(None);
        };
        // It is opened when its turn comes, which is too late for another answer.
        if self.bodies.chunks.is_none() && self.reader.is_body_lost(body_id)? {
            let what = format!("the bytes that exchange {} brought", exchange.id);
            return Err(ReadError::Lost(what));
        }
        let body = (body_id, exchange.body_size);
        Ok(Some(self.bodies.later_piece(body, skip, length)))
    }

    fn ranges(
        &self,
        question: &Question,
        ranges: Vec<RangePart>,
        early: bool,
    ) -> Result<LookupResult, ReadError> {
        let facts: Vec<RecordedRange> = ranges.iter().map(RecordedRange::new).collect();
        let (first, pieces, total) = match ranges::plan(&facts, question.range) {
            Plan::Behind(size) => return Ok(LookupResult::Behind(size)),
            Plan::Hole(at) => return Ok(LookupResult::Hole(at)),
            Plan::Fault(index) => {
                return match ranges.into_iter().nth(index) {
                    Some(range) => self.whole(question, range.answer, early),
                    None => Ok(LookupResult::Unknown),
                };
            }
            Plan::Pieces {
                first,
                pieces,
                total,
            } => (first, pieces, total),
        };
        // The first is here when the answer begins, the others when their turns come.
        let first_body = pieces.first().and_then(|piece| ranges.get(piece.range));
        if let Some(body_id) = first_body.and_then(|range| range.answer.exchange.body_id)
            && let Some(name) = self.bodies.elsewhere(self.reader, body_id)?
        {
            return Ok(LookupResult::Elsewhere(name));
        }
        let mut bodies = Vec::with_capacity(pieces.len());
        let mut healed = false;
        let mut paces = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            let answer = ranges.get(piece.range).map(|range| &range.answer);
            healed |= answer.is_some_and(|answer| answer.healed);
            let pace = answer
                .and_then(|answer| {
                    Pace::of_exchange(&answer.exchange, answer.exchange.body_size, false)
                })
                .map(|pace| pace.slice(piece.skip, piece.length));
            paces.push((pace, piece.length));
            if let Some(answer) = answer {
                bodies.extend(self.piece_of(&answer.exchange, piece.skip, piece.length)?);
            }
        }
        let leading = pieces
            .first()
            .and_then(|piece| ranges.into_iter().nth(piece.range));
        let Some(RangePart { answer, .. }) = leading else {
            return Ok(LookupResult::Unknown);
        };
        let url = Url::parse(&answer.resource.url).unwrap_or_else(|_| question.url.clone());
        let headers = self.reader.headers(&answer.exchange)?;
        Ok(LookupResult::Pieces(Box::new(Pieces {
            answer,
            url,
            headers,
            first,
            total,
            pieces: bodies,
            pace: Pace::joined(paces),
            grows: false,
            healed,
            early,
            by_name: question.by_name,
        })))
    }
}

/// What is said of raw streams whose chunks are elsewhere.
const RAW: &str = "raw streams are not replayed out of an archive; issession fetch brings a span of it as a session of this disk";

/// Whether an answer that is a file is one: only those have files of what the user typed.
fn is_part_of_a_raw_stream(answer: &Answer) -> bool {
    answer.resource.kind == Kind::Main && answer.exchange.status.is_some_and(is_success)
}

/// Until when both of two answers hold; `None`: not known.
fn earlier_end(one_us: Option<i64>, other_us: Option<i64>) -> Option<i64> {
    Some(one_us?.min(other_us?))
}
