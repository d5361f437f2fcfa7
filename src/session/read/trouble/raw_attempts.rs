//! Every request for a raw stream, with what came of it.

use rusqlite::params;

use super::breaks::ENDED;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::Outcome;
use crate::session::read::reader::Reader;

/// One request for a raw stream, or a part of what came of one. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttempt {
    /// Its exchange.
    pub exchange_id: ExchangeId,
    /// When it was requested; when a part began that goes on with the response of the one before.
    pub requested_us: i64,
    /// When its response began; when it was over, if there was none.
    pub began_us: i64,
    /// When it was over.
    pub ended_us: i64,
    /// Bytes that came.
    pub bytes: u64,
    /// How they came, as in `schema.sql`.
    pub arrival: Option<String>,
    /// HTTP status, if there was a response.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: Option<String>,
    /// It was no good answer.
    pub is_fault: bool,
}

/// What the user typed, and where it was redirected to.
const ATTEMPTS: &str = "
    SELECT e.id, e.requested_us, coalesce(e.wait_us, e.failed_us, 0), ifnull(e.receive_us, 0), ifnull(e.wire_bytes, 0),
           e.arrival, e.status, e.outcome, e.error,
           (e.outcome NOT IN ('complete', 'aborted') OR e.status >= 400 OR ifnull(e.error, '') = ?4)
      FROM resource r CROSS JOIN exchange e ON e.resource_id = r.id
     WHERE r.stream_id = ?1 AND r.kind = 'main' AND e.id > ?2 AND e.outcome <> 'crossed' AND e.own_reason IS NULL
       AND (e.status IS NULL OR e.status NOT IN (301, 302, 303, 307, 308) OR e.outcome <> 'complete')
     ORDER BY e.id LIMIT ?3";

impl Reader {
    /// Requests for a raw stream behind an exchange (0: all of them), in order; at most so many.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn raw_attempts(
        &self,
        stream_id: i64,
        after: ExchangeId,
        most: usize,
    ) -> Result<Vec<RawAttempt>, ReadError> {
        self.sound(
            ATTEMPTS,
            params![stream_id, after, most as i64, ENDED],
            |row| {
                let (requested_us, wait_us, receive_us): (i64, i64, i64) =
                    (row.get(1)?, row.get(2)?, row.get(3)?);
                let began_us = requested_us.saturating_add(wait_us);
                let outcome: String = row.get(7)?;
                Ok(RawAttempt {
                    exchange_id: row.get(0)?,
                    requested_us,
                    began_us,
                    ended_us: began_us.saturating_add(receive_us),
                    bytes: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
                    arrival: row.get(5)?,
                    status: row.get(6)?,
                    outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
                    error: row.get(8)?,
                    is_fault: row.get(9)?,
                })
            },
        )
    }
}
