//! DVR playlists that were asked for: kept, so that only what is new is read for the next
//! request. Nothing but a cache: another process makes the same texts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::feed::Feed;

/// What is kept together is at most so many bytes of text.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Lists that grow at once. The first one of a long recording takes seconds.
const MOST_TURNS: usize = 2;

/// The lists, by row of `resource`.
#[derive(Debug)]
pub(in crate::replayer) struct Kept {
    lists: Mutex<HashMap<i64, Arc<One>>>,
    /// Counts uses.
    uses: AtomicU64,
    turns: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            lists: Mutex::default(),
            uses: AtomicU64::default(),
            turns: Semaphore::new(MOST_TURNS),
        }
    }
}

/// One list. Who waits for it to grow holds no thread.
#[derive(Debug, Default)]
pub(super) struct One {
    pub(super) feed: Arc<tokio::sync::Mutex<Option<Feed>>>,
    bytes: AtomicUsize,
    used: AtomicU64,
}

impl Kept {
    /// The list of a playlist, made or not.
    pub(super) fn of(&self, playlist_id: i64) -> Arc<One> {
        let one = Arc::clone(self.lists().entry(playlist_id).or_default());
        let use_number = self.uses.fetch_add(1, Ordering::Relaxed);
        one.used.store(use_number, Ordering::Relaxed);
        one
    }

    /// Waits until a list may grow.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Notes how large a list is; drops those that were not used for the longest time where
    /// all together are too large.
    pub(super) fn note(&self, playlist_id: i64, bytes: usize) {
        let mut lists = self.lists();
        if let Some(one) = lists.get(&playlist_id) {
            one.bytes.store(bytes, Ordering::Relaxed);
        }
        loop {
            let total: usize = lists
                .values()
                .map(|one| one.bytes.load(Ordering::Relaxed))
                .sum();
            let oldest = lists
                .iter()
                .filter(|(id, _)| **id != playlist_id)
                .min_by_key(|(_, one)| one.used.load(Ordering::Relaxed))
                .map(|(id, _)| *id);
            match oldest {
                Some(oldest) if total > MOST_BYTES => lists.remove(&oldest),
                _ => return,
            };
        }
    }

    fn lists(&self) -> MutexGuard<'_, HashMap<i64, Arc<One>>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_first() {
        let kept = Kept::default();
        let large = MOST_BYTES / 2;
        for id in [1, 2] {
            kept.of(id);
            kept.note(id, large);
        }
        kept.of(1);
        kept.of(3);
        kept.note(3, large);
        let mut left: Vec<i64> = kept.lists().keys().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3]);
        kept.note(3, MOST_BYTES * 2);
        let left: Vec<i64> = kept.lists().keys().copied().collect();
        assert_eq!(left, [3], "the one that is being served stays");
    }
}
