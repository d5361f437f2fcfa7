//! Lengths and moments, as findings say them.

/// Numbers of this size are exact to the microsecond.
#[allow(clippy::cast_precision_loss)]
pub(super) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

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

pub(super) fn iso(us: i64) -> String {
    moment(us, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

pub(super) fn moment(us: i64, format: &str) -> String {
    chrono::DateTime::from_timestamp_micros(us).map_or_else(
        || format!("{us} µs"),
        |time| time.format(format).to_string(),
    )
}
