//! All exchanges with what a judge must know of each, in the order in which requests began.

use rusqlite::{OptionalExtension, Row, params};

use super::reader::{Reader, if_sound, short};
use crate::session::error::ReadError;
use crate::session::headers::HeaderSet;
use crate::session::id::ExchangeId;
use crate::session::model::{ByteRange, Kind, Outcome};

/// An exchange. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone)]
pub struct SeenExchange {
    /// Its number.
    pub id: ExchangeId,
    /// Row of `resource`: what was asked for.
    pub resource_id: i64,
    /// Row of `stream`.
    pub stream_id: i64,
    /// What that is.
    pub kind: Kind,
    /// Its URL.
    pub url: String,
    /// Its byte range, where a playlist named one.
    pub range: Option<ByteRange>,
    /// It was answered over HTTP/1.1 or HTTP/1.0.
    pub is_http1: bool,
    /// Of a part: how its body came, as in `schema.sql`; `None`: at once.
    pub arrival: Option<String>,
    /// It is a hop of a redirect: the exchange that the chain began with.
    pub head_id: Option<ExchangeId>,
    /// What was asked for at the beginning of that chain: row of `resource`.
    pub head_resource_id: Option<i64>,
    /// When it was requested.
    pub requested_us: i64,
    /// From when on it is the answer.
    pub from_us: i64,
    /// Requested to first byte of the response; `None`: there was none.
    pub wait_us: Option<i64>,
    /// First byte to last byte, or to the break.
    pub receive_us: Option<i64>,
    /// Requested to its end, where there was no response.
    pub failed_us: Option<i64>,
    /// HTTP status.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// It happened only because a recorder asked.
    pub is_own: bool,
    /// Bytes of the body, as transferred.
    pub wire_bytes: u64,
    /// Size of the body, and its SHA-256.
    pub body: Option<(u64, Vec<u8>)>,
    /// Row of `header_set`, and the values that it leaves out.
    pub headers: Option<(i64, Option<String>)>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// It was a blocking request; whether it was answered with what it asked for, where that is known.
    pub directives_met: Option<Option<bool>>,
    /// Of a revision of a media playlist: its target duration, and whether it is over.
    pub revision: Option<(Option<i64>, bool)>,
    /// The playlist that listed it: row of `resource`, and the target duration that it stated then.
    pub listed_by: Option<(i64, Option<i64>)>,
}

/// Bytes of rows that are read at once: there is one row more.
const MOST_BYTES: usize = 8 * 1024 * 1024;

impl SeenExchange {
    /// From the request to its end, in microseconds, with an answer or without.
    pub fn took_us(&self) -> i64 {
        let waited_us = self.wait_us.or(self.failed_us).unwrap_or(0);
        waited_us.saturating_add(self.receive_us.unwrap_or(0))
    }

    /// It was answered with a redirect.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, Some(301 | 302 | 303 | 307 | 308))
    }

    /// Bytes of its texts.
    fn bytes_held(&self) -> usize {
        let values = self
            .headers
            .as_ref()
            .and_then(|(_, values)| values.as_ref());
        let texts = [values, self.error.as_ref(), self.arrival.as_ref()];
        let texts = texts.into_iter().flatten().map(String::len);
        self.url.len() + texts.sum::<usize>()
    }
}

/// What of a row is yes or no is in one column, as bits: a million rows have each column looked at a million times.
const EXCHANGES: &str = concat!(
    "SELECT e.id, r.id, r.stream_id, r.kind, ",
    short!("r.url"),
    ", r.range_first, e.head_id,
       e.requested_us, e.from_us, e.wait_us, e.receive_us, e.status, e.outcome,
       (e.own_reason IS NOT NULL) + 2 * (substr(e.http_version, 1, 6) IS 'HTTP/1') + 4 * (e.directives IS NOT NULL)
         + 8 * (e.directives_met IS NOT NULL) + 16 * (e.directives_met IS 1)
         + 32 * (v.media_sequence IS NOT NULL) + 64 * (v.ended IS 1),
       e.wire_bytes, b.size, b.sha256, e.header_set_id, e.header_values, ",
    short!("e.error"),
    ", nullif(v.target_duration_us, 0), l.playlist_id, nullif(l.target_duration_us, 0), r.range_length,
       h.resource_id, e.failed_us, CASE r.kind WHEN 'part' THEN e.arrival END
  FROM exchange e JOIN resource r ON r.id = e.resource_id
  LEFT JOIN body b ON b.id = e.body_id
  LEFT JOIN revision v ON v.exchange_id = e.id
  LEFT JOIN revision l ON l.exchange_id = e.referrer_id
  LEFT JOIN exchange h ON h.id = e.head_id
 WHERE e.id > ?1 ORDER BY e.id LIMIT ?2"
);

impl Reader {
    /// Exchanges behind one (0: all of them), in order, and the number of the last one that was looked at (`None`: there is no
    /// more); `most` of them. Rows that hold something else than their columns do are left out.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn exchanges_behind(
        &self,
        behind: ExchangeId,
        most: usize,
    ) -> Result<(Vec<SeenExchange>, Option<ExchangeId>), ReadError> {
        let (mut found, mut last) = (Vec::new(), None);
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached(EXCHANGES)?;
            let mut rows = statement.query(params![behind, most as i64])?;
            let mut bytes = 0;
            while let Some(row) = rows.next()? {
                last = Some(row.get(0)?);
                let exchange = if_sound(exchange_row(row))?.flatten();
                bytes += exchange.as_ref().map_or(0, SeenExchange::bytes_held);
                found.extend(exchange);
                if bytes > MOST_BYTES {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|e| self.failed(e))?;
        Ok((found, last))
    }

    /// A header set; `None`: there is none, or its text is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn header_set(&self, id: i64) -> Result<Option<HeaderSet>, ReadError> {
        let text: Option<String> = self
            .db
            .prepare_cached("SELECT fields FROM header_set WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?;
        Ok(text.and_then(|text| HeaderSet::read(&text)))
    }
}

/// `None`: of a kind or an outcome that nobody knows.
fn exchange_row(row: &Row<'_>) -> rusqlite::Result<Option<SeenExchange>> {
    let (kind, outcome) = (row.get_ref(3)?.as_str()?, row.get_ref(12)?.as_str()?);
    let (Some(kind), Some(outcome)) = (Kind::parse(kind), Outcome::parse(outcome)) else {
        return Ok(None);
    };
    let bits: i64 = row.get(13)?;
    let is = |bit: i64| bits & 1 << bit != 0;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    let size: Option<i64> = row.get(15)?;
    let header_set_id: Option<i64> = row.get(17)?;
    let listed_by: Option<i64> = row.get(21)?;
    let head_id: Option<i64> = row.get(6)?;
    let range_first: Option<i64> = row.get(5)?;
    Ok(Some(SeenExchange {
        id: row.get(0)?,
        resource_id: row.get(1)?,
        stream_id: row.get(2)?,
        kind,
        url: row.get(4)?,
        range: match range_first {
            Some(first) => row.get::<_, Option<i64>>(23)?.map(|length| ByteRange {
                first: unsigned(first),
                length: unsigned(length),
            }),
            None => None,
        },
        is_http1: is(1),
        arrival: row.get(26)?,
        head_id,
        head_resource_id: match head_id {
            Some(_) => row.get(24)?,
            None => None,
        },
        requested_us: row.get(7)?,
        from_us: row.get(8)?,
        wait_us: row.get(9)?,
        receive_us: row.get(10)?,
        failed_us: row.get(25)?,
        status: row.get(11)?,
        outcome,
        is_own: is(0),
        wire_bytes: row.get::<_, Option<i64>>(14)?.map_or(0, unsigned),
        body: match size {
            Some(size) => row
                .get::<_, Option<Vec<u8>>>(16)?
                .map(|sha256| (unsigned(size), sha256)),
            None => None,
        },
        headers: match header_set_id {
            Some(id) => Some((id, row.get(18)?)),
            None => None,
        },
        error: row.get(19)?,
        directives_met: is(2).then(|| is(3).then(|| is(4))),
        revision: match is(5) {
            true => Some((row.get(20)?, is(6))),
            false => None,
        },
        listed_by: match listed_by {
            Some(id) => Some((id, row.get(22)?)),
            None => None,
        },
    }))
}
