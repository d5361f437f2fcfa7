//! When the next poll of a playlist is due, out of what the last one showed.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::{self, Clock};
use crate::hls::Step;
use crate::recorder::http::fetch::Hop;
use crate::recorder::schedule::times::{Asked, Polled, Saw, Times};

/// The polls of a playlist, and what the last one showed.
#[derive(Debug)]
pub(crate) struct PollTimes {
    pub(crate) times: Times,
    pub(crate) asked_us: i64,
    /// A poll was made.
    pub(crate) is_asked: bool,
    saw: Saw,
    is_doubted: bool,
}

impl PollTimes {
    /// The first poll is due now.
    pub(crate) fn new(now_us: i64) -> Self {
        Self {
            times: Times::new(now_us),
            asked_us: now_us,
            is_asked: false,
            saw: Saw::Behind,
            is_doubted: false,
        }
    }

    /// A poll was made.
    pub(crate) fn asked(&mut self, head: Option<&Hop>) {
        // Others may have been made since.
        self.asked_us = head.map_or(self.asked_us, |head| head.requested_us.max(self.asked_us));
        self.is_asked = true;
        self.saw = Saw::Behind;
        self.is_doubted = false;
    }

    /// It brought the playlist, by this hop; [`Self::stepped`] knows of changes. `since_us`: what came changed no earlier,
    /// where that is later than the request was made.
    pub(crate) fn answered(&mut self, last: &Hop, since_us: Option<i64>) {
        self.saw = Saw::Same(Asked {
            requested_us: since_us.unwrap_or(last.requested_us),
            response_us: last.response_us(),
        });
    }

    /// What it brought was so to what was there before; `segments`: how many more there were.
    pub(crate) fn stepped(&mut self, step: Step, segments: u64) {
        let Saw::Same(asked) = self.saw else {
            return;
        };
        self.saw = match step {
            Step::First | Step::Slid if self.is_doubted => Saw::Restart(asked),
            Step::First | Step::Slid => Saw::Advance(asked, segments),
            Step::Restarted => Saw::Restart(asked),
            Step::Same => Saw::Same(asked),
            Step::Behind => Saw::Behind,
        };
    }

    /// What it brought may have been there for longer than the polls before say: nothing is learnt of when.
    pub(crate) fn doubted(&mut self) {
        self.is_doubted = true;
    }

    /// `interval`: between polls; `is_least`: no two are to be closer, whatever is expected. `failed`: after so
    /// long a poll that failed is made again.
    pub(crate) fn next(
        &mut self,
        clock: Clock,
        (interval, is_least): (Duration, bool),
        failed: Option<Duration>,
        over: Instant,
    ) -> Instant {
        let over_us = clock.at_us(over);
        let saw = match failed {
            None => self.saw,
            Some(delay) => Saw::Fault(clock::micros(delay)),
        };
        let polled = Polled {
            asked_us: self.asked_us,
            over_us,
            saw,
        };
        let mut due_us = self.times.next(clock::micros(interval), polled);
        if is_least {
            // From poll to poll: on a grid each second one would come a moment too early, and be left out.
            let apart = interval.max(failed.unwrap_or_default());
            let least_us = self.asked_us.saturating_add(clock::micros(apart));
            due_us = least_us.max(over_us);
            self.times.settle(due_us);
        }
        let pause_us = due_us.saturating_sub(over_us);
        over + Duration::from_micros(u64::try_from(pause_us).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Polls every second at least, each some milliseconds after its moment, as they are once a host was asked too often.
    #[test]
    fn a_poll_that_failed_is_made_again_after_one_interval_where_none_is_to_be_closer() {
        let clock = Clock::start();
        let mut times = PollTimes::new(clock.started_us());
        let mut due = clock::instant();
        let mut poll = |due: Instant, failed: Option<Duration>| {
            let asked = due + Duration::from_millis(3);
            times.asked_us = clock.at_us(asked);
            times.saw = Saw::Same(Asked {
                requested_us: times.asked_us,
                response_us: times.asked_us + 1_000,
            });
            let over = asked + Duration::from_millis(2);
            (asked, times.next(clock, (SECOND, true), failed, over))
        };
        for _ in 0..20 {
            let (asked, next) = poll(due, None);
            assert!(next >= asked + SECOND, "{:?}", next - asked);
            due = next;
        }
        let (asked, next) = poll(due, Some(SECOND));
        let late = (next - asked).saturating_sub(SECOND);
        assert!(late < Duration::from_millis(100), "{late:?}");
    }
}
