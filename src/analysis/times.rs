//! Lengths and moments, as findings say them.

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

pub(super) fn moment(us: i64, format: &str) -> String {
    chrono::DateTime::from_timestamp_micros(us).map_or_else(
        || format!("{us} µs"),
        |time| time.format(format).to_string(),
    )
}

/// Session time to a tenth of a second: `0:00:14.0`. What is cut off is less than that.
pub fn clock_time(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let tenths = us.unsigned_abs() / 100_000;
    let seconds = tenths / 10;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!(
        "{sign}{hours}:{minutes:02}:{:02}.{}",
        seconds % 60,
        tenths % 10
    )
}

/// The same, no earlier: what is behind it is behind what it shows.
pub(super) fn clock_time_up(us: i64) -> String {
    clock_time(us.saturating_add(99_999))
}

/// UTC to a hundredth of a second: `01:51:26.76Z`; with its date where that is not the one of session zero.
pub fn time_of_day(us: i64, zero_us: i64) -> String {
    const DATE: &str = "%Y-%m-%d";
    let date = match moment(us, DATE) == moment(zero_us, DATE) {
        true => String::new(),
        false => moment(us, "%Y-%m-%d "),
    };
    let hundredths = us.rem_euclid(1_000_000) / 10_000;
    format!("{date}{}.{hundredths:02}Z", moment(us, "%H:%M:%S"))
}

/// A length in seconds, to a tenth: `26.1`.
pub(super) fn tenths(us: i64) -> String {
    format!("{:.1}", crate::session::seconds(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_lie_between_what_is_shown_of_them() {
        assert_eq!(clock_time(14_099_999), "0:00:14.0");
        assert_eq!(clock_time_up(24_400_001), "0:00:24.5");
        assert_eq!(clock_time_up(24_500_000), "0:00:24.5");
        assert_eq!(clock_time(3_725_000_000), "1:02:05.0");
        assert_eq!(clock_time(-1_500_000), "-0:00:01.5");
        assert!(!clock_time_up(i64::MAX).is_empty());
        assert_eq!(tenths(26_149_000), "26.1");
        assert_eq!(time_of_day(86_399_999_999, 0), "23:59:59.99Z");
        assert_eq!(time_of_day(86_400_000_000, 0), "1970-01-02 00:00:00.00Z");
    }
}
