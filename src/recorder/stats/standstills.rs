//! What the log has of gaps that begin: one line of all playlists of a stream that stand still together, and none while
//! something else that is told explains it. Pure but for its lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::playlist::PlaylistStats;

/// Playlists that stand still together are seen to do so within about that time.
const TOGETHER: Duration = Duration::from_millis(500);

/// Playlists of a stream that stand still, to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standstill {
    /// The one that has done so for longest, by its label.
    pub label: String,
    /// Since when, in microseconds of Unix time, and for how long, in microseconds.
    pub since_us: i64,
    pub for_us: i64,
    /// How often that one should advance, in microseconds.
    pub expected_us: i64,
    /// How many do.
    pub playlists: usize,
}

/// Gaps of a stream of which the log has not said that they began.
#[derive(Debug, Default)]
pub(crate) struct Standstills(Mutex<Vec<Untold>>);

#[derive(Debug, Clone, Copy)]
struct Untold {
    /// The playlist, by its number.
    of: usize,
    expected_us: i64,
    until: Until,
}

/// For how long it is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Until a request has its answer, that is told if it takes long.
    Answered,
    At(Instant),
}

impl Untold {
    /// A playlist that is there again has as long to advance as RFC 8216bis 6.2.1 gives it.
    fn puts_off(&mut self, now: Instant) {
        let allowed_us = u64::try_from(self.expected_us.saturating_mul(3) / 2).unwrap_or(0);
        self.until = Until::At(now + Duration::from_micros(allowed_us).max(TOGETHER));
    }
}

impl Standstills {
    /// One begins; `hangs`: a request is under way that has had no answer for long.
    pub(crate) fn begins(&self, of: usize, expected_us: i64, hangs: bool, now: Instant) {
        let until = match hangs {
            true => Until::Answered,
            false => Until::At(now + TOGETHER),
        };
        let untold = Untold {
            of,
            expected_us,
            until,
        };
        self.untold().push(untold);
    }

    /// A request of the playlist is over.
    pub(crate) fn is_answered(&self, of: usize, now: Instant) {
        let mut untold = self.untold();
        let waits = |one: &&mut Untold| one.of == of && one.until == Until::Answered;
        untold
            .iter_mut()
            .filter(waits)
            .for_each(|one| one.puts_off(now));
    }

    /// Whether it is told of what keeps the playlist from advancing.
    pub(super) fn is_explained(&self, one: &PlaylistStats) -> bool {
        let waits = |untold: &Untold| untold.of == one.number && untold.until == Until::Answered;
        one.failing.spell().is_some() || self.untold().iter().any(waits)
    }

    /// What there is to tell now; `now_us`: in microseconds of Unix time.
    pub(super) fn due(
        &self,
        playlists: &[Arc<PlaylistStats>],
        (now, now_us): (Instant, i64),
    ) -> Option<Standstill> {
        let open: Vec<_> = (playlists.iter())
            .filter(|one| !one.is_over())
            .filter_map(|one| Some((now_us.saturating_sub(one.gaps.since_us()?), one)))
            .collect();
        let first = open.first().map(|(_, one)| one.number);
        let is_open = |of: usize| open.iter().any(|(_, one)| one.number == of);
        let mut is_due = false;
        self.untold().retain_mut(|untold| {
            // Another one of the same event may stand still for longer.
            match first {
                None => return false,
                Some(first) if !is_open(untold.of) => {
                    untold.of = first;
                    untold.puts_off(now);
                }
                Some(_) => {}
            }
            if fails(playlists, untold.of) {
                untold.puts_off(now);
            }
            let is_now = matches!(untold.until, Until::At(at) if at <= now);
            is_due |= is_now;
            !is_now
        });
        if !is_due {
            return None;
        }
        let told = open.iter().filter(|(_, one)| !self.is_explained(one));
        let told: Vec<_> = told.collect();
        let (for_us, one) = told.iter().max_by_key(|(for_us, _)| *for_us)?;
        Some(Standstill {
            label: one.label.clone(),
            since_us: now_us.saturating_sub(*for_us),
            for_us: *for_us,
            expected_us: one.target_us(),
            playlists: told.len(),
        })
    }

    fn untold(&self) -> MutexGuard<'_, Vec<Untold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fails(playlists: &[Arc<PlaylistStats>], of: usize) -> bool {
    let one = playlists.get(of);
    one.is_some_and(|one| one.failing.spell().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::recorder::stats::events::{Events, Skipped};
    use crate::recorder::stats::gaps::Gaps;

    const S: i64 = 1_000_000;

    /// Two playlists of a stream that should advance every two seconds, and did so last at 10 s.
    struct Stage {
        standstills: Standstills,
        both: [Arc<PlaylistStats>; 2],
        begun: Instant,
    }

    impl Stage {
        fn new() -> Self {
            let all: [Arc<Events>; 3] = Default::default();
            let both = [(0, "low"), (1, "high")].map(|(number, label)| {
                let one = PlaylistStats {
                    label: label.to_owned(),
                    number,
                    gaps: Gaps::new(all.clone(), number as i64),
                    ..PlaylistStats::default()
                };
                one.advanced(10 * S, 2 * S);
                Arc::new(one)
            });
            Self {
                standstills: Standstills::default(),
                both,
                begun: clock::instant(),
            }
        }

        fn at(&self, ms: i64) -> Instant {
            self.begun + Duration::from_millis(ms.unsigned_abs())
        }

        /// At 3 s one is known to have stood still since 10 s.
        fn stands(&self, number: usize, hangs: bool) {
            let one = &self.both[number];
            if one.gaps.lasts((10 * S, 13 * S), true) {
                (self.standstills).begins(number, 2 * S, hangs, self.at(3000));
            }
        }

        fn advances(&self, number: usize, at_us: i64) {
            let span_us = (10 * S, at_us);
            (self.both[number].gaps).ends(span_us, Skipped::default(), false);
        }

        fn due(&self, ms: i64) -> Option<Standstill> {
            let at = (self.at(ms), 10 * S + ms * 1000);
            self.standstills.due(&self.both, at)
        }
    }

    fn told(label: &str, for_us: i64, playlists: usize) -> Option<Standstill> {
        Some(Standstill {
            label: label.to_owned(),
            since_us: 10 * S,
            for_us,
            expected_us: 2 * S,
            playlists,
        })
    }

    #[test]
    fn those_that_stand_still_together_are_told_once() {
        let stage = Stage::new();
        stage.stands(0, false);
        assert_eq!(stage.due(3250), None);
        stage.stands(1, false);
        assert_eq!(stage.due(3500), told("high", 3_500_000, 2));
        assert_eq!(stage.due(9000), None);
    }

    #[test]
    fn one_that_is_over_at_once_has_no_beginning() {
        let stage = Stage::new();
        stage.stands(0, false);
        stage.advances(0, 13_400_000);
        assert_eq!(stage.due(3500), None);
        assert_eq!(stage.due(9000), None);
    }

    #[test]
    fn what_has_no_answer_is_told_as_that_and_what_stands_still_behind_it_is_told_then() {
        let stage = Stage::new();
        stage.stands(0, true);
        assert_eq!(stage.due(20_000), None);
        assert!(stage.standstills.is_explained(&stage.both[0]));
        // The playlist is there again, and has time to advance.
        stage.standstills.is_answered(0, stage.at(20_000));
        assert_eq!(stage.due(22_750), None);
        assert_eq!(stage.due(23_000), told("low", 23 * S, 1));
    }

    #[test]
    fn what_fails_is_told_by_itself() {
        let stage = Stage::new();
        stage.stands(0, false);
        stage.stands(1, false);
        let low = &stage.both[0];
        low.failing.fails(&["HTTP 503"], (12 * S, 13 * S), S);
        assert_eq!(stage.due(10_000), None);
        low.failing.is_over(20 * S);
        assert_eq!(stage.due(12_750), None);
        // The one that failed advances meanwhile, the other one does not.
        stage.advances(0, 22_900_000);
        assert_eq!(stage.due(13_000), None);
        assert_eq!(stage.due(16_000), told("high", 16 * S, 1));
    }
}
