//! Sessions of earlier format versions (`tests/formats`, one folder each): read and replayed as they
//! are, upgraded when a recording goes on in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::replay::Replayer;
use crate::support::session::Session;
use crate::support::{Origin, Reply, Window, ts};

const VERSIONS: [&str; 3] = ["1", "2", "3"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => fs::write(&target, fs::read(entry.path()).unwrap()).unwrap(),
        }
    }
}

/// A folder with a session of that version in it: `sessions/evening`.
fn evening(version: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let formats = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    copy(
        &formats.join(version),
        &folder.path().join("sessions/evening"),
    );
    folder
}

/// The answers of all that the session knows, every second.
fn answers(session: &Session, until_us: i64) -> BTreeMap<(String, i64), Option<Vec<u8>>> {
    let urls: Vec<String> = session.list("SELECT url FROM resource WHERE id <= 60 ORDER BY id");
    let moments = (session.zero_us()..until_us).step_by(5_000_000);
    let all = moments.flat_map(|at_us| urls.iter().map(move |url| (url.clone(), at_us)));
    all.map(|(url, at_us)| {
        let answer = session.answer(&url, at_us);
        ((url, at_us), answer)
    })
    .collect()
}

fn schema(session: &Session) -> Vec<(String, String)> {
    session.rows(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

fn isrecorder(folder: &TempDir, arguments: &[&str]) -> String {
    run(env!("CARGO_BIN_EXE_isrecorder"), folder, arguments)
}

fn issession(folder: &TempDir, arguments: &[&str]) -> String {
    run(env!("CARGO_BIN_EXE_issession"), folder, arguments)
}

fn run(program: &str, folder: &TempDir, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .current_dir(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_earlier_session_is_checked_redacted_and_replayed_as_it_is() {
    for version in VERSIONS {
        let folder = evening(version);
        let database = folder.path().join("sessions/evening/session.db");
        let before = fs::read(&database).unwrap();
        let told = issession(&folder, &["check", "evening", "--hashes"]);
        assert!(told.starts_with("ok: 1 run, "), "{told}");
        issession(&folder, &["redact", "evening", "to-send"]);
        let told = issession(&folder, &["check", "to-send", "--hashes"]);
        assert!(told.starts_with("ok: 1 run, "), "{told}");
        let last = Session::within(folder.path(), "evening").last_offset();
        let replayer = Replayer::start(
            &folder.path().join("sessions"),
            &["-p", "0", "-o", &last, "evening"],
        );
        assert!(replayer.get("/stream.m3u8").contains("#EXT-X-STREAM-INF"));
        assert!(replayer.get("/dvr.m3u8").contains("#EXTM3U"));
        drop(replayer);
        assert_eq!(fs::read(&database).unwrap(), before, "nothing was written");
    }
}

#[test]
fn an_earlier_session_that_is_resumed_becomes_what_a_new_one_is_and_answers_as_before() {
    let origin = Origin::new(|ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let url = origin.url("/vod.m3u8");
    let new = TempDir::new().unwrap();
    isrecorder(&new, &["-s", "evening", &url]);
    let fresh = schema(&Session::within(new.path(), "evening"));
    for version in VERSIONS {
        let folder = evening(version);
        let session = Session::within(folder.path(), "evening");
        let (end_us, exchanges) = (
            session.end_us(),
            session.number("SELECT count(*) FROM exchange"),
        );
        let before = answers(&session, end_us);
        assert!(before.values().flatten().count() > 20);
        drop(session);
        isrecorder(&folder, &["--resume", "-s", "evening", &url]);
        let session = Session::within(folder.path(), "evening");
        for statement in &fresh {
            assert!(schema(&session).contains(statement), "{statement:?}");
        }
        assert_eq!(schema(&session).len(), fresh.len());
        let after = answers(&session, end_us);
        let other: Vec<_> = before
            .keys()
            .filter(|key| after[*key] != before[*key])
            .collect();
        assert!(other.is_empty(), "{other:?}");
        assert!(session.number("SELECT count(*) FROM exchange") > exchanges);
        session.check_invariants();
        let told = issession(&folder, &["check", "evening", "--hashes"]);
        assert!(told.starts_with("ok: 2 runs, "), "{told}");
    }
}

#[test]
fn a_version_that_never_was_is_refused() {
    let folder = evening("1");
    let db = Connection::open(folder.path().join("sessions/evening/session.db")).unwrap();
    db.pragma_update(None, "user_version", 0).unwrap();
    drop(db);
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .current_dir(folder.path())
        .arg("evening")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no format version 0"), "{said}");
}
