//! A moment as programs read it, in all JSON of all programs: session time in seconds, and RFC 3339; and as people do: both
//! clocks. Pure.

use serde::Serialize;

/// A moment of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds since session zero.
    pub session_time: f64,
    /// UTC, as RFC 3339 writes it.
    pub time: String,
}

impl Moment {
    /// `at_us`, `zero_us`: the moment and session zero, in microseconds of Unix time.
    pub fn new(at_us: i64, zero_us: i64) -> Self {
        Self {
            session_time: seconds(at_us.saturating_sub(zero_us)),
            time: rfc3339(at_us),
        }
    }
}

/// A duration in seconds. Numbers of this size are exact to the microsecond.
#[allow(clippy::cast_precision_loss)]
pub fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// A moment of Unix time (microseconds): `2026-11-20T14:37:56.123456Z`.
pub fn rfc3339(us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(us).map_or_else(
        || format!("{us} µs"),
        |time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
    )
}

/// Session time to the millisecond: `0:00:14.032`. `zero_us`: session zero.
fn session_time(us: i64, zero_us: i64) -> String {
    let session_ms = session_ms(us, zero_us);
    let sign = if session_ms < 0 { "-" } else { "" };
    let ms = session_ms.unsigned_abs();
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{sign}{hours}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

/// Between two moments as their UTC is shown, so that both clocks and all lengths add up.
pub(crate) fn session_ms(us: i64, zero_us: i64) -> i64 {
    us.div_euclid(1000) - zero_us.div_euclid(1000)
}

/// A session time with its UTC: `0:00:14.032 (01:51:26.760Z)`. `zero_us`: session zero.
pub fn both_clocks(us: i64, zero_us: i64) -> String {
    let session = session_time(us, zero_us);
    format!("{session} ({})", time_of_day(us, zero_us))
}

/// UTC to the millisecond: `01:51:26.760Z`; with its date where that is not the one of session zero.
fn time_of_day(us: i64, zero_us: i64) -> String {
    const DATE: &str = "%Y-%m-%d";
    match moment(us, DATE) == moment(zero_us, DATE) {
        true => moment(us, "%H:%M:%S%.3fZ"),
        false => moment(us, "%Y-%m-%dT%H:%M:%S%.3fZ"),
    }
}

/// A moment of Unix time (microseconds), as `format` says; one that no calendar has as a number.
pub(crate) fn moment(us: i64, format: &str) -> String {
    chrono::DateTime::from_timestamp_micros(us).map_or_else(
        || format!("{us} µs"),
        |time| time.format(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_both_clocks_to_the_millisecond() {
        assert_eq!(session_time(14_099_999, 0), "0:00:14.099");
        assert_eq!(session_time(3_725_000_000, 0), "1:02:05.000");
        assert_eq!(session_time(8_500_000, 10_000_000), "-0:00:01.500");
        assert!(!session_time(i64::MIN, i64::MAX).is_empty());
        assert_eq!(time_of_day(86_399_999_999, 0), "23:59:59.999Z");
        assert_eq!(time_of_day(86_400_000_000, 0), "1970-01-02T00:00:00.000Z");
    }

    #[test]
    fn a_moment_has_both_clocks() {
        let moment = Moment::new(1_425_579_469_095_235, 1_425_579_400_000_000);
        assert_eq!(
            serde_json::to_value(moment).unwrap(),
            serde_json::json!({"session_time": 69.095_235, "time": "2015-03-05T18:17:49.095235Z"})
        );
        assert_eq!(
            Moment::new(i64::MAX, i64::MIN).time,
            format!("{} µs", i64::MAX)
        );
    }
}
