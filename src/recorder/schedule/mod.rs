//! When to ask: how often a playlist, how long after failures; [`times`] has the moments. Pure.

mod rhythm;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

pub(super) mod times;

#[cfg(test)]
mod simulation;

/// The interval of polls is never shorter than this, nor longer than [`MAX_POLL`], whatever a playlist or a user says.
pub const MIN_POLL: Duration = Duration::from_millis(200);
/// See [`MIN_POLL`].
pub const MAX_POLL: Duration = Duration::from_secs(60);

/// Interval before anything is known of the target duration.
pub(super) const FIRST_POLL: Duration = Duration::from_secs(1);

/// A target duration, where none is known.
const SEARCH: Duration = Duration::from_secs(6);

/// A raw stream that fails is asked for so often.
const RAW_INTERVAL: Duration = Duration::from_secs(1);

/// What takes so long to be taken in is polled less often.
const COSTLY: Duration = Duration::from_millis(100);

/// On average a poll is made in so long: a quarter of the target duration, at least 0.25 s, at most
/// 2 s. RFC 8216bis 6.3.4 allows polls of half of it.
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

/// The least interval of a playlist that takes so long to be taken in: nine tenths of the time are left for others. It is
/// no more than two and a quarter target durations, since a window has three (RFC 8216bis 6.2.2); ordinary playlists take
/// some milliseconds.
pub(super) fn costly_interval(taken: Duration, target_duration: Option<Duration>) -> Duration {
    if taken < COSTLY {
        return Duration::ZERO;
    }
    let most = target_duration.unwrap_or(SEARCH) * 9 / 4;
    taken.saturating_mul(10).min(most.clamp(MIN_POLL, MAX_POLL))
}

/// The least interval of each playlist of a stream that has so many, where polls begin `apart` on average; none where
/// ordinary intervals leave them farther apart.
pub(super) fn crowded_interval(playlists: usize, apart: Duration) -> Duration {
    let all = apart.saturating_mul(u32::try_from(playlists).unwrap_or(u32::MAX));
    match all > MIN_POLL {
        true => all,
        false => Duration::ZERO,
    }
}

/// Delay before the next poll after one that failed. Who asks seldom learns late that an outage is over, and misses
/// what is listed meanwhile; so the origin is asked as ever. `denials`: how often in a row it has answered that this one is
/// not to be had (401, 403, 410): it is asked again at once, as a token may be a new one by then, and ever later from
/// there on, up to a target duration.
pub(super) fn poll_backoff(
    interval: Duration,
    target_duration: Option<Duration>,
    denials: u32,
) -> Duration {
    let most = target_duration.unwrap_or(SEARCH).clamp(MIN_POLL, MAX_POLL);
    match denials {
        0 => interval,
        1 => Duration::ZERO,
        _ => doubled(interval, denials - 2).min(most).max(interval),
    }
}

fn doubled(interval: Duration, times: u32) -> Duration {
    interval.saturating_mul(2_u32.saturating_pow(times.min(16)))
}

/// Interval of a multivariant playlist while nothing of what it names plays, after so many polls: from the usual
/// one to a target duration.
pub(super) fn search_interval(
    interval: Duration,
    target_duration: Option<Duration>,
    polls: u32,
) -> Duration {
    let most = target_duration.unwrap_or(SEARCH).clamp(MIN_POLL, MAX_POLL);
    doubled(interval, polls.saturating_sub(1))
        .min(most)
        .max(interval)
}

/// Interval of playlists that have ended, and whose return is waited for.
pub(super) fn await_interval(
    target_duration: Option<Duration>,
    wished: Option<Duration>,
) -> Duration {
    let target = target_duration.unwrap_or(SEARCH);
    let interval = target.clamp(Duration::from_secs(2), Duration::from_secs(10));
    wished.map_or(interval, |wished| {
        wished.clamp(MIN_POLL, MAX_POLL).max(interval)
    })
}

/// Delay before a download is tried again.
pub(super) fn retry_delay(failures: u32) -> Duration {
    exponential(
        Duration::from_millis(500),
        Duration::from_secs(10),
        failures,
    )
}

/// How long after one request for a raw stream the next one is made at the earliest, where so many in a row have brought
/// nothing, or not for long. It counts from the request, so that what came for a while and broke is asked for again
/// at once: what comes meanwhile is missed. An origin that fails is asked as often as ever, one that closes at once
/// not more often.
pub(super) fn reconnect_interval(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        1 => Duration::from_millis(250),
        2 => Duration::from_millis(500),
        _ => RAW_INTERVAL,
    }
}

/// Delay before a raw stream is asked for again that is not to be had (401, 403, 410), so often in a row: as a playlist.
pub(super) fn denied_delay(denials: u32) -> Duration {
    poll_backoff(RAW_INTERVAL, None, denials)
}

/// Delay before a loop begins anew that has panicked so often in a row.
pub(super) fn restart_delay(panics: u32) -> Duration {
    exponential(Duration::from_secs(1), Duration::from_secs(60), panics)
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_playlist_that_takes_long_to_be_taken_in_is_polled_less_often() {
        let least = |ms, target| costly_interval(Duration::from_millis(ms), target);
        assert_eq!(least(99, Some(s(1))), Duration::ZERO);
        assert_eq!(least(100, Some(s(1))), s(1));
        assert_eq!(least(600, Some(s(1))), Duration::from_millis(2250));
        assert_eq!(least(600, Some(s(6))), s(6));
        assert_eq!(least(600, Some(s(0))), MIN_POLL);
        assert_eq!(least(u64::MAX, Some(s(600))), MAX_POLL);
        assert_eq!(least(60_000, None), Duration::from_millis(13_500));
    }

    #[test]
    fn new_urls_are_looked_for_at_intervals_that_double_up_to_a_target_duration() {
        let after = |polls| search_interval(Duration::from_millis(1500), Some(s(6)), polls);
        assert_eq!(after(1), Duration::from_millis(1500));
        assert_eq!(after(2), s(3));
        assert_eq!(after(3), s(6));
        assert_eq!(after(u32::MAX), s(6));
        assert_eq!(search_interval(s(30), Some(s(6)), 9), s(30), "--poll");
        assert_eq!(search_interval(s(1), None, 9), s(6));
    }

    #[test]
    fn a_return_is_waited_for_at_a_slow_rhythm() {
        assert_eq!(await_interval(Some(s(6)), None), s(6));
        assert_eq!(await_interval(Some(s(1)), None), s(2));
        assert_eq!(await_interval(Some(s(3600)), None), s(10));
        assert_eq!(await_interval(Some(s(6)), Some(s(30))), s(30));
        assert_eq!(await_interval(Some(s(6)), Some(s(1))), s(6));
    }

    #[test]
    fn an_origin_in_trouble_is_asked_at_the_interval_and_one_that_says_no_ever_later() {
        let after = |denials| poll_backoff(s(1), Some(s(6)), denials);
        assert_eq!(after(0), s(1));
        assert_eq!(
            [1, 2, 3, 4, 5, u32::MAX].map(after),
            [0, 1, 2, 4, 6, 6].map(s)
        );
        assert_eq!(poll_backoff(s(30), Some(s(6)), 9), s(30), "--poll");
        assert_eq!(poll_backoff(s(1), None, 9), s(6));
        assert_eq!(poll_backoff(s(1), Some(s(3600)), u32::MAX), MAX_POLL);
    }

    #[test]
    fn delays_grow_and_are_capped() {
        assert_eq!(retry_delay(1), Duration::from_millis(500));
        assert_eq!(retry_delay(u32::MAX), s(10));
        assert_eq!((restart_delay(1), restart_delay(3)), (s(1), s(4)));
        assert_eq!(restart_delay(u32::MAX), s(60));
    }

    #[test]
    fn a_raw_stream_that_fails_is_asked_for_each_second_and_one_that_is_denied_ever_later() {
        let after = |failures| reconnect_interval(failures).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 4, u32::MAX].map(after),
            [0, 250, 500, 1000, 1000, 1000]
        );
        assert_eq!(
            [1, 2, 3, 4, 5, u32::MAX].map(denied_delay),
            [0, 1, 2, 4, 6, 6].map(s)
        );
    }
}
