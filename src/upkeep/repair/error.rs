//! Why a repair may fail.

use crate::session::error::ReadError;
use crate::session::error::WriterError;
use std::io;

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The database itself is damaged, or is none of ours.
    #[error(
        "{0} cannot be repaired, nothing was touched: its database is damaged or was altered; `sqlite3 session.db .recover` may save a part"
    )]
    Beyond(String),
    /// It is being recorded, another program keeps it locked, or it cannot be written.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}
