//! Exit codes: 0 done, 1 failed, 2 wrong usage, of every program, as a script or a service manager reads them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// A program ends so, called so. `TAKEN` is a port in use, `ORIGIN` where a short stream is.
const TABLE: [(&str, &str, i32); 54] = [
    ("isrecorder", "--version", 0),
    ("isrecorder", "ORIGIN/vod.m3u8", 0),
    ("isrecorder", "--resume -s known", 0),
    (
        "isrecorder",
        "--serve TAKEN --bind 127.0.0.1 ORIGIN/vod.m3u8",
        1,
    ),
    ("isrecorder", "--metrics TAKEN ORIGIN/vod.m3u8", 1),
    ("isrecorder", "-o known/session.db ORIGIN/vod.m3u8", 1),
    ("isrecorder", "--resume -s damaged", 1),
    ("isrecorder", "--duration 1 ORIGIN/missing.m3u8", 1),
    (
        "isrecorder",
        "--duration 1 -s new http://127.0.0.1:9/live.m3u8",
        1,
    ),
    ("isrecorder", "", 2),
    ("isrecorder", "--no-such-option ORIGIN/vod.m3u8", 2),
    ("isrecorder", "vod.m3u8", 2),
    ("isrecorder", "--serve 70000 ORIGIN/vod.m3u8", 2),
    ("isrecorder", "--cacert none.pem ORIGIN/vod.m3u8", 2),
    ("isrecorder", "--streams none.txt", 2),
    ("isrecorder", "-s known ORIGIN/vod.m3u8", 2),
    ("isrecorder", "--resume -s unknown", 2),
    ("isreplayer", "--version", 0),
    ("isreplayer", "--list known", 0),
    ("isreplayer", "-p 0 --at-end stop known", 0),
    ("isreplayer", "-p TAKEN --bind 127.0.0.1 known", 1),
    ("isreplayer", "--list damaged", 1),
    ("isreplayer", "", 2),
    ("isreplayer", "-p 70000 known", 2),
    ("isreplayer", "--inject nonsense known", 2),
    ("isreplayer", "unknown", 2),
    ("adjacent-find", "--version", 0),
    ("adjacent-find", "known", 0),
    ("adjacent-find", "--faults known", 0),
    ("adjacent-find", "--fail-on-gap known", 0),
    ("adjacent-find", "damaged", 1),
    ("adjacent-find", "", 2),
    ("adjacent-find", "-t -1 known", 2),
    ("adjacent-find", "-p none.m3u8 known", 2),
    ("adjacent-find", "unknown", 2),
    ("isreport", "--version", 0),
    ("isreport", "--list-rules", 0),
    ("isreport", "known", 0),
    ("isreport", "--fail-on must --rules T06 known", 0),
    ("isreport", "damaged", 1),
    // Nothing was recorded of an origin that refused all connections, above.
    ("isreport", "new", 0),
    ("isreport", "--fail-on must new", 1),
    ("isreport", "--rules X99 known", 2),
    ("isreport", "unknown", 2),
    ("issession", "--version", 0),
    ("issession", "check known", 0),
    ("issession", "redact known copy", 0),
    ("issession", "check damaged", 1),
    ("issession", "list", 1),
    ("issession", "info unknown", 2),
    ("issession", "info known/session.db", 0),
    ("issession", "info sessions", 2),
    ("issession", "redact known damaged", 2),
    ("issession", "list -f no-such-folder", 2),
];

fn vod(ask: &Ask) -> Reply {
    match ask.path() {
        "/missing.m3u8" => Reply::not_found(),
        "/vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    }
}

fn program(name: &str) -> &'static str {
    match name {
        "isrecorder" => env!("CARGO_BIN_EXE_isrecorder"),
        "isreplayer" => env!("CARGO_BIN_EXE_isreplayer"),
        "adjacent-find" => env!("CARGO_BIN_EXE_adjacent-find"),
        "isreport" => env!("CARGO_BIN_EXE_isreport"),
        _ => env!("CARGO_BIN_EXE_issession"),
    }
}

/// Called in a folder in which the sessions `known` and `damaged` are.
fn call(folder: &Path, name: &str, words: &str) -> Output {
    let mut command = Command::new(program(name));
    command.current_dir(folder).args(words.split_whitespace());
    for name in ["http_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.output().unwrap()
}

#[test]
fn wrong_usage_alone_is_two_of_every_program() {
    let origin = Origin::new(vod);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let made = Recorder::new(origin.url("/vod.m3u8")).args(["-s", "known"]);
    let made = made.run();
    assert!(made.status.success(), "{}", made.stderr);
    let sessions = made.folder().join("sessions");
    std::fs::create_dir(sessions.join("damaged")).unwrap();
    std::fs::write(sessions.join("damaged/session.db"), "no database").unwrap();
    for (name, words, code) in TABLE {
        let words = words.replace("TAKEN", &port);
        let words = words.replace("ORIGIN", origin.url("").trim_end_matches('/'));
        let words = words.replace("known/session.db", "sessions/known/session.db");
        let output = call(made.folder(), name, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name} {words}: {said}");
        let is_told = !said.is_empty() || !output.stdout.is_empty();
        assert!(is_told || code == 0, "{name} {words} ends without a word");
    }
}
