//! When a playlist is polled: around the moments at which it will advance, and evenly in between;
//! where that is not known, on an even grid. Never more often than the interval allows. Pure.

use super::rhythm::{Rhythm, Window};

/// So long before a window, and behind it, is polled, in microseconds.
const MARGIN_US: i64 = 15_000;
/// A window that is narrower needs no poll within.
const NARROW_US: i64 = 40_000;
/// Polls are never closer than this, in microseconds.
const CLOSEST_US: i64 = 40_000;
/// Polls that were allowed and not made: so many may be made up for.
const SAVED: i64 = 2;
/// So many of these are kept for an advance that comes late.
const IN_RESERVE: i64 = 1;

/// One poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Polled {
    /// When it was made.
    pub asked_us: i64,
    /// When all of it was over.
    pub over_us: i64,
    pub saw: Saw,
}

/// What a poll showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saw {
    /// The playlist as it was, when its last request was made and when that was answered.
    Same(Asked),
    /// An advance by so many segments.
    Advance(Asked, u64),
    /// Its sequence began again.
    Restart(Asked),
    /// What it had been before: an edge that lags behind.
    Behind,
    /// A fault. The grid goes on after so long, in microseconds; 0: as soon as may be.
    Fault(i64),
}

/// The request that a playlist came by: what it shows is of a moment in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub requested_us: i64,
    /// When the first byte came.
    pub response_us: i64,
}

/// The polls of one playlist. All times in microseconds.
#[derive(Debug)]
pub(crate) struct Times {
    rhythm: Rhythm,
    /// When the last poll was due.
    due_us: i64,
    /// When the last poll was made; none yet: when the first is due.
    asked_us: i64,
    /// What polls may be made of: an interval each. It grows as time passes, up to a limit.
    credit_us: i64,
    interval_us: i64,
    /// Until when the playlist is known not to have advanced again.
    unchanged_us: Option<i64>,
    /// From a request to what it shows, of late.
    half_wait_us: i64,
    /// Polls are never farther apart, faults aside.
    farthest_us: i64,
    /// Moments around the next advance that are still to come, the last one first.
    around: Vec<i64>,
    /// Polls behind these that still did not see it; `None`: no advance is awaited.
    overdue: Option<u32>,
    /// The next poll had to wait: what was not made meanwhile is not made up for.
    is_held: bool,
}

impl Times {
    /// The first poll is due at `first_us`.
    pub(crate) fn new(first_us: i64) -> Self {
        Self {
            rhythm: Rhythm::default(),
            due_us: first_us,
            asked_us: first_us,
            credit_us: 0,
            interval_us: 0,
            unchanged_us: None,
            half_wait_us: 0,
            farthest_us: 0,
            around: Vec::new(),
            overdue: None,
            is_held: false,
        }
    }

    /// The next poll is not due before, whatever was said: the origin asked for that.
    pub(crate) fn hold(&mut self, until_us: i64) {
        self.due_us = self.due_us.max(until_us);
        self.around.clear();
        self.overdue = None;
        self.is_held = true;
    }

    /// The next poll is due then, neither before nor after: what comes next is counted from there.
    pub(crate) fn settle(&mut self, due_us: i64) {
        self.due_us = due_us;
        self.hold(due_us);
    }

    /// When the next poll is due, after this one. Polls are allowed one an interval.
    pub(crate) fn next(&mut self, interval_us: i64, polled: Polled) -> i64 {
        let interval_us = interval_us.max(1);
        self.pay(interval_us, polled.asked_us);
        let delay_us = self.learn(polled.saw);
        let affordable_us = interval_us.saturating_sub(self.credit_us).max(CLOSEST_US);
        let earliest_us = polled
            .over_us
            .max(self.asked_us.saturating_add(affordable_us));
        self.drop_moments(earliest_us);
        self.due_us = match self.wished() {
            Some(wished_us) => {
                let farthest_us = self.asked_us.saturating_add(self.farthest_us);
                wished_us.min(farthest_us).max(earliest_us)
            }
            None if polled.saw == Saw::Fault(0) => earliest_us,
            None => self.on_grid(earliest_us.max(self.due_us.saturating_add(delay_us))),
        };
        self.due_us
    }

    /// Takes a poll out of what is allowed.
    fn pay(&mut self, interval_us: i64, asked_us: i64) {
        let passed_us = asked_us.saturating_sub(self.asked_us).max(0);
        if self.interval_us == 0 {
            // The first one.
            self.credit_us = interval_us;
        }
        self.interval_us = interval_us;
        let most_us = (SAVED + 1).saturating_mul(interval_us);
        let credit_us = match std::mem::take(&mut self.is_held) {
            true => interval_us,
            false => self.credit_us.saturating_add(passed_us).min(most_us),
        };
        self.credit_us = credit_us.saturating_sub(interval_us);
        self.asked_us = self.asked_us.max(asked_us);
    }

    /// Takes in what was seen; how long the grid is to be left alone.
    fn learn(&mut self, saw: Saw) -> i64 {
        match saw {
            Saw::Same(asked) => {
                let seen_us = self.sample(asked);
                self.unchanged_us = Some(seen_us);
            }
            Saw::Advance(asked, segments) => {
                let by_us = self.sample(asked);
                if let Some(after_us) = self.unchanged_us.replace(by_us) {
                    self.rhythm.advanced(segments, Window { after_us, by_us });
                }
                self.expect();
            }
            Saw::Restart(asked) => {
                self.rhythm.forget();
                self.unchanged_us = Some(self.sample(asked));
                self.expect();
            }
            Saw::Behind => {}
            Saw::Fault(delay_us) => {
                self.around.clear();
                self.overdue = None;
                return delay_us;
            }
        }
        0
    }

    /// The moment that an answer shows.
    fn sample(&mut self, asked: Asked) -> i64 {
        let wait_us = asked.response_us.saturating_sub(asked.requested_us).max(0);
        self.half_wait_us += (wait_us / 2 - self.half_wait_us) / 4;
        asked.requested_us.saturating_add(wait_us / 2)
    }

    /// Plans the polls around the next advance.
    fn expect(&mut self) {
        self.around.clear();
        self.overdue = None;
        let (Some(window), Some(period_us)) = (self.rhythm.next(), self.rhythm.period_us()) else {
            return;
        };
        // Then the even grid is as good a guess, and bounds how late a change is seen.
        if self.rhythm.waver_us() > self.interval_us / 2 {
            return;
        }
        // A period may be a little shorter than it is.
        let allowed = period_us.saturating_add(self.interval_us / 8) / self.interval_us;
        let width_us = window.by_us.saturating_sub(window.after_us).max(0);
        let (count, first_us, step_us) = match allowed {
            ..=1 => return,
            // Just before it and just after.
            _ if width_us <= NARROW_US => (2, -MARGIN_US, width_us + 2 * MARGIN_US),
            // Within, and just after: the next window is half as wide, or a third.
            4.. if width_us > self.interval_us => (3, width_us / 3, width_us / 3 + MARGIN_US / 2),
            _ => (2, width_us / 2, width_us / 2 + MARGIN_US),
        };
        // Where two polls are all that a period allows, both are needed around the advance.
        let halves = if allowed == 2 { 4 } else { 3 };
        self.farthest_us = self.interval_us.saturating_mul(halves) / 2;
        let first_us = window.after_us.saturating_add(first_us - self.half_wait_us);
        let step_us = step_us.max(CLOSEST_US);
        let moment = |n| first_us.saturating_add(step_us.saturating_mul(n));
        self.around.extend((0..count).rev().map(moment));
        self.overdue = Some(0);
    }

    /// Leaves out moments that have passed, and those that would put off what comes behind them:
    /// the last one is the one that counts.
    fn drop_moments(&mut self, earliest_us: i64) {
        while let Some(&moment_us) = self.around.last() {
            let last_us = self.around.first().copied().unwrap_or(moment_us);
            let left_us = last_us.saturating_sub(self.asked_us);
            let needed_us = self.interval_us.saturating_mul(self.around.len() as i64);
            let is_affordable = self.credit_us.saturating_add(left_us) >= needed_us;
            if moment_us >= earliest_us && (is_affordable || self.around.len() == 1) {
                return;
            }
            self.around.pop();
        }
    }

    /// When to poll on account of the next advance; `None`: it is not awaited.
    fn wished(&mut self) -> Option<i64> {
        let overdue = self.overdue.as_mut()?;
        let Some(&moment_us) = self.around.last() else {
            // Soon, then ever later, up to the interval.
            *overdue = overdue.saturating_add(1);
            let delay_us = (MARGIN_US << (*overdue).min(16)).min(self.interval_us);
            return Some(self.asked_us.saturating_add(delay_us));
        };
        let left_us = moment_us.saturating_sub(self.asked_us);
        let allowed = self.credit_us.saturating_add(left_us) / self.interval_us;
        // What the moments around the advance leave is for the time before them.
        let between = allowed - self.around.len() as i64 + 1 - IN_RESERVE;
        if between > 0 && left_us > self.interval_us {
            return Some(self.asked_us.saturating_add(left_us / (between + 1)));
        }
        Some(moment_us)
    }

    /// The first moment of the even grid that is no earlier.
    fn on_grid(&self, earliest_us: i64) -> i64 {
        let behind_us = earliest_us.saturating_sub(self.due_us).max(1);
        let intervals = behind_us.saturating_add(self.interval_us - 1) / self.interval_us;
        self.due_us
            .saturating_add(intervals.saturating_mul(self.interval_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1000;

    fn at_once(us: i64) -> Asked {
        Asked {
            requested_us: us,
            response_us: us,
        }
    }

    /// What may come of a poll: in how long it is over, and what it showed.
    fn outcome() -> impl Strategy<Value = (i64, i64, u8, u64)> {
        (0..300 * MS, 0..3_000 * MS, 0..12_u8, 0..4_u64)
    }

    proptest! {
        #[test]
        fn no_answers_make_polls_come_faster_than_the_budget(
            interval in 200 * MS..5_000 * MS,
            outcomes in prop::collection::vec(outcome(), 1..300),
        ) {
            let mut times = Times::new(0);
            let (mut due, mut over) = (0, 0_i64);
            let mut asked = Vec::new();
            for (lag, wait, what, segments) in outcomes {
                // Now and then the recorder itself is late.
                let now = due.max(over) + if what == 0 { lag } else { 0 };
                let wait = wait / if what < 3 { 1 } else { 30 };
                let sample = Asked { requested_us: now, response_us: now + wait };
                over = now + wait;
                let saw = match what {
                    1 => Saw::Fault(segments as i64 * interval),
                    2 => Saw::Restart(sample),
                    3 => Saw::Behind,
                    4..=7 => Saw::Advance(sample, segments),
                    _ => Saw::Same(sample),
                };
                asked.push(now);
                due = times.next(interval, Polled { asked_us: now, over_us: over, saw });
                prop_assert!(due >= over && due >= now + CLOSEST_US);
                if !matches!(saw, Saw::Fault(_)) {
                    let farthest = (now + 2 * interval).max(over + interval);
                    prop_assert!(due <= farthest, "{due} {farthest}");
                }
            }
            for (first, from) in asked.iter().enumerate() {
                for (last, to) in asked.iter().enumerate().skip(first) {
                    let polls = (last - first + 1) as i64;
                    prop_assert!(polls <= (to - from) / interval + SAVED + 1, "{asked:?}");
                }
            }
        }

        #[test]
        fn without_a_rhythm_every_moment_is_on_the_grid_and_in_the_future(
            interval in 40 * MS..5_000 * MS, waits in prop::collection::vec(0..20_000 * MS, 1..50),
        ) {
            let mut times = Times::new(0);
            let mut due = 0;
            for wait in waits {
                let over_us = due + wait;
                let before = due;
                let polled = Polled { asked_us: due, over_us, saw: Saw::Same(at_once(due)) };
                due = times.next(interval, polled);
                prop_assert_eq!(due % interval, 0);
                prop_assert!(due > before && due >= over_us);
                prop_assert!(due - over_us <= interval);
            }
        }

        #[test]
        fn nothing_is_too_odd_to_be_taken(
            interval in any::<i64>(),
            all in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>(), any::<u64>()), 1..40),
        ) {
            let mut times = Times::new(0);
            for (asked_us, over_us, response_us, segments) in all {
                let asked = Asked { requested_us: asked_us, response_us };
                times.next(interval, Polled { asked_us, over_us, saw: Saw::Advance(asked, segments) });
            }
        }
    }

    #[test]
    fn what_an_origin_wanted_to_be_spared_is_not_made_up_for_later() {
        let mut times = Times::new(0);
        let same = |asked_us| Polled {
            asked_us,
            over_us: asked_us + 10 * MS,
            saw: Saw::Same(at_once(asked_us)),
        };
        let mut now = 0;
        for n in 0..20_u64 {
            let saw = Saw::Advance(at_once(now), u64::from(n % 4 == 0));
            now = times.next(500 * MS, Polled { saw, ..same(now) });
        }
        let until = now + 30_000 * MS;
        times.hold(until);
        let mut polls = vec![until];
        for _ in 0..8 {
            let last = polls[polls.len() - 1];
            polls.push(times.next(2_000 * MS, same(last)));
        }
        for pair in polls.windows(2) {
            assert!(pair[1] - pair[0] >= 2_000 * MS, "{polls:?}");
        }
    }

    #[test]
    fn a_fault_puts_the_next_poll_off_along_the_grid() {
        let mut times = Times::new(0);
        let fault = |asked_us, delay_us| Polled {
            asked_us,
            over_us: asked_us + 10 * MS,
            saw: Saw::Fault(delay_us),
        };
        assert_eq!(times.next(500 * MS, fault(0, 500 * MS)), 500 * MS);
        assert_eq!(
            times.next(500 * MS, fault(500 * MS, 1_900 * MS)),
            2_500 * MS
        );
    }
}
