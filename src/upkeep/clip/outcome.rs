//! What a clip has, and why there may be none.

use std::io;
use std::path::PathBuf;

use crate::session::error::{ReadError, what_to_do};
use crate::session::files::folder::FolderError;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The session has no such span or stream: what to do, in a sentence.
    #[error("{0}")]
    Wanted(String),
    /// The session cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The clip's folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A clip of this name was interrupted. Its folder.
    #[error("{path} has a copy that was interrupted; remove that folder (rm -r), then try again", path = .0.display())]
    Begun(PathBuf),
    /// The database of the clip.
    #[error("{path}: {source}{}", what_to_do(source))]
    Database {
        /// Which.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file of the clip.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The recorder removed the beginning of the span meanwhile.
    #[error(
        "the recorder removed what was before --from while it was being copied (--keep); choose a later --from"
    )]
    Gone,
}

/// What a clip has.
#[derive(Debug, Clone, Default)]
pub struct Clipped {
    /// Where it is.
    pub folder: PathBuf,
    /// Which span of which session it is, in a sentence.
    pub origin: String,
    /// Requests and what came of them.
    pub exchanges: u64,
    /// Of these, those of before the span.
    pub before: u64,
    /// Chunk files.
    pub chunks: u64,
    /// Bytes of these.
    pub chunk_bytes: u64,
    /// Bytes of `session.db`.
    pub database_bytes: u64,
    /// Bodies that the session names and has not any more.
    pub lost: u64,
    /// What was listed by the end of the span and had not come ten seconds later.
    pub not_landed: u64,
    /// Parts of raw streams that are still being recorded: not in the clip.
    pub growing: u64,
}

#[cfg(feature = "archive")]
impl ClipError {
    /// It stays as it is: the session is damaged there, and no later try would have it.
    pub(crate) fn is_of_damage(&self) -> bool {
        match self {
            Self::Read(error) => is_damage(error),
            Self::Database { source, .. } => is_corrupt(source),
            _ => false,
        }
    }
}

/// Whether a session is damaged, and not only to be had for now.
#[cfg(feature = "archive")]
pub(crate) fn is_damage(error: &ReadError) -> bool {
    match error {
        ReadError::Altered { .. } | ReadError::Lost(_) => true,
        ReadError::Database { source, .. } => is_corrupt(source),
        _ => false,
    }
}

/// Rows that cannot be read, or are none that this program writes.
#[cfg(feature = "archive")]
fn is_corrupt(error: &rusqlite::Error) -> bool {
    use rusqlite::{Error as E, ErrorCode};
    match error {
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::Utf8Error(..) => true,
        error => matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ConstraintViolation
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::TooBig
                    | ErrorCode::TypeMismatch
            )
        ),
    }
}

#[cfg(all(test, feature = "archive"))]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_stays_as_it_is_is_damage() {
        for (code, stays) in [
            (ffi::SQLITE_CORRUPT, true),
            (ffi::SQLITE_NOTADB, true),
            (ffi::SQLITE_BUSY, false),
            (ffi::SQLITE_FULL, false),
            (ffi::SQLITE_IOERR, false),
            (ffi::SQLITE_CANTOPEN, false),
        ] {
            let source = || rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let path = "session.db".to_owned();
            let read = ReadError::Database {
                path: path.clone(),
                source: source(),
                hint: "",
            };
            let written = ClipError::Database {
                path,
                source: source(),
            };
            assert_eq!((is_damage(&read), written.is_of_damage()), (stays, stays));
        }
        assert!(is_damage(&ReadError::Lost("x".to_owned())));
        assert!(!is_damage(&std::io::Error::other("x").into()));
    }
}
