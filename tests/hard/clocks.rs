//! A wall clock that steps, and a recorder that is stopped for a while.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, rounds, ts};

const S: i64 = 1_000_000;
const YEAR: i64 = 365 * 86_400;

fn live(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path)),
    }
}

/// The library that `faketime` preloads.
fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .unwrap_or_else(|| panic!("libfaketime is missing; tests/hard/run installs it"))
}

/// When a poll was due, when it was made, and when it was over, of all of them, in order.
fn polls(session: &Session) -> Vec<(i64, i64, i64)> {
    session.rows(
        "SELECT requested_us - lag_us, requested_us,
                requested_us + coalesce(wait_us + ifnull(receive_us, 0), failed_us, 0)
           FROM exchange WHERE lag_us IS NOT NULL ORDER BY id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// Each poll was due within a second after the one before it. (Where the machine is so busy that one took long, nine tenths of the time
/// are left for others: ten times as long.)
fn assert_grid(session: &Session) {
    for pair in polls(session).windows(2) {
        let ((_, before_us, over_us), (due_us, asked_us, _)) = (pair[0], pair[1]);
        assert!(before_us < asked_us, "{pair:?}");
        let most_us = S.max(10 * (over_us - before_us));
        assert!(due_us - over_us < most_us, "{pair:?}");
    }
}

fn adjacent_find(session: &Session) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-t", "0"])
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_step_of_the_wall_clock_is_one_event_and_bends_nothing() {
    for (step, told) in [
        (-3600, "set back by"),
        (7200, "set forward by"),
        (-10 * YEAR, "set back by"),
    ] {
        let origin = Origin::new(live);
        let recorder = Recorder::new(origin.url("/live.m3u8"));
        let clock = recorder.folder().join("clock");
        fs::write(&clock, "+0").unwrap();
        let mut recording = recorder
            .env("LD_PRELOAD", faketime().to_str().unwrap())
            .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .start();
        recording.until_at_least(3, "SELECT count(*) FROM revision");
        fs::write(&clock, format!("{step:+}")).unwrap();
        recording.until_at_least(1, "SELECT count(*) FROM event WHERE kind = 'clock step'");
        let polls = origin.count("/live.m3u8");
        recording.until("polls after it", || origin.count("/live.m3u8") > polls + 5);
        let finished = recording.interrupt();
        let summary = "The recorder itself: its wall clock was set x 1, ";
        assert!(finished.stdout.contains(summary), "{}", finished.stdout);
        let session = finished.session();

        let events: Vec<(i64, i64)> = session.rows(
            "SELECT at_us, length_us FROM event WHERE kind IN ('clock step', 'suspended')",
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        assert_eq!(events.len(), 1, "{events:?}");
        let (at_us, set_us) = events[0];
        assert!((set_us - step * S).abs() < S, "{set_us} for {step}");
        assert!(session.zero_us() < at_us && at_us < session.end_us());
        assert_grid(&session);
        let ahead = "SELECT wall_us - at_us FROM heartbeat ORDER BY at_us";
        let ahead: Vec<i64> = session.list(ahead);
        assert!(ahead[0].abs() < S, "{ahead:?}");
        assert!((ahead.last().unwrap() - step * S).abs() < S, "{ahead:?}");
        assert!(adjacent_find(&session).contains(told));
    }
}

#[test]
fn a_recorder_that_was_stopped_says_so_and_polls_again_at_once() {
    let pause = Duration::from_secs(rounds(12, 60) as u64);
    let origin = Origin::new(live);
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    recording.signal(Signal::STOP);
    // What is measured is how long it stands still.
    std::thread::sleep(pause);
    recording.signal(Signal::CONT);
    recording.until_at_least(1, "SELECT count(*) FROM event WHERE kind = 'stalled'");
    let polls_then = origin.count("/live.m3u8");
    recording.until("polls after it", || {
        origin.count("/live.m3u8") > polls_then + 5
    });
    let finished = recording.interrupt();
    let summary = "The recorder itself: stood still x 1, ";
    assert!(finished.stdout.contains(summary), "{}", finished.stdout);
    let session = finished.session();

    let stalls: Vec<(i64, i64)> = session.rows(
        "SELECT at_us, length_us FROM event WHERE kind = 'stalled'",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(stalls.len(), 1, "{stalls:?}");
    let (at_us, length_us) = stalls[0];
    let pause_us = pause.as_micros() as i64;
    assert!(
        (pause_us..pause_us + 3 * S).contains(&length_us),
        "{length_us}"
    );
    let steps = "SELECT count(*) FROM event WHERE kind IN ('clock step', 'suspended')";
    assert_eq!(session.number(steps), 0);
    let end_us = at_us + length_us;
    let next = polls(&session)
        .into_iter()
        .find(|(_, asked_us, _)| *asked_us > at_us + pause_us);
    let (_, asked_us, _) = next.unwrap();
    assert!(asked_us - end_us < S, "{asked_us} {end_us}");
    let found = adjacent_find(&session);
    assert!(
        found.contains("The recorder stood still here for "),
        "{found}"
    );
}
