//! Gaps as findings, and as text in the original's format.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::faults::in_short;
use super::finding::{Evidence, Finding, Rule};
use super::gaps::gap::{Gap, Unit};
use super::never_listed::{NeverListed, counted, not_seen};
use super::noticed::{self, Noticed};
use super::times::{between_us, both_clocks, length, timedelta, utc};
use crate::session::{Advance, Moment, NoticeEvent, PlaylistInfo, PollTrouble, PollWait, seconds};
use crate::shown::{escaped, escaped_lines};

/// Between the two rows of a finding.
const DASHES: &str = "-------------------------------------------------------------------";

/// Writes a gap as the original did: both rows with their bodies. `zero_us` is session zero; `bare`: without what the
/// original did not say.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut impl Write,
    gap: &Gap,
    zero_us: i64,
    [from_body, to_body]: [Option<&[u8]>; 2],
    bare: bool,
) -> io::Result<()> {
    let difference = timedelta(gap.length_us());
    let open = match (gap.to, gap.is_left) {
        _ if bare => "",
        (Some(_), _) => "",
        (None, false) => " (open: no advance until the end of the recording)",
        (None, true) => " (open: no advance until it was no longer recorded)",
    };
    writeln!(out, "Find time difference {difference}{open}")?;
    if !bare {
        writeln!(out, "{}", span(gap, zero_us))?;
        for remark in remarks(gap, zero_us) {
            writeln!(out, "{}", escaped(&remark))?;
        }
    }
    write_row(out, &gap.from, from_body)?;
    writeln!(out, "{DASHES}")?;
    match &gap.to {
        Some(to) => write_row(out, to, to_body),
        None if gap.is_left => writeln!(out, "no longer recorded - {}\n", utc(gap.until_us)),
        None => writeln!(out, "end of the recording - {}\n", utc(gap.until_us)),
    }
}

fn write_row(out: &mut impl Write, advance: &Advance, body: Option<&[u8]>) -> io::Result<()> {
    writeln!(out, "{} - {}", advance.exchange_id, utc(advance.seen_us))?;
    let body = body.unwrap_or(b"(its body was not stored)");
    let text = escaped_lines(&String::from_utf8_lossy(body));
    out.write_all(text.as_bytes())?;
    out.write_all(if text.ends_with('\n') { b"\n" } else { b"\n\n" })
}

/// What was noticed, in a sentence. `zero_us` is session zero.
pub fn noticed(event: &NoticeEvent, zero_us: i64) -> String {
    noticed::noticed_lines(std::slice::from_ref(event), zero_us).concat()
}

/// Whose it was: what polls in between were answered, and what speaks against the origin being the one that was late.
fn remarks(gap: &Gap, zero_us: i64) -> Vec<String> {
    let mut remarks = Vec::new();
    if gap.recorder_was_late() {
        remarks.push(format!(
            "The recorder was late here: by up to {}",
            length(gap.polls.lag_us)
        ));
    }
    remarks.extend(noticed::noticed_lines(&gap.noticed, zero_us));
    if gap.not_running_us > 0 {
        remarks.push(format!(
            "The recorder did not run for {} of it",
            length(gap.not_running_us)
        ));
    } else if gap.recorder_paused() {
        remarks.push(format!(
            "The recorder did not ask for {} here",
            length(gap.polls.pause_us)
        ));
    }
    remarks.extend(waited(gap));
    remarks.extend(answered(gap));
    remarks.extend(gap.polls.broken_off.map(|wait| broken_off(gap, wait)));
    remarks
}

/// For how long polls had no answer, where that is most of the gap.
fn waited(gap: &Gap) -> Option<String> {
    let (longest, waiting_us) = (gap.polls.longest_wait, gap.polls.waiting_us);
    let lasted = length(longest.length_us);
    let is_one = longest.length_us >= waiting_us - waiting_us / 10;
    gap.polls_waited().then(|| match is_one {
        true => format!("A poll {} for {lasted}", no_answer(longest)),
        false => format!(
            "Polls were unanswered for {} of it, the longest for {lasted}",
            length(waiting_us)
        ),
    })
}

/// What the recorder still waited for when it stopped is no poll that failed.
fn broken_off(gap: &Gap, wait: PollWait) -> String {
    let when = match (gap.to, gap.is_left) {
        (None, false) => "when the recording was stopped",
        _ => "when the recorder broke it off",
    };
    let lasted = length(wait.length_us);
    format!("A poll {} for {lasted} {when}", no_answer(wait))
}

fn no_answer(wait: PollWait) -> &'static str {
    match wait.has_begun {
        true => "had no whole answer",
        false => "was unanswered",
    }
}

/// What the polls between the two advances were answered.
fn answered(gap: &Gap) -> Option<String> {
    let (polls, between) = (&gap.polls, gap.polls_between());
    let how = || {
        let failures = failures(polls);
        let told = failures
            .iter()
            .map(|failure| format!("{} x {}", failure.what, failure.polls));
        told.collect::<Vec<_>>().join(", ")
    };
    let nothing_new = match gap.unit {
        Unit::Segments => "without a new segment",
        Unit::Parts => "without a new part",
    };
    let kept = match gap.polls_are_gone {
        true => " that are kept",
        false => "",
    };
    match (polls.failed, between) {
        (0, 0) if gap.recorder_was_down() || gap.polls_are_gone => None,
        (0, 0) if gap.to.is_none() && polls.broken_off.is_some() => None,
        (0, 0) if gap.to.is_none() => Some("No poll was answered in between".to_owned()),
        (0, 0) => Some("One request was under way in between, and brought what was new".to_owned()),
        (0, 1) => Some(format!(
            "The one poll in between{kept} was answered, {nothing_new}"
        )),
        (0, _) => Some(format!(
            "All {between} polls in between{kept} were answered, {nothing_new}"
        )),
        (failed, between) if failed >= between => Some(format!(
            "No poll in between{kept} was answered with a playlist: {}",
            how()
        )),
        (failed, between) => Some(format!(
            "{failed} of {between} polls in between{kept} failed, the others were answered, {nothing_new}: {}",
            how()
        )),
    }
}

/// How polls failed, and how many of them; what is not told apart comes last.
fn failures(polls: &PollTrouble) -> Vec<Failure> {
    let mut failures: Vec<Failure> = polls
        .failures
        .iter()
        .map(|failure| Failure {
            what: in_short(failure.status, failure.outcome, None),
            polls: failure.polls,
        })
        .collect();
    let told: i64 = failures.iter().map(|failure| failure.polls).sum();
    if polls.failed > told {
        failures.push(Failure {
            what: "others".to_owned(),
            polls: polls.failed - told,
        });
    }
    failures
}

/// A gap as a finding. `label`: how the multivariant playlist describes the playlist; `zero_us` is session zero.
pub fn finding(playlist: &PlaylistInfo, label: Option<&str>, gap: &Gap, zero_us: i64) -> Finding {
    let [from_uncertain_us, to_uncertain_us] = gap.uncertain_us;
    let detail = Detail {
        url: &playlist.url,
        label,
        between: gap.unit.as_str(),
        gap_seconds: seconds(gap.length_us()),
        threshold_seconds: seconds(gap.threshold_us),
        open: gap.to.is_none(),
        from: Row::new(&gap.from, from_uncertain_us, zero_us),
        to: gap.to.map(|to| Row::new(&to, to_uncertain_us, zero_us)),
        never_listed: gap.never_listed,
        not_seen: gap.not_seen,
        recorder: Recorder::new(gap, zero_us),
    };
    let evidence = |at_us, exchange| Evidence { at_us, exchange };
    let to = gap.to.map(|to| to.exchange_id);
    Finding {
        rule: match gap.unit {
            Unit::Segments => Rule::Stale,
            Unit::Parts => Rule::PartLate,
        },
        own: gap.is_recorders(),
        stream: playlist.stream.clone(),
        playlist: Some(playlist.name.clone()),
        count: 1,
        first: evidence(gap.from.seen_us, Some(gap.from.exchange_id)),
        last: evidence(gap.until_us, to),
        exchanges: std::iter::once(gap.from.exchange_id).chain(to).collect(),
        text: span(gap, zero_us),
        detail: object(&detail),
    }
}

/// The same as a sentence: from when to when, and what it cost.
fn span(gap: &Gap, zero_us: i64) -> String {
    let at = |us: i64| both_clocks(us, zero_us);
    let (from_us, until_us) = (gap.from.seen_us, gap.until_us);
    let lasted = length(between_us(from_us, until_us));
    let what = match gap.unit {
        Unit::Segments => "No advance",
        Unit::Parts => "No new part",
    };
    let exchange = gap.from.exchange_id;
    let from = format!(
        "{what} for {lasted}, from {}, exchange {exchange}",
        at(from_us)
    );
    let to = match (gap.to, gap.is_left) {
        (Some(to), _) => format!(", to {}, exchange {}", at(until_us), to.exchange_id),
        (None, false) => format!(", to the end of the recording at {}", at(until_us)),
        (None, true) => format!(", to {}, when it was no longer recorded", at(until_us)),
    };
    let lost = gap.never_listed.map_or_else(String::new, |lost| {
        format!("; {}: {}", counted(lost.count), lost.numbers())
    });
    let missed = gap.not_seen.map_or_else(String::new, |missed| {
        format!("; {}: {}", not_seen(missed.count), missed.numbers())
    });
    format!("{from}{to}{lost}{missed}")
}

/// A struct as the members of an object.
fn object(detail: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(detail) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// What a gap has beside what every finding has (`docs/ref/findings.md`).
#[derive(Serialize)]
struct Detail<'a> {
    url: &'a str,
    label: Option<&'a str>,
    between: &'static str,
    gap_seconds: f64,
    threshold_seconds: f64,
    open: bool,
    from: Row,
    to: Option<Row>,
    never_listed: Option<NeverListed>,
    not_seen: Option<NeverListed>,
    recorder: Recorder,
}

#[derive(Serialize)]
struct Row {
    exchange: i64,
    #[serde(flatten)]
    moment: Moment,
    uncertain_seconds: Option<f64>,
}

impl Row {
    fn new(advance: &Advance, uncertain_us: Option<i64>, zero_us: i64) -> Self {
        Self {
            exchange: advance.exchange_id,
            moment: Moment::new(advance.seen_us, zero_us),
            uncertain_seconds: uncertain_us.map(seconds),
        }
    }
}

#[derive(Serialize)]
struct Recorder {
    polls: i64,
    /// Those that did not bring the advance that ended it.
    polls_between: i64,
    failed: i64,
    failures: Vec<Failure>,
    lag_seconds: f64,
    pause_seconds: f64,
    /// For so long polls had no whole answer, and the one that had none for longest.
    waiting_seconds: f64,
    longest_wait_seconds: f64,
    /// For so long one had had none when the recorder stopped.
    broken_off_seconds: Option<f64>,
    not_running_seconds: f64,
    late: bool,
    down: bool,
    /// The playlist had changed, and 304 was answered.
    false_validators: bool,
    noticed: Vec<Noticed>,
}

impl Recorder {
    fn new(gap: &Gap, zero_us: i64) -> Self {
        let noticed = gap.noticed.iter();
        Self {
            polls: gap.polls.polls,
            polls_between: gap.polls_between(),
            failed: gap.polls.failed,
            failures: failures(&gap.polls),
            lag_seconds: seconds(gap.polls.lag_us),
            pause_seconds: seconds(gap.polls.pause_us),
            waiting_seconds: seconds(gap.polls.waiting_us),
            longest_wait_seconds: seconds(gap.polls.longest_wait.length_us),
            broken_off_seconds: (gap.polls.broken_off).map(|wait| seconds(wait.length_us)),
            not_running_seconds: seconds(gap.not_running_us),
            late: gap.recorder_was_late(),
            down: gap.recorder_was_down(),
            false_validators: gap.validators_were_false(),
            noticed: noticed.map(|event| Noticed::new(event, zero_us)).collect(),
        }
    }
}

/// Polls that failed in one way.
#[derive(Serialize)]
struct Failure {
    what: String,
    polls: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Notice, NoticeEvent, Outcome, PollFailure};

    const ZERO_US: i64 = 1_425_579_400_000_000;

    fn gap() -> Gap {
        let advance = |exchange_id, seen_us| Advance {
            exchange_id,
            seen_us,
            target_duration_us: Some(8_000_000),
            ..Advance::default()
        };
        Gap {
            from: advance(1268, 1_425_579_455_165_488),
            to: Some(advance(1274, 1_425_579_469_095_235)),
            until_us: 1_425_579_469_095_235,
            is_left: false,
            uncertain_us: [None, Some(71_250)],
            threshold_us: 12_000_000,
            polls: PollTrouble {
                polls: 9,
                failed: 0,
                failures: Vec::new(),
                lag_us: 10,
                pause_us: 2_000_000,
                ..PollTrouble::default()
            },
            unit: Unit::Segments,
            not_running_us: 0,
            noticed: Vec::new(),
            polls_are_gone: false,
            never_listed: None,
            not_seen: None,
        }
    }

    fn failure(status: Option<u16>, outcome: Outcome, polls: i64) -> PollFailure {
        PollFailure {
            status,
            outcome,
            polls,
        }
    }

    fn text(gap: &Gap, from: &[u8], to: &[u8]) -> String {
        let mut out = Vec::new();
        write_text(&mut out, gap, ZERO_US, [Some(from), Some(to)], false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_the_original() {
        let wanted = "Find time difference 0:00:13.929747\n\
            No advance for 13.930 s, from 0:00:55.165 (18:17:35.165Z), exchange 1268, to 0:01:09.095 (18:17:49.095Z), exchange 1274\n\
            All 8 polls in between were answered, without a new segment\n\
            1268 - 2015-03-05 18:17:35.165488\n#EXTM3U\n#EXT-X-VERSION:3\n\n\
            -------------------------------------------------------------------\n\
            1274 - 2015-03-05 18:17:49.095235\n#EXTM3U\na.ts\n\n";
        assert_eq!(
            text(&gap(), b"#EXTM3U\n#EXT-X-VERSION:3\n", b"#EXTM3U\na.ts"),
            wanted
        );
        // Scripts that were made for the original find nothing else.
        let mut out = Vec::new();
        let bodies = [&b"#EXTM3U\n#EXT-X-VERSION:3\n"[..], b"#EXTM3U\na.ts"].map(Some);
        write_text(&mut out, &gap(), ZERO_US, bodies, true).unwrap();
        let lines = wanted.lines().enumerate();
        let bare: Vec<&str> = lines
            .filter(|(n, _)| ![1, 2].contains(n))
            .map(|(_, line)| line)
            .collect();
        assert_eq!(String::from_utf8(out).unwrap(), bare.join("\n") + "\n");
    }

    #[test]
    fn a_gap_says_what_polls_in_between_were_answered() {
        let told = |polls, failed, to: Option<Advance>| {
            let failures = match failed {
                0 => Vec::new(),
                failed => vec![failure(None, Outcome::Refused, failed)],
            };
            let polls = PollTrouble {
                polls,
                failed,
                failures,
                ..PollTrouble::default()
            };
            answered(&Gap { polls, to, ..gap() })
        };
        let to = gap().to;
        for (said, wanted) in [
            (
                told(2, 0, to),
                "The one poll in between was answered, without a new segment",
            ),
            (
                told(9, 0, None),
                "All 9 polls in between were answered, without a new segment",
            ),
            (
                told(9, 8, to),
                "No poll in between was answered with a playlist: refused x 8",
            ),
            (told(0, 0, None), "No poll was answered in between"),
            (
                told(1, 0, to),
                "One request was under way in between, and brought what was new",
            ),
        ] {
            assert_eq!(said.as_deref(), Some(wanted));
        }
        let gone = Gap {
            polls_are_gone: true,
            ..gap()
        };
        let wanted = "All 8 polls in between that are kept were answered, without a new segment";
        assert_eq!(answered(&gone).as_deref(), Some(wanted));
        let slept = Gap {
            polls: PollTrouble::default(),
            not_running_us: 1,
            ..gap()
        };
        assert_eq!(answered(&slept), None);
        let parts = Gap {
            unit: Unit::Parts,
            ..gap()
        };
        assert!(answered(&parts).unwrap().ends_with(" without a new part"));
        assert!(span(&parts, ZERO_US).starts_with("No new part for 13.930 s, from "));
        assert_eq!(json(&parts)["rule"], "L03");
        assert_eq!(detail(&parts)["between"], "parts");
    }

    #[test]
    fn a_gap_says_for_how_long_a_poll_had_no_answer_where_that_is_most_of_it() {
        let waits = |longest_us, waiting_us| PollTrouble {
            longest_wait: PollWait {
                length_us: longest_us,
                has_begun: false,
            },
            waiting_us,
            ..gap().polls
        };
        let told = |polls| waited(&Gap { polls, ..gap() });
        let one = "A poll was unanswered for 12.600 s";
        assert_eq!(told(waits(12_600_000, 12_700_000)).as_deref(), Some(one));
        let some = "Polls were unanswered for 11.000 s of it, the longest for 5.000 s";
        assert_eq!(told(waits(5_000_000, 11_000_000)).as_deref(), Some(some));
        assert_eq!(told(waits(6_000_000, 6_900_000)), None);
        // A long way off, and nothing else.
        assert_eq!(told(waits(900_000, 9_000_000)), None);
        let slept = NoticeEvent {
            kind: Notice::Suspended,
            at_us: 1_425_579_460_000_000,
            length_us: Some(12_000_000),
            detail: String::new(),
        };
        let asleep = Gap {
            polls: waits(12_600_000, 12_700_000),
            noticed: vec![slept],
            ..gap()
        };
        assert_eq!(waited(&asleep), None);
        let value = detail(&Gap {
            polls: waits(5_000_000, 11_000_000),
            ..gap()
        });
        assert_eq!(value["recorder"]["waiting_seconds"], 11.0);
        assert_eq!(value["recorder"]["longest_wait_seconds"], 5.0);
        assert!(value["recorder"]["broken_off_seconds"].is_null());
    }

    #[test]
    fn a_poll_that_the_recorder_broke_off_is_told_beside_the_others() {
        let polls = PollTrouble {
            broken_off: Some(PollWait {
                length_us: 8_000_000,
                has_begun: false,
            }),
            ..PollTrouble::default()
        };
        let open = Gap {
            to: None,
            polls,
            ..gap()
        };
        let told = "A poll was unanswered for 8.000 s when the recording was stopped";
        assert_eq!(remarks(&open, ZERO_US), [told]);
        assert_eq!(detail(&open)["recorder"]["broken_off_seconds"], 8.0);
    }

    #[test]
    fn a_gap_says_when_it_may_be_the_recorders_own() {
        let polls = PollTrouble {
            polls: 9,
            failed: 3,
            failures: vec![
                failure(Some(503), Outcome::Complete, 2),
                failure(None, Outcome::Reset, 1),
            ],
            lag_us: 3_200_000,
            pause_us: 11_000_000,
            ..PollTrouble::default()
        };
        let shown = text(&Gap { polls, ..gap() }, b"", b"");
        for remark in [
            "The recorder was late here: by up to 3.200 s\n",
            "The recorder did not ask for 11.000 s here\n",
            "3 of 8 polls in between failed, the others were answered, without a new segment: HTTP 503 x 2, reset x 1\n",
        ] {
            assert!(shown.contains(remark), "{shown}");
        }
    }

    #[test]
    fn a_gap_with_a_sleep_does_not_say_that_nobody_asked() {
        for (length_us, is_down) in [(200_000, false), (60_000_000, true)] {
            let slept = NoticeEvent {
                kind: Notice::Suspended,
                at_us: 1_425_579_460_000_000,
                length_us: Some(length_us),
                detail: String::new(),
            };
            let gap = Gap {
                noticed: vec![slept],
                ..gap()
            };
            let shown = text(&gap, b"", b"");
            assert!(
                shown.contains("The recorder was suspended here for"),
                "{shown}"
            );
            assert!(!shown.contains("did not ask"), "{shown}");
            assert_eq!(detail(&gap)["recorder"]["down"], is_down);
        }
    }

    #[test]
    fn a_gap_in_which_no_recorder_ran_says_for_how_long() {
        let gap = Gap {
            not_running_us: 12_500_000,
            ..gap()
        };
        let shown = text(&gap, b"", b"");
        let remark = "The recorder did not run for 12.500 s of it\n";
        assert!(shown.contains(remark), "{shown}");
        let recorder = &detail(&gap)["recorder"];
        assert_eq!(recorder["not_running_seconds"], 12.5);
        assert_eq!(recorder["down"], true);
    }

    #[test]
    fn json_says_how_much_earlier_each_advance_may_have_been() {
        let value = detail(&gap());
        assert!(value["from"]["uncertain_seconds"].is_null());
        assert_eq!(value["to"]["uncertain_seconds"], 0.07125);
    }

    #[test]
    fn failures_that_are_not_told_apart_are_counted() {
        let polls = PollTrouble {
            polls: 20,
            failed: 12,
            failures: vec![failure(Some(200), Outcome::NotAPlaylist, 8)],
            ..PollTrouble::default()
        };
        let gap = Gap { polls, ..gap() };
        let shown = text(&gap, b"", b"");
        let remark = "12 of 19 polls in between failed, the others were answered, without a new segment: not a playlist x 8, others x 4\n";
        assert!(shown.contains(remark), "{shown}");
        let value = detail(&gap);
        let wanted = serde_json::json!([
            {"what": "not a playlist", "polls": 8},
            {"what": "others", "polls": 4},
        ]);
        assert_eq!(value["recorder"]["failures"], wanted);
        assert_eq!(value["recorder"]["failed"], 12);
    }

    #[test]
    fn an_open_gap_says_so() {
        let shown = text(&Gap { to: None, ..gap() }, b"#EXTM3U\n", b"");
        assert!(
            shown.starts_with("Find time difference 0:00:13.929747 (open: "),
            "{shown}"
        );
        assert!(
            shown.ends_with("-\nend of the recording - 2015-03-05 18:17:49.095235\n\n"),
            "{shown}"
        );
    }

    #[test]
    fn durations_as_python_prints_them() {
        let cases = [
            (0, "0:00:00"),
            (13_929_747, "0:00:13.929747"),
            (3_600_000_000, "1:00:00"),
            (1, "0:00:00.000001"),
            (86_410_000_000, "1 day, 0:00:10"),
            (200_000_000_000, "2 days, 7:33:20"),
            (-1_000_000, "-1 day, 23:59:59"),
        ];
        for (us, wanted) in cases {
            assert_eq!(timedelta(us), wanted);
        }
    }

    /// The one line, read.
    fn json(gap: &Gap) -> serde_json::Value {
        let playlist = PlaylistInfo {
            id: 1,
            stream: "hall1".into(),
            name: "a\n.m3u8".into(),
            url: "http://h/a.m3u8".into(),
        };
        let mut out = Vec::new();
        let finding = finding(&playlist, Some("1280x720"), gap, ZERO_US);
        finding.write_json(&mut out, ZERO_US).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
        serde_json::from_str(&line).unwrap()
    }

    /// What a gap has beside what every finding has.
    fn detail(gap: &Gap) -> serde_json::Value {
        json(gap)["detail"].take()
    }

    #[test]
    fn one_object_a_line() {
        let value = json(&gap());
        assert_eq!(
            (&value["rule"], &value["stream"]),
            (&"T07".into(), &"hall1".into())
        );
        assert_eq!(value["playlist"], "a\n.m3u8");
        assert_eq!(value["first"]["time"], "2015-03-05T18:17:35.165488Z");
        assert_eq!(value["last"]["session_time"], 69.095_235);
        assert_eq!(value["exchanges"], serde_json::json!([1268, 1274]));
        let detail = &value["detail"];
        assert_eq!(detail["gap_seconds"], 13.929_747);
        assert_eq!(
            detail["from"]["session_time"],
            value["first"]["session_time"]
        );
        assert_eq!(detail["recorder"]["polls"], 9);
        assert_eq!(detail["recorder"]["polls_between"], 8);
        assert_eq!(
            (&detail["label"], &detail["between"]),
            (&"1280x720".into(), &"segments".into())
        );
        let open = json(&Gap { to: None, ..gap() });
        assert_eq!(open["last"]["exchange"], serde_json::Value::Null);
        assert_eq!(open["detail"]["open"], true);
        assert!(open["detail"]["to"].is_null(), "{open}");
    }

    #[test]
    fn what_was_never_listed_is_told_with_its_numbers() {
        let lost = NeverListed {
            count: 4,
            first: 21,
            last: 24,
        };
        let gap = Gap {
            never_listed: Some(lost),
            ..gap()
        };
        let told = ", exchange 1274; 4 segments never listed: 21-24\n";
        assert!(text(&gap, b"", b"").contains(told));
        let wanted = serde_json::json!({"count": 4, "first": 21, "last": 24});
        assert_eq!(detail(&gap)["never_listed"], wanted);
    }

    #[test]
    fn the_end_of_an_open_gap_is_what_it_is() {
        let open = Gap { to: None, ..gap() };
        let told = " to the end of the recording at 0:01:09.095 (18:17:49.095Z)\n";
        assert!(text(&open, b"", b"").contains(told));
        let left = Gap {
            is_left: true,
            ..open
        };
        let told = " to 0:01:09.095 (18:17:49.095Z), when it was no longer recorded\n";
        assert!(text(&left, b"", b"").contains(told));
    }
}
