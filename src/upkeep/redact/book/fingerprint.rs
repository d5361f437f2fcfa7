//! Hashes that stand for secrets, so that memory does not grow with their length. Keyed with chance: nobody
//! can make two texts that share one.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

/// 128 bits of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 16]);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// What is a hash already is not hashed again.
#[derive(Debug, Default)]
pub(crate) struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// By fingerprints.
pub(crate) type ByFingerprint<V> = HashMap<Fingerprint, V, BuildHasherDefault<Taken>>;
/// By hashes of 64 bits.
pub(crate) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Taken>>;
/// Hashes of 64 bits.
pub(crate) type Hashes = HashSet<u64, BuildHasherDefault<Taken>>;

/// Makes them.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints(RandomState, RandomState);

impl Fingerprints {
    pub(crate) fn fingerprint(&self, text: &[u8]) -> Fingerprint {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&self.0.hash_one(text).to_le_bytes());
        second.copy_from_slice(&self.1.hash_one(text).to_le_bytes());
        Fingerprint(bytes)
    }

    pub(crate) fn short(&self, text: &[u8]) -> u64 {
        self.0.hash_one(text)
    }
}
