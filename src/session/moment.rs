//! A moment as programs read it, in all JSON of all programs: session time in seconds, and RFC 3339. Pure.

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

#[cfg(test)]
mod tests {
    use super::*;

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
