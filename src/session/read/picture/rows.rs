//! Exchanges as rows of a table, and which of them lie in a span of time.

use rusqlite::types::Type;
use rusqlite::{Row, params};

use crate::session::error::ReadError;
use crate::session::headers::Headers;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind, Outcome};
use crate::session::read::reader::{Reader, if_sound, short};
use crate::session::read::sound::columns::{Clock, moment};
use crate::session::read::trouble::breaks::ENDED;
use crate::session::read::trouble::faults::IS_FAULT;

/// An exchange as a row of a table. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone)]
pub struct ExchangeRow {
    /// Its number.
    pub id: ExchangeId,
    /// When it was requested.
    pub requested_us: i64,
    /// What was asked for.
    pub kind: Kind,
    /// Row of `resource`.
    pub resource_id: i64,
    /// Row of `stream`.
    pub stream_id: i64,
    /// URL path without the leading slash.
    pub name: String,
    /// Absolute URL.
    pub url: String,
    /// Its byte range, where a playlist named one.
    pub range: Option<ByteRange>,
    /// HTTP status; `None`: there was no response.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of the body, as transferred.
    pub wire_bytes: Option<i64>,
    /// Requested to first byte of the response.
    pub wait_us: Option<i64>,
    /// First byte to last byte, or to the break.
    pub receive_us: Option<i64>,
    /// Requested to its end, where there was no response.
    pub failed_us: Option<i64>,
    /// Why it happened only because a recorder asked.
    pub own_reason: Option<String>,
    /// It was no good answer of the origin.
    pub is_fault: bool,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// The exchange that listed it.
    pub referrer_id: Option<ExchangeId>,
    /// The playlist that this was a revision of: row of `resource`.
    pub listed_by: Option<i64>,
    /// Of a poll that the origin was to hold: what its URL had beside that of the playlist (RFC 8216bis 6.2.5.2).
    pub directives: Option<String>,
    /// Why nothing else of it is told.
    pub damaged: Option<&'static str>,
}

/// What no recorder writes.
const DAMAGED: &str = "the row of this request is damaged: `issession check` says more";
/// Texts of rows that are read at once, in bytes.
const MOST_TEXTS: usize = 16 * 1024 * 1024;
const TOO_LONG: &str = "the texts of requests of this time are too long to be shown together";

impl ExchangeRow {
    /// One of which only the number is known, and when it was, about.
    fn untold(id: ExchangeId, requested_us: i64, why: &'static str) -> Self {
        Self {
            id,
            requested_us,
            kind: Kind::Data,
            resource_id: 0,
            stream_id: 0,
            name: String::new(),
            url: String::new(),
            range: None,
            status: None,
            outcome: Outcome::Aborted,
            wire_bytes: None,
            wait_us: None,
            receive_us: None,
            failed_us: None,
            own_reason: None,
            is_fault: false,
            error: None,
            referrer_id: None,
            listed_by: None,
            directives: None,
            damaged: Some(why),
        }
    }

    /// Whether it was at a time of the session, and as long as that at most.
    fn is_of(&self, clock: Clock) -> bool {
        let lengths = [self.wait_us, self.receive_us, self.failed_us];
        let mut lengths = lengths.into_iter().flatten();
        clock.has(self.requested_us) && lengths.all(|us| clock.lasts(us))
    }

    /// Bytes of its texts.
    fn bytes_held(&self) -> usize {
        let texts = [&self.own_reason, &self.error, &self.directives];
        let texts = texts.map(Option::as_ref);
        let texts = texts.into_iter().flatten().map(String::len);
        self.name.len() + self.url.len() + texts.sum::<usize>()
    }

    /// When its last byte came, or it failed, in microseconds of Unix time; `None`: nobody knows.
    pub fn over_us(&self) -> Option<i64> {
        let answered = self
            .wait_us
            .map(|us| us.saturating_add(self.receive_us.unwrap_or(0)));
        answered
            .or(self.failed_us)
            .map(|us| self.requested_us.saturating_add(us))
    }
}

/// What else is known of an exchange. Durations in microseconds.
#[derive(Debug, Clone)]
pub struct ExchangeDetail {
    /// How late the recorder was with it, where it is a poll.
    pub lag_us: Option<i64>,
    /// `HTTP/1.1`, …
    pub http_version: Option<String>,
    /// Address and port that answered.
    pub remote_addr: Option<String>,
    /// Content-Length.
    pub announced_bytes: Option<i64>,
    /// As in `schema.sql`.
    pub arrival: Option<String>,
    /// What was odd and did no harm, for people.
    pub note: Option<String>,
    /// The exchange whose body a 304 confirmed.
    pub confirms_id: Option<ExchangeId>,
    /// Row of `body`.
    pub body_id: Option<i64>,
    /// Response header fields.
    pub headers: Headers,
    /// The exchanges of its redirects, itself included, in order.
    pub chain: Vec<ExchangeId>,
}

/// What a row of `body` says.
#[derive(Debug, Clone)]
pub struct BodyRow {
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Vec<u8>,
    /// The file below the session's folder, where it is one, or bytes of one.
    pub path: Option<String>,
}

/// Columns as [`exchange_row`] reads them.
const COLUMNS: &str = concat!(
    "e.id, e.requested_us, r.kind, r.id, r.stream_id, ",
    short!("r.name"),
    ", ",
    short!("r.url"),
    ", r.range_first, r.range_length,
     e.status, e.outcome, e.wire_bytes, e.wait_us, e.receive_us, e.failed_us, e.own_reason, ",
    short!("e.error"),
    ", e.referrer_id,
     (SELECT v.playlist_id FROM revision v WHERE v.exchange_id = e.referrer_id), ",
    short!("e.directives")
);

impl Reader {
    /// The number of the first exchange that was requested at a moment (microseconds of Unix time) or later; `None`: there
    /// is none. Numbers are in the order in which requests began.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn first_exchange_since(&self, at_us: i64) -> Result<Option<ExchangeId>, ReadError> {
        let bounds = "SELECT (SELECT min(id) FROM exchange), (SELECT max(id) FROM exchange)";
        let ends: Option<(Option<i64>, Option<i64>)> = self
            .list(bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))?
            .pop();
        let Some((Some(mut first), Some(last))) = ends else {
            return Ok(None);
        };
        let is_moment = moment("requested_us", &Clock::of(&self.runs()?));
        let sql = format!(
            "SELECT id, requested_us FROM exchange WHERE id >= ?1 AND {is_moment} ORDER BY id LIMIT 1"
        );
        // Numbers of a database that was altered may be any.
        let mut behind = last.saturating_add(1);
        while first < behind {
            let middle = first + behind.saturating_sub(first) / 2;
            let row: Vec<(ExchangeId, i64)> =
                self.sound(&sql, [middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
            match row.first().copied() {
                Some((id, requested_us)) if requested_us < at_us => first = id.saturating_add(1),
                _ => behind = middle,
            }
        }
        Ok((first <= last).then_some(first))
    }

    /// Exchanges behind one and up to another, in the order in which requests began; `most` of them. Of a row that is damaged
    /// only the number is known.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn exchange_rows(
        &self,
        (behind, last): (ExchangeId, ExchangeId),
        most: usize,
    ) -> Result<Vec<ExchangeRow>, ReadError> {
        let sql = format!(
            "SELECT {COLUMNS}, {IS_FAULT} FROM exchange e LEFT JOIN resource r ON r.id = e.resource_id
              WHERE e.id > ?2 AND e.id <= ?3 ORDER BY e.id LIMIT ?4"
        );
        let runs = self.runs()?;
        let clock = Clock::of(&runs);
        let mut before_us = runs.first().map_or(0, |run| run.started_us);
        let mut bytes = 0_usize;
        let params = params![ENDED, behind, last, most as i64];
        self.each(&sql, params, |row| {
            let id = row.get(0)?;
            let read = if_sound(exchange_row(row))?.filter(|row| row.is_of(clock));
            let Some(read) = read else {
                return Ok(ExchangeRow::untold(id, before_us, DAMAGED));
            };
            before_us = read.requested_us;
            bytes = bytes.saturating_add(read.bytes_held());
            match bytes <= MOST_TEXTS {
                true => Ok(read),
                false => Ok(ExchangeRow::untold(id, before_us, TOO_LONG)),
            }
        })
    }

    /// The first request of a stream for a URL; `None`: there was none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn first_request_of(
        &self,
        stream_id: i64,
        url: &str,
        range: Option<ByteRange>,
    ) -> Result<Option<ExchangeId>, ReadError> {
        let Some(resource_id) = self.resource_in(stream_id, url, range)? else {
            return Ok(None);
        };
        let sql = "SELECT id FROM exchange WHERE resource_id = ?1 ORDER BY from_us, id LIMIT 1";
        Ok(self.sound(sql, [resource_id], |row| row.get(0))?.pop())
    }

    /// One exchange with all that is known of it; `None`: there is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn exchange_detail(
        &self,
        id: ExchangeId,
    ) -> Result<Option<(ExchangeRow, ExchangeDetail)>, ReadError> {
        let Some(row) = self.exchange_rows((id.saturating_sub(1), id), 1)?.pop() else {
            return Ok(None);
        };
        let sql = "SELECT e.lag_us, e.head_id, e.http_version, e.remote_addr, e.announced_bytes, e.arrival, e.note,
                e.confirms_id, e.body_id, h.fields, e.header_values
           FROM exchange e LEFT JOIN header_set h ON h.id = e.header_set_id WHERE e.id = ?1";
        let found = self.sound(sql, [id], |row| {
            let fields: Option<String> = row.get(9)?;
            let values: Option<String> = row.get(10)?;
            let headers = fields.and_then(|fields| Headers::join(&fields, values.as_deref()));
            let detail = ExchangeDetail {
                lag_us: row.get(0)?,
                http_version: row.get(2)?,
                remote_addr: row.get(3)?,
                announced_bytes: row.get(4)?,
                arrival: row.get(5)?,
                note: row.get(6)?,
                confirms_id: row.get(7)?,
                body_id: row.get(8)?,
                headers: headers.unwrap_or_default(),
                chain: Vec::new(),
            };
            Ok((detail, row.get::<_, Option<ExchangeId>>(1)?))
        })?;
        let Some((mut detail, head)) = found.into_iter().next() else {
            return Ok(None);
        };
        detail.chain = self.chain_of(head.unwrap_or(id))?;
        Ok(Some((row, detail)))
    }

    /// The exchanges of a redirect, by the one that it began with.
    fn chain_of(&self, head: ExchangeId) -> Result<Vec<ExchangeId>, ReadError> {
        // Numbers of its hops are no further apart (`history/landings.rs`).
        let sql = "SELECT id FROM exchange WHERE id >= ?1 AND id < ?1 + 20000 AND (id = ?1 OR head_id = ?1)
                    ORDER BY requested_us, id LIMIT 64";
        self.sound(sql, [head], |row| row.get(0))
    }

    /// What a row of `body` says; `None`: there is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn body_row(&self, id: i64) -> Result<Option<BodyRow>, ReadError> {
        let sql = "SELECT b.size, b.sha256, 'chunks/' || ifnull(b.path, c.path)
                     FROM body b LEFT JOIN body c ON c.id = b.chunk_id WHERE b.id = ?1";
        let found = self.sound(sql, [id], |row| {
            Ok(BodyRow {
                size: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                sha256: row.get(1)?,
                path: row.get(2)?,
            })
        })?;
        Ok(found.into_iter().next())
    }
}

fn exchange_row(row: &Row<'_>) -> rusqlite::Result<ExchangeRow> {
    let (kind, outcome): (String, String) = (row.get(2)?, row.get(10)?);
    let range: (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(ExchangeRow {
        id: row.get(0)?,
        requested_us: row.get(1)?,
        kind: Kind::parse(&kind).ok_or_else(|| no_word(2, "kind"))?,
        resource_id: row.get(3)?,
        stream_id: row.get(4)?,
        name: row.get(5)?,
        url: row.get(6)?,
        range: range.0.zip(range.1).map(|(first, length)| ByteRange {
            first: unsigned(first),
            length: unsigned(length),
        }),
        status: row.get(9)?,
        outcome: Outcome::parse(&outcome).ok_or_else(|| no_word(10, "outcome"))?,
        wire_bytes: row.get(11)?,
        wait_us: row.get(12)?,
        receive_us: row.get(13)?,
        failed_us: row.get(14)?,
        own_reason: row.get(15)?,
        error: row.get(16)?,
        referrer_id: row.get(17)?,
        listed_by: row.get(18)?,
        directives: row.get(19)?,
        is_fault: row.get(20)?,
        damaged: None,
    })
}

/// A text that is none of the words of its column.
fn no_word(column: usize, name: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, name.to_owned(), Type::Text)
}
