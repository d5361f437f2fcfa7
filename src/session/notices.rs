//! What the recorder notices about itself: written, counted, and read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::Notice;

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
    /// For so long something was so, in microseconds; where that is not known, it may have been long.
    pub fn sum_us(events: &[Self], kind: Notice) -> i64 {
        let events = events.iter().filter(|event| event.kind == kind);
        events.fold(0, |sum: i64, event| {
            sum.saturating_add(event.length_us.unwrap_or(i64::MAX).max(0))
        })
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::chunk_dir::ChunkDir;
    use crate::session::write::store::Store;
    use rusqlite::Connection;

    #[test]
    fn the_end_of_an_event_is_told_even_where_its_row_is_gone_and_another_has_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::format::SCHEMA).unwrap();
        let store = Store::new(db, ChunkDir::open_folder(folder.path()).unwrap(), 0, 1);
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
