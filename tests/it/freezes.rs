//! Channels that stand still: that is told while it happens, when it is over, and at the end, with what it cost.

use std::process::Command;
use std::time::Duration;

use crate::support::{Ask, Finished, Origin, Recorder, Recording, Reply, Stage, Window, ts};

/// Longer than 1.5 target durations of a second.
const HANG: Duration = Duration::from_secs(3);

/// A slot machine: three pictures in a window that moves at each third request; at stage 1 it hangs, at stage 2 it has turned
/// by three pictures of which two were never shown.
fn slots(ask: &Ask, stage: &Stage) -> Reply {
    match (ask.path(), stage.at()) {
        (path, _) if path.ends_with(".ts") => Reply::segment(ts(path)),
        (_, 0) => Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text()),
        (_, 1) => Reply::playlist(Window::new(3, 3).text()),
        _ => Reply::playlist(Window::new(8, 3).text()),
    }
}

fn hangs_and_turns(arguments: &[&str]) -> Finished {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| slots(ask, &at));
    let mut recording = Recorder::new(origin.url("/slots.m3u8"))
        .args(arguments.iter().copied())
        .start();
    recording.until_at_least(1, "SELECT count(*) FROM revision WHERE media_sequence = 3");
    stage.go(1);
    recording.until_it_says("no advance for ");
    stage.go(2);
    recording.until_it_says("advances again after ");
    recording.interrupt()
}

/// What stands between two texts, as a number.
fn number(text: &str, before: &str, behind: &str) -> f64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split(behind).next().unwrap().parse().unwrap()
}

#[test]
fn a_channel_that_stands_still_is_told_when_it_does_when_it_goes_on_and_at_the_end() {
    let finished = hangs_and_turns(&[]);
    let said = finished.stderr.clone();
    let lines: Vec<&str> = said.lines().filter(|l| l.contains(" WARN ")).collect();
    let [still, again] = lines[..] else {
        panic!("{said}")
    };
    let told = "[slots] \"slots\": no advance for ";
    let for_s = number(still, told, " s (1.0 expected)");
    assert!(for_s > 1.5, "{still}");
    assert!(again.ends_with("Z), 2 segments never listed"), "{again}");
    let after_s = number(
        again,
        "[slots] \"slots\": advances again after ",
        " s, from ",
    );
    assert!(after_s >= for_s, "{again}");

    let totals = finished.stdout.lines().nth(1).unwrap();
    assert!(totals.ends_with("faults 0, gaps 1"), "{totals}");
    let sum = "  no advance: 1 gap, ";
    let all_s = number(&finished.stdout, sum, " s, from ");
    assert!((all_s - after_s).abs() < 0.06, "{}", finished.stdout);
    let lost = "Z); 2 segments never listed\n";
    assert!(finished.stdout.contains(lost), "{}", finished.stdout);

    let session = finished.session();
    let found = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--json")
        .arg(session.path())
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.lines().count(), 1, "the same gap: {found}");
    let gap: serde_json::Value = serde_json::from_str(&found).unwrap();
    let length_s = gap["detail"]["gap_seconds"].as_f64().unwrap();
    assert!((length_s - after_s).abs() < 0.06, "{found} {again}");
    assert_eq!(gap["rule"], "T07");
    let lost = serde_json::json!({"count": 2, "first": 6, "last": 7});
    assert_eq!(gap["detail"]["never_listed"], lost, "{found}");
}

#[test]
fn programs_read_the_same_in_lines_of_json() {
    let finished = hangs_and_turns(&["--log", "json"]);
    let lines = finished.stderr.lines();
    let lines: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["level"] == "WARN")
        .collect();
    let [still, again] = &lines[..] else {
        panic!("{lines:?}")
    };
    for line in [still, again] {
        assert_eq!(line["stream"], "slots");
        assert_eq!(line["playlist"], "slots");
        assert_eq!(line["expected_seconds"], 1.0);
        assert!(line["seconds"].as_f64().unwrap() > 1.5, "{line}");
    }
    assert_eq!(again["never_listed"], 2);
    assert!(still.get("never_listed").is_none(), "{still}");
}

#[test]
fn an_answer_that_does_not_come_is_told_as_that_alone_and_what_stands_still_behind_it_too() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), ask.nth, at.at()) {
        ("/slots.m3u8", nth @ 0..4, _) => Reply::playlist(Window::new(nth as u64, 3).text()),
        ("/slots.m3u8", nth, 0) => {
            if nth == 4 {
                std::thread::sleep(HANG);
            }
            Reply::playlist(Window::new(3, 3).text())
        }
        ("/slots.m3u8", ..) => Reply::playlist(Window::new(8, 3).text()),
        (path, ..) => Reply::segment(ts(path)),
    });
    let mut recording: Recording = Recorder::new(origin.url("/slots.m3u8")).start();
    recording.until_it_says("unanswered for ");
    let said = recording.said();
    assert!(!said.contains("no advance"), "it has one line: {said}");
    recording.until_it_says("answered after ");
    recording.until_it_says("\"slots\": no advance for ");
    stage.go(1);
    recording.until_it_says("advances again after ");
    let finished = recording.interrupt();
    let warnings = finished.stderr.lines().filter(|l| l.contains(" WARN "));
    assert_eq!(warnings.count(), 4, "{}", finished.stderr);
    let totals = finished.stdout.lines().nth(1).unwrap();
    assert!(totals.ends_with(", gaps 1"), "{totals}");
}

#[test]
fn what_goes_on_and_has_its_end_then_has_no_gap() {
    // It moves with each request, so that nothing depends on how fast they come; its end is watched for three target durations.
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/slots.m3u8", nth) => {
            let window = Window::new(nth.min(6) as u64, 3);
            Reply::playlist(window.ended_if(nth >= 6).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/slots.m3u8")).run();
    assert!(!finished.stdout.contains("gap"), "{}", finished.stdout);
    assert!(!finished.stderr.contains("advance"), "{}", finished.stderr);
    finished.session();
}

#[test]
fn a_freeze_that_is_not_over_at_the_end_is_told_once_with_when_it_began() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/slots.m3u8" => Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording: Recording = Recorder::new(origin.url("/slots.m3u8")).start();
    recording.until_it_says("no advance for ");
    let finished = recording.interrupt();
    let (said, out) = (finished.stderr.clone(), finished.stdout.clone());
    assert!(out.contains(", gaps 1\n"), "{out}");
    assert!(!out.contains("  no advance: "), "it is told below: {out}");
    let began = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
        rest.lines().next().unwrap().to_owned()
    };
    let ended = began(&out, "s into a freeze: no advance since 0:00:0");
    assert!(ended.ends_with("Z)"), "{out}");
    assert_eq!(began(&said, " s (1.0 expected), since 0:00:0"), ended);
}

#[test]
fn an_encoder_that_starts_anew_is_told_with_its_numbers_and_once_of_all_its_playlists() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), at.at()) {
        ("/main.m3u8", _) => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=90000\nhigh.m3u8\n",
        ),
        ("/low.m3u8" | "/high.m3u8", 0) => {
            Reply::playlist(Window::new(5000 + ask.nth as u64 / 2, 3).text())
        }
        ("/low.m3u8" | "/high.m3u8", _) => {
            let anew = Window::new(ask.nth as u64 / 2, 3);
            Reply::playlist(anew.named(|number| format!("anew{number}.ts")).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording: Recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(8, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_it_says("EXT-X-MEDIA-SEQUENCE went back from 50");
    recording.until_at_least(
        2,
        // Behind the second one of each the first is counted.
        "SELECT count(*) FROM (SELECT playlist_id FROM revision WHERE media_sequence < 5000
                                GROUP BY playlist_id HAVING count(*) > 1)",
    );
    let finished = recording.interrupt();
    let (said, out) = (finished.stderr.clone(), finished.stdout.clone());
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("went back"))
        .collect();
    let [line] = lines[..] else { panic!("{said}") };
    assert!(
        line.contains(" WARN [127.0.0.1] \"") && line.ends_with(": the encoder started anew"),
        "{line}"
    );
    let (_, what) = line.split_once("\": ").unwrap();
    assert!(out.contains(&format!("\n  {what} at 0:00:")), "{out}");
    assert!(out.contains("Z) (2 playlists)\n"), "{out}");
}
