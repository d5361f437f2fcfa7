//! Dates of a playlist, moved by a constant (RFC 8216bis 4.4.4.6, 4.4.5.1).
//!
//! Each date keeps the form in which it is written: separator, number of fraction digits,
//! zone. What cannot be read as a date stays as it is.

use std::borrow::Cow;
use std::ops::Range;

use chrono::{Datelike, Days, NaiveDate};

use crate::hls::text::attributes::attributes;
use crate::hls::text::scan::lines;

/// The first ten bytes are the date, and so many the date and the time.
const DATE: usize = 10;
const DATE_TIME: usize = 19;
/// More fraction digits than these, and it is no date that anybody reads.
const MOST_DIGITS: usize = 9;
const NANOS_A_SECOND: i128 = 1_000_000_000;
const NANOS_A_DAY: i128 = 86_400 * NANOS_A_SECOND;

/// A playlist whose dates are later by a number of microseconds: EXT-X-PROGRAM-DATE-TIME, and
/// START-DATE and END-DATE of EXT-X-DATERANGE.
pub fn shift_dates(body: &[u8], shift_us: i64) -> Cow<'_, [u8]> {
    let mut moved: Vec<u8> = Vec::new();
    let mut copied = 0;
    for span in spans(body) {
        let date = body.get(span.clone()).unwrap_or_default();
        let Some(later) = shift_date(date, shift_us).filter(|later| later != date) else {
            continue;
        };
        moved.extend_from_slice(body.get(copied..span.start).unwrap_or_default());
        moved.extend_from_slice(&later);
        copied = span.end;
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    moved.extend_from_slice(body.get(copied..).unwrap_or_default());
    Cow::Owned(moved)
}

/// Where dates stand in a playlist, in order.
fn spans(body: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for tag in lines(body).filter_map(|line| line.tag()) {
        match tag.name {
            b"#EXT-X-PROGRAM-DATE-TIME" => spans.push(tag.start..tag.start + tag.value.len()),
            b"#EXT-X-DATERANGE" => spans.extend(
                attributes(tag.value)
                    .filter(|a| matches!(a.name, b"START-DATE" | b"END-DATE"))
                    .map(|a| tag.start + a.span.start..tag.start + a.span.end),
            ),
            _ => {}
        }
    }
    spans
}

/// A date in microseconds of Unix time; one without a zone is taken for UTC. `None`: it is none.
pub(crate) fn unix_us(text: &[u8]) -> Option<i64> {
    let (days, nanos) = date_time(text.get(..DATE_TIME)?)?;
    let rest = text.get(DATE_TIME..)?.trim_ascii_end();
    let rest = rest
        .strip_prefix(b".")
        .or(rest.strip_prefix(b","))
        .unwrap_or(rest);
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = rest.split_at_checked(digits)?;
    if digits.len() > MOST_DIGITS || !is_zone(zone) {
        return None;
    }
    let unit = 10_i128.pow(u32::try_from(MOST_DIGITS - digits.len()).ok()?);
    let fraction = digits.iter().fold(0, |n, b| n * 10 + i128::from(b - b'0')) * unit;
    let local = i128::from(days) * NANOS_A_DAY + nanos + fraction;
    i64::try_from((local - zone_nanos(zone)) / 1000).ok()
}

/// By how much a zone is ahead of UTC.
fn zone_nanos(zone: &[u8]) -> i128 {
    let mut digits = zone.iter().filter(|b| b.is_ascii_digit());
    let mut pair = || {
        let two = [digits.next(), digits.next()];
        two.iter()
            .flatten()
            .fold(0, |n, b| n * 10 + i128::from(**b - b'0'))
    };
    let ahead = (pair() * 3600 + pair() * 60) * NANOS_A_SECOND;
    match zone.first() {
        Some(b'-') => -ahead,
        _ => ahead,
    }
}

/// A date that is later by a number of microseconds, as far as it is precise; `None`: it is
/// none, or the other one would not fit its form.
fn shift_date(text: &[u8], shift_us: i64) -> Option<Vec<u8>> {
    let (days, nanos) = date_time(text.get(..DATE_TIME)?)?;
    let rest = text.get(DATE_TIME..)?;
    let point = matches!(rest.first(), Some(b'.' | b','));
    let digits = rest.get(usize::from(point)..)?;
    let digits = match point {
        true => digits.get(..digits.iter().take_while(|b| b.is_ascii_digit()).count())?,
        false => b"",
    };
    let zone = rest.get(usize::from(point) + digits.len()..)?;
    if digits.len() > MOST_DIGITS || !is_zone(zone) {
        return None;
    }
    let unit = 10_i128.pow(u32::try_from(MOST_DIGITS - digits.len()).ok()?);
    let fraction = digits.iter().fold(0, |n, b| n * 10 + i128::from(b - b'0')) * unit;
    let before = i128::from(days) * NANOS_A_DAY + nanos + fraction;
    let after = before + rounded(i128::from(shift_us) * 1000, unit);
    let (days, nanos) = (after.div_euclid(NANOS_A_DAY), after.rem_euclid(NANOS_A_DAY));
    let days = Days::new(u64::try_from(days).ok()?);
    let day = NaiveDate::default().checked_add_days(days)?;
    if !(0..=9999).contains(&day.year()) {
        return None;
    }
    let seconds = nanos / NANOS_A_SECOND;
    let mut later = format!(
        "{day}{}{:02}:{:02}:{:02}",
        char::from(*text.get(DATE)?),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
    .into_bytes();
    if point {
        later.push(*rest.first()?);
        let fraction = format!("{:09}", nanos % NANOS_A_SECOND);
        later.extend_from_slice(fraction.as_bytes().get(..digits.len())?);
    }
    later.extend_from_slice(zone);
    Some(later)
}

/// A shift in whole units, so that dates of one form move by one constant, there and back.
fn rounded(nanos: i128, unit: i128) -> i128 {
    (nanos.abs() + unit / 2) / unit * unit * nanos.signum()
}

/// Days since 1970-01-01 and nanoseconds of `YYYY-MM-DDThh:mm:ss`, in whatever zone.
fn date_time(text: &[u8]) -> Option<(i64, i128)> {
    let number = |range: Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| digits.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
    };
    let is = |at: usize, wanted: &[u8]| text.get(at).is_some_and(|b| wanted.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(DATE, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let year = i32::try_from(number(0..4)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?;
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Second 60 is a leap second; here it is the one that follows.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    let seconds = i128::from(hour * 3600 + minute * 60 + second);
    Some((days, seconds * NANOS_A_SECOND))
}

/// `Z`, `+01:00`, `+0100`, `+01`, or nothing.
fn is_zone(zone: &[u8]) -> bool {
    let pair = |at: usize| {
        zone.get(at..at + 2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    match (zone, zone.len()) {
        ([] | [b'Z' | b'z'], _) => true,
        ([b'+' | b'-', ..], 3) => pair(1),
        ([b'+' | b'-', ..], 5) => pair(1) && pair(3),
        ([b'+' | b'-', _, _, b':', ..], 6) => pair(1) && pair(4),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_date_is_a_moment() {
        let moment = |text: &str| unix_us(text.as_bytes());
        assert_eq!(moment("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(moment("1970-01-01T00:00:01.25Z\r"), Some(1_250_000));
        assert_eq!(moment("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(moment("1970-01-01T00:00:00,5-0130"), Some(5_400_500_000));
        assert_eq!(moment("2026-11-20T12:00:00"), Some(1_795_176_000_000_000));
        for none in [
            "",
            "today",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-01-01T00:00:00Zulu",
        ] {
            assert_eq!(moment(none), None, "{none}");
        }
    }

    fn later(date: &str, shift_us: i64) -> Option<String> {
        shift_date(date.as_bytes(), shift_us).map(|d| String::from_utf8(d).unwrap())
    }

    #[test]
    fn a_date_keeps_its_form() {
        let cases = [
            ("2026-11-20T12:00:00Z", "2026-11-20T13:00:01Z"),
            ("2026-11-20T12:00:00.000Z", "2026-11-20T13:00:01.250Z"),
            ("2026-11-20T12:00:00.5+0000", "2026-11-20T13:00:01.8+0000"),
            ("2026-11-20T12:00:00,00z", "2026-11-20T13:00:01,25z"),
            ("2026-12-31 23:00:00+01:00", "2027-01-01 00:00:01+01:00"),
            (
                "2026-02-28T23:59:59.123456789-05",
                "2026-03-01T01:00:00.373456789-05",
            ),
            ("2026-12-31T23:59:60Z", "2027-01-01T01:00:01Z"),
        ];
        for (date, wanted) in cases {
            assert_eq!(later(date, 3_601_250_000).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_date_stays() {
        for text in [
            "",
            "now",
            "2026-11-20",
            "2026-13-20T12:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T12:00Z",
            "2026-11-20T12:00:00 Z",
            "2026-11-20T12:00:00.0000000000Z",
            "2026-11-20T12:00:00+1",
            "2026-11-20T12:00:00+01:0",
            "20261120T120000Z",
            "{$date}",
        ] {
            assert_eq!(later(text, 1_000_000), None, "{text}");
        }
        assert_eq!(later("9999-12-31T23:59:59Z", 1_000_000), None);
        assert_eq!(later("2026-11-20T12:00:00Z", i64::MIN), None);
    }

    #[test]
    fn only_dates_of_a_playlist_are_moved() {
        let body = "#EXTM3U\r\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.000Z\r\n\
            #EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-11-20T12:00:00Z\",DURATION=3,\
            X-OWN=\"2026-11-20T12:00:00Z\",END-DATE=\"2026-11-20T12:00:03Z\"\r\n\
            # 2026-11-20T12:00:00Z\r\n#EXTINF:4,2026-11-20T12:00:00Z\r\n2026-11-20T12:00:00Z.ts";
        let wanted = "#EXTM3U\r\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:01:00.000Z\r\n\
            #EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-11-20T12:01:00Z\",DURATION=3,\
            X-OWN=\"2026-11-20T12:00:00Z\",END-DATE=\"2026-11-20T12:01:03Z\"\r\n\
            # 2026-11-20T12:00:00Z\r\n#EXTINF:4,2026-11-20T12:00:00Z\r\n2026-11-20T12:00:00Z.ts";
        let moved = shift_dates(body.as_bytes(), 60_000_000);
        assert_eq!(String::from_utf8_lossy(&moved), wanted);
        assert!(matches!(shift_dates(body.as_bytes(), 0), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn by_nothing_is_the_identity(body in prop::collection::vec(any::<u8>(), 0..200), date in "2026-1[0-2]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{0,9})?(Z|\\+01:?00|-05)?") {
            prop_assert_eq!(shift_dates(&body, 0), Cow::Borrowed(body.as_slice()));
            let tag = format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n").replace(":60", ":59");
            prop_assert_eq!(shift_dates(tag.as_bytes(), 0), Cow::Borrowed(tag.as_bytes()));
        }

        #[test]
        fn there_and_back_is_the_identity(
            date in "20[2-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{0,9})?(Z|\\+0000|\\+01:00|\\+01|-05:30|)",
            shift_us in -1_000_000_000_000_000_i64..1_000_000_000_000_000,
        ) {
            let there = later(&date, shift_us).unwrap();
            prop_assert_eq!(there.len(), date.len());
            prop_assert_eq!(later(&there, -shift_us), Some(date));
        }

        #[test]
        fn nothing_panics(date in "[0-9T:.Z+-]{0,30}", shift_us in any::<i64>()) {
            let _ = later(&date, shift_us);
        }
    }
}
