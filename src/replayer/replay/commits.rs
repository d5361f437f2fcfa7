//! Commits to a session that is being recorded, counted. One look at the database serves all requests: those that wait
//! for a resource, and those whose cached answer may no longer hold.
//!
//! Of those who wait one looks, and wakes the others when there was a commit; when it leaves another one looks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
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
    /// One look at a time.
    looking: tokio::sync::Mutex<()>,
    /// Whoever looks for all has it.
    turn: tokio::sync::Mutex<()>,
    /// A commit was seen.
    changed: Notify,
    /// Nobody looks.
    left: Notify,
}

#[derive(Debug, Clone, Copy)]
struct LastLook {
    at: Instant,
    version: Version,
    /// Changes seen so far.
    count: u64,
}

/// Who looks for all; when it leaves, another one may.
struct Turn<'a> {
    // In this order: the next one finds it free.
    _turn: tokio::sync::MutexGuard<'a, ()>,
    _leaving: Leaving<'a>,
}

struct Leaving<'a>(&'a Notify);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Commits {
    /// The number of commits, not older than [`LOOK_EVERY`]; `None`: the last look is older.
    pub(crate) fn fresh_count(&self) -> Option<u64> {
        let last = (*self.last()).filter(|last| clock::instant() - last.at < LOOK_EVERY);
        last.map(|last| last.count)
    }

    /// The same; looks where the last look is older.
    pub(crate) async fn count(&self, pool: &Arc<Pool>) -> Result<u64, ReadError> {
        match self.fresh_count() {
            Some(count) => Ok(count),
            None => {
                let now = clock::instant();
                let not_before = now.checked_sub(LOOK_EVERY).unwrap_or(now);
                self.look(pool, not_before).await
            }
        }
    }

    /// The number of commits now.
    pub(crate) async fn now(&self, pool: &Arc<Pool>) -> Result<u64, ReadError> {
        self.look(pool, clock::instant()).await
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
                let woken = self.changed.notified();
                tokio::pin!(woken);
                woken.as_mut().enable();
                if self.last().is_some_and(|last| last.count != count) {
                    return Ok(());
                }
                if let Some(_turn) = self.turn() {
                    loop {
                        tokio::time::sleep(LOOK_EVERY).await;
                        if self.look(pool, clock::instant()).await? != count {
                            return Ok(());
                        }
                    }
                }
                tokio::select! {
                    () = woken => {}
                    () = self.left.notified() => {}
                }
            }
        };
        let changed = tokio::time::timeout_at(deadline, changed).await;
        changed.unwrap_or(Ok(()))
    }

    fn turn(&self) -> Option<Turn<'_>> {
        let turn = self.turn.try_lock().ok()?;
        Some(Turn {
            _turn: turn,
            _leaving: Leaving(&self.left),
        })
    }

    /// Looks, where the last look began before a moment.
    async fn look(&self, pool: &Arc<Pool>, not_before: Instant) -> Result<u64, ReadError> {
        let _looking = self.looking.lock().await;
        if let Some(last) = (*self.last()).filter(|last| last.at > not_before) {
            return Ok(last.count);
        }
        let at = clock::instant();
        let version = Pool::version(pool).await?;
        let mut last = self.last();
        let (count, is_new) = match *last {
            Some(last) if last.version == version => (last.count, false),
            Some(last) => (last.count + 1, true),
            None => (1, true),
        };
        *last = Some(LastLook { at, version, count });
        drop(last);
        if is_new {
            self.changed.notify_waiters();
        }
        Ok(count)
    }

    /// No code panics while it is locked.
    fn last(&self) -> std::sync::MutexGuard<'_, Option<LastLook>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replayer::testing::{MAIN, Recording};
    use crate::session::Kind;

    /// The clock is wound on while the writer works: by a look at a time, or by all of this where nobody looks.
    const LONG: Duration = Duration::from_secs(1_000_000);

    /// So many that wait for a commit.
    async fn crowd(
        commits: &Arc<Commits>,
        pool: &Arc<Pool>,
        many: usize,
    ) -> Vec<tokio::task::JoinHandle<()>> {
        let count = commits.now(pool).await.unwrap();
        let wait = |_| {
            let (commits, pool) = (Arc::clone(commits), Arc::clone(pool));
            tokio::spawn(async move {
                let deadline = clock::instant() + LONG;
                let waited = commits.wait_for_change(&pool, count, deadline).await;
                waited.unwrap();
            })
        };
        let waiting = (0..many).map(wait).collect();
        tokio::time::sleep(LOOK_EVERY).await;
        waiting
    }

    async fn commit(recording: &Recording) {
        recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
        recording.writer.written().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_waits_holds_up_nobody_and_is_woken_together() {
        let recording = Recording::start().await;
        let pool = Arc::new(Pool::open(recording.folder.clone()).unwrap());
        let commits = Arc::new(Commits::default());
        let waiting = crowd(&commits, &pool, 500).await;
        let began = clock::instant();
        for _ in 0..5 {
            tokio::time::sleep(2 * LOOK_EVERY).await;
            commits.now(&pool).await.unwrap();
            commits.count(&pool).await.unwrap();
        }
        assert!(clock::instant() - began < Duration::from_secs(2));
        commit(&recording).await;
        let began = clock::instant();
        for one in waiting {
            one.await.unwrap();
        }
        assert!(clock::instant() - began < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_one_that_looks_leaves_another_one_looks() {
        let recording = Recording::start().await;
        let pool = Arc::new(Pool::open(recording.folder.clone()).unwrap());
        let commits = Arc::new(Commits::default());
        let mut waiting = crowd(&commits, &pool, 3).await;
        for leaving in waiting.drain(..2) {
            leaving.abort();
            tokio::time::sleep(4 * LOOK_EVERY).await;
        }
        let began = clock::instant();
        commit(&recording).await;
        waiting.remove(0).await.unwrap();
        assert!(clock::instant() - began < LONG / 2);
    }
}
