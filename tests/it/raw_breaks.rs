//! What is told of breaks of streams that are no playlists: when each was, of what kind, how long nothing came.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::raw::*;
use crate::support::{Ask, End, Finished, Origin, Recorder, Reply, Session, Then};

/// What a program prints of a session.
fn said(program: &str, arguments: &[&str], session: &Session) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn find(session: &Session, arguments: &[&str]) -> String {
    said(env!("CARGO_BIN_EXE_adjacent-find"), arguments, session)
}

fn objects(lines: &str) -> Vec<Value> {
    let objects = lines.lines().map(serde_json::from_str);
    objects.collect::<Result<_, _>>().unwrap()
}

/// An encoder that is stopped in good order, is not there for one request, breaks, freezes, and is well again.
fn troubled_encoder(ask: &Ask) -> Reply {
    match ask.nth {
        0 => live(groups(0..40), Then::End),
        1 => Reply::html(503),
        2 => live(groups(40..80), Then::Reset),
        3 => live(groups(80..120), Then::Hang),
        _ => live(groups(120..160), Then::Again),
    }
}

fn recorded() -> (Finished, u16) {
    let origin = Origin::new(troubled_encoder);
    let mut recording = recorder(&origin).args(["--stall", "0.9"]).start();
    recording.until_at_least(3, PARTS);
    recording.until("all is well", || origin.count("/live") == 5);
    recording.until_it_says("silent for 0.9 s, after");
    recording.until_it_says("comes again after ");
    (recording.interrupt(), origin.port())
}

#[test]
fn each_break_of_a_raw_stream_is_told_when_it_was_and_what_it_was() {
    let (finished, port) = recorded();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    let place = format!("raw stream of 127.0.0.1:{port}");
    for told in [
        "ended by the origin after ",
        "HTTP 503 Service",
        "reset after ",
        "silent for 0.9 s, after ",
    ] {
        assert!(
            log.contains(&format!("[hall] {place}: {told}")),
            "{told}: {log}"
        );
    }
    assert!(
        summary.contains("raw stream: ended by the origin x 1"),
        "{summary}"
    );
    let silent = "raw stream: silent for 0.9 s x 1";
    assert!(summary.contains(silent), "{summary}");

    let session = finished.session();
    let text = find(&session, &["--faults", "-v"]);
    let lines = text
        .lines()
        .filter(|line| line.contains(" - raw stream hall - "));
    assert_eq!(lines.clone().count(), 4, "{text}");
    let whats = [
        "ended by the origin",
        "HTTP 503",
        "reset (",
        "silent for 0.9 s",
    ];
    for (line, what) in lines.zip(whats) {
        assert!(
            line.contains(&format!(" - raw stream hall - {what}")),
            "{text}"
        );
        assert!(line.contains("good again after "), "{text}");
    }
    let outages = find(&session, &["--faults"]);
    // What came last is too short to be kept.
    assert!(outages.matches("not good again").count() <= 1, "{outages}");
    // In order: each at the end of what came.
    let ends: Vec<f64> = session.list(
        "SELECT (requested_us + wait_us + receive_us - (SELECT started_us FROM run)) / 1e6
           FROM exchange WHERE body_id IS NOT NULL AND status = 200 ORDER BY id",
    );
    let at: Vec<f64> = objects(&find(&session, &["--faults", "-v", "--json"]))
        .iter()
        .filter(|line| line.get("rule").is_none())
        .map(|fault| fault["session_time"].as_f64().unwrap())
        .collect();
    let near = |one: f64, other: f64| (one - other).abs() < 0.000_002;
    assert!(
        near(at[0], ends[0]) && near(at[2], ends[1]),
        "{at:?} {ends:?}"
    );
    assert!(
        near(at[3], ends[2] - 0.9),
        "after its last byte: {at:?} {ends:?}"
    );
    let info = said(env!("CARGO_BIN_EXE_issession"), &["info"], &session);
    assert!(
        info.contains("raw stream: ended by the origin x 1"),
        "{info}"
    );
    assert!(info.contains("raw stream: silent for 0.9 s x 1"), "{info}");
}

#[test]
fn a_stream_that_breaks_again_is_good_again_when_its_next_bytes_come() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0..3 => live(
            groups(ask.nth as u32 * 40..ask.nth as u32 * 40 + 40),
            Then::Closed,
        ),
        _ => live(groups(200..240), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(3, PARTS);
    recording.until("the fourth", || origin.count("/live") == 4);
    let session = recording.interrupt().session();
    // When the first byte of each came.
    let began: Vec<f64> = session.list(
        "SELECT (requested_us + wait_us + ifnull(json_extract(arrival, '$[0][0]'), 0)
                 - (SELECT started_us FROM run)) / 1e6 FROM exchange ORDER BY id",
    );
    for (n, fault) in objects(&find(&session, &["--faults", "-v", "--json"]))
        .iter()
        .filter(|line| line.get("rule").is_none())
        .enumerate()
        .take(2)
    {
        let again = fault["session_time"].as_f64().unwrap()
            + fault["good_again_after_seconds"].as_f64().unwrap();
        assert!(
            (again - began[n + 1]).abs() < 0.000_002,
            "{fault} {began:?}"
        );
    }
}

/// Bytes that pause for 1.2 s in the middle, and a broken stream that is asked for again 1.2 s later: both are shorter than `--stall`.
#[test]
fn gaps_in_raw_streams_are_found_within_a_response_and_between_two() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => Reply {
            end: End::Live(20 * 1880, Duration::from_millis(1200), Then::Hang),
            ..live(groups(0..40), Then::Hang)
        },
        1 => Reply::html(503),
        _ => live(groups(40..80), Then::Again),
    });
    let mut recording = recorder(&origin).args(["--stall", "1.9"]).start();
    recording.until_at_least(1, PARTS);
    recording.until("all is well", || origin.count("/live") == 3);
    let growing = recording.sessions().join("session1/chunks/.tmp/3");
    recording.until("it comes", || {
        growing.metadata().is_ok_and(|file| file.len() > 40_000)
    });
    let session = recording.interrupt().session();
    let quarter = ["-t", "0.9", "--json"];
    let gaps = objects(&find(&session, &quarter));
    let exchanges: Vec<String> = gaps
        .iter()
        .map(|gap| gap["exchanges"].to_string())
        .collect();
    assert_eq!(exchanges, ["[1]", "[1,3]"], "{gaps:?}");
    let length = |gap: &Value| {
        gap["last"]["session_time"].as_f64().unwrap()
            - gap["first"]["session_time"].as_f64().unwrap()
    };
    assert!(
        gaps.iter()
            .all(|gap| length(gap) > 0.9 && gap["stream"] == "hall"),
        "{gaps:?}"
    );
    let failures = gaps[1]["detail"]["failures"].as_array().unwrap();
    let whats: Vec<&str> = failures
        .iter()
        .filter_map(|failure| failure["what"].as_str())
        .collect();
    assert_eq!(whats, ["silent for 1.9 s", "HTTP 503"]);
    let text = find(&session, &["-t", "0.9"]);
    assert!(
        text.starts_with("Raw stream hall\nNo byte for 1."),
        "{text}"
    );
    let failed = "; silent for 1.9 s, HTTP 503; of which the recorder did not ask for 0.";
    assert!(text.contains(failed), "{text}");
    let failed = |arguments: &[&str]| {
        let status = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
            .args(arguments)
            .arg(session.path())
            .status();
        status.unwrap().code()
    };
    assert_eq!(
        failed(&["-t", "0.9", "--fail-on-gap", "-p", "hall"]),
        Some(1)
    );
    assert_eq!(
        failed(&["-t", "60", "--fail-on-gap"]),
        Some(0),
        "it has something to look at"
    );
}

#[test]
fn an_origin_that_ends_in_good_order_and_answers_at_once_leaves_no_gap() {
    // As it did: each of its bodies is ended, and each request is answered at once.
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0..8 => live(
            groups(ask.nth as u32 * 40..ask.nth as u32 * 40 + 40),
            Then::End,
        ),
        _ => live(groups(320..360), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(8, PARTS);
    recording.until("all is well", || origin.count("/live") == 9);
    let session = recording.interrupt().session();
    let gaps = objects(&find(&session, &["--json"]));
    assert!(gaps.iter().all(|gap| gap["own"] == true), "{gaps:?}");
    let found = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--fail-on-gap")
        .arg(session.path())
        .output()
        .unwrap();
    let text = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.status.code(), Some(0), "{text}");
    assert!(!text.contains("did not ask"), "it asked at once: {text}");
    let report = said(env!("CARGO_BIN_EXE_isreport"), &[], &session);
    assert!(!report.contains("S01"), "{report}");
}

#[test]
fn what_the_recorder_did_not_ask_for_is_told_as_its_own() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..40), Then::End),
        // Asked again at once, then a second later, then two.
        1..4 => Reply::html(403),
        _ => live(groups(40..80), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until("all is well", || origin.count("/live") == 5);
    recording.until_it_says("of which the recorder did not ask");
    let session = recording.interrupt().session();
    let gaps = objects(&find(&session, &["-t", "0.9", "--json"]));
    let of_it = |key: &str| gaps[0]["detail"][key].as_f64().unwrap();
    let (length, unasked) = (of_it("gap_seconds"), of_it("unasked_seconds"));
    assert!(unasked >= 2.0 && length > unasked, "{gaps:?}");
    let text = find(&session, &["-t", "0.9"]);
    assert!(
        text.contains(
            "; ended by the origin, HTTP 403 x 3; of which the recorder did not ask for "
        ),
        "{text}"
    );
}

#[test]
fn a_raw_stream_that_never_came_back_has_an_open_gap() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..40), Then::Closed),
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin).start();
    recording.until("it is asked for again and again", || {
        origin.count("/live") == 4
    });
    let session = recording.interrupt().session();
    let gaps = objects(&find(&session, &["-t", "0.3", "--json"]));
    let last = gaps.last().unwrap();
    assert_eq!(
        (
            gaps.len(),
            &last["detail"]["open"],
            &last["last"]["exchange"]
        ),
        (1, &Value::Bool(true), &Value::Null)
    );
    assert!(
        last["detail"]["text"]
            .as_str()
            .unwrap()
            .contains("to the end of the recording at "),
        "{last}"
    );
}

/// An encoder that has nothing to say for one request.
fn speechless(ask: &Ask) -> Reply {
    match ask.nth {
        0 => live(groups(0..40), Then::End),
        1 => Reply::segment(Vec::new()),
        _ => live(groups(40..80), Then::Again),
    }
}

#[test]
fn an_empty_answer_of_a_raw_stream_is_no_playlist_that_is_none() {
    let origin = Origin::new(speechless);
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, PARTS);
    recording.until("it comes again", || origin.count("/live") == 3);
    let session = recording.interrupt().session();
    let report = said(
        env!("CARGO_BIN_EXE_isreport"),
        &["--severity", "info", "--format", "json"],
        &session,
    );
    let rules: Vec<Value> = objects(&report)
        .iter()
        .map(|one| one["rule"].clone())
        .collect();
    assert!(rules.contains(&"H14".into()), "{report}");
    assert!(!rules.contains(&"P01".into()), "{report}");
}

/// A radio play that is recorded in two goes, a minute apart.
#[test]
fn a_raw_stream_owes_nothing_while_no_recorder_ran() {
    let origin = Origin::new(|_: &Ask| live(groups(0..40), Then::Again));
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, "SELECT count(*) FROM pending");
    let mut recording = Recorder::bare()
        .within(recording.interrupt())
        .args(["--min-part", "4k", "--resume", "-s", "session1"])
        .start();
    recording.until("the second go", || origin.count("/live") >= 2);
    let finished = recording.interrupt();
    let database = finished.folder().join("sessions/session1/session.db");
    rusqlite::Connection::open(database)
        .unwrap()
        .execute_batch(
            "UPDATE exchange SET requested_us = requested_us + 60000000, from_us = from_us + 60000000
              WHERE requested_us >= (SELECT started_us FROM run WHERE id = 2);
             UPDATE run SET started_us = started_us + 60000000, seen_us = seen_us + 60000000,
                            stopped_us = stopped_us + 60000000 WHERE id = 2;",
        )
        .unwrap();
    let session = finished.session();
    let arguments = ["-t", "30", "--fail-on-gap"];
    let text = find(&session, &arguments);
    assert!(text.contains("; the recorder did not run for 6"), "{text}");
    let sum = text.lines().last().unwrap();
    assert!(
        sum.starts_with("no gap; 1 gap of the recorder's own"),
        "{text}"
    );
    let status = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .status();
    assert_eq!(status.unwrap().code(), Some(0), "{text}");
    let report = said(env!("CARGO_BIN_EXE_isreport"), &[], &session);
    assert!(!report.contains("S01"), "{report}");
    assert!(
        report.contains("\nThe recorder: did not run 1 time ("),
        "{report}"
    );
    let own = "\n  silences of the recorder's own: 1, 6";
    assert!(report.contains(own), "{report}");
}

/// An encoder that breaks, is not there, has nothing to say, and is there again with its head long before its first byte.
#[test]
fn a_break_of_a_raw_stream_is_one_outage_from_its_last_byte_to_the_next_one() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..40), Then::End),
        1 => Reply::html(503),
        2 => Reply::segment(Vec::new()),
        3 => live(groups(40..80), Then::Reset),
        _ => live(groups(80..120), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(2, PARTS);
    recording.until("it comes again", || origin.count("/live") == 5);
    recording.until_it_says_twice("comes again after ");
    // What grows is not in the session yet, and ends the last outage all the same.
    let path = recording.sessions().join("session1");
    recording.until("its last outage is over", || {
        let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
            .arg("--faults")
            .arg(&path)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains("\nreset for ") && !text.contains("not good again")
    });
    let outages = |session: &Session| {
        let found = objects(&find(session, &["--faults", "--json"]));
        let told = |one: &Value| {
            let what = one["detail"]["what"].as_str().unwrap().to_owned();
            (what, one["detail"]["open"].as_bool().unwrap())
        };
        found.iter().map(told).collect::<Vec<_>>()
    };
    let first = "ended by the origin, then HTTP 503, then empty answer".to_owned();
    let session = recording.interrupt().session();
    let wanted = [(first, false), ("reset".to_owned(), false)];
    assert_eq!(outages(&session), wanted);

    let text = find(&session, &["--faults", "-v"]);
    let line = text.lines().next().unwrap();
    let begins = "ended by the origin, then HTTP 503, then empty answer for ";
    assert!(line.starts_with(begins), "{text}");
    assert!(
        line.contains(" to between "),
        "nobody asked all the time: {text}"
    );
    assert!(
        line.contains(": raw stream hall, 3 requests; host "),
        "{text}"
    );
    assert_eq!(text.matches(" - raw stream hall - ").count(), 4, "{text}");
    let empty = " - raw stream hall - empty answer - good again after ";
    assert!(text.contains(empty), "{text}");

    // From the end of the first response to the first byte of the next one that had some.
    let found = objects(&find(&session, &["--faults", "--json"]));
    let us = |value: &Value| (value["session_time"].as_f64().unwrap() * 1e6).round() as i64;
    let at = |moment: &str| {
        let sql = "SELECT {} FROM exchange WHERE wire_bytes > 0 AND status = 200 ORDER BY id";
        let all: Vec<i64> = session.list(&sql.replace("{}", moment));
        all.iter()
            .map(|at| at - session.zero_us())
            .collect::<Vec<_>>()
    };
    let ends = at("requested_us + wait_us + receive_us");
    let bytes = at("requested_us + wait_us + ifnull(json_extract(arrival, '$[0][0]'), 0)");
    for (outage, n) in found.iter().zip(0..) {
        let (broke, again) = (us(&outage["first"]), us(&outage["detail"]["good"]));
        assert_eq!((broke, again), (ends[n], bytes[n + 1]), "{outage}");
        // It was still bad when it was asked for in vain, last; what the recorder waited then is its own.
        let bad = us(&outage["detail"]["not_before"]);
        let failed = session.one::<i64>(&format!(
            "SELECT requested_us + wait_us + iif(wire_bytes > 0, receive_us, 0) FROM exchange WHERE id = {}",
            outage["last"]["exchange"]
        ));
        assert_eq!(bad, failed - session.zero_us(), "{outage}");
    }

    let info = said(env!("CARGO_BIN_EXE_issession"), &["info"], &session);
    assert!(info.contains("raw stream: empty answer x 1"), "{info}");
    assert!(!info.contains("not a playlist"), "{info}");
}

/// An hour of a camera in which the recorder stood still once: a reset long after that is the origin's, one that came as
/// soon as it went on may be what the origin made of it.
#[test]
fn a_reset_is_the_recorders_only_where_it_stood_still_just_before() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..40), Then::Reset),
        _ => live(groups(40..80), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, PARTS);
    recording.until_it_says("comes again after ");
    let session = recording.interrupt().session();
    let database = rusqlite::Connection::open(session.path().join("session.db")).unwrap();
    database
        .execute_batch(
            "UPDATE run SET started_us = started_us - 60000000;
             UPDATE exchange SET requested_us = requested_us - 60000000, from_us = from_us - 60000000,
                                 receive_us = receive_us + 60000000 WHERE outcome = 'reset';",
        )
        .unwrap();
    let stands_still = |before_break_us: i64| {
        let broke =
            "SELECT max(requested_us + wait_us + receive_us) FROM exchange WHERE outcome = 'reset'";
        let broke_us: i64 = database.query_row(broke, [], |row| row.get(0)).unwrap();
        let at_us = broke_us - before_break_us - 4_000_000;
        database
            .execute("DELETE FROM event WHERE kind = 'stalled'", [])
            .unwrap();
        let event = "INSERT INTO event (at_us, kind, length_us, detail) VALUES (?1, 'stalled', 4000000, '')";
        database.execute(event, [at_us]).unwrap();
        find(&session, &["--faults"])
    };
    let long_before = stands_still(16_000_000);
    assert!(long_before.starts_with("reset for "), "{long_before}");
    let just_before = stands_still(500_000);
    let own = "the recorder was late or stood still (reset) for ";
    assert!(just_before.starts_with(own), "{just_before}");
}
