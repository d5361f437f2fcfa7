//! Requests that wait for long: those that are answered in the end, those that the end of the recording breaks off, and those
//! that the origin holds as it may.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// Longer than 1.5 target durations of a second.
const HANG: Duration = Duration::from_secs(3);

fn find(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn objects(lines: &str) -> Vec<Value> {
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// A ferry whose playlist is down for a while, and hangs for a while later: each costs two segments.
fn ferry(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/ferry.m3u8", 0) => Reply::playlist(Window::new(0, 3).text()),
        ("/ferry.m3u8", 1..=12) => Reply::html(503),
        ("/ferry.m3u8", 13) => Reply::playlist(Window::new(5, 3).text()),
        ("/ferry.m3u8", 14) => {
            std::thread::sleep(HANG);
            Reply::playlist(Window::new(10, 3).text())
        }
        ("/ferry.m3u8", _) => Reply::playlist(Window::new(10, 3).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_hang_that_is_answered_in_the_end_is_an_outage_with_what_it_cost() {
    let origin = Origin::new(ferry);
    let finished = Recorder::new(origin.url("/ferry.m3u8")).run();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    assert!(log.contains(": answered after 3."), "{log}");
    let session = finished.session();

    let text = find(&session, &["--faults"]);
    let lines: Vec<&str> = text.lines().collect();
    let [busy, hung, sum] = lines[..] else {
        panic!("{text}")
    };
    assert!(busy.starts_with("HTTP 503 for "), "{text}");
    assert!(hung.starts_with("unanswered for 3."), "{text}");
    let told = ", then answered: playlist ferry.m3u8, 1 poll; 2 segments never listed: 8-9; host ";
    assert!(hung.contains(told), "{text}");
    assert_eq!(
        sum,
        "2 outages, 12 faults, 1 long wait; 4 segments never listed"
    );
    let again = find(&session, &["--faults", "-v"]);
    let is_it = |line: &&str| {
        line.contains(" - media playlist ferry.m3u8 - unanswered for 3")
            && line.contains(" s, then answered - good again after 3.")
    };
    assert_eq!(again.lines().filter(is_it).count(), 1, "{again}");

    let found = objects(&find(&session, &["--faults", "--json"]));
    let detail = &found[1]["detail"];
    assert_eq!(
        (&detail["long_waits"], &detail["answered"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&detail["open"], &found[1]["own"]),
        (&false.into(), &false.into())
    );
    assert_eq!(detail["not_before"], detail["good"], "{detail}");

    // The same segments, once, wherever they are counted.
    for told in [summary, find(&session, &[])] {
        assert!(told.contains("; 4 segments never listed"), "{told}");
    }
    let report = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(["--severity", "info", "--format", "json"])
        .arg(session.path())
        .output()
        .unwrap();
    let report = objects(&String::from_utf8(report.stdout).unwrap());
    let is_it = |one: &&Value| {
        let text = one["detail"]["text"].as_str().unwrap_or_default();
        one["rule"] == "H14" && text.contains(", then answered: ")
    };
    assert_eq!(report.iter().filter(is_it).count(), 1, "{report:?}");

    // The origin kept everybody waiting: isreport says so, and adjacent-find fails on it.
    let is_it = |one: &&Value| {
        let waited = &one["detail"]["recorder"]["longest_wait_seconds"];
        one["rule"] == "T07" && one["severity"] == "must" && waited.as_f64() >= Some(3.0)
    };
    assert_eq!(report.iter().filter(is_it).count(), 1, "{report:?}");
    let found = objects(&find(&session, &["--json"]));
    let is_it =
        |one: &&Value| one["detail"]["recorder"]["longest_wait_seconds"].as_f64() >= Some(3.0);
    let hung: Vec<&Value> = found.iter().filter(is_it).collect();
    assert_eq!(hung.len(), 1, "{found:?}");
    assert_eq!(
        (&hung[0]["own"], &hung[0]["detail"]["certain"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_hang_that_the_end_of_the_recording_breaks_off_is_one_wherever_it_is_told() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/ferry.m3u8", 0) => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        ("/ferry.m3u8", _) => Reply::nothing(End::Silent),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/ferry.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_it_says("unanswered for ");
    let finished = recording.interrupt();
    let summary = finished.stdout.clone();
    assert!(
        summary.contains(" s into an outage: unanswered"),
        "{summary}"
    );
    let session = finished.session();
    let text = find(&session, &["--faults"]);
    let line = text.lines().next().unwrap_or_default();
    assert!(line.starts_with("unanswered for "), "{text}");
    assert!(line.contains(" s at least, from "), "{text}");
    let ends = ", when the recorder stopped: playlist ferry.m3u8, 1 poll; host ";
    assert!(line.contains(ends), "{text}");
    assert_eq!(text.lines().last(), Some("1 outage, 1 long wait"), "{text}");
    let found = objects(&find(&session, &["--faults", "--json"]));
    assert_eq!(found[0]["detail"]["open"], true, "{found:?}");
    // No new segment came until the end: that is how long it was.
    let waited = objects(&find(&session, &["--json"]));
    let waited = waited.last().unwrap()["detail"]["gap_seconds"].as_f64();
    let report = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(["--format", "json"])
        .arg(session.path())
        .output()
        .unwrap();
    let report = objects(&String::from_utf8(report.stdout).unwrap());
    let longest = &report.last().unwrap()["summary"]["longest_without_segment"];
    assert!(
        waited.is_some() && longest["seconds"].as_f64() >= waited,
        "{longest}"
    );
}

/// What waits for how long is told: of a session with a target duration of 2 s.
#[test]
fn a_wait_is_long_by_the_target_duration_and_by_what_the_origin_may_hold() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"),
        "/v.m3u8" => {
            let window = Window::new(ask.nth.min(2) as u64, 2).ended_if(ask.nth > 1);
            Reply::playlist(
                window
                    .text()
                    .replace("TARGETDURATION:1", "TARGETDURATION:2"),
            )
        }
        path => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    let database = rusqlite::Connection::open(session.path().join("session.db")).unwrap();
    let is_told = |name: &str, kind: &str, directives: &str, wait_ms: i64| {
        let last = "(SELECT max(e.id) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.name = ?1)";
        let set = format!(
            "UPDATE exchange SET wait_us = ?2, directives = nullif(?3, '') WHERE id = {last}"
        );
        let kinds = "UPDATE resource SET kind = ?2 WHERE name = ?1";
        let before: String = database
            .query_row("SELECT kind FROM resource WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .unwrap();
        database.execute(kinds, [name, kind]).unwrap();
        database
            .execute(&set, (name, wait_ms * 1000, directives))
            .unwrap();
        let told = find(&session, &["--faults", "--json"]);
        database.execute(&set, (name, 1000, "")).unwrap();
        database.execute(kinds, [name, before.as_str()]).unwrap();
        let lines = objects(&told);
        assert!(lines.len() <= 1, "{told}");
        lines
            .first()
            .is_some_and(|line| line["detail"]["what"] == "unanswered")
    };
    let held = "_HLS_msn=4";
    for (name, kind, directives, longest_ms) in [
        ("v.m3u8", "media", "", 3_000),
        ("v.m3u8", "media", held, 6_000),
        ("main.m3u8", "main", "", 5_000),
        ("seg1.ts", "segment", "", 3_000),
        ("seg1.ts", "key", "", 3_000),
        ("seg1.ts", "part", "", 6_000),
    ] {
        for (wait_ms, wanted) in [(longest_ms, false), (longest_ms + 1, true)] {
            let told = is_told(name, kind, directives, wait_ms);
            assert_eq!(told, wanted, "{kind} {directives} {wait_ms}");
        }
    }
}
