//! How a run begins: the database is made, or an existing one is taken up again.
//!
//! `docs/design/session.md`, "Runs", says what is put in order then.

use crate::session::model::Remark;
use crate::session::write::rows::EventRow;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::adopt;
use crate::clock::Clock;
use crate::session::database::guarded;
use crate::session::database::guarded::{HowFar, Steps};
use crate::session::database::holders;
use crate::session::database::sum;
use crate::session::database::versions;
use crate::session::database::versions::TakenUp;
use crate::session::error::WriterError;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::SessionFolder;
use crate::session::id::ExchangeId;
use crate::session::model::NewExchange;
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::session::read::sound::{numbers, paths};
use crate::session::write::disk::full as disk;
use crate::session::write::spans::Spans;

/// How long another reader or a checkpoint is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// A look at the lock of a session takes less by far, and so many are waited for.
const LOOK: Duration = Duration::from_millis(10);
const LOOKS: u32 = 100;

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) db: Connection,
    /// Held as long as this run writes.
    pub(crate) lock: File,
    pub(crate) chunks: ChunkDir,
    /// The clock; its start is that of the run.
    pub(crate) clock: Clock,
    pub(crate) zero_us: i64,
    /// Row of `run`.
    pub(crate) run_id: i64,
    /// Greater than those of all runs before.
    pub(crate) first_id: ExchangeId,
    /// All of the database is this run's own, or as its sum says.
    pub(crate) is_covered: bool,
    /// What a killed run left of raw streams, to be written first.
    pub(crate) left: Vec<NewExchange>,
    /// To be renewed for each batch that is written.
    pub(crate) steps: Steps,
    /// Parts and parents that the run before has left.
    pub(crate) spans: Spans,
}

/// Makes the file of a database its owner's alone, as SQLite then makes those beside it: it has keys
/// and tokens in it, and its folder may be opened to others for the sake of the chunks.
fn own_alone(database: &Path) {
    let mut options = OpenOptions::new();
    // What is wrong with the place SQLite says better.
    let _ = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(database);
}

/// Makes the database of a new session. Session zero is the clock's start.
pub(crate) fn create(
    folder: &SessionFolder,
    clock: Clock,
    program: &str,
) -> Result<Begun, WriterError> {
    let (lock, chunks) = lock(folder)?;
    let create = || -> rusqlite::Result<(Connection, i64)> {
        own_alone(&folder.database());
        let db = Connection::open(folder.database())?;
        guarded::compile_once(&db)?;
        db.pragma_update(
            None,
            "application_id",
            crate::session::format::APPLICATION_ID,
        )?;
        db.pragma_update(None, "user_version", crate::session::format::FORMAT_VERSION)?;
        make_durable(&db, false)?;
        db.execute_batch("BEGIN")?;
        db.execute_batch(crate::session::format::SCHEMA)?;
        let run_id = insert_run(&db, clock, program)?;
        db.execute_batch("COMMIT")?;
        Ok((db, run_id))
    };
    let (db, run_id) = create().map_err(|source| database_error(folder, source))?;
    Ok(Begun {
        db,
        lock,
        chunks,
        clock,
        zero_us: clock.started_us(),
        run_id,
        first_id: 1,
        is_covered: true,
        left: Vec::new(),
        steps: Steps::default(),
        spans: Spans::default(),
    })
}

/// Begins the next run of an existing session.
pub(crate) fn resume(
    folder: &SessionFolder,
    clock: Clock,
    program: &str,
) -> Result<Begun, WriterError> {
    // Before SQLite has it open: closing a file of ours would let its locks go.
    let is_covered = sum::covers(folder);
    // Read-only: what is not ours is not even recovered.
    let mut reader = Reader::open(folder)?;
    reader.refuse_shared_pages(HowFar::Some)?;
    let (lock, chunks) = lock(folder)?;
    let mut db = admitted(folder, &reader, &chunks).inspect_err(|_| {
        // It was made for the lock; one that has something in it stays.
        let _ = chunks.remove_temporary_folder();
    })?;
    let taken = take_up(folder, &mut db)?;
    let runs = reader.runs()?;
    let left = adopt::left_parts(&reader, &chunks)?;
    drop(reader);
    let was_full = disk::was_full(&chunks);
    let removed = clear_temporary(&chunks, &adopt::names(&left))?;
    // From now on the database is another than the one that was summed.
    sum::remove(folder)?;
    let wall_us = clock.started_us();
    let ends = runs.iter().map(Run::end_us);
    let clock = clock.not_before(ends.max().unwrap_or(wall_us));
    let notes = notes(&runs, clock, wall_us, (removed, was_full));
    let begin = || -> rusqlite::Result<(Connection, i64, ExchangeId, Spans)> {
        make_durable(&db, taken.has_others)?;
        db.execute_batch("BEGIN IMMEDIATE")?;
        close_left(&db, was_full)?;
        // What was left of a part is pending until its row is there.
        let ids: Vec<ExchangeId> = left.iter().map(|part| part.id).collect();
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        db.execute(
            "DELETE FROM pending WHERE referrer_id NOT IN (SELECT value FROM json_each(?1))",
            [&ids],
        )?;
        let run_id = insert_run(&db, clock, program)?;
        for (kind, detail) in &notes {
            let row = EventRow {
                at_us: clock.started_us(),
                length_us: None,
                kind: (*kind).into(),
                detail,
            };
            row.insert(&db)?;
        }
        let greatest = "SELECT ifnull(max(id), 0) FROM exchange";
        let greatest: ExchangeId = db.query_row(greatest, [], |row| row.get(0))?;
        let spans = Spans::of_session(&db)?;
        let greatest = left.iter().map(|part| part.id).fold(greatest, i64::max);
        db.execute_batch("COMMIT")?;
        Ok((db, run_id, greatest.saturating_add(1), spans))
    };
    let (db, run_id, first_id, spans) = begin().map_err(|source| database_error(folder, source))?;
    for (_, detail) in &notes {
        tracing::info!("{detail}");
    }
    Ok(Begun {
        db,
        lock,
        chunks,
        clock,
        zero_us: runs.first().map_or(wall_us, |run| run.started_us),
        run_id,
        first_id,
        is_covered,
        left,
        steps: taken.steps,
        spans,
    })
}

/// Closes a run that its recorder left open: it was killed, or its disk was full. How many there were.
pub(crate) fn close_left(db: &Connection, was_full: bool) -> rusqlite::Result<usize> {
    let ended = if was_full { "disk full" } else { "killed" };
    let close = "UPDATE run SET stopped_us = seen_us, ended = ?1 WHERE stopped_us IS NULL";
    db.execute(close, [ended])
}

/// Opens the database to be written, if no row of it names a file elsewhere, and there are numbers for those to come.
fn admitted(
    folder: &SessionFolder,
    reader: &Reader,
    chunks: &ChunkDir,
) -> Result<Connection, WriterError> {
    if let Some((body, what)) = paths::first_wrong(reader, chunks)? {
        let path = folder.path().to_owned();
        return Err(WriterError::Path { path, body, what });
    }
    if let Some((table, id)) = numbers::first_wrong(reader)? {
        let path = folder.path().to_owned();
        return Err(WriterError::Number { path, table, id });
    }
    open_free(folder)
}

/// What there is to say about how a run goes on from the one before: rows of `event`.
fn notes(
    runs: &[Run],
    clock: Clock,
    wall_us: i64,
    (removed, was_full): (usize, bool),
) -> Vec<(Remark, String)> {
    let mut notes = Vec::new();
    if let Some(last) = runs.last() {
        let hole_us = clock.started_us().saturating_sub(last.end_us());
        let ended = match last.stopped_us {
            Some(_) => "was stopped",
            None if was_full => {
                "was last known alive; its disk was full, and it could not be closed"
            }
            None => "was last known alive; it was killed",
        };
        let before = runs.len();
        let detail = format!(
            "run {} began {:.3} s after run {before} {ended}",
            before + 1,
            seconds(hole_us)
        );
        notes.push((Remark::Resumed, detail));
    }
    if removed > 0 {
        let detail = format!("unfinished downloads of the run before: {removed}");
        notes.push((Remark::Removed, detail));
    }
    if wall_us < clock.started_us() {
        let detail = format!(
            "the wall clock is {:.3} s behind the run before; the timeline goes on where that ended",
            seconds(clock.started_us().saturating_sub(wall_us))
        );
        notes.push((Remark::ClockBehind, detail));
    }
    notes
}

/// Compares the database of a session that is to be written, and makes it one of the present version.
pub(crate) fn take_up(folder: &SessionFolder, db: &mut Connection) -> Result<TakenUp, WriterError> {
    versions::take_up(db, &folder.database()).map_err(|refused| match refused {
        Ok(altered) => altered.into(),
        Err(source) => database_error(folder, source),
    })
}

/// `has_others`: there are tables that are not ours.
pub(crate) fn make_durable(db: &Connection, has_others: bool) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // For a row that goes SQLite would ask a user's tables that refer to it, too.
    db.pragma_update(None, "foreign_keys", !has_others)?;
    db.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Opens the database to be written once nobody else keeps it locked. Nothing is changed, and nothing can take long
/// until it is taken up.
pub(crate) fn open_free(folder: &SessionFolder) -> Result<Connection, WriterError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let mut db = Connection::open_with_flags(folder.database(), flags)?;
        guarded::restrict(&db)?;
        db.busy_timeout(BUSY)?;
        db.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?;
        guarded::end_early(&mut db)?;
        Ok(db)
    };
    open().map_err(|error| match is_held(&error) {
        true => WriterError::Held {
            path: folder.database(),
            by: holders::who_keeps_locked(folder),
        },
        false => database_error(folder, error),
    })
}

/// Makes one file of a database, unless somebody else has it open: whether it did. Somebody is waited for
/// no longer than the connection's patience.
pub(crate) fn become_one_file(db: &Connection) -> rusqlite::Result<bool> {
    // What hinders it hinders what follows, too.
    let _ = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let mode = db.pragma_update_and_check(None, "journal_mode", "DELETE", |row| {
        row.get::<_, String>(0)
    });
    match mode {
        Ok(mode) => Ok(mode == "delete"),
        Err(error) if is_held(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether an error says that another process has the database locked.
fn is_held(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The row of a run that begins.
fn insert_run(db: &Connection, clock: Clock, program: &str) -> rusqlite::Result<i64> {
    db.execute(
        "INSERT INTO run (started_us, seen_us, program) VALUES (?1, ?1, ?2)",
        params![clock.started_us(), program],
    )?;
    Ok(db.last_insert_rowid())
}

/// One recorder for a session. The database itself is none of the files that are opened:
/// closing one would drop SQLite's own locks.
pub(crate) fn lock(folder: &SessionFolder) -> Result<(File, ChunkDir), WriterError> {
    // What is written and removed there must not be somebody else's.
    let chunks = ChunkDir::to_write(folder.path())?;
    let lock = chunks.own_handle()?;
    match try_lock(&lock) {
        Ok(()) => Ok((lock, chunks)),
        Err(TryLockError::WouldBlock) => Err(WriterError::Busy(folder.path().to_owned())),
        Err(TryLockError::Error(e)) => {
            let shown = chunks.shown().display();
            Err(io::Error::new(e.kind(), format!("{shown}: {e}")).into())
        }
    }
}

/// Who looks whether somebody records shares the lock for a moment; that moment is waited for.
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if lock.try_lock_shared().is_ok() => {}
            done => return done,
        }
        lock.unlock().map_err(TryLockError::Error)?;
        std::thread::sleep(LOOK);
    }
    lock.try_lock()
}

/// Downloads that a recorder left unfinished, but for those of these names: how many.
fn clear_temporary(chunks: &ChunkDir, kept: &[String]) -> io::Result<usize> {
    let mut removed = 0;
    for (name, _) in chunks.temporary_entries()? {
        if kept.iter().any(|kept| name == kept.as_str()) {
            continue;
        }
        chunks.sweep(&name)?;
        removed += usize::from(!disk::is_reserve(&name));
    }
    Ok(removed)
}

pub(crate) fn database_error(folder: &SessionFolder, source: rusqlite::Error) -> WriterError {
    WriterError::Database {
        path: folder.database().display().to_string(),
        source,
    }
}

/// Numbers of this size are exact to the microsecond.
#[allow(clippy::cast_precision_loss)]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn who_looks_whether_somebody_records_stops_nobody_from_recording() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = crate::session::Sessions::new(temporary.path())
            .create(Some("s"))
            .unwrap();
        drop(lock(&folder).unwrap());
        let chunks = ChunkDir::of_session(folder.path()).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let look = || {
                while !over.load(Ordering::Relaxed) {
                    chunks.is_locked().unwrap();
                }
            };
            scope.spawn(look);
            let taken: Vec<bool> = (0..200).map(|_| lock(&folder).is_ok()).collect();
            over.store(true, Ordering::Relaxed);
            assert_eq!(taken, [true; 200]);
        });
        let held = lock(&folder).unwrap();
        assert!(chunks.is_locked().unwrap());
        assert!(matches!(lock(&folder), Err(WriterError::Busy(_))));
        drop(held);
        assert!(!chunks.is_locked().unwrap());
    }

    #[test]
    fn statements_of_a_new_session_are_compiled_once() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = crate::session::Sessions::new(temporary.path())
            .create(Some("s"))
            .unwrap();
        let begun = create(&folder, Clock::start(), "test").unwrap();
        let sql = "SELECT id FROM exchange WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = begun.db.prepare(sql).unwrap();
        for most in [1, 2, 3] {
            assert!(!statement.exists((0, most)).unwrap());
        }
        let again = statement.get_status(rusqlite::StatementStatus::RePrepare);
        assert_eq!(again, 0);
    }
}
