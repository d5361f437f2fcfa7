//! Segments that are called something else at each refresh: whether a new name stands for the bytes that are
//! known. Pure.
//!
//! It is taken to, since the number counts first; the first of each pattern of names and one in ten
//! segments are fetched all the same and compared. Where bytes differ, names of that pattern are no aliases.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;
use url::{Position, Url};

use crate::recorder::plan::model::Key;
use crate::session::{ByteRange, Digest};

/// Patterns that are told apart; who makes up more has all of it fetched.
const PATTERNS: usize = 64;
/// One in so many segments is compared.
const ONE_IN: u64 = 10;
/// Aliases that are remembered, until their bytes are asked about.
const ALIASES: usize = 128;
/// Places that are remembered beside those of the window.
const BESIDE: usize = 64;

/// A name pattern before, and the one after.
pub(crate) type Pair = (u64, u64);

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
pub(crate) enum Renamed {
    /// It is another name of what is known.
    Alias,
    /// It is fetched, and compared with what is known.
    Compare(Pair),
    /// It is something else.
    Other,
}

/// A segment that is fetched to be compared with the one that had its place before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Twin {
    pub(crate) key: Key,
    pub(crate) pair: Pair,
}

/// A key as long as somebody else has its URL.
#[derive(Debug)]
struct Held {
    url: Weak<Url>,
    range: Option<ByteRange>,
}

impl Held {
    fn from_key(key: &Key) -> Self {
        Self {
            url: Arc::downgrade(&key.url),
            range: key.range,
        }
    }

    fn key(&self) -> Option<Key> {
        let url = self.url.upgrade()?;
        let range = self.range;
        Some(Key { url, range })
    }
}

fn hash_of(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Segments of a playlist by their places, and what is known of their names.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// As long as somebody else has them: what nobody knows any more has no other name.
    keys: BTreeMap<u64, Held>,
    verdicts: HashMap<Pair, Verdict>,
    /// The last place that was compared.
    compared: Option<u64>,
    /// Aliases of late, by their hashes: what each stands for.
    aliases: VecDeque<(u64, Held)>,
    /// When something was new last, by its place; and how often that has been doubted since.
    moved: Option<Instant>,
    doubts: u32,
}

impl Places {
    /// What was listed at a place first.
    pub(crate) fn get(&self, place: u64) -> Option<Key> {
        self.keys.get(&place)?.key()
    }

    /// Notes what is listed at a place, and lets go of the oldest: `listed` are in the window. The URL is the one
    /// that is kept of it.
    pub(crate) fn note(&mut self, place: u64, key: &Key, listed: usize, now: Instant) {
        if self
            .keys
            .last_key_value()
            .is_none_or(|(last, _)| *last < place)
        {
            (self.moved, self.doubts) = (Some(now), 0);
        }
        let known = self
            .keys
            .entry(place)
            .or_insert_with(|| Held::from_key(key));
        if known.key().is_none() {
            *known = Held::from_key(key);
        }
        while self.keys.len() > listed.saturating_mul(2).saturating_add(BESIDE) {
            self.keys.pop_first();
        }
    }

    /// Whether nothing has been new for so long, though a name at the end of the window is: numbers may stand still
    /// while the channel goes on. It is compared then.
    pub(crate) fn is_doubted(&mut self, place: u64, patience: Duration, now: Instant) -> bool {
        let is_last = self
            .keys
            .last_key_value()
            .is_some_and(|(last, _)| *last == place);
        let patience = patience.saturating_mul(2_u32.saturating_pow(self.doubts.min(16)));
        let since = |moved| now.saturating_duration_since(moved);
        let is_long = self.moved.is_some_and(|moved| since(moved) >= patience);
        let is_doubted = is_last && is_long;
        self.doubts += u32::from(is_doubted);
        is_doubted
    }

    /// A known pattern is compared once more.
    pub(crate) fn compare_again(&mut self, known: &Url, new: &Url) -> Renamed {
        let pair = (pattern(known), pattern(new));
        match self.verdicts.get_mut(&pair) {
            Some(verdict) if *verdict == Verdict::Same => {
                *verdict = Verdict::Asked;
                Renamed::Compare(pair)
            }
            Some(Verdict::Other) => Renamed::Other,
            _ => Renamed::Alias,
        }
    }

    /// What is listed at a place is something else from now on.
    pub(crate) fn replace(&mut self, place: u64, key: &Key) {
        self.keys.insert(place, Held::from_key(key));
    }

    /// Notes that a name is taken for what another stands for.
    pub(crate) fn alias(&mut self, new: &Key, known: &Key) {
        if self.aliases.len() >= ALIASES {
            self.aliases.pop_front();
        }
        self.aliases
            .push_back((hash_of(new), Held::from_key(known)));
    }

    /// What a name of late stands for: `Err`: it is not known yet. `None`: it is no alias, or was none.
    pub(crate) fn stands_for(&self, name: &Key) -> Option<Result<Key, ()>> {
        let hash = hash_of(name);
        let (_, known) = self.aliases.iter().rev().find(|(new, _)| *new == hash)?;
        let known = known.key()?;
        let pair = (pattern(&known.url), pattern(&name.url));
        match self.verdicts.get(&pair) {
            Some(Verdict::Same) => Some(Ok(known)),
            Some(Verdict::Asked) => Some(Err(())),
            _ => None,
        }
    }

    /// What to do with another URL at the place of a known one.
    pub(crate) fn renamed(&mut self, known: &Url, new: &Url, place: u64) -> Renamed {
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
    pub(crate) fn begin_again(&mut self) {
        self.verdicts
            .retain(|_, verdict| *verdict != Verdict::Asked);
    }

    /// Of a run before: the bytes of two names of one place.
    pub(crate) fn knew(
        &mut self,
        (known, known_sha256): (&Url, Digest),
        (new, new_sha256): (&Url, Digest),
    ) {
        let pair = (pattern(known), pattern(new));
        let is_other = self.verdicts.get(&pair) == Some(&Verdict::Other);
        if !is_other && self.verdicts.len() < PATTERNS {
            self.compared(pair, Some(known_sha256), Some(new_sha256));
        }
    }

    /// What came of a comparison; where there is nothing to compare the next one is.
    pub(crate) fn compared(&mut self, pair: Pair, known: Option<Digest>, new: Option<Digest>) {
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

    #[test]
    fn where_nothing_is_new_for_long_the_newest_name_is_compared_ever_later() {
        let mut places = Places::default();
        let start = crate::clock::instant();
        let key = Key {
            url: std::sync::Arc::new(url("1.ts")),
            range: None,
        };
        places.note(1, &key, 1, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        let patience = Duration::from_secs(6);
        let doubted: Vec<u64> = (0..100)
            .filter(|seconds| places.is_doubted(1, patience, at(*seconds)))
            .collect();
        assert_eq!(doubted, [6, 12, 24, 48, 96]);
        places.note(2, &key, 1, at(100));
        assert!(!places.is_doubted(1, patience, at(200)), "not the newest");
        assert!(places.is_doubted(2, patience, at(106)));
    }
}
