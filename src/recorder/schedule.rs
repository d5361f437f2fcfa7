//! When to ask: the grid of a playlist, and the delays after failures. Pure.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

/// Polls are never closer than this, nor farther apart than [`MAX_POLL`], whatever a playlist or a user says.
pub const MIN_POLL: Duration = Duration::from_millis(200);
/// See [`MIN_POLL`].
pub const MAX_POLL: Duration = Duration::from_secs(60);

/// Interval before anything is known of the target duration.
pub(super) const FIRST_POLL: Duration = Duration::from_secs(1);

/// The interval that makes the time of a change known to within a quarter of the target
/// duration: at least 0.25 s, at most 2 s. RFC 8216bis 6.3.4 allows polls of half of it.
pub(super) fn poll_interval(
    target_duration: Option<Duration>,
    wished: Option<Duration>,
) -> Duration {
    if let Some(wished) = wished {
        return wished.clamp(MIN_POLL, MAX_POLL);
    }
    target_duration.map_or(FIRST_POLL, |target| {
        (target / 4).clamp(Duration::from_millis(250), Duration::from_secs(2))
    })
}

/// Delay before the next poll after so many failures in a row: from the interval itself to
/// four times that, at least 5 s, so that an origin in trouble is not made worse.
pub(super) fn poll_backoff(interval: Duration, failures: u32) -> Duration {
    let cap = (interval * 4).max(Duration::from_secs(5));
    exponential(interval, cap, failures)
}

/// Delay before a download is tried again.
pub(super) fn retry_delay(failures: u32) -> Duration {
    exponential(
        Duration::from_millis(500),
        Duration::from_secs(10),
        failures,
    )
}

/// Delay before a plain stream is asked for again: none after one that came for a while, then
/// more each time, and by chance, so that many recorders do not come back at once.
pub(super) fn reconnect_delay(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    backoff(Duration::from_millis(500), Duration::from_secs(15))
        .with_jitter()
        .build()
        .nth(failures.saturating_sub(1).min(32) as usize)
        .unwrap_or(Duration::from_secs(15))
}

fn exponential(from: Duration, to: Duration, failures: u32) -> Duration {
    backoff(from, to)
        .build()
        // Far past the cap, whatever the interval.
        .nth(failures.saturating_sub(1).min(32) as usize)
        .unwrap_or(to)
}

fn backoff(from: Duration, to: Duration) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(from)
        .with_max_delay(to)
        .with_factor(2.0)
        .without_max_times()
}

/// Moments at which a playlist is polled: an anchor and its multiples of the interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    last: Instant,
    interval: Duration,
}

impl Grid {
    /// A grid whose first moment is `first`.
    pub(super) fn new(first: Instant, interval: Duration) -> Self {
        Self {
            last: first,
            interval,
        }
    }

    /// Another interval, counted from the last moment used.
    pub(super) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// The present interval.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// The next moment after the last one, skipping those that passed while a poll was under way.
    pub(super) fn advance(&mut self, now: Instant) -> Instant {
        self.last += self.interval;
        if self.last < now {
            let missed = now.duration_since(self.last).as_nanos() / self.interval.as_nanos().max(1);
            let skip = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
            self.last += self.interval * skip;
        }
        self.last
    }

    /// As [`Self::advance`], but not before `delay` after the last moment.
    pub(super) fn advance_after(&mut self, delay: Duration, now: Instant) -> Instant {
        let earliest = self.last + delay;
        loop {
            let next = self.advance(now);
            if next >= earliest {
                return next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_interval_is_a_quarter_of_the_target_duration_within_bounds() {
        let interval = |target| poll_interval(Some(s(target)), None);
        assert_eq!(interval(6), Duration::from_millis(1500));
        assert_eq!(interval(10), s(2));
        assert_eq!(interval(1), Duration::from_millis(250));
        assert_eq!(interval(0), Duration::from_millis(250));
        assert_eq!(poll_interval(None, None), s(1));
        assert_eq!(poll_interval(Some(s(6)), Some(s(3))), s(3));
        assert_eq!(poll_interval(None, Some(Duration::ZERO)), MIN_POLL);
        assert_eq!(poll_interval(None, Some(s(3600))), MAX_POLL);
    }

    #[test]
    fn delays_grow_and_are_capped() {
        assert_eq!(poll_backoff(s(1), 1), s(1));
        assert_eq!(poll_backoff(s(1), 3), s(4));
        assert_eq!(poll_backoff(s(1), 1000), s(5));
        assert_eq!(retry_delay(1), Duration::from_millis(500));
        assert_eq!(retry_delay(u32::MAX), s(10));
    }

    proptest! {
        #[test]
        fn a_stream_comes_back_at_once_then_ever_later_up_to_a_cap(failures in 1_u32..100) {
            prop_assert_eq!(reconnect_delay(0), Duration::ZERO);
            let from = Duration::from_millis(500 * 2_u64.pow((failures - 1).min(5))).min(s(15));
            let delay = reconnect_delay(failures);
            prop_assert!(from <= delay && delay <= from * 2, "{failures}: {delay:?}");
        }

        #[test]
        fn every_moment_is_on_the_grid_and_in_the_future(interval_ms in 1_u64..5000, steps in prop::collection::vec(0_u64..20_000, 1..50)) {
            let start = crate::clock::instant();
            let interval = Duration::from_millis(interval_ms);
            let mut grid = Grid::new(start, interval);
            let mut now = start;
            for step in steps {
                now += Duration::from_millis(step);
                let next = grid.advance(now);
                prop_assert_eq!(next.duration_since(start).as_nanos() % interval.as_nanos(), 0);
                prop_assert!(next >= now);
                prop_assert!(next.duration_since(now) <= interval || next.duration_since(start) == interval);
                now = next;
            }
        }
    }
}
