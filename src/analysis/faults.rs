//! Single faults as lines: session time, resource, what happened, how long until the next good answer.

use std::io::{self, Write};

use serde::Serialize;

use super::times::{between_us, both_clocks, length, short_length};
use crate::session::{Fault, Moment, Outcome, SLOW, UNANSWERED, fault_words, seconds};
use crate::shown::{escaped, json};

/// What happened, in a few words: the status of an error, the outcome of a broken exchange; `unanswered for 12 s, then reset`.
pub fn what_happened(fault: &Fault) -> String {
    if let (true, Some(us)) = (fault.is_slow, fault.unanswered_us) {
        let then = match fault.is_answered() {
            true => "then all of it came",
            false => "then broken off by the recorder",
        };
        return format!("{SLOW} for {}, {then}", short_length(us));
    }
    let what = match (fault.is_long_wait, fault.is_answered()) {
        (false, _) => at_last(fault),
        (true, true) => "answered".to_owned(),
        (true, false) => "broken off by the recorder".to_owned(),
    };
    match fault.unanswered_us {
        Some(us) => format!("{UNANSWERED} for {}, then {what}", short_length(us)),
        None => what,
    }
}

fn at_last(fault: &Fault) -> String {
    let error = fault.error.as_deref();
    let words = in_short(fault.status, fault.outcome, error);
    // They say the same, or the error says whose it is, too.
    let is_said = match (fault.outcome, error) {
        (Outcome::Complete, _) | (_, None) => true,
        (outcome, Some(error)) => {
            let by_outcome = fault_words(fault.status, outcome, None);
            let is_same = outcome == Outcome::Short && error.contains("announced length");
            let is_same = is_same || error.starts_with(UNANSWERED);
            !outcome.is_recorders() && words != by_outcome || is_same
        }
    };
    match (error, fault.outcome) {
        // Sessions of earlier programs say so.
        (Some(error), Outcome::ResponseTimeout) => match error.strip_prefix("no answer for ") {
            Some(lasted) => format!("{UNANSWERED} for {lasted}"),
            None if is_said => error.to_owned(),
            None => format!("{words} ({error})"),
        },
        (Some(error), outcome) if !is_said => {
            format!("{} ({error})", fault_words(fault.status, outcome, None))
        }
        _ => words,
    }
}

/// The same of a status and an outcome; the error says more of some of them.
pub fn in_short(status: Option<u16>, outcome: Outcome, error: Option<&str>) -> String {
    let words = fault_words(status, outcome, error);
    match outcome.is_recorders() {
        true => format!("{words}, the recorder's own"),
        false => words,
    }
}

/// A fault as one line for people. `again_us`: when the next good answer came; `zero_us` is session zero; `stream`:
/// whether it says of which stream.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut impl Write,
    fault: &Fault,
    again_us: Option<i64>,
    zero_us: i64,
    stream: bool,
) -> io::Result<()> {
    let stream = match stream {
        true => format!("[{}] ", escaped(&fault.stream)),
        false => String::new(),
    };
    let lasted = match again_us {
        Some(again) => format!(
            "good again after {}",
            length(between_us(fault.at_us, again))
        ),
        None => "not good again".to_owned(),
    };
    let (noun, name) = fault.what();
    writeln!(
        out,
        "{} - {stream}{noun} {} - {} - {lasted}",
        both_clocks(fault.at_us, zero_us),
        escaped(name),
        escaped(&what_happened(fault)),
    )
}

/// A fault as one line of JSON. `own`: the reason is the recorder's own.
///
/// # Errors
/// Those of `out`.
pub fn write_json(
    out: &mut impl Write,
    (fault, own): (&Fault, bool),
    again_us: Option<i64>,
    zero_us: i64,
) -> io::Result<()> {
    let line = Line {
        exchange: fault.exchange_id,
        own,
        moment: Moment::new(fault.at_us, zero_us),
        stream: &fault.stream,
        kind: fault.kind.as_str(),
        name: &fault.name,
        url: &fault.url,
        status: fault.status,
        outcome: fault.outcome.as_str(),
        error: fault.error.as_deref(),
        unanswered_seconds: fault.unanswered_us.map(seconds),
        good_again_after_seconds: again_us.map(|again| seconds(again.saturating_sub(fault.at_us))),
    };
    writeln!(out, "{}", json(&line)?)
}

#[derive(Serialize)]
struct Line<'a> {
    exchange: i64,
    own: bool,
    #[serde(flatten)]
    moment: Moment,
    stream: &'a str,
    kind: &'static str,
    name: &'a str,
    url: &'a str,
    status: Option<u16>,
    outcome: &'static str,
    error: Option<&'a str>,
    unanswered_seconds: Option<f64>,
    good_again_after_seconds: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Kind;

    fn fault() -> Fault {
        Fault {
            exchange_id: 7,
            requested_us: 12_400_000,
            at_us: 12_500_000,
            over_us: 12_500_000,
            lag_us: None,
            stream_id: 1,
            stream: "hall1".to_owned(),
            is_raw: false,
            kind: Kind::Media,
            name: "live/a.m3u8".to_owned(),
            url: "http://h/live/a.m3u8".to_owned(),
            status: Some(503),
            outcome: Outcome::Complete,
            error: None,
            unanswered_us: None,
            is_long_wait: false,
            is_slow: false,
        }
    }

    const AGAIN_US: Option<i64> = Some(14_000_000);

    fn text(fault: &Fault, again_us: Option<i64>) -> String {
        let mut out = Vec::new();
        write_text(&mut out, fault, again_us, 10_000_000, false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_says_when_what_and_for_how_long() {
        assert_eq!(
            text(&fault(), AGAIN_US),
            "0:00:02.500 (00:00:12.500Z) - media playlist live/a.m3u8 - HTTP 503 - good again after 1.500 s\n"
        );
        let mut out = Vec::new();
        write_text(&mut out, &fault(), AGAIN_US, 10_000_000, true).unwrap();
        assert!(
            out.starts_with(b"0:00:02.500 (00:00:12.500Z) - [hall1] media playlist live/a.m3u8 - ")
        );
        let cut = Fault {
            outcome: Outcome::Short,
            error: Some("the body ended".to_owned()),
            status: Some(200),
            ..fault()
        };
        assert_eq!(
            text(&cut, None),
            "0:00:02.500 (00:00:12.500Z) - media playlist live/a.m3u8 - body cut short (the body ended) - not good again\n"
        );
    }

    #[test]
    fn what_hung_is_said_to_have_been_unanswered() {
        let of = |status, outcome, error: &str, unanswered_us| {
            what_happened(&Fault {
                status,
                outcome,
                error: Some(error.to_owned()).filter(|error| !error.is_empty()),
                unanswered_us,
                ..fault()
            })
        };
        let long = Some(12_040_000);
        assert_eq!(
            of(None, Outcome::Reset, "the connection was reset", long),
            "unanswered for 12 s, then reset (the connection was reset)"
        );
        assert_eq!(
            of(Some(503), Outcome::Complete, "", long),
            "unanswered for 12 s, then HTTP 503"
        );
        // The error of an earlier program, and that of this one.
        for error in ["no answer for 15 s", "unanswered for 15 s"] {
            let told = of(None, Outcome::ResponseTimeout, error, None);
            assert_eq!(told, "unanswered for 15 s");
        }
        let told = of(None, Outcome::ResponseTimeout, "", None);
        assert_eq!(told, "unanswered");
    }

    #[test]
    fn a_fault_of_a_raw_stream_has_its_name_and_what_it_was() {
        let empty = Fault {
            is_raw: true,
            kind: Kind::Main,
            status: Some(200),
            outcome: Outcome::NotAPlaylist,
            error: Some("an empty answer".to_owned()),
            ..fault()
        };
        let told = text(&empty, None);
        assert!(
            told.contains(" - raw stream hall1 - empty answer - "),
            "{told}"
        );
    }

    #[test]
    fn a_plain_stream_that_ended_in_good_order_is_called_that() {
        assert_eq!(
            in_short(Some(200), Outcome::Complete, None),
            "ended by the origin"
        );
        assert_eq!(in_short(Some(404), Outcome::Complete, None), "HTTP 404");
        assert_eq!(in_short(Some(200), Outcome::Short, None), "body cut short");
        assert_eq!(
            in_short(Some(200), Outcome::Disk, None),
            "disk, the recorder's own"
        );
    }

    #[test]
    fn json_has_the_same() {
        let mut out = Vec::new();
        write_json(&mut out, (&fault(), true), AGAIN_US, 10_000_000).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["session_time"], 2.5);
        assert_eq!(line["stream"], "hall1");
        assert_eq!(line["status"], 503);
        assert_eq!(line["own"], true);
        assert_eq!(line["good_again_after_seconds"], 1.5);
    }
}
