//! Durations and texts as people type and read them.

use std::time::Duration;

use crate::clock::micros;
use crate::replayer::timeline;

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

/// Text from elsewhere in one line, so that it cannot steer a terminal, turn the direction
/// of writing around, or forge a line.
pub fn escaped(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
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
    fn times_read_as_a_clock() {
        assert_eq!(clock_time(Duration::from_millis(754_567)), "0:12:34.567");
        assert_eq!(clock_time(Duration::from_secs(100 * 3600)), "100:00:00.000");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(escaped("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(escaped("ä\u{202e}b"), "ä\\u{202e}b");
    }
}
