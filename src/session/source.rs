//! Where a session comes from that is not in a folder of this disk: databases are brought when a moment needs them, chunks when
//! they are asked for. Who replays asks by these traits, and knows no store.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::digest::Digest;
use super::error::ReadError;
use super::files::folder::SessionFolder;

/// A file of a session, as its row names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkName {
    /// Beneath `chunks/`.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// Of its content.
    pub sha256: Digest,
}

/// Why something did not come.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// There is nothing of that moment yet, and there may be later: until when there is something, in microseconds of Unix time.
    #[error("nothing of that moment is there yet")]
    NotYet(i64),
    /// There is nothing, and will not be.
    #[error("{0}")]
    Nothing(String),
    /// It is not there as it should be: a later try brings nothing else.
    #[error("{0}")]
    Lost(String),
    /// Where it comes from cannot be asked now, or this disk has no room.
    #[error("{0}")]
    Away(String),
}

impl From<SourceError> for ReadError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Lost(what) | SourceError::Nothing(what) => Self::Lost(what),
            SourceError::NotYet(_) | SourceError::Away(_) => Self::Away(error.to_string()),
        }
    }
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::Away(error.to_string())
    }
}

/// Brings chunks into the folder of a session, whose rows are there.
pub trait Chunks: fmt::Debug + Send + Sync {
    /// Brings a chunk. Then it is at its path, whole, with the content that its row says.
    fn bring(self: Arc<Self>, chunk: ChunkName) -> BoxFuture<'static, Result<(), SourceError>>;

    /// A chunk that is there is being used: it is not the next one to be removed.
    fn used(&self, chunk: &ChunkName);
}

/// A part of a recording as a session on this disk.
#[derive(Debug)]
pub struct OpenVolume {
    /// Its rows. Another folder is another volume, or one of which more is known.
    pub folder: SessionFolder,
    /// It is the one to ask from here on, in microseconds of Unix time.
    pub from_us: i64,
    /// Up to here.
    pub until_us: i64,
    /// What its answers say of later is true up to here.
    pub known_until_us: i64,
    /// Until then that cannot have changed.
    pub fresh_until: Instant,
    /// Its chunks.
    pub chunks: Arc<dyn Chunks>,
    /// As long as it lives, the folder stays.
    pub held: Arc<dyn Any + Send + Sync>,
}

impl OpenVolume {
    /// Whether it answers at a moment, in microseconds of Unix time.
    pub fn contains(&self, moment_us: i64) -> bool {
        (self.from_us..self.until_us).contains(&moment_us)
    }
}

/// Where a recording lies in time, in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Its beginning.
    pub from_us: i64,
    /// Until when there is something.
    pub to_us: i64,
    /// There may be more later.
    pub grows: bool,
}

/// A recording in volumes: several streams, each of its own volumes. All of it blocks, and is asked on threads that may.
pub trait Volumes: fmt::Debug + Send + Sync {
    /// Where it comes from, for people.
    fn shown(&self) -> String;

    /// Names of its streams, in order. There is at least one.
    fn streams(&self) -> Vec<String>;

    /// Where a stream lies in time now.
    ///
    /// # Errors
    /// It cannot be asked, or has nothing.
    fn extent(&self, stream: &str) -> Result<Extent, SourceError>;

    /// The volume that a moment (microseconds of Unix time) of a stream is answered out of.
    ///
    /// # Errors
    /// There is none, or it cannot be brought.
    fn at(&self, stream: &str, moment_us: i64) -> Result<OpenVolume, SourceError>;
}
