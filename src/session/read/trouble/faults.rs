//! Every fault of a session, with the moment at which it was over; what the recorder could not keep is told apart.

use std::collections::HashMap;

use rusqlite::Row;

use super::breaks::{ENDED, broken_at_us};
use super::waits::{IS_LONG_WAIT, IS_SLOW};
use super::words::{EMPTY, NO_STREAM, failed_proxy, unanswered_us};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, Outcome};
use crate::session::read::parts::RawStreams;
use crate::session::read::reader::{IS_SHORT_RESOURCE, IS_SHORT_STREAM, Reader, if_sound, short};

/// Of an exchange `e`; `?1` is [`ENDED`]; never NULL. [`Outcome::is_recorders`] tells which of them are none of the origin's.
/// What was cut off when the recorder stopped is no fault of anybody; and how a body ended behind the end of a clip is none of
/// the clip, but an error is whose answer began in it. A request without an answer has no body: it is one wherever it failed.
pub(crate) const IS_FAULT: &str = "
    ((e.outcome NOT IN ('complete', 'crossed') OR ifnull(e.status >= 400, 0) OR ifnull(e.error = ?1, 0))
      AND e.outcome <> 'aborted' AND e.own_reason IS NULL
      AND NOT (ifnull(e.receive_us > 0, 0) AND EXISTS (SELECT 1 FROM event WHERE id = 0 AND kind = 'kept from' AND substr(detail, 1, 8) = 'clip of ')
               AND ifnull(e.requested_us + ifnull(e.wait_us, 0) + iif(e.status >= 400, 0, e.receive_us) > (SELECT max(ifnull(stopped_us, seen_us)) FROM run), 0)))";
/// What the recorder said of a raw stream that fell silent, and of what is no playlist whatever it is; of no other exchange,
/// since texts differ in much. `?2` and `?3` are [`EMPTY`] and [`NO_STREAM`].
const SAID: &str = "
    CASE WHEN e.outcome = 'body timeout' AND r.kind = 'main' AND length(e.error) < 40 THEN e.error
         WHEN e.outcome = 'not a playlist' AND substr(e.error, 1, length(?2)) = ?2 THEN ?2
         WHEN e.outcome = 'not a playlist' AND e.error = ?3 THEN ?3
         WHEN e.status IS NULL AND substr(e.error, 1, 20) = 'by way of the proxy ' AND length(e.error) < 400 THEN e.error END";
/// Columns as [`fault_row`] reads them.
pub(super) const FAULT_COLUMNS: &str = concat!(
    "e.id, e.requested_us, e.requested_us + ifnull(e.wait_us, 0), e.requested_us
      + coalesce(e.wait_us + ifnull(e.receive_us, 0), e.failed_us, 0),
    e.lag_us, s.id, s.name, r.kind, ",
    short!("r.name"),
    ", ",
    short!("r.url"),
    ", e.status, e.outcome, ",
    short!("e.error"),
    ", e.directives IS NOT NULL,
    CASE WHEN e.outcome = 'body timeout' AND json_valid(e.arrival)
         THEN CAST(json_extract(e.arrival, '$[#-1][0]') AS INTEGER) END"
);
/// How many these are, with [`IS_LONG_WAIT`] and [`IS_SLOW`] behind them.
pub(super) const COLUMNS: usize = 17;
/// When the first good answer of the resource `?1` behind an exchange came: of a playlist under whatever URL.
const GOOD_AGAIN: &str = "
    SELECT g.from_us, g.id, g.requested_us + ifnull(g.wait_us, 0) FROM exchange g
     WHERE g.resource_id IN (
             SELECT r.id FROM resource r WHERE r.id = ?1
             UNION SELECT a.resource_id FROM resource r JOIN alias a ON a.url = r.url WHERE r.id = ?1 AND r.kind = 'media'
             UNION SELECT b.resource_id FROM resource r JOIN alias a ON a.url = r.url JOIN resource p ON p.id = a.resource_id
               JOIN alias b ON b.url = p.url WHERE r.id = ?1 AND r.kind = 'media')
       AND (g.from_us, g.id) > (?2, ?3)
       AND g.outcome = 'complete' AND g.status < 400 AND g.own_reason IS NULL
     ORDER BY g.from_us, g.id LIMIT 1";
/// Resources of which it is remembered when they were good again.
const MOST_REMEMBERED: usize = 4096;

/// An exchange that was no good answer. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub exchange_id: ExchangeId,
    /// When it was requested.
    pub requested_us: i64,
    /// When its response began; when it was requested, if there was none, or if it came too late; when it broke, if that was
    /// in its body.
    pub at_us: i64,
    /// When it was over.
    pub over_us: i64,
    /// How late the recorder was with it, in microseconds, where it is a poll.
    pub lag_us: Option<i64>,
    /// Row of `stream`.
    pub stream_id: i64,
    /// Name of its stream.
    pub stream: String,
    /// That is no playlist.
    pub is_raw: bool,
    /// What was asked for.
    pub kind: Kind,
    /// URL path without the leading slash.
    pub name: String,
    /// Absolute URL.
    pub url: String,
    /// HTTP status, if there was a response.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: Option<String>,
    /// For so long it had had no answer before it failed, where that is longer than it should take.
    pub unanswered_us: Option<i64>,
    /// That is all that was wrong: it was answered well in the end, or the recorder broke it off when it stopped.
    pub is_long_wait: bool,
    /// Then: it had an answer, which came far slower than it is played; [`Self::unanswered_us`] is how long all of it took.
    pub is_slow: bool,
}

impl Fault {
    /// Nobody knows for how long it had no answer: the recorder was not there to take one.
    pub fn without_wait(&mut self) {
        let waited_us = self.unanswered_us.take().unwrap_or(0);
        if self.status.is_some() {
            self.at_us = self.at_us.saturating_add(waited_us);
        }
    }

    /// It was answered well in the end, too late.
    pub fn is_answered(&self) -> bool {
        self.is_long_wait && self.status.is_some() && self.outcome == Outcome::Complete
    }

    /// What people call the thing that was asked for: its kind and its name; a raw stream has that of the stream.
    pub fn what(&self) -> (&'static str, &str) {
        let is_raw = self.is_raw && self.kind == Kind::Main;
        let name = match is_raw {
            true => &self.stream,
            false => &self.name,
        };
        (self.kind.noun(is_raw), name)
    }

    /// Who was asked: host and port, as the URL names them.
    /// Of a proxy that failed, its own.
    pub fn host(&self) -> &str {
        failed_proxy(self.error.as_deref()).unwrap_or_else(|| host_as_named(&self.url))
    }
}

/// Host and port, as a URL names them: without the port that is that of its scheme.
pub(crate) fn host_as_named(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Faults that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCount {
    /// It is one of a stream that is no playlist.
    pub is_raw: bool,
    /// What was asked for.
    pub kind: Kind,
    /// HTTP status, if there was a response.
    pub status: Option<u16>,
    /// How they ended.
    pub outcome: Outcome,
    /// Of what a user typed and what brought nothing for a while: for how long, as the recorder said it.
    pub error: Option<String>,
    /// How many they are.
    pub times: i64,
}

/// What a stream met last that was no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFault {
    /// Absolute URL.
    pub url: String,
    /// HTTP status, if there was a response.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: Option<String>,
    /// How many faults the stream has had.
    pub times: i64,
}

impl Reader {
    /// The last fault of each stream that has one, of requests since then (microseconds of Unix time).
    ///
    /// # Errors
    /// The database is damaged.
    pub fn last_faults(&self, since_us: i64) -> Result<Vec<LastFault>, ReadError> {
        // The other columns are those of the row with the greatest number: https://sqlite.org/lang_select.html#bareagg
        let sql = format!(
            "SELECT r.url, e.status, e.outcome, e.error, count(e.id), max(e.id)
               FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE {IS_FAULT} AND e.requested_us >= ?2
              GROUP BY r.stream_id ORDER BY r.stream_id"
        );
        self.sound(&sql, rusqlite::params![ENDED, since_us], |row| {
            let outcome: String = row.get(2)?;
            Ok(LastFault {
                url: row.get(0)?,
                status: row.get(1)?,
                outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
                error: row.get(3)?,
                times: row.get(4)?,
            })
        })
    }

    /// The longest request of each stream that had no answer yet as the recorder stopped, of those since then (microseconds
    /// of Unix time): an absolute URL, and for how many microseconds.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn left_unanswered(&self, since_us: i64) -> Result<Vec<(String, i64)>, ReadError> {
        let sql = "SELECT r.url, max(e.failed_us) FROM exchange e JOIN resource r ON r.id = e.resource_id
                    WHERE e.outcome = 'aborted' AND e.status IS NULL AND e.failed_us > 0 AND e.requested_us >= ?1
                    GROUP BY r.stream_id ORDER BY r.stream_id";
        self.sound(sql, [since_us], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Calls `each` with every fault between two exchanges (both included), in the order in which requests began, without
    /// keeping them; and with the moment at which the next good answer of the same resource began, of a playlist under
    /// whatever URL (`None`: there was none).
    ///
    /// # Errors
    /// The database is damaged; those of `each`.
    pub fn faults_between<E: From<ReadError>>(
        &self,
        (first, last): (ExchangeId, ExchangeId),
        raw: &RawStreams,
        mut each: impl FnMut(Fault, Option<i64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {FAULT_COLUMNS}, {IS_LONG_WAIT}, {IS_SLOW}, e.resource_id, e.from_us
               FROM exchange e JOIN resource r ON r.id = e.resource_id
               JOIN stream s ON s.id = r.stream_id
              WHERE {IS_SHORT_RESOURCE} AND {IS_SHORT_STREAM} AND ({IS_FAULT} OR {IS_LONG_WAIT} OR {IS_SLOW}) AND e.id > ?2 AND e.id <= ?3 ORDER BY e.id LIMIT ?5"
        );
        let mut again = GoodAgain::default();
        let mut behind = first.saturating_sub(1);
        loop {
            // No transaction is open while `each` has its time.
            let params = rusqlite::params![ENDED, behind, last, raw.ids(), FAULTS_AT_ONCE];
            let found = self.each(&sql, params, |row| {
                self.db.fresh();
                if_sound(faults_row(row, raw))
            })?;
            let found: Vec<_> = found.into_iter().flatten().collect();
            let Some((fault, ..)) = found.last() else {
                return Ok(());
            };
            behind = fault.exchange_id;
            for (fault, resource_id, from_us) in found {
                let again_us = match fault.is_answered() {
                    true => fault.unanswered_us.map(|us| fault.at_us.saturating_add(us)),
                    false => again.of(self, resource_id, (from_us, fault.exchange_id))?,
                };
                each(fault, again_us)?;
            }
        }
    }

    /// Calls `each` with every request that was no fault, but had no answer for long or came far too slowly, in the order in which
    /// they began.
    ///
    /// # Errors
    /// The database is damaged; those of `each`.
    pub fn long_waits<E: From<ReadError>>(
        &self,
        raw: &RawStreams,
        mut each: impl FnMut(Fault) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {FAULT_COLUMNS}, {IS_LONG_WAIT}, {IS_SLOW}
               FROM exchange e JOIN resource r ON r.id = e.resource_id
               JOIN stream s ON s.id = r.stream_id
              WHERE {IS_SHORT_RESOURCE} AND {IS_SHORT_STREAM} AND ({IS_LONG_WAIT} OR {IS_SLOW}) AND e.id > ?2 ORDER BY e.id LIMIT ?5"
        );
        let mut behind = 0;
        loop {
            // No transaction is open while `each` has its time.
            let params = rusqlite::params![ENDED, behind, 0_i64, raw.ids(), FAULTS_AT_ONCE];
            let found = self.each(&sql, params, |row| {
                self.db.fresh();
                if_sound(fault_row(row, raw))
            })?;
            let found: Vec<Fault> = found.into_iter().flatten().collect();
            let Some(last) = found.last() else {
                return Ok(());
            };
            behind = last.exchange_id;
            found.into_iter().try_for_each(&mut each)?;
        }
    }

    /// How many faults there are of each kind of resource, status and outcome; the most first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn fault_counts(&self) -> Result<Vec<FaultCount>, ReadError> {
        let sql = format!(
            "SELECT r.kind, e.status, e.outcome, count(e.id) AS times, {SAID} AS said,
                    r.kind = 'main' AND r.stream_id IN (SELECT value FROM json_each(?4)) AS raw
               FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE {IS_FAULT} GROUP BY r.kind, raw, e.status, e.outcome, said
              ORDER BY times DESC, r.kind, raw, e.status, e.outcome, said"
        );
        let raw = self.raw_streams()?.ids();
        let params = rusqlite::params![ENDED, EMPTY, NO_STREAM, raw];
        self.sound(&sql, params, |row| {
            let (kind, outcome): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(FaultCount {
                is_raw: row.get(5)?,
                kind: Kind::parse(&kind).unwrap_or(Kind::Data),
                status: row.get(1)?,
                outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
                times: row.get(3)?,
                error: row.get(4)?,
            })
        })
    }
}

/// Faults that are read at once.
const FAULTS_AT_ONCE: i64 = 256;

/// When resources were good again, as far as that was looked up: of a playlist that fails for hours that is one moment.
#[derive(Default)]
struct GoodAgain(HashMap<i64, Option<(i64, ExchangeId, i64)>>);

impl GoodAgain {
    /// Of a resource, behind an exchange and from when on that is the answer.
    fn of(
        &mut self,
        reader: &Reader,
        resource_id: i64,
        behind: (i64, ExchangeId),
    ) -> Result<Option<i64>, ReadError> {
        let holds = |known: &&Option<(i64, ExchangeId, i64)>| {
            known.is_none_or(|(from_us, id, _)| (from_us, id) > behind)
        };
        if let Some(known) = self.0.get(&resource_id).filter(holds) {
            return Ok(known.map(|(.., at_us)| at_us));
        }
        let params = rusqlite::params![resource_id, behind.0, behind.1];
        let found = reader.sound(GOOD_AGAIN, params, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let found = found.first().copied();
        if self.0.len() >= MOST_REMEMBERED {
            self.0.clear();
        }
        self.0.insert(resource_id, found);
        Ok(found.map(|(.., at_us)| at_us))
    }
}

/// A fault, the resource that it is of, and from when on it was the answer.
fn faults_row(row: &Row<'_>, raw: &RawStreams) -> rusqlite::Result<(Fault, i64, i64)> {
    let fault = fault_row(row, raw)?;
    Ok((fault, row.get(COLUMNS)?, row.get(COLUMNS + 1)?))
}

/// `raw`: the streams that are no playlists.
pub(super) fn fault_row(row: &Row<'_>, raw: &RawStreams) -> rusqlite::Result<Fault> {
    let (kind, outcome): (String, String) = (row.get(7)?, row.get(11)?);
    let kind = Kind::parse(&kind).unwrap_or(Kind::Data);
    let outcome = Outcome::parse(&outcome).unwrap_or(Outcome::Protocol);
    let (began_us, over_us): (i64, i64) = (row.get(2)?, row.get(3)?);
    let (status, error): (_, Option<String>) = (row.get(10)?, row.get(12)?);
    let received_us = over_us.saturating_sub(began_us);
    let broke = (status, outcome, error.as_deref());
    let last_us: Option<i64> = row.get(14)?;
    let body = (began_us, Some(received_us), last_us.unwrap_or(0));
    let broken_us = broken_at_us(kind, broke, body);
    let (requested_us, stream_id): (i64, i64) = (row.get(1)?, row.get(5)?);
    let answered_us = if status.is_some() { began_us } else { over_us };
    let waited_us = answered_us.saturating_sub(requested_us);
    let is_unanswered: bool = row.get(15)?;
    let is_slow = row.get(16)? && !is_unanswered;
    let is_long_wait = is_unanswered || is_slow;
    let unanswered_us = match row.get(13)? {
        _ if is_slow => Some(over_us.saturating_sub(requested_us)),
        _ if is_long_wait => Some(waited_us),
        // An origin may hold what is not there yet.
        true => None,
        false => unanswered_us((status, outcome), kind, waited_us),
    };
    let met_us = unanswered_us.map_or(began_us, |_| requested_us);
    Ok(Fault {
        exchange_id: row.get(0)?,
        requested_us,
        at_us: broken_us.unwrap_or(met_us),
        over_us,
        lag_us: row.get(4)?,
        stream_id,
        is_raw: raw.has(stream_id),
        stream: row.get(6)?,
        kind,
        name: row.get(8)?,
        url: row.get(9)?,
        status,
        outcome,
        error,
        unanswered_us,
        is_long_wait,
        is_slow,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_stands_before_the_path() {
        for (url, host) in [
            ("http://cdn.example:8080/live/a.ts?b=/", "cdn.example:8080"),
            ("https://user:word@[::1]:4#x", "[::1]:4"),
            ("https://cdn.example?at=@other/", "cdn.example"),
            ("odd", ""),
            ("", ""),
        ] {
            assert_eq!(host_as_named(url), host);
        }
    }
}
