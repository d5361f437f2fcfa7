//! Streams that are no longer recorded: what is known of them ends there.

use std::process::Command;

use rustix::process::Signal;

use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// Two aquariums: one goes on, the other one stands still.
fn aquariums(ask: &Ask) -> Reply {
    match ask.path() {
        "/sharks/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        "/rays/live.m3u8" => Reply::playlist(Window::new(0, 3).text()),
        path => Reply::segment(ts(path)),
    }
}

/// Gaps of the one that stands still, as text or as JSON.
fn gaps(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .args(["-p", "rays/live.m3u8"])
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// When the last poll of it began, and when the recording ended, in seconds of session time.
fn times(session: &Session) -> (f64, f64) {
    let last_us = session.number(
        "SELECT max(e.requested_us) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'rays/live.m3u8'",
    );
    let of = |us: i64| (us - session.zero_us()) as f64 / 1e6;
    (of(last_us), of(session.end_us()))
}

fn assert_ends_with_its_polls(session: &Session) {
    let (last_s, end_s) = times(session);
    assert!(end_s - last_s > 2.5, "{last_s} {end_s}");
    let gap = gaps(session, &["--json", "-t", "0.5"]);
    let gap: serde_json::Value = serde_json::from_str(&gap).unwrap();
    let from_s = gap["first"]["session_time"].as_f64().unwrap();
    let until_s = from_s + gap["detail"]["gap_seconds"].as_f64().unwrap();
    assert!(gap["detail"]["to"].is_null());
    assert!((last_s..end_s - 2.0).contains(&until_s), "{gap} {last_s}");
    assert_eq!(gap["detail"]["recorder"]["down"], false, "{gap}");
    let text = gaps(session, &["-t", "0.5"]);
    let open = "(open: no advance until it was no longer recorded)\n";
    assert!(text.contains(open), "{text}");
    assert!(text.contains("\nno longer recorded - 20"), "{text}");
    let longer = format!("{}", until_s - from_s + 0.1);
    assert_eq!(gaps(session, &["-t", &longer]), "");
}

#[test]
fn a_stream_that_is_taken_out_of_the_file_has_no_gap_until_the_end_of_the_others() {
    let origin = Origin::new(aquariums);
    let recorder = Recorder::bare();
    let file = recorder.folder().join("streams.txt");
    let line = |name: &str| format!("{name} {}\n", origin.url(&format!("/{name}/live.m3u8")));
    std::fs::write(&file, line("sharks") + &line("rays")).unwrap();
    let mut recording = recorder
        .args(["--poll", "0.2", "--streams", "streams.txt"])
        .start();
    recording.until("polls", || origin.count("/rays/live.m3u8") > 5);
    std::fs::write(&file, line("sharks")).unwrap();
    recording.signal(Signal::HUP);
    recording.until_it_says("1 no longer recorded (rays)");
    let later = "SELECT (SELECT max(requested_us) FROM exchange) -
                        (SELECT max(e.requested_us) FROM exchange e JOIN resource r ON r.id = e.resource_id
                          WHERE r.name = 'rays/live.m3u8')";
    recording.until_at_least(3_000_000, later);
    assert_ends_with_its_polls(&recording.interrupt().session());
}

#[test]
fn a_stream_that_a_later_run_does_not_go_on_with_has_no_gap_until_its_end() {
    let origin = Origin::new(aquariums);
    let [sharks, rays] = ["sharks", "rays"]
        .map(|name| format!("{name}={}", origin.url(&format!("/{name}/live.m3u8"))));
    let mut first = Recorder::new(&sharks).args([rays.as_str()]).start();
    first.until("polls", || origin.count("/rays/live.m3u8") > 5);
    let first = first.interrupt();
    let mut second = Recorder::after(first, &sharks)
        .args(["-s", "session1", "--resume"])
        .start();
    let length = "SELECT max(e.requested_us) - (SELECT max(started_us) FROM run) FROM exchange e";
    second.until_at_least(3_000_000, length);
    assert_ends_with_its_polls(&second.interrupt().session());
}
