//! Why a transaction failed, and whether it is worth another try.

use crate::session::files::chunks;
use crate::session::files::room::is_full;
use crate::session::write::disk::full::Disk;

/// What refused.
pub(crate) enum CommitError {
    Database(rusqlite::Error),
    Io(std::io::Error),
}

impl CommitError {
    /// There may be a descriptor later.
    pub(crate) fn lacks_descriptors(&self) -> bool {
        matches!(self, Self::Io(error) if chunks::is_out_of_descriptors(error))
    }

    /// There may be room later.
    pub(crate) fn is_full_disk(&self, disk: &Disk) -> bool {
        match self {
            Self::Database(error) => disk.is_to_blame(error),
            Self::Io(error) => is_full(error),
        }
    }
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // What was found on the way to the rows (`store/files.rs`).
            rusqlite::Error::ToSqlConversionFailure(inner) => match inner.downcast() {
                Ok(error) => Self::Io(*error),
                Err(inner) => Self::Database(rusqlite::Error::ToSqlConversionFailure(inner)),
            },
            error => Self::Database(error),
        }
    }
}

impl From<std::io::Error> for CommitError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
