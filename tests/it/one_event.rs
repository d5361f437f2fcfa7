//! One event is told once: faults are grouped to outages, with both clocks, with what each cost, and what it was of whose doing.

use std::process::Command;

use serde_json::Value;

use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

fn find(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn findings(session: &Session, arguments: &[&str]) -> Vec<Value> {
    let text = find(session, &[arguments, &["--json"]].concat());
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// A lighthouse: two variants in step; at stage 1 its server is rebooted, at stage 2 it is there again and has turned on, past
/// one picture that nobody was shown.
fn lighthouse(ask: &Ask, stage: &Stage) -> Reply {
    let variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nnear.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nfar.m3u8\n";
    match (ask.path(), stage.at()) {
        (_, 1) => Reply::nothing(End::Aborted),
        ("/tower.m3u8", _) => Reply::playlist(variants),
        ("/near.m3u8" | "/far.m3u8", 0) => turned(Window::new(0, 3)),
        ("/near.m3u8" | "/far.m3u8", _) => turned(Window::new(4, 3).ended()),
        (path, _) => Reply::segment(ts(path)),
    }
}

/// A recorder that is kept from asking for a second misses nothing of so slow a channel.
fn turned(window: Window) -> Reply {
    let text = window.text();
    Reply::playlist(text.replace("TARGETDURATION:1\n", "TARGETDURATION:4\n"))
}

fn rebooted() -> Session {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| lighthouse(ask, &at));
    let mut recording = Recorder::new(origin.url("/tower.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM segments WHERE error IS NULL");
    recording.until_at_least(2, "SELECT count(*) FROM revision WHERE media_sequence = 0");
    stage.go(1);
    let broken = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
                   WHERE e.outcome = 'reset' AND r.name =";
    for name in ["near.m3u8", "far.m3u8"] {
        recording.until_at_least(3, &format!("{broken} '{name}'"));
    }
    stage.go(2);
    recording.finish().session()
}

#[test]
fn a_server_that_was_away_is_one_line_with_both_clocks_and_what_it_cost() {
    let session = rebooted();
    let faults = session.number("SELECT count(*) FROM exchange WHERE outcome = 'reset'");
    let found = findings(&session, &["--faults"]);
    let outages: Vec<&Value> = found.iter().filter(|one| one["rule"] == "H14").collect();
    let [outage] = outages[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(outage["count"], faults);
    assert_eq!(outage["detail"]["what"], "reset");
    assert_eq!(outage["playlist"], Value::Null, "of several");
    assert_eq!(outage["detail"]["open"], false);
    let lost = outage["detail"]["never_listed"].as_array().unwrap();
    assert_eq!(lost.len(), 2, "{outage}");
    for lost in lost {
        assert_eq!((&lost["first"], &lost["last"]), (&3.into(), &3.into()));
    }

    // Both clocks, and an end that lies between the last fault and the first good answer.
    let us = |sql: &str| session.number(sql) - session.zero_us();
    let seconds = |value: &Value| (value["session_time"].as_f64().unwrap() * 1e6).round() as i64;
    let at = "SELECT {} FROM exchange WHERE outcome = 'reset'";
    let first_us = us(&at.replace("{}", "min(requested_us)"));
    let last_us = us(&at.replace("{}", "max(requested_us + failed_us)"));
    assert_eq!(seconds(&outage["first"]), first_us);
    assert_eq!(seconds(&outage["detail"]["not_before"]), last_us);
    let good_us = seconds(&outage["detail"]["good"]);
    assert!(good_us >= last_us, "{outage}");
    let seen = us("SELECT min(seen_us) FROM revision WHERE media_sequence = 4");
    assert!(good_us <= seen, "{outage}");
    for moment in [&outage["first"], &outage["last"]] {
        let time = chrono::DateTime::parse_from_rfc3339(moment["time"].as_str().unwrap()).unwrap();
        assert_eq!(time.timestamp_micros() - session.zero_us(), seconds(moment));
    }

    let text = find(&session, &["--faults"]);
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("reset for "), "{text}");
    let (lasted, rest) = line.split_once(" s, from 0:00:0").unwrap();
    // As long as the moments that are shown are apart.
    let shown_ms = |text: &str| {
        let seconds = text.trim_start_matches("0:00:");
        (seconds.parse::<f64>().unwrap() * 1e3).round() as i64
    };
    let (from, rest) = rest.split_once(" (").unwrap();
    let (_, rest) = rest.split_once("Z) or up to ").unwrap();
    let (earlier, rest) = rest.split_once(" s earlier to between ").unwrap();
    let (least, rest) = rest.split_once(" (").unwrap();
    let (_, rest) = rest.split_once("Z) and ").unwrap();
    let (most, rest) = rest.split_once(" (").unwrap();
    assert!(
        rest.contains("Z): ") && rest.contains(" playlists, "),
        "{text}"
    );
    let mut between = [least, most].map(|until| shown_ms(until) - shown_ms(from));
    between[1] += shown_ms(earlier);
    let lasted = lasted.trim_start_matches("reset for ").split(" to ");
    assert_eq!(lasted.map(shown_ms).collect::<Vec<_>>(), between, "{text}");
    let told = "; 1 segment never listed: 3 of each of 2 playlists; ";
    assert!(line.contains(told), "{text}");
    let sum = format!("1 outage, {faults} faults; 1 segment never listed");
    assert_eq!(text.lines().last().unwrap(), sum, "{text}");
}

#[test]
fn each_fault_of_an_outage_is_listed_on_demand_and_none_twice() {
    let session = rebooted();
    let all = findings(&session, &["--faults", "-v"]);
    let faults = all.iter().filter(|one| one.get("rule").is_none());
    let listed: Vec<i64> = faults
        .map(|one| one["exchange"].as_i64().unwrap())
        .collect();
    let wanted: Vec<i64> =
        session.list("SELECT id FROM exchange WHERE outcome = 'reset' ORDER BY id");
    assert_eq!(listed, wanted);
    let text = find(&session, &["--faults", "-v"]);
    assert_eq!(text.matches(" - reset ").count(), wanted.len(), "{text}");
}

#[test]
fn gaps_are_summed_up_with_the_outages_that_they_come_of() {
    let session = rebooted();
    let text = find(&session, &["-t", "0.1"]);
    let lines: Vec<&str> = text.lines().collect();
    let gap = lines.iter().position(|line| line.starts_with("Find time"));
    let span = lines[gap.unwrap() + 1];
    assert!(span.starts_with("No advance for "), "{text}");
    let exchanges = span.matches("Z), exchange ").count();
    assert_eq!(exchanges, 2, "{text}");
    assert!(span.ends_with("; 1 segment never listed: 3"), "{text}");
    let sum = lines.last().unwrap();
    // Both variants stood still in the same time, and skipped the same segment of the same programme.
    assert!(sum.starts_with("1 gap, "), "{text}");
    let told = " s (2 playlists); 1 outage; 1 segment never listed";
    assert!(sum.ends_with(told), "{text}");
    // Of a single playlist nothing is said of the others.
    let of_one = find(&session, &["-t", "0.1", "-p", "near.m3u8"]);
    let sum = of_one.lines().last().unwrap();
    assert!(sum.starts_with("1 gap, "), "{of_one}");
    assert!(sum.ends_with(" s; 1 segment never listed"), "{of_one}");
}

#[test]
fn a_segment_that_is_not_there_is_one_event_however_often_it_was_asked_for() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/buoy.m3u8", nth) => {
            let window = Window::new(nth.min(12) as u64 / 2, 3);
            Reply::playlist(window.ended_if(nth > 12).text())
        }
        ("/seg2.ts", _) => Reply::not_found(),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/buoy.m3u8")).run().session();
    let asked = session.number("SELECT count(*) FROM segments WHERE error_code = 404");
    let own = "SELECT count(*) FROM exchange WHERE status = 404 AND own_reason IS NOT NULL";
    let faults = asked - session.number(own);
    let found = findings(&session, &["--faults"]);
    let [outage] = &found[..] else {
        panic!("{found:#?}")
    };
    assert_eq!(outage["count"], faults);
    let wanted = serde_json::json!({"count": 1, "requests": faults, "never_good": 1});
    assert_eq!(outage["detail"]["resources"]["segment"], wanted);
    assert_eq!(outage["detail"]["polls"], 0);
    let text = find(&session, &["--faults"]);
    assert!(text.contains(": segment seg2.ts, "), "{text}");
    // It has no end, though others came behind it.
    assert!(text.contains(", not good again: "), "{text}");
    assert_eq!(outage["detail"]["open"], true);
    assert!(outage["detail"]["good"].is_null(), "{outage}");
    assert!(text.contains(", never came; "), "{text}");
    let later = &outage["detail"]["later_tries"];
    assert_eq!(*later, session.number(own), "{outage}");
}

#[test]
fn what_only_the_recorder_met_is_in_no_outage_of_the_origin() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/buoy.m3u8", 1) => Reply::html(503),
        ("/buoy.m3u8", nth) => {
            let window = Window::new(nth.min(3) as u64, 3);
            Reply::playlist(window.ended_if(nth > 3).text())
        }
        ("/seg1.ts", _) => Reply::segment(vec![0x47; 40_000]),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/buoy.m3u8"))
        .args(["--limit", "chunk=20000"])
        .run()
        .session();
    let text = find(&session, &["--faults"]);
    let own = "the recorder's own limit (too large) ";
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(own)).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains(": segment seg1.ts, "), "{text}");
    let sum = text.lines().last().unwrap();
    assert!(sum.starts_with("1 outage, 1 fault; "), "{text}");
    assert!(sum.ends_with(" of the recorder's own"), "{text}");
    let found = findings(&session, &["--faults"]);
    let rules: Vec<&Value> = found.iter().map(|one| &one["rule"]).collect();
    assert!(
        rules.contains(&&"R01".into()) && rules.contains(&&"H14".into()),
        "{found:?}"
    );
}

#[test]
fn scripts_that_were_made_for_the_original_read_its_sentences_alone() {
    let session = rebooted();
    let all = find(&session, &["-t", "0.1"]);
    let bare = find(&session, &["-q", "-t", "0.1"]);
    let added = ["Playlist ", "No advance for ", " in between ", "1 gap, "];
    for (number, words) in [2, 2, 2, 1].into_iter().zip(added) {
        let lines = all.lines().filter(|line| line.contains(words));
        assert_eq!(lines.count(), number, "{words}: {all}");
    }
    let is_added = |line: &&str| added.iter().any(|words| line.contains(words));
    let kept: Vec<&str> = all.lines().filter(|line| !is_added(line)).collect();
    assert_eq!(bare, kept.join("\n") + "\n");
    assert!(bare.starts_with("Find time difference 0:00:0"), "{bare}");
    // Of outages the lines, without what they come to.
    let outages = find(&session, &["--faults", "-q"]);
    assert_eq!(outages.lines().count(), 1, "{outages}");
    // Where there is nothing, nothing is said.
    let nothing = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["--quiet", "-t", "600"])
        .arg(session.path())
        .output()
        .unwrap();
    assert!(nothing.status.success(), "{nothing:?}");
    assert!(
        nothing.stdout.is_empty() && nothing.stderr.is_empty(),
        "{nothing:?}"
    );
}

#[test]
fn a_playlist_is_named_by_its_path_and_as_the_log_of_its_recorder_names_it() {
    let stage = Stage::default();
    let at = stage.clone();
    let variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360\nnear.m3u8\n";
    let origin = Origin::new(move |ask| match ask.path() {
        "/tower.m3u8" => Reply::playlist(variants),
        "/near.m3u8" => Reply::playlist(Window::new(at.at(), 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/tower.m3u8")).start();
    recording.until_it_says("\"640x360 900 kbit/s\": no advance for ");
    stage.go(1);
    recording.until_it_says("\"640x360 900 kbit/s\": advances again after ");
    let session = recording.interrupt().session();
    let text = find(&session, &[]);
    let heading = text.lines().next().unwrap();
    assert_eq!(heading, "Playlist near.m3u8, 640x360 900 kbit/s", "{text}");
    let said = text.lines().nth(3).unwrap();
    let is_answered = said.ends_with(" answered, without a new segment");
    assert!(is_answered && said.contains(" in between "), "{text}");
    let found = findings(&session, &[]);
    assert_eq!(found[0]["playlist"], "near.m3u8");
    assert_eq!(found[0]["detail"]["label"], "640x360 900 kbit/s");
    // Whoever looks for it may call it that.
    let of_it = find(&session, &["-p", "640x360 900 kbit/s"]);
    assert!(of_it.starts_with("Find time difference "), "{of_it}");
    for program in [
        env!("CARGO_BIN_EXE_adjacent-find"),
        env!("CARGO_BIN_EXE_isreport"),
    ] {
        let run = |name: &str| {
            let mut program = Command::new(program);
            let output = program.args(["-p", name]).arg(session.path()).output();
            output.unwrap()
        };
        assert!(run("640x360 900 kbit/s").status.success(), "{program}");
        let refused = run("640x360");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{told}");
        let names = "near.m3u8 (640x360 900 kbit/s)";
        assert!(told.contains(names), "{told}");
    }
}
