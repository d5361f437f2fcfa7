//! Times of one kind, of which the longest are told apart. Pure.

/// So many are told apart, at most.
const MOST: usize = 1024;

/// Times of one kind in microseconds of Unix time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// The longest ones, in order: from when to when each was.
    pub longest: Vec<(i64, i64)>,
    /// How long the longest of all others was: each of [`Self::longest`] was longer. In microseconds; 0: there are no others.
    pub other_us: i64,
    /// How long the others were together, in microseconds.
    pub others_us: i64,
}

impl From<Vec<(i64, i64)>> for Times {
    fn from(longest: Vec<(i64, i64)>) -> Self {
        Self {
            longest,
            ..Self::default()
        }
    }
}

impl Times {
    /// One more, behind all that there are.
    pub(super) fn put(&mut self, time: (i64, i64)) {
        let length_us = length_us(time);
        if length_us <= self.other_us {
            self.others_us = self.others_us.saturating_add(length_us);
            return;
        }
        self.longest.push(time);
        if self.longest.len() > MOST {
            self.thin();
        }
    }

    /// Leaves the longer half of them. What is so often as long is usual, and goes as one.
    fn thin(&mut self) {
        let mut lengths: Vec<i64> = self.longest.iter().copied().map(length_us).collect();
        let middle = lengths.len() / 2;
        let (_, median_us, _) = lengths.select_nth_unstable(middle);
        self.other_us = *median_us;
        for time in self
            .longest
            .extract_if(.., |time| length_us(*time) <= *median_us)
        {
            self.others_us = self.others_us.saturating_add(length_us(time));
        }
    }

    /// Those that were longer than so many microseconds; not those that are not told apart.
    pub fn longer(&self, least_us: i64) -> impl Iterator<Item = (i64, i64)> {
        let longest = self.longest.iter().copied();
        longest.filter(move |time| length_us(*time) > least_us)
    }

    /// How long those were together that are not told apart, in microseconds, where one of them was longer than so many.
    pub fn others_longer_us(&self, least_us: i64) -> i64 {
        match self.other_us > least_us {
            true => self.others_us,
            false => 0,
        }
    }
}

fn length_us((from_us, until_us): (i64, i64)) -> i64 {
    until_us.saturating_sub(from_us).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(lengths: impl IntoIterator<Item = i64>) -> Times {
        let (mut times, mut now_us) = (Times::default(), 0);
        for length_us in lengths {
            times.put((now_us, now_us + length_us));
            now_us += length_us;
        }
        times
    }

    #[test]
    fn where_there_are_few_all_are_told_apart() {
        let times = of([7; MOST]);
        assert_eq!(times.longest.len(), MOST);
        assert_eq!((times.other_us, times.others_longer_us(0)), (0, 0));
    }

    #[test]
    fn of_very_many_that_are_alike_the_one_that_was_longer_is_told() {
        let times = of((0..5000).map(|n| if n == 3000 { 31 } else { 15 }));
        assert_eq!(times.longest, [(45_000, 45_031)]);
        assert_eq!(times.longer(31).count(), 0);
        assert_eq!(times.others_longer_us(15), 0);
        assert_eq!(times.others_longer_us(14), 4999 * 15);
    }

    proptest! {
        #[test]
        fn the_longest_are_told_and_nothing_is_lost(lengths in prop::collection::vec(1_i64..100_000, 0..5000)) {
            let times = of(lengths.iter().copied());
            prop_assert!(times.longest.len() <= MOST);
            prop_assert!(times.longest.is_sorted());
            let mut told: Vec<i64> = times.longest.iter().copied().map(length_us).collect();
            told.sort_unstable();
            let mut all = lengths;
            all.sort_unstable();
            let others = all.len() - told.len();
            prop_assert_eq!(&told, &all[others..]);
            prop_assert_eq!(times.others_us, all[..others].iter().sum::<i64>());
            prop_assert_eq!(times.other_us, all[..others].last().copied().unwrap_or(0));
        }
    }
}
