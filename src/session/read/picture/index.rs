//! What is known of every exchange and every advance, in few bytes each: a reader may hold it in memory.

use std::collections::BTreeSet;

use rusqlite::{Row, named_params, params};

use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::read::history::advances::ADVANCE;
use crate::session::read::reader::Reader;
use crate::session::read::trouble::breaks::ENDED;
use crate::session::read::trouble::faults::IS_FAULT;

/// An exchange in an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedExchange {
    /// Its number.
    pub id: ExchangeId,
    /// When it was requested, in microseconds of Unix time.
    pub requested_us: i64,
    /// It was no good answer of the origin.
    pub is_fault: bool,
    /// It happened only because a recorder asked.
    pub is_own: bool,
    /// Row of its stream.
    pub stream_id: i64,
}

impl Reader {
    /// Exchanges behind one (0: all), in order; `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn indexed_behind(
        &self,
        behind: ExchangeId,
        most: usize,
    ) -> Result<Vec<IndexedExchange>, ReadError> {
        let sql = format!("{} WHERE e.id > ?2 ORDER BY e.id LIMIT ?3", indexed_sql());
        self.sound(&sql, params![ENDED, behind, most as i64], indexed_row)
    }

    /// Those of these exchanges that are there.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn indexed(&self, ids: &BTreeSet<ExchangeId>) -> Result<Vec<IndexedExchange>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let ids = format!("[{}]", ids.join(","));
        let sql = format!(
            "{} WHERE e.id IN (SELECT value FROM json_each(?2)) ORDER BY e.id",
            indexed_sql()
        );
        self.sound(&sql, params![ENDED, ids], indexed_row)
    }

    /// When a media playlist advanced, or a multivariant one had another text (microseconds of Unix time), and the exchanges that showed it: behind one, in order;
    /// `most` of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn advance_times(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<(i64, ExchangeId)>, ReadError> {
        // Of a multivariant playlist nothing advances.
        let sql = format!(
            "SELECT v.seen_us, v.exchange_id FROM revision v LEFT JOIN placement p ON p.exchange_id = v.exchange_id
              WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id)
                AND (v.media_sequence IS NULL OR {ADVANCE})
              ORDER BY v.seen_us, v.exchange_id LIMIT :most"
        );
        self.sound(
            &sql,
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}

fn indexed_sql() -> String {
    // Not joined: an exchange whose resource is lost is counted as well.
    format!(
        "SELECT e.id, e.requested_us, {IS_FAULT}, e.own_reason IS NOT NULL,
                ifnull((SELECT r.stream_id FROM resource r WHERE r.id = e.resource_id), 0)
           FROM exchange e"
    )
}

fn indexed_row(row: &Row<'_>) -> rusqlite::Result<IndexedExchange> {
    Ok(IndexedExchange {
        id: row.get(0)?,
        requested_us: row.get(1)?,
        is_fault: row.get(2)?,
        is_own: row.get(3)?,
        stream_id: row.get(4)?,
    })
}
