//! A recorder that stands still for a while: what it did not see meanwhile is its own, and no gap of the origin.

use std::process::{Command, Output};
use std::time::Duration;

use isrecorder::clock;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, ts};

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
    let session = recording.interrupt().session();

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
    // Nothing hung but the recorder.
    let faults = find(&session, &["--faults"]);
    assert_eq!(
        String::from_utf8(faults.stdout).unwrap(),
        "",
        "no outage of anybody"
    );
}
