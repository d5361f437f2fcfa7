//! A flight recorder: the oldest of a session goes, rows and chunks together.
//!
//! `docs/design/session.md`, "Keeping the last hours", has the rule. The writer calls
//! [`Keeper::pass`] between its batches; each pass is one small transaction.

use crate::session::model::KEPT_FROM;
use std::time::Duration;

use rusqlite::{OptionalExtension, Result, params};
use tokio::time::Instant;

pub use self::held::Held;
use self::leftovers::Leftovers;
use self::lists::Lists;
use self::orphans::Orphans;
pub(crate) use self::removed::Removed;
use super::store::Store;
use crate::clock::{self, micros};
use crate::session::id::ExchangeId;
use crate::session::keep::decide::{COLUMNS, Row, doomed};
use crate::session::write::disk::full::Disk;

mod held;
mod leftovers;
mod lists;
mod orphans;
mod remove;
mod removed;
#[cfg(test)]
pub(crate) mod tests;
mod uses;

/// Exchanges that a pass looks at for the first time; where room is what is missing, fewer, so
/// that no more goes than must.
const STEP: usize = 256;
const SMALL_STEP: usize = 16;
/// Exchanges that a pass removes at most.
const MOST_REMOVED: usize = 256;
/// Whatever room it takes, so much is kept.
const LEAST_US: i64 = 5_000_000;
/// Time between two passes.
const EVERY: Duration = Duration::from_secs(1);
/// Where there is more to do: the recording comes first.
const SOON: Duration = Duration::from_millis(20);

/// How much of a recording is kept.
#[derive(Debug, Clone, Default)]
pub struct Keep {
    /// The last so long; `None`: all.
    pub time: Option<Duration>,
    /// Chunks of so many bytes; `None`: all.
    pub bytes: Option<u64>,
    /// What may not go all the same.
    pub held: Option<Held>,
}

impl Keep {
    /// Whether nothing goes.
    pub fn is_all(&self) -> bool {
        self.time.is_none() && self.bytes.is_none()
    }
}

/// Removes what is no longer to be kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    keep: Keep,
    /// From then on everything is kept, in microseconds of Unix time; before session zero as long as nothing is old enough to go.
    cutoff_us: i64,
    /// Session zero, likewise.
    zero_us: i64,
    /// All exchanges below were requested before the cutoff.
    before: ExchangeId,
    lists: Lists,
    /// Revisions before the cutoff have not been read yet: nothing moves until they are.
    is_behind: bool,
    /// Looks at all rows before the cutoff.
    #[cfg(test)]
    looks: usize,
    orphans: Orphans,
    leftovers: Leftovers,
    events_seen: i64,
    /// The disk is full.
    is_full: bool,
    /// The log has been told that what is held leaves it full.
    said: bool,
    /// When the next pass is.
    due: Instant,
}

impl Keeper {
    /// Prepares the database for it: counts who uses what, once.
    pub(crate) fn new(keep: Keep, store: &Store) -> Result<Self> {
        uses::count(&store.db)?;
        let kept_from: Option<i64> = store
            .db
            .query_row(
                "SELECT at_us FROM event WHERE id = ?1",
                [KEPT_FROM],
                |row| row.get(0),
            )
            .optional()?;
        Ok(Self {
            keep,
            cutoff_us: kept_from.unwrap_or(i64::MIN),
            zero_us: store.db.query_row(ZERO, [], |row| row.get(0))?,
            before: 0,
            lists: Lists::new(kept_from),
            is_behind: false,
            #[cfg(test)]
            looks: 0,
            orphans: Orphans::below(store.chunks.clone()),
            leftovers: Leftovers::of_session(&store.db)?,
            events_seen: KEPT_FROM,
            is_full: false,
            said: false,
            due: clock::instant(),
        })
    }

    /// How long the next pass can wait.
    pub(crate) fn wait(&self) -> Duration {
        self.due.saturating_duration_since(clock::instant())
    }

    /// A pass, if it is time for one. A full disk is tried again later. `orphans`: whether chunk
    /// files without a row are to be looked for: all that are in place have been committed.
    pub(crate) fn make_room(
        &mut self,
        store: &mut Store,
        now_us: i64,
        orphans: bool,
        disk: &Disk,
    ) -> Result<()> {
        if !self.wait().is_zero() {
            return Ok(());
        }
        self.is_full = disk.is_full();
        let wait = or_later(self.pass(store, now_us, orphans), disk)?;
        self.due = clock::instant() + wait;
        Ok(())
    }

    /// One step towards what is to be kept; how long the next may wait.
    fn pass(&mut self, store: &mut Store, now_us: i64, orphans: bool) -> Result<Duration> {
        let orphans_left = orphans && self.orphans.remove_some(&store.db)?;
        let target = self.target(store, now_us)?;
        let stepped = match target {
            _ if self.is_behind => true,
            None if self.is_done() => return Ok(if orphans_left { SOON } else { EVERY }),
            None => {
                self.remove(store, &[])?;
                return Ok(SOON);
            }
            Some((target_us, step)) => self.advance(store, target_us, step)?,
        };
        // Each query on its own would take and give back the locks of the file.
        let reading = store.db.unchecked_transaction()?;
        // What is left of revisions that are known needs no look at all rows.
        if self.is_behind && !self.lists.take_in(&store.db, &[], self.cutoff_us)? {
            return Ok(SOON);
        }
        let rows = rows(store, self.before)?;
        #[cfg(test)]
        {
            self.looks += 1;
        }
        self.is_behind = !self.lists.take_in(&store.db, &rows, self.cutoff_us)?;
        if self.is_behind {
            return Ok(SOON);
        }
        let living = self.lists.living(&store.db, &rows, self.cutoff_us)?;
        let mut going = doomed(&rows, self.cutoff_us, &living);
        let more = going.len() > MOST_REMOVED;
        going.truncate(MOST_REMOVED);
        drop(reading);
        self.remove(store, &going)?;
        Ok(match stepped || more || orphans_left || !self.is_done() {
            true => SOON,
            false => EVERY,
        })
    }

    /// Whether all that goes with what has been removed is gone, too.
    fn is_done(&self) -> bool {
        self.leftovers.is_empty() && self.lists.dropped_aliases().is_empty()
    }

    /// Up to when it goes, if that is further than now, and in steps of how many exchanges. What is held stays.
    fn target(&mut self, store: &Store, now_us: i64) -> Result<Option<(i64, usize)>> {
        let Some((wanted_us, step)) = self.wanted(store, now_us)? else {
            return Ok(None);
        };
        let held = self
            .keep
            .held
            .as_ref()
            .and_then(|held| held.since_us(self.is_full));
        let target_us = held.map_or(wanted_us, |held_us| wanted_us.min(held_us));
        let is_further = target_us > self.cutoff_us;
        self.say(target_us < wanted_us && !is_further);
        Ok(is_further.then_some((target_us, step)))
    }

    /// Tells once that a disk stays full for what is held.
    fn say(&mut self, is_held: bool) {
        let is_stuck = self.is_full && is_held;
        if is_stuck && !self.said {
            tracing::error!(
                json.own = true,
                "the disk is full, and --keep removes nothing that is not in the archive yet; with --archive-drop it does"
            );
        }
        self.said = is_stuck || (self.said && self.is_full);
    }

    fn wanted(&self, store: &Store, now_us: i64) -> Result<Option<(i64, usize)>> {
        let by_time = self
            .keep
            .time
            .map(|time| now_us.saturating_sub(micros(time)));
        let latest = by_time.filter(|us| *us > self.cutoff_us);
        if latest.is_some() {
            return Ok(latest.map(|us| (us, STEP)));
        }
        let Some(most) = self.keep.bytes else {
            return Ok(None);
        };
        let latest_us = now_us.saturating_sub(LEAST_US);
        let over = uses::chunk_bytes(&store.db)? > i64::try_from(most).unwrap_or(i64::MAX);
        Ok((over && latest_us > self.cutoff_us).then_some((latest_us, SMALL_STEP)))
    }

    /// Moves the cutoff on; whether there is further to go.
    fn advance(&mut self, store: &Store, target_us: i64, step: usize) -> Result<bool> {
        let mut statement = store.db.prepare_cached(NEXT)?;
        let next: Vec<(ExchangeId, i64)> = statement
            .query_map(params![self.before, step as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_>>()?;
        let passed = next
            .iter()
            .take_while(|(_, requested_us)| *requested_us <= target_us);
        let (count, last) = (passed.clone().count(), passed.last());
        if let Some((id, _)) = last {
            self.before = id.saturating_add(1);
        }
        let reached = match last {
            Some((_, requested_us)) if count == step => *requested_us,
            _ => target_us,
        };
        self.cutoff_us = reached.max(self.cutoff_us);
        if let Some(held) = &self.keep.held {
            held.goes_before(self.cutoff_us);
        }
        Ok(count == step)
    }
}

/// How long the next pass may wait: a disk may have room then.
fn or_later(passed: Result<Duration>, disk: &Disk) -> Result<Duration> {
    match passed {
        Err(error) if disk.is_to_blame(&error) => Ok(EVERY),
        done => done,
    }
}

const ZERO: &str = "SELECT started_us FROM run ORDER BY id LIMIT 1";
const NEXT: &str = "SELECT id, requested_us FROM exchange WHERE id >= ?1 ORDER BY id LIMIT ?2";

/// What is left before a number, in order.
fn rows_sql() -> String {
    format!("SELECT {COLUMNS} WHERE e.id < ?1 ORDER BY e.id")
}

/// What is left of the exchanges before the cutoff, and those that it has just passed.
fn rows(store: &Store, before: ExchangeId) -> Result<Vec<Row>> {
    let mut statement = store.db.prepare_cached(&rows_sql())?;
    let rows = statement.query_map([before], Row::read)?;
    rows.collect()
}
