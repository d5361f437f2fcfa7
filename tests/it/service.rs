//! Under a service manager: what it is told, over a socket as systemd has one.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::session::Session;
use crate::support::{Origin, Recorder, Reply, Stage, Window, ts};

/// A service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn of(recorder: Recorder) -> (Self, Recorder) {
        let path = recorder.folder().join("notify");
        let manager = Self::at(&path);
        let recorder = recorder.env("NOTIFY_SOCKET", path.to_str().unwrap());
        (manager, recorder)
    }

    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Self(socket)
    }

    /// The next thing that it is told, and the status that is shown with it.
    fn told(&self) -> (String, String) {
        let mut datagram = [0; 4096];
        let length = loop {
            match self.0.recv(&mut datagram) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        let (word, status) = text.trim_end().split_once('\n').unwrap();
        (word.to_owned(), status.to_owned())
    }

    /// What it is told from now to the end of the program.
    fn rest(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let mut datagram = [0; 4096];
        let mut words = Vec::new();
        while let Ok(length) = self.0.recv(&mut datagram) {
            let text = String::from_utf8_lossy(&datagram[..length]);
            words.push(text.lines().next().unwrap().to_owned());
        }
        words
    }
}

fn channel(stage: &Stage, path: &str) -> Reply {
    match path {
        "/live.m3u8" => Reply::playlist(Window::new(0, 2).ended_if(stage.at() > 0).text()),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn it_is_told_of_the_start_of_life_and_of_the_end() {
    let origin = Origin::new(|ask| channel(&Stage::default(), ask.path()));
    let (manager, recorder) = Manager::of(Recorder::new(origin.url("/live.m3u8")));
    let mut recording = recorder.env("WATCHDOG_USEC", "300000").start();
    let (word, status) = manager.told();
    assert_eq!(word, "READY=1");
    assert!(origin.count("/live.m3u8") > 0, "the first poll was made");
    assert!(status.starts_with("STATUS=playlists 1, polls "), "{status}");
    let database = recording.sessions().join("session1/session.db");
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let runs: i64 = db
        .query_row("SELECT count(*) FROM run", [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs, 1, "the session exists");
    drop(db);
    for _ in 0..4 {
        assert_eq!(manager.told().0, "WATCHDOG=1");
    }
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    recording.interrupt().session();
    let rest = manager.rest();
    assert_eq!(
        rest.last().map(String::as_str),
        Some("STOPPING=1"),
        "{rest:?}"
    );
    let before = &rest[..rest.len() - 1];
    assert!(before.iter().all(|word| word == "WATCHDOG=1"), "{rest:?}");
}

#[test]
fn without_a_watchdog_there_are_start_and_end_alone() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| channel(&at, ask.path()));
    let (manager, recorder) = Manager::of(Recorder::new(origin.url("/live.m3u8")));
    let recording = recorder.start();
    assert_eq!(manager.told().0, "READY=1");
    stage.go(1);
    recording.finish().session();
    assert_eq!(manager.rest(), ["STOPPING=1"]);
}

#[test]
fn what_is_over_at_once_was_ready() {
    let ended = Stage::default();
    ended.go(1);
    let origin = Origin::new(move |ask| channel(&ended, ask.path()));
    let (manager, recorder) = Manager::of(Recorder::new(origin.url("/live.m3u8")));
    recorder.run().session();
    assert_eq!(manager.rest(), ["READY=1", "STOPPING=1"]);
}

#[test]
fn a_manager_that_is_gone_stops_no_recording() {
    let origin = Origin::new(|ask| channel(&Stage::default(), ask.path()));
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .env("NOTIFY_SOCKET", "/nonexistent/notify")
        .env("WATCHDOG_USEC", "300000")
        .start();
    recording.until_it_says("the service manager is not reached");
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    recording.interrupt().session();
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = include_str!("../../packaging/isrecorder@.service");
    for line in [
        "Type=notify",
        "WatchdogSec=60",
        "Restart=on-failure",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(unit.lines().any(|given| given == line), "{line}");
    }
    verify(unit);
}

#[test]
fn each_start_of_the_unit_goes_on_with_its_session() {
    let origin = Origin::new(|ask| channel(&Stage::default(), ask.path()));
    let folder = tempfile::tempdir().unwrap();
    let line = format!("hall {}\n", origin.url("/live.m3u8"));
    std::fs::write(folder.path().join("hall1.txt"), line).unwrap();
    for _ in 0..2 {
        let path = folder.path().join("notify");
        let manager = Manager::at(&path);
        let options = "--quiet --poll 0.2 -H 'X-Hall: the \"first\" one'";
        let command = command_of_the_unit(folder.path(), options);
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .env("NOTIFY_SOCKET", &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(manager.told().0, "READY=1");
        // The shell has become the recorder, or this would not reach it.
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(manager.rest(), ["STOPPING=1"]);
        std::fs::remove_file(path).unwrap();
    }
    for ask in origin.asks() {
        assert_eq!(ask.header("x-hall"), Some("the \"first\" one"));
    }
    let session = Session::open(folder, "hall1");
    session.check_invariants();
    let ends: Vec<String> = session.list("SELECT ended FROM run ORDER BY id");
    assert_eq!(ends, ["stopped", "stopped"]);
}

/// The command of the unit, as systemd would write it out for the instance `hall1` (systemd.service(5), "Command
/// lines"): quoted words are one each; a variable that is a word becomes the words that are in it.
fn command_of_the_unit(folder: &Path, options: &str) -> Vec<String> {
    let unit = include_str!("../../packaging/isrecorder@.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let folder = folder.display().to_string();
    let mut words = Vec::new();
    for word in unquoted(start.unwrap()) {
        if word == "$OPTIONS" {
            words.extend(unquoted(options));
            continue;
        }
        let word = word
            .replace("%S/isrecorder", &format!("{folder}/sessions"))
            .replace("/etc/isrecorder", &folder)
            .replace(
                "/usr/local/bin/isrecorder",
                env!("CARGO_BIN_EXE_isrecorder"),
            );
        words.push(word.replace("%i", "hall1").replace("$$", "$"));
    }
    words
}

/// Words, of which some are in quotes of one kind or the other.
fn unquoted(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut within = None;
    for letter in line.chars() {
        match (within, letter) {
            (Some(quote), _) if letter == quote => within = None,
            (None, '\'' | '"') => within = Some(letter),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where systemd is installed, its own judgement.
fn verify(unit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isrecorder@hall1.service");
    // It looks for the program, and for nothing that only an installation makes.
    let unit = unit.replace(
        "/usr/local/bin/isrecorder",
        env!("CARGO_BIN_EXE_isrecorder"),
    );
    std::fs::write(&path, unit).unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
    else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let is_ours = |line: &&str| line.contains("isrecorder@") && !line.contains("/bin/kill");
    let ours: Vec<&str> = said.lines().filter(is_ours).collect();
    assert!(ours.is_empty(), "{said}");
}
