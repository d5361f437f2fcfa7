//! Segments of a playlist that were listed and have not come so far, and through whom.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Segments that are told apart; of more only how many they are is known.
const MOST: usize = 4096;

/// The segments that have failed and not come yet.
#[derive(Debug, Default)]
pub struct Lost(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By media sequence number.
    by_number: BTreeMap<u64, Failed>,
    /// How many are no longer told apart.
    more: BTreeMap<LostBy, u64>,
}

#[derive(Debug)]
struct Failed {
    /// When it failed last, in microseconds of Unix time.
    at_us: i64,
    whose: LostBy,
}

/// Through whom a segment was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LostBy {
    /// It did not come.
    Origin,
    /// The recorder did not keep it, or did not ask for it, as it had no room.
    Recorder,
    /// The recorder did not ask for it: as many downloads were under way as it makes at once.
    Limit,
    /// The recorder did not ask for it: its host wanted to be left alone.
    LeftAlone,
    /// It was under way when the recorder stopped.
    CutOff,
    /// It was not asked for, or was to be asked for again, when the recorder stopped.
    Waiting,
}

impl Lost {
    /// One has failed.
    pub(crate) fn fails(&self, number: u64, at_us: i64, whose: LostBy) {
        let mut known = self.known();
        known.by_number.insert(number, Failed { at_us, whose });
        if known.by_number.len() > MOST
            && let Some((_, oldest)) = known.by_number.pop_first()
        {
            *known.more.entry(oldest.whose).or_default() += 1;
        }
    }

    /// It was under way when the recorder stopped; what has failed before stays that.
    pub(crate) fn cut_off(&self, number: u64, at_us: i64) {
        self.stopped(number, at_us, LostBy::CutOff);
    }

    /// It waited when the recorder stopped; what has failed before stays that.
    pub(crate) fn waits(&self, number: u64, at_us: i64) {
        self.stopped(number, at_us, LostBy::Waiting);
    }

    /// It waited for room when the recorder stopped.
    pub(crate) fn waits_for_room(&self, number: u64, at_us: i64) {
        self.stopped(number, at_us, LostBy::Recorder);
    }

    fn stopped(&self, number: u64, at_us: i64, whose: LostBy) {
        let is_known = self.known().by_number.contains_key(&number);
        if !is_known {
            self.fails(number, at_us, whose);
        }
    }

    /// It has come.
    pub(crate) fn comes(&self, number: u64) {
        self.known().by_number.remove(&number);
    }

    /// Whether one came last, and the recorder did not keep it.
    pub(crate) fn is_own(&self, number: u64) -> bool {
        let known = self.known();
        let failed = known.by_number.get(&number);
        failed.is_some_and(|failed| failed.whose == LostBy::Recorder)
    }

    /// Media sequence numbers from the first to the last of each row, and how many more there are: of those that failed through
    /// one of them last. `since_us`: those that failed last before are no longer kept.
    pub fn ranges(&self, since_us: i64, whose: LostBy) -> (Vec<(u64, u64)>, u64) {
        let known = self.known();
        let is_of = |failed: &Failed| failed.at_us >= since_us && failed.whose == whose;
        let kept = known.by_number.iter().filter(|(_, failed)| is_of(failed));
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (number, _) in kept {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        (ranges, known.more.get(&whose).copied().unwrap_or(0))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_failed_and_not_come_is_lost_until_it_is_no_longer_kept() {
        let lost = Lost::default();
        for number in [41, 43, 42, 50, 7] {
            lost.fails(number, 10, LostBy::Origin);
        }
        lost.comes(7);
        lost.fails(51, 30, LostBy::Origin);
        assert_eq!(
            lost.ranges(0, LostBy::Origin),
            (vec![(41, 43), (50, 51)], 0)
        );
        assert_eq!(lost.ranges(20, LostBy::Origin), (vec![(51, 51)], 0));
        for number in 100..100 + MOST as u64 {
            lost.fails(number, 40, LostBy::Origin);
        }
        assert_eq!(
            lost.ranges(0, LostBy::Origin),
            (vec![(100, 99 + MOST as u64)], 5)
        );
        lost.fails(u64::MAX, 40, LostBy::Origin);
        assert_eq!(lost.ranges(0, LostBy::Origin).1, 6);
    }

    #[test]
    fn what_the_recorder_did_not_keep_is_its_own_unless_it_does_not_come_either() {
        let lost = Lost::default();
        for number in [4, 5, 6] {
            lost.fails(number, 10, LostBy::Recorder);
        }
        lost.fails(5, 20, LostBy::Origin);
        assert_eq!(lost.ranges(0, LostBy::Recorder), (vec![(4, 4), (6, 6)], 0));
        assert_eq!(lost.ranges(0, LostBy::Origin), (vec![(5, 5)], 0));
        assert_eq!(
            [4, 5, 7].map(|number| lost.is_own(number)),
            [true, false, false]
        );
        for number in 100..100 + MOST as u64 {
            lost.fails(number, 40, LostBy::Origin);
        }
        assert_eq!(lost.ranges(0, LostBy::Recorder), (Vec::new(), 2));
        assert_eq!(lost.ranges(0, LostBy::Origin).1, 1);
    }
}
