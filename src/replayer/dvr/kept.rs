//! DVR playlists that were asked for: kept, so that only what is new is read for the next
//! request. Nothing but a cache: another process makes the same texts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Served;
use super::feed::Feed;
use crate::replayer::timeline::Span;

/// What is kept together is at most so many bytes of text.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Lists that grow at once. The first one of a long recording takes seconds.
const MOST_TURNS: usize = 2;

/// Paths whose playlist is known are at most so many.
const MOST_PATHS: usize = 512;

/// Which list: its references are relative, and so others in another folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ListId {
    /// Row of `resource`.
    pub(super) playlist_id: i64,
    /// How many folders below the root it is served.
    pub(super) ups: usize,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Kept {
    lists: Mutex<HashMap<ListId, Arc<One>>>,
    /// Which list a path (and query) means in a session that ended at this moment (microseconds of Unix
    /// time).
    paths: Mutex<HashMap<Box<str>, (ListId, i64)>>,
    /// Counts uses.
    uses: AtomicU64,
    turns: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            lists: Mutex::default(),
            paths: Mutex::default(),
            uses: AtomicU64::default(),
            turns: Semaphore::new(MOST_TURNS),
        }
    }
}

/// One list. Who waits for it to grow holds no thread.
#[derive(Debug, Default)]
pub(super) struct One {
    pub(super) feed: Arc<tokio::sync::Mutex<Option<Feed>>>,
    /// The text of a session that is finished, and when that ended (microseconds of Unix time). It is
    /// the one of the feed: who asks for it waits for nobody.
    finished: Mutex<Option<(i64, Served)>>,
    bytes: AtomicUsize,
    used: AtomicU64,
}

impl Kept {
    /// The list of a playlist, made or not.
    pub(super) fn of(&self, list: ListId) -> Arc<One> {
        let one = Arc::clone(self.lists().entry(list).or_default());
        self.use_of(&one);
        one
    }

    fn use_of(&self, one: &One) {
        let use_number = self.uses.fetch_add(1, Ordering::Relaxed);
        one.used.store(use_number, Ordering::Relaxed);
    }

    /// The playlist that a path (and query) means in a session that ended at this moment (microseconds
    /// of Unix time), if it was asked for before.
    pub(super) fn finished(&self, path: &str, end_us: i64) -> Option<Served> {
        let (list, _) = *self.paths().get(path).filter(|(_, of)| *of == end_us)?;
        let one = self.lists().get(&list).map(Arc::clone)?;
        self.use_of(&one);
        let finished = one.finished();
        let (of_us, served) = finished.as_ref()?;
        (*of_us == end_us).then(|| served.clone())
    }

    /// Notes what was served of a list while its session was like this: it is what [`Self::finished`] gives
    /// from now on, or nothing is, where the session is being gone on with.
    pub(super) fn served(&self, path: &str, list: ListId, span: Span, served: Option<&Served>) {
        let end_us = span.end_us;
        let finished = served.filter(|_| !span.recording);
        if let Some(one) = self.lists().get(&list) {
            *one.finished() = finished.map(|served| (end_us, served.clone()));
        }
        if finished.is_none() {
            return;
        }
        let mut paths = self.paths();
        if paths.len() >= MOST_PATHS {
            paths.clear();
        }
        paths.insert(path.into(), (list, end_us));
    }

    /// Waits until a list may grow.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.turns.acquire().await.ok()
    }

    /// Notes how large a list is; drops those that were not used for the longest time where
    /// all together are too large.
    pub(super) fn note(&self, list: ListId, bytes: usize) {
        let mut lists = self.lists();
        if let Some(one) = lists.get(&list) {
            one.bytes.store(bytes, Ordering::Relaxed);
        }
        loop {
            let total: usize = lists
                .values()
                .map(|one| one.bytes.load(Ordering::Relaxed))
                .sum();
            let oldest = lists
                .iter()
                .filter(|(id, _)| **id != list)
                .min_by_key(|(_, one)| one.used.load(Ordering::Relaxed))
                .map(|(id, _)| *id);
            match oldest {
                Some(oldest) if total > MOST_BYTES => lists.remove(&oldest),
                _ => return,
            };
        }
    }

    fn paths(&self) -> MutexGuard<'_, HashMap<Box<str>, (ListId, i64)>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> MutexGuard<'_, HashMap<ListId, Arc<One>>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl One {
    fn finished(&self) -> MutexGuard<'_, Option<(i64, Served)>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(playlist_id: i64) -> ListId {
        ListId {
            playlist_id,
            ups: 1,
        }
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let kept = Kept::default();
        let large = MOST_BYTES / 2;
        for n in [1, 2] {
            kept.of(id(n));
            kept.note(id(n), large);
        }
        kept.of(id(1));
        kept.of(id(3));
        kept.note(id(3), large);
        let mut left: Vec<i64> = kept.lists().keys().map(|list| list.playlist_id).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3]);
        kept.note(id(3), MOST_BYTES * 2);
        let left: Vec<i64> = kept.lists().keys().map(|list| list.playlist_id).collect();
        assert_eq!(left, [3], "the one that is being served stays");
    }

    fn span(end_us: i64, recording: bool) -> Span {
        Span {
            zero_us: 0,
            end_us,
            recording,
        }
    }

    #[test]
    fn the_text_of_a_session_that_goes_on_is_let_go() {
        let kept = Kept::default();
        let _list = kept.of(id(1));
        for newer in [Some(Served::new(b"#EXTM3U\n#1\n".to_vec())), None] {
            let old = Served::new(b"#EXTM3U\n".to_vec());
            kept.served("/a.m3u8", id(1), span(5, false), Some(&old));
            assert!(!old.bytes.is_unique());
            kept.served("/a.m3u8", id(1), span(6, true), newer.as_ref());
            assert!(old.bytes.is_unique(), "nobody would count it");
            assert!(kept.finished("/a.m3u8", 5).is_none());
            assert!(kept.finished("/a.m3u8", 6).is_none());
        }
    }

    #[test]
    fn a_finished_one_is_known_by_its_path_as_long_as_it_is_kept_and_the_session_is_the_same() {
        let kept = Kept::default();
        let served = Served::new(b"#EXTM3U\n".to_vec());
        let tag = |path, end_us| kept.finished(path, end_us).map(|served| served.tag);
        let finish = |path: &str, n| kept.served(path, id(n), span(5, false), Some(&served));
        finish("/none.m3u8", 1);
        assert_eq!(tag("/none.m3u8", 5), None, "there is no such list");
        kept.of(id(2));
        finish("/a.m3u8", 2);
        assert_eq!(tag("/a.m3u8", 5), Some(served.tag.clone()));
        assert_eq!(tag("/a.m3u8", 6), None, "it was gone on with");
        assert_eq!(tag("/b.m3u8", 5), None);
        for n in 0..2 * MOST_PATHS {
            finish(&format!("/dvr.m3u8?{n}"), 2);
        }
        assert!(kept.paths().len() <= MOST_PATHS);
        kept.of(id(3));
        kept.note(id(3), 2 * MOST_BYTES);
        let last = format!("/dvr.m3u8?{}", 2 * MOST_PATHS - 1);
        assert_eq!(tag(&last, 5), None, "it went for want of room");
    }
}
