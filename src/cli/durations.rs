//! Durations as arguments: seconds, with a fraction or without, or with units.

use std::time::Duration;

use crate::replayer::timeline::{NoDuration, parse_duration};

/// For clap: `120`, `1.5`, `2m30s`, `90m`. Options that take it need
/// `allow_negative_numbers`, so that a negative one gets this message and not one about options.
///
/// # Errors
/// It is no duration, or negative.
pub fn duration(text: &str) -> Result<Duration, NoDuration> {
    parse_duration(text)
}

/// Like [`duration`], but more than nothing.
///
/// # Errors
/// It is no duration, or negative, or 0.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be more than 0".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_duration_but_not_a_positive_one() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(positive_duration("0").is_err());
        assert!(
            positive_duration("-1")
                .unwrap_err()
                .contains("is no duration")
        );
        assert_eq!(positive_duration("90m"), Ok(Duration::from_secs(5400)));
    }
}
