//! Nobody reads what a program says: its terminal was stopped, or the pipe behind it is full. That holds up nothing, and
//! what could not be said is told.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::replayed::{self, converse};
use crate::support::{Ask, Origin, Reply, Session, Window, ts};

/// What takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn live(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path)),
    }
}

/// A pipe into which no byte goes any more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (read, mut write) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while write.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    (read, write)
}

#[allow(clippy::disallowed_methods)]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal, and waits for the end.
fn end_by(child: &mut Child, signal: Signal) -> ExitStatus {
    kill_process(Pid::from_child(child), signal).unwrap();
    let mut status = None;
    until("the end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

fn recorder(folder: &Path, origin: &Origin) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isrecorder"));
    command
        .args(["--poll", "0.2", "-vv", &origin.url("/live.m3u8")])
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

#[test]
fn a_recording_of_which_nobody_reads_a_word_goes_on_and_ends_when_it_is_told_to() {
    let origin = Origin::new(live);
    let (_read, write) = full_pipe();
    let end = || Stdio::from(write.try_clone().unwrap());
    let cases = [
        (end(), end(), &[][..], Signal::TERM),
        (Stdio::null(), end(), &["--log", "json"], Signal::INT),
        (end(), Stdio::null(), &["--serve", "0"], Signal::TERM),
    ];
    for (out, err, arguments, signal) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut command = recorder(folder.path(), &origin);
        let mut child = (command.args(arguments).stdout(out).stderr(err))
            .spawn()
            .unwrap();
        let polls = origin.count("/live.m3u8");
        until("polls", || origin.count("/live.m3u8") >= polls + 30);
        let status = end_by(&mut child, signal);
        assert_eq!(status.code(), Some(0), "{arguments:?}");
        let session = Session::within(folder.path(), "session1");
        assert_eq!(session.one::<String>("SELECT ended FROM run"), "stopped");
        assert!(session.number("SELECT count(*) FROM revision") >= 10);
        session.check_invariants();
    }
}

#[test]
fn a_second_signal_ends_a_recording_at_once_though_nobody_reads() {
    let origin = Origin::new(live);
    let (_read, write) = full_pipe();
    let folder = tempfile::tempdir().unwrap();
    let mut command = recorder(folder.path(), &origin);
    let err = Stdio::from(write.try_clone().unwrap());
    let mut child = command.stdout(write).stderr(err).spawn().unwrap();
    until("polls", || origin.count("/live.m3u8") >= 3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let status = end_by(&mut child, Signal::INT);
    assert!(matches!(status.code(), Some(0 | 130)), "{status}");
}

#[test]
fn players_are_answered_though_nobody_reads_the_log_and_lost_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    replayed::write_session(folder.path());
    let (read, write) = full_pipe();
    let mut child = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
        .args(["-v", "-p", "0", "--bind", "127.0.0.1"])
        .arg(folder.path().join("hostile"))
        .stdout(Stdio::piped())
        .stderr(write)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = said.find_map(|line| {
        let line = line.unwrap();
        let play = line.strip_prefix("Play     http://")?;
        Some(play.split('/').next().unwrap().to_owned())
    });
    let mut client = TcpStream::connect(address.unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    // More than may wait to be written: each is a line that names the path.
    let path = format!("/none/{}", "x".repeat(4000));
    for _ in 0..600 {
        let answer = converse(&mut client, &replayed::get(&path), true);
        assert_eq!(answer.status, 404);
    }
    let text = read_on(read);
    let has = |what: &str| text.lock().unwrap().contains(what);
    let lost = "lines were not written here: nobody read them";
    until(lost, || has(lost));
    converse(&mut client, &replayed::get("/behind"), true);
    until("a line behind the lost ones", || has("/behind"));
    assert_eq!(end_by(&mut child, Signal::TERM).code(), Some(0));
    let text = text.lock().unwrap();
    let (before, behind) = text.split_once(lost).unwrap();
    assert!(before.contains("/none/xxx") && !before.contains("/behind"));
    assert!(!behind.contains("/none/xxx"), "they are in their order");
}

fn read_on(mut read: PipeReader) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut some = [0; 65536];
        while let Ok(length @ 1..) = read.read(&mut some) {
            let some = String::from_utf8_lossy(&some[..length]);
            shared.lock().unwrap().push_str(&some);
        }
    });
    text
}

#[test]
fn who_reads_no_further_is_no_failure_of_what_looks_into_sessions() {
    let folder = tempfile::tempdir().unwrap();
    replayed::write_session(folder.path());
    let session = folder.path().join("hostile");
    let programs = [
        (env!("CARGO_BIN_EXE_adjacent-find"), &["-t", "0"][..]),
        (env!("CARGO_BIN_EXE_adjacent-find"), &["--faults", "--json"]),
        (env!("CARGO_BIN_EXE_isreport"), &[]),
        (env!("CARGO_BIN_EXE_isreport"), &["--json"]),
        (env!("CARGO_BIN_EXE_issession"), &["info"]),
        (env!("CARGO_BIN_EXE_issession"), &["check"]),
        (env!("CARGO_BIN_EXE_issession"), &["list"]),
        (env!("CARGO_BIN_EXE_isreplayer"), &["--list"]),
    ];
    for (program, arguments) in programs {
        let run = |out: Stdio| {
            let mut command = Command::new(program);
            let done = command.args(arguments).arg(&session).stdout(out).output();
            done.unwrap()
        };
        let whole = run(Stdio::null());
        let (read, write) = io::pipe().unwrap();
        drop(read);
        let done = run(write.into());
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(
            !said.contains("panicked"),
            "{program} {arguments:?}: {said}"
        );
        assert_eq!(
            done.status.code(),
            whole.status.code(),
            "{program} {arguments:?}: {said}"
        );
    }
}
