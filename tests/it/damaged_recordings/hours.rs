//! Rules of what only hours show: texts alone, of more than an hour.

use isrecorder::hls::shift_dates;
use isrecorder::session::{Kind, Outcome};

use super::SECOND;
use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told};

/// A segment, and a poll that brings it.
const EACH: i64 = 4;

/// A text whose last segment has this number, which began so many seconds after the beginning.
fn text(last: i64) -> String {
    let first = last - 5;
    let begins = first * EACH;
    let (hours, minutes, seconds) = (10 + begins / 3600, begins / 60 % 60, begins % 60);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-PROGRAM-DATE-TIME:2026-11-20T{hours:02}:{minutes:02}:{seconds:02}.000Z\n"
    );
    for number in first..=last {
        text.push_str(&format!("#EXTINF:4.0,\ns{number}.ts\n"));
    }
    text
}

/// An hour and a quarter of a playlist that is polled every two seconds.
fn hour() -> Tape {
    let texts = 75 * 60 / EACH;
    let poll = |n: i64| {
        let requested_us = n * EACH * SECOND + SECOND;
        Taken {
            kind: Kind::Media,
            url: "http://localhost/live.m3u8".to_owned(),
            referrer: None,
            head: None,
            requested_us,
            wait_us: 20_000,
            receive_us: 1_000,
            status: 200,
            outcome: Outcome::Complete,
            headers: vec![(
                "content-type".to_owned(),
                "application/vnd.apple.mpegurl".to_owned(),
            )],
            arrival: None,
            body: text(n + 6).into_bytes(),
            revision: Some((n > 0).then_some(requested_us - 2 * SECOND)),
            directives_met: None,
        }
    };
    Tape {
        exchanges: (0..texts).map(poll).collect(),
        end_us: texts * EACH * SECOND,
    }
}

const HOURS: [Damage; 1] = [
    // 2 ms in a second too much: 7.2 s an hour.
    ("T13", &[], |tape| {
        tape.each("live.m3u8", |n, one| {
            let later_us = i64::try_from(n).unwrap() * EACH * 2000;
            one.body = shift_dates(&one.body, later_us).into_owned();
        });
    }),
];

#[test]
fn dates_that_run_away_from_the_clock_are_told() {
    assert_told(&hour(), &HOURS);
}
