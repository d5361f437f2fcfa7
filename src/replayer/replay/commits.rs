//! What was committed to a session that is being recorded: one look at the database for all who wait for
//! what is to come, and for all whose answer may be another one by now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::replayer::content::pool::{Pool, Version};
use crate::session::ReadError;

/// The database is looked at so often, however many wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Commits that were seen.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    last: Mutex<Option<Look>>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    version: Version,
    /// So many changes were seen.
    count: u64,
}

impl Commits {
    /// How often the session has changed, as of [`LOOK_EVERY`] ago at most; `None`: nobody has looked since.
    pub(crate) fn fresh(&self) -> Option<u64> {
        let last = (*self.last()).filter(|last| clock::instant() - last.at < LOOK_EVERY);
        last.map(|last| last.count)
    }

    /// The same; looks where nobody has.
    pub(crate) async fn count(&self, pool: &Arc<Pool>) -> Result<u64, ReadError> {
        if let Some(count) = self.fresh() {
            return Ok(count);
        }
        let _looking = self.looking.lock().await;
        match self.fresh() {
            Some(count) => Ok(count),
            None => self.look(pool).await,
        }
    }

    /// Waits for a change after so many, until a deadline at most.
    pub(crate) async fn after(
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
        *last = Some(Look { at, version, count });
        Ok(count)
    }

    /// Nothing panics while it is locked.
    fn last(&self) -> std::sync::MutexGuard<'_, Option<Look>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
