//! What the recorder notices about itself: written, counted, and read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// How long that was in all, or all amounts without their sign, in microseconds.
    pub length_us: i64,
}

/// What has been noticed in this run so far; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    tallies: BTreeMap<Notice, Tally>,
    /// Of each kind that several playlists or hosts may have at once.
    covered: BTreeMap<Notice, Covered>,
    /// What goes on, and since when, in microseconds of Unix time.
    open: BTreeMap<Notice, i64>,
}

/// The last times that are covered; none of them touches another one.
#[derive(Debug, Default)]
struct Covered(Vec<(i64, i64)>);

impl Covered {
    /// So many are kept.
    const MOST: usize = 64;

    /// Takes in a time; how much of it was not covered.
    fn add(&mut self, from_us: i64, until_us: i64) -> i64 {
        let length_us = |(from_us, until_us): (i64, i64)| until_us.saturating_sub(from_us).max(0);
        let touches = |one: &(i64, i64)| one.0 <= until_us && from_us <= one.1;
        let known = self.0.extract_if(.., |one| touches(one));
        let (all, known_us) = known.fold(((from_us, until_us), 0_i64), |(all, sum), one| {
            let all = (all.0.min(one.0), all.1.max(one.1));
            (all, sum.saturating_add(length_us(one)))
        });
        self.0.push(all);
        if self.0.len() > Self::MOST {
            self.0.remove(0);
        }
        length_us(all).saturating_sub(known_us).max(0)
    }

    /// How much of what is covered is behind a moment.
    fn behind_us(&self, at_us: i64) -> i64 {
        let parts = self.0.iter().map(|(from_us, until_us)| {
            let from_us = at_us.max(*from_us);
            until_us.saturating_sub(from_us).max(0)
        });
        parts.fold(0, i64::saturating_add)
    }
}

impl Tallies {
    /// Of each kind that was noticed at all. What goes on counts, and has no length yet.
    pub fn all(&self) -> BTreeMap<Notice, Tally> {
        self.counted().tallies.clone()
    }

    /// The same; what goes on has lasted until `now_us`, in microseconds of Unix time.
    pub fn until(&self, now_us: i64) -> BTreeMap<Notice, Tally> {
        let counted = self.counted();
        let mut all = counted.tallies.clone();
        for (kind, since_us) in &counted.open {
            let tally = all.entry(*kind).or_default();
            let lasted_us = now_us.saturating_sub(*since_us).max(0);
            tally.length_us = tally.length_us.saturating_add(lasted_us);
        }
        // For how long a host is left alone is known as that begins: what is to come of it has not lasted yet.
        for (kind, covered) in &counted.covered {
            if let Some(tally) = all.get_mut(kind) {
                let to_come_us = covered.behind_us(now_us);
                tally.length_us = tally.length_us.saturating_sub(to_come_us).max(0);
            }
        }
        all
    }

    /// Something has begun, and goes on.
    pub(super) fn begin(&self, kind: Notice, at_us: i64) {
        let mut counted = self.counted();
        counted.tallies.entry(kind).or_default().times += 1;
        counted.open.insert(kind, at_us);
    }

    /// It is over, where it went on.
    pub(super) fn end(&self, kind: Notice, now_us: i64) {
        let since_us = self.counted().open.remove(&kind);
        if let Some(since_us) = since_us {
            self.count(kind, 0, now_us.saturating_sub(since_us).max(0));
        }
    }

    /// The recording is over, and with it all that went on.
    pub(super) fn end_all(&self, now_us: i64) {
        let open: Vec<Notice> = self.counted().open.keys().copied().collect();
        open.into_iter().for_each(|kind| self.end(kind, now_us));
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts something whole: what others were in at once is one time, and counts once.
    pub(super) fn add(&self, event: &NoticeEvent) {
        let length_us = event.length_us.unwrap_or(0);
        let length_us = match event.kind {
            // They take no session time.
            Notice::Suspended | Notice::ClockStep => length_us,
            kind => {
                let mut all = self.counted();
                let covered = all.covered.entry(kind).or_default();
                covered.add(event.at_us, event.at_us.saturating_add(length_us.max(0)))
            }
        };
        self.count(event.kind, 1, length_us);
    }

    pub(super) fn count(&self, kind: Notice, times: u64, length_us: i64) {
        let mut all = self.counted();
        let tally = all.tallies.entry(kind).or_default();
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
    fn what_goes_on_has_lasted_until_now_and_is_over_with_the_recording() {
        let tallies = Tallies::default();
        let both = |of: BTreeMap<Notice, Tally>, kind| (of[&kind].times, of[&kind].length_us);
        tallies.begin(Notice::DiskFull, 100);
        assert_eq!(both(tallies.all(), Notice::DiskFull), (1, 0));
        assert_eq!(both(tallies.until(130), Notice::DiskFull), (1, 30));
        tallies.end(Notice::DiskFull, 140);
        tallies.end(Notice::DiskFull, 150);
        assert_eq!(both(tallies.until(900), Notice::DiskFull), (1, 40));
        tallies.begin(Notice::DiskFull, 200);
        tallies.begin(Notice::HeldUp, 210);
        tallies.end_all(250);
        assert_eq!(both(tallies.all(), Notice::DiskFull), (2, 90));
        assert_eq!(both(tallies.all(), Notice::HeldUp), (1, 40));
    }

    #[test]
    fn what_several_were_in_at_once_is_one_time() {
        let tallies = Tallies::default();
        let event = |kind, at_us, length_us| NoticeEvent {
            kind,
            at_us,
            length_us: Some(length_us),
            detail: String::new(),
        };
        let late = |at_us, length_us| tallies.add(&event(Notice::Late, at_us, length_us));
        late(100, 50);
        late(110, 45);
        late(90, 70);
        late(300, 10);
        let tally = tallies.all()[&Notice::Late];
        assert_eq!((tally.times, tally.length_us), (4, 80));
        for n in 0..10_000 {
            late(1_000 + n * 10, 5);
        }
        let tally = tallies.all()[&Notice::Late];
        assert_eq!((tally.times, tally.length_us), (10_004, 80 + 50_000));
        for set in [-7, 7] {
            tallies.add(&event(Notice::ClockStep, 5, set));
        }
        assert_eq!(tallies.all()[&Notice::ClockStep].length_us, 14);
    }

    #[test]
    fn what_is_known_to_last_counts_as_it_passes() {
        let tallies = Tallies::default();
        let wish = |at_us| NoticeEvent {
            kind: Notice::LeftAlone,
            at_us,
            length_us: Some(20),
            detail: String::new(),
        };
        tallies.add(&wish(100));
        let both = |now_us| {
            let tally = tallies.until(now_us)[&Notice::LeftAlone];
            (tally.times, tally.length_us)
        };
        assert_eq!(both(100), (1, 0));
        assert_eq!(both(114), (1, 14));
        tallies.add(&wish(115));
        assert_eq!(both(116), (2, 16));
        assert_eq!(both(900), (2, 35));
    }

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
