//! Parts of raw streams, for readers: what was recorded, and what is being recorded.
//!
//! A part is an exchange of what the user typed (kind `main`) whose body is a file.

use rusqlite::{OptionalExtension, Row, params};

use super::facts::{ResourceInfo, StreamInfo};
use super::reader::Reader;
use crate::session::error::ReadError;
use crate::session::files::growing;
use crate::session::files::growing::Growing;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, Outcome};

/// A part of a raw stream. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPart {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its first byte came.
    pub began_us: i64,
    /// When it ended.
    pub ended_us: i64,
    /// Row of `body`.
    pub body_id: i64,
    /// Its size in bytes.
    pub size: u64,
    /// Its path under `chunks/`.
    pub path: String,
    /// How it came, as in `schema.sql`; not of a part in a list.
    pub arrival: Option<String>,
    /// It goes on with the response of the part before.
    pub continues: bool,
    /// How it ended.
    pub outcome: Outcome,
}

impl StreamPart {
    /// The extension of its file.
    pub fn extension(&self) -> &str {
        self.path
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }
}

/// Columns of a part, without how it came: that is large.
const PARTS: &str = "SELECT e.id, e.requested_us + ifnull(e.wait_us, 0), ifnull(e.receive_us, 0), b.id, b.size, b.path,
       NULL, e.body_first IS NOT NULL, e.outcome
  FROM resource r CROSS JOIN exchange e ON e.resource_id = r.id CROSS JOIN body b ON b.id = e.body_id
 WHERE r.stream_id = ?1 AND r.kind = 'main' AND e.status = 200 AND b.path IS NOT NULL AND e.id > ?2
 ORDER BY e.id";

/// The streams of a session that are no playlists.
#[derive(Debug, Clone, Default)]
pub struct RawStreams(pub Vec<StreamInfo>);

impl RawStreams {
    /// Whether a stream (row of `stream`) is one of them.
    pub fn has(&self, stream_id: i64) -> bool {
        self.0.iter().any(|stream| stream.id == stream_id)
    }

    /// Their rows as a list of JSON.
    pub(super) fn ids(&self) -> String {
        let ids: Vec<String> = self.0.iter().map(|one| one.id.to_string()).collect();
        format!("[{}]", ids.join(","))
    }
}

impl Reader {
    /// The parts of a stream behind an exchange (0: all of them), in order; `arrival` is left out.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn parts_after(
        &self,
        stream_id: i64,
        after: ExchangeId,
    ) -> Result<Vec<StreamPart>, ReadError> {
        self.sound(PARTS, params![stream_id, after], part_row)
    }

    /// The first of [`Self::parts_after`].
    ///
    /// # Errors
    /// The database is damaged.
    pub fn next_part(
        &self,
        stream_id: i64,
        after: ExchangeId,
    ) -> Result<Option<StreamPart>, ReadError> {
        let sql = format!("{PARTS} LIMIT 1");
        Ok(self.sound(&sql, params![stream_id, after], part_row)?.pop())
    }

    /// The first part of a stream; `None`: it is no raw stream.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn first_part(&self, stream_id: i64) -> Result<Option<StreamPart>, ReadError> {
        // Most are not, and have very many resources to look through.
        let is_playlist: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM stream s JOIN resource r ON r.url = s.url AND r.stream_id = s.id
                   JOIN revision v ON v.playlist_id = r.id WHERE s.id = ?1)",
            )
            .and_then(|mut s| s.query_row([stream_id], |row| row.get(0)))
            .map_err(|e| self.failed(e))?;
        match is_playlist {
            true => Ok(None),
            false => self.next_part(stream_id, 0),
        }
    }

    /// Which streams are no playlists.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn raw_streams(&self) -> Result<RawStreams, ReadError> {
        let mut streams = Vec::new();
        for stream in self.streams()? {
            if self.first_part(stream.id)?.is_some() || self.growing(stream.id)?.is_some() {
                streams.push(stream);
            }
        }
        Ok(RawStreams(streams))
    }

    /// Whether a resource is what a raw stream was recorded from.
    pub(crate) fn is_plain(&self, resource: &ResourceInfo) -> Result<bool, ReadError> {
        Ok(resource.kind == Kind::Main && self.first_part(resource.stream_id)?.is_some())
    }

    /// The part that an exchange brought; `None`: it brought none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn part(&self, id: ExchangeId) -> Result<Option<StreamPart>, ReadError> {
        self.db
            .prepare_cached(
                "SELECT e.id, e.requested_us + ifnull(e.wait_us, 0), ifnull(e.receive_us, 0), b.id, b.size, b.path,
                        e.arrival, e.body_first IS NOT NULL, e.outcome
                   FROM exchange e JOIN resource r ON r.id = e.resource_id JOIN body b ON b.id = e.body_id
                  WHERE e.id = ?1 AND r.kind = 'main' AND e.status = 200 AND b.path IS NOT NULL",
            )
            .and_then(|mut s| s.query_row([id], part_row).optional())
            .map_err(|e| self.failed(e))
    }

    /// The stream whose part is being recorded from a URL.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn growing_from(&self, url: &str) -> Result<Option<(i64, Growing)>, ReadError> {
        const IS_PENDING: &str = "SELECT 1 FROM pending WHERE resource_id = ?1";
        // Nothing is, in most sessions: whatever is asked for, there is nothing to look up.
        let is_any: Vec<bool> = self.sound("SELECT 1 FROM pending LIMIT 1", [], |_| Ok(true))?;
        if is_any.is_empty() {
            return Ok(None);
        }
        let resources = self.resources(url)?;
        for resource in resources.iter().filter(|r| r.kind == Kind::Main) {
            let pending: Vec<()> = self.sound(IS_PENDING, [resource.id], |_| Ok(()))?;
            if !pending.is_empty()
                && let Some(growing) = self.growing(resource.stream_id)?
            {
                return Ok(Some((resource.stream_id, growing)));
            }
        }
        Ok(None)
    }

    /// The part of a stream that is being recorded.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn growing(&self, stream_id: i64) -> Result<Option<Growing>, ReadError> {
        // CROSS: few are pending, and SQLite would look through all resources for them.
        let pending: Option<(ExchangeId, i64)> = self
            .db
            .prepare_cached(
                "SELECT p.referrer_id, p.from_us FROM pending p CROSS JOIN resource r ON r.id = p.resource_id
                  WHERE r.stream_id = ?1 AND r.kind = 'main' ORDER BY p.referrer_id DESC LIMIT 1",
            )
            .and_then(|mut s| s.query_row([stream_id], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .map_err(|e| self.failed(e))?;
        match pending {
            Some((id, from_us)) => self.growing_part(id, from_us),
            None => Ok(None),
        }
    }

    /// The part that grows, or grew, to be an exchange.
    pub(crate) fn growing_part(
        &self,
        id: ExchangeId,
        from_us: i64,
    ) -> Result<Option<Growing>, ReadError> {
        match &self.chunks {
            Some(chunks) => Ok(growing::open(chunks, id, from_us)?),
            None => Ok(None),
        }
    }
}

fn part_row(row: &Row<'_>) -> rusqlite::Result<StreamPart> {
    let (began_us, receive_us): (i64, i64) = (row.get(1)?, row.get(2)?);
    let outcome: String = row.get(8)?;
    Ok(StreamPart {
        exchange_id: row.get(0)?,
        began_us,
        ended_us: began_us.saturating_add(receive_us),
        body_id: row.get(3)?,
        size: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        path: row.get(5)?,
        arrival: row.get(6)?,
        continues: row.get(7)?,
        outcome: Outcome::parse(&outcome).unwrap_or(Outcome::Protocol),
    })
}
