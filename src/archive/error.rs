//! Why nothing was archived, checked or fetched.

use std::io;

use super::cursor::CursorError;
use crate::session::ReadError;
use crate::store::{Error as StoreError, Kind};
use crate::upkeep::{ClipError, is_damage};

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
    /// A volume has more than a volume may have: a sentence that says what to do.
    #[error("{0}")]
    TooLarge(String),
    /// A stream can have no folder in an archive: its name.
    #[error("a stream with the name {0:?} can have no folder in an archive")]
    Stream(String),
    /// What the archive has is none of a volume: which object, and why.
    #[error("{0}: {1}")]
    Volume(String, String),
}

impl ArchiveError {
    /// It stays as it is: no later try would have the volume.
    pub(crate) fn is_of_damage(&self) -> bool {
        match self {
            Self::TooLarge(_) | Self::Stream(_) | Self::Volume(..) => true,
            Self::Clip(error) => error.is_of_damage(),
            Self::Read(error) => is_damage(error),
            _ => false,
        }
    }

    /// It says nothing of other volumes and other streams.
    pub(crate) fn is_of_one_volume(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error.trouble, Kind::Wrong | Kind::Other),
            Self::Usage(_) | Self::Cursor(_) => false,
            _ => true,
        }
    }
}
