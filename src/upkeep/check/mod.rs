//! Whether a session is whole: its database, its rows, its files, each against the others.
//!
//! Only reads. Rows and files are looked at a few at a time: a session of days costs no more
//! memory than one of minutes. `docs/ref/check.md` says what each finding means.

mod bodies;
pub(crate) mod files;

mod report;
mod rows;
mod spans;
mod walk;

use std::io;

pub(crate) use self::files::lost_bodies;
use self::report::Findings;
pub(crate) use self::report::{Damage, damages};
pub use self::report::{Finding, Report, State, Totals};
pub(crate) use self::spans::is_what_came;
use crate::session::database::guarded::{HowFar, path_beside};
use crate::session::database::schema;
use crate::session::database::sum;
use crate::session::database::sum::Sum;
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::SessionFolder;
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::session::write::disk::full as disk;

/// Checks a session; what cannot be read is a finding like any other.
///
/// With `hashes` every body is read and its SHA-256 compared with the one in its row.
/// Not to be called where this process reads or writes the same session.
pub fn check(folder: &SessionFolder, hashes: bool) -> Report {
    look(folder, hashes, false).into_report(folder.name(), hashes)
}

/// [`check`], with all damage for who mends it. `locked`: the caller has the lock of the session, so that nobody records.
pub(crate) fn look(folder: &SessionFolder, hashes: bool, locked: bool) -> Findings {
    let mut found = Findings::default();
    // Before SQLite has it open: closing a file of ours would let its locks go.
    let sum = match path_beside(&folder.database(), "-wal").exists() {
        true => Ok(Sum::None),
        false => sum::compare(folder),
    };
    let mut reader = match Reader::open(folder) {
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
    if reader.has_others {
        found.note("tables that are none of this program's are not looked at".to_owned());
    }
    match reader.fault_of_pages(HowFar::All) {
        Ok(None) => {}
        Ok(Some(fault)) => {
            found.add("page", format!("session.db: {fault}"));
            found.note("nothing else was looked at: where pages are in two places, rows and texts may have no end".to_owned());
            return found;
        }
        Err(error) => {
            found.add("database", error.to_string());
            return found;
        }
    }
    // A database that its sum covers needs no deeper check; one that is about to get a sum must be whole.
    let is_covered = matches!(sum, Ok(Sum::Same));
    let whole = (hashes || locked) && !is_covered;
    let checked = state(folder, &reader, locked, &mut found)
        .and_then(|()| database(folder, sum, &mut found))
        .and_then(|()| pages(&reader, whole, &mut found).map_err(|e| reader.failed(e)))
        .and_then(|()| references(&reader, &mut found).map_err(|e| reader.failed(e)))
        .and_then(|()| rows::check(&reader, &mut found))
        .and_then(|()| bodies::check(&reader, hashes, &mut found))
        .and_then(|()| files::check(&reader, hashes, &mut found))
        .and_then(|()| spans::check(&reader, hashes, &mut found))
        .and_then(|()| walk::check(folder, &reader, &mut found));
    if let Err(error) = checked {
        found.add("database", error.to_string());
    }
    found
}

/// Whether the database is in the state that its runs say.
fn database(
    folder: &SessionFolder,
    sum: io::Result<Sum>,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let wal = path_beside(&folder.database(), "-wal").exists();
    match (found.state, sum?) {
        // The run is closed before the log is folded in: a kill or a reader may come in between.
        (State::Stopped, _) if wal => found.note(
            "session.db-wal is there: the database is not one file yet; `issession repair` or `isrecorder --resume` makes it one"
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
            "its recorder was killed; `isrecorder --resume` goes on with it, `issession repair` closes it"
                .to_owned(),
        ),
        (State::DiskFull, _) => found.note(
            "its disk was full when its recorder ended, so that this could not close the run; with room `isrecorder \
             --resume` goes on with it, `issession repair` closes it"
                .to_owned(),
        ),
        (State::Recording, _) => {
            found.note("it is being recorded: what is on its way now is not looked at".to_owned())
        }
        (State::Stopped, Sum::Same) => {}
    }
    Ok(())
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
    found.state = state_of(folder, &runs, locked)?;
    found.was_killed =
        matches!(found.state, State::Killed | State::DiskFull) || rows::any_killed(reader)?;
    found.totals.length_us = length_us(&runs);
    Ok(())
}

/// Whether somebody records a session with these runs. `locked`: the caller has its lock.
pub(crate) fn state_of(folder: &SessionFolder, runs: &[Run], locked: bool) -> io::Result<State> {
    let is_closed = runs.last().is_none_or(|run| run.stopped_us.is_some());
    Ok(match !locked && is_being_recorded(folder)? {
        true => State::Recording,
        false if is_closed => State::Stopped,
        false if was_full(folder) => State::DiskFull,
        false => State::Killed,
    })
}

fn was_full(folder: &SessionFolder) -> bool {
    ChunkDir::of_session(folder.path()).is_ok_and(|chunks| disk::was_full(&chunks))
}

/// The lock is that of a recorder that runs.
fn is_being_recorded(folder: &SessionFolder) -> io::Result<bool> {
    match ChunkDir::of_session(folder.path()) {
        Ok(chunks) => chunks.is_locked(),
        Err(_) => Ok(false),
    }
}

/// Pages, cells, types and constraints; of a `whole` database also whether indexes say what rows say. Beside
/// tables of a user's only ours are looked at.
fn pages(reader: &Reader, whole: bool, found: &mut Findings) -> rusqlite::Result<()> {
    let pragma = match whole {
        true => "integrity_check",
        false => "quick_check",
    };
    let each =
        schema::tables(reader.version)?.map(|table| format!("PRAGMA main.{pragma}({table})"));
    let checks: Vec<String> = match reader.has_others {
        true => each.collect(),
        false => vec![format!("PRAGMA main.{pragma}(1000)")],
    };
    for check in checks {
        let mut statement = reader.db.prepare_cached(&check)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let what: String = row.get(0)?;
            // `row 7 missing from index ...`, `wrong # of entries in index ...`
            let kind = match what.contains(" index ") {
                true => "index",
                false => "page",
            };
            if what != "ok" {
                found.add(kind, format!("session.db: {what}"));
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
