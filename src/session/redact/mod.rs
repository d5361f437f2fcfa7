//! A copy of a session to share: secrets replaced by pseudonyms, with the same timeline.
//!
//! Everything is read twice: first what is a secret is noted (`Book`), then rows and files are written
//! anew with pseudonyms in place of secrets. Nothing is ever deleted in the copy, so that no free page
//! has what was there before. At last the copy is searched for every secret; it becomes a
//! session only when none is found. `docs/design/redact.md` has the reasons.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::chunk_dir::{ChunkDir, TEMPORARY};
use super::find;
use super::folder::{FolderError, SessionFolder, Sessions};
use super::guarded::HowFar;
use super::read::{self, ReadError, Reader};
use book::Book;

mod bodies;
mod book;
mod dictionary;
mod exchanges;
mod fingerprint;
mod folders;
mod hosts;
mod lexical;
mod look;
mod note;
mod ordinary;
mod places;
mod playlist;
mod pseudonym;
mod register;
mod rows;
mod search;
mod secret;
mod spelling;
mod starts;
mod variables;
mod views;

pub use secret::{Rules, What};

/// Why there is no redacted copy.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The session cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is being recorded.
    #[error("{path} is being recorded; stop its recorder first, or redact it when it has ended", path = .0.display())]
    Recording(PathBuf),
    /// The copy's folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A copy of this name was interrupted. Its folder.
    #[error("{path} has a copy that was interrupted: it was not searched, and secrets may be in it; remove that folder (rm -r), then try again", path = .0.display())]
    Begun(PathBuf),
    /// The session's database, or that of the copy.
    #[error("{path}: {source}{}", read::what_to_do(source))]
    Database {
        /// Which.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file of the session, or of the copy.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A text is too large to be searched.
    #[error("chunks/{path} has {size} bytes; texts and encoded bodies of up to {most} bytes can be redacted", most = bodies::LARGEST_TEXT)]
    TooLarge {
        /// Which.
        path: String,
        /// Bytes.
        size: u64,
    },
    /// A secret was found in the copy.
    #[error(
        "a secret was left in {place} of the copy, which was removed; this is a fault of this program"
    )]
    Left {
        /// Where.
        place: String,
    },
    /// What is to be replaced is in every session. Which of the secrets, from 1.
    #[error(
        "secret number {0} of those that were named is in what every copy has as it is (its schema, names of header fields, the program's own words), so that it cannot be replaced everywhere; take it out of the list, or name more of what is around it"
    )]
    Fixed(usize),
    /// There is too much to be sought.
    #[error("there are too many secrets to search for: {0}")]
    TooMany(String),
    /// The operating system has no chance to give.
    #[error("no random numbers: {0}")]
    Chance(String),
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Redacted {
    /// Where the copy is.
    pub folder: PathBuf,
    /// How many different ones were found of each sort, and in how many places they were replaced.
    pub replaced: BTreeMap<What, (u64, u64)>,
    /// Keys that became zeros.
    pub keys: u64,
    /// Bodies that became zeros, since they are in a content coding in which nothing can be sought.
    pub encoded: u64,
    /// Chunks that are no text, and so copied as they are.
    pub media: u64,
    /// Those of them that have a secret in them: how many, and one of them, as its path in the copy.
    pub media_with_secrets: (u64, Option<String>),
    /// Texts among the chunks.
    pub texts: u64,
    /// Those of the replaced that were replaced where they stood only: too short or too ordinary to be sought.
    pub not_sought: u64,
    /// Folders in URLs of the copy, some of them by name, and how many others there are.
    pub kept_folders: (Vec<String>, u64),
    /// Parts of plain streams that a killed recorder left unfinished: not copied.
    pub unfinished: u64,
}

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
    let done = write(&reader, &target, &rules, &mut book);
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
    find::note_all(&db).map_err(failed)?;
    let sizes = bodies::copy(reader, &db, target, rules, book, &mut done)?;
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
    super::sum::write(target)?;
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
    db.pragma_update(None, "application_id", super::APPLICATION_ID)?;
    db.pragma_update(None, "user_version", super::FORMAT_VERSION)?;
    db.execute_batch(super::SCHEMA)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// No recorder begins on it meanwhile.
fn lock(source: &SessionFolder) -> Result<Option<File>, RedactError> {
    let chunks = ChunkDir::of_session(source.path()).and_then(|chunks| chunks.own_handle());
    let Ok(chunks) = chunks else {
        // A session without chunks is read as such.
        return Ok(None);
    };
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
