//! Rows of what the recorder notices about itself.

use super::store::Store;
use crate::session::notices::{Heartbeat, NoticeEvent};
use rusqlite::params;

impl Store {
    /// The row of an event.
    pub(crate) fn notice(&self, event: &NoticeEvent) -> rusqlite::Result<i64> {
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
    pub(crate) fn is_over(&self, row: i64, event: &NoticeEvent) -> rusqlite::Result<()> {
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

    pub(crate) fn heartbeat(&self, beat: Heartbeat) -> rusqlite::Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO heartbeat (at_us, wall_us, boot_us) VALUES (?1,?2,?3)",
            )?
            .execute(params![beat.at_us, beat.wall_us, beat.boot_us])?;
        Ok(())
    }
}
