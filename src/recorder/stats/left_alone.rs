//! When hosts were left alone, as they had asked (`Retry-After`), for those who look on.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A host that asks for patience again so soon behind the time for which it had asked is left alone still, in microseconds: it is one time.
const AGAIN_US: i64 = 2_000_000;
/// Times that are kept, the last ones.
const MOST: usize = 64;

/// Times in which nothing was asked, since a host had asked for patience: from when until when, in microseconds of Unix time.
#[derive(Debug, Default)]
pub struct LeftAlone(Mutex<Vec<(i64, i64)>>);

impl LeftAlone {
    /// One begins, or goes on for longer.
    pub(crate) fn lasts(&self, (from_us, until_us): (i64, i64)) {
        let mut times = self.times();
        match times.last_mut() {
            Some(last) if goes_on(last.1, from_us) => last.1 = last.1.max(until_us),
            _ => times.push((from_us, until_us.max(from_us))),
        }
        if times.len() > MOST {
            times.remove(0);
        }
    }

    /// Since when it is so, times in a row counted as one, and until when it will be, in microseconds of Unix time; `None`: it is
    /// not so.
    pub fn spell(&self, now_us: i64) -> Option<(i64, i64)> {
        let times = self.times();
        let last = times.last().copied();
        last.filter(|(_, until_us)| goes_on(*until_us, now_us))
    }

    /// For so long between two moments it was so, in microseconds.
    pub fn between_us(&self, from_us: i64, until_us: i64) -> i64 {
        let times = self.times();
        let parts = times.iter().map(|time| {
            let over_us = time.1.min(until_us);
            over_us.saturating_sub(time.0.max(from_us)).max(0)
        });
        parts.fold(0, i64::saturating_add)
    }

    fn times(&self) -> MutexGuard<'_, Vec<(i64, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what was left alone until then is so still at a moment, in microseconds.
fn goes_on(until_us: i64, at_us: i64) -> bool {
    at_us.saturating_sub(until_us) <= AGAIN_US
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn a_host_that_asks_again_and_again_is_left_alone_since_the_first_time() {
        let left = LeftAlone::default();
        assert_eq!((left.spell(5), left.between_us(0, i64::MAX)), (None, 0));
        left.lasts((10 * S, 30 * S));
        left.lasts((12 * S, 30 * S));
        assert_eq!(left.spell(11 * S), Some((10 * S, 30 * S)));
        left.lasts((31 * S, 51 * S));
        assert_eq!(left.spell(40 * S), Some((10 * S, 51 * S)));
        assert_eq!(left.spell(53 * S), Some((10 * S, 51 * S)));
        assert_eq!(left.spell(53 * S + 1), None);
        assert_eq!(left.between_us(0, 40 * S), 30 * S, "polls by turns");
        assert_eq!(left.between_us(25 * S, 100 * S), 26 * S);
        left.lasts((60 * S, 61 * S));
        assert_eq!(left.spell(60 * S), Some((60 * S, 61 * S)));
    }

    #[test]
    fn a_host_that_asks_for_a_second_each_time_is_left_alone_for_all_of_ten_minutes() {
        let left = LeftAlone::default();
        (0..300).for_each(|n| left.lasts((n * 2 * S, n * 2 * S + S)));
        assert_eq!(left.spell(599 * S), Some((0, 599 * S)));
        assert_eq!(left.between_us(0, 600 * S), 599 * S);
    }

    #[test]
    fn of_very_many_times_the_last_ones_are_kept() {
        let left = LeftAlone::default();
        (0..1000).for_each(|n| left.lasts((n * 10 * S, n * 10 * S + S)));
        assert_eq!(left.between_us(0, i64::MAX), MOST as i64 * S);
    }
}
