//! Maps that remember what the database says, and forget all of it where that takes too much: an origin that makes
//! up names costs no memory.

use std::collections::HashMap;
use std::hash::Hash;

use crate::session::ResourceKey;

/// So many entries, ...
pub(super) const MOST: usize = 16_384;
/// ... of so many bytes.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Of resources: what a stream may list at once has room.
const MOST_RESOURCES: usize = 131_072;
const MOST_RESOURCE_BYTES: usize = 16 * 1024 * 1024;

/// A bounded map whose keys are texts.
#[derive(Debug)]
pub(super) struct Remembered<K, V> {
    known: HashMap<K, V>,
    bytes: usize,
}

/// How many bytes a key or value takes.
pub(super) trait Bytes {
    /// How many are remembered, and how many bytes of them.
    const MOST: (usize, usize) = (MOST, MOST_BYTES);

    fn bytes(&self) -> usize;
}

impl Bytes for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

impl Bytes for ResourceKey {
    const MOST: (usize, usize) = (MOST_RESOURCES, MOST_RESOURCE_BYTES);

    fn bytes(&self) -> usize {
        self.url.len()
    }
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            bytes: 0,
        }
    }
}

impl<K: Bytes + Eq + Hash, V: Copy> Remembered<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.known.get(key).copied()
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.bytes += key.bytes();
        let (most, most_bytes) = K::MOST;
        if self.known.len() >= most || self.bytes > most_bytes {
            self.known.clear();
            self.bytes = key.bytes();
        }
        self.known.insert(key, value);
    }

    /// Forgets what is not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&V) -> bool) {
        self.known.retain(|_, value| is_there(value));
        self.bytes = self.known.keys().map(Bytes::bytes).sum();
    }
}

/// Bodies of late whose return is noticed without asking the database.
pub(super) const RECENT_BODIES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_much_is_forgotten() {
        for (length, most) in [(5, MOST), (400_000, MOST_BYTES / 400_000)] {
            let mut remembered = Remembered::default();
            let mut largest = 0;
            for n in 0..MOST + 10 {
                let name = format!("{n:05}{}", "x".repeat(length - 5));
                remembered.insert(name.clone(), n);
                assert_eq!(remembered.get(&name), Some(n));
                largest = largest.max(remembered.known.len());
                if n > 3 * most {
                    break;
                }
            }
            assert_eq!(largest, most);
            remembered.retain(|n| n % 2 == 0);
            let bytes: usize = remembered.known.keys().map(String::len).sum();
            assert_eq!(remembered.bytes, bytes);
        }
    }
}
