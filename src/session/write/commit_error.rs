//! Why a transaction failed, and whether it is worth another try.

use rusqlite::ErrorCode;

use crate::session::chunks;

/// What refused.
pub(super) enum CommitError {
    Database(rusqlite::Error),
    Io(std::io::Error),
}

impl CommitError {
    /// There may be room later, or a descriptor.
    pub(super) fn may_pass(&self) -> bool {
        self.is_full_disk()
            || matches!(self, Self::Io(error) if chunks::is_out_of_descriptors(error))
    }

    /// There may be room later.
    pub(super) fn is_full_disk(&self) -> bool {
        match self {
            Self::Database(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            Self::Io(error) => matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ),
        }
    }
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<std::io::Error> for CommitError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
