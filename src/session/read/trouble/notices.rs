//! What the recorder noticed about itself, read again.

use crate::session::error::ReadError;
use crate::session::model::Notice;
use crate::session::notices::NoticeEvent;
use crate::session::read::reader::Reader;
use rusqlite::OptionalExtension;
use rusqlite::params;

/// A session of a year with a fault every ten minutes has fewer.
pub(crate) const MOST_EVENTS: i64 = 65_536;

impl Reader {
    /// What the recorder noticed about itself, in the order in which it began; not how late single
    /// polls were, which stands with each of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn notices(&self) -> Result<Vec<NoticeEvent>, ReadError> {
        let rows = self.sound(
            // A host that asked for patience was left alone until the run ended, at most.
            "SELECT kind, at_us,
                    CASE kind WHEN 'left alone' THEN max(0, min(length_us, ifnull(
                      (SELECT ifnull(stopped_us, seen_us) FROM run
                        WHERE started_us <= event.at_us ORDER BY id DESC LIMIT 1) - at_us, length_us)))
                    ELSE length_us END,
                    detail FROM event
              WHERE kind IN ('stalled', 'suspended', 'clock step', 'disk full', 'checkpoint held up', 'left alone')
              ORDER BY at_us, id LIMIT ?1",
            [MOST_EVENTS],
            |row| {
                let kind: String = row.get(0)?;
                let event = Notice::parse(&kind).map(|kind| {
                    Ok(NoticeEvent {
                        kind,
                        at_us: row.get(1)?,
                        length_us: row.get(2)?,
                        detail: row.get(3)?,
                    })
                });
                event.transpose()
            },
        )?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// When the validators of a playlist were false, in the order in which that was found.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn false_validators(&self, playlist_url: &str) -> Result<Vec<NoticeEvent>, ReadError> {
        self.sound(
            "SELECT at_us, length_us, detail FROM event
              WHERE kind = 'false validators' AND detail = ?1 ORDER BY id LIMIT ?2",
            params![playlist_url, MOST_EVENTS],
            |row| {
                Ok(NoticeEvent {
                    kind: Notice::FalseValidators,
                    at_us: row.get(0)?,
                    length_us: row.get(1)?,
                    detail: row.get(2)?,
                })
            },
        )
    }

    /// How far the wall clock of the recording machine was ahead of session time when it last
    /// said so, in microseconds: it was set, or the machine slept.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn wall_ahead_us(&self) -> Result<i64, ReadError> {
        let ahead: Option<i64> = self
            .db
            .prepare_cached("SELECT wall_us - at_us FROM heartbeat ORDER BY at_us DESC LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?;
        Ok(ahead.unwrap_or(0))
    }
}
