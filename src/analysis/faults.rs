//! Single faults as lines: session time, resource, what happened, how long until the next good answer.

use std::io::{self, Write};

use serde::Serialize;

use super::times::{between_us, both_clocks, length};
use crate::session::{Fault, Moment, Outcome, break_words, seconds};
use crate::shown::{escaped, json};

/// What happened, in a few words: the status of an error, the outcome of a broken exchange.
pub fn what_happened(fault: &Fault) -> String {
    let error = fault.error.as_deref();
    if let Some(words) = break_words(fault.status, fault.outcome, error) {
        return words;
    }
    match error {
        // It says whose fault it is, too.
        Some(error) if fault.outcome != Outcome::Complete => {
            format!("{} ({error})", fault.outcome)
        }
        _ => in_short(fault.status, fault.outcome, None),
    }
}

/// The same of a status and an outcome; the error says how long a raw stream was silent.
pub fn in_short(status: Option<u16>, outcome: Outcome, error: Option<&str>) -> String {
    if let Some(words) = break_words(status, outcome, error) {
        return words;
    }
    match (status, outcome) {
        (Some(status), Outcome::Complete) => format!("HTTP {status}"),
        (_, outcome) if outcome.is_recorders() => format!("{outcome}, the recorder's own"),
        (_, outcome) => outcome.to_string(),
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
        None => "never good again".to_owned(),
    };
    writeln!(
        out,
        "{} - {stream}{} {} - {} - {lasted}",
        both_clocks(fault.at_us, zero_us),
        fault.kind,
        escaped(&fault.name),
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
            kind: Kind::Media,
            name: "live/a.m3u8".to_owned(),
            url: "http://h/live/a.m3u8".to_owned(),
            status: Some(503),
            outcome: Outcome::Complete,
            error: None,
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
            "0:00:02.500 (00:00:12.500Z) - media live/a.m3u8 - HTTP 503 - good again after 1.500 s\n"
        );
        let mut out = Vec::new();
        write_text(&mut out, &fault(), AGAIN_US, 10_000_000, true).unwrap();
        assert!(out.starts_with(b"0:00:02.500 (00:00:12.500Z) - [hall1] media live/a.m3u8 - "));
        let cut = Fault {
            outcome: Outcome::Short,
            error: Some("the body ended".to_owned()),
            status: Some(200),
            ..fault()
        };
        assert_eq!(
            text(&cut, None),
            "0:00:02.500 (00:00:12.500Z) - media live/a.m3u8 - short (the body ended) - never good again\n"
        );
    }

    #[test]
    fn a_plain_stream_that_ended_in_good_order_is_called_that() {
        assert_eq!(
            in_short(Some(200), Outcome::Complete, None),
            "ended by the origin"
        );
        assert_eq!(in_short(Some(404), Outcome::Complete, None), "HTTP 404");
        assert_eq!(in_short(Some(200), Outcome::Short, None), "short");
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
