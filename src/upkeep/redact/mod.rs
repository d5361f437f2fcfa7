//! A copy of a session to share: secrets replaced by pseudonyms, with the same timeline.
//!
//! Everything is read twice: first what is a secret is noted (`Book`), then rows and files are written
//! anew with pseudonyms in place of secrets. Nothing is ever deleted in the copy, so that no free page
//! has what was there before. At last the copy is searched for every secret; it becomes a
//! session only when none is found. `docs/design/redact.md` has the reasons.

use self::outcome::{RedactError, Redacted};
use std::fs::File;
use std::fs::TryLockError;
use std::time::Duration;

use self::book::pseudonyms::Book;
use crate::session::database::guarded::HowFar;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::{FolderError, SessionFolder, Sessions};
use crate::session::read::reader::Reader;
use crate::upkeep::copied;

mod bodies;
mod body_writer;
mod book;
mod columns;
pub(crate) mod outcome;
mod secrets;
mod wrapped;

mod exchanges;

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
        Err(FolderError::Exists { path, .. }) if copied::is_begun(&path) => {
            return Err(RedactError::Begun(path));
        }
        target => target?,
    };
    let done = write(source, &reader, &target, &rules, &mut book);
    if done.is_err() {
        copied::discard(&target);
    }
    done
}

fn write(
    source: &SessionFolder,
    reader: &Reader,
    target: &SessionFolder,
    rules: &Rules,
    book: &mut Book,
) -> Result<Redacted, RedactError> {
    let building = copied::building(target);
    let failed = |source| RedactError::Database {
        path: building.display().to_string(),
        source,
    };
    let mut done = Redacted {
        folder: target.path().to_owned(),
        ..Redacted::default()
    };
    let db = copied::new_database(&building).map_err(failed)?;
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
    copied::finish(source, target)?;
    done.kept_keys += book.kept_keys();
    Ok(done)
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
