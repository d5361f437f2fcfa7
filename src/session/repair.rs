//! Makes a session whole again as far as that can be done: what is wrong is moved aside and
//! marked, nothing is deleted and nothing is made up.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cap_std::fs::Dir;
use rusqlite::Connection;

use super::adopt;
use super::begin;
use super::check::{self, Damage, State};
use super::chunks::{self, TEMPORARY};
use super::disk::{self, FULL, RESERVE};
use super::folder::SessionFolder;
use super::guarded::beside;
use super::holders;
use super::model::NewExchange;
use super::read::{ReadError, Reader, Run};
use super::store::Store;
use super::sum;
use super::versions::TakenUp;
use super::write::WriterError;
use crate::clock;

mod forged;

/// Where things are moved to, within the session's folder.
const ASIDE: &str = "aside";
/// More files of one name are not moved aside.
const MOST_NAMESAKES: u32 = 10_000;

/// How long to wait for readers to let go, so that the database can become one file.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The database itself is damaged, or is none of ours.
    #[error(
        "{0} cannot be repaired, nothing was touched: its database is damaged or was altered; `sqlite3 session.db .recover` may save a part"
    )]
    Beyond(String),
    /// It is being recorded, another program keeps it locked, or it cannot be written.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Repairs a session: `say` is told each thing that was done, in a sentence.
///
/// With `hashes` also what only its SHA-256 shows to be wrong.
///
/// # Errors
/// A recorder is at it, another program keeps it locked, its database is beyond repair, or the file system refuses.
pub fn repair(
    folder: &SessionFolder,
    hashes: bool,
    say: &mut dyn FnMut(String),
) -> Result<(), RepairError> {
    // Nothing is locked, made or recovered for what is none of ours.
    let had_temporary = folder.chunks().join(TEMPORARY).exists();
    match Reader::open(folder) {
        Err(error @ ReadError::Altered { .. }) => {
            let dropped = forged::drop_added(folder, say);
            if !matches!(dropped, Ok(true)) {
                remove_own_folder(folder, had_temporary);
            }
            if !dropped? {
                return Err(error.into());
            }
        }
        opened => drop(opened?),
    }
    let lock = begin::lock(folder)?;
    let found = check::look(folder, hashes, true);
    if found.has(&["database", "schema", "page"]) {
        remove_own_folder(folder, had_temporary);
        return Err(RepairError::Beyond(folder.path().display().to_string()));
    }
    let is_killed = found.state() != State::Stopped;
    let damages = check::damages(found);
    let has_log = beside(&folder.database(), "-wal").exists();
    if damages.is_empty() && !is_killed && !has_log {
        remove_own_folder(folder, had_temporary);
        return Ok(());
    }
    let mut db =
        begin::open_free(folder).inspect_err(|_| remove_own_folder(folder, had_temporary))?;
    let taken = begin::take_up(folder, &mut db)?;
    // It was held for a full disk, which may be full now.
    let _ = fs::remove_file(folder.chunks().join(TEMPORARY).join(RESERVE));
    let reader = Reader::open(folder)?;
    let runs = reader.runs()?;
    let left = match is_killed {
        true => adopt::left_parts(&reader, folder)?,
        false => Vec::new(),
    };
    drop(reader);
    let mut aside = Aside::of(folder)?;
    let marks = move_aside(&mut aside, &damages, say)?;
    sum::remove(folder)?;
    let is_one_file = write(folder, (db, taken), (&runs, left, &marks), say)?;
    let _ = fs::remove_file(folder.chunks().join(TEMPORARY).join(FULL));
    aside.clear_temporary(folder, say)?;
    if is_one_file {
        sum::write(folder)?;
    }
    if has_log && !is_killed && is_one_file {
        say("the log of the database was folded in".to_owned());
    }
    drop(lock);
    Ok(())
}

/// Files go, and what is to be marked comes back: kind and detail of rows of `event`.
fn move_aside(
    aside: &mut Aside,
    damages: &[Damage],
    say: &mut dyn FnMut(String),
) -> io::Result<Vec<(&'static str, String)>> {
    let mut marks = Vec::new();
    for damage in damages {
        match damage {
            Damage::Chunk(id, path) => {
                if chunks::is_plain_path(path) {
                    aside.take(&format!("chunks/{path}"), say)?;
                }
                say(format!("marked as lost: chunks/{path} (body {id})"));
                let detail = serde_json::json!({ "body": id, "path": path });
                marks.push(("lost", detail.to_string()));
            }
            Damage::Content(id) => {
                say(format!("marked as lost: body {id}, in session.db"));
                marks.push(("lost", serde_json::json!({ "body": id }).to_string()));
            }
            Damage::File(path) => {
                aside.take(&format!("chunks/{path}"), say)?;
                marks.push(("moved aside", format!("chunks/{path}")));
            }
            Damage::Sum => {
                aside.take("session.sum", say)?;
                let what = "session.db was changed after its recorder closed it";
                say(format!(
                    "marked: {what}; what it says now is taken as it is"
                ));
                marks.push(("changed", what.to_owned()));
            }
        }
    }
    Ok(marks)
}

/// What is written: the runs that there are, what was left of parts, and marks (kind and detail).
type Rows<'a> = (&'a [Run], Vec<NewExchange>, &'a [(&'static str, String)]);

/// Brings in what is in the WAL, closes a run that was killed, and notes the marks. Whether it left
/// one database file: others that have it open may prevent that.
fn write(
    folder: &SessionFolder,
    (db, taken): (Connection, TakenUp),
    (runs, left, marks): Rows<'_>,
    say: &mut dyn FnMut(String),
) -> Result<bool, RepairError> {
    let failed = |source| begin::database_error(folder, source);
    let end_us = runs.last().map_or(0, Run::end_us);
    if taken.is_upgraded {
        say("upgraded: its format is that of this program now".to_owned());
    }
    begin::make_durable(&db, taken).map_err(failed)?;
    let was_full = disk::was_full(&folder.chunks());
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let mut store = Store::new(db, folder.chunks(), zero_us, 1);
    let parts = left.len();
    let work = |store: &mut Store| -> rusqlite::Result<usize> {
        store.db.execute_batch("BEGIN IMMEDIATE")?;
        for mut part in left {
            store.exchange(&mut part)?;
        }
        let closed = begin::close_left(&store.db, was_full)?;
        store.db.execute_batch("DELETE FROM pending")?;
        for (kind, detail) in marks {
            store.event(end_us, kind, detail)?;
        }
        Ok(closed)
    };
    let closed = work(&mut store).map_err(failed)?;
    chunks::sync_directories(&std::mem::take::<BTreeSet<_>>(&mut store.changed))?;
    store.db.execute_batch("COMMIT").map_err(failed)?;
    if parts > 0 {
        say(format!(
            "parts of plain streams that were growing: {parts} taken in"
        ));
    }
    if closed > 0 {
        say(match was_full {
            true => "closed: the run whose disk was full".to_owned(),
            false => "closed: the run whose recorder was killed".to_owned(),
        });
    }
    let is_one_file = become_one_file(&store.db).map_err(failed)?;
    if !is_one_file {
        say(format!(
            "not done: {} has {} open; copy it together with the -wal file beside it, or end that program and repair \
             again",
            holders::who_has_open(folder),
            folder.database().display()
        ));
    }
    Ok(is_one_file)
}

/// Whether it did: replayers that see the last run closed let go, others may not.
fn become_one_file(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(Duration::from_millis(50))?;
    let deadline = clock::instant() + PATIENCE;
    loop {
        if begin::become_one_file(db)? {
            return Ok(true);
        }
        if clock::instant() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The lock needs it; who had none is left with none.
fn remove_own_folder(folder: &SessionFolder, had_temporary: bool) {
    if !had_temporary {
        // It is empty, or somebody else's.
        let _ = fs::remove_dir(folder.chunks().join(TEMPORARY));
    }
}

/// The folder that things are moved to. No link leads out of the session's folder.
struct Aside {
    session: Dir,
}

impl Aside {
    fn of(folder: &SessionFolder) -> io::Result<Self> {
        let session = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority())?;
        Ok(Self { session })
    }

    /// Moves what is at a path of the session, if there is something.
    fn take(&mut self, path: &str, say: &mut dyn FnMut(String)) -> io::Result<()> {
        if self.session.symlink_metadata(path).is_err() {
            return Ok(());
        }
        let mut target = format!("{ASIDE}/{path}");
        if let Some(parent) = Path::new(&target).parent() {
            self.session.create_dir_all(parent)?;
        }
        let mut number = 2;
        while self.session.symlink_metadata(&target).is_ok() {
            if number > MOST_NAMESAKES {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            target = format!("{ASIDE}/{path}~{number}");
            number += 1;
        }
        self.session
            .rename(path, &self.session, &target)
            .map_err(|e| io::Error::new(e.kind(), format!("{path}: {e}")))?;
        say(format!("moved aside: {path} to {target}"));
        Ok(())
    }

    /// What a killed recorder left of downloads.
    fn clear_temporary(
        &mut self,
        folder: &SessionFolder,
        say: &mut dyn FnMut(String),
    ) -> io::Result<()> {
        let temporary = folder.chunks().join(TEMPORARY);
        for entry in fs::read_dir(&temporary)? {
            let name = entry?.file_name();
            let path = format!("chunks/{TEMPORARY}/{}", name.to_string_lossy());
            self.take(&path, say)?;
        }
        // What has no name in UTF-8 stays, and so does its folder.
        let _ = fs::remove_dir(temporary);
        Ok(())
    }
}
