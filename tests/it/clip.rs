//! `issession clip`: a span of a recording as a session of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::replay::Replayer;
use crate::support::session::Session;
use crate::support::{Ask, End, Finished, Origin, Recorder, Reply, Stage, Window, ts};

/// A slot machine: its window moves at every other request. At stage 1 it hangs, at stage 2 it is out of order, at stage 3 it
/// turns again.
fn slots(ask: &Ask, stage: &Stage) -> Reply {
    let moves = |nth: usize| Reply::playlist(Window::new(nth as u64 / 2, 4).text());
    match (ask.path(), stage.at()) {
        ("/casino.m3u8", _) => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nslots.m3u8\n")
        }
        ("/slots.m3u8", 1) => Reply::playlist(Window::new(100_000, 4).text()),
        ("/slots.m3u8", 2) => Reply::html(503),
        ("/slots.m3u8", 3) => Reply::playlist(Window::new(100_001 + ask.nth as u64 / 2, 4).text()),
        ("/slots.m3u8", _) => moves(ask.nth),
        (path, _) => Reply::segment(ts(path)),
    }
}

/// A recording of all of that.
fn recorded() -> (Origin, Finished) {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| slots(ask, &at));
    let mut recording = Recorder::new(origin.url("/casino.m3u8")).start();
    recording.until_at_least(12, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_it_says("no advance for ");
    stage.go(2);
    recording.until_at_least(6, "SELECT count(*) FROM exchange WHERE status = 503");
    stage.go(3);
    let behind = "SELECT count(*) FROM revision WHERE media_sequence > 100000";
    recording.until_at_least(12, behind);
    (origin, recording.interrupt())
}

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn issession(folder: &Path, arguments: &[&str]) -> Output {
    run(env!("CARGO_BIN_EXE_issession"), folder, arguments)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap()
}

fn works(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

/// The moment of a query, as session time.
fn at(session: &Session, sql: &str) -> (i64, String) {
    let at_us = session.number(sql);
    let seconds = (at_us - session.zero_us()) as f64 / 1e6;
    (at_us, format!("{seconds:.6}"))
}

/// What findings say, without what tells their place in a session.
fn findings(program: &str, arguments: &[&str], folder: &Path) -> BTreeSet<String> {
    let output = run(program, folder, arguments);
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let findings = lines.filter(|line: &Value| !line["rule"].is_null());
    findings
        .map(|finding| {
            format!(
                "{} {} {}",
                finding["rule"], finding["playlist"], finding["first"]["time"]
            )
        })
        .collect()
}

#[test]
fn a_clip_answers_as_the_recording_did_and_is_a_session_for_all_programs() {
    let (origin, finished) = recorded();
    let folder = finished.folder().to_owned();
    let session = Session::within(&folder, "session1");
    let first = "SELECT min(from_us) FROM (SELECT e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id
                  WHERE v.media_sequence IS NOT NULL ORDER BY e.id LIMIT 6 OFFSET 4)";
    let last = "SELECT min(requested_us) FROM exchange WHERE status = 503";
    let ((from_us, from), (to_us, to)) = (at(&session, first), at(&session, last));
    let told = works(&issession(
        &folder,
        &["clip", "session1", "minute", "--from", &from, "--to", &to],
    ));
    let origin_told = format!(
        "clip of session1, from {} s to ",
        from.trim_end_matches('0')
    );
    assert!(told.contains(&origin_told), "{told}");
    works(&issession(&folder, &["check", "minute", "--hashes"]));

    let clip = Session::within(&folder, "minute");
    clip.check_invariants();
    assert_eq!(clip.zero_us(), from_us);
    let moments = (0..=20).map(|n| from_us + (to_us - from_us) * n / 20);
    for at_us in moments {
        let mut asked = vec![origin.url("/casino.m3u8"), origin.url("/slots.m3u8")];
        let playlist = session.answer(&asked[1], at_us).unwrap();
        let text = String::from_utf8(playlist).unwrap();
        let listed = text.lines().filter(|line| line.starts_with("seg"));
        asked.extend(listed.map(|name| origin.url(&format!("/{name}"))));
        for url in asked {
            let answer = session.answer(&url, at_us);
            assert!(answer.is_some(), "{url}");
            assert_eq!(clip.answer(&url, at_us), answer, "{url}");
        }
    }
    let count = |of: &Session| of.number("SELECT count(*) FROM exchange");
    assert!(count(&clip) < count(&session));

    for listed in ["list", "info"] {
        let told = works(&issession(&folder, &[listed, "minute"]));
        assert!(told.contains(&origin_told), "{told}");
    }
    let told = works(&run(env!("CARGO_BIN_EXE_isreport"), &folder, &["minute"]));
    let head = told.lines().next().unwrap();
    assert!(head.contains(&origin_told), "{told}");
    works(&run(
        env!("CARGO_BIN_EXE_adjacent-find"),
        &folder,
        &["minute"],
    ));

    let replayer = Replayer::start(&folder.join("sessions"), &["-p", "0", "minute"]);
    let now = replayer.get("/stream.m3u8");
    assert!(now.starts_with("HTTP/1.1 200 "), "{now}");
    assert!(now.contains("slots.m3u8"), "{now}");

    works(&issession(&folder, &["redact", "minute", "to-share"]));
    works(&issession(&folder, &["check", "to-share", "--hashes"]));
    let told = works(&issession(&folder, &["info", "to-share"]));
    assert!(told.contains("clip of session1"), "{told}");
}

#[test]
fn nothing_is_found_in_a_clip_that_is_not_found_in_its_session() {
    let (_origin, finished) = recorded();
    let folder = finished.folder().to_owned();
    let session = Session::within(&folder, "session1");
    // Around the time for which it hung and was out of order, and within each.
    let moments = [
        "SELECT started_us FROM run",
        "SELECT max(requested_us) FROM exchange WHERE status = 200 AND id < (SELECT min(id) FROM exchange WHERE status = 503)",
        "SELECT min(requested_us) FROM exchange WHERE status = 503",
        "SELECT max(requested_us) FROM exchange WHERE status = 503",
        "SELECT stopped_us FROM run",
    ];
    let moments = moments.map(|sql| at(&session, sql));
    let report = env!("CARGO_BIN_EXE_isreport");
    let gaps = env!("CARGO_BIN_EXE_adjacent-find");
    let of_all = findings(gaps, &["--json", "session1"], &folder);
    assert!(!of_all.is_empty());
    let mut found = 0;
    for (begin, (_, from)) in moments.iter().enumerate() {
        for (end, (_, to)) in moments.iter().enumerate().skip(begin + 1) {
            let name = format!("clip{begin}{end}");
            let arguments = ["clip", "session1", &name, "--from", from, "--to", to];
            works(&issession(&folder, &arguments));
            works(&issession(&folder, &["check", &name]));
            let form = ["--format", "json", "--severity", "info"];
            let of_clip = findings(report, &[&form[..], &[&name]].concat(), &folder);
            let span = ["session1", "--from", from, "--to", to];
            let of_session = findings(report, &[&form[..], &span].concat(), &folder);
            // A viewer joins where what is judged begins: here later, with other segments.
            let is_of_viewer = |one: &&String| one.starts_with("\"H04\"");
            let added = of_clip.difference(&of_session);
            let added: Vec<&String> = added.filter(|one| !is_of_viewer(one)).collect();
            assert!(
                added.is_empty(),
                "{from} to {to}: {added:#?} not in {of_session:#?}"
            );
            found += of_clip.len();
            let of_clip = findings(gaps, &["--json", &name], &folder);
            assert!(of_clip.is_subset(&of_all), "{of_clip:#?} {of_all:#?}");
        }
    }
    assert!(found > 0);
}

/// The slot machine breaks in another way at each stage but the even ones, at which it turns.
fn breaks(ask: &Ask, stage: &Stage) -> Reply {
    let turned = Reply::playlist(Window::new(ask.nth as u64, 4).text());
    match (ask.path(), stage.at()) {
        ("/slots.m3u8", 1) => Reply::nothing(End::Aborted),
        ("/slots.m3u8", 3) => Reply::nothing(End::Closed),
        ("/slots.m3u8", 5) => turned.ending(End::Cut(9)),
        ("/slots.m3u8", 7) => Reply::html(503),
        ("/slots.m3u8", _) => turned,
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_clip_has_the_outages_of_its_session_whether_there_was_an_answer_or_not() {
    let stage = Stage::default();
    let shown = stage.clone();
    let origin = Origin::new(move |ask| breaks(ask, &shown));
    let mut recording = Recorder::new(origin.url("/slots.m3u8")).start();
    for broken in [1_u32, 3, 5, 7] {
        let revisions = "SELECT count(*) FROM revision";
        recording.until_at_least(3 * i64::from(broken), revisions);
        stage.go(u64::from(broken));
        let broke = "SELECT count(*) FROM exchange WHERE outcome <> 'complete' OR status = 503";
        recording.until_at_least(2 * i64::from(broken), broke);
        stage.go(u64::from(broken) + 1);
    }
    let turns = "SELECT count(*) FROM revision";
    recording.until_at_least(30, turns);
    let finished = recording.interrupt();
    let folder = finished.folder().to_owned();
    let session = Session::within(&folder, "session1");
    let (_, end) = at(&session, "SELECT stopped_us FROM run");
    works(&issession(
        &folder,
        &["clip", "session1", "all", "--from", "0", "--to", &end],
    ));
    let outages = |name: &str, details: &[&str]| {
        let arguments = [&["--faults", "--json", name], details].concat();
        works(&run(
            env!("CARGO_BIN_EXE_adjacent-find"),
            &folder,
            &arguments,
        ))
    };
    for details in [&[][..], &["-v"]] {
        let of_session = outages("session1", details);
        assert_eq!(outages("all", details), of_session);
        assert!(of_session.lines().count() > 3, "{of_session}");
    }

    // A span from the good answer before each fault to the end of all.
    let report = env!("CARGO_BIN_EXE_isreport");
    let is_outage = |one: &String| one.starts_with("\"H14\"");
    for broken in ["outcome = 'reset'", "outcome = 'short'", "status = 503"] {
        let before = format!(
            "SELECT max(requested_us) FROM exchange WHERE status = 200 AND outcome = 'complete'
                AND id < (SELECT min(id) FROM exchange WHERE {broken})"
        );
        let (from_us, from) = at(&session, &before);
        let name = format!("clip{from_us}");
        let cut = ["clip", "session1", &name, "--from", &from, "--to", &end];
        works(&issession(&folder, &cut));
        let form = ["--format", "json", "--severity", "info"];
        let of_clip = findings(report, &[&form[..], &[&name]].concat(), &folder);
        let span = ["session1", "--from", &from, "--to", &end];
        let of_session = findings(report, &[&form[..], &span].concat(), &folder);
        let outages = |all: &BTreeSet<String>| -> BTreeSet<String> {
            all.iter().filter(|one| is_outage(one)).cloned().collect()
        };
        assert_eq!(outages(&of_clip), outages(&of_session), "{broken}");
    }
}

#[test]
fn a_session_that_is_being_recorded_is_clipped_and_its_future_is_not() {
    let origin = Origin::new(|ask| slots(ask, &Stage::default()));
    let mut recording = Recorder::new(origin.url("/casino.m3u8")).start();
    recording.until_at_least(8, "SELECT count(*) FROM revision");
    let folder = recording.sessions().parent().unwrap().to_owned();
    let clip = |name: &str, to: &str| {
        let arguments = ["clip", "session1", name, "--from", "0.3", "--to", to];
        issession(&folder, &arguments)
    };
    let future = clip("future", "1h");
    assert_eq!(future.status.code(), Some(2), "{}", said(&future));
    assert!(said(&future).contains("has not been yet"));
    works(&clip("past", "1"));
    works(&issession(&folder, &["check", "past", "--hashes"]));
    let more = Session::within(&folder, "session1").number("SELECT count(*) FROM revision") + 3;
    recording.until_at_least(more, "SELECT count(*) FROM revision");
    let finished = recording.interrupt();
    let (session, past) = (
        Session::within(finished.folder(), "session1"),
        Session::within(finished.folder(), "past"),
    );
    for tenth in 3..=10 {
        let at_us = session.zero_us() + tenth * 100_000;
        for url in [origin.url("/casino.m3u8"), origin.url("/slots.m3u8")] {
            assert_eq!(past.answer(&url, at_us), session.answer(&url, at_us));
        }
    }
}

#[test]
fn what_cannot_be_clipped_is_said_with_what_can() {
    let origin = Origin::new(|ask| slots(ask, &Stage::default()));
    let mut recording = Recorder::new(origin.url("/casino.m3u8")).start();
    recording.until_at_least(6, "SELECT count(*) FROM revision");
    let finished = recording.interrupt();
    let clip = |arguments: &[&str]| {
        let all = [&["clip", "session1"], arguments].concat();
        let output = issession(finished.folder(), &all);
        (output.status.code(), said(&output))
    };
    let cases: [(&[&str], &str); 7] = [
        (
            &["new", "--from", "1", "--to", "0.5"],
            "is not behind --from",
        ),
        (
            &["new", "--from", "0", "--to", "1h"],
            "is behind the end; there is something from 0 s, ",
        ),
        (
            &["new", "--from", "2000-01-01T00:00:00Z", "--to", "1"],
            "is before what the session has",
        ),
        (&["new", "--from", "noon", "--to", "1"], "is no moment"),
        (&["new", "--from", "0"], "--to"),
        (
            &["new", "--from", "0", "--to", "0.5", "--stream", "x"],
            "no stream \"x\"; there are: ",
        ),
        (
            &["session1", "--from", "0", "--to", "0.5"],
            "already exists",
        ),
    ];
    for (arguments, words) in cases {
        let (code, told) = clip(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    assert!(!finished.folder().join("sessions/new").exists());
    // Also of the one stream that there is, in UTC.
    let session = Session::within(finished.folder(), "session1");
    let stream: String = session.one("SELECT name FROM stream");
    let at = |ms: i64| format!("@{}", session.zero_us() / 1000 + ms);
    let (from, to) = (at(1), at(500));
    let (code, told) = clip(&["new", "--from", &from, "--to", &to, "--stream", &stream]);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_clip_that_is_killed_is_no_session() {
    let (_origin, finished) = recorded();
    let folder = finished.folder();
    let session = Session::within(folder, "session1");
    let (_, to) = at(&session, "SELECT stopped_us FROM run");
    let mut killed = 0;
    for round in 0..12 {
        let name = format!("clip{round}");
        let new = folder.join("sessions").join(&name);
        let mut clip = Command::new(env!("CARGO_BIN_EXE_issession"))
            .current_dir(folder)
            .args(["clip", "session1", &name, "--from", "0", "--to", &to])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let is_begun =
            || new.join("chunks/.tmp/session.db").exists() || new.join("session.db").exists();
        while !is_begun() {
            let ended = clip.try_wait().unwrap();
            assert!(ended.is_none() || is_begun(), "it did not begin: {ended:?}");
            std::thread::yield_now();
        }
        clip.kill().unwrap();
        clip.wait().unwrap();
        if new.join("session.db").exists() {
            // It was whole by then.
            works(&issession(folder, &["check", &name]));
            continue;
        }
        killed += 1;
        assert!(!issession(folder, &["check", &name]).status.success());
        let arguments = ["clip", "session1", &name, "--from", "0", "--to", &to];
        let again = issession(folder, &arguments);
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again).contains("was interrupted; remove that folder"));
    }
    assert!(killed > 0, "all of them were done before");
}
