//! The server's own clock: what time it is, and when session time 0 falls on it.

#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicI64, Ordering};

use super::timeline;
use crate::clock::{self, Clock};

/// The clock of requests whose path has none. Clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct ServerClock {
    time: Time,
    /// When session time 0 falls on it, in microseconds of Unix time.
    pub(crate) zero_us: i64,
    /// Session time at which it started, in microseconds.
    pub(crate) offset_us: i64,
    /// It is one for all replayers of copies of the session.
    pub(crate) is_shared: bool,
}

/// The source of the time.
#[derive(Debug, Clone)]
enum Time {
    /// It never steps.
    Own(Clock),
    /// The wall clock. Where it is set, all replayers that share it go with it.
    Wall,
    /// For tests: one hour later at each reading.
    #[cfg(test)]
    Hourly(Arc<AtomicI64>),
}

impl ServerClock {
    /// `zero_us`: when session time 0 is for all that replay copies of the session; `None`: this clock
    /// starts now, at `offset_us`.
    pub(crate) fn start(clock: Clock, zero_us: Option<i64>, offset_us: i64) -> Self {
        match zero_us {
            Some(zero_us) => Self {
                time: Time::Wall,
                zero_us,
                // A shared clock does not depend on when this replayer started.
                offset_us: 0,
                is_shared: true,
            },
            None => Self {
                zero_us: clock.now_us().saturating_sub(offset_us),
                time: Time::Own(clock),
                offset_us,
                is_shared: false,
            },
        }
    }

    /// Sets when session time 0 is, to that of the session that is being recorded.
    pub(crate) fn set_zero(&mut self, zero_us: i64) {
        self.zero_us = zero_us;
        self.offset_us = self.session_us();
    }

    /// Now, in microseconds of Unix time. A request reads this once, in `Request::new`.
    pub(crate) fn now_us(&self) -> i64 {
        match &self.time {
            Time::Own(clock) => clock.now_us(),
            Time::Wall => clock::system_us(),
            #[cfg(test)]
            Time::Hourly(now_us) => now_us.fetch_add(HOUR_US, Ordering::Relaxed),
        }
    }

    /// Session time now, in microseconds.
    pub(crate) fn session_us(&self) -> i64 {
        timeline::session_us(self.now_us(), self.zero_us)
    }

    /// Shows session time 0 at the next reading, and one hour more at each that follows.
    #[cfg(test)]
    pub(crate) fn advance_hourly(&mut self) {
        self.time = Time::Hourly(Arc::new(AtomicI64::new(self.zero_us)));
    }
}

#[cfg(test)]
pub(crate) const HOUR_US: i64 = 3_600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_of_its_own_starts_at_its_offset_and_goes_on() {
        let clock = Clock::start();
        let server = ServerClock::start(clock, None, 7_000_000);
        assert!(server.now_us() >= server.zero_us + 7_000_000);
        assert!(server.session_us() >= 7_000_000);
        assert!(server.session_us() < 7_000_000 + HOUR_US);
        assert_eq!((server.offset_us, server.is_shared), (7_000_000, false));
    }

    #[test]
    fn a_clock_that_is_shared_is_the_wall_clock() {
        let before_us = clock::system_us();
        let server = ServerClock::start(Clock::start(), Some(before_us - HOUR_US), 7_000_000);
        assert!(server.session_us() > 0 && server.session_us() < 2 * HOUR_US);
        assert_eq!((server.offset_us, server.is_shared), (0, true));
        assert_eq!(server.zero_us, before_us - HOUR_US);
    }

    #[test]
    fn session_zero_may_be_set_to_that_of_a_recording() {
        let mut server = ServerClock::start(Clock::start(), Some(HOUR_US), 0);
        server.advance_hourly();
        server.set_zero(HOUR_US - 7);
        assert_eq!((server.zero_us, server.offset_us), (HOUR_US - 7, 7));
        assert_eq!(
            server.session_us(),
            HOUR_US + 7,
            "it was read for the second time"
        );
    }
}
