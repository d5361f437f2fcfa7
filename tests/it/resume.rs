//! A session that goes on: after `kill -9`, after a stop, and when it must not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::replay::Replayer;
use crate::support::programs::Finished;
use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

/// The next run of the session that a recording left.
fn resumed(before: Finished, arguments: &[&str]) -> Recorder {
    Recorder::bare()
        .within(before)
        .args(["--poll", "0.2", "--resume", "-s", "session1"])
        .args(arguments.iter().copied())
}

/// Segments 2 × stage and the two after it. `/seg2.ts` hangs when it is first asked for.
fn channel(ask: &Ask, stage: &Stage) -> Reply {
    match (ask.path(), ask.nth) {
        ("/live.m3u8", _) => Reply::playlist(Window::new(stage.at() * 2, 3).text()),
        ("/seg2.ts", 0) => Reply::segment(ts("/seg2.ts")).ending(End::Hang(200)),
        (path, _) => Reply::segment(ts(path)),
    }
}

fn staged() -> (Stage, Origin) {
    let stage = Stage::default();
    let at = stage.clone();
    (stage, Origin::new(move |ask| channel(ask, &at)))
}

/// What adjacent-find says of every pause, as objects.
fn gaps(session: &Session) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-t", "0", "--json"])
        .arg(session.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_recorder_whose_requests_all_hang_gives_signs_of_life_between_its_heartbeats() {
    let stage = Stage::default();
    let script = stage.clone();
    let origin = Origin::new(move |ask| match script.at() {
        0 if ask.path().ends_with(".m3u8") => Reply::playlist(Window::new(0, 3).text()),
        0 => Reply::segment(ts(ask.path())),
        _ => Reply::playlist(Window::new(1, 3).text()).ending(End::Hang(20)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM segments");
    stage.go(1);
    let asked = origin.asks().len();
    recording.until("a poll that hangs", || origin.asks().len() > asked);
    // Nothing else is written then.
    let session = Connection::open(recording.sessions().join("session1/session.db")).unwrap();
    let mut seen: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
    let rows = "SELECT (SELECT count(*) FROM exchange), (SELECT count(*) FROM heartbeat), seen_us FROM run";
    recording.until("three signs of life with no row between them", || {
        let now = session.query_row(rows, [], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
        });
        let (count, seen_us) = now.unwrap();
        let signs = seen.entry(count).or_default();
        signs.insert(seen_us);
        signs.len() >= 3
    });
}

#[test]
fn after_kill_9_one_session_has_two_runs_a_marked_hole_and_all_of_both() {
    let (stage, origin) = staged();
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM segments");
    recording.until("a download under way", || origin.count("/seg2.ts") == 1);
    recording.until_at_least(1, "SELECT count(*) FROM pending");
    let killed = recording.kill();
    stage.go(1);
    let asked = origin.asks().len();

    let mut recording = resumed(killed, &[]).start();
    recording.until_at_least(5, "SELECT count(*) FROM segments WHERE error IS NULL");
    stage.go(2);
    recording.until_at_least(7, "SELECT count(*) FROM segments WHERE error IS NULL");
    let session = recording.interrupt().session();
    assert_eq!(
        origin.asks()[asked].path(),
        "/live.m3u8",
        "it polls before anything else"
    );

    let runs: Vec<(String, i64, i64, i64)> = session.rows(
        "SELECT ended, started_us, seen_us, stopped_us FROM run ORDER BY id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    );
    assert_eq!(runs.len(), 2);
    assert_eq!(
        (runs[0].0.as_str(), runs[1].0.as_str()),
        ("killed", "stopped")
    );
    assert!(runs[0].2 == runs[0].3 && runs[0].3 <= runs[1].1, "{runs:?}");
    let events: Vec<String> = session.list(
        "SELECT kind || ': ' || detail FROM event WHERE kind IN ('resumed', 'removed') ORDER BY id",
    );
    assert!(events[0].starts_with("resumed: run 2 began "), "{events:?}");
    assert!(events[0].ends_with("; it was killed"), "{events:?}");
    assert_eq!(
        events[1],
        "removed: unfinished downloads of the run before: 1"
    );
    assert_eq!(session.one::<String>("PRAGMA quick_check"), "ok");

    let first: i64 = session.number(
        "SELECT min(id) FROM exchange WHERE requested_us >= (SELECT max(started_us) FROM run)",
    );
    let (from_us, response_us): (i64, i64) = session.rows(
        &format!("SELECT from_us, requested_us + wait_us FROM exchange WHERE id = {first}"),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )[0];
    assert_eq!(from_us, response_us, "it is the answer from when it came");
    replays(&session, &origin, &[(0, 0..2), (1, 2..5), (2, 4..7)]);

    let not_running =
        |gap: &serde_json::Value| gap["detail"]["recorder"]["not_running_seconds"].as_f64();
    let marked: Vec<_> = gaps(&session)
        .into_iter()
        .filter(|gap| not_running(gap) > Some(0.0))
        .collect();
    assert_eq!(marked.len(), 1, "{marked:?}");
    let hole_us = runs[1].1 - runs[0].3;
    assert_eq!(not_running(&marked[0]), Some(hole_us as f64 / 1e6));
    assert_eq!(marked[0]["detail"]["recorder"]["down"], true);
}

/// Each revision is the answer from when it is, and so are these segments of it.
fn replays(session: &Session, origin: &Origin, wanted: &[(u64, std::ops::Range<u64>)]) {
    let revisions: Vec<i64> = session.list("SELECT exchange_id FROM revision ORDER BY exchange_id");
    assert_eq!(revisions.len(), wanted.len());
    for (revision, (stage, segments)) in revisions.into_iter().zip(wanted) {
        let playlist = Window::new(stage * 2, 3).text().into_bytes();
        let url = origin.url("/live.m3u8");
        assert_eq!(session.answer_with(&url, revision), Some(playlist));
        for n in segments.clone() {
            let path = format!("/seg{n}.ts");
            let answer = session.answer_with(&origin.url(&path), revision);
            assert_eq!(answer, Some(ts(&path)), "{path} with revision {revision}");
        }
    }
}

#[test]
fn after_a_stop_the_same_stream_goes_on_and_others_may_join() {
    let (stage, origin) = staged();
    stage.go(2);
    let named = format!("hall={}", origin.url("/live.m3u8"));
    let mut recording = Recorder::new(named).start();
    recording.until_at_least(3, "SELECT count(*) FROM segments");
    let stopped = recording.interrupt();
    let other = origin.url("/other/live.m3u8");
    let again = origin.url("/live.m3u8");
    let mut recording = resumed(stopped, &[&again, &format!("late={other}")]).start();
    recording.until_at_least(2, "SELECT count(*) FROM revision");
    let polls = origin.count("/live.m3u8");
    recording.until("more polls", || origin.count("/live.m3u8") > polls + 2);
    recording.until("the other", || origin.count("/other/live.m3u8") > 0);
    let session = recording.interrupt().session();
    let names: Vec<String> = session.list("SELECT name FROM stream ORDER BY id");
    assert_eq!(names, ["hall", "late"]);
    let runs: Vec<String> = session.list("SELECT ended FROM run ORDER BY id");
    assert_eq!(runs, ["stopped", "stopped"]);
    assert_eq!(
        session.list::<i64>("SELECT advance FROM revision ORDER BY exchange_id"),
        [1, 0],
        "it ends as it did before"
    );
    assert_eq!(
        session.number("SELECT count(*) FROM body WHERE path IS NOT NULL"),
        3,
        "the same content is kept once"
    );
    for n in 4..7 {
        let name = format!("/seg{n}.ts");
        assert_eq!(origin.count(&name), 1, "{name} was known");
    }
    let before = session.number(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.stream_id = 2 AND e.from_us < (SELECT max(started_us) FROM run)",
    );
    assert_eq!(
        before, 0,
        "nothing is known of a stream before it was asked for"
    );

    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let page = replayer.get("/?format=json");
    let page: serde_json::Value =
        serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let hole = &page["holes"][0];
    let us = |seconds: &serde_json::Value| (seconds.as_f64().unwrap() * 1e6).round() as i64;
    for (moment, column, run) in [
        (&hole["from"], "stopped_us", 1),
        (&hole["to"], "started_us", 2),
    ] {
        let at_us = session.number(&format!("SELECT {column} FROM run WHERE id = {run}"));
        assert_eq!(us(&moment["session_time"]), at_us - session.zero_us());
        let time = chrono::DateTime::parse_from_rfc3339(moment["time"].as_str().unwrap());
        assert_eq!(time.unwrap().timestamp_micros(), at_us);
    }
    let length_us = session.end_us() - session.zero_us();
    assert_eq!(us(&page["length_seconds"]), length_us);
}

#[test]
fn without_a_url_all_streams_of_the_session_go_on() {
    let (_, origin) = staged();
    let named = format!("hall={}", origin.url("/live.m3u8"));
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", &named, &origin.url("/b/live.m3u8")])
        .start();
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    let stopped = recording.interrupt();
    let (one, two) = (origin.count("/live.m3u8"), origin.count("/b/live.m3u8"));
    let mut recording = resumed(stopped, &[]).start();
    recording.until("both", || {
        origin.count("/live.m3u8") > one && origin.count("/b/live.m3u8") > two
    });
    let session = recording.interrupt().session();
    let names: Vec<String> = session.list("SELECT name FROM stream ORDER BY id");
    assert_eq!(names, ["hall", "b"]);
}

#[test]
fn a_session_that_is_being_recorded_is_not_taken_up() {
    let (_, origin) = staged();
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    let output = Command::new(env!("CARGO_BIN_EXE_isrecorder"))
        .args(["--resume", "-s", "session1"])
        .current_dir(recording.sessions().parent().unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("session1 is being recorded by another isrecorder"),
        "{said}"
    );
    let polls = origin.count("/live.m3u8");
    recording.until("it goes on", || origin.count("/live.m3u8") > polls + 2);
    let session = recording.interrupt().session();
    assert_eq!(session.number("SELECT count(*) FROM run"), 1);
}

/// A session that was stopped.
fn stopped() -> Finished {
    let origin = Origin::new(|ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    });
    Recorder::new(origin.url("/vod.m3u8")).run()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap_or_default())
    };
    entries.map(read).collect()
}

#[test]
fn what_is_no_session_of_this_program_is_refused_and_left_as_it_is() {
    for (alter, why) in [
        ("PRAGMA user_version = 99", "use a newer isrecorder"),
        ("PRAGMA application_id = 7", "database of another program"),
        (
            "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM exchange; END",
            "was altered",
        ),
    ] {
        let before = stopped();
        let folder = before.folder().join("sessions/session1");
        let db = Connection::open(folder.join("session.db")).unwrap();
        db.execute_batch(alter).unwrap();
        db.close().unwrap();
        let as_it_was = files(&folder);
        let after = resumed(before, &[]).run();
        assert_eq!(after.status.code(), Some(1), "{}", after.stderr);
        assert!(after.stderr.contains(why), "{}", after.stderr);
        assert_eq!(files(&after.folder().join("sessions/session1")), as_it_was);
    }
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    let without = Recorder::bare().args(["--resume"]).run();
    assert_eq!(without.status.code(), Some(2));
    assert!(without.stderr.contains("--session"), "{}", without.stderr);
    let missing = Recorder::bare()
        .within(stopped())
        .args(["--resume", "-s", "evening"])
        .run();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        missing.stderr.contains("there are: session1"),
        "{}",
        missing.stderr
    );
}

#[test]
fn the_timeline_goes_on_where_it_ended_if_the_wall_clock_is_behind() {
    const HOUR_US: i64 = 3_600_000_000;
    let before = stopped();
    let path = before.folder().join("sessions/session1/session.db");
    let db = Connection::open(path).unwrap();
    let later = format!(
        "UPDATE run SET seen_us = seen_us + {HOUR_US}, stopped_us = stopped_us + {HOUR_US}"
    );
    db.execute_batch(&later).unwrap();
    db.close().unwrap();
    // Its origin is gone by now.
    let mut recording = resumed(before, &[]).start();
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE outcome = 'refused'");
    let session = recording.interrupt().session();
    let starts_at_end = "SELECT (SELECT started_us FROM run WHERE id = 2) - (SELECT stopped_us FROM run WHERE id = 1)";
    assert_eq!(session.number(starts_at_end), 0);
    let event = session.one::<String>("SELECT detail FROM event WHERE kind = 'clock behind'");
    assert!(event.contains(" s behind the run before"), "{event}");
    let refused = session.number("SELECT min(from_us) FROM exchange WHERE outcome = 'refused'");
    assert!(refused >= session.number("SELECT started_us FROM run WHERE id = 2"));
}

#[test]
fn a_session_that_another_program_keeps_locked_is_not_touched() {
    let (_stage, origin) = staged();
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM segments");
    let stopped = recording.interrupt();
    let session = stopped.folder().join("sessions/session1");
    let held = Connection::open(session.join("session.db")).unwrap();
    held.execute_batch("BEGIN; SELECT count(*) FROM run")
        .unwrap();
    let refused = resumed(stopped, &[]).run();
    assert_eq!(refused.status.code(), Some(1));
    let said = &refused.stderr;
    assert!(said.contains("session.db open and locked"), "{said}");
    assert!(session.join("session.sum").exists(), "{said}");
    assert!(!session.join("chunks/.tmp").exists());
    drop(held);
    let mut recording = resumed(refused, &[]).start();
    recording.until_at_least(2, "SELECT count(*) FROM run");
    recording.interrupt().session();
}

#[test]
fn a_run_that_could_not_be_closed_since_the_disk_was_full_is_called_that() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM revision");
    let ended = recording.kill();
    // What a recorder leaves that found no room for a row any more.
    let session = ended.folder().join("sessions/session1");
    std::fs::write(session.join("chunks/.tmp/full"), "").unwrap();
    let check = Command::new(env!("CARGO_BIN_EXE_issession"))
        .args(["-f", "sessions", "check", "session1"])
        .current_dir(ended.folder())
        .output()
        .unwrap();
    let told = String::from_utf8(check.stdout).unwrap();
    assert!(
        told.contains("its disk was full when its recorder ended"),
        "{told}"
    );
    assert!(!told.contains("killed"), "{told}");
    let mut again = resumed(ended, &[]).start();
    again.until_at_least(2, "SELECT count(*) FROM run");
    let session = again.interrupt().session();
    let runs: Vec<String> = session.list("SELECT ended FROM run ORDER BY id");
    assert_eq!(runs, ["disk full", "stopped"]);
    let said: String = session.one("SELECT detail FROM event WHERE kind = 'resumed'");
    assert!(
        said.ends_with("its disk was full, and it could not be closed"),
        "{said}"
    );
}
