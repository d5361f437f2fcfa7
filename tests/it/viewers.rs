//! `isreport`: what a viewer of a channel would have seen, and whose doing it was.

use std::process::Command;

use serde_json::Value;

use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

fn report(session: &Session, arguments: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_isreport"));
    let output = program
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Its findings, and its summary.
fn judged(session: &Session) -> (Vec<Value>, Value) {
    let lines = report(session, &["--format", "json", "--severity", "info"]);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let (mut found, mut summary) = (Vec::new(), Value::Null);
    for line in lines {
        let line: Value = line;
        if line.get("rule").is_some() {
            found.push(line);
        } else if let Some(last) = line.get("summary") {
            summary = last.clone();
        }
    }
    (found, summary)
}

fn of_rule<'a>(found: &'a [Value], rule: &str) -> Vec<&'a Value> {
    found.iter().filter(|one| one["rule"] == rule).collect()
}

/// For how long it has been polled since the last segment came, in microseconds.
const NOTHING_CAME_US: &str = "SELECT ifnull(max(requested_us), 0) -
    (SELECT max(requested_us) FROM exchange e JOIN resource r ON r.id = e.resource_id
      WHERE r.kind = 'segment' AND e.outcome = 'complete')
  FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'media'";

/// A lighthouse that shows one light more each second; at stage 1 its line is cut, at stage 2 its lights do not come.
fn lighthouse() -> (Stage, Origin) {
    let (stage, lit) = (Stage::default(), isrecorder::clock::instant());
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), at.at()) {
        ("/lighthouse.m3u8", 1) => Reply::html(503),
        ("/lighthouse.m3u8", _) => Reply::playlist(Window::new(lit.elapsed().as_secs(), 5).text()),
        (_, 2) => Reply::nothing(End::Silent),
        (path, _) => Reply::segment(ts(path)),
    });
    (stage, origin)
}

#[test]
fn an_outage_that_is_open_at_the_end_stalls_a_viewer_until_then() {
    let (stage, origin) = lighthouse();
    let mut recording = Recorder::new(origin.url("/lighthouse.m3u8")).start();
    recording.until_at_least(8, "SELECT count(*) FROM segments WHERE error IS NULL");
    stage.go(1);
    // Three seconds are in the buffer.
    recording.until_at_least(7_000_000, NOTHING_CAME_US);
    let session = recording.interrupt().session();
    let (found, summary) = judged(&session);
    let viewer = &summary["renditions"][0]["viewer"];
    assert_eq!(viewer["stalls"], 1, "{summary:#}");
    assert!(
        viewer["stalled_seconds"].as_f64().unwrap() > 1.0,
        "{viewer}"
    );
    let told = of_rule(&found, "H04")[0]["detail"]["text"].clone();
    let told = told.as_str().unwrap();
    assert!(told.ends_with("until the end of the recording"), "{told}");
    // The gap is told as bad; the outage beside it is no second fault.
    assert_eq!(of_rule(&found, "T07")[0]["severity"], "must");
    assert_eq!(of_rule(&found, "H14")[0]["severity"], "info");
    assert_eq!(summary["renditions"][0]["gaps"], 1);
    assert_eq!(summary["renditions"][0]["gap_tags"], 0);
}

#[test]
fn segments_that_do_not_come_are_told_at_first_sight() {
    let (stage, origin) = lighthouse();
    let mut recording = Recorder::new(origin.url("/lighthouse.m3u8")).start();
    recording.until_at_least(8, "SELECT count(*) FROM segments WHERE error IS NULL");
    stage.go(2);
    recording.until_at_least(9_000_000, NOTHING_CAME_US);
    let session = recording.interrupt().session();
    let (found, summary) = judged(&session);
    let viewer = &summary["renditions"][0]["viewer"];
    assert!(viewer["stalls"].as_u64().unwrap() > 0, "{summary:#}");
    let segments = &summary["renditions"][0]["segments"];
    assert!(segments["never_came"].as_u64().unwrap() > 0, "{segments}");
    // Where the playlist was late on top, that tells of it.
    let outages = of_rule(&found, "H14");
    let is_told = outages.iter().any(|one| one["severity"] == "should");
    assert!(is_told || !of_rule(&found, "T07").is_empty(), "{found:#?}");
    // Who stopped was the recorder, and no answer is the origin's of what it left.
    let host = &summary["hosts"][0];
    assert!(host["answers"].get("aborted").is_none(), "{host}");
    assert!(host["stopped"].as_u64().unwrap() > 0, "{host}");
}
