//! DVR playlists that were asked for, in the cache, so that only what is new is read for the next
//! request. Nothing but a cache: another process makes the same texts.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::text::Growing;
use crate::replayer::memory::bounded::one_shard;

/// Lists together take at most so many bytes of memory, as far as one of more than half of that does not take more.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What one takes at least.
const OVERHEAD: u64 = 1024;
/// Lists that grow at once. The first one of a long recording takes seconds.
const MOST_TURNS: usize = 2;

/// Which list: its references are relative, and so others in another folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ListId {
    /// Row of `resource`.
    pub(crate) playlist_id: i64,
    /// How many folders below the root it is served.
    pub(crate) ups: usize,
}

/// One list. A request that waits for it to grow holds no thread.
pub(crate) type List = Arc<Mutex<Option<Growing>>>;

/// A list, and what it took in memory when it was served last, in bytes.
#[derive(Debug, Clone, Default)]
struct Entry {
    list: List,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<ListId, Entry> for Weight {
    fn weight(&self, _: &ListId, entry: &Entry) -> u64 {
        // More of one the cache would not take, and the list be made again for each request.
        (OVERHEAD + entry.bytes).min(MOST_BYTES / 2)
    }
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Lists {
    lists: Cache<ListId, Entry, Weight>,
    turns: Semaphore,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            lists: one_shard(MOST_BYTES, Weight),
            turns: Semaphore::new(MOST_TURNS),
        }
    }
}

impl Lists {
    /// A list, made or not.
    pub(crate) fn get(&self, id: ListId) -> List {
        let new = || Ok::<_, std::convert::Infallible>(Entry::default());
        let found = self.lists.get_or_insert_with(&id, new);
        found.map(|entry| entry.list).unwrap_or_default()
    }

    /// Waits until a list may grow.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Notes how large a list has become; others go where all together are too large.
    pub(crate) fn note(&self, id: ListId, list: List, bytes: u64) {
        // As a new one: an entry that grows may be the first to go.
        self.lists.remove(&id);
        self.lists.insert(id, Entry { list, bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bounded_and_the_one_that_is_served_stays() {
        let lists = Lists::default();
        let id = |playlist_id| ListId {
            playlist_id,
            ups: 1,
        };
        let is_kept = |n, list: &List| Arc::ptr_eq(&lists.get(id(n)), list);
        for n in 0..10 {
            let list = lists.get(id(n));
            lists.note(id(n), Arc::clone(&list), MOST_BYTES / 4);
            assert!(lists.lists.weight() <= MOST_BYTES);
            assert!(is_kept(n, &list));
        }
        let large = lists.get(id(10));
        lists.note(id(10), Arc::clone(&large), 2 * MOST_BYTES);
        assert!(is_kept(10, &large) && lists.lists.weight() <= MOST_BYTES);
    }
}
