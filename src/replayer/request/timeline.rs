//! Clock arithmetic (`docs/design/timeline.md`). Pure: what time it is comes from outside.

use std::time::Duration;

/// What happens after the last moment of a finished recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// The last answers hold, as those of a dead origin do.
    #[default]
    Hold,
    /// Media playlists get an `#EXT-X-ENDLIST`.
    Endlist,
    /// The server ends when its own clock gets there.
    Stop,
}

/// What the dates of a recording are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dates {
    /// As recorded.
    #[default]
    Recorded,
    /// Moved, so that session time now is wall-clock now.
    Shifted,
}

/// Where a recording lies in time. All in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Session zero.
    pub zero_us: i64,
    /// Its end; of one that is being recorded, when its recorder was last known alive.
    pub end_us: i64,
    /// Whether it is being recorded.
    pub recording: bool,
}

impl Span {
    /// The moment of the recording (microseconds of Unix time) that a session time means.
    pub fn moment_us(&self, session_us: i64) -> i64 {
        self.zero_us.saturating_add(session_us)
    }

    /// The session time of a moment of the recording, in microseconds.
    pub fn session_us(&self, moment_us: i64) -> i64 {
        moment_us.saturating_sub(self.zero_us)
    }

    /// By how many microseconds dates are moved on a clock whose ZERO is `clock_us`.
    pub fn shift_us(&self, dates: Dates, clock_us: i64) -> i64 {
        match dates {
            Dates::Recorded => 0,
            Dates::Shifted => clock_us.saturating_sub(self.zero_us),
        }
    }

    /// Length of the recording, in microseconds.
    pub fn length_us(&self) -> i64 {
        self.session_us(self.end_us).max(0)
    }

    /// Whether a moment of the recording lies at or behind the end of a finished one.
    pub fn is_over(&self, moment_us: i64) -> bool {
        !self.recording && moment_us >= self.end_us
    }
}

/// The session time that `now_us` is on a clock whose ZERO is `clock_us`, in microseconds.
pub fn session_us(now_us: i64, clock_us: i64) -> i64 {
    now_us.saturating_sub(clock_us)
}

/// The ZERO (Unix milliseconds) of a clock on which it is `offset` now, or up to a millisecond later.
pub fn clock_ms(now_us: i64, offset: Duration) -> i64 {
    now_us
        .saturating_sub(crate::clock::micros(offset))
        .div_euclid(1000)
}

/// A session time or a length, for people: `0:02:03.456`.
pub fn format_time(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let ms = us.unsigned_abs() / 1000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{sign}{hours}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

/// A moment for people: `2026-11-20 12:00:00 UTC`.
pub fn format_utc(us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(us).map_or_else(
        || format!("{us} µs"),
        |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a duration: write seconds (120, 1.5), units (2m30s, 90m, 1h) or a time as it is printed (0:02:30.5)"
)]
pub struct InvalidDuration(String);

/// No recording is longer than this.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// A duration as people write it: seconds, with a fraction or without, or with units; or as it is printed, `h:mm:ss.fff`.
///
/// # Errors
/// The text is not a duration, it is negative, or it is longer than a hundred years.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let text = text.trim();
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let parsed = if is_number {
        text.parse()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    } else if text.contains(':') {
        clock_time(text)
    } else {
        humantime::parse_duration(text).ok()
    };
    parsed
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| InvalidDuration(text.to_owned()))
}

/// `h:mm:ss`, with a fraction or without. Two numbers could be hours and minutes as well.
fn clock_time(text: &str) -> Option<Duration> {
    let mut parts = text.rsplitn(3, ':');
    let seconds = parts.next().filter(|part| {
        let whole = part.split('.').next().unwrap_or_default();
        whole.len() == 2 && part.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })?;
    let seconds = seconds.parse().ok().filter(|s| *s < 60.0)?;
    let whole = |part: &str| {
        let is_number = part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<u64>().ok().filter(|_| is_number)
    };
    let minutes = whole(parts.next()?)?;
    let hours = whole(parts.next()?)?;
    if minutes >= 60 {
        return None;
    }
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    let rest = Duration::try_from_secs_f64(seconds).ok()?;
    Duration::from_secs(minutes.checked_mul(60)?).checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_as_people_write_them() {
        let cases = [
            ("120", 120_000),
            ("1.5", 1_500),
            ("0", 0),
            (".5", 500),
            ("2m30s", 150_000),
            ("90m", 5_400_000),
            ("1h 5s", 3_605_000),
            ("250ms", 250),
            (" 7 ", 7_000),
            ("12s", 12_000),
            ("0:02:18.655", 138_655),
            ("1:00:00", 3_600_000),
        ];
        for (text, ms) in cases {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "-5",
            "1:2",
            "1:60",
            "1:75:00",
            ":30",
            "1:2:3:04",
            "1:-2:03",
            "-2m",
            "1e3",
            "abc",
            "1.2.3",
            "NaN",
            "inf",
            "99999999999",
            "5 apples",
            "1:30",
        ] {
            let error = parse_duration(text).unwrap_err().to_string();
            assert!(error.contains("is not a duration"), "{error}");
        }
    }

    #[test]
    fn no_recording_is_longer_than_a_hundred_years() {
        assert_eq!(
            parse_duration("876000h"),
            Ok(Duration::from_secs(876_000 * 3600))
        );
        assert!(parse_duration("879000h").is_err());
    }

    #[test]
    fn moments_for_people() {
        assert_eq!(format_utc(1_795_176_000_000_000), "2026-11-20 12:00:00 UTC");
        assert_eq!(format_utc(i64::MAX), format!("{} µs", i64::MAX));
    }

    #[test]
    fn times_for_people() {
        assert_eq!(format_time(0), "0:00:00.000");
        assert_eq!(format_time(123_456_789), "0:02:03.456");
        assert_eq!(format_time(100 * 3_600_000_000 + 1), "100:00:00.000");
        assert_eq!(format_time(-1_500_000), "-0:00:01.500");
        assert!(format_time(i64::MIN).starts_with('-'));
    }

    #[test]
    fn a_finished_recording_has_an_end() {
        let span = Span {
            zero_us: 1_000,
            end_us: 5_000,
            recording: false,
        };
        assert!(!span.is_over(4_999));
        assert!(span.is_over(5_000));
        assert!(
            !Span {
                recording: true,
                ..span
            }
            .is_over(9_000)
        );
        assert_eq!(span.length_us(), 4_000);
        assert_eq!(span.shift_us(Dates::Shifted, 9_000), 8_000);
        assert_eq!(span.shift_us(Dates::Recorded, 9_000), 0);
    }

    proptest! {
        #[test]
        fn a_clock_with_an_offset_begins_there(now_us in 0..4_000_000_000_000_000_i64, offset_ms in 0..10_000_000_u64) {
            let offset = Duration::from_millis(offset_ms);
            let zero_ms = clock_ms(now_us, offset);
            let late = session_us(now_us, zero_ms * 1000) - crate::clock::micros(offset);
            prop_assert!((0..1000).contains(&late), "{}", late);
        }

        #[test]
        fn a_clock_never_goes_back(zero in any::<i64>(), one in any::<i64>(), other in any::<i64>()) {
            let (early, late) = (one.min(other), one.max(other));
            prop_assert!(session_us(early, zero) <= session_us(late, zero));
        }

        #[test]
        fn any_text_is_a_duration_or_none(text in "\\PC{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
