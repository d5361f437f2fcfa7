//! Things that were fetched and have just left their playlist: an edge that lags behind may list them once more. Pure.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use crate::recorder::plan::model::{Key, PlaylistId};
use crate::session::Digest;

/// So many are remembered of a stream, ...
const MOST: usize = 16_384;
/// ... with so many bytes of URLs; of more the oldest are forgotten, and fetched again should they return.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A thing that left its playlist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departed {
    pub(crate) sequence: u64,
    pub(crate) sha256: Option<Digest>,
    pub(crate) until: Instant,
}

/// The departed things of all playlists of a stream.
#[derive(Debug, Default)]
pub(crate) struct DepartedItems {
    by_key: HashMap<PlaylistId, HashMap<Key, Departed>>,
    by_end: BTreeSet<(Instant, PlaylistId, Key)>,
    bytes: usize,
}

impl DepartedItems {
    pub(crate) fn get(&self, playlist: PlaylistId, key: &Key) -> Option<Departed> {
        self.by_key.get(&playlist)?.get(key).copied()
    }

    pub(crate) fn insert(&mut self, playlist: PlaylistId, key: &Key, left: Departed) {
        self.remove(playlist, key);
        self.bytes += key.url.as_str().len();
        let of_playlist = self.by_key.entry(playlist).or_default();
        of_playlist.insert(key.clone(), left);
        self.by_end.insert((left.until, playlist, key.clone()));
        while self.by_end.len() > MOST || self.bytes > MOST_BYTES {
            self.forget_oldest();
        }
    }

    pub(crate) fn remove(&mut self, playlist: PlaylistId, key: &Key) -> Option<Departed> {
        let of_playlist = self.by_key.get_mut(&playlist)?;
        let left = of_playlist.remove(key)?;
        if of_playlist.is_empty() {
            self.by_key.remove(&playlist);
        }
        self.bytes = self.bytes.saturating_sub(key.url.as_str().len());
        self.by_end.remove(&(left.until, playlist, key.clone()));
        Some(left)
    }

    /// Forgets the departed things of a playlist.
    pub(crate) fn forget(&mut self, playlist: PlaylistId) {
        for (key, left) in self.by_key.remove(&playlist).unwrap_or_default() {
            self.bytes = self.bytes.saturating_sub(key.url.as_str().len());
            self.by_end.remove(&(left.until, playlist, key));
        }
    }

    /// Forgets what left long ago.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        while self.by_end.first().is_some_and(|(until, ..)| *until <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, playlist, key)) = self.by_end.first().cloned() {
            self.remove(playlist, &key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn the_oldest_are_forgotten_where_there_are_too_many_or_too_long() {
        let now = crate::clock::instant();
        let key = |n: usize, length: usize| Key {
            url: Arc::new(
                format!("http://h/{n}{}", "x".repeat(length))
                    .parse()
                    .unwrap(),
            ),
            range: None,
        };
        let left = |n: usize| Departed {
            sequence: 0,
            sha256: None,
            until: now + Duration::from_secs(n as u64),
        };
        for (length, most) in [(1, MOST), (8000, MOST_BYTES / 8000)] {
            let mut departed = DepartedItems::default();
            for n in 1..MOST + 100 {
                departed.insert(n % 3, &key(n, length), left(n));
                departed.insert(n % 3, &key(n, length), left(n));
            }
            let count: usize = departed.by_key.values().map(HashMap::len).sum();
            assert_eq!(count, departed.by_end.len());
            assert!(count <= most && count > most / 2, "{count}");
            assert!(departed.get(1, &key(1, length)).is_none());
            let last = MOST + 99;
            assert!(departed.get(last % 3, &key(last, length)).is_some());
            departed.forget(0);
            departed.forget_old(now + Duration::from_secs(last as u64));
            assert_eq!((departed.bytes, departed.by_key.len()), (0, 0));
        }
    }
}
