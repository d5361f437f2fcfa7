//! The only reader of time.
//!
//! Wall-clock moments are microseconds of Unix time, derived from one reading of the wall
//! clock and the monotonic clock since, so that a step of the wall clock bends no
//! timeline. No sleep is computed from wall time.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Wall time that never steps: one reading of the wall clock plus the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall_us: i64,
    anchor: Instant,
}

impl Clock {
    /// Reads the wall clock, once.
    pub fn start() -> Self {
        Self {
            wall_us: system_us(),
            anchor: Instant::now(),
        }
    }

    /// The same clock; set forward, if need be, so that it was not started before that moment.
    #[must_use]
    pub fn not_before(self, us: i64) -> Self {
        Self {
            wall_us: self.wall_us.max(us),
            ..self
        }
    }

    /// Now, in microseconds of Unix time.
    pub fn now_us(&self) -> i64 {
        self.at_us(Instant::now())
    }

    /// A monotonic moment in microseconds of Unix time.
    pub fn at_us(&self, moment: Instant) -> i64 {
        match moment.checked_duration_since(self.anchor) {
            Some(after) => self.wall_us.saturating_add(micros(after)),
            None => self
                .wall_us
                .saturating_sub(micros(self.anchor.duration_since(moment))),
        }
    }

    /// The moment at which this clock was started, in microseconds of Unix time.
    pub fn started_us(&self) -> i64 {
        self.wall_us
    }
}

/// The monotonic clock now.
pub fn instant() -> Instant {
    Instant::now()
}

/// The wall clock now, in microseconds of Unix time. It can step: for comparison with the
/// clocks of other processes only.
pub fn system_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or_else(|before| -micros(before.duration()), micros)
}

/// What the clocks of the machine say, at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The monotonic clock. It stands still while the machine sleeps.
    pub moment: Instant,
    /// The wall clock, in microseconds of Unix time.
    pub wall_us: i64,
    /// Microseconds since the machine was started, sleep included; `None`: this system does not say.
    pub boot_us: Option<i64>,
    /// The readings lie so far apart at most, in microseconds.
    pub spread_us: i64,
}

/// Reads are repeated so often where others had the processor in between.
const READ_TRIES: usize = 5;
/// Readings that lie closer together are good enough.
const GOOD_SPREAD_US: i64 = 100;

/// Reads all clocks at once, as nearly as can be.
pub fn reading() -> Reading {
    let mut best = read_once();
    for _ in 1..READ_TRIES {
        if best.spread_us <= GOOD_SPREAD_US {
            break;
        }
        let next = read_once();
        if next.spread_us < best.spread_us {
            best = next;
        }
    }
    best
}

fn read_once() -> Reading {
    let moment = Instant::now();
    let (wall_us, boot_us) = (system_us(), since_boot_us());
    Reading {
        moment,
        wall_us,
        boot_us,
        spread_us: micros(Instant::now().saturating_duration_since(moment)),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot_us() -> Option<i64> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    Some(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn since_boot_us() -> Option<i64> {
    None
}

/// A duration in whole microseconds; past the limits of `i64`, the limit.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_the_monotonic_clock_only() {
        let clock = Clock::start();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(clock.now_us() - clock.started_us(), 3_600_000_000);
    }

    #[test]
    fn all_clocks_are_read_at_one_moment() {
        let (before, one, two) = (instant(), reading(), reading());
        assert!(before <= one.moment && one.moment <= two.moment);
        assert!(one.spread_us >= 0 && one.boot_us <= two.boot_us);
        assert_eq!(one.boot_us.is_some(), cfg!(target_os = "linux"));
    }

    #[test]
    fn knows_moments_before_its_start() {
        let before = instant();
        let clock = Clock::start();
        assert!(clock.at_us(before) <= clock.started_us());
    }
}
