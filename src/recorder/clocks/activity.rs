//! When the recorder was last known to be active, and when it stood still: who was stopped notices that at the first thing
//! that it does again, whatever that is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::notice::{Beat, noticed};
use crate::clock::{self, Clock, micros};
use crate::session::{Heartbeat, Notice, NoticeEvent};

/// Something happens at least so often: a beat.
pub(super) const EVERY: Duration = Duration::from_millis(100);
/// So many standstills are remembered, for what was under way meanwhile.
const MOST: usize = 64;
/// So many are told at a beat.
const MOST_UNTOLD: usize = 256;

/// What the recorder has noticed of its clocks and of itself; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug)]
struct Known {
    last: Beat,
    untold: Vec<NoticeEvent>,
    /// Standstills, and sleeps of the machine.
    away: VecDeque<NoticeEvent>,
}

impl Activity {
    pub(crate) fn new(clock: Clock) -> Self {
        let known = Known {
            last: read(clock),
            untold: Vec::new(),
            away: VecDeque::new(),
        };
        Self {
            clock,
            known: Arc::new(Mutex::new(known)),
        }
    }

    /// Something happens: a beat, a byte, the beginning or the end of a request.
    pub(crate) fn goes_on(&self) {
        let mut known = self.known();
        // Behind the lock: who waits for it reads no earlier moment.
        let now = read(self.clock);
        known.take(now);
    }

    /// What the clocks said last, and what was noticed since that was asked for.
    pub(super) fn take(&self) -> (Heartbeat, Vec<NoticeEvent>) {
        let mut known = self.known();
        (known.last.clocks, std::mem::take(&mut known.untold))
    }

    /// For how much of a time the recorder stood still. Moments in microseconds of Unix time.
    pub(crate) fn stood_still_us(&self, from_us: i64, until_us: i64) -> i64 {
        self.known().stood_still_us(from_us, until_us)
    }

    /// The same, and for how long its machine slept then, which takes no session time.
    pub(crate) fn away_us(&self, from_us: i64, until_us: i64) -> i64 {
        let known = self.known();
        let slept = known.away.iter().filter(|event| {
            event.kind == Notice::Suspended && (from_us..until_us).contains(&event.at_us)
        });
        let slept_us = slept.filter_map(|event| event.length_us).sum::<i64>();
        slept_us.saturating_add(known.stood_still_us(from_us, until_us))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take(&mut self, now: Beat) {
        for event in noticed(&self.last, &now, micros(EVERY)) {
            if matches!(event.kind, Notice::Stalled | Notice::Suspended) {
                self.away.push_back(event.clone());
            }
            if self.untold.len() < MOST_UNTOLD {
                self.untold.push(event);
            }
        }
        while self.away.len() > MOST {
            self.away.pop_front();
        }
        self.last = now;
    }

    fn stood_still_us(&self, from_us: i64, until_us: i64) -> i64 {
        let stood = self
            .away
            .iter()
            .filter(|event| event.kind == Notice::Stalled);
        let part_us = |event: &NoticeEvent| {
            let over_us = event.until_us().min(until_us);
            over_us.saturating_sub(event.at_us.max(from_us)).max(0)
        };
        stood.map(part_us).sum()
    }
}

fn read(clock: Clock) -> Beat {
    let reading = clock::reading();
    Beat {
        clocks: Heartbeat {
            at_us: clock.at_us(reading.moment),
            wall_us: reading.wall_us,
            boot_us: reading.boot_us,
        },
        spread_us: reading.spread_us,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    /// One that was active at second 100 last.
    fn activity() -> Activity {
        let activity = Activity::new(Clock::start());
        activity.known().last = beat(100 * S, 0);
        activity
    }

    /// `slept_us`: of the machine, until then.
    fn beat(at_us: i64, slept_us: i64) -> Beat {
        Beat {
            clocks: Heartbeat {
                at_us,
                wall_us: at_us + slept_us,
                boot_us: Some(at_us + slept_us),
            },
            spread_us: 0,
        }
    }

    fn goes_on(activity: &Activity, at_us: i64) {
        activity.known().take(beat(at_us, 0));
    }

    #[test]
    fn it_stood_still_since_whatever_happened_last() {
        let activity = activity();
        // A byte came just before it was stopped, and one just after.
        goes_on(&activity, 100 * S + 90_000);
        goes_on(&activity, 105 * S + 90_000);
        goes_on(&activity, 105 * S + 95_000);
        let (last, told) = activity.take();
        assert_eq!(last.at_us, 105 * S + 95_000);
        let [stood] = &told[..] else {
            panic!("{told:?}")
        };
        let span = (stood.at_us, stood.length_us);
        assert_eq!(span, (100 * S + 90_000, Some(5 * S)));
        assert_eq!(activity.take().1, [], "once");
        assert_eq!(activity.stood_still_us(0, i64::MAX), 5 * S);
        assert_eq!(activity.stood_still_us(104 * S, 105 * S), S);
        assert_eq!(activity.stood_still_us(106 * S, 109 * S), 0);
        assert_eq!(activity.stood_still_us(109 * S, 101 * S), 0);
    }

    #[test]
    fn who_is_a_little_late_stood_not_still() {
        let activity = activity();
        for n in 1..100 {
            goes_on(&activity, 100 * S + n * 2 * S);
        }
        assert_eq!(activity.take().1, []);
    }

    #[test]
    fn a_sleep_of_the_machine_is_no_session_time() {
        let activity = activity();
        activity.known().take(beat(101 * S, 60 * S));
        assert_eq!(activity.away_us(99 * S, 102 * S), 60 * S);
        assert_eq!(activity.stood_still_us(99 * S, 102 * S), 0);
        assert_eq!(activity.away_us(101 * S, 102 * S), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let activity = activity();
        for n in 1..10_000 {
            goes_on(&activity, 100 * S + n * 10 * S);
        }
        assert!(activity.known().away.len() <= MOST);
        assert_eq!(activity.take().1.len(), MOST_UNTOLD);
        let last_us = 100 * S + 9_999 * 10 * S;
        assert_eq!(activity.stood_still_us(last_us - S, last_us), S);
    }
}
