//! The database of a session opened for reading, when a stranger may have made it.
//!
//! Only regular files of the folder itself are opened, nothing is written, and a query that
//! takes more steps than a database of that size can need is ended. What may be asked is decided by `authorize`.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{CachedStatement, Connection, OpenFlags, Transaction};

pub(crate) use self::pages::HowFar;
use super::sum;
use crate::clock;
use crate::session::error::ReadError;
use crate::session::files::folder::SessionFolder;

mod authorize;
mod pages;
#[cfg(test)]
mod tests;

/// Another process is waited for so long.
const BUSY: Duration = Duration::from_secs(5);
/// Bodies that are kept in the database are no larger, in bytes.
pub const LARGEST_IN_DATABASE: u64 = 60 * 1024 * 1024;
/// Values and rows larger than this are not read, in bytes.
const LARGEST_VALUE: i32 = 64 * 1024 * 1024;
/// The text of a statement, in bytes.
const LONGEST_STATEMENT: i32 = 256 * 1024;
/// Steps of SQLite's machine between two looks.
const STEPS: u64 = 1000;
/// Steps that a query may take in any database: a fraction of a second.
const FEWEST_STEPS: u64 = 20_000_000;
/// And for each byte of it. The costliest query looks at each row a few times; a row has
/// at least twenty bytes, a look at one takes less than a hundred steps.
const STEPS_PER_BYTE: u64 = 32;

/// What a query hands over at once has so many bytes at most, or a few times what the database has.
const MOST_LISTED: u64 = 256 * 1024 * 1024;
const LISTED_PER_BYTE: u64 = 4;

/// As long as the schema has not been compared: the text of an entry, or a value, in bytes. Ours are of 5 KB. SQLite
/// reads statistics as it loads a schema; what a column of theirs says is computed then, in one step.
const LARGEST_OF_SCHEMA: i32 = 32 * 1024;
/// Entries of a schema; ours has less than fifty.
const MOST_ENTRIES: i32 = 2000;
/// Columns of a table, and of a result.
const MOST_COLUMNS: i32 = 100;
/// Steps between two looks then; one may take a hundredth of a second.
const STEPS_OF_SCHEMA: u64 = 20;
/// Steps until a schema has been compared. A few hundred are needed, for a user's tables and statistics more.
const MOST_STEPS_OF_SCHEMA: u64 = 200_000;
/// And time: a few milliseconds are needed.
const LONGEST_LOAD: Duration = Duration::from_secs(3);

/// Files that SQLite would open by itself.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// A connection that reads.
#[derive(Debug)]
pub(crate) struct Guarded {
    db: Connection,
    database: PathBuf,
    /// Of the query that runs.
    steps: Steps,
}

/// Steps of SQLite's machine that a connection has taken; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps(Arc<AtomicU64>);

impl Steps {
    /// From now on as many as ever may be taken.
    pub(crate) fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Ends what takes more than a database of that size can need.
    fn count(&self, db: &mut Connection, database: &Path) -> rusqlite::Result<()> {
        let (counted, grown) = (Arc::clone(&self.0), database.to_owned());
        let mut most = FEWEST_STEPS;
        let is_over = move || {
            let spent = counted.fetch_add(STEPS, Ordering::Relaxed);
            // One that is being recorded grows.
            if spent > most {
                most = most_steps(&grown);
            }
            spent > most
        };
        db.progress_handler(i32::try_from(STEPS).unwrap_or(i32::MAX), Some(is_over))
    }
}

impl Guarded {
    /// Opens the database of a session; nothing has been asked of it yet, and only its schema can be, until
    /// [`Self::schema_is_ours`].
    pub(crate) fn open(folder: &SessionFolder) -> Result<Self, ReadError> {
        // SQLite takes a path that begins with `file:` for something else than a path.
        let place = fs::canonicalize(folder.path()).map_err(|e| with_path(folder.path(), &e))?;
        let database = place.join("session.db");
        own_files(&database)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let open = || -> rusqlite::Result<Connection> {
            let mut db = Connection::open_with_flags(&database, flags)?;
            restrict(&db)?;
            end_early(&mut db)?;
            db.authorizer(Some(|asked: AuthContext<'_>| {
                granted(authorize::schema(asked.action))
            }))?;
            Ok(db)
        };
        let db = open().map_err(|source| ReadError::database(&folder.database(), source))?;
        Ok(Self {
            db,
            database,
            steps: Steps::default(),
        })
    }

    /// From now on our own `tables` can be asked; `prepare` gets the connection before.
    pub(crate) fn schema_is_ours(
        &mut self,
        tables: Vec<&'static str>,
        prepare: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        self.db
            .authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        widen(&self.db)?;
        prepare(&self.db)?;
        self.steps.count(&mut self.db, &self.database)?;
        self.db.authorizer(Some(move |asked: AuthContext<'_>| {
            granted(authorize::reading(asked.action, &tables))
        }))
    }

    /// A query, which may take its steps from now on.
    pub(crate) fn prepare_cached(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.fresh();
        self.db.prepare_cached(sql)
    }

    /// The query that runs may take as many steps again: it has come to another row.
    pub(crate) fn fresh(&self) {
        self.steps.renew();
    }

    /// Bytes of all rows that a query hands over at once: texts whose pages go round in a circle cost nobody a file of that size.
    pub(crate) fn most_listed(&self) -> u64 {
        let by_size = size(&self.database).saturating_mul(LISTED_PER_BYTE);
        MOST_LISTED.max(by_size)
    }

    /// A page that is in two places, in a sentence; `None`: there is none, or none within reach. Each page is read once,
    /// whatever it says. `tables`: only these.
    pub(crate) fn fault_of_pages(
        &mut self,
        tables: Option<Vec<&'static str>>,
        how_far: HowFar,
    ) -> rusqlite::Result<Option<String>> {
        let found = pages::first_fault(&mut self.db, tables, how_far);
        self.steps.count(&mut self.db, &self.database)?;
        found
    }

    /// One view of the database for several queries.
    pub(crate) fn transaction(&self) -> rusqlite::Result<Transaction<'_>> {
        self.db.unchecked_transaction()
    }

    /// For what counts the steps of queries.
    #[cfg(test)]
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// For what looks at all of it; its queries share their steps.
    pub(crate) fn connection(&self) -> &Connection {
        self.fresh();
        &self.db
    }
}

/// A statement is compiled once. Otherwise SQLite does it again whenever a value is bound that might have led to
/// another plan, such as that of a LIMIT: most of our queries cost several times as much.
pub(crate) fn compile_once(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Nothing that the database says makes SQLite do more than read its own rows, and no single step of that is long.
/// Where it is to be written, too, until its schema has been compared.
pub(crate) fn restrict(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // Temporary ones are ours, and go on.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        // What is quoted is a name, never a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        db.set_db_config(setting, is_on)?;
    }
    compile_once(db)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, LARGEST_OF_SCHEMA),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, LARGEST_OF_SCHEMA),
        (Limit::SQLITE_LIMIT_SCHEMA, MOST_ENTRIES),
        (Limit::SQLITE_LIMIT_COLUMN, MOST_COLUMNS),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        db.set_limit(limit, most)?;
    }
    db.pragma_update(None, "mmap_size", 0)?;
    // Cells that lie outside their page are found when the page is read, not when they are used.
    db.pragma_update(None, "cell_size_check", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The schema of a database that is to be written is ours: values may be as large as bodies are. What follows shares
/// the steps that come back, until they are renewed.
pub(crate) fn trust(db: &mut Connection, database: &Path) -> rusqlite::Result<Steps> {
    widen(db)?;
    let steps = Steps::default();
    steps.count(db, database)?;
    Ok(steps)
}

fn widen(db: &Connection) -> rusqlite::Result<()> {
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST_VALUE)?;
    db.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, LONGEST_STATEMENT)?;
    Ok(())
}

/// Ends what takes longer than any schema needs to be loaded and compared.
pub(crate) fn end_early(db: &mut Connection) -> rusqlite::Result<()> {
    // From the first steps on: before, others may have been waited for.
    let mut latest = None;
    let mut spent = 0;
    let is_over = move || {
        let latest = *latest.get_or_insert_with(|| clock::instant() + LONGEST_LOAD);
        spent += STEPS_OF_SCHEMA;
        spent > MOST_STEPS_OF_SCHEMA || clock::instant() > latest
    };
    let every = i32::try_from(STEPS_OF_SCHEMA).unwrap_or(i32::MAX);
    db.progress_handler(every, Some(is_over))
}

fn granted(is: bool) -> Authorization {
    match is {
        true => Authorization::Allow,
        false => Authorization::Deny,
    }
}

/// Steps that a query may take.
fn most_steps(database: &Path) -> u64 {
    FEWEST_STEPS.saturating_add(size(database).saturating_mul(STEPS_PER_BYTE))
}

/// Bytes of a database and its log.
fn size(database: &Path) -> u64 {
    let files = [database.to_owned(), path_beside(database, "-wal")];
    let sizes = files.iter().filter_map(|path| path.metadata().ok());
    sizes.map(|facts| facts.len()).sum()
}

/// Refuses what is no file of the session's own.
fn own_files(database: &Path) -> Result<(), ReadError> {
    if !is_there(database)? {
        return Err(with_path(database, &io::ErrorKind::NotFound.into()).into());
    }
    let wal = path_beside(database, "-wal");
    for suffix in BESIDE {
        is_there(&path_beside(database, suffix))?;
    }
    no_file_of_others(&path_beside(database, "-journal"))?;
    // The sum is there from when the WAL is gone until before there is one again.
    if wal.exists() && sum::path(database).exists() && wal.exists() {
        return Err(ReadError::Altered {
            path: wal.display().to_string(),
            what: "the session was stopped and has no such file; move it away".to_owned(),
        });
    }
    Ok(())
}

/// Refuses a journal that names a file (of changes to several databases at once; ours are alone): as it brings such a
/// journal in, SQLite removes that file, wherever it is.
fn no_file_of_others(journal: &Path) -> Result<(), ReadError> {
    /// What a journal ends with then.
    const END: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut file = match fs::File::open(journal) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(with_path(journal, &error).into()),
    };
    let mut end = [0; END.len()];
    let is_whole = file
        .seek(SeekFrom::End(-8))
        .and_then(|_| file.read_exact(&mut end));
    match is_whole.is_ok() && end == END {
        true => Err(ReadError::Altered {
            path: journal.display().to_string(),
            what: "it names a file that would be removed; move it away".to_owned(),
        }),
        false => Ok(()),
    }
}

/// Whether there is a file; what is there and no file is an error.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_file() => Ok(true),
        Ok(_) => {
            let what = format!("{} is no regular file", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(with_path(path, &error)),
    }
}

/// A file that SQLite keeps beside a database.
pub(crate) fn path_beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
