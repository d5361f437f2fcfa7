//! Why nothing was archived, checked or fetched.

use std::io;

use super::cursor::CursorError;
use crate::session::ReadError;
use crate::store::Error as StoreError;
use crate::upkeep::ClipError;

/// Why nothing was archived, checked or fetched.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What was asked for cannot be: a sentence that says what to do.
    #[error("{0}")]
    Usage(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A span of the session.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// The session cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is beside the session's database.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A file on the way.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What the archive has is none of a volume: which object, and why.
    #[error("{0}: {1}")]
    Volume(String, String),
}

impl ArchiveError {
    /// The session itself is damaged where the volume is: no later try would have it.
    pub(crate) fn is_of_damage(&self) -> bool {
        let read = match self {
            Self::Clip(ClipError::Read(read)) | Self::Read(read) => read,
            _ => return false,
        };
        matches!(read, ReadError::Altered { .. } | ReadError::Lost(_))
    }
}
