//! Every fault of a session, with the moment at which it was over; what the recorder could not keep is told apart.

use super::breaks::{ENDED, broken_at_us};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, Outcome};
use crate::session::read::reader::Reader;

/// Of an exchange `e`; `?1` is [`ENDED`]. [`Outcome::is_recorders`] tells which of them are none of the origin's. What was
/// cut off when the recorder stopped is no fault of anybody.
const IS_FAULT: &str = "
    (e.outcome NOT IN ('complete', 'crossed') OR e.status >= 400 OR e.error = ?1)
    AND e.outcome <> 'aborted' AND e.own_reason IS NULL";

/// What the recorder said of a raw stream that fell silent; of no other exchange, since texts differ in much.
const SILENCE: &str = "
    CASE WHEN e.outcome = 'body timeout' AND r.kind = 'main' AND length(e.error) < 40 THEN e.error END";

/// An exchange that was no good answer. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub exchange_id: ExchangeId,
    /// When its response began; when it was requested, if there was none; of a raw stream that broke, when it did.
    pub at_us: i64,
    /// Name of its stream.
    pub stream: String,
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
    /// When the next good answer of the same resource began, of a playlist under whatever URL, of a raw stream one that
    /// brought something, however it ended; `None`: there was none.
    pub good_again_us: Option<i64>,
}

/// Faults that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCount {
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
        self.list(&sql, rusqlite::params![ENDED, since_us], |row| {
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

    /// Calls `each` with every fault, in the order in which requests began, without keeping them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn faults(&self, mut each: impl FnMut(Fault)) -> Result<(), ReadError> {
        let mut query = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached(&format!(
                "SELECT e.id, e.requested_us + ifnull(e.wait_us, 0), r.kind, r.name, r.url, e.status, e.outcome, e.error,
                        (SELECT g.requested_us + ifnull(g.wait_us, 0) FROM exchange g
                          WHERE g.resource_id IN (
                                  SELECT r.id
                                  UNION SELECT a.resource_id FROM alias a WHERE a.url = r.url AND r.kind = 'media'
                                  UNION SELECT b.resource_id FROM alias a JOIN resource p ON p.id = a.resource_id
                                    JOIN alias b ON b.url = p.url WHERE a.url = r.url AND r.kind = 'media')
                            AND (g.from_us, g.id) > (e.from_us, e.id)
                            AND (g.outcome = 'complete' OR r.kind = 'main' AND EXISTS
                                   (SELECT 1 FROM body b WHERE b.id = g.body_id AND b.path IS NOT NULL))
                            AND g.status < 400 AND g.own_reason IS NULL
                          ORDER BY g.from_us, g.id LIMIT 1), s.name, e.receive_us
                   FROM exchange e JOIN resource r ON r.id = e.resource_id
                   JOIN stream s ON s.id = r.stream_id
                  WHERE {IS_FAULT}
                  ORDER BY e.id",
            ))?;
            let mut rows = statement.query([ENDED])?;
            while let Some(row) = rows.next()? {
                self.db.fresh();
                let (kind, outcome): (String, String) = (row.get(2)?, row.get(6)?);
                let kind = Kind::parse(&kind).unwrap_or(Kind::Data);
                let outcome = Outcome::parse(&outcome).unwrap_or(Outcome::Protocol);
                let (status, error): (_, Option<String>) = (row.get(5)?, row.get(7)?);
                let began_us = row.get(1)?;
                let broke = (status, outcome, error.as_deref());
                let broken_us = broken_at_us(kind, broke, (began_us, row.get(10)?));
                each(Fault {
                    exchange_id: row.get(0)?,
                    at_us: broken_us.unwrap_or(began_us),
                    kind,
                    name: row.get(3)?,
                    url: row.get(4)?,
                    status,
                    outcome,
                    error,
                    good_again_us: row.get(8)?,
                    stream: row.get(9)?,
                });
            }
            Ok(())
        };
        query().map_err(|e| self.failed(e))
    }

    /// How many faults there are of each kind of resource, status and outcome; the most first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn fault_counts(&self) -> Result<Vec<FaultCount>, ReadError> {
        let sql = format!(
            "SELECT r.kind, e.status, e.outcome, count(e.id) AS times, {SILENCE} AS silence
               FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE {IS_FAULT} GROUP BY r.kind, e.status, e.outcome, silence
              ORDER BY times DESC, r.kind, e.status, e.outcome, silence"
        );
        self.list(&sql, [ENDED], |row| {
            let (kind, outcome): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(FaultCount {
                kind: Kind::parse(&kind).unwrap_or(Kind::Data),
                status: row.get(1)?,
                outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
                times: row.get(3)?,
                error: row.get(4)?,
            })
        })
    }
}
