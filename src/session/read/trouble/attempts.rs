//! Every request of a session in the order in which they began: which were good, and which were faults.
//!
//! What only the recorder's asking brought about (`own_reason`, `crossed`), and what was cut off when it stopped (`aborted`), is left out: it says nothing of the origin.

use rusqlite::Row;

use super::breaks::ENDED;
use super::faults::{FAULT_COLUMNS, Fault, IS_FAULT, fault_row};
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::Kind;
use crate::session::read::reader::Reader;

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
    /// Who was asked: host and port, as the URL names them.
    pub host: String,
    /// How it went.
    pub end: AttemptEnd,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// A good answer.
    Good,
    /// It led elsewhere, which says nothing of what is there.
    Redirected,
    /// A fault.
    Failed(Box<Failed>),
}

/// A fault, and what came of the next request for the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The fault.
    pub fault: Fault,
    /// Row of `resource`: what was asked for.
    pub resource_id: i64,
    /// Row of `resource`: the one that was asked for first, where that led here.
    pub playlist_id: i64,
    /// It brought a part of a raw stream: all was well until it was over.
    pub brought_part: bool,
    /// The next request for the same thing, of a playlist under whatever URL; `None`: there was none.
    pub next: Option<Next>,
}

/// The next request for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// When its response began; when it was requested, if there was none.
    pub at_us: i64,
    /// It was answered well.
    pub is_good: bool,
}

/// The next request for what an exchange `e` asked for, of a resource `r`; behind a part of a raw stream the one that brought the
/// next part, be it one that the stop of the recorder cut off.
const NEXT: &str = "
    SELECT g.id FROM exchange g
     WHERE g.resource_id IN (
             SELECT r.id
             UNION SELECT a.resource_id FROM alias a WHERE a.url = r.url AND r.kind = 'media'
             UNION SELECT b.resource_id FROM alias a JOIN resource p ON p.id = a.resource_id
               JOIN alias b ON b.url = p.url WHERE a.url = r.url AND r.kind = 'media')
       AND (g.from_us, g.id) > (e.from_us, e.id) AND g.own_reason IS NULL AND g.outcome <> 'crossed'
       AND CASE WHEN r.kind = 'main' AND (g.outcome = 'aborted' OR EXISTS
                       (SELECT 1 FROM body b WHERE b.id = e.body_id AND b.path IS NOT NULL))
                THEN EXISTS (SELECT 1 FROM body b WHERE b.id = g.body_id AND b.path IS NOT NULL)
                ELSE g.outcome <> 'aborted' END
     ORDER BY g.from_us, g.id LIMIT 1";

impl Reader {
    /// Requests behind an exchange, in the order in which they began; some hundred of them at a time.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn attempts_after(&self, behind: ExchangeId) -> Result<Vec<Attempt>, ReadError> {
        let sql = format!(
            "SELECT {FAULT_COLUMNS},
                    {IS_FAULT}, e.status BETWEEN 300 AND 399 AND e.status <> 304,
                    r.id, ifnull((SELECT h.resource_id FROM exchange h WHERE h.id = e.head_id), r.id),
                    n.requested_us + ifnull(n.wait_us, 0), ifnull(n.status < 400, 0)
                      AND (n.outcome = 'complete' AND n.error IS NOT ?1
                           OR r.kind = 'main' AND EXISTS
                                (SELECT 1 FROM body b WHERE b.id = n.body_id AND b.path IS NOT NULL)),
                    r.kind = 'main' AND EXISTS (SELECT 1 FROM body b WHERE b.id = e.body_id AND b.path IS NOT NULL)
               FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id
               LEFT JOIN exchange n ON n.id = CASE WHEN {IS_FAULT} THEN ({NEXT}) END
              WHERE e.own_reason IS NULL AND e.outcome NOT IN ('crossed', 'aborted') AND e.id > ?2
              ORDER BY e.id LIMIT ?3"
        );
        self.each(&sql, rusqlite::params![ENDED, behind, AT_ONCE], |row| {
            self.db.fresh();
            attempt_row(row)
        })
    }
}

/// Requests that are read at once: no transaction is open while somebody does something about them.
const AT_ONCE: i64 = 512;
/// Columns behind those of a fault.
const BEHIND: usize = 13;

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let fault = fault_row(row)?;
    let is = |column: usize| -> rusqlite::Result<bool> {
        Ok(row
            .get::<_, Option<bool>>(BEHIND + column)?
            .unwrap_or(false))
    };
    let next_us: Option<i64> = row.get(BEHIND + 4)?;
    let next = match next_us {
        Some(at_us) => Some(Next {
            at_us,
            is_good: is(5)?,
        }),
        None => None,
    };
    Ok(Attempt {
        exchange_id: fault.exchange_id,
        requested_us: fault.requested_us,
        at_us: fault.at_us,
        stream_id: fault.stream_id,
        kind: fault.kind,
        host: fault.host().to_owned(),
        end: match (is(0)?, is(1)?) {
            (true, _) => AttemptEnd::Failed(Box::new(Failed {
                fault,
                resource_id: row.get(BEHIND + 2)?,
                playlist_id: row.get(BEHIND + 3)?,
                brought_part: is(6)?,
                next,
            })),
            (false, true) => AttemptEnd::Redirected,
            (false, false) => AttemptEnd::Good,
        },
    })
}
