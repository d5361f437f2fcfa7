//! Durations and texts as people type and read them.

use std::time::Duration;

use crate::clock::micros;
use crate::replayer::request::timeline;
pub use crate::shown::escaped;

/// `120`, `1.5`, `2m30s`, `90m`: seconds, or a number with units.
///
/// # Errors
/// A sentence for the user, where it is none of these.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    timeline::parse_duration(text).map_err(|error| error.to_string())
}

/// As [`parse_duration`], but not zero.
///
/// # Errors
/// A sentence for the user.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("it must be more than zero".to_owned()),
        duration => Ok(duration),
    }
}

/// A moment, in microseconds of Unix time: `2026-11-21T18:00:00Z`, `2026-11-21 18:00:00.5` (UTC),
/// `1795284000.5` (Unix time), `@1795284000500` (milliseconds of it, as in URLs of isreplayer).
///
/// # Errors
/// A sentence for the user, where it is none of these.
pub fn parse_moment(text: &str) -> Result<i64, String> {
    let text = text.trim();
    moment_us(text).ok_or_else(|| {
        format!(
            "{text:?} is no moment: write 2026-11-21T18:00:00Z, or seconds of Unix time, \
             or milliseconds of it as @1795284000000"
        )
    })
}

/// A moment of a session, in microseconds of Unix time: session time as [`parse_duration`] takes it, or UTC as [`parse_moment`] does.
/// `zero_us`: session zero.
///
/// # Errors
/// A sentence for the user, where it is none of these.
pub fn parse_session_moment(text: &str, zero_us: i64) -> Result<i64, String> {
    if let Ok(session_time) = parse_duration(text) {
        return Ok(zero_us.saturating_add(micros(session_time)));
    }
    parse_moment(text).map_err(|_| {
        format!(
            "{text:?} is no moment: write seconds of session time (120, 2m), or UTC (2026-11-29T10:00:00Z)"
        )
    })
}

fn moment_us(text: &str) -> Option<i64> {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // Fifteen digits of milliseconds reach the year 33658.
    let unix = |text: &str, unit_us: f64| {
        let number: f64 = text.parse().ok()?;
        let us = (number * unit_us).round();
        (is_number(text) && us < 1e18).then_some(us as i64)
    };
    if let Some(ms) = text.strip_prefix('@') {
        return unix(ms, 1000.0);
    }
    if is_number(text) {
        return unix(text, 1_000_000.0);
    }
    let utc = text.strip_suffix(" UTC").unwrap_or(text);
    let naive = |form| chrono::NaiveDateTime::parse_from_str(utc, form).ok();
    let moment = chrono::DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.timestamp_micros())
        .ok()
        .or_else(|| {
            let naive = naive("%Y-%m-%dT%H:%M:%S%.f").or_else(|| naive("%Y-%m-%d %H:%M:%S%.f"))?;
            Some(naive.and_utc().timestamp_micros())
        })?;
    (moment >= 0).then_some(moment)
}

/// `500M`, `50G`, `1.5T`, as they are written on disks: multiples of 1000; without a letter, bytes.
///
/// # Errors
/// A sentence for the user.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let power = match text.chars().next_back().map(|c| c.to_ascii_uppercase()) {
        Some('K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        _ => 0,
    };
    let digits = if power > 0 {
        text.split_at(text.len() - 1).0
    } else {
        text
    };
    let number: Option<f64> = digits.parse().ok();
    let bytes = number.map(|number| number * 1000_f64.powi(power));
    match bytes {
        Some(bytes) if (1.0..1e18).contains(&bytes) => Ok(bytes as u64),
        _ => Err("write a size such as 50G, 500M or 1.5T".to_owned()),
    }
}

/// `0:12:34.567`: hours, minutes, seconds.
pub fn clock_time(duration: Duration) -> String {
    timeline::format_time(micros(duration))
}

/// `812 B`, `3.4 kB`, `1.2 GB`.
pub fn bytes(count: u64) -> String {
    indicatif::DecimalBytes(count).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_on_disks() {
        assert_eq!(parse_bytes("50G"), Ok(50_000_000_000));
        assert_eq!(parse_bytes("1.5t"), Ok(1_500_000_000_000));
        assert_eq!(parse_bytes("700"), Ok(700));
        for wrong in ["", "G", "-1G", "0", "5X", "50 apples", "1e30", "NaN"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_and_units_are_understood() {
        assert_eq!(parse_duration("120"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m30s"), Ok(Duration::from_secs(150)));
        assert_eq!(parse_duration(" 90m "), Ok(Duration::from_secs(5400)));
        for wrong in ["-1", "NaN", "inf", "", "soon", "1e300", "2m30"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_positive("0").is_err());
    }

    #[test]
    fn moments_are_understood() {
        for text in [
            "2026-11-21T18:00:00Z",
            "2026-11-21T19:30:00+01:30",
            "2026-11-21 18:00:00",
            "2026-11-21 18:00:00 UTC",
            "2026-11-21T18:00:00.000",
            "1795284000",
            " 1795284000.0 ",
            "@1795284000000",
        ] {
            assert_eq!(parse_moment(text), Ok(1_795_284_000_000_000), "{text}");
        }
        assert_eq!(
            parse_moment("2026-11-21 18:00:00.123456"),
            Ok(1_795_284_000_123_456)
        );
        for wrong in [
            "",
            "@",
            "now",
            "18:00",
            "2026-11-21",
            "-5",
            "1e9",
            "@-5",
            "1969-12-31T23:59:59Z",
            "9999999999999999999",
        ] {
            assert!(parse_moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_of_a_session_is_session_time_or_utc() {
        let of = |text: &str| parse_session_moment(text, 5);
        assert_eq!(of("2m"), Ok(120_000_005));
        assert_eq!(of("1970-01-01T00:00:07Z"), Ok(7_000_000));
        assert!(of("noon").is_err());
    }

    #[test]
    fn times_read_as_a_clock() {
        assert_eq!(clock_time(Duration::from_millis(754_567)), "0:12:34.567");
        assert_eq!(clock_time(Duration::from_secs(100 * 3600)), "100:00:00.000");
    }
}
