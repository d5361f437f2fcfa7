//! Numbers as playlists write them: absurd ones saturate, garbage is None.

use std::time::Duration;

/// The largest number that is read, but for those of segments: what a signed column of a database holds.
pub(crate) const LARGEST: u64 = i64::MAX as u64;

/// Durations end here; a target duration beyond is a mistake, whatever it says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The least target duration: it is a whole number, and zero is none.
const SHORTEST_TARGET: Duration = Duration::from_secs(1);

/// A decimal-integer (RFC 8216bis 4.2), at most [`LARGEST`]. What follows the digits is
/// ignored, as players do (`10,` or `10.0`); without digits, or with a sign: None.
pub(crate) fn integer(text: &[u8]) -> Option<u64> {
    number(text).map(|number| number.min(LARGEST))
}

/// The same of 64 bits (RFC 8216bis 4.2).
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let digits = text.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(None, |sum: Option<u64>, digit| {
        let sum = sum.unwrap_or(0).saturating_mul(10);
        Some(sum.saturating_add(u64::from(digit - b'0')))
    })
}

/// A media sequence number (RFC 8216bis 4.4.3.2); above what 64 bits hold: None, since nothing can be counted from it.
pub(crate) fn sequence(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let end = text.iter().position(|b| !b.is_ascii_digit());
    let digits = text.get(..end.unwrap_or(text.len()))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A decimal-integer or decimal-floating-point number of seconds (RFC 8216bis 4.2), at most
/// one day. Signs, exponents and words are None.
pub(crate) fn seconds(text: &[u8]) -> Option<Duration> {
    let text = text.trim_ascii();
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b'.')
        .unwrap_or(text.len());
    let number: f64 = std::str::from_utf8(text.get(..end)?).ok()?.parse().ok()?;
    let capped = number.min(LONGEST.as_secs_f64());
    Duration::try_from_secs_f64(capped).ok()
}

/// The value of an `EXT-X-TARGETDURATION` (RFC 8216bis 4.4.3.1), also with a fraction. What is no number, less than a second
/// or more than a day is none: no segment is cut so, and what is waited for by it would be asked for all the time, or never.
pub(crate) fn target_duration(text: &[u8]) -> Option<Duration> {
    let is_number = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let stated = text.trim_ascii();
    let target = seconds(stated).filter(|_| stated.iter().all(is_number))?;
    (SHORTEST_TARGET..LONGEST)
        .contains(&target)
        .then_some(target)
}

/// A duration to the nearest whole second, as it is compared with a target duration; at least one.
pub(crate) fn whole_seconds(duration: Duration) -> Duration {
    let rounded = duration
        .saturating_add(Duration::from_millis(500))
        .as_secs();
    Duration::from_secs(rounded).clamp(SHORTEST_TARGET, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_saturate_and_garbage_is_none() {
        assert_eq!(integer(b" 42\r"), Some(42));
        assert_eq!(integer(b"10.0"), Some(10));
        assert_eq!(integer(b"99999999999999999999999999"), Some(LARGEST));
        for garbage in [&b""[..], b"-1", b"+1", b"x", b"\xff"] {
            assert_eq!(integer(garbage), None);
        }
    }

    #[test]
    fn a_sequence_number_is_one_of_64_bits() {
        assert_eq!(sequence(b" 42\r"), Some(42));
        assert_eq!(sequence(b"18446744073709551615"), Some(u64::MAX));
        for none in [&b"18446744073709551616"[..], b"", b"-1", b"x", b"\xff"] {
            assert_eq!(sequence(none), None);
        }
    }

    #[test]
    fn seconds_are_capped_at_one_day() {
        assert_eq!(seconds(b"6"), Some(Duration::from_secs(6)));
        assert_eq!(seconds(b"0.33334"), Some(Duration::from_micros(333_340)));
        assert_eq!(seconds(b"6,"), Some(Duration::from_secs(6)));
        assert_eq!(seconds(b"1e300"), Some(Duration::from_secs(1)));
        assert_eq!(seconds("9".repeat(400).as_bytes()), Some(LONGEST));
        for garbage in [&b""[..], b"-1", b"inf", b"NaN", b".", b"1.2.3", b"\xff"] {
            assert_eq!(seconds(garbage), None);
        }
    }

    #[test]
    fn a_target_duration_is_one_that_segments_can_have() {
        for (text, is) in [
            (&b" 6\r"[..], 6.0),
            (b"10.0", 10.0),
            (b"1", 1.0),
            (b"86399", 86_399.0),
        ] {
            assert_eq!(target_duration(text), Some(Duration::from_secs_f64(is)));
        }
        let never = [
            &b""[..],
            b"0",
            b"0.5",
            b"-4",
            b"1e9",
            b"1000000000",
            b"18446744073709551615",
            b"18446744073709551616",
            b"four",
            b"NaN",
            b"\xff",
        ];
        for text in never {
            assert_eq!(target_duration(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(
            whole_seconds(Duration::from_millis(4_499)),
            Duration::from_secs(4)
        );
        assert_eq!(whole_seconds(Duration::ZERO), SHORTEST_TARGET);
        assert_eq!(whole_seconds(Duration::MAX), LONGEST);
    }
}
