//! Text in columns of a terminal. Pure.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::arguments::durations::escaped;

/// More marks on one character are not shown.
const MOST_MARKS: usize = 4;

/// So many columns at most; `…` stands for what is cut off. Nothing in it steers the terminal.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut shown = String::new();
    // As much of it as fits in front of the `…`.
    let mut fitting = 0;
    let mut marks = 0;
    for c in escaped(text).chars() {
        marks = match c.width() {
            Some(0) => marks + 1,
            _ => 0,
        };
        if marks > MOST_MARKS {
            continue;
        }
        shown.push(c);
        let width = shown.width();
        if width > columns {
            shown.truncate(fitting);
            if columns > 0 {
                shown.push('…');
            }
            return shown;
        }
        if width < columns {
            fitting = shown.len();
        }
    }
    shown
}

/// So many columns, neither more nor less.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let mut shown = cut(text, columns);
    let missing = columns.saturating_sub(shown.width());
    shown.extend(std::iter::repeat_n(' ', missing));
    shown
}

/// How long something lasts, rounded as in the log: `26.2 s`, `0:12:34`.
pub(super) fn length(us: i64) -> String {
    let tenths = us.max(0).saturating_add(50_000) / 100_000;
    match tenths {
        ..1000 => format!("{:.1} s", tenths as f64 / 10.0),
        _ => clock(us.saturating_add(500_000)),
    }
}

/// Hours, minutes, seconds.
pub(super) fn clock(us: i64) -> String {
    let seconds = us.max(0) / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}")
}

/// The time of day in UTC.
pub(super) fn utc(us: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_micros(us);
    moment.map_or_else(String::new, |moment| moment.format("%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_takes_as_many_columns_as_it_may() {
        for (text, columns, shown) in [
            ("hall1", 5, "hall1"),
            ("hall1", 4, "hal…"),
            ("hall1", 7, "hall1  "),
            ("日本語放送", 10, "日本語放送"),
            ("日本語放送", 9, "日本語放…"),
            ("日本語放送", 8, "日本語… "),
            ("e\u{301}te\u{301}", 3, "e\u{301}te\u{301}"),
            ("e\u{301}te\u{301}", 2, "e\u{301}…"),
            ("a\u{1b}[2J", 9, "a\\u{1b}[…"),
            ("", 2, "  "),
            ("x", 0, ""),
        ] {
            assert_eq!(padded(text, columns), shown, "{text:?} {columns}");
        }
        let marked = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(cut(&marked, 2), format!("a{}b", "\u{301}".repeat(4)));
    }

    #[test]
    fn lengths_and_moments_read_at_a_glance() {
        assert_eq!(length(26_190_000), "26.2 s");
        assert_eq!(length(99_949_999), "99.9 s");
        assert_eq!(length(99_999_999), "0:01:40");
        assert_eq!(length(100_000_000), "0:01:40");
        assert_eq!(length(-5), "0.0 s");
        assert_eq!(clock(100 * 3_600_000_000), "100:00:00");
        assert_eq!(utc(1_795_284_000_999_999), "18:00:00Z");
    }

    proptest! {
        #[test]
        fn no_text_takes_other_than_its_columns(text in any::<String>(), columns in 0_usize..60) {
            prop_assert_eq!(padded(&text, columns).width(), columns);
        }
    }
}
