//! What a person sees on a terminal while it records, and afterwards: a real terminal, and the screen that comes of what is written.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

/// What takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(60);
/// What stood on the screen before.
const PROMPT: &str = "$ isrecorder";

/// A terminal with a recorder in it.
struct Terminal {
    pty: Arc<Pty>,
    seen: Arc<Mutex<Seen>>,
    child: Child,
    reading: Option<JoinHandle<()>>,
    folder: TempDir,
}

struct Seen {
    screen: vt100::Parser,
    written: Vec<u8>,
}

/// A terminal of a recorder that has ended.
struct Left {
    status: ExitStatus,
    rows: Vec<String>,
    column: u16,
    written: String,
    folder: TempDir,
}

/// Each turns the wrapping of lines off.
fn frames(seen: &Seen) -> usize {
    let begin = b"\x1b[?7l";
    let windows = seen.written.windows(begin.len());
    windows.filter(|window| window == begin).count()
}

fn lines(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Terminal {
    fn start((height, width): (u16, u16), variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(height, width)).unwrap();
        let mut command = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .args(["--poll", "0.2"])
            .args(arguments)
            .current_dir(folder.path())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR")
            .env_remove("CLICOLOR_FORCE");
        for (name, value) in variables {
            command = command.env(name, value);
        }
        let child = command.spawn(pts).unwrap();
        let mut screen = vt100::Parser::new(lines(height), lines(width), 1000);
        screen.process(format!("{PROMPT}\r\n").as_bytes());
        let seen = Arc::new(Mutex::new(Seen {
            screen,
            written: Vec::new(),
        }));
        let pty = Arc::new(pty);
        let reading = std::thread::spawn({
            let (pty, seen) = (Arc::clone(&pty), Arc::clone(&seen));
            move || {
                let mut some = [0; 4096];
                // It ends with an error when nobody has the terminal open any more.
                while let Ok(length @ 1..) = (&*pty).read(&mut some) {
                    let mut seen = seen.lock().unwrap();
                    seen.screen.process(&some[..length]);
                    seen.written.extend_from_slice(&some[..length]);
                }
            }
        });
        Self {
            pty,
            seen,
            child,
            reading: Some(reading),
            folder,
        }
    }

    fn rows(&self) -> Vec<String> {
        self.seen.lock().unwrap().rows()
    }

    /// Waits until the screen is as it should be.
    fn until(&mut self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = now() + PATIENCE;
        loop {
            let rows = self.rows();
            if is_so(&rows) {
                return rows;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before: {what}: {rows:#?}");
            assert!(now() < deadline, "it never came: {what}: {rows:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How many frames were drawn.
    fn frames(&self) -> usize {
        frames(&self.seen.lock().unwrap())
    }

    fn resize(&self, height: u16, width: u16) {
        // What is written for the new size must not come to a screen of the old one.
        let mut seen = self.seen.lock().unwrap();
        seen.screen.set_size(lines(height), lines(width));
        drop(seen);
        self.pty.resize(Size::new(height, width)).unwrap();
    }

    fn end_by(self, signal: Signal) -> Left {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.end()
    }

    fn end(mut self) -> Left {
        let deadline = now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(now() < deadline, "it does not end: {:#?}", self.rows());
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reading.take().unwrap().join().unwrap();
        let seen = self.seen.lock().unwrap();
        Left {
            status,
            rows: seen.rows(),
            column: seen.screen.screen().cursor_position().1,
            written: String::from_utf8(seen.written.clone()).unwrap(),
            folder: std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Of a test that failed; it has ended otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Seen {
    fn rows(&self) -> Vec<String> {
        let screen = self.screen.screen();
        let rows = screen.rows(0, screen.size().1.get());
        rows.map(|row| row.trim_end().to_owned()).collect()
    }
}

/// For deadlines.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

/// Where the row of a stream is, by the word in front of it.
fn row(rows: &[String], word: &str, stream: &str) -> Option<usize> {
    let begin = format!(" {word}");
    rows.iter().position(|row| {
        let rest = row.strip_prefix(&begin);
        rest.is_some_and(|rest| rest.trim_start().starts_with(stream))
    })
}

/// Rows of the view: each begins with a word, and the last one with how long it has been recording.
fn of_view(rows: &[String]) -> Vec<&String> {
    let begins = [
        " FAILS ",
        " again ",
        " advances ",
        " NO ADVANCE ",
        " begins ",
        " 0:0",
    ];
    let is_one = |row: &&String| begins.iter().any(|begin| row.starts_with(begin));
    rows.iter().filter(is_one).collect()
}

/// A lighthouse that turns with each request, and a ferry that is in port at stage 1.
fn harbour(ask: &Ask, stage: &Stage) -> Reply {
    match (ask.path(), stage.at()) {
        (path, _) if path.ends_with(".ts") => Reply::segment(ts(path)),
        ("/ferry.m3u8", 1) => Reply::html(503),
        ("/ferry.m3u8", 3) => Reply::nothing(End::Silent),
        _ => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
    }
}

fn watched(
    size: (u16, u16),
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (Origin, Stage, Terminal) {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| harbour(ask, &at));
    let streams = ["lighthouse", "ferry"].map(|name| {
        let path = format!("/{name}.m3u8");
        format!("{name}={}", origin.url(&path))
    });
    let streams: Vec<&str> = streams.iter().map(String::as_str).collect();
    let terminal = Terminal::start(size, variables, &[arguments, &streams].concat());
    (origin, stage, terminal)
}

#[test]
fn what_has_no_answer_is_on_top_and_whose_time_is_over_has_not_ended() {
    let (_origin, stage, mut terminal) = watched((12, 100), &[], &["--duration", "10"]);
    terminal.until("the ferry goes", |rows| {
        row(rows, "advances", "ferry").is_some()
    });
    stage.go(3);
    let is_first = |rows: &[String]| row(rows, "UNANSWERED", "ferry").is_some();
    let rows = terminal.until("the ferry is missed", is_first);
    assert!(
        row(&rows, "UNANSWERED", "ferry") < row(&rows, "advances", "lighthouse"),
        "{rows:#?}"
    );
    let left = terminal.end();
    assert!(!left.written.contains(" ended  "), "{}", left.written);
    let told = left.rows.join("\n");
    assert!(told.contains("  ferry: ended "), "{told}");
    assert!(told.contains(" s into an outage: unanswered"), "{told}");
}

/// Nothing of the view is left, and what was said before and after is there.
fn is_tidy(left: &Left) {
    assert!(left.status.success(), "{:#?}", left.rows);
    assert_eq!(of_view(&left.rows), [""; 0], "{:#?}", left.rows);
    assert_eq!(left.column, 0);
    let said = left.rows.join("");
    assert!(said.contains("Record length 0:00:"), "{said}");
}

#[test]
fn an_outage_is_on_top_with_its_word_and_when_it_is_over_that_is_told() {
    let (_origin, stage, mut terminal) = watched((30, 100), &[], &[]);
    terminal.until("both advance", |rows| {
        let [one, two] = ["lighthouse", "ferry"].map(|name| row(rows, "advances", name));
        one.is_some() && one < two
    });
    stage.go(1);
    let rows = terminal.until("the outage", |rows| row(rows, "FAILS", "ferry").is_some());
    let (bad, good) = (
        row(&rows, "FAILS", "ferry").unwrap(),
        row(&rows, "advances", "lighthouse").unwrap(),
    );
    assert!(bad < good, "{rows:#?}");
    assert!(rows[bad].contains(" HTTP 503"), "{rows:#?}");
    assert!(rows[bad].contains(" s since "), "{rows:#?}");
    let said = rows.iter().position(|row| row.contains("WARN [ferry]"));
    assert!(said.is_some_and(|said| said < bad), "above it: {rows:#?}");
    assert_eq!(rows[0], PROMPT, "{rows:#?}");

    stage.go(2);
    let rows = terminal.until("its end", |rows| row(rows, "again", "ferry").is_some());
    let over = row(&rows, "again", "ferry").unwrap();
    assert!(rows[over].contains(" HTTP 503"), "{rows:#?}");

    let left = terminal.end_by(Signal::INT);
    is_tidy(&left);
    assert_eq!(left.rows[0], PROMPT);
    assert!(left.written.contains("\u{1b}[31m"), "it was red, too");
}

#[test]
fn a_terminal_that_changes_its_size_has_one_view_that_fits() {
    let (_origin, _stage, mut terminal) = watched((24, 120), &[], &[]);
    let is_whole = |rows: &[String]| {
        let view = of_view(rows);
        // A narrow terminal has room for the beginning of a name.
        let names = ["lightho", "ferry"].map(|name| row(rows, "advances", name).is_some());
        names == [true, true] && view.len() == 3
    };
    terminal.until("the view", is_whole);
    for (height, width) in [(24, 50), (8, 50), (8, 160), (5, 60), (40, 70)] {
        terminal.resize(height, width);
        // One may have been on its way for the size before.
        let drawn = terminal.frames() + 2;
        let seen = Arc::clone(&terminal.seen);
        terminal.until("a frame for it", |_| frames(&seen.lock().unwrap()) >= drawn);
        terminal.until("the view in its new size", |rows| {
            let view = of_view(rows);
            let is_wide = view.last().is_some_and(|row| row.contains("polls"));
            is_whole(rows) && is_wide == (width > 100)
        });
    }
    is_tidy(&terminal.end_by(Signal::TERM));
}

#[test]
fn who_wants_no_colour_has_the_words() {
    let (_origin, stage, mut terminal) = watched((24, 80), &[("NO_COLOR", "1")], &[]);
    stage.go(1);
    terminal.until("the outage", |rows| row(rows, "FAILS", "ferry").is_some());
    let left = terminal.end_by(Signal::INT);
    is_tidy(&left);
    for part in left.written.split("\u{1b}[").skip(1) {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        let end = end.map(|at| &part[at..=at]);
        assert_ne!(end, Some("m"), "{:?}", left.written);
    }
}

#[test]
fn a_terminal_that_was_stopped_stops_no_recording() {
    let (origin, _stage, mut terminal) = watched((24, 80), &[], &["-v"]);
    terminal.until("a view", |rows| row(rows, "advances", "ferry").is_some());
    // Ctrl+S.
    (&*terminal.pty).write_all(b"\x13").unwrap();
    let polls = origin.asks().len();
    let deadline = now() + PATIENCE;
    while origin.asks().len() < polls + 60 {
        assert!(now() < deadline, "it polls no more");
        std::thread::sleep(Duration::from_millis(10));
    }
    let frames = terminal.frames();
    // Ctrl+Q.
    (&*terminal.pty).write_all(b"\x11").unwrap();
    let deadline = now() + PATIENCE;
    while terminal.frames() < frames + 3 {
        assert!(now() < deadline, "it draws no more");
        std::thread::sleep(Duration::from_millis(10));
    }
    (&*terminal.pty).write_all(b"\x13").unwrap();
    let left = terminal.end_by(Signal::TERM);
    assert!(left.status.success(), "{:?}", left.status);
}

#[test]
fn where_nobody_sees_it_nothing_is_drawn() {
    let origin = Origin::new(|ask| match ask.path() {
        "/film.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let url = origin.url("/film.m3u8");
    for (variables, arguments) in [
        (&[("TERM", "dumb")][..], &[][..]),
        (&[], &["-q"]),
        (&[], &["--log", "json"]),
    ] {
        let all = [arguments, &[url.as_str()]].concat();
        let left = Terminal::start((24, 80), variables, &all).end();
        assert!(left.status.success(), "{}", left.written);
        assert!(!left.written.contains('\u{1b}'), "{}", left.written);
        let is_quiet = arguments.contains(&"-q");
        let says_more = left.written.contains("Replay it");
        assert_eq!(says_more, !is_quiet, "{}", left.written);
    }
    let finished = Recorder::new(&url).run();
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn what_lists_playlists_has_a_row_while_it_fails() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        (path, _) if path.ends_with(".ts") => Reply::segment(ts(path)),
        (_, 1) => Reply::html(502),
        ("/main.m3u8", _) => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360\nv.m3u8\n")
        }
        _ => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
    });
    let url = format!("tower={}", origin.url("/main.m3u8"));
    let mut terminal = Terminal::start((24, 80), &[], &[&url]);
    let rows = terminal.until("the variant", |rows| {
        row(rows, "advances", "640x360").is_some()
    });
    assert_eq!(
        of_view(&rows).len(),
        2,
        "the variant and the sum: {rows:#?}"
    );
    stage.go(1);
    terminal.until("both fail", |rows| {
        row(rows, "FAILS", "640x360").is_some() && row(rows, "FAILS", "tower").is_some()
    });
    is_tidy(&terminal.end_by(Signal::INT));
}

#[test]
fn what_is_to_be_done_next_can_be_done_as_it_is_written() {
    let (_origin, stage, mut terminal) =
        watched((24, 200), &[], &["-o", "my sessions", "-s", "it's night"]);
    terminal.until("both advance", |rows| {
        row(rows, "advances", "ferry").is_some()
    });
    stage.go(1);
    terminal.until("the outage", |rows| row(rows, "FAILS", "ferry").is_some());
    let left = terminal.end_by(Signal::INT);
    let has = |text: &str| left.rows.iter().find(|row| row.starts_with(text));
    let session = has("Session my sessions/it's night: 0:00:").unwrap();
    assert!(session.ends_with('B'), "its size: {session}");
    let programs = Path::new(env!("CARGO_BIN_EXE_isrecorder"));
    for (what, more) in [("Replay it: ", " --list"), ("See its ", "")] {
        let line = has(what).unwrap();
        let (_, command) = line.split_once(": ").unwrap();
        let done = Command::new("/bin/sh")
            .args(["-c", &format!("{command}{more}")])
            .current_dir(left.folder.path())
            .env("PATH", programs.parent().unwrap())
            .output();
        let done = done.unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
        let told = String::from_utf8(done.stdout).unwrap();
        assert!(told.contains("ferry"), "{command}: {told}");
    }
}
