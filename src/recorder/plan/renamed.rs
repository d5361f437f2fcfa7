//! Segments that are called something else at each refresh: whether a new name stands for the bytes that are
//! known. Pure.
//!
//! It is taken to, since the number counts first; the first of each pattern of names and one in ten
//! segments are fetched all the same and compared. Where bytes differ, names of that pattern are no aliases.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};

use url::{Position, Url};

use super::Key;
use crate::session::{ByteRange, Digest};

/// Patterns that are told apart; who makes up more has all of it fetched.
const PATTERNS: usize = 64;
/// One in so many segments is compared.
const ONE_IN: u64 = 10;
/// Places that are remembered beside those of the window.
const BESIDE: usize = 64;

/// A name pattern before, and the one after.
pub(super) type Pair = (u64, u64);

/// What is known of a renaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Bytes are under way that will tell.
    Asked,
    Same,
    Other,
}

/// What to do with a new name at a known place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renamed {
    /// It is another name of what is known.
    Alias,
    /// It is fetched, and compared with what is known.
    Compare(Pair),
    /// It is something else.
    Other,
}

/// A segment that is fetched to be compared with the one that had its place before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Twin {
    pub(super) key: Key,
    pub(super) pair: Pair,
}

/// Segments of a playlist by their places, and what is known of their names.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// As long as somebody else has them: what nobody knows any more has no other name.
    keys: BTreeMap<u64, (Weak<Url>, Option<ByteRange>)>,
    verdicts: HashMap<Pair, Verdict>,
    /// The last place that was compared.
    compared: Option<u64>,
}

impl Places {
    /// What was listed at a place first.
    pub(super) fn get(&self, place: u64) -> Option<Key> {
        let (url, range) = self.keys.get(&place)?;
        let url = url.upgrade()?;
        Some(Key { url, range: *range })
    }

    /// Notes what is listed at a place, and lets go of the oldest: `listed` are in the window. The URL is the one
    /// that is kept of it.
    pub(super) fn note(&mut self, place: u64, key: &Key, listed: usize) {
        let noted = || (Arc::downgrade(&key.url), key.range);
        let known = self.keys.entry(place).or_insert_with(noted);
        if known.0.strong_count() == 0 {
            *known = noted();
        }
        while self.keys.len() > listed.saturating_mul(2).saturating_add(BESIDE) {
            self.keys.pop_first();
        }
    }

    /// What to do with another URL at the place of a known one.
    pub(super) fn renamed(&mut self, known: &Url, new: &Url, place: u64) -> Renamed {
        let pair = (pattern(known), pattern(new));
        let is_full = self.verdicts.len() >= PATTERNS;
        match self.verdicts.get(&pair) {
            None if is_full => return Renamed::Other,
            None => {}
            Some(Verdict::Other) => return Renamed::Other,
            Some(Verdict::Asked) => return Renamed::Alias,
            Some(Verdict::Same) => {
                let is_due =
                    place.is_multiple_of(ONE_IN) && self.compared.is_none_or(|last| place > last);
                if !is_due {
                    return Renamed::Alias;
                }
            }
        }
        self.compared = self.compared.max(Some(place));
        self.verdicts.insert(pair, Verdict::Asked);
        Renamed::Compare(pair)
    }

    /// The sequence began again: what was to be compared may never come.
    pub(super) fn begin_again(&mut self) {
        self.verdicts
            .retain(|_, verdict| *verdict != Verdict::Asked);
    }

    /// What came of a comparison; where there is nothing to compare the next one is.
    pub(super) fn compared(&mut self, pair: Pair, known: Option<Digest>, new: Option<Digest>) {
        match (known, new) {
            (Some(known), Some(new)) if known == new => self.verdicts.insert(pair, Verdict::Same),
            (Some(_), Some(_)) => self.verdicts.insert(pair, Verdict::Other),
            _ => self.verdicts.remove(&pair),
        };
    }
}

/// The path with what changes from name to name left out: runs of letters and digits with a digit in them.
fn pattern(url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    let path = &url[Position::BeforeHost..Position::AfterPath];
    for run in path.split(|c: char| !c.is_ascii_alphanumeric()) {
        match run.bytes().any(|b| b.is_ascii_digit()) {
            true => 0_u8.hash(&mut hasher),
            false => run.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        format!("http://h/{path}").parse().unwrap()
    }

    #[test]
    fn the_first_new_name_and_one_in_ten_are_compared() {
        let mut places = Places::default();
        let signed = |n: u64| url(&format!("sig/{n:08x}0/seg.ts"));
        let mut compared = 0;
        for place in 1..=100 {
            for refresh in 1..20 {
                match places.renamed(&signed(place), &signed(place * 100 + refresh), place) {
                    Renamed::Compare(pair) => {
                        compared += 1;
                        places.compared(pair, Some([1; 32]), Some([1; 32]));
                    }
                    other => assert_eq!(other, Renamed::Alias),
                }
            }
        }
        assert_eq!(compared, 11);
    }

    #[test]
    fn names_with_other_bytes_are_no_aliases_and_other_patterns_are_judged_by_themselves() {
        let mut places = Places::default();
        let (a, b) = (url("a/seg7.ts"), url("b/seg7.ts"));
        let Renamed::Compare(pair) = places.renamed(&a, &b, 7) else {
            panic!("the first is compared");
        };
        assert_eq!(
            places.renamed(&a, &b, 7),
            Renamed::Alias,
            "until it is known"
        );
        places.compared(pair, Some([1; 32]), Some([2; 32]));
        assert_eq!(
            places.renamed(&url("a/seg8.ts"), &url("b/seg8.ts"), 8),
            Renamed::Other
        );
        assert!(matches!(
            places.renamed(&a, &url("c/seg7.ts"), 7),
            Renamed::Compare(_)
        ));
    }

    #[test]
    fn a_comparison_that_failed_is_made_again() {
        let mut places = Places::default();
        let (a, b) = (url("a/1.ts"), url("b/1.ts"));
        let Renamed::Compare(pair) = places.renamed(&a, &b, 1) else {
            panic!("the first is compared");
        };
        places.compared(pair, Some([1; 32]), None);
        assert_eq!(places.renamed(&a, &b, 1), Renamed::Compare(pair));
    }

    #[test]
    fn what_was_to_be_compared_when_all_began_again_is_compared_anew() {
        let mut places = Places::default();
        let (a, b) = (url("a/1.ts"), url("b/1.ts"));
        let compare = places.renamed(&a, &b, 1);
        assert_eq!(places.renamed(&a, &b, 1), Renamed::Alias, "it is under way");
        places.begin_again();
        assert_eq!(places.renamed(&a, &b, 1), compare);
    }
}
