//! A recorder that stands still for a while: what it did not see meanwhile is its own, and no gap of the origin.

use std::process::{Command, Output};
use std::time::Duration;

use isrecorder::clock;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::metrics::{address, of, scrape};
use crate::support::{Ask, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// Far longer than a playlist of one-second segments may stand still.
const STANDS: Duration = Duration::from_secs(5);

/// Two cameras of a lighthouse, which list a segment of a second each second, of which three stay.
fn lighthouse(ask: &Ask, since: Instant) -> Reply {
    match ask.path() {
        "/light.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsea.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nland.m3u8\n",
        ),
        path if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(since.elapsed().as_secs(), 3).text())
        }
        path => Reply::segment(ts(path)),
    }
}

fn find(session: &Session, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap()
}

#[test]
fn what_a_recorder_that_stood_still_did_not_see_is_its_own() {
    let since = clock::instant();
    let origin = Origin::new(move |ask| lighthouse(ask, since));
    let mut recording = Recorder::new(origin.url("/light.m3u8")).start();
    recording.until_at_least(6, "SELECT count(*) FROM revision");
    recording.signal(Signal::STOP);
    // What is measured is how long it stands still.
    std::thread::sleep(STANDS);
    recording.signal(Signal::CONT);
    recording.until_at_least(1, "SELECT count(*) FROM event WHERE kind = 'stalled'");
    let then = ["/sea.m3u8", "/land.m3u8"].map(|path| origin.count(path));
    recording.until("both go on", || {
        origin.count("/sea.m3u8") > then[0] + 9 && origin.count("/land.m3u8") > then[1] + 9
    });
    let finished = recording.interrupt();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    let session = finished.session();
    assert!(
        !(log.clone() + &summary).contains("never listed"),
        "{log}{summary}"
    );
    // What happened last before it, and first after it, says how long it was; it is told once.
    let done = "SELECT count(*) FROM exchange, event WHERE event.kind = 'stalled' AND
                requested_us + ifnull(wait_us, 0) BETWEEN event.at_us + 1 AND event.at_us + event.length_us - 1";
    assert_eq!(session.list::<i64>(done), [0]);
    let late = "SELECT count(*) FROM event WHERE kind = 'late' AND length_us > 4000000";
    assert_eq!(session.list::<i64>(late), [0]);
    assert_eq!(summary.matches("stood still x 1, ").count(), 1, "{summary}");

    // As long as it stood still no machine that is busy makes another gap.
    let found = find(&session, &["-t", "3", "--json", "--fail-on-gap"]);
    let text = String::from_utf8(found.stdout).unwrap();
    let gaps: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(gaps.len(), 2, "{text}");
    for gap in &gaps {
        assert_eq!(gap["own"], true, "{gap}");
        let detail = &gap["detail"];
        assert!(detail["never_listed"].is_null(), "{gap}");
        assert!(detail["not_seen"]["count"].as_u64() >= Some(1), "{gap}");
    }
    assert_eq!(found.status.code(), Some(0), "{text}");
    let text = String::from_utf8(find(&session, &["-t", "3"]).stdout).unwrap();
    assert!(
        text.contains("The recorder stood still here for "),
        "{text}"
    );
    assert!(text.contains(" not seen: "), "{text}");
    let sum = text.lines().last().unwrap();
    let begins = "no gap; 1 gap of the recorder's own (2 playlists), ";
    assert!(
        sum.starts_with(begins) && sum.ends_with(" not seen"),
        "{text}"
    );
    let is_own =
        |line: &str| line.starts_with("The recorder itself: ") && line.ends_with(" not seen");
    assert!(summary.lines().any(is_own), "{summary}{text}");
    // Nothing hung but the recorder.
    let faults = find(&session, &["--faults"]);
    assert_eq!(
        String::from_utf8(faults.stdout).unwrap(),
        "",
        "no outage of anybody"
    );
}

/// The same two, which move with requests; from stage 1 on nobody answers, from stage 2 on two segments were left out.
fn lighthouse_in_fog(ask: &Ask, stage: &Stage) -> Reply {
    match (ask.path(), stage.at()) {
        ("/light.m3u8", 0 | 2) => lighthouse(ask, clock::instant()),
        (path, 1) if path.ends_with(".m3u8") => Reply::html(503),
        (path, 0) if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text())
        }
        (path, _) if path.ends_with(".m3u8") => Reply::playlist(Window::new(8, 3).text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn segments_of_an_outage_in_which_it_stood_still_are_not_seen_and_none_of_the_origins() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| lighthouse_in_fog(ask, &at));
    let mut recording = Recorder::new(origin.url("/light.m3u8"))
        .args(["--metrics", "0"])
        .start();
    let metrics = address(&mut recording);
    let begun = "SELECT count(*) FROM revision WHERE media_sequence = 3";
    recording.until_at_least(2, begun);
    stage.go(1);
    let then = ["/sea.m3u8", "/land.m3u8"].map(|path| origin.count(path));
    recording.until("both fail for a while", || {
        origin.count("/sea.m3u8") > then[0] + 9 && origin.count("/land.m3u8") > then[1] + 9
    });
    recording.signal(Signal::STOP);
    std::thread::sleep(STANDS);
    stage.go(2);
    recording.signal(Signal::CONT);
    let segments = |how: &str| {
        let name = format!("isrecorder_segments_{how}_total");
        of(&scrape(&metrics), &name, "stream=\"light\"")
    };
    recording.until("they go on", || segments("not_seen") == 2);
    recording.until_at_least(2, "SELECT count(*) FROM revision WHERE media_sequence = 8");
    assert_eq!(segments("never_listed"), 0);
    let finished = recording.interrupt();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    assert!(log.contains(", 2 segments not seen\n"), "{log}");
    let told = "The recorder itself: 2 segments not seen\n";
    assert!(summary.contains(told), "{summary}");
    let found = find(&finished.session(), &["-t", "3"]);
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(found.contains("; 2 segments not seen: 6-7"), "{found}");
    for said in [log, summary, found] {
        assert!(!said.contains("never listed"), "{said}");
    }
}
