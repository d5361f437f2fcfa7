//! Renditions that differ: from when to when, and where several agree against one, which is the odd one. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::analysis::finding::{Evidence, MOST_EXCHANGES, Sightings};
use crate::analysis::rules::broken::Broken;

/// Differences that are told apart.
const MOST: usize = 2000;
/// Names of other playlists in one sentence; of more it says how many there are.
const MOST_NAMES: usize = 3;

/// What two renditions differ in. The two are one side and the other: 0 and 1.
pub trait Difference {
    /// Id of the rule.
    fn rule(&self) -> &'static str;

    /// What of the rule it is about: differences of two things are two.
    fn part(&self) -> u64 {
        0
    }

    /// Which of the two it is told of, where no third one says which is odd.
    fn side(&self) -> usize;

    /// The sentence about one side.
    fn tell(&self, side: usize, names: &Names<'_>) -> Broken;

    /// The same pair differs again.
    fn again(&mut self, now: Self);
}

/// What playlists are called in a sentence.
#[derive(Debug)]
pub struct Names<'a> {
    /// The one that it is about.
    pub odd: &'a str,
    /// The others, in words.
    pub others: String,
    /// They are several.
    pub are_many: bool,
}

/// A difference that is told.
#[derive(Debug)]
pub struct Told {
    /// Row of the playlist that it is told of.
    pub id: i64,
    /// What is wrong.
    pub broken: Broken,
    /// When, and how often.
    pub seen: Sightings,
}

#[derive(Debug)]
struct Dispute<D> {
    /// Rows of two playlists: side 0 and side 1.
    ids: [i64; 2],
    difference: D,
    seen: Sightings,
}

impl<D: Difference> Dispute<D> {
    fn side_of(&self, id: i64) -> Option<usize> {
        self.ids.iter().position(|own| *own == id)
    }

    /// Both were so at one time.
    fn is_beside(&self, other: &Self) -> bool {
        self.difference.rule() == other.difference.rule()
            && self.difference.part() == other.difference.part()
            && self.seen.first.at_us <= other.seen.last.at_us
            && other.seen.first.at_us <= self.seen.last.at_us
    }
}

/// What the renditions of a stream differ in.
#[derive(Debug)]
pub struct Disputes<D> {
    all: Vec<Dispute<D>>,
    /// Those that go on, by rule, rows, and what of the rule they are about.
    open: HashMap<(&'static str, [i64; 2], u64), usize>,
    names: BTreeMap<i64, String>,
    left_out: u64,
}

impl<D> Default for Disputes<D> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            open: HashMap::new(),
            names: BTreeMap::new(),
            left_out: 0,
        }
    }
}

impl<D: Difference> Disputes<D> {
    /// What a playlist is called.
    pub fn name(&mut self, id: i64, name: &str) {
        self.names.entry(id).or_insert_with(|| name.to_owned());
    }

    /// Two playlists differ, side 0 and side 1: those of one pair are always given in one order. `counts`: each time is counted,
    /// otherwise it is once, however long.
    pub fn differ(&mut self, ids: [i64; 2], difference: D, at: Evidence, counts: bool) {
        let key = (difference.rule(), ids, difference.part());
        if let Some(dispute) = self.open.get(&key).and_then(|at| self.all.get_mut(*at)) {
            match counts {
                true => dispute.seen.again(at),
                false if at.at_us >= dispute.seen.last.at_us => dispute.seen.last = at,
                false => {}
            }
            dispute.difference.again(difference);
            return;
        }
        if self.all.len() >= MOST {
            self.left_out += 1;
            return;
        }
        self.open.insert(key, self.all.len());
        self.all.push(Dispute {
            ids,
            difference,
            seen: Sightings::once(at),
        });
    }

    /// They differ no more, by one rule or, of one of them, by all that are meant.
    pub fn close(&mut self, is_meant: impl Fn(&'static str, [i64; 2]) -> bool) {
        self.open.retain(|(rule, ids, _), _| !is_meant(rule, *ids));
    }

    /// How many were too many to be told apart.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// All of them, in the order in which they began.
    pub fn finish(mut self) -> Vec<Told> {
        self.all.sort_by_key(|dispute| dispute.seen.first.at_us);
        let mut is_told = vec![false; self.all.len()];
        let mut told = Vec::new();
        for at in 0..self.all.len() {
            if is_told.get(at).copied().unwrap_or(true) {
                continue;
            }
            let Some(dispute) = self.all.get(at) else {
                continue;
            };
            let star = dispute
                .ids
                .iter()
                .filter_map(|id| self.star(at, *id, &is_told))
                .max_by_key(|(_, star)| star.len());
            let (id, star) = star.unwrap_or_else(|| {
                let side = dispute.difference.side().min(1);
                (dispute.ids.get(side).copied().unwrap_or_default(), vec![at])
            });
            for index in &star {
                if let Some(is_told) = is_told.get_mut(*index) {
                    *is_told = true;
                }
            }
            told.extend(self.tell(id, &star));
        }
        told
    }

    /// Differences of one playlist with several others at one time, which have none among each other.
    fn star(&self, at: usize, id: i64, is_told: &[bool]) -> Option<(i64, Vec<usize>)> {
        let dispute = self.all.get(at)?;
        let mut partners: BTreeSet<i64> = BTreeSet::new();
        let mut star = Vec::new();
        for (index, other) in self.all.iter().enumerate() {
            let is_new = !is_told.get(index).copied().unwrap_or(true);
            if let Some(side) = other
                .side_of(id)
                .filter(|_| is_new && other.is_beside(dispute))
            {
                partners.extend(other.ids.get(1 - side));
                star.push(index);
            }
        }
        let is_among = |other: &Dispute<D>| other.ids.iter().all(|id| partners.contains(id));
        let agree = !self
            .all
            .iter()
            .any(|other| is_among(other) && other.is_beside(dispute));
        (partners.len() > 1 && agree).then_some((id, star))
    }

    fn tell(&self, id: i64, star: &[usize]) -> Option<Told> {
        let disputes: Vec<_> = star.iter().filter_map(|at| self.all.get(*at)).collect();
        let first = disputes.first()?;
        let side = first.side_of(id)?;
        let of = |id: &i64| self.names.get(id).map_or("", String::as_str);
        let others: BTreeSet<&str> = disputes
            .iter()
            .flat_map(|dispute| dispute.ids.iter().filter(|other| **other != id))
            .map(of)
            .collect();
        let names = Names {
            odd: of(&id),
            others: in_words(&others, self.names.len()),
            are_many: others.len() > 1,
        };
        let listed: Vec<&str> = others.iter().copied().take(8).collect();
        Some(Told {
            id,
            broken: first
                .difference
                .tell(side, &names)
                .with("other_playlists", listed),
            seen: together(&disputes, first),
        })
    }
}

/// `low.m3u8`, `low.m3u8 and audio.m3u8`, `all others`.
fn in_words(others: &BTreeSet<&str>, playlists: usize) -> String {
    let names: Vec<&str> = others.iter().copied().collect();
    match names.as_slice() {
        [one] => (*one).to_owned(),
        many if many.len() + 1 == playlists => "all others".to_owned(),
        many if many.len() > MOST_NAMES => format!("{} others", many.len()),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
        [] => String::new(),
    }
}

fn together<D>(disputes: &[&Dispute<D>], first: &Dispute<D>) -> Sightings {
    let mut seen = first.seen.clone();
    for other in disputes {
        seen.count = seen.count.max(other.seen.count);
        if other.seen.first.at_us < seen.first.at_us {
            seen.first = other.seen.first;
        }
        if other.seen.last.at_us > seen.last.at_us {
            seen.last = other.seen.last;
        }
        seen.exchanges.extend(&other.seen.exchanges);
    }
    seen.exchanges.sort_unstable();
    seen.exchanges.dedup();
    seen.exchanges.truncate(MOST_EXCHANGES);
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Other;

    impl Difference for Other {
        fn rule(&self) -> &'static str {
            "X01"
        }

        fn side(&self) -> usize {
            1
        }

        fn tell(&self, _: usize, names: &Names<'_>) -> Broken {
            Broken::new("X01", format!("{}, not {}", names.odd, names.others))
        }

        fn again(&mut self, _: Self) {}
    }

    fn at(at_us: i64) -> Evidence {
        Evidence {
            at_us,
            exchange: Some(at_us),
        }
    }

    /// What is told of pairs that differ at moments.
    fn told(pairs: &[(i64, i64, i64)]) -> Vec<String> {
        let mut disputes = Disputes::default();
        for (id, name) in (1..).zip(["a", "b", "c", "d"]) {
            disputes.name(id, name);
        }
        for (one, other, at_us) in pairs {
            disputes.differ([*one, *other], Other, at(*at_us), true);
        }
        let told = disputes.finish().into_iter();
        told.map(|told| told.broken.text).collect()
    }

    #[test]
    fn where_several_agree_against_one_it_is_the_odd_one() {
        let odd = [
            (1, 2, 5),
            (2, 3, 5),
            (2, 4, 6),
            (1, 2, 9),
            (2, 3, 9),
            (2, 4, 9),
        ];
        assert_eq!(told(&odd), ["b, not all others"]);
        assert_eq!(told(&odd[..2]), ["b, not a and c"]);
        assert_eq!(told(&odd[..1]), ["b, not a"], "nobody knows");
    }

    #[test]
    fn where_nobody_agrees_each_pair_is_told() {
        let none = [(1, 2, 5), (1, 3, 5), (2, 3, 5)];
        assert_eq!(told(&none), ["b, not a", "c, not a", "c, not b"]);
    }

    #[test]
    fn two_that_are_odd_are_told_each() {
        let two = [(1, 2, 5), (1, 3, 5), (2, 4, 5), (3, 4, 5)];
        assert_eq!(told(&two).len(), 2);
    }

    #[test]
    fn what_is_over_is_another_difference_when_it_comes_again() {
        let mut disputes = Disputes::default();
        for at_us in [5, 7] {
            disputes.differ([1, 2], Other, at(at_us), false);
        }
        disputes.close(|rule, ids| rule == "X01" && ids.contains(&2));
        disputes.differ([1, 2], Other, at(9), false);
        let spans: Vec<_> = disputes
            .finish()
            .into_iter()
            .map(|told| (told.seen.count, told.seen.first.at_us, told.seen.last.at_us))
            .collect();
        assert_eq!(spans, [(1, 5, 7), (1, 9, 9)]);
    }
}
