//! Makes a session whole again as far as that can be done: what is wrong is moved aside and
//! marked, nothing is deleted and nothing is made up.

use self::error::RepairError;
use self::spans::Saved;
use crate::session::Remark;
use std::io;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::check::{self, Damage, State};
use crate::clock;
use crate::session::database::guarded::path_beside;
use crate::session::database::holders;
use crate::session::database::schema;
use crate::session::database::sum;
use crate::session::database::versions::TakenUp;
use crate::session::error::ReadError;
use crate::session::files::beneath::{Directory, PlainPath, Sort};
use crate::session::files::chunk_dir::{ChunkDir, TEMPORARY};
use crate::session::files::folder::SessionFolder;
use crate::session::model::NewExchange;
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::session::write::disk::full as disk;
use crate::session::write::run::adopt;
use crate::session::write::run::begin;
use crate::session::write::store::Store;

pub(crate) mod error;
mod forged;
mod spans;

/// The folder that files are moved to, within the session's folder.
const ASIDE: &str = "aside";
/// How many files of one name are moved aside at most.
const MOST_NAMESAKES: u32 = 10_000;
/// Said of a rebuilt index, which does not prove that the rows are right.
const REBUILT: &str =
    "the indexes of session.db were at odds with its rows; what the rows say now is taken as it is";

/// How long to wait for readers to let go, so that the database can become one file.
const PATIENCE: Duration = Duration::from_secs(5);

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
    // A database of another program is not locked, changed or recovered.
    match Reader::open(folder) {
        Err(error @ ReadError::Altered { .. }) => {
            if !forged::drop_added(folder, say)? {
                return Err(error.into());
            }
        }
        opened => drop(opened?),
    }
    let (lock, chunks) = begin::lock(folder)?;
    let mut found = check::look(folder, hashes, true);
    let is_rebuilt = found.has(&["index", "page"]) && rebuilt(folder)?;
    if is_rebuilt {
        say(format!("rebuilt: {REBUILT}"));
        found = check::look(folder, hashes, true);
    }
    if found.has(&["database", "schema", "page", "index"]) {
        remove_own_folder(&chunks);
        return Err(RepairError::Beyond(folder.path().display().to_string()));
    }
    let is_killed = found.state() != State::Stopped;
    let mut damages = check::damages(found);
    let has_log = path_beside(&folder.database(), "-wal").exists();
    if damages.is_empty() && !is_killed && !has_log && !is_rebuilt {
        remove_own_folder(&chunks);
        if !sum::path(&folder.database()).exists() {
            sum::write(folder)?;
            say("summed: session.db is whole, and has a session.sum".to_owned());
        }
        return Ok(());
    }
    let mut db = begin::open_free(folder).inspect_err(|_| remove_own_folder(&chunks))?;
    let taken = begin::take_up(folder, &mut db)?;
    // The room is needed now, if the disk is full.
    let _ = chunks.remove_temporary(&disk::reserve());
    let reader = Reader::open(folder)?;
    let runs = reader.runs()?;
    let left = match is_killed {
        true => adopt::left_parts(&reader, &chunks)?,
        false => Vec::new(),
    };
    let saved = spans::save(&reader, &chunks, &mut damages)?;
    drop(reader);
    let mut aside = Aside::open(folder)?;
    let mut marks = move_aside(&mut aside, &damages, say)?;
    if is_rebuilt {
        marks.push((Remark::Changed, REBUILT.to_owned()));
    }
    sum::remove(folder)?;
    let rows = Rows {
        runs: &runs,
        left,
        saved,
        damages: &damages,
        marks: &marks,
    };
    let is_one_file = write(folder, &chunks, (db, taken), rows, say)?;
    let _ = chunks.remove_temporary(&disk::full());
    aside.clear_temporary(&chunks, say)?;
    if is_one_file {
        sum::write(folder)?;
    }
    if has_log && !is_killed && is_one_file {
        say("the log of the database was folded in".to_owned());
    }
    drop(lock);
    Ok(())
}

/// Builds all indexes anew from the rows, if the database is whole then; whether it is. Nothing is changed where it is not.
fn rebuilt(folder: &SessionFolder) -> Result<bool, RepairError> {
    let db = begin::open_free(folder)?;
    let path = folder.database().display().to_string();
    let rebuild = || -> rusqlite::Result<bool> {
        db.execute_batch("BEGIN IMMEDIATE")?;
        // An index computes what its expressions say: those of anybody else are not built.
        let is_ours = schema::check(&db, &path).is_ok();
        if is_ours {
            db.execute_batch("REINDEX")?;
        }
        let is_whole = is_ours && is_whole(&db)?;
        db.execute_batch(if is_whole { "COMMIT" } else { "ROLLBACK" })?;
        Ok(is_whole)
    };
    // What cannot be rebuilt is damaged elsewhere, too; closing the connection takes back what was begun.
    Ok(rebuild().unwrap_or(false))
}

fn is_whole(db: &Connection) -> rusqlite::Result<bool> {
    let sql = "PRAGMA integrity_check(1)";
    let said: String = db.query_row(sql, [], |row| row.get(0))?;
    Ok(said == "ok")
}

/// Moves files aside, and returns the marks: kind and detail of rows of `event`.
fn move_aside(
    aside: &mut Aside,
    damages: &[Damage],
    say: &mut dyn FnMut(String),
) -> io::Result<Vec<(Remark, String)>> {
    let mut marks = Vec::new();
    for damage in damages {
        match damage {
            Damage::Chunk(id, path) => {
                if let Some(file) = PlainPath::parse(path) {
                    aside.take_chunk(&file, say)?;
                }
                say(format!("marked as lost: chunks/{path} (body {id})"));
                let detail = serde_json::json!({ "body": id, "path": path });
                marks.push((Remark::Lost, detail.to_string()));
            }
            Damage::Content(id) => {
                say(format!("marked as lost: body {id}, in session.db"));
                marks.push((Remark::Lost, serde_json::json!({ "body": id }).to_string()));
            }
            Damage::Span(id) => {
                say(format!("marked as lost: body {id}, which was in a chunk"));
                marks.push((Remark::Lost, serde_json::json!({ "body": id }).to_string()));
            }
            Damage::Path(id, path) => {
                say(format!(
                    "marked as lost: body {id}, whose path was none of a chunk: {path}"
                ));
                let detail = serde_json::json!({ "body": id, "path": path });
                marks.push((Remark::Lost, detail.to_string()));
            }
            Damage::File(path) => {
                aside.take_chunk(path, say)?;
                marks.push((Remark::MovedAside, format!("chunks/{path}")));
            }
            Damage::Sum => {
                if let Some(sum) = PlainPath::parse("session.sum") {
                    aside.take(&sum, say)?;
                }
                let what = "session.db was changed after its recorder closed it";
                say(format!(
                    "marked: {what}; what it says now is taken as it is"
                ));
                marks.push((Remark::Changed, what.to_owned()));
            }
        }
    }
    Ok(marks)
}

/// What is written.
struct Rows<'a> {
    /// The runs that there are.
    runs: &'a [Run],
    /// What was left of parts of raw streams.
    left: Vec<NewExchange>,
    /// Spans of chunks that are damaged.
    saved: Vec<Saved>,
    damages: &'a [Damage],
    /// Kind and detail.
    marks: &'a [(Remark, String)],
}

/// Brings in what is in the WAL, closes a run that was killed, and notes the marks. Whether it left
/// one database file: others that have it open may prevent that.
fn write(
    folder: &SessionFolder,
    chunks: &ChunkDir,
    (db, taken): (Connection, TakenUp),
    rows: Rows<'_>,
    say: &mut dyn FnMut(String),
) -> Result<bool, RepairError> {
    let Rows {
        runs,
        left,
        saved,
        damages,
        marks,
    } = rows;
    let failed = |source| begin::database_error(folder, source);
    let end_us = runs.last().map_or(0, Run::end_us);
    if taken.is_upgraded {
        say("upgraded: its format is that of this program now".to_owned());
    }
    begin::make_durable(&db, taken.has_others).map_err(failed)?;
    let was_full = disk::was_full(chunks);
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let mut store = Store::new(db, chunks.clone(), zero_us, 1);
    let parts = left.len();
    let mut placed = Vec::new();
    let work = |store: &mut Store| -> rusqlite::Result<usize> {
        store.db.execute_batch("BEGIN IMMEDIATE")?;
        for mut part in left {
            store.exchange(&mut part)?;
        }
        for Saved {
            body,
            resource,
            file,
        } in saved
        {
            placed.push((body, store.saved(body, resource, file)?));
        }
        let closed = begin::close_left(&store.db, was_full)?;
        store.db.execute_batch("DELETE FROM pending")?;
        for damage in damages {
            if let Damage::Path(body, _) = damage {
                give_path(&store.db, *body)?;
            }
        }
        for (kind, detail) in marks {
            store.event(end_us, *kind, detail)?;
        }
        Ok(closed)
    };
    let closed = work(&mut store).map_err(failed)?;
    for (body, path) in placed {
        let path = path?;
        say(format!("saved: body {body}, as chunks/{path}"));
    }
    chunks.sync(&std::mem::take(&mut store.changed))?;
    store.db.execute_batch("COMMIT").map_err(failed)?;
    if parts > 0 {
        say(format!(
            "parts of raw streams that were growing: {parts} taken in"
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

/// A lost body that named what is no chunk gets the path of one, where there is none: readers and recorders
/// take it for any other body that was lost.
fn give_path(db: &Connection, body: i64) -> rusqlite::Result<()> {
    let is_taken =
        "SELECT EXISTS (SELECT 1 FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL)";
    let mut path = format!("lost/{body}");
    for number in 2..=MOST_NAMESAKES {
        if !db.query_row(is_taken, [&path], |row| row.get::<_, bool>(0))? {
            break;
        }
        path = format!("lost/{body}~{number}");
    }
    db.execute("UPDATE body SET path = ?1 WHERE id = ?2", (path, body))?;
    Ok(())
}

/// Makes the database one file; whether that worked. Replayers that see the last run closed let go, other programs may not.
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

/// Removes the folder that was made for the lock, unless there is something in it.
fn remove_own_folder(chunks: &ChunkDir) {
    let _ = chunks.remove_temporary_folder();
}

/// The folder that things are moved to, within that of the session.
struct Aside {
    session: Directory,
    /// Its own name there.
    name: PlainPath,
}

impl Aside {
    fn open(folder: &SessionFolder) -> io::Result<Self> {
        let session = Directory::open(folder.path())?;
        // A file with that name stays, and another name is taken.
        let is_free = |name: &PlainPath| match session.facts(name) {
            Ok(facts) => facts.sort == Sort::Folder,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        let names = numbered(PlainPath::parse(ASIDE));
        let name = names.flatten().find(is_free);
        let name = name.ok_or(io::ErrorKind::AlreadyExists)?;
        Ok(Self { session, name })
    }

    /// Moves what is at a path under `chunks/`, if there is something.
    fn take_chunk(&mut self, path: &PlainPath, say: &mut dyn FnMut(String)) -> io::Result<()> {
        let whole = PlainPath::parse("chunks").and_then(|chunks| chunks.child(path.as_os_str()));
        whole.map_or(Ok(()), |path| self.take(&path, say))
    }

    /// Moves what is at a path of the session, if there is something.
    fn take(&mut self, path: &PlainPath, say: &mut dyn FnMut(String)) -> io::Result<()> {
        match self.session.facts(path) {
            // A path that leads through a link is not the session's.
            Err(error) if is_nowhere(&error) => return Ok(()),
            facts => facts?,
        };
        let wished = self.name.child(path.as_os_str());
        for folder in wished.iter().flat_map(PlainPath::folders) {
            self.session.make_folder(&folder)?;
        }
        for target in numbered(wished).flatten() {
            match self.session.rename_new(path, &self.session, &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                renamed => {
                    renamed?;
                    say(format!("moved aside: {path} to {target}"));
                    return Ok(());
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// What a killed recorder left of downloads.
    fn clear_temporary(
        &mut self,
        chunks: &ChunkDir,
        say: &mut dyn FnMut(String),
    ) -> io::Result<()> {
        let names: Vec<_> = chunks.temporary_entries()?.collect();
        let temporary = PlainPath::parse(TEMPORARY);
        for (name, _) in names {
            if let Some(path) = temporary.as_ref().and_then(|folder| folder.child(name)) {
                self.take_chunk(&path, say)?;
            }
        }
        let _ = chunks.remove_temporary_folder();
        Ok(())
    }
}

/// A path, and then the same with numbers: `a/b`, `a/b~2`, `a/b~3`, …; `None`: it is too long.
fn numbered(path: Option<PlainPath>) -> impl Iterator<Item = Option<PlainPath>> {
    let others = path.clone();
    let with = move |number: u32| {
        let mut text = others.as_ref()?.as_os_str().to_owned();
        text.push(format!("~{number}"));
        PlainPath::parse(text)
    };
    std::iter::once(path).chain((2..=MOST_NAMESAKES).map(with))
}

fn is_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
