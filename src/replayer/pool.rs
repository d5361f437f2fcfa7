//! Readers of the session, for blocking threads.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::session::{ReadError, Reader, SessionFolder};

/// Queries that run at once; more would wait for the disk anyway.
const MOST_READERS: usize = 8;

/// A few readers that are opened when needed and kept.
#[derive(Debug)]
pub(super) struct Pool {
    folder: SessionFolder,
    idle: Mutex<Idle>,
    slots: Semaphore,
}

#[derive(Debug)]
struct Idle {
    readers: Vec<Reader>,
    keep: bool,
    /// For good: whatever is said of keeping.
    has_let_go: bool,
}

impl Pool {
    /// Opens the first reader.
    pub(super) fn open(folder: SessionFolder) -> Result<Self, ReadError> {
        let readers = vec![Reader::open(&folder)?];
        let idle = Mutex::new(Idle {
            readers,
            keep: true,
            has_let_go: false,
        });
        Ok(Self {
            folder,
            idle,
            slots: Semaphore::new(MOST_READERS),
        })
    }

    /// Does a job with a reader, on this thread.
    pub(super) fn with<T>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle().readers.pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.folder)?,
        };
        let done = job(&reader);
        let mut idle = self.idle();
        if idle.keep && !idle.has_let_go {
            idle.readers.push(reader);
        }
        done
    }

    /// Waits until a reader may be used.
    pub(super) async fn slot(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // It is never closed.
        self.slots.acquire().await.ok()
    }

    /// Whether readers are kept open between jobs. Where not, those that are idle are closed
    /// now: a recorder or a repair is waiting for that to make the database one file.
    pub(super) fn keep(&self, keep: bool) {
        let mut idle = self.idle();
        idle.keep = keep;
        if !keep {
            idle.readers.clear();
        }
    }

    /// From now on none is kept, whatever is said.
    pub(super) fn let_go(&self) {
        self.idle().has_let_go = true;
        self.keep(false);
    }

    /// A job that panicked holds no lock; the list is whole in any case.
    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
