//! Commits to a session that is being recorded, counted. One look at the database serves all requests: those that wait
//! for a resource, and those whose cached answer may no longer hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::replayer::content::pool::{Pool, Version};
use crate::session::ReadError;

/// How often the database is looked at, however many requests wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Commits that were seen.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    last: Mutex<Option<LastLook>>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct LastLook {
    at: Instant,
    version: Version,
    /// Changes seen so far.
    count: u64,
}

impl Commits {
    /// The number of commits, not older than [`LOOK_EVERY`]; `None`: the last look is older.
    pub(crate) fn fresh_count(&self) -> Option<u64> {
        let last = (*self.last()).filter(|last| clock::instant() - last.at < LOOK_EVERY);
        last.map(|last| last.count)
    }

    /// The same; looks where the last look is older.
    pub(crate) async fn count(&self, pool: &Arc<Pool>) -> Result<u64, ReadError> {
        if let Some(count) = self.fresh_count() {
            return Ok(count);
        }
        let _looking = self.looking.lock().await;
        match self.fresh_count() {
            Some(count) => Ok(count),
            None => self.look(pool).await,
        }
    }

    /// Waits until the number of commits is not `count`, or for the deadline.
    pub(crate) async fn wait_for_change(
        &self,
        pool: &Arc<Pool>,
        count: u64,
        deadline: Instant,
    ) -> Result<(), ReadError> {
        let changed = async {
            loop {
                let _looking = self.looking.lock().await;
                if self.last().is_some_and(|last| last.count != count) {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
                if self.look(pool).await? != count {
                    return Ok(());
                }
            }
        };
        let changed = tokio::time::timeout_at(deadline, changed).await;
        changed.unwrap_or(Ok(()))
    }

    async fn look(&self, pool: &Arc<Pool>) -> Result<u64, ReadError> {
        let version = Pool::version(pool).await?;
        let at = clock::instant();
        let mut last = self.last();
        let count = match *last {
            Some(last) if last.version == version => last.count,
            Some(last) => last.count + 1,
            None => 1,
        };
        *last = Some(LastLook { at, version, count });
        Ok(count)
    }

    /// No code panics while it is locked.
    fn last(&self) -> std::sync::MutexGuard<'_, Option<LastLook>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
