use super::sentences::{answered, remarks, span, waited};
use super::*;
use crate::analysis::gaps::gap::{Gap, Unit};
use crate::analysis::never_listed::NeverListed;
use crate::analysis::times::timedelta;
use crate::session::{
    Advance, Notice, NoticeEvent, Outcome, PlaylistInfo, PollFailure, PollTrouble, PollWait,
};

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
        is_empty: false,
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
            told(3, 0, to),
            "Both polls in between were answered, without a new segment",
        ),
        (
            told(3, 1, to),
            "1 of 2 polls in between failed, the other one was answered, without a new segment: refused x 1",
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
    let one = "A poll was answered only after 12.600 s";
    assert_eq!(told(waits(12_600_000, 12_700_000)).as_deref(), Some(one));
    let failed = PollTrouble {
        failed: 1,
        ..waits(12_600_000, 12_700_000)
    };
    let one = "A poll was unanswered for 12.600 s";
    assert_eq!(told(failed).as_deref(), Some(one));
    let some = "Polls were unanswered for 11.000 s of it, the longest for 5.000 s";
    assert_eq!(told(waits(5_000_000, 11_000_000)).as_deref(), Some(some));
    // It hung, however much of the gap that was.
    let hung = "A poll was answered only after 5.000 s";
    assert_eq!(told(waits(5_000_000, 5_100_000)).as_deref(), Some(hung));
    assert_eq!(told(waits(4_900_000, 6_900_000)), None);
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
    // Those before it were answered before it.
    let polls = PollTrouble {
        polls: 2,
        ..open.polls.clone()
    };
    let both = "Both polls before it were answered, without a new segment";
    assert_eq!(remarks(&Gap { polls, ..open }, ZERO_US), [told, both]);
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
fn one_stop_of_the_recorder_takes_one_line() {
    let stood = |length_us| NoticeEvent {
        kind: Notice::Stalled,
        at_us: 1_425_579_456_000_000,
        length_us: Some(length_us),
        detail: String::new(),
    };
    let gap = |stood_us| Gap {
        polls: PollTrouble {
            polls: 2,
            lag_us: 9_981_000,
            pause_us: 10_456_000,
            ..PollTrouble::default()
        },
        noticed: vec![stood(stood_us)],
        ..gap()
    };
    let lines = |gap: Gap| remarks(&gap, ZERO_US).join("\n");
    let told = lines(gap(10_068_000));
    assert_eq!(told.matches("The recorder ").count(), 1, "{told}");
    assert!(
        told.starts_with("The recorder stood still here for 10.068 s"),
        "{told}"
    );
    // It was late beside that.
    assert!(lines(gap(2_000_000)).starts_with("The recorder was late here: by up to 9.981 s"));
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
