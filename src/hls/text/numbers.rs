//! Numbers as playlists write them: absurd ones saturate, garbage is None.

use std::time::Duration;

/// The largest number that is read, but for those of segments: what a signed column of a database holds.
pub(crate) const LARGEST: u64 = i64::MAX as u64;

/// Durations end here; a target duration beyond is a mistake, whatever it says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

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
}
