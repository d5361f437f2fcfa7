//! The command line: what is refused, with which exit code, and what is left untouched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{Origin, Recorder, Reply, Window, ts};

fn vod() -> Origin {
    Origin::new(|ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    })
}

/// Every file beneath a folder, with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.insert(format!("{}/", path.display()), Vec::new());
            all.extend(files(&path));
        } else {
            all.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_session_that_exists_is_never_touched() {
    let origin = vod();
    let first = Recorder::new(origin.url("/vod.m3u8"))
        .args(["-s", "hall7"])
        .run();
    assert!(first.status.success(), "{}", first.stderr);
    let before = files(first.folder());
    assert!(before.keys().any(|path| path.ends_with("hall7/session.db")));
    let asks = origin.asks().len();

    let second = Recorder::after(first, origin.url("/vod.m3u8"))
        .args(["-s", "hall7"])
        .run();
    assert_eq!(second.status.code(), Some(2));
    assert!(
        second.stderr.contains("hall7 already exists"),
        "{}",
        second.stderr
    );
    assert!(
        second.stderr.contains("free names: hall1, hall2, hall3"),
        "{}",
        second.stderr
    );
    assert_eq!(files(second.folder()), before);
    assert_eq!(origin.asks().len(), asks, "nothing was asked for");
}

#[test]
fn without_a_name_the_next_free_number_is_taken() {
    let origin = vod();
    let first = Recorder::new(origin.url("/vod.m3u8")).run();
    let second = Recorder::after(first, origin.url("/vod.m3u8")).run();
    assert!(second.status.success(), "{}", second.stderr);
    for name in ["session1", "session2"] {
        assert!(
            second
                .folder()
                .join("sessions")
                .join(name)
                .join("session.db")
                .is_file(),
            "{name}"
        );
    }
    assert!(second.stderr.contains("session2"), "{}", second.stderr);
}

#[test]
fn the_output_folder_can_be_another_one() {
    let origin = vod();
    let finished = Recorder::new(origin.url("/vod.m3u8"))
        .args(["-o", "a/b", "-s", "night 1"])
        .run();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(finished.folder().join("a/b/night 1/session.db").is_file());
    assert!(!finished.folder().join("sessions").exists());
}

#[test]
fn what_is_no_http_url_is_refused_and_leaves_nothing_behind() {
    for wrong in [
        "ftp://example.com/x.m3u8",
        "file:///tmp/x.m3u8",
        "stream.m3u8",
        "",
        "http://",
    ] {
        let finished = Recorder::bare().args([wrong]).run();
        assert_eq!(
            finished.status.code(),
            Some(2),
            "{wrong:?}: {}",
            finished.stderr
        );
        assert!(!finished.stderr.is_empty());
        assert!(files(finished.folder()).is_empty(), "{wrong:?}");
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_made() {
    let url = "http://127.0.0.1:9/x.m3u8";
    let mistakes: [&[&str]; 12] = [
        &["--no-such-option", url],
        &[],
        &[url, "another"],
        &["--poll", "0", url],
        &["--duration", "soon", url],
        &["-s", "../elsewhere", url],
        &["-H", "no colon", url],
        &["--proxy", "gopher://h", url],
        &["--resolve", "host", url],
        &["--cacert", "no-such-file.pem", url],
        &["--key", "only-a-key.pem", url],
        &["--log", "xml", url],
    ];
    for arguments in mistakes {
        let finished = Recorder::bare().args(arguments.iter().copied()).run();
        assert_eq!(
            finished.status.code(),
            Some(2),
            "{arguments:?}: {}",
            finished.stderr
        );
        assert!(!finished.stderr.is_empty());
        let left: Vec<String> = files(finished.folder())
            .into_keys()
            .filter(|path| !path.ends_with("sessions/"))
            .collect();
        assert!(left.is_empty(), "{arguments:?}: {left:?}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let recorder = Recorder::new("http://127.0.0.1:9/x.m3u8").args(["-o", "taken"]);
    fs::write(recorder.folder().join("taken"), "a file").unwrap();
    let finished = recorder.run();
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("taken"), "{}", finished.stderr);
}

#[test]
fn the_help_names_every_option() {
    let finished = Recorder::bare().args(["-h"]).run();
    assert!(finished.status.success());
    let options = [
        "-o, --output",
        "-s, --session",
        "--duration",
        "--poll",
        "-H, --header",
        "-A, --user-agent",
        "-b, --cookie",
        "--trust-hosts",
        "--proxy",
        "-k, --insecure",
        "--cacert",
        "--cert",
        "--key",
        "--resolve",
        "--connect-timeout",
        "--max-time",
        "-q, --quiet",
        "-v, --verbose",
        "--log",
        "-h, --help",
        "-V, --version",
    ];
    for option in options {
        assert!(
            finished.stdout.contains(option),
            "{option}: {}",
            finished.stdout
        );
    }
}

#[test]
fn log_lines_are_json_for_those_who_want_it() {
    let origin = vod();
    let finished = Recorder::new(origin.url("/vod.m3u8"))
        .args(["--log", "json"])
        .run();
    let lines: Vec<serde_json::Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "the stream has ended"),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .all(|line| line["level"] == "INFO" && line["time"].is_string()),
        "{lines:?}"
    );
    finished.session();
}

#[test]
fn quiet_is_quiet_and_verbose_names_each_chunk() {
    let origin = vod();
    let quiet = Recorder::new(origin.url("/vod.m3u8")).args(["-q"]).run();
    assert_eq!(quiet.stderr, "");
    assert_eq!(
        quiet.stdout.lines().count(),
        2,
        "the length and the totals: {}",
        quiet.stdout
    );
    quiet.session();
    let verbose = Recorder::new(origin.url("/vod.m3u8")).args(["-v"]).run();
    for name in ["seg0.ts", "seg1.ts"] {
        assert!(verbose.stderr.contains(name), "{}", verbose.stderr);
    }
    verbose.session();
}
