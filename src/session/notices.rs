//! What the recorder notices about itself: written, counted, and read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{OptionalExtension, params};

use super::model::Notice;
use crate::session::read::reader::{ReadError, Reader};
use crate::session::write::store::Store;

/// A session of a year with a fault every ten minutes has fewer.
const MOST_EVENTS: i64 = 65_536;

/// Something that the recorder noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeEvent {
    /// What.
    pub kind: Notice,
    /// When it began, in microseconds of Unix time.
    pub at_us: i64,
    /// How long it lasted, or by how much the clock was set, in microseconds. `None`: it was not
    /// over when the run ended.
    pub length_us: Option<i64>,
    /// For people.
    pub detail: String,
}

impl NoticeEvent {
    /// When it was over, in microseconds of Unix time: what takes no session time, at once; what
    /// was not over, never.
    pub fn until_us(&self) -> i64 {
        match self.kind {
            Notice::Suspended | Notice::ClockStep => self.at_us,
            _ => self.length_us.map_or(i64::MAX, |length_us| {
                self.at_us.saturating_add(length_us.max(0))
            }),
        }
    }
}

/// What the clocks of the machine said at one moment. Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// On the axis of the session.
    pub at_us: i64,
    /// The wall clock, of Unix time.
    pub wall_us: i64,
    /// Since the machine was started, sleep included; `None`: the system does not say.
    pub boot_us: Option<i64>,
}

/// How often something was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// So many times.
    pub times: u64,
    /// All lengths, or amounts without their sign, in microseconds.
    pub length_us: i64,
}

/// What has been noticed in this run so far; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<Notice, Tally>>>);

impl Tallies {
    /// Of each kind that was noticed at all.
    pub fn all(&self) -> BTreeMap<Notice, Tally> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn count(&self, kind: Notice, times: u64, length_us: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = all.entry(kind).or_default();
        tally.times += times;
        tally.length_us = tally.length_us.saturating_add(length_us.saturating_abs());
    }
}

impl Store {
    /// The row of an event.
    pub(super) fn notice(&self, event: &NoticeEvent) -> rusqlite::Result<i64> {
        self.db
            .prepare_cached(
                "INSERT INTO event (at_us, length_us, kind, detail) VALUES (?1,?2,?3,?4)",
            )?
            .insert(params![
                event.at_us,
                event.length_us,
                event.kind.as_str(),
                event.detail
            ])
    }

    /// Says of an event that it is over; where its row is gone, it gets another.
    pub(super) fn is_over(&self, row: i64, event: &NoticeEvent) -> rusqlite::Result<()> {
        let changed = self
            .db
            .prepare_cached(
                // Its number may be that of another by now.
                "UPDATE event SET length_us = ?2, detail = ?3 WHERE id = ?1 AND at_us = ?4 AND kind = ?5",
            )?
            .execute(params![
                row,
                event.length_us,
                event.detail,
                event.at_us,
                event.kind.as_str()
            ])?;
        if changed == 0 {
            self.notice(event)?;
        }
        Ok(())
    }

    pub(super) fn heartbeat(&self, beat: Heartbeat) -> rusqlite::Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO heartbeat (at_us, wall_us, boot_us) VALUES (?1,?2,?3)",
            )?
            .execute(params![beat.at_us, beat.wall_us, beat.boot_us])?;
        Ok(())
    }
}

impl Reader {
    /// What the recorder noticed about itself, in the order in which it began; not how late single
    /// polls were, which stands with each of them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn notices(&self) -> Result<Vec<NoticeEvent>, ReadError> {
        let rows = self.list(
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
        self.list(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::chunk_dir::ChunkDir;
    use rusqlite::Connection;

    #[test]
    fn the_end_of_an_event_is_told_even_where_its_row_is_gone_and_another_has_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::SCHEMA).unwrap();
        let store = Store::new(db, ChunkDir::at(folder.path()).unwrap(), 0, 1);
        let event = |kind, length_us| NoticeEvent {
            kind,
            at_us: 5,
            length_us,
            detail: String::new(),
        };
        let rows = || -> Vec<(String, Option<i64>)> {
            let sql = "SELECT kind, length_us FROM event ORDER BY id";
            let mut statement = store.db.prepare(sql).unwrap();
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        let row = store.notice(&event(Notice::DiskFull, None)).unwrap();
        store
            .is_over(row, &event(Notice::DiskFull, Some(7)))
            .unwrap();
        assert_eq!(rows(), [("disk full".to_owned(), Some(7))]);

        store.db.execute("DELETE FROM event", []).unwrap();
        let other = store.notice(&event(Notice::Stalled, Some(1))).unwrap();
        assert_eq!(other, row);
        store
            .is_over(row, &event(Notice::DiskFull, Some(9)))
            .unwrap();
        let both = [
            ("stalled".to_owned(), Some(1)),
            ("disk full".to_owned(), Some(9)),
        ];
        assert_eq!(rows(), both);
    }
}
