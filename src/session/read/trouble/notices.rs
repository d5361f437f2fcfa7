//! What the recorder noticed about itself, read again.

use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::model::Notice;
use crate::session::notices::NoticeEvent;
use crate::session::read::reader::{Reader, short};
use rusqlite::OptionalExtension;
use rusqlite::params;

/// A poll that was late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatePoll {
    /// What was noticed.
    pub notice: NoticeEvent,
    /// What was asked for: row of `resource`; `None`: its exchange is gone.
    pub resource_id: Option<i64>,
    /// Of which stream: row of `stream`.
    pub stream_id: Option<i64>,
}

/// A session of a year with a fault every ten minutes has fewer.
pub(crate) const MOST_EVENTS: i64 = 65_536;

/// URLs that are looked at for the hosts of a playlist.
const MOST_URLS: i64 = 1024;

impl Reader {
    /// What the recorder noticed about itself, in the order in which it began; not how late single
    /// polls were, which stands with each of them. What was not over when its run ended lasted until then.
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
                    -- What was not over then lasted until the end of the run, or until the last that is known of it.
                    ELSE ifnull(length_us, (SELECT max(0, ifnull(stopped_us, seen_us) - at_us) FROM run
                        WHERE started_us <= event.at_us ORDER BY id DESC LIMIT 1)) END,
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

    /// Polls that were late, in the order in which they were due.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn late_polls(&self) -> Result<Vec<LatePoll>, ReadError> {
        self.list(
            // What is told of one begins with the number of its exchange: 'poll 17: …'.
            "SELECT v.at_us, v.length_us, v.detail, r.id, r.stream_id
               FROM event v
               LEFT JOIN exchange e ON v.detail LIKE 'poll %' AND e.id = CAST(substr(v.detail, 6) AS INTEGER)
               LEFT JOIN resource r ON r.id = e.resource_id
              WHERE v.kind = 'late' ORDER BY v.at_us, v.id LIMIT ?1",
            [MOST_EVENTS],
            |row| {
                let notice = NoticeEvent {
                    kind: Notice::Late,
                    at_us: row.get(0)?,
                    length_us: row.get(1)?,
                    detail: row.get(2)?,
                };
                Ok(LatePoll {
                    notice,
                    resource_id: row.get(3)?,
                    stream_id: row.get(4)?,
                })
            },
        )
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

    /// URLs under which a playlist was asked for, and those of some exchanges and of other resources; the newest of very many. Their
    /// hosts are those whose wish for patience it has to do with.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn urls_of_playlist(
        &self,
        playlist_id: i64,
        exchanges: [Option<ExchangeId>; 2],
        led_to: &[i64],
    ) -> Result<Vec<String>, ReadError> {
        let sql = concat!(
            "SELECT ",
            short!("r.url"),
            " FROM resource r WHERE r.id IN (
               SELECT ?1
               UNION SELECT a.resource_id FROM resource p JOIN alias a ON a.url = p.url WHERE p.id = ?1 AND p.kind = 'media'
               UNION SELECT resource_id FROM exchange WHERE id IN (?2, ?3)
               UNION SELECT value FROM json_each(?4))
             ORDER BY r.id DESC LIMIT ?5"
        );
        let led_to: Vec<String> = led_to.iter().map(i64::to_string).collect();
        let led_to = format!("[{}]", led_to.join(","));
        let [from, to] = exchanges;
        self.sound(
            sql,
            params![playlist_id, from, to, led_to, MOST_URLS],
            |row| row.get(0),
        )
    }

    /// The same of a stream that is no playlist: what the user typed, and where that was redirected to.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn urls_of_raw(&self, stream_id: i64) -> Result<Vec<String>, ReadError> {
        let sql = concat!(
            "SELECT ",
            short!("r.url"),
            " FROM resource r WHERE r.stream_id = ?1 AND r.kind = 'main' ORDER BY r.id DESC LIMIT ?2"
        );
        self.sound(sql, params![stream_id, MOST_URLS], |row| row.get(0))
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
