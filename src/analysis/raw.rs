//! Gaps in raw streams: times in which no byte came, within a response and between two.
//!
//! Playlists say how long they may take; a raw stream does not. Players hold some seconds of one, encoders and servers
//! send several times a second, and of a part of hours the moments of its bytes are known to 1.28 s: hence [`ALLOWED_US`].

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::adjacent::{Search, unrecorded_us};
use super::faults::in_short;
use super::finding::{Evidence, Finding, Rule};
use super::gaps::scan::Threshold;
use super::noticed::{Noticed, noticed_lines, stood_still_us};
use super::silences::{Came, Scan, Silence, came};
use super::times::{between_us, both_clocks, length};
use crate::clock::micros;
use crate::session::{Notice, NoticeEvent, RawAttempt, ReadError, StreamInfo, seconds};
use crate::shown::escaped;

/// Without a byte for longer, in microseconds, a raw stream has a gap.
pub const ALLOWED_US: i64 = 2_000_000;
/// A shorter time in which the recorder did not ask is not worth a word, in microseconds.
const TOLD_US: i64 = 100_000;
/// Requests that are read at once: how a part of a day came is a text of a megabyte.
const ATTEMPTS: usize = 16;
/// Kinds of failures that are told apart.
const MOST_KINDS: usize = 8;

/// A time in which no byte of a raw stream came. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawGap {
    /// Where it is between.
    pub silence: Silence,
    /// What was allowed.
    pub threshold_us: i64,
    /// What happened in it, and how often, in order.
    pub failures: Vec<(String, u64)>,
    /// For so long of it no recorder ran.
    pub not_running_us: i64,
    /// For so long before its end one ran and did not ask, though no host had asked for patience.
    pub unasked_us: i64,
    /// What the recorder noticed about itself meanwhile.
    pub noticed: Vec<NoticeEvent>,
}

impl Threshold {
    /// What is allowed between two bytes.
    fn of_raw_streams(self) -> i64 {
        self.0.map_or(ALLOWED_US, micros)
    }
}

impl Search<'_> {
    /// Streams that are no playlists.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn raw_streams(&self) -> Result<Vec<StreamInfo>, ReadError> {
        Ok(self.reader.raw_streams()?.0)
    }

    /// Calls `each` with the gaps of a raw stream, in order; its first error is the end.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn raw_gaps<E: From<ReadError>>(
        &self,
        stream: &StreamInfo,
        mut each: impl FnMut(RawGap) -> Result<(), E>,
    ) -> Result<(), E> {
        let span_us = self.reader.clip_span()?.unwrap_or((i64::MIN, i64::MAX));
        let mut scan = Scan::new(self.threshold.of_raw_streams()).within(span_us);
        let mut failures = Failures::default();
        let mut found = |scan: &mut Scan, failures: &Failures| {
            for silence in scan.found.drain(..) {
                if self.is_before_kept(None, silence.until_us)
                    || self.leaves_out(silence.from_us, silence.until_us)
                {
                    continue;
                }
                let is_within = silence.to_exchange == Some(silence.from_exchange);
                let happened = if is_within {
                    Vec::new()
                } else {
                    failures.0.clone()
                };
                each(self.raw_gap(stream, silence, happened)?)?;
            }
            Ok::<(), E>(())
        };
        // First: a part that ends between the two looks is in one of them.
        let growing = self.reader.growing(stream.id)?;
        let mut last: Option<RawAttempt> = None;
        loop {
            let after = last.as_ref().map_or(0, |attempt| attempt.exchange_id);
            let attempts = self.reader.raw_attempts(stream.id, after, ATTEMPTS)?;
            if attempts.is_empty() {
                break;
            }
            for attempt in attempts {
                match came(&attempt) {
                    Some(came) => {
                        scan.take(&came);
                        found(&mut scan, &failures)?;
                        failures.0.clear();
                    }
                    None => scan.tried(attempt.ended_us),
                }
                if is_met_within(span_us, &attempt) {
                    failures.note(&attempt);
                }
                last = Some(attempt);
            }
        }
        let landed = last.as_ref().map_or(0, |attempt| attempt.exchange_id);
        if let Some(growing) = growing.filter(|growing| growing.exchange_id > landed) {
            scan.take(&Came::growing(&growing));
            found(&mut scan, &failures)?;
            failures.0.clear();
        }
        scan.end(last.as_ref(), self.end_us);
        found(&mut scan, &failures)
    }

    fn raw_gap(
        &self,
        stream: &StreamInfo,
        silence: Silence,
        failures: Vec<(String, u64)>,
    ) -> Result<RawGap, ReadError> {
        let (from_us, until_us) = (silence.from_us, silence.until_us);
        let urls = || self.reader.urls_of_raw(stream.id);
        let noticed = self.noticed(&[], (from_us, until_us), urls)?;
        let unasked_us = silence.unasked_us.map_or(0, |(from_us, until_us)| {
            let down_us = unrecorded_us(&self.holes, from_us, until_us);
            let pause_us = until_us.saturating_sub(from_us).saturating_sub(down_us);
            pause_us.saturating_sub(excused_us(&noticed, from_us, until_us))
        });
        Ok(RawGap {
            threshold_us: self.threshold.of_raw_streams(),
            failures,
            not_running_us: unrecorded_us(&self.holes, from_us, until_us),
            unasked_us: unasked_us.max(0),
            noticed,
            silence,
        })
    }
}

/// Whether what became of a request is known between two moments, those of a clip: how its body ended, or that an error came.
fn is_met_within((from_us, until_us): (i64, i64), attempt: &RawAttempt) -> bool {
    let is_within = |us: i64| (from_us..=until_us).contains(&us);
    let is_error = attempt.status.is_some_and(|status| status >= 400);
    is_within(attempt.ended_us) || is_error && is_within(attempt.began_us)
}

/// For so long of a time in which the recorder did not ask it could not, or was not to: what it noticed says so already.
fn excused_us(noticed: &[NoticeEvent], from_us: i64, until_us: i64) -> i64 {
    let is_excuse = |kind| matches!(kind, Notice::LeftAlone | Notice::Stalled);
    let excuses = noticed.iter().filter(|event| is_excuse(event.kind));
    let mut spans: Vec<(i64, i64)> = excuses
        .map(|event| (event.at_us.max(from_us), event.until_us().min(until_us)))
        .collect();
    spans.sort_unstable();
    let (mut excused_us, mut so_far_us) = (0_i64, from_us);
    for (from_us, until_us) in spans {
        let part_us = until_us.saturating_sub(from_us.max(so_far_us)).max(0);
        excused_us = excused_us.saturating_add(part_us);
        so_far_us = so_far_us.max(until_us);
    }
    excused_us
}

/// What happened since bytes came.
#[derive(Debug, Default)]
pub(super) struct Failures(pub(super) Vec<(String, u64)>);

impl Failures {
    pub(super) fn note(&mut self, attempt: &RawAttempt) {
        if !attempt.is_fault {
            return;
        }
        let what = in_short(attempt.status, attempt.outcome, attempt.error.as_deref());
        let is_full = self.0.len() >= MOST_KINDS;
        let what = match self.0.iter().any(|(known, _)| *known == what) || !is_full {
            true => what,
            false => "others".to_owned(),
        };
        match self.0.iter_mut().find(|(known, _)| *known == what) {
            Some((_, times)) => *times += 1,
            None => self.0.push((what, 1)),
        }
    }
}

impl RawGap {
    /// How long it was.
    pub fn length_us(&self) -> i64 {
        self.silence.until_us.saturating_sub(self.silence.from_us)
    }

    /// Until when it is told of the origin: behind that the recorder did not ask, and whether bytes would have come nobody
    /// knows.
    pub fn certain_until_us(&self) -> i64 {
        let until_us = self.silence.until_us.saturating_sub(self.unasked_us);
        until_us.max(self.silence.from_us)
    }

    /// How long it was without the time before its end in which the recorder did not ask.
    pub fn certain_us(&self) -> i64 {
        self.certain_until_us().saturating_sub(self.silence.from_us)
    }

    /// Without the time in which no recorder ran, or it stood still, or did not ask, it would be none.
    pub fn is_recorders(&self) -> bool {
        let (from_us, until_us) = (self.silence.from_us, self.silence.until_us);
        let stood_us = stood_still_us(&self.noticed, from_us, until_us);
        let own_us = self.not_running_us.saturating_add(stood_us);
        self.certain_us().saturating_sub(own_us) <= self.threshold_us
    }

    /// As a sentence. `zero_us` is session zero.
    pub fn text(&self, zero_us: i64) -> String {
        let silence = &self.silence;
        let at = |us: i64| both_clocks(us, zero_us);
        let from = format!(
            "{}, exchange {}",
            at(silence.from_us),
            silence.from_exchange
        );
        let to = match silence.to_exchange {
            Some(exchange) => format!("{}, exchange {exchange}", at(silence.until_us)),
            None if silence.is_left => {
                format!("{}, when it was no longer recorded", at(silence.until_us))
            }
            None => format!("the end of the recording at {}", at(silence.until_us)),
        };
        let mut text = format!(
            "No byte for {}: from {from} to {to}",
            length(between_us(silence.from_us, silence.until_us))
        );
        let happened = self.failures.iter().map(|(what, times)| match times {
            1 => what.clone(),
            times => format!("{what} x {times}"),
        });
        let happened: Vec<String> = happened.collect();
        if !happened.is_empty() {
            text += &format!("; {}", happened.join(", "));
        }
        if self.not_running_us > 0 {
            text += &format!(
                "; the recorder did not run for {} of it",
                length(self.not_running_us)
            );
        }
        if self.unasked_us >= TOLD_US {
            text += &format!(
                "; of which the recorder did not ask for {} before its end",
                length(self.unasked_us)
            );
        }
        for line in noticed_lines(&self.noticed, zero_us) {
            text += &format!("; {line}");
        }
        text
    }

    /// One line for people.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut impl Write, zero_us: i64) -> io::Result<()> {
        writeln!(out, "{}", escaped(&self.text(zero_us)))
    }

    /// As a finding. `zero_us` is session zero.
    pub fn finding(&self, stream: &StreamInfo, zero_us: i64) -> Finding {
        let silence = &self.silence;
        let evidence = |at_us, exchange| Evidence { at_us, exchange };
        let from = silence.from_exchange;
        let to = silence.to_exchange.filter(|to| *to != from);
        let detail = serde_json::to_value(self.detail(stream, zero_us));
        Finding {
            rule: Rule::RawGap,
            own: self.is_recorders(),
            stream: stream.name.clone(),
            playlist: None,
            count: 1,
            first: evidence(silence.from_us, Some(from)),
            last: evidence(silence.until_us, silence.to_exchange),
            exchanges: std::iter::once(from).chain(to).collect(),
            text: self.text(zero_us),
            detail: match detail {
                Ok(Value::Object(members)) => members,
                _ => Map::new(),
            },
        }
    }

    /// What such a finding has beside what every finding has.
    fn detail<'a>(&'a self, stream: &'a StreamInfo, zero_us: i64) -> Detail<'a> {
        Detail {
            url: &stream.url,
            gap_seconds: seconds(self.length_us()),
            threshold_seconds: seconds(self.threshold_us),
            uncertain_seconds: seconds(self.silence.uncertain_us),
            unasked_seconds: seconds(self.unasked_us),
            open: self.silence.to_exchange.is_none(),
            failures: self
                .failures
                .iter()
                .map(|(what, times)| Failure {
                    what,
                    times: *times,
                })
                .collect(),
            not_running_seconds: seconds(self.not_running_us),
            noticed: self
                .noticed
                .iter()
                .map(|event| Noticed::new(event, zero_us))
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    url: &'a str,
    gap_seconds: f64,
    threshold_seconds: f64,
    /// How much earlier than it was seen its end may have been.
    uncertain_seconds: f64,
    /// For so long of that the recorder did not ask.
    unasked_seconds: f64,
    open: bool,
    failures: Vec<Failure<'a>>,
    not_running_seconds: f64,
    noticed: Vec<Noticed>,
}

#[derive(Serialize)]
struct Failure<'a> {
    what: &'a str,
    times: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap() -> RawGap {
        RawGap {
            silence: Silence {
                from_us: 13_000_000,
                from_exchange: 3,
                until_us: 16_500_000,
                to_exchange: Some(6),
                uncertain_us: 500_000,
                unasked_us: None,
                is_left: false,
            },
            threshold_us: ALLOWED_US,
            failures: vec![("reset".to_owned(), 1), ("HTTP 503".to_owned(), 2)],
            not_running_us: 0,
            unasked_us: 0,
            noticed: Vec::new(),
        }
    }

    fn stream() -> StreamInfo {
        StreamInfo {
            id: 1,
            name: "hall\u{1b}".to_owned(),
            url: "http://h/live".to_owned(),
        }
    }

    #[test]
    fn a_gap_is_one_line_with_both_clocks_and_what_happened_in_it() {
        let mut out = Vec::new();
        gap().write_text(&mut out, 10_000_000).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "No byte for 3.500 s: from 0:00:03.000 (00:00:13.000Z), exchange 3 to \
             0:00:06.500 (00:00:16.500Z), exchange 6; reset, HTTP 503 x 2\n"
        );
        let mut open = gap();
        open.silence.to_exchange = None;
        open.not_running_us = 1_000_000;
        let text = open.text(10_000_000);
        assert!(
            text.contains(" to the end of the recording at 0:00:06.5"),
            "{text}"
        );
        assert!(
            text.ends_with("the recorder did not run for 1.000 s of it"),
            "{text}"
        );
        open.silence.is_left = true;
        assert!(open.text(0).contains("when it was no longer recorded"));
    }

    #[test]
    fn a_gap_that_is_only_the_time_in_which_no_recorder_ran_is_the_recorders() {
        let own = |not_running_us| RawGap {
            not_running_us,
            ..gap()
        };
        assert!(!gap().is_recorders());
        assert!(!own(1_499_999).is_recorders());
        assert!(own(1_500_000).is_recorders());
    }

    #[test]
    fn what_the_recorder_did_not_ask_for_is_its_own_and_told() {
        let unasked = |unasked_us| RawGap {
            unasked_us,
            ..gap()
        };
        assert!(!unasked(1_499_999).is_recorders());
        assert!(unasked(1_500_000).is_recorders());
        let gap = unasked(1_200_000);
        assert_eq!((gap.length_us(), gap.certain_us()), (3_500_000, 2_300_000));
        let told = "; of which the recorder did not ask for 1.200 s before its end";
        assert!(gap.text(0).ends_with(told), "{}", gap.text(0));
        assert!(!unasked(TOLD_US - 1).text(0).contains("did not ask"));
    }

    #[test]
    fn what_a_host_asked_for_and_what_the_recorder_could_not_do_is_said_once() {
        let event = |kind, at_us, length_us| NoticeEvent {
            kind,
            at_us,
            length_us: Some(length_us),
            detail: String::new(),
        };
        let noticed = [
            event(Notice::Stalled, 50, 10),
            event(Notice::LeftAlone, 0, 30),
            event(Notice::LeftAlone, 20, 25),
            event(Notice::DiskFull, 0, 100),
        ];
        assert_eq!(excused_us(&noticed, 10, 100), 20 + 15 + 10);
        assert_eq!(excused_us(&noticed, 10, 55), 20 + 15 + 5);
        assert_eq!(excused_us(&noticed, 60, 100), 0);
    }

    #[test]
    fn a_gap_in_which_the_recorder_stood_still_is_the_recorders_and_says_so() {
        let noticed = |kind, length_us| RawGap {
            noticed: vec![NoticeEvent {
                kind,
                at_us: 13_100_000,
                length_us,
                detail: String::new(),
            }],
            ..gap()
        };
        for (kind, length_us, own) in [
            (Notice::Stalled, Some(1_500_000), true),
            (Notice::Suspended, Some(1_500_000), true),
            (Notice::Stalled, None, true),
            (Notice::Stalled, Some(1_499_999), false),
            (Notice::ClockStep, Some(60_000_000), false),
            (Notice::FalseValidators, Some(60_000_000), false),
        ] {
            let gap = noticed(kind, length_us);
            let mut out = Vec::new();
            let finding = gap.finding(&stream(), 10_000_000);
            finding.write_json(&mut out, 10_000_000).unwrap();
            let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(line["own"], own, "{kind:?} {length_us:?}");
            assert_eq!(gap.is_recorders(), own, "{kind:?} {length_us:?}");
        }
    }

    #[test]
    fn json_has_the_keys_of_findings() {
        let mut out = Vec::new();
        let finding = gap().finding(&stream(), 10_000_000);
        finding.write_json(&mut out, 10_000_000).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["stream"], "hall\u{1b}");
        assert_eq!(line["first"]["session_time"], 3.0);
        assert_eq!(
            line["last"],
            serde_json::json!({"session_time": 6.5, "time": "1970-01-01T00:00:16.500000Z", "exchange": 6})
        );
        assert_eq!(line["exchanges"], serde_json::json!([3, 6]));
        assert!(line["playlist"].is_null() && line["count"] == 1 && line["rule"] == "S01");
        let detail = &line["detail"];
        assert_eq!(
            detail["failures"][1],
            serde_json::json!({"what": "HTTP 503", "times": 2})
        );
        assert_eq!(
            (
                detail["gap_seconds"].as_f64(),
                detail["uncertain_seconds"].as_f64()
            ),
            (Some(3.5), Some(0.5))
        );
    }

    #[test]
    fn failures_of_very_many_kinds_are_counted_together() {
        let mut failures = Failures::default();
        for status in 400..420 {
            failures.note(&RawAttempt {
                exchange_id: 1,
                requested_us: 0,
                began_us: 0,
                ended_us: 0,
                bytes: 0,
                arrival: None,
                status: Some(status),
                outcome: crate::session::Outcome::Complete,
                error: None,
                is_fault: true,
            });
        }
        let told = failures.0;
        assert_eq!(told.len(), MOST_KINDS + 1);
        assert_eq!(told.last(), Some(&("others".to_owned(), 12)));
    }
}
