//! Where a secret could begin in a text: by its first bytes, so that a secret costs some bytes of memory,
//! however long it is.
//!
//! A secret is noted at each window that it is as long as, with its length at the longest of them. A
//! place in a text at which the first window is known is looked at with the next, and only then with
//! the lengths of the secrets that begin so.

use super::fingerprint::{Fingerprints, Hashes};

/// In bytes. Below the third nothing longer follows: those are for secrets as short as themselves.
const WINDOWS: [usize; 7] = [4, 6, 8, 64, 512, 4096, 32768];

/// The first window of what is longer.
const FIRST_LONG: usize = 2;

/// So many lengths may secrets have that begin alike.
const MOST_LENGTHS: usize = 2048;

/// Of one window.
#[derive(Debug, Default)]
struct Window {
    /// While secrets are noted: the beginning of one and its length; 0: it is found by a longer window.
    noted: Vec<(u64, u32)>,
    /// Then: how they begin, in order, and which of the lists of lengths.
    keys: Vec<u64>,
    lists: Vec<u32>,
    /// Bits of hashes of `keys`, so that most places cost no search.
    filter: Vec<u64>,
}

/// Beginnings of secrets.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    windows: [Window; WINDOWS.len()],
    /// The longest first.
    lists: Vec<Vec<u32>>,
    longest: usize,
}

impl Starts {
    pub(crate) fn note(&mut self, secret: &[u8], prints: &Fingerprints) {
        let own = WINDOWS.iter().rposition(|window| secret.len() >= *window);
        let Some(own) = own else {
            return;
        };
        self.longest = self.longest.max(secret.len());
        let length = u32::try_from(secret.len()).unwrap_or(u32::MAX);
        for at in own.min(FIRST_LONG)..=own {
            if let (Some(key), Some(window)) = (key(secret, at, prints), self.windows.get_mut(at)) {
                window.noted.push((key, if at == own { length } else { 0 }));
            }
        }
    }

    /// Seals the list: everything was noted.
    ///
    /// # Errors
    /// Too many lengths.
    pub(crate) fn seal(&mut self) -> Result<(), String> {
        let mut known = std::collections::HashMap::new();
        for window in &mut self.windows {
            let mut noted = std::mem::take(&mut window.noted);
            noted.sort_unstable();
            noted.dedup();
            for same in noted.chunk_by(|a, b| a.0 == b.0) {
                let Some((key, _)) = same.first() else {
                    continue;
                };
                let lengths = same.iter().map(|(_, length)| *length);
                let list: Vec<u32> = lengths.rev().filter(|length| *length > 0).collect();
                if list.len() > MOST_LENGTHS {
                    let many = list.len();
                    return Err(format!("{many} that begin alike have different lengths"));
                }
                let next = self.lists.len();
                let number = *known.entry(list.clone()).or_insert(next);
                if number == next {
                    self.lists.push(list);
                }
                window.keys.push(*key);
                window.lists.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
            window.keys.shrink_to_fit();
            window.lists.shrink_to_fit();
            window.filter = filter(&window.keys);
        }
        Ok(())
    }

    /// Calls `then` with the lengths of secrets that may be at a place, longest first within a window,
    /// until that says true.
    pub(crate) fn lengths(
        &self,
        text: &[u8],
        prints: &Fingerprints,
        mut then: impl FnMut(usize) -> bool,
    ) {
        let mut found: [Option<&[u32]>; WINDOWS.len()] = [None; WINDOWS.len()];
        let mut any = false;
        for (at, (window, found)) in self.windows.iter().zip(&mut found).enumerate() {
            if window.keys.is_empty() {
                continue;
            }
            *found = key(text, at, prints).and_then(|key| self.list(window, key));
            any |= found.is_some();
            if at >= FIRST_LONG && found.is_none() {
                break;
            }
        }
        if any {
            let lists = found.iter().rev().flatten();
            let mut lengths = lists.flat_map(|list| list.iter()).map(|l| *l as usize);
            lengths.any(|length| length <= text.len() && then(length));
        }
    }

    fn list(&self, window: &Window, key: u64) -> Option<&[u32]> {
        let (word, bit) = bit(key, window.filter.len());
        if window.filter.get(word)? & bit == 0 {
            return None;
        }
        let at = window.keys.binary_search(&key).ok()?;
        let list = self.lists.get(*window.lists.get(at)? as usize)?;
        Some(list)
    }

    /// How long the longest is, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }
}

/// Up to eight bytes are themselves.
fn key(text: &[u8], window: usize, prints: &Fingerprints) -> Option<u64> {
    let start = text.get(..*WINDOWS.get(window)?)?;
    if start.len() > 8 {
        return Some(prints.short(start));
    }
    let mut bytes = [0; 8];
    bytes.get_mut(..start.len())?.copy_from_slice(start);
    Some(u64::from_le_bytes(bytes))
}

fn filter(keys: &[u64]) -> Vec<u64> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut filter = vec![0; (keys.len() / 4).next_power_of_two()];
    let words = filter.len();
    for key in keys {
        let (word, bit) = bit(*key, words);
        if let Some(word) = filter.get_mut(word) {
            *word |= bit;
        }
    }
    filter
}

/// Which bit of which word of a filter. `words`: a power of two.
fn bit(key: u64, words: usize) -> (usize, u64) {
    let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let word = (mixed >> 16) as usize & words.saturating_sub(1);
    (word, 1 << (mixed >> 58))
}

/// Texts that are known by a hash of 64 bits: one too many does no harm where these are used.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    prints: Fingerprints,
    hashes: Hashes,
}

impl Marked {
    /// Whether it is new.
    pub(crate) fn insert(&mut self, text: &[u8]) -> bool {
        self.hashes.insert(self.prints.short(text))
    }

    pub(crate) fn contains(&self, text: &[u8]) -> bool {
        self.hashes.contains(&self.prints.short(text))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(starts: &Starts, prints: &Fingerprints, text: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        starts.lengths(text, prints, |length| {
            found.push(length);
            false
        });
        found
    }

    #[test]
    fn what_begins_alike_is_told_by_length_the_longest_first() {
        let (mut starts, prints) = (Starts::default(), Fingerprints::default());
        let long = [b"abcdefgh".repeat(10), b"x".repeat(600)].concat();
        for secret in [
            &b"abcd"[..],
            b"abcdef",
            b"abcdefgh1",
            b"abcdefgh22",
            &long[..80],
            &long,
        ] {
            starts.note(secret, &prints);
        }
        starts.seal().unwrap();
        assert_eq!(lengths(&starts, &prints, &long), [680, 80, 10, 9, 6, 4]);
        assert_eq!(lengths(&starts, &prints, b"abcdefgh1"), [9, 6, 4]);
        assert_eq!(lengths(&starts, &prints, b"abcdxy"), [4]);
        assert_eq!(lengths(&starts, &prints, b"bcdefgh1"), [0; 0]);
        assert_eq!(starts.longest(), 680);
    }

    #[test]
    fn a_secret_costs_some_bytes_however_long_it_is() {
        let (mut starts, prints) = (Starts::default(), Fingerprints::default());
        for n in 0..1000_u32 {
            let secret = format!("{n:08x}").repeat(50);
            starts.note(secret.as_bytes(), &prints);
        }
        starts.seal().unwrap();
        let kept: usize = starts.windows.iter().map(|window| window.keys.len()).sum();
        assert_eq!(kept, 2000, "two windows of 400 bytes each");
        assert_eq!(starts.lists.len(), 2);
    }
}
