//! `answer(url, t)`: what did the origin answer for this URL at that moment?
//!
//! `docs/design/timeline.md` has the rule. A function of the session alone: no state.

use crate::session::read::resources::to_u64;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::heal::Faults;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Outcome, is_success};
use crate::session::read::facts::{Exchange, ResourceInfo};
use crate::session::read::reader::Reader;

/// Of a row of `exchange`: a player could have met it. What the recorder itself cut off, could not
/// store, or caused by asking otherwise than players do was no answer of the origin.
pub(crate) const IS_MET: &str =
    "outcome NOT IN ('aborted', 'disk', 'crossed') AND own_reason IS NULL";

/// The same of a request without directives: what went wrong with a request that the origin was to hold was an answer
/// to nobody else.
const IS_ANSWER: &str = "outcome NOT IN ('aborted', 'disk', 'crossed') AND own_reason IS NULL
    AND (directives IS NULL OR outcome = 'complete' AND ifnull(status, 0) < 400)";

/// What is asked of a session.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// An absolute URL of the origin.
    pub url: &'a str,
    /// First and, if it was said, last byte that a player asks for; it matters only for
    /// resources that are known by byte ranges.
    pub range: Option<(u64, Option<u64>)>,
    /// The moment, in microseconds of Unix time.
    pub at_us: i64,
    /// Whether the session is being recorded, so that what was listed and has not landed may
    /// still land ([`Found::Pending`]).
    pub recording: bool,
    /// Whether faults are answers.
    pub faults: Faults,
}

/// What the session knows for a URL at a moment.
#[derive(Debug)]
pub enum Found {
    /// The URL was never asked for.
    Unknown,
    /// It was not there yet; from then on it is (microseconds of Unix time).
    NotYet(i64),
    /// A revision listed it, and the recorder has not written it yet.
    Pending,
    /// The answer.
    Answer(Box<Answer>),
    /// Known by byte ranges: the parts that overlap the range that was asked for, in order.
    Ranges(Vec<RangePart>),
}

/// An exchange that is the answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it is the answer for.
    pub resource: ResourceInfo,
    /// Whose status, headers and body count.
    pub exchange: Exchange,
    /// The exchange that confirmed it, where one did.
    pub confirmed_by: Option<ExchangeId>,
    /// Requested to first byte, in microseconds, of the exchange or of what confirmed it.
    pub wait_us: Option<i64>,
    /// It takes the place of a fault.
    pub healed: bool,
    /// From then on the answer may be another one, in microseconds of Unix time, as far as was
    /// recorded by now; `None`: never.
    pub until_us: Option<i64>,
}

/// A part of a resource that is known by byte ranges.
#[derive(Debug, Clone)]
pub struct RangePart {
    /// First byte within the resource.
    pub first: u64,
    /// Number of bytes that were recorded; of a fault, those of the range.
    pub length: u64,
    /// The answer that has them.
    pub answer: Answer,
}

/// An exchange that answers for a resource.
struct Given {
    resource: ResourceInfo,
    exchange: Exchange,
    healed: bool,
    until_us: Option<i64>,
}

impl Given {
    /// Of several resources with one URL, the greatest answers: the newest; where faults are
    /// healed, a good one.
    fn rank(&self, query: &Query<'_>) -> (bool, i64, ExchangeId) {
        let is_good = query.faults == Faults::Healed && self.exchange.is_good();
        (is_good, self.exchange.from_us, self.exchange.id)
    }
}

impl Reader {
    /// The answer for `url` at `at_us` (microseconds of Unix time), faults as recorded; the
    /// arguments are those of [`Query`].
    ///
    /// # Errors
    /// The database is damaged.
    pub fn answer(
        &self,
        url: &str,
        range: Option<(u64, Option<u64>)>,
        at_us: i64,
        recording: bool,
    ) -> Result<Found, ReadError> {
        self.answer_to(&Query {
            url,
            range,
            at_us,
            recording,
            faults: Faults::Recorded,
        })
    }

    /// The answer to a query.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn answer_to(&self, query: &Query<'_>) -> Result<Found, ReadError> {
        let resources = self.resources(query.url)?;
        if resources.is_empty() {
            return Ok(Found::Unknown);
        }
        let range = query.range;
        // Of a file that grows there is always a range to come; whoever asks for all of it
        // has not asked for that.
        let asked =
            |r: &&ResourceInfo| r.range.is_none() || (range.is_some() && overlaps(r.range, range));
        if query.recording && self.is_pending(resources.iter().filter(asked), query.at_us)? {
            return Ok(Found::Pending);
        }
        let (whole, ranged): (Vec<_>, Vec<_>) =
            resources.into_iter().partition(|r| r.range.is_none());
        let mut not_yet: Option<i64> = None;
        let mut until_us = match query.recording {
            true => self.pending_after(&whole, query.at_us)?,
            false => None,
        };
        let mut best: Option<Given> = None;
        for resource in whole {
            match self.given(resource, query, true)? {
                Ok(given) => {
                    until_us = earlier(until_us, given.until_us);
                    let is_better = |best: &Given| given.rank(query) > best.rank(query);
                    if best.as_ref().is_none_or(is_better) {
                        best = Some(given);
                    }
                }
                Err(from_us) => not_yet = earlier(not_yet, from_us),
            }
        }
        if let Some(mut given) = best {
            given.until_us = earlier(until_us, not_yet);
            return Ok(Found::Answer(Box::new(self.complete(given)?)));
        }
        // Where the range is behind all of them, the others tell how large the resource is.
        let (asked, others): (Vec<_>, Vec<_>) =
            ranged.into_iter().partition(|r| overlaps(r.range, range));
        let mut parts = Vec::new();
        for resource in if asked.is_empty() { others } else { asked } {
            match self.given(resource, query, false)? {
                Ok(given) => parts.extend(part(self.complete(given)?)),
                Err(from_us) => not_yet = earlier(not_yet, from_us),
            }
        }
        parts.sort_by_key(|p: &RangePart| (p.first, p.answer.exchange.id));
        match (parts.is_empty(), not_yet) {
            (false, _) => Ok(Found::Ranges(parts)),
            (true, Some(from)) => Ok(Found::NotYet(from)),
            (true, None) => Ok(Found::Unknown),
        }
    }

    /// The exchange that answers for a resource; else from when on one does, if ever. `tells_until`:
    /// whether until when it does is told.
    fn given(
        &self,
        resource: ResourceInfo,
        query: &Query<'_>,
        tells_until: bool,
    ) -> Result<Result<Given, Option<i64>>, ReadError> {
        let plain = self.exchange_at(resource.id, query.at_us)?;
        let is_fault = !plain.as_ref().is_some_and(Exchange::is_good);
        // What a raw stream did not bring nothing else can stand for.
        let heals = query.faults == Faults::Healed && is_fault && !self.is_plain(&resource)?;
        let good = match heals {
            true => self.good_at(&resource, plain.as_ref(), query.at_us)?,
            false => None,
        };
        let healed = good.is_some();
        Ok(match good.or(plain) {
            Some(exchange) => Ok(Given {
                until_us: match is_fault {
                    _ if !tells_until => None,
                    true => self.first_after(resource.id, query.at_us)?,
                    false => self.first_other_after(&exchange, resource.id, query.at_us)?,
                },
                resource,
                exchange,
                healed,
            }),
            None => {
                let healed_from = match heals {
                    true => self.healed_from(resource.id)?,
                    false => None,
                };
                let to_come = healed_from.filter(|from| *from > query.at_us);
                Err(match to_come {
                    Some(from_us) => Some(from_us),
                    None => self.first_after(resource.id, query.at_us)?,
                })
            }
        })
    }

    fn is_pending<'a>(
        &self,
        resources: impl Iterator<Item = &'a ResourceInfo>,
        at_us: i64,
    ) -> Result<bool, ReadError> {
        for resource in resources {
            let pending: Option<i64> = self
                .db
                .prepare_cached(
                    "SELECT from_us FROM pending WHERE resource_id = ?1 AND from_us <= ?2",
                )
                .and_then(|mut s| {
                    s.query_row(params![resource.id, at_us], |row| row.get(0))
                        .optional()
                })
                .map_err(|e| self.failed(e))?;
            if pending.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// From when on one of these is waited for that was listed after a moment and has not landed.
    fn pending_after(
        &self,
        resources: &[ResourceInfo],
        at_us: i64,
    ) -> Result<Option<i64>, ReadError> {
        let mut first = None;
        for resource in resources {
            let pending: Option<i64> = self
                .db
                .prepare_cached(
                    "SELECT min(from_us) FROM pending WHERE resource_id = ?1 AND from_us > ?2",
                )
                .and_then(|mut s| s.query_row(params![resource.id, at_us], |row| row.get(0)))
                .map_err(|e| self.failed(e))?;
            first = earlier(first, pending);
        }
        Ok(first)
    }

    /// The one rule: the last exchange whose time is at or before, of those that a player could have met.
    fn exchange_at(&self, resource_id: i64, at_us: i64) -> Result<Option<Exchange>, ReadError> {
        self.exchange_where(
            &format!("resource_id = ?1 AND from_us <= ?2 AND {IS_ANSWER} ORDER BY from_us DESC, id DESC LIMIT 1"),
            params![resource_id, at_us],
        )
    }

    /// What answered for a resource last, until a moment (microseconds of Unix time), when it was asked without directives; of
    /// many, of the last few, else the first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn plain_before(
        &self,
        resource_id: i64,
        until_us: i64,
    ) -> Result<Option<Exchange>, ReadError> {
        let plain = "directives IS NULL AND outcome = 'complete' AND status = 200";
        let last = format!(
            "id IN (SELECT id FROM exchange WHERE resource_id = ?1 AND from_us <= ?2 ORDER BY from_us DESC, id DESC LIMIT 64)
               AND {plain} ORDER BY from_us DESC, id DESC LIMIT 1"
        );
        match self.exchange_where(&last, params![resource_id, until_us])? {
            Some(last) => Ok(Some(last)),
            None => self.exchange_where(
                &format!(
                    "id IN (SELECT id FROM exchange WHERE resource_id = ?1 AND from_us <= ?2 ORDER BY from_us, id LIMIT 64)
                       AND {plain} ORDER BY from_us, id LIMIT 1"
                ),
                params![resource_id, until_us],
            ),
        }
    }

    /// An exchange by its number.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn exchange(&self, id: ExchangeId) -> Result<Option<Exchange>, ReadError> {
        self.exchange_where("id = ?1", params![id])
    }

    pub(crate) fn exchange_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<Exchange>, ReadError> {
        self.db
            .prepare_cached(&format!(
                "SELECT id, from_us, requested_us, wait_us, status, header_set_id, header_values, announced_bytes,
                        body_id, body_encoding, body_first, resource_bytes, confirms_id, outcome, error,
                        (SELECT size FROM body WHERE body.id = body_id),
                        (SELECT sha256 FROM body WHERE body.id = body_id), failed_us,
                        receive_us, arrival, directives IS NOT NULL
                   FROM exchange WHERE {condition}"
            ))
            .and_then(|mut s| s.query_row(values, exchange_row).optional())
            .map_err(|e| self.failed(e))
    }

    fn first_after(&self, resource_id: i64, at_us: i64) -> Result<Option<i64>, ReadError> {
        self.db
            .prepare_cached(&format!(
                "SELECT min(from_us) FROM exchange WHERE resource_id = ?1 AND from_us > ?2 AND {IS_ANSWER}",
            ))
            .and_then(|mut s| s.query_row(params![resource_id, at_us], |row| row.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// From when on a resource may have another answer than an exchange: polls that only confirm it bring
    /// none. It is looked for that far ahead only; the answer then holds for at least so long.
    fn first_other_after(
        &self,
        exchange: &Exchange,
        resource_id: i64,
        at_us: i64,
    ) -> Result<Option<i64>, ReadError> {
        const AHEAD_US: i64 = 10_000_000;
        let same_id = exchange.confirms_id.unwrap_or(exchange.id);
        let until_us = at_us.saturating_add(AHEAD_US);
        let other: Option<i64> = self
            .db
            .prepare_cached(&format!(
                "SELECT min(from_us) FROM exchange
                  WHERE resource_id = :resource_id AND from_us > :at_us AND from_us <= :until_us
                    AND {IS_ANSWER} AND confirms_id IS NOT :same_id",
            ))
            .and_then(|mut s| {
                let values = named_params! {
                    ":resource_id": resource_id,
                    ":at_us": at_us,
                    ":until_us": until_us,
                    ":same_id": same_id,
                };
                s.query_row(values, |row| row.get(0))
            })
            .map_err(|e| self.failed(e))?;
        match other {
            Some(from_us) => Ok(Some(from_us)),
            None => self.first_after(resource_id, until_us),
        }
    }

    fn complete(&self, given: Given) -> Result<Answer, ReadError> {
        let Given {
            resource,
            exchange,
            healed,
            until_us,
        } = given;
        let confirmed = match exchange.confirms_id {
            Some(id) => self.exchange(id)?,
            None => None,
        };
        // What the origin held was on the way for an unknown part of that.
        let wait_us = exchange.wait_us.filter(|_| !exchange.is_held);
        let confirmed_by = confirmed.is_some().then_some(exchange.id);
        Ok(Answer {
            resource,
            exchange: confirmed.unwrap_or(exchange),
            confirmed_by,
            wait_us,
            healed,
            until_us,
        })
    }
}

fn exchange_row(row: &Row<'_>) -> rusqlite::Result<Exchange> {
    let optional = |at: usize| -> rusqlite::Result<Option<u64>> {
        Ok(row.get::<_, Option<i64>>(at)?.map(to_u64))
    };
    let outcome: String = row.get(13)?;
    Ok(Exchange {
        id: row.get(0)?,
        from_us: row.get(1)?,
        requested_us: row.get(2)?,
        wait_us: row.get(3)?,
        status: row.get(4)?,
        header_set_id: row.get(5)?,
        header_values: row.get(6)?,
        announced_bytes: optional(7)?,
        body_id: row.get(8)?,
        body_encoding: row.get(9)?,
        body_first: optional(10)?,
        resource_bytes: optional(11)?,
        confirms_id: row.get(12)?,
        outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
        error: row.get(14)?,
        body_size: optional(15)?.unwrap_or(0),
        body_sha256: row.get(16)?,
        failed_us: row.get(17)?,
        receive_us: row.get(18)?,
        arrival: row.get(19)?,
        is_held: row.get(20)?,
    })
}

/// The part of the resource that an answer has. An origin that ignored the range sent all of it.
fn part(answer: Answer) -> Option<RangePart> {
    let range = answer.resource.range?;
    let size = answer.exchange.body_size;
    let (first, length) = match answer.exchange.status {
        Some(206) => (answer.exchange.body_first.unwrap_or(range.first), size),
        Some(status) if is_success(status) => (0, size),
        _ => (range.first, range.length),
    };
    Some(RangePart {
        first,
        length,
        answer,
    })
}

fn overlaps(range: Option<ByteRange>, asked: Option<(u64, Option<u64>)>) -> bool {
    match (range, asked) {
        (Some(range), Some((first, last))) => {
            range.first <= last.unwrap_or(u64::MAX)
                && range.first.saturating_add(range.length) > first
        }
        _ => true,
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}
