//! `isreport`: what was wrong with a channel, told so that somebody else can act on it.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Stage, Window, ts};

fn run(session: &str, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_isreport"));
    program.args(arguments).arg(session).output().unwrap()
}

fn text(session: &str, arguments: &[&str]) -> String {
    let output = run(session, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn findings(session: &Session, arguments: &[&str]) -> Vec<Value> {
    let path = session.path();
    let all = [arguments, &["--format", "json", "--severity", "info"]].concat();
    let lines = text(path.to_str().unwrap(), &all);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("rule").is_some()).collect()
}

fn rules(found: &[Value]) -> Vec<&str> {
    let mut rules: Vec<&str> = found
        .iter()
        .map(|one| one["rule"].as_str().unwrap())
        .collect();
    rules.dedup();
    rules
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/demo");

/// A ferry: at stage 1 its crew changes the timetable, and one crossing that is announced never sails.
fn ferry(ask: &Ask, stage: &Stage) -> Reply {
    match (ask.path(), stage.at()) {
        ("/ferry.m3u8", 0) => Reply::playlist(Window::new(10, 6).text()),
        ("/ferry.m3u8", _) => {
            let later = Window::new(12, 6).text();
            let later = later.replace("TARGETDURATION:1\n", "TARGETDURATION:2\n");
            Reply::playlist(later.replacen("#EXT-X-MEDIA", "#EXT-X-VERSION:2\n#EXT-X-MEDIA", 1))
        }
        (path, _) if path.contains("17") => Reply::not_found(),
        (path, _) => Reply::segment(ts(path)),
    }
}

fn ferried() -> Session {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| ferry(ask, &at));
    let mut recording = Recorder::new(origin.url("/ferry.m3u8")).start();
    recording.until_at_least(6, "SELECT count(*) FROM segments WHERE error IS NULL");
    stage.go(1);
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 404");
    recording.interrupt().session()
}

#[test]
fn the_demo_is_told_with_its_freeze_and_how_to_see_it() {
    let report = text(DEMO, &[]);
    let mut lines = report.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("localhost: 3 playlists, "),
        "{report}"
    );
    assert!(
        lines.next().unwrap().starts_with("must fix 1, "),
        "{report}"
    );
    assert_eq!(lines.next(), Some("The recorder was well."), "{report}");
    for words in [
        "MUST T07 stale: No advance for 8.5",
        "see it: isreplayer ",
        // Of both playlists, once.
        "  live/low/live.m3u8: at ",
        " -o 32;",
        "section-6.2.1",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

#[test]
fn what_an_origin_does_wrong_is_told_by_its_rule_with_its_exchanges() {
    let session = ferried();
    // What its segments are made of is nothing that anybody plays.
    let found = findings(&session, &["--rules", "-M*,-P16,-H09,-H05"]);
    let told = rules(&found);
    for rule in ["T06", "H01"] {
        assert!(told.contains(&rule), "{rule}: {found:#?}");
    }
    let gone = found.iter().find(|one| one["rule"] == "H01").unwrap();
    assert_eq!(
        (&gone["severity"], &gone["name"]),
        (&"must".into(), &"listed-not-there".into())
    );
    let exchange = &gone["first"]["exchange"];
    let status = session.number(&format!(
        "SELECT status FROM exchange WHERE id = {exchange}"
    ));
    assert_eq!(status, 404);
    assert!(
        gone["replay"]
            .as_str()
            .unwrap()
            .starts_with("/stream.m3u8?offset="),
        "{gone}"
    );
    assert!(
        gone["detail"]["text"].as_str().unwrap().contains("404"),
        "{gone}"
    );
}

#[test]
fn rules_playlists_and_spans_can_be_chosen() {
    let session = ferried();
    assert_eq!(rules(&findings(&session, &["--rules", "T06"])), ["T06"]);
    assert_eq!(
        rules(&findings(
            &session,
            &["--rules", "target-changed", "-p", "ferry.m3u8"]
        )),
        ["T06"]
    );
    assert!(findings(&session, &["--rules", "T06", "--to", "0"]).is_empty());
    let path = session.path();
    for wrong in [
        &["--rules", "X99"][..],
        &["-p", "none.m3u8"],
        &["--stream", "none"],
        &["--from", "noon"],
        // Of a time of which nothing was recorded nothing is known.
        &["--from", "2100-01-01T00:00:00Z"],
        &["--to", "1970-01-01T00:00:00Z"],
        &["--from", "0.2", "--to", "0.1"],
    ] {
        let output = run(path.to_str().unwrap(), wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}

#[test]
fn what_a_viewer_saw_and_what_variants_declare_is_told_of_the_demo() {
    let report = text(DEMO, &["--severity", "info", "--rules", "H04,X10,X12"]);
    // Both variants froze together for 8.5 s, and six seconds were in the buffer.
    assert!(report.contains("would have waited for 2.5 s"), "{report}");
    assert!(
        report.contains("there are pictures, and no FRAME-RATE"),
        "{report}"
    );
    assert!(!report.contains("X12"), "{report}");
}

#[test]
fn what_variants_declare_is_told_where_it_shows_and_a_replay_goes_there() {
    let lines = text(DEMO, &["--format", "json", "--severity", "info"]);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let found: Vec<Value> = lines
        .filter(|line: &Value| line.get("rule").is_some())
        .collect();
    for rule in ["X09", "X10"] {
        let of_rule: Vec<&Value> = found.iter().filter(|one| one["rule"] == rule).collect();
        assert!(!of_rule.is_empty(), "{rule}");
        for one in of_rule {
            assert!(one["first"]["exchange"].is_i64(), "{one:#}");
            assert!(
                one["first"]["session_time"].as_f64().unwrap() < 30.0,
                "{one:#}"
            );
            assert_eq!(one["exchanges"][0], one["first"]["exchange"], "{one:#}");
        }
    }
    for one in &found {
        let (_, offset) = one["replay"]
            .as_str()
            .unwrap()
            .split_once("offset=")
            .unwrap();
        assert!(offset.parse::<f64>().unwrap() < 75.006, "{one:#}");
    }
    // More than BANDWIDTH is told of each segment that has it.
    let rate = found.iter().find(|one| one["rule"] == "X09").unwrap();
    assert!(rate["count"].as_u64().unwrap() > 1, "{rate:#}");
    // Where a part of the session is looked at, what shows it there is.
    let late = text(
        DEMO,
        &["--rules", "X09", "--from", "40", "--format", "json"],
    );
    let late: Value = serde_json::from_str(late.lines().next().unwrap()).unwrap();
    assert!(
        late["first"]["session_time"].as_f64().unwrap() >= 40.0,
        "{late:#}"
    );
}

fn summary(session: &str, arguments: &[&str]) -> Value {
    let lines = text(session, &[arguments, &["--format", "json"]].concat());
    let last = lines.lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last.as_object().unwrap().len(), 1, "{last}");
    last["summary"].clone()
}

#[test]
fn the_last_line_of_json_says_what_the_session_and_its_channel_are() {
    let told = summary(DEMO, &[]);
    assert_eq!(told["streams"], serde_json::json!(["localhost"]));
    assert_eq!(
        (&told["playlists"], &told["recorder"]["well"]),
        (&3.into(), &true.into())
    );
    assert_eq!(told["recorded"]["session_time"], 0.0);
    let longest = &told["longest_without_segment"]["seconds"];
    assert!((8.4..8.6).contains(&longest.as_f64().unwrap()), "{told:#}");
    let renditions = told["renditions"].as_array().unwrap();
    let high = renditions
        .iter()
        .find(|one| one["playlist"].as_str().unwrap().contains("high"))
        .unwrap();
    assert!(
        high["declared"]["bandwidth"].as_u64().unwrap() > 0,
        "{high:#}"
    );
    for (key, inner) in [
        ("bit_rate", "mean"),
        ("bit_rate", "peak"),
        ("segments", "target_seconds"),
    ] {
        assert!(
            high[key][inner].as_f64().unwrap() > 0.0,
            "{key}.{inner}: {high:#}"
        );
    }
    let host = &told["hosts"][0];
    assert!(host["answers"]["200"].as_u64().unwrap() > 0, "{host:#}");
    assert!(
        host["first_byte"]["p99_seconds"].as_f64().unwrap() > 0.0,
        "{host:#}"
    );
    // As ffprobe says it of the same media: each begins with a key frame, and has one.
    let keys = serde_json::json!({"distances": 42, "min_seconds": 2.0, "median_seconds": 2.0, "max_seconds": 2.0});
    assert_eq!(high["key_frames"], keys);
    let report = text(DEMO, &[]);
    assert!(report.contains("  key frames: 2 s apart ("), "{report}");
}

/// A harbour with two quays: at stage 1 the ships of one stand still.
fn harbour(ask: &Ask, stage: &Stage, asked: &AtomicU64) -> Reply {
    let moored = |name: &str, first: u64| {
        let name = name.to_owned();
        Window::new(first, 5).named(move |n| format!("{name}{n}.ts"))
    };
    match (ask.path(), stage.at()) {
        ("/harbour.m3u8", _) => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000000\neast.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=9000000\nwest.m3u8\n",
        ),
        ("/west.m3u8", 1) => Reply::playlist(moored("west", 5).text()),
        ("/west.m3u8", 2..) => Reply::playlist(moored("west", 9).text()),
        ("/east.m3u8", _) => {
            let first = asked.fetch_add(1, Ordering::SeqCst);
            Reply::playlist(moored("east", first).text())
        }
        ("/west.m3u8", _) => {
            Reply::playlist(moored("west", asked.load(Ordering::SeqCst).min(5)).text())
        }
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn one_variant_that_stands_still_while_another_goes_on_is_told() {
    let (stage, asked) = (Stage::default(), Arc::new(AtomicU64::new(0)));
    let (at, count) = (stage.clone(), Arc::clone(&asked));
    let origin = Origin::new(move |ask| harbour(ask, &at, &count));
    let mut recording = Recorder::new(origin.url("/harbour.m3u8")).start();
    recording.until("some advances", || asked.load(Ordering::SeqCst) > 3);
    stage.go(1);
    recording.until_it_says("no advance");
    stage.go(2);
    recording.until_it_says("advances again");
    let found = findings(&recording.interrupt().session(), &["--rules", "X12"]);
    assert_eq!(rules(&found), ["X12"], "{found:?}");
    let told = found[0]["detail"]["text"].as_str().unwrap();
    assert!(told.contains("while east.m3u8 went on"), "{told}");
    assert_eq!(found[0]["playlist"], "west.m3u8");
}

#[test]
fn a_server_that_fails_for_long_is_a_gap_of_the_channel() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), at.at()) {
        ("/bridge.m3u8", 0) => Reply::playlist(Window::new(1, 5).text()),
        ("/bridge.m3u8", 1) => Reply::html(503),
        ("/bridge.m3u8", _) => Reply::playlist(Window::new(4, 5).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/bridge.m3u8")).start();
    recording.until_at_least(5, "SELECT count(*) FROM segments WHERE error IS NULL");
    stage.go(1);
    recording.until_at_least(
        2_500_000,
        "SELECT ifnull(max(requested_us) - min(requested_us), 0) FROM exchange WHERE status = 503",
    );
    stage.go(2);
    recording.until_it_says("advances again");
    let found = findings(&recording.interrupt().session(), &["--rules", "T07"]);
    assert_eq!(rules(&found), ["T07"], "{found:?}");
}

#[test]
fn of_a_recorder_that_was_killed_nobody_says_that_it_was_well() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/tower.m3u8" => Reply::playlist(Window::new(1, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/tower.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM segments WHERE error IS NULL");
    let session = recording.kill().killed_session();
    let report = text(session.path().to_str().unwrap(), &[]);
    assert!(
        report.contains("was killed, and nobody went on"),
        "{report}"
    );
    assert!(!report.contains("The recorder was well"), "{report}");
}

#[test]
fn ci_can_fail_by_it_and_reads_a_test_case_a_rule() {
    assert_eq!(run(DEMO, &["--fail-on", "must"]).status.code(), Some(1));
    let session = ferried();
    let path = session.path();
    let path = path.to_str().unwrap();
    assert_eq!(
        run(path, &["--rules", "T07", "--fail-on", "info"])
            .status
            .code(),
        Some(0)
    );
    let xml = text(path, &["--format", "junit", "--rules", "T06,T07"]);
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(
        xml.contains("<testcase classname=\"isreport\" name=\"T07 stale\"/>"),
        "{xml}"
    );
    assert!(xml.contains("<failure type=\"must\""), "{xml}");
    let file = session.path().with_file_name("report.xml");
    let output = run(
        path,
        &[
            "--format",
            "junit",
            "--rules",
            "T06,T07",
            "-o",
            file.to_str().unwrap(),
        ],
    );
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), xml);
}

#[test]
fn every_rule_is_listed_and_documented() {
    let output = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .arg("--list-rules")
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let page = include_str!("../../docs/ref/rules.md");
    let ids: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(ids.len() > 60, "{ids:?}");
    for id in &ids {
        assert!(
            page.contains(&format!("\n| {id} |")),
            "{id} is not in docs/ref/rules.md"
        );
    }
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let rows: Vec<&str> = rows
        .filter(|id| id.len() == 3 && id.ends_with(|c: char| c.is_ascii_digit()))
        .collect();
    for id in rows {
        assert!(
            ids.contains(&id),
            "{id} is in docs/ref/rules.md, and isreport has no such rule"
        );
    }
}

#[test]
fn a_damaged_session_ends_with_a_report_or_a_sentence() {
    let session = ferried();
    let path = session.path();
    // A chunk that is gone, and one of another size.
    let chunks: String = session.one("SELECT group_concat(path) FROM body WHERE path IS NOT NULL");
    let mut chunks = chunks.split(',');
    std::fs::remove_file(path.join("chunks").join(chunks.next().unwrap())).unwrap();
    std::fs::write(path.join("chunks").join(chunks.next().unwrap()), b"<html>").unwrap();
    let report = text(path.to_str().unwrap(), &[]);
    assert!(report.contains("Not judged: media of "), "{report}");
    assert!(report.contains("lost or damaged"), "{report}");
}
