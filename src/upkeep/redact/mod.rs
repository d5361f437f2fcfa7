//! A copy of a session to share: secrets replaced by pseudonyms, with the same timeline.
//!
//! Everything is read twice: first what is a secret is noted (`Book`), then rows and files are written
//! anew with pseudonyms in place of secrets. Nothing is ever deleted in the copy, so that no free page
//! has what was there before. At last the copy is searched for every secret; it becomes a
//! session only when none is found. `docs/design/redact.md` has the reasons.

use self::outcome::{RedactError, Redacted};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use self::book::pseudonyms::Book;
use crate::session::database::guarded::HowFar;
use crate::session::files::chunk_dir::{ChunkDir, TEMPORARY};
use crate::session::files::folder::{FolderError, SessionFolder, Sessions};
use crate::session::read::reader::Reader;

mod bodies;
mod body_writer;
mod book;
mod columns;
pub(crate) mod outcome;
mod secrets;
mod wrapped;

mod exchanges;
mod modes;

mod note;

mod rows;
mod search;

pub use self::secrets::secret::{Rules, What};

/// Makes a redacted copy of a session as a new session `name` in `sessions`.
///
/// # Errors
/// The session cannot be read or is being recorded, the name is taken, the disk is full, or a secret was
/// found in the copy. There is no copy then.
pub fn redact(
    source: &SessionFolder,
    sessions: &Sessions,
    name: &str,
    rules: Rules,
) -> Result<Redacted, RedactError> {
    let mut reader = Reader::open(source)?;
    reader.refuse_shared_pages(HowFar::All)?;
    let _lock = lock(source)?;
    let mut book = Book::new(rules.clone(), seed()?);
    note::note(&reader, &rules, &mut book)?;
    if let Some(number) = book.fixed_secret() {
        return Err(RedactError::Fixed(number));
    }
    book.seal().map_err(RedactError::TooMany)?;
    let target = match sessions.create(Some(name)) {
        Err(FolderError::Exists { path, .. }) if is_begun(&path) => {
            return Err(RedactError::Begun(path));
        }
        target => target?,
    };
    let done = write(source, &reader, &target, &rules, &mut book);
    if done.is_err() {
        // It was made here, exclusively. What cannot be removed has no session.db and is no session.
        let _ = fs::remove_dir_all(target.path());
    }
    done
}

/// Whether a folder has a copy that was never finished.
fn is_begun(folder: &Path) -> bool {
    let building = folder.join("chunks").join(TEMPORARY).join("session.db");
    !folder.join("session.db").exists() && building.exists()
}

fn write(
    source: &SessionFolder,
    reader: &Reader,
    target: &SessionFolder,
    rules: &Rules,
    book: &mut Book,
) -> Result<Redacted, RedactError> {
    let temporary = target.chunks().join(TEMPORARY);
    let building = temporary.join("session.db");
    let failed = |source| RedactError::Database {
        path: building.display().to_string(),
        source,
    };
    let mut done = Redacted {
        folder: target.path().to_owned(),
        ..Redacted::default()
    };
    let db = new_database(&building).map_err(failed)?;
    db.execute_batch("BEGIN").map_err(failed)?;
    rows::copy(reader, &db, book, &mut done)?;
    crate::session::database::spellings::note_all(&db).map_err(failed)?;
    let sizes = body_writer::copy(reader, &db, target, rules, book, &mut done)?;
    exchanges::copy(reader, &db, &sizes, rules, book)?;
    db.execute_batch("COMMIT").map_err(failed)?;
    db.close().map_err(|(_, source)| failed(source))?;
    done.replaced = book.counts();
    done.not_sought = book.not_sought();
    done.kept_folders = book.kept_folders();
    search::search(&building, target, book)?;
    // Only what is whole becomes a session.
    File::open(&building)?.sync_all()?;
    fs::rename(&building, target.database())?;
    fs::remove_dir(&temporary)?;
    crate::session::database::sum::write(target)?;
    done.kept_keys += book.kept_keys();
    // Who could read the session may read the copy; where modes cannot be set it stays its owner's.
    let _ = modes::copy(source, target);
    make_durable(&File::open(target.path())?)?;
    Ok(done)
}

/// All files at once, where the system has a call for that.
fn make_durable(folder: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(folder)?;
    folder.sync_all()
}

/// The copy's database, that of a stopped session.
fn new_database(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    // It is no session before it is whole, so that a crash needs no journal.
    db.pragma_update(None, "journal_mode", "OFF")?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(
        None,
        "application_id",
        crate::session::format::APPLICATION_ID,
    )?;
    db.pragma_update(None, "user_version", crate::session::format::FORMAT_VERSION)?;
    db.execute_batch(crate::session::format::SCHEMA)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// A lock that somebody holds is looked at again so often, after so long.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(25);

/// No recorder begins on it meanwhile.
fn lock(source: &SessionFolder) -> Result<Option<File>, RedactError> {
    let chunks = ChunkDir::of_session(source.path()).and_then(|chunks| chunks.own_handle());
    let Ok(chunks) = chunks else {
        // A session without chunks is read as such.
        return Ok(None);
    };
    // A recorder that was killed just now may be a moment from letting go of it.
    for _ in 0..LOOKS {
        if !matches!(chunks.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(LOOK);
    }
    match chunks.try_lock_shared() {
        Ok(()) => Ok(Some(chunks)),
        Err(TryLockError::WouldBlock) => Err(RedactError::Recording(source.path().to_owned())),
        // A file system without locks has no recorder that holds one.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

fn seed() -> Result<[u8; 32], RedactError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| RedactError::Chance(error.to_string()))?;
    Ok(seed)
}

#[cfg(test)]
mod tests;
