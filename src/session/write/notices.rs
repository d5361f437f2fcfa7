//! Rows of what the recorder notices about itself.

use super::rows::EventRow;
use super::store::Store;
use crate::session::notices::{Heartbeat, NoticeEvent};
use rusqlite::{named_params, params};

impl Store {
    /// The row of an event.
    pub(crate) fn notice(&self, event: &NoticeEvent) -> rusqlite::Result<i64> {
        let row = EventRow {
            at_us: event.at_us,
            length_us: event.length_us,
            kind: event.kind.into(),
            detail: &event.detail,
        };
        row.insert(&self.db)
    }

    /// Says of an event that it is over; where its row is gone, it gets another.
    pub(crate) fn is_over(&self, row: i64, event: &NoticeEvent) -> rusqlite::Result<()> {
        let changed = self
            .db
            .prepare_cached(
                // Its number may be that of another by now.
                "UPDATE event SET length_us = :length_us, detail = :detail
                  WHERE id = :id AND at_us = :at_us AND kind = :kind",
            )?
            .execute(named_params! {
                ":id": row,
                ":at_us": event.at_us,
                ":kind": event.kind.as_str(),
                ":length_us": event.length_us,
                ":detail": event.detail,
            })?;
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
