//! The last seconds of a recording are kept, rows and files together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::raw_replay;
use crate::replay::Replayer;
use crate::support::client::led_by_location;
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// Advances at every other poll; every tenth poll fails; keys and initialization sections change.
fn channel(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/main.m3u8", _) => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8\n"),
        ("/live.m3u8", nth) if nth % 10 == 9 => Reply::html(503),
        ("/live.m3u8", nth) => Reply::playlist(
            Window::new(nth as u64 / 2, 3)
                .headed(&format!(
                    "#EXT-X-MAP:URI=\"init{0}.mp4\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"{0}.key\"",
                    nth / 5
                ))
                .text(),
        ),
        (path, _) if path.ends_with(".key") => Reply::key([7; 16]),
        (path, _) => Reply::segment(ts(path)),
    }
}

/// The window has begun so many seconds after session zero.
fn kept_from(seconds: u64) -> String {
    format!(
        "SELECT count(*) FROM event
          WHERE id = 0 AND at_us > (SELECT started_us FROM run WHERE id = 1) + {seconds}000000"
    )
}

/// Files beneath a folder, as paths in it.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let relative = path.strip_prefix(folder).unwrap();
                    found.insert(relative.to_str().unwrap().to_owned());
                }
            }
        }
    }
    found
}

/// Rows and files belong together, and all that a kept revision lists is there when it is.
fn is_whole(session: &Session, origin: &Origin) {
    let named: BTreeSet<String> = session
        .list("SELECT path FROM body WHERE path IS NOT NULL")
        .into_iter()
        .collect();
    assert_eq!(files(&session.path().join("chunks")), named);
    let unused = "SELECT count(*) FROM body WHERE id NOT IN (SELECT body_id FROM exchange WHERE body_id IS NOT NULL)";
    assert_eq!(session.number(unused), 0);
    let kept = session.number("SELECT at_us FROM event WHERE id = 0");
    let last = session.number("SELECT max(exchange_id) FROM revision");
    let revisions: Vec<i64> = session.list(
        "SELECT v.exchange_id FROM revision v JOIN resource r ON r.id = v.playlist_id
          WHERE r.name = 'live.m3u8' ORDER BY v.exchange_id",
    );
    assert!(revisions.len() > 3);
    for revision in revisions {
        let text = String::from_utf8(session.body(revision)).unwrap();
        let from = session.number(&format!(
            "SELECT from_us FROM exchange WHERE id = {revision}"
        ));
        for line in text.lines().filter(|line| line.starts_with("seg")) {
            let path = format!("/{line}");
            let answer = session.answer(&origin.url(&path), from.max(kept));
            // The recording stopped while the last one was taken in.
            if revision != last {
                assert_eq!(answer, Some(ts(&path)), "{path} with revision {revision}");
            }
        }
    }
}

#[test]
fn the_oldest_goes_and_what_is_kept_replays() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::new(origin.url("/main.m3u8"))
        .args(["--keep", "3s"])
        .start();
    recording.until_at_least(1, &kept_from(9));
    let finished = recording.interrupt();
    let said = "\nIn this run, also what is no longer in the session:\n";
    assert!(finished.stdout.contains(said), "{}", finished.stdout);
    let session = finished.session();
    is_whole(&session, &origin);
    let gone =
        "SELECT count(*) FROM resource WHERE name IN ('seg0.ts', 'seg1.ts', 'init0.mp4', '0.key')";
    assert_eq!(session.number(gone), 0);
    let kept_us = session.number("SELECT at_us FROM event WHERE id = 0");
    let old = format!("SELECT count(*) FROM exchange WHERE from_us < {kept_us}");
    let asked = origin.asks().len() as i64;
    assert!(
        session.number(&old) < 60
            && session.number("SELECT count(*) FROM exchange") < asked / 2 + 30,
        "{} of {asked}",
        session.number(&old)
    );

    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let page = replayer.get("/?format=json");
    let page: serde_json::Value =
        serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let kept_s = page["kept_from"]["session_time"].as_f64().unwrap();
    let wanted_s = (kept_us - session.zero_us()) as f64 / 1e6;
    assert!((kept_s - wanted_s).abs() < 1e-6, "{page}");
    let now = replayer.get("/stream.m3u8");
    assert!(
        now.starts_with("HTTP/1.1 200 "),
        "it starts in what is kept: {now}"
    );
    // Who asks for what is gone is told what there is, and gets that.
    let refused = replayer.get("/stream.m3u8?offset=1");
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let (_, said) = refused.split_once("\r\n\r\n").unwrap();
    let begins = "session session1 keeps what is from session time 0:00:";
    assert!(
        said.starts_with(begins)
            && said.contains(" on: the first offset at which there is something is "),
        "{said}"
    );
    let (_, first) = refused.split_once("something is ").unwrap();
    let first: f64 = first.trim().parse().unwrap();
    assert!((first - kept_s) < 0.11 && first >= kept_s, "{refused}");
    let moved = replayer.get(&format!("/stream.m3u8?offset={first}"));
    let there = replayer.get(&led_by_location("/stream.m3u8", &moved));
    assert!(there.starts_with("HTTP/1.1 200 "), "{there}");
    // A clock on which it is 1 s.
    let clock = raw_replay::clock(1000, "/stream.m3u8");
    let seg0 = format!("/http/127.0.0.1:{}/seg0.ts", origin.port());
    let early = replayer.get(&clock.replace("/stream.m3u8", &seg0));
    assert!(early.starts_with("HTTP/1.1 404 "), "{early}");
    assert!(
        early.contains("no longer kept: the session keeps what is from session time"),
        "{early}"
    );
}

/// The number of the first segment of a playlist, and its segments.
fn listed(playlist: &str) -> (u64, Vec<String>) {
    let mut lines = playlist.lines();
    let number = lines.find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    let uris = playlist.lines().filter(|line| line.contains("exchange/"));
    let uris = uris.filter(|line| !line.starts_with('#'));
    let number = number.unwrap_or_else(|| panic!("{playlist}"));
    (
        number.trim().parse().unwrap(),
        uris.map(str::to_owned).collect(),
    )
}

#[test]
fn what_is_removed_is_no_longer_listed() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep", "3s"])
        .start();
    recording.until_at_least(1, "SELECT count(*) > 5 FROM revision");
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let first = replayer.get("/dvr.m3u8");
    let first = listed(&first);
    recording.until_at_least(1, &kept_from(6));
    let playlist = replayer.get("/dvr.m3u8");
    assert!(
        !playlist.contains("PLAYLIST-TYPE") && !playlist.contains("ENDLIST"),
        "{playlist}"
    );
    let later = listed(&playlist);
    assert!(later.0 > first.0, "{first:?} {playlist}");
    // The same replayer goes on, while more and more goes: segments stay for some target durations behind what is kept.
    recording.until("more has gone", || {
        listed(&replayer.get("/dvr.m3u8")).0 > later.0
    });
    let playlist = replayer.get("/dvr.m3u8");
    let (number, uris) = listed(&playlist);
    assert!(!uris.is_empty(), "{playlist}");
    let referred = playlist.split("exchange/").skip(1);
    let referred = referred.map(|rest| rest.split(['"', '\r', '\n']).next().unwrap());
    for path in referred.filter(|path| !path.starts_with("0/")) {
        let sent = raw_replay::get(
            &replayer.address,
            &format!("/exchange/{path}"),
            "",
            usize::MAX,
        );
        if !sent.head.starts_with("HTTP/1.1 200 ") {
            // It went after the list was read.
            let said = String::from_utf8_lossy(&sent.body).into_owned();
            assert!(
                said.contains("--keep has removed what was before"),
                "{said}"
            );
            let gone = format!("exchange/{path}");
            recording.until("it is listed no more", || {
                !replayer.get("/dvr.m3u8").contains(&gone)
            });
        }
    }
    // Another one says the same of what is there.
    let anew = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let (anew_number, anew_uris) = listed(&anew.get("/dvr.m3u8"));
    assert!(anew_number >= number, "{anew_number} {playlist}");
    assert!(!anew_uris.is_empty());
    drop(recording.interrupt());
}

#[test]
fn a_later_run_keeps_on_and_removes_what_a_crash_left() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep", "2s"])
        .start();
    recording.until_at_least(1, &kept_from(2));
    let killed = recording.kill();
    let stray = killed
        .folder()
        .join("sessions/session1/chunks/old/stray.ts");
    fs::create_dir(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "of a crash").unwrap();
    let mut recording = Recorder::bare()
        .within(killed)
        .args([
            "--poll", "0.2", "--resume", "-s", "session1", "--keep", "2s",
        ])
        .start();
    recording.until_at_least(
        1,
        "SELECT count(*) FROM event
          WHERE id = 0 AND at_us > (SELECT max(started_us) FROM run) + 8000000",
    );
    assert!(
        !recording
            .sessions()
            .join("session1/chunks/old/stray.ts")
            .exists()
    );
    let session = recording.interrupt().session();
    is_whole(&session, &origin);
    assert_eq!(session.number("SELECT count(*) FROM run"), 2);
    let of_the_first = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'segment' AND e.requested_us < (SELECT max(started_us) FROM run)";
    assert_eq!(session.number(of_the_first), 0);
}

#[test]
fn so_many_bytes_are_kept() {
    let origin = Origin::new(channel);
    // A segment has 564 bytes.
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep-bytes", "2k"])
        .start();
    // What left the playlist may come back for some time.
    recording.until_at_least(1, &kept_from(9));
    let session = recording.interrupt().session();
    is_whole(&session, &origin);
    let gone = "SELECT count(*) FROM resource WHERE name = 'seg0.ts'";
    assert_eq!(session.number(gone), 0);
}

/// The second to the fifth poll fail, and from then on all is well.
fn once_out(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/live.m3u8", 1..=4) => Reply::html(503),
        ("/live.m3u8", nth) => Reply::playlist(Window::new(nth as u64 / 2, 3).text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

/// What a program says of a session, on both streams.
fn told(program: &str, arguments: &[&str], session: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(session)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

/// The outage is told, and neither of damage nor of something that is gone.
fn all_is_there(session: &Path) {
    let find = env!("CARGO_BIN_EXE_adjacent-find");
    let faults = told(find, &["--faults"], session);
    assert!(faults.contains("\n1 outage, 4 faults\n"), "{faults}");
    let report = told(
        env!("CARGO_BIN_EXE_isreport"),
        &["--severity", "info"],
        session,
    );
    assert!(report.contains("H14"), "{report}");
    let none = told(find, &["-t", "1h"], session);
    assert!(none.contains("No gap over "), "{none}");
    for said in [faults, report, none] {
        for never in ["session is damaged", "is kept", "kept from", " -0:00"] {
            assert!(!said.contains(never), "{never}: {said}");
        }
    }
}

#[test]
fn until_something_goes_everything_is_kept() {
    let origin = Origin::new(once_out);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep", "1h"])
        .start();
    recording.until_at_least(1, "SELECT count(*) > 5 FROM revision");
    recording.until_at_least(1, "SELECT count(*) FROM event WHERE id = 0");
    let folder = recording.sessions().join("session1");
    all_is_there(&folder);
    told(env!("CARGO_BIN_EXE_issession"), &["check"], &folder);
    // It is known from the first on that something will go: a playlist of all of it is none that only grows.
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let dvr = replayer.get("/dvr.m3u8");
    assert!(!dvr.contains("PLAYLIST-TYPE"), "{dvr}");
    let page = replayer.get("/?format=json");
    let page: serde_json::Value =
        serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(page["kept_from"].is_null(), "{page}");
    drop(replayer);

    let finished = recording.interrupt();
    assert!(
        !finished.stdout.contains("kept from"),
        "{}",
        finished.stdout
    );
    let session = finished.session();
    let kept_us = session.number("SELECT at_us FROM event WHERE id = 0");
    assert_eq!(kept_us, session.zero_us());
    all_is_there(session.path());
    // Recorders before wrote the moment as it was reckoned: the time to keep, before now.
    let database = rusqlite::Connection::open(session.path().join("session.db")).unwrap();
    let earlier = "UPDATE event SET at_us = at_us - 35727779 WHERE id = 0";
    assert_eq!(database.execute(earlier, []).unwrap(), 1);
    drop(database);
    all_is_there(session.path());
}

#[test]
fn a_report_tells_nothing_of_what_is_gone() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 3).text()),
        path => Reply::new(200, "text/plain", ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) > 5 FROM revision");
    let mut recording = Recorder::bare()
        .within(recording.kill())
        .args([
            "--poll", "0.2", "--resume", "-s", "session1", "--keep", "2s",
        ])
        .start();
    recording.until_at_least(
        1,
        "SELECT count(*) FROM event
          WHERE id = 0 AND at_us > (SELECT max(started_us) FROM run) + 4000000",
    );
    let session = recording.interrupt().session();
    let report = session.told_by(
        env!("CARGO_BIN_EXE_isreport"),
        &["--format", "json", "--severity", "info"],
    );
    let lines = report
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let (summary, found): (Vec<_>, Vec<_>) = lines.partition(|line| !line["summary"].is_null());
    let [summary] = &summary[..] else {
        panic!("{report}");
    };
    let summary = &summary["summary"];
    assert_eq!(summary["recorder"]["holes"], 0, "{report}");
    let kept = summary["kept_from"]["session_time"].as_f64().unwrap();
    let of_types: Vec<_> = found.iter().filter(|line| line["rule"] == "H09").collect();
    assert!(
        of_types.iter().any(|line| line["playlist"] == "live.m3u8"),
        "{report}"
    );
    // Of segments that went on standing there, with no text that listed them when they came.
    for line in of_types.iter().filter(|line| line["playlist"].is_null()) {
        let first = line["first"]["session_time"].as_f64().unwrap();
        assert!(first >= kept, "{report}");
    }
}
