//! How windows lie on those before (`placement`, `docs/design/windows.md`), in queries: of a run that is over as it is known
//! in the end, of one that goes on as it was said. And what the next run of a session goes on from.

use rusqlite::{OptionalExtension, Row, params};

use crate::session::Headers;
use crate::session::digest::Digest;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::ByteRange;
use crate::session::read::reader::Reader;

/// Of a playlist what it was placed as, the newest revision first.
const NEWEST: &str = "SELECT v.exchange_id, v.seen_us, v.target_duration_us, v.segment_count,
       ifnull(p.corrected_place, p.place)
  FROM revision v JOIN placement p ON p.exchange_id = v.exchange_id
 WHERE v.playlist_id = ?1 ORDER BY v.seen_us DESC, v.exchange_id DESC LIMIT ?2";

/// A window as it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedWindow {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began, in microseconds of Unix time.
    pub seen_us: i64,
    /// The target duration that it states, in microseconds.
    pub target_duration_us: Option<i64>,
    /// How many segments it lists.
    pub segment_count: u64,
    /// Place of its first segment.
    pub place: u64,
}

/// What a URL brought last that was good.
#[derive(Debug, Clone)]
pub struct KnownBody {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When that was requested, in microseconds of Unix time.
    pub requested_us: i64,
    /// SHA-256 of it.
    pub sha256: Digest,
    /// It was asked for under this URL, not under another of its names.
    pub is_own: bool,
}

impl Reader {
    /// The newest windows of a playlist as they were placed, the oldest of them first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn placed_windows(
        &self,
        playlist_id: i64,
        most: usize,
    ) -> Result<Vec<PlacedWindow>, ReadError> {
        let mut placed = self.list(NEWEST, params![playlist_id, most as i64], placed_row)?;
        placed.reverse();
        Ok(placed)
    }

    /// The last good body of a resource under a URL.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn known_body(
        &self,
        stream_id: i64,
        url: &str,
        range: Option<ByteRange>,
    ) -> Result<Option<KnownBody>, ReadError> {
        let Some(id) = self.resource_in(stream_id, url, range)? else {
            return Ok(None);
        };
        let Some(resource) = self.resource(id)? else {
            return Ok(None);
        };
        let is_own = resource.url == url;
        let Some(body) = self.last_good_body(&resource)? else {
            return Ok(None);
        };
        let requested_us = "SELECT requested_us FROM exchange WHERE id = ?1";
        let requested_us: Option<i64> = self
            .db
            .prepare_cached(requested_us)
            .and_then(|mut s| s.query_row([body.exchange_id], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?;
        Ok(Digest::try_from(body.sha256.as_slice())
            .ok()
            .zip(requested_us)
            .map(|(sha256, requested_us)| KnownBody {
                exchange_id: body.exchange_id,
                requested_us,
                sha256,
                is_own,
            }))
    }

    /// URL and header fields of an exchange.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn headers_of(&self, id: ExchangeId) -> Result<Option<(String, Headers)>, ReadError> {
        let found = self.list(
            "SELECT r.url, h.fields, e.header_values FROM exchange e JOIN resource r ON r.id = e.resource_id
               JOIN header_set h ON h.id = e.header_set_id WHERE e.id = ?1",
            [id],
            |row| {
                let (url, fields): (String, String) = (row.get(0)?, row.get(1)?);
                let values: Option<String> = row.get(2)?;
                Ok(Headers::join(&fields, values.as_deref()).map(|headers| (url, headers)))
            },
        )?;
        Ok(found.into_iter().next().flatten())
    }

    /// Hosts (with their ports) that wanted to be left alone, and until when, in microseconds of Unix time; those at
    /// a moment.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn left_alone(&self, now_us: i64) -> Result<Vec<(String, i64)>, ReadError> {
        self.list(
            "SELECT detail, max(at_us + length_us) FROM event
              WHERE kind = 'left alone' AND at_us + length_us > ?1 GROUP BY detail LIMIT 1024",
            [now_us],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}

fn placed_row(row: &Row<'_>) -> rusqlite::Result<PlacedWindow> {
    let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    Ok(PlacedWindow {
        exchange_id: row.get(0)?,
        seen_us: row.get(1)?,
        target_duration_us: row.get(2)?,
        segment_count: number(row.get(3)?),
        place: number(row.get(4)?),
    })
}
