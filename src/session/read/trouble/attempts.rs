//! Every request of a session in the order in which they began: which were good, and which were faults.
//!
//! What only the recorder's asking brought about (`own_reason`, `crossed`), and what was cut off when it stopped (`aborted`), is left out: it says nothing of the origin. But a part of a raw stream that brought
//! something was good until then; and what had had no answer for long was unanswered.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row};

use super::breaks::ENDED;
use super::faults::{COLUMNS, FAULT_COLUMNS, Fault, IS_FAULT, fault_row, host_as_named};
use super::waits::{IS_LONG_WAIT, IS_SLOW};
use super::words::least_unanswered_us;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::Kind;
use crate::session::read::parts::RawStreams;
use crate::session::read::reader::{IS_SHORT_RESOURCE, IS_SHORT_STREAM, Reader, if_sound};

/// A request and how it went. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number.
    pub exchange_id: ExchangeId,
    /// When it was made.
    pub requested_us: i64,
    /// When its response began; when it was requested, if there was none.
    pub at_us: i64,
    /// Row of `stream`.
    pub stream_id: i64,
    /// What was asked for.
    pub kind: Kind,
    /// Row of `resource`: the one that was asked for first, where that led here; of a playlist that has several URLs, the first
    /// of them.
    pub asked_id: i64,
    /// When its first byte came, where it brought a part of a raw stream.
    pub first_byte_us: Option<i64>,
    /// Who was asked: host and port, as the URL names them.
    pub host: String,
    /// How it went.
    pub end: AttemptEnd,
}

impl AttemptEnd {
    /// Without what was wrong with it where that was a wait, and the recorder's own.
    pub fn without_own_wait(&mut self) {
        let Self::Failed(failed) = self else { return };
        if failed.fault.is_long_wait {
            *self = match failed.is_answered_well() {
                true => Self::Good,
                // It says nothing of what is there.
                false => Self::Redirected,
            };
        }
    }
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// A good answer.
    Good,
    /// It led elsewhere, or was broken off, which says nothing of what is there.
    Redirected,
    /// A fault.
    Failed(Box<Failed>),
}

/// A fault, and what came of the next request for the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The fault.
    pub fault: Fault,
    /// Row of `resource`.
    pub resource_id: i64,
    /// The next request for the same thing, of a playlist under whatever URL; `None`: there was none, or it is of a raw
    /// stream. Of what was answered too late, that answer.
    pub next: Option<Next>,
}

impl Failed {
    /// It was answered well in the end, too late.
    pub fn is_answered_well(&self) -> bool {
        self.fault.is_answered() && self.next.is_some_and(|next| next.is_good)
    }
}

/// The next request for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// When its response began; when it was requested, if there was none.
    pub at_us: i64,
    /// It was answered well.
    pub is_good: bool,
}

/// The next request for what an exchange `e` asked for, of a resource `r`.
const NEXT: &str = "
    SELECT g.id FROM exchange g
     WHERE g.resource_id IN (
             SELECT r.id
             UNION SELECT a.resource_id FROM alias a WHERE a.url = r.url AND r.kind = 'media'
             UNION SELECT b.resource_id FROM alias a JOIN resource p ON p.id = a.resource_id
               JOIN alias b ON b.url = p.url WHERE a.url = r.url AND r.kind = 'media')
       AND (g.from_us, g.id) > (e.from_us, e.id) AND g.own_reason IS NULL AND g.outcome NOT IN ('crossed', 'aborted')
     ORDER BY g.from_us, g.id LIMIT 1";
/// The first URL of what was asked for at the head of a chain, a resource `q`: it is an alias of all others.
const ASKED: &str = "
    min(q.id, ifnull((SELECT min(a.resource_id) FROM alias a JOIN resource f ON f.id = a.resource_id
                       WHERE a.url = q.url AND q.kind = 'media' AND f.stream_id = q.stream_id AND f.kind = 'media'), q.id))";
/// An answer of a raw stream that brought something: it was good until it ended, and ends because it was stopped, too. `?4` are
/// these streams.
const BROUGHT_PART: &str = "
    (r.kind = 'main' AND r.stream_id IN (SELECT value FROM json_each(?4)) AND e.status BETWEEN 200 AND 299
      AND e.wire_bytes > 0 AND e.outcome <> 'not a playlist')";

impl Reader {
    /// The last exchange before the first one that was requested from a moment on (microseconds of Unix time).
    ///
    /// # Errors
    /// The database is damaged.
    pub fn last_before(&self, since_us: i64) -> Result<ExchangeId, ReadError> {
        if since_us == i64::MIN {
            return Ok(0);
        }
        let first = "SELECT id FROM exchange WHERE requested_us >= ?1 ORDER BY id LIMIT 1";
        let first: Vec<ExchangeId> = self.list(first, [since_us], |row| row.get(0))?;
        Ok(first
            .first()
            .map_or(ExchangeId::MAX, |first| first.saturating_sub(1)))
    }

    /// Requests behind an exchange, in the order in which they began; some hundred of them at a time.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn attempts_after(
        &self,
        behind: ExchangeId,
        raw: &RawStreams,
        known: &mut KnownPlaylists,
    ) -> Result<Vec<Attempt>, ReadError> {
        let mut behind = behind;
        loop {
            let looked_at = self.together(|| self.looked_at(behind, raw, known))?;
            let Some(last) = looked_at.last() else {
                return Ok(Vec::new());
            };
            behind = last.id();
            let attempts = self.together(|| self.attempts(looked_at, raw))?;
            if !attempts.is_empty() {
                return Ok(attempts);
            }
        }
    }

    /// Exchanges behind one, each as far as it is told by itself.
    fn looked_at(
        &self,
        behind: ExchangeId,
        raw: &RawStreams,
        known: &mut KnownPlaylists,
    ) -> Result<Vec<LookedAt>, ReadError> {
        let sql = format!(
            "{LOOK} WHERE {IS_SHORT_RESOURCE} AND {IS_SHORT_STREAM} AND e.id > ?1 ORDER BY e.id LIMIT ?2"
        );
        self.each(&sql, rusqlite::params![behind, AT_ONCE], |row| {
            self.db.fresh();
            let id = row.get(0)?;
            let plain = if_sound(plain_row(row, raw))?.flatten();
            let Some((mut attempt, asked_id)) = plain else {
                return Ok(LookedAt::Other(id));
            };
            if asked_id != attempt.asked_id || attempt.kind == Kind::Media {
                attempt.asked_id = known.first_url(self, asked_id)?;
            }
            Ok(LookedAt::Plain(attempt))
        })
    }

    /// What was looked at, and where that did not tell, all of it.
    fn attempts(
        &self,
        looked_at: Vec<LookedAt>,
        raw: &RawStreams,
    ) -> Result<Vec<Attempt>, ReadError> {
        let mut found = Vec::new();
        let mut others: Option<(ExchangeId, ExchangeId)> = None;
        for one in looked_at {
            match one {
                LookedAt::Other(id) => others = Some((others.map_or(id, |(first, _)| first), id)),
                LookedAt::Plain(attempt) => {
                    if let Some(span) = others.take() {
                        found.extend(self.attempts_between(span, raw)?);
                    }
                    found.push(attempt);
                }
            }
        }
        if let Some(span) = others {
            found.extend(self.attempts_between(span, raw)?);
        }
        Ok(found)
    }

    /// Requests between two exchanges, both included.
    fn attempts_between(
        &self,
        (first, last): (ExchangeId, ExchangeId),
        raw: &RawStreams,
    ) -> Result<Vec<Attempt>, ReadError> {
        let sql = format!(
            "SELECT {FAULT_COLUMNS}, {IS_LONG_WAIT}, {IS_SLOW},
                    {IS_FAULT}, e.status BETWEEN 300 AND 399 AND e.status <> 304, r.id, {ASKED},
                    n.requested_us + ifnull(n.wait_us, 0), n.status < 400 AND n.outcome = 'complete' AND n.error IS NOT ?1,
                    CASE WHEN {BROUGHT_PART} THEN ifnull(substr(e.arrival, 1, {FIRST_POINT}), '') END
               FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id
               LEFT JOIN exchange h ON h.id = e.head_id
               JOIN resource q ON q.id = ifnull(h.resource_id, r.id)
               LEFT JOIN exchange n ON n.id = CASE WHEN {IS_FAULT} OR e.outcome = 'aborted' THEN ({NEXT}) END
              WHERE {IS_SHORT_RESOURCE} AND {IS_SHORT_STREAM}
                AND e.own_reason IS NULL AND e.outcome <> 'crossed' AND (e.outcome <> 'aborted' OR {BROUGHT_PART} OR {IS_LONG_WAIT} OR {IS_SLOW})
                AND e.id >= ?2 AND e.id <= ?3
              ORDER BY e.id"
        );
        let params = rusqlite::params![ENDED, first, last, raw.ids()];
        let found = self.each(&sql, params, |row| {
            self.db.fresh();
            if_sound(attempt_row(row, raw))
        })?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// An exchange, as far as its own row tells.
enum LookedAt {
    /// A good answer, and nothing more to say of it.
    Plain(Attempt),
    /// Something else.
    Other(ExchangeId),
}

impl LookedAt {
    fn id(&self) -> ExchangeId {
        match self {
            Self::Plain(attempt) => attempt.exchange_id,
            Self::Other(id) => *id,
        }
    }
}

/// Exchanges with what tells of a good answer that nothing more is to be said of; most of a session are such, and all that faults need is
/// not read of them.
const LOOK: &str = concat!(
    "
    SELECT e.id,
            e.outcome = 'complete' AND e.own_reason IS NULL AND e.error IS NULL AND (e.status < 300 OR e.status = 304)
              AND coalesce(e.wait_us, e.failed_us, 0) < ",
    least_unanswered_us!(),
    " AND substr(ifnull(e.note, ''), 1, 6) <> 'slow: ',
            e.requested_us, e.requested_us + ifnull(e.wait_us, 0), r.id, r.stream_id, r.kind, r.url, ifnull(h.resource_id, r.id)
      FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id
      LEFT JOIN exchange h ON h.id = e.head_id"
);

/// A good answer, of which nothing more is to be said, and the row of what was asked for at the beginning. `None`: it is none.
fn plain_row(row: &Row<'_>, raw: &RawStreams) -> rusqlite::Result<Option<(Attempt, i64)>> {
    let is_plain: Option<bool> = row.get(1)?;
    let stream_id = row.get(5)?;
    let kind = Kind::parse(row.get_ref(6)?.as_str()?);
    // What brought a part of a raw stream says when.
    let Some(kind) = kind.filter(|_| is_plain == Some(true) && !raw.has(stream_id)) else {
        return Ok(None);
    };
    let attempt = Attempt {
        exchange_id: row.get(0)?,
        requested_us: row.get(2)?,
        at_us: row.get(3)?,
        stream_id,
        kind,
        asked_id: row.get(4)?,
        first_byte_us: None,
        host: host_as_named(row.get_ref(7)?.as_str()?).to_owned(),
        end: AttemptEnd::Good,
    };
    Ok(Some((attempt, row.get(8)?)))
}

/// What is known of playlists that were asked for, from some requests to the next ones.
#[derive(Debug, Default)]
pub struct KnownPlaylists(HashMap<i64, i64>);

/// Playlists of which the first URL is remembered.
const MOST_KNOWN: usize = 4096;

impl KnownPlaylists {
    /// The first URL of what was asked for.
    fn first_url(&mut self, reader: &Reader, asked: i64) -> rusqlite::Result<i64> {
        if let Some(known) = self.0.get(&asked) {
            return Ok(*known);
        }
        let sql = format!(
            "SELECT {ASKED} FROM resource q WHERE q.id = ?1 AND octet_length(q.kind) <= 16 AND octet_length(q.url) <= 65536"
        );
        let mut statement = reader.db.prepare_cached(&sql)?;
        let first = statement.query_row([asked], |row| row.get(0)).optional()?;
        let first = first.unwrap_or(asked);
        if self.0.len() >= MOST_KNOWN {
            self.0.clear();
        }
        self.0.insert(asked, first);
        Ok(first)
    }
}

/// Requests that are read at once: no transaction is open while somebody does something about them.
const AT_ONCE: i64 = 512;
/// The first point of an arrival has fewer characters: `[[123456,`.
const FIRST_POINT: usize = 24;

fn attempt_row(row: &Row<'_>, raw: &RawStreams) -> rusqlite::Result<Attempt> {
    let fault = fault_row(row, raw)?;
    let began_us: i64 = row.get(2)?;
    let (is_fault, is_redirect) = (is(row, 0)?, is(row, 1)?);
    let next = match fault.is_answered() {
        true => Some(Next {
            at_us: match fault.is_slow {
                true => fault.over_us,
                false => began_us,
            },
            is_good: !is_redirect,
        }),
        false => next_row(row)?.filter(|_| !(fault.is_raw && fault.kind == Kind::Main)),
    };
    let first_point: Option<String> = row.get(COLUMNS + 6)?;
    Ok(Attempt {
        exchange_id: fault.exchange_id,
        requested_us: fault.requested_us,
        at_us: began_us,
        stream_id: fault.stream_id,
        kind: fault.kind,
        asked_id: row.get(COLUMNS + 3)?,
        first_byte_us: first_point.map(|text| began_us.saturating_add(first_point_us(&text))),
        host: fault.host().to_owned(),
        end: match (is_fault || fault.is_long_wait, is_redirect) {
            (true, _) => AttemptEnd::Failed(Box::new(Failed {
                fault,
                resource_id: row.get(COLUMNS + 2)?,
                next,
            })),
            (false, true) => AttemptEnd::Redirected,
            (false, false) => AttemptEnd::Good,
        },
    })
}

/// Whether a column behind those of a fault says so.
fn is(row: &Row<'_>, column: usize) -> rusqlite::Result<bool> {
    let is_it: Option<bool> = row.get(COLUMNS + column)?;
    Ok(is_it.unwrap_or(false))
}

fn next_row(row: &Row<'_>) -> rusqlite::Result<Option<Next>> {
    let (at_us, is_good): (Option<i64>, bool) = (row.get(COLUMNS + 4)?, is(row, 5)?);
    Ok(at_us.map(|at_us| Next { at_us, is_good }))
}

/// How long behind the head of an answer its first byte came, by the text of an arrival; at once, where it does not say.
fn first_point_us(arrival: &str) -> i64 {
    let digits = arrival.strip_prefix("[[").unwrap_or_default();
    let digits = digits.split(',').next().unwrap_or_default();
    digits.parse().unwrap_or(0).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_where_the_arrival_begins() {
        for (arrival, us) in [
            ("[[0,10],[5000,20]]", 0),
            ("[[1200345,10],[13", 1_200_345),
            ("", 0),
            ("[]", 0),
            ("[[-7,1]]", 0),
            ("[[99999999999999999999,", 0),
        ] {
            assert_eq!(first_point_us(arrival), us, "{arrival}");
        }
    }
}
