//! What adjacent-find and the recorder's summary tell of the faults of a recording.

use std::process::Command;

use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Window, ts};

/// What adjacent-find says of a session.
fn find(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The playlist is 503 at first, the second segment 404; both are good when asked again.
fn recovers(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/live.m3u8", 0) => Reply::html(503),
        ("/live.m3u8", _) => Reply::playlist(Window::new(0, 3).ended().text()),
        ("/seg1.ts", 0) => Reply::not_found(),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn every_fault_is_listed_with_the_time_until_the_next_good_answer() {
    let origin = Origin::new(recovers);
    let finished = Recorder::new(origin.url("/live.m3u8")).start().finish();
    assert!(
        finished.stdout.contains(" playlist: HTTP 503 x 1"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stdout.contains("segment: HTTP 404 x 1"),
        "{}",
        finished.stdout
    );
    let session = finished.session();

    let text = find(&session, &["--faults", "-v"]);
    let lines = text
        .lines()
        .filter(|line| line.contains(" good again after "));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("media playlist live.m3u8 - HTTP 503 - good again after 0."),
        "{text}"
    );
    assert!(
        lines[1].contains("segment seg1.ts - HTTP 404 - good again after 0."),
        "{text}"
    );

    let json = find(&session, &["--faults", "--json", "-v"]);
    let lines = json.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let [outage, fault, ..] = &lines[..] else {
        panic!("{json}")
    };
    assert_eq!(outage["rule"], "H14");
    assert_eq!(outage["exchanges"], serde_json::json!([fault["exchange"]]));
    assert_eq!(outage["first"]["session_time"], fault["session_time"]);
    assert_eq!(fault["status"], 503);
    assert!(fault["good_again_after_seconds"].as_f64().unwrap() > 0.0);
}

/// Between its two advances three polls fail.
fn fails(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/start.m3u8", _) => Reply::redirect(302, "/live.m3u8"),
        ("/live.m3u8", 0) => Reply::playlist(Window::new(0, 1).text()),
        ("/live.m3u8", 1 | 2) => Reply::html(503),
        ("/live.m3u8", 3) => Reply::playlist(Window::new(1, 1).text()).ending(End::Cut(9)),
        ("/live.m3u8", _) => Reply::playlist(Window::new(1, 1).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_gap_says_how_polls_failed_in_it_also_behind_a_redirect() {
    for path in ["/live.m3u8", "/start.m3u8"] {
        let origin = Origin::new(fails);
        let session = Recorder::new(origin.url(path)).run().session();
        let text = find(&session, &["-t", "0.3"]);
        let remarks: Vec<&str> = text
            .lines()
            .filter(|l| l.contains(" in between "))
            .collect();
        let remark = "No poll in between was answered with a playlist: HTTP 503 x 2, closed without an answer x 1";
        assert_eq!(remarks, [remark], "{text}");
        let json = find(&session, &["-t", "0.3", "--json"]);
        let gap: serde_json::Value = serde_json::from_str(&json).unwrap();
        let wanted = serde_json::json!([
            {"what": "HTTP 503", "polls": 2},
            {"what": "closed without an answer", "polls": 1},
        ]);
        assert_eq!(gap["detail"]["recorder"]["failures"], wanted, "{json}");
        assert_eq!(gap["detail"]["recorder"]["failed"], 3, "{json}");
        // Polls that fail say nothing: it may have been there since the one before them was asked for.
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let uncertain = number(&gap["detail"]["to"]["uncertain_seconds"]);
        assert!(uncertain >= number(&gap["detail"]["gap_seconds"]), "{json}");
    }
}

#[test]
fn a_gap_of_answers_that_are_no_playlists_is_the_origins_as_one_of_errors_is() {
    let answers = [
        Reply::html(503),
        Reply::html(200),
        Reply::new(200, "application/vnd.apple.mpegurl", ""),
        Reply::playlist(Window::new(0, 1).text()).ending(End::Cut(9)),
    ];
    let recordings = answers.map(|answer| {
        let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
            ("/live.m3u8", 0) => Reply::playlist(Window::new(0, 1).text()),
            ("/live.m3u8", 1..16) => answer.clone(),
            ("/live.m3u8", _) => Reply::playlist(Window::new(1, 1).ended().text()),
            (path, _) => Reply::segment(ts(path)),
        });
        let recorder = Recorder::new(origin.url("/live.m3u8"));
        (recorder.start(), origin)
    });
    for (recording, _origin) in recordings {
        let session = recording.finish().session();
        let json = find(&session, &["--json"]);
        let gap: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(gap["detail"]["certain"], true, "{json}");
        let text = find(&session, &[]);
        assert!(text.contains("\n1 gap, "), "{text}");
    }
}
