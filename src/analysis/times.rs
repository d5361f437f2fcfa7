//! Lengths and moments, as findings say them.

pub use crate::session::both_clocks;
use crate::session::{moment, session_ms};

/// A duration as Python prints a timedelta: `0:00:13.929747`, `1 day, 0:00:10`.
pub fn timedelta(us: i64) -> String {
    let (total, micros) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
    let (days, rest) = (total.div_euclid(86_400), total.rem_euclid(86_400));
    let days = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        _ => format!("{days} days, "),
    };
    let fraction = if micros == 0 {
        String::new()
    } else {
        format!(".{micros:06}")
    };
    format!(
        "{days}{}:{:02}:{:02}{fraction}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// As in the views: `2015-03-05 18:17:35.165488`, UTC.
pub(super) fn utc(us: i64) -> String {
    moment(us, "%Y-%m-%d %H:%M:%S%.6f")
}

/// A length in seconds: `8.500 s`.
pub fn length(us: i64) -> String {
    format!("{:.3} s", crate::session::seconds(us / 1000 * 1000))
}

/// A length in seconds to a tenth, without a fraction where it is whole: `12 s`, `0.9 s`.
pub(super) fn short_length(us: i64) -> String {
    let tenths = (us as f64 / 1e5).round() / 10.0;
    match tenths.fract() == 0.0 {
        true => format!("{tenths:.0} s"),
        false => format!("{tenths:.1} s"),
    }
}

/// A moment of session time as it is shown, in microseconds. `zero_us`: session zero.
pub(super) fn shown_us(us: i64, zero_us: i64) -> i64 {
    session_ms(us, zero_us).saturating_mul(1000)
}

/// The length between two moments as they are shown, in microseconds.
pub(super) fn between_us(from_us: i64, until_us: i64) -> i64 {
    session_ms(until_us, from_us).saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_lengths_that_are_shown_add_up_on_both_clocks() {
        // By themselves these are 28.3 ms, and 34.0905 s behind the beginning.
        let (zero_us, from_us, until_us) = (400, 34_090_900, 34_119_200);
        assert_eq!(both_clocks(from_us, zero_us), "0:00:34.090 (00:00:34.090Z)");
        assert_eq!(
            both_clocks(until_us, zero_us),
            "0:00:34.119 (00:00:34.119Z)"
        );
        assert_eq!(length(between_us(from_us, until_us)), "0.029 s");
        let shown = [from_us, until_us].map(|us| shown_us(us, zero_us));
        assert_eq!(shown, [34_090_000, 34_119_000]);
        assert_eq!(length(26_149_999), "26.149 s");
        assert!(!length(between_us(i64::MIN, i64::MAX)).is_empty());
    }
}
