//! What a redaction did, and why it may fail.

use super::secrets::secret::What;
use crate::session::error::{ReadError, what_to_do};
use crate::session::files::folder::FolderError;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

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
    #[error("{path}: {source}{}", what_to_do(source))]
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
    #[error("chunks/{path} has {size} bytes; texts and encoded bodies of up to {most} bytes can be redacted", most = LARGEST_TEXT)]
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
    /// There are too many secrets to search for.
    #[error("there are too many secrets to search for: {0}")]
    TooMany(String),
    /// The operating system gives no random numbers.
    #[error("no random numbers: {0}")]
    Chance(String),
}

/// What a redaction did.
#[derive(Debug, Clone, Default)]
pub struct Redacted {
    /// Where the copy is.
    pub folder: PathBuf,
    /// How many different ones were found of each sort, and in how many places they were replaced.
    pub replaced: BTreeMap<What, (u64, u64)>,
    /// Keys that became zeros, with what was answered in their place.
    pub keys: u64,
    /// Keys that are in the copy as they were.
    pub kept_keys: u64,
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
    /// Parts of raw streams that a killed recorder left unfinished: not copied.
    pub unfinished: u64,
}

/// Larger texts cannot be redacted, in bytes.
pub(super) const LARGEST_TEXT: u64 = 64 * 1024 * 1024;
