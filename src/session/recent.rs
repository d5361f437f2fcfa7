//! Contents that became chunks of late: what comes again need not be made to last again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::model::Digest;

/// So many are remembered.
const MOST: usize = 4096;

/// Hashes of chunks whose rows were committed; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(Arc<Mutex<Digests>>);

#[derive(Debug, Default)]
struct Digests {
    all: HashSet<Digest>,
    oldest_first: VecDeque<Digest>,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, Digests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a chunk with it now.
    pub(super) fn add(&self, digest: Digest) {
        let mut digests = self.lock();
        if !digests.all.insert(digest) {
            return;
        }
        digests.oldest_first.push_back(digest);
        if digests.oldest_first.len() > MOST
            && let Some(oldest) = digests.oldest_first.pop_front()
        {
            digests.all.remove(&oldest);
        }
    }

    /// Whether there was one of late. It may be gone since.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.lock().all.contains(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered() {
        let recent = Recent::default();
        let digest = |n: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_le_bytes());
            digest
        };
        for n in 0..=MOST {
            recent.add(digest(n));
            recent.add(digest(n));
        }
        assert!(!recent.has(&digest(0)));
        assert!(recent.has(&digest(1)) && recent.has(&digest(MOST)));
        assert_eq!(recent.lock().all.len(), MOST);
    }
}
