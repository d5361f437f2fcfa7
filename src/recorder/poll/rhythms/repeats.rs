//! Loops, rings and slates of any period in windows of any length: each advance is seen, and each segment is fetched as
//! often as `docs/design/windows.md` says.

use proptest::prelude::*;

use super::*;

/// A live channel that calls its segments by turns.
#[derive(Debug, Clone)]
struct Turns {
    names: Vec<u64>,
    /// How many segments it lists.
    count: u64,
    dates: bool,
    /// A name has other bytes for each segment.
    written_over: bool,
}

impl Turns {
    fn name(&self, segment: u64) -> u64 {
        self.names[segment as usize % self.names.len()]
    }

    fn content(&self, segment: u64) -> u64 {
        match self.written_over {
            true => segment,
            false => self.name(segment),
        }
    }

    fn window_of(&self, last: u64) -> std::ops::RangeInclusive<u64> {
        last + 1 - self.count..=last
    }

    fn answer(&self, poll: u64) -> Answer {
        let segments = self.window_of(last(poll));
        Answer {
            number: Some(*segments.start()),
            segments: segments
                .map(|n| Listed {
                    content: self.content(n),
                    date: self.dates.then_some(n * 2),
                    ..listed(format!("{}.ts", self.name(n)), n)
                })
                .collect(),
        }
    }

    /// How often each content is to be fetched: once for all that the first text lists under a name, and then for each
    /// segment; of a name for one segment after the other ever less often while its bytes stay.
    fn documented(&self) -> BTreeMap<u64, u32> {
        let mut fetches = BTreeMap::new();
        let mut fetch = |n| *fetches.entry(self.content(n)).or_default() += 1;
        // Of each name: where it was listed last, for how many it is taken for what is known, and for how many it is not
        // fetched any more.
        let mut known: BTreeMap<u64, (u64, u32, u32)> = BTreeMap::new();
        for n in self.window_of(last(0)) {
            known.insert(self.name(n), (n, 1, 0));
        }
        known.values().for_each(|(newest, ..)| fetch(*newest));
        for n in last(0) + 1..=last(POLLS - 1) {
            let is_listed = self
                .window_of(n - 1)
                .any(|one| self.name(one) == self.name(n));
            let before = known.get(&self.name(n)).copied().filter(|_| is_listed);
            let now = match before {
                Some((newest, one_in, skipped @ 1..)) if newest + 1 == n => {
                    (n, one_in, skipped - 1)
                }
                Some((_, one_in, _)) => {
                    fetch(n);
                    let one_in = if self.written_over {
                        1
                    } else {
                        (one_in * 2).min(10)
                    };
                    (n, one_in, one_in - 1)
                }
                None => {
                    fetch(n);
                    (n, 1, 0)
                }
            };
            known.insert(self.name(n), now);
        }
        fetches
    }
}

fn turns() -> impl Strategy<Value = Turns> {
    let names = prop::collection::vec(0_u64..4, 1..9);
    (names, 1_u64..8, any::<bool>(), any::<bool>()).prop_map(
        |(names, count, dates, written_over)| Turns {
            names,
            count,
            dates,
            written_over,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn names_by_turns_hide_no_advance_and_are_fetched_as_documented(turns in turns()) {
        let outcome = simulate(|poll| turns.answer(poll));
        let advances = &outcome.true_advances;
        prop_assert_eq!(outcome.at_once.is_right(advances), Ok(()), "at once");
        prop_assert_eq!(outcome.in_the_end.is_right(advances), Ok(()), "in the end");
        prop_assert_eq!(outcome.fetches, turns.documented());
    }
}
