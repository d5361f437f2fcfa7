//! DVR playlists that were asked for, so that the next request reads only what is new.
//! It is only a cache: another process makes the same texts.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::replayer::memory::bounded::bounded_cache;

/// Bytes of memory that playlists take together at most. One may take more than half of that.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What one takes at least.
const OVERHEAD: u64 = 1024;
/// Playlists that are read at once. The first reading of a long recording takes seconds.
const MOST_GROWING: usize = 2;

/// Which playlist. Its references are relative, and so differ by folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PlaylistKey {
    /// Row of `resource`; of a raw stream that of `stream`.
    pub(crate) playlist_id: i64,
    /// How many folders below the root it is served.
    pub(crate) ups: usize,
}

/// One playlist. A request that waits for it holds no thread.
pub(crate) type CachedPlaylist<P> = Arc<Mutex<Option<P>>>;

/// A list, and what it took in memory when it was served last, in bytes.
#[derive(Debug)]
struct Entry<P> {
    list: CachedPlaylist<P>,
    bytes: u64,
}

impl<P> Default for Entry<P> {
    fn default() -> Self {
        Self {
            list: CachedPlaylist::default(),
            bytes: 0,
        }
    }
}

impl<P> Clone for Entry<P> {
    fn clone(&self) -> Self {
        Self {
            list: Arc::clone(&self.list),
            bytes: self.bytes,
        }
    }
}

#[derive(Debug, Clone)]
struct Weight;

impl<P> Weighter<PlaylistKey, Entry<P>> for Weight {
    fn weight(&self, _: &PlaylistKey, entry: &Entry<P>) -> u64 {
        // More of one the cache would not take, and the list be made again for each request.
        (OVERHEAD + entry.bytes).min(MOST_BYTES / 2)
    }
}

/// The playlists of one kind.
#[derive(Debug)]
pub(crate) struct PlaylistCache<P> {
    lists: Cache<PlaylistKey, Entry<P>, Weight>,
    turns: Semaphore,
}

impl<P> Default for PlaylistCache<P> {
    fn default() -> Self {
        Self {
            lists: bounded_cache(MOST_BYTES, Weight),
            turns: Semaphore::new(MOST_GROWING),
        }
    }
}

impl<P> PlaylistCache<P> {
    /// A playlist, read already or not.
    pub(crate) fn get(&self, id: PlaylistKey) -> CachedPlaylist<P> {
        let new = || Ok::<_, std::convert::Infallible>(Entry::default());
        let found = self.lists.get_or_insert_with(&id, new);
        found.map(|entry| entry.list).unwrap_or_default()
    }

    /// Waits until a playlist may be read.
    pub(crate) async fn growth_permit(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Notes how large a playlist has become. Others are evicted where all together are too large.
    pub(crate) fn update_size(&self, id: PlaylistKey, list: CachedPlaylist<P>, bytes: u64) {
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
        let lists = PlaylistCache::<()>::default();
        let id = |playlist_id| PlaylistKey {
            playlist_id,
            ups: 1,
        };
        let is_kept = |n, list: &CachedPlaylist<()>| Arc::ptr_eq(&lists.get(id(n)), list);
        for n in 0..10 {
            let list = lists.get(id(n));
            lists.update_size(id(n), Arc::clone(&list), MOST_BYTES / 4);
            assert!(lists.lists.weight() <= MOST_BYTES);
            assert!(is_kept(n, &list));
        }
        let large = lists.get(id(10));
        lists.update_size(id(10), Arc::clone(&large), 2 * MOST_BYTES);
        assert!(is_kept(10, &large) && lists.lists.weight() <= MOST_BYTES);
    }
}
