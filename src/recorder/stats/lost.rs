//! Segments of a playlist that were listed and have not come so far, though they were asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Segments that are told apart; of more only how many they are is known.
const MOST: usize = 4096;

/// The segments that have failed and not come yet.
#[derive(Debug, Default)]
pub struct Lost(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By media sequence number, and when each failed last, in microseconds of Unix time.
    by_number: BTreeMap<u64, i64>,
    /// Of those that are no longer told apart.
    more: u64,
}

impl Lost {
    /// One has failed.
    pub(crate) fn fails(&self, number: u64, at_us: i64) {
        let mut known = self.known();
        known.by_number.insert(number, at_us);
        if known.by_number.len() > MOST && known.by_number.pop_first().is_some() {
            known.more += 1;
        }
    }

    /// It has come.
    pub(crate) fn comes(&self, number: u64) {
        self.known().by_number.remove(&number);
    }

    /// Their media sequence numbers from the first to the last of each row, and how many more there are. `since_us`: those
    /// that failed last before are no longer kept.
    pub fn ranges(&self, since_us: i64) -> (Vec<(u64, u64)>, u64) {
        let known = self.known();
        let kept = known
            .by_number
            .iter()
            .filter(|(_, at_us)| **at_us >= since_us);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (number, _) in kept {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        (ranges, known.more)
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
            lost.fails(number, 10);
        }
        lost.comes(7);
        lost.fails(51, 30);
        assert_eq!(lost.ranges(0), (vec![(41, 43), (50, 51)], 0));
        assert_eq!(lost.ranges(20), (vec![(51, 51)], 0));
        for number in 100..100 + MOST as u64 {
            lost.fails(number, 40);
        }
        assert_eq!(lost.ranges(0), (vec![(100, 99 + MOST as u64)], 5));
        lost.fails(u64::MAX, 40);
        assert_eq!(lost.ranges(0).1, 6);
    }
}
