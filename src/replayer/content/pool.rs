//! Readers of the session, for blocking threads.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::session::{ReadError, Reader, SessionFolder};

/// Queries that run at once; more would wait for the disk anyway.
const MOST_READERS: usize = 8;

/// A few readers, opened when needed.
#[derive(Debug)]
pub(crate) struct Pool {
    folder: SessionFolder,
    idle: Mutex<Idle>,
    slots: Semaphore,
    /// How often a job read.
    #[cfg(test)]
    reads: std::sync::atomic::AtomicUsize,
}

#[derive(Debug)]
struct Idle {
    readers: Vec<Reader>,
    /// The reader whose version is watched, and its number: another reader would count otherwise.
    watcher: Option<(u64, Reader)>,
    /// So many watchers were opened.
    watchers: u64,
    keep: bool,
    /// No reader stays open any more, whatever `keep` is.
    has_let_go: bool,
}

/// What the session has in its database: another one after each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version(u64, i64);

impl Pool {
    /// Opens the first reader.
    pub(crate) fn open(folder: SessionFolder) -> Result<Self, ReadError> {
        let readers = vec![Reader::open(&folder)?];
        let idle = Mutex::new(Idle {
            readers,
            watcher: None,
            watchers: 0,
            keep: true,
            has_let_go: false,
        });
        Ok(Self {
            folder,
            idle,
            slots: Semaphore::new(MOST_READERS),
            #[cfg(test)]
            reads: Default::default(),
        })
    }

    /// Does a job with a reader, on this thread.
    pub(crate) fn with_reader<T>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.idle().readers.pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.folder)?,
        };
        let done = job(&reader);
        #[cfg(test)]
        self.reads
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut idle = self.idle();
        if idle.keeps() {
            idle.readers.push(reader);
        }
        done
    }

    /// Does a job with a reader, on a blocking thread; waits for its turn.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        // It is never closed.
        let _slot = self.slots.acquire().await.ok();
        self.read_aside(job).await
    }

    /// The same without waiting for a turn, for long jobs that have a limit of their own.
    pub(crate) async fn read_aside<T: Send + 'static>(
        self: &Arc<Self>,
        job: impl FnOnce(&Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let pool = Arc::clone(self);
        blocking(move || pool.with_reader(job)).await
    }

    /// The version of the session now.
    pub(crate) async fn version(self: &Arc<Self>) -> Result<Version, ReadError> {
        let pool = Arc::clone(self);
        blocking(move || {
            let kept = pool.idle().watcher.take();
            let (number, reader) = match kept {
                Some(watcher) => watcher,
                None => {
                    let reader = Reader::open(&pool.folder)?;
                    let mut idle = pool.idle();
                    idle.watchers += 1;
                    (idle.watchers, reader)
                }
            };
            let version = Version(number, reader.data_version()?);
            let mut idle = pool.idle();
            if idle.keeps() {
                idle.watcher = Some((number, reader));
            }
            Ok(version)
        })
        .await
    }

    #[cfg(test)]
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Sets whether readers stay open between jobs. If not, idle ones are closed
    /// now: a recorder or a repair is waiting for that to make the database one file.
    pub(crate) fn keep(&self, keep: bool) {
        let mut idle = self.idle();
        idle.keep = keep;
        if !keep {
            idle.readers.clear();
            idle.watcher = None;
        }
    }

    /// From now on no reader stays open between jobs, whatever [`Self::keep`] is told.
    pub(crate) fn let_go(&self) {
        self.idle().has_let_go = true;
        self.keep(false);
    }

    /// A job that panicked holds no lock; the list is whole in any case.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn keeps(&self) -> bool {
        self.keep && !self.has_let_go
    }
}

/// Runs what waits for a disk.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => Err(ReadError::Io(io::Error::other(error))),
    }
}
