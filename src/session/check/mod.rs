//! Whether a session is whole: its database, its rows, its files, each against the others.
//!
//! Only reads. Rows and files are looked at a few at a time: a session of days costs no more
//! memory than one of minutes. `docs/ref/check.md` says what each finding means.

mod bodies;
mod files;
mod report;
mod rows;
mod walk;

use std::fs::{File, TryLockError};
use std::io;

pub(super) use self::files::lost_bodies;
use self::report::Findings;
pub(super) use self::report::{Damage, damages};
pub use self::report::{Finding, Report, State, Totals};
use super::disk;
use super::folder::SessionFolder;
use super::guarded::beside;
use super::read::{ReadError, Reader, Run};
use super::schema;
use super::sum::{self, Sum};

/// Checks a session; what cannot be read is a finding like any other.
///
/// With `hashes` every body is read and its SHA-256 compared with the one in its row.
/// Not to be called where this process reads or writes the same session.
pub fn check(folder: &SessionFolder, hashes: bool) -> Report {
    look(folder, hashes, false).into_report(folder.name(), hashes)
}

/// [`check`], with all damage for who mends it. `locked`: the caller has the lock of the session, so that nobody records.
pub(super) fn look(folder: &SessionFolder, hashes: bool, locked: bool) -> Findings {
    let mut found = Findings::default();
    // Before SQLite has it open: closing a file of ours would let its locks go.
    let sum = match beside(&folder.database(), "-wal").exists() {
        true => Ok(Sum::None),
        false => sum::compare(folder),
    };
    let reader = match Reader::open(folder) {
        Ok(reader) => reader,
        Err(error) => {
            let kind = match error {
                ReadError::Altered { .. } => "schema",
                _ => "database",
            };
            found.add(kind, error.to_string());
            return found;
        }
    };
    let checked = state(folder, &reader, locked, &mut found)
        .and_then(|()| database(folder, &reader, sum, &mut found))
        .and_then(|()| rows::check(&reader, &mut found))
        .and_then(|()| bodies::check(&reader, hashes, &mut found))
        .and_then(|()| files::check(&reader, hashes, &mut found))
        .and_then(|()| walk::check(folder, &reader, &mut found));
    if let Err(error) = checked {
        found.add("database", error.to_string());
    }
    found
}

/// What SQLite finds by itself, and whether the database is in the state that its runs say.
fn database(
    folder: &SessionFolder,
    reader: &Reader,
    sum: io::Result<Sum>,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let wal = beside(&folder.database(), "-wal").exists();
    match (found.state, sum?) {
        // The run is closed before the log is folded in: a kill or a reader may come in between.
        (State::Stopped, _) if wal => found.note(
            "session.db-wal is there: the database is not one file yet; `--repair` or `isrecorder --resume` makes it one"
                .to_owned(),
        ),
        (State::Stopped, Sum::Other) => found.damaged(
            "sum",
            "session.db was changed after the recorder closed it (session.sum)".to_owned(),
            Damage::Sum,
        ),
        (State::Stopped, Sum::Unreadable) => found.damaged(
            "sum",
            "session.sum is no sum: whether session.db was changed cannot be said".to_owned(),
            Damage::Sum,
        ),
        (State::Stopped, Sum::None) => found.note(
            "there is no session.sum: changed bits in rows are found only where rows disagree"
                .to_owned(),
        ),
        (State::Killed, _) => found.note(
            "its recorder was killed; `isrecorder --resume` goes on with it, `--repair` closes it"
                .to_owned(),
        ),
        (State::DiskFull, _) => found.note(
            "its disk was full when its recorder ended, so that this could not close the run; with room `isrecorder \
             --resume` goes on with it, `--repair` closes it"
                .to_owned(),
        ),
        (State::Recording, _) => {
            found.note("it is being recorded: what is on its way now is not looked at".to_owned())
        }
        (State::Stopped, Sum::Same) => {}
    }
    if reader.has_others {
        found.note("tables that are none of this program's are not looked at".to_owned());
    }
    pages(reader, found).map_err(|e| reader.failed(e))?;
    references(reader, found).map_err(|e| reader.failed(e))
}

fn length_us(runs: &[Run]) -> i64 {
    match (runs.first(), runs.last()) {
        (Some(first), Some(last)) => last.end_us().saturating_sub(first.started_us),
        _ => 0,
    }
}

fn state(
    folder: &SessionFolder,
    reader: &Reader,
    locked: bool,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let runs = reader.runs()?;
    found.state = match runs.last() {
        Some(run) if run.stopped_us.is_none() => match locked || !is_being_recorded(folder)? {
            true if disk::was_full(&folder.chunks()) => State::DiskFull,
            true => State::Killed,
            false => State::Recording,
        },
        Some(_) if !locked && is_being_recorded(folder)? => State::Recording,
        _ => State::Stopped,
    };
    found.was_killed =
        matches!(found.state, State::Killed | State::DiskFull) || rows::any_killed(reader)?;
    found.totals.length_us = length_us(&runs);
    Ok(())
}

/// The lock is that of a recorder that runs.
fn is_being_recorded(folder: &SessionFolder) -> io::Result<bool> {
    let Ok(chunks) = File::open(folder.chunks()) else {
        return Ok(false);
    };
    match chunks.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Pages, cells, types and constraints. Beside tables of a user's only ours are looked at.
fn pages(reader: &Reader, found: &mut Findings) -> rusqlite::Result<()> {
    let whole = ["PRAGMA main.quick_check(1000)".to_owned()];
    let each =
        schema::tables(reader.version)?.map(|table| format!("PRAGMA main.quick_check({table})"));
    let checks: Vec<String> = match reader.has_others {
        true => each.collect(),
        false => whole.into(),
    };
    for check in checks {
        let mut statement = reader.db.prepare_cached(&check)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let what: String = row.get(0)?;
            if what != "ok" {
                found.add("page", format!("session.db: {what}"));
            }
        }
    }
    Ok(())
}

fn references(reader: &Reader, found: &mut Findings) -> rusqlite::Result<()> {
    for table in schema::tables(reader.version)? {
        let check = format!("PRAGMA main.foreign_key_check({table})");
        let mut statement = reader.db.prepare_cached(&check)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            reader.db.fresh();
            let (table, id): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
            let parent: String = row.get(2)?;
            let id = id.map_or_else(String::new, |id| format!(" {id}"));
            found.add(
                "reference",
                format!("{table}{id}: there is no such {parent} as it names"),
            );
        }
    }
    Ok(())
}
