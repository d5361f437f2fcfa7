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
