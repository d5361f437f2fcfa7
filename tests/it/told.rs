//! What programs say to whoever typed something: what was met, in the words of its field, and what to do.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::client::ask_with;
use crate::support::replayed::Replayed;
use crate::support::{Ask, End, Finished, Origin, Recorder, Reply, Window, ts};

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn concert(ask: &Ask) -> Reply {
    match ask.path() {
        "/film.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    }
}

/// A port at which nobody listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn what_was_cut_off_when_the_recorder_stopped_hides_nothing_that_was_met() {
    let origin = Origin::new(|ask| match ask.nth {
        0 => Reply::new(401, "text/plain", "who are you?"),
        _ => Reply::nothing(End::Silent),
    });
    let mut recording = Recorder::new(origin.url("/member.m3u8")).start();
    recording.until("it is asked again", || origin.count("/member.m3u8") > 1);
    let finished = recording.interrupt();
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let last = finished.stderr.lines().last().unwrap();
    assert!(
        last.contains("HTTP 401 Unauthorized, once (needs a login: "),
        "{last}"
    );

    let silent = Origin::new(|_: &Ask| Reply::nothing(End::Silent));
    let mut recording = Recorder::new(silent.url("/live.m3u8")).start();
    recording.until("it is asked", || silent.count("/live.m3u8") > 0);
    let finished = recording.interrupt();
    let last = finished.stderr.lines().last().unwrap();
    let begins = format!(
        "isrecorder: nothing was recorded: {}: unanswered for ",
        silent.url("/live.m3u8")
    );
    assert!(last.starts_with(&begins) && last.ends_with(" s"), "{last}");
}

#[test]
fn a_proxy_that_is_not_there_is_told_as_that_and_not_as_the_host_behind_it() {
    let port = dead_port();
    let dead = format!("http://127.0.0.1:{port}");
    let refused = format!("by way of the proxy 127.0.0.1:{port}: connection refused");
    for (proxy, what) in [
        (dead.as_str(), refused.as_str()),
        (
            "http://nosuch.invalid:3128",
            "by way of the proxy nosuch.invalid:3128: its address is not found",
        ),
    ] {
        let recorder = Recorder::new("http://origin.example/live.m3u8").args([
            "--duration",
            "1",
            "--proxy",
            proxy,
        ]);
        let finished = recorder.start().finish();
        let last = finished.stderr.lines().last().unwrap();
        assert!(
            last.contains(what) && last.contains("is the proxy right"),
            "{last}"
        );
    }
}

#[test]
fn a_recording_with_nothing_in_it_is_a_failure_that_says_what_it_met() {
    let origin = Origin::new(|ask| match ask.path() {
        "/member.m3u8" => Reply::new(401, "text/plain", "who are you?"),
        "/closed.m3u8" => Reply::html(403),
        "/watch" => Reply::html(200),
        "/film.zip" => Reply::new(200, "application/zip", "PK\u{3}\u{4} and so on"),
        _ => Reply::not_found(),
    });
    let dead = format!("http://127.0.0.1:{}/live.m3u8", dead_port());
    let met = [
        (
            origin.url("/none.m3u8"),
            "HTTP 404 Not Found",
            "is the URL right?",
        ),
        (
            origin.url("/member.m3u8"),
            "HTTP 401 Unauthorized",
            "needs a login: ",
        ),
        (
            origin.url("/closed.m3u8"),
            "HTTP 403 Forbidden",
            "Referer (-H)",
        ),
        (
            origin.url("/watch"),
            "text/html: a web page",
            "give the playlist's URL",
        ),
        (
            origin.url("/film.zip"),
            "application/zip: a file, no stream",
            "network tab",
        ),
        (dead, "connection refused", "are host and port right?"),
    ];
    let started = met.map(|(url, what, advice)| {
        let recording = Recorder::new(&url).args(["--duration", "1"]).start();
        (recording, url, what, advice)
    });
    for (recording, url, what, advice) in started {
        let finished = recording.finish();
        assert_eq!(
            finished.status.code(),
            Some(1),
            "{url}: {}",
            finished.stderr
        );
        let last = finished.stderr.lines().last().unwrap();
        let begins = format!("isrecorder: nothing was recorded: {url}: ");
        assert!(last.starts_with(&begins), "{last}");
        assert!(last.contains(what) && last.contains(advice), "{last}");
        // The first fault is a line of the log that says the same.
        let line = finished.stderr.lines().find(|line| line.contains(" WARN "));
        let line = line.unwrap();
        assert!(line.contains(what) && line.contains(advice), "{line}");
        assert!(
            finished.stdout.contains("Record length"),
            "the summary stays"
        );
        let left = "Session sessions/session1: nothing to replay in it; see what was answered: ";
        assert!(finished.stdout.contains(left), "{}", finished.stdout);
        assert!(!finished.stdout.contains("Replay it: "));

        let find = env!("CARGO_BIN_EXE_adjacent-find");
        let gaps = run(find, finished.folder(), &["--fail-on-gap", "session1"]);
        assert_eq!(gaps.status.code(), Some(1), "{}", said(&gaps));
        assert!(
            said(&gaps).contains("neither a media playlist nor a raw stream"),
            "{}",
            said(&gaps)
        );
        let gaps = run(find, finished.folder(), &["session1"]);
        assert_eq!(gaps.status.code(), Some(0), "{}", said(&gaps));
    }
}

#[test]
fn each_stream_without_anything_says_what_it_met() {
    let origin = Origin::new(|ask| match ask.path() {
        "/a.m3u8" => Reply::new(503, "text/plain", ""),
        _ => Reply::not_found(),
    });
    let named =
        ["a", "b"].map(|name| format!("{name}={}", origin.url(&format!("/{name}.m3u8?key=1"))));
    let finished = Recorder::bare()
        .args(["--duration", "1"])
        .args(named.iter().map(String::as_str))
        .run();
    let last = finished.stderr.lines().last().unwrap();
    assert!(
        last.contains("/a.m3u8: HTTP 503 Service Unavailable, "),
        "{last}"
    );
    assert!(
        last.contains("; http://") && last.contains("/b.m3u8: HTTP 404 "),
        "{last}"
    );
    assert!(!last.contains("key=1"), "{last}");
}

#[test]
fn a_fault_is_told_with_its_host_and_its_playlist_and_nothing_twice() {
    let port = dead_port();
    let origin = Origin::new(|ask| match ask.path() {
        "/tv/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360\nlow.m3u8\n",
        ),
        "/tv/low.m3u8" if ask.nth % 2 == 1 => Reply::new(503, "text/plain", ""),
        "/tv/low.m3u8" => Reply::playlist(Window::new(0, 2).text()),
        "/tv/seg1.ts" => Reply::not_found(),
        path => Reply::segment(ts(path)),
    });
    let host = format!("127.0.0.1:{}", origin.port());
    let mut recording = Recorder::bare()
        .args([
            "--poll",
            "0.2",
            &format!("off=http://127.0.0.1:{port}/x.m3u8"),
        ])
        .args([format!("tv={}", origin.url("/tv/main.m3u8")).as_str()])
        .start();
    for words in [
        &format!("[off] main playlist of 127.0.0.1:{port}: connection refused; are "),
        &format!("of {host}: HTTP 503 Service Unavailable\n"),
        &format!("[tv] segment \"tv/seg1.ts\" of {host}: HTTP 404 Not Found\n"),
    ] {
        recording.until_it_says(words);
    }
    let finished = recording.interrupt();
    let low = finished
        .stderr
        .lines()
        .find(|line| line.contains("HTTP 503"));
    assert!(low.unwrap().contains("[tv] media playlist \""), "{low:?}");
    let counted = finished
        .stderr
        .lines()
        .find(|line| line.contains(" polls failed in "));
    assert!(counted.unwrap().contains(": refused, "), "{counted:?}");
    for riddle in ["os error", "outcome=", "status=", "\"off\"", " x 1 in "] {
        assert!(
            !finished.stderr.contains(riddle),
            "{riddle}: {}",
            finished.stderr
        );
    }
    finished.session();
}

#[test]
fn a_url_without_its_scheme_and_a_name_that_is_taken_are_told_with_what_to_type() {
    let origin = Origin::new(concert);
    let first = Recorder::new(origin.url("/film.m3u8")).run();
    assert!(first.status.success(), "{}", first.stderr);
    let without = format!("localhost:{}/film.m3u8", origin.port());
    let program = env!("CARGO_BIN_EXE_isrecorder");
    let output = run(program, first.folder(), &[&without]);
    assert_eq!(output.status.code(), Some(2));
    let meant = format!("did you mean http://{without}?");
    assert!(said(&output).contains(&meant), "{}", said(&output));

    let url = origin.url("/film.m3u8");
    let again = run(program, first.folder(), &["-s", "session1", &url]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("--resume"), "{}", said(&again));
    fs::create_dir(first.folder().join("sessions/other")).unwrap();
    let other = run(program, first.folder(), &["-s", "other", &url]);
    assert!(!said(&other).contains("--resume"), "{}", said(&other));
}

#[test]
fn the_folder_of_sessions_is_f_in_every_program() {
    let origin = Origin::new(concert);
    let url = origin.url("/film.m3u8");
    let made = Recorder::bare().args(["-f", "here", &url]).run();
    assert!(made.status.success(), "{}", made.stderr);
    for (program, arguments) in [
        (
            env!("CARGO_BIN_EXE_isrecorder"),
            &["--folder", "here", "-s", "two", &url][..],
        ),
        (
            env!("CARGO_BIN_EXE_isrecorder"),
            &["-o", "here", "-s", "three", &url],
        ),
        (
            env!("CARGO_BIN_EXE_isreplayer"),
            &["-f", "here", "--list", "session1"],
        ),
        (
            env!("CARGO_BIN_EXE_isreplayer"),
            &["--folder", "here", "--list", "two"],
        ),
        (
            env!("CARGO_BIN_EXE_adjacent-find"),
            &["-f", "here", "session1"],
        ),
        (
            env!("CARGO_BIN_EXE_adjacent-find"),
            &["--folder", "here", "three"],
        ),
        (
            env!("CARGO_BIN_EXE_issession"),
            &["-f", "here", "check", "session1"],
        ),
        (
            env!("CARGO_BIN_EXE_issession"),
            &["--folder", "here", "list"],
        ),
    ] {
        let output = run(program, made.folder(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
}

/// A recording, run by a user who may do nothing with what is given away here.
struct Strangers {
    finished: Finished,
    is_root: bool,
}

impl Strangers {
    /// Others may pass through the folder, and not into the session.
    fn new(finished: Finished) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let strangers = Self { finished, is_root };
        strangers.set("", 0o755);
        strangers.set("sessions", 0o755);
        strangers
    }

    fn set(&self, path: &str, mode: u32) {
        let path = self.finished.folder().join(path);
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Closes a path to whoever runs programs: root passes everywhere, and so runs them as nobody.
    fn close(&self, path: &str) {
        self.set(path, if self.is_root { 0o700 } else { 0 });
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.current_dir(self.finished.folder()).args(arguments);
        if self.is_root {
            command.uid(65534).gid(65534);
        }
        command.output().unwrap()
    }
}

#[test]
fn what_another_user_owns_is_told_as_that() {
    let origin = Origin::new(concert);
    let finished = Recorder::new(origin.url("/film.m3u8")).run();
    assert!(finished.status.success(), "{}", finished.stderr);
    let strangers = Strangers::new(finished);
    let calls = [
        (
            env!("CARGO_BIN_EXE_isreplayer"),
            &["--list", "session1"][..],
        ),
        (env!("CARGO_BIN_EXE_adjacent-find"), &["session1"]),
        (env!("CARGO_BIN_EXE_issession"), &["check", "session1"]),
        (
            env!("CARGO_BIN_EXE_issession"),
            &["info", "sessions/session1"],
        ),
        (
            env!("CARGO_BIN_EXE_isrecorder"),
            &["--resume", "-s", "session1"],
        ),
    ];
    for closed in [
        "sessions/session1",
        "sessions/session1/session.db",
        "sessions",
    ] {
        strangers.close(closed);
        for (program, arguments) in calls {
            let output = strangers.run(program, arguments);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains(" may not read "), "{said}");
            assert!(
                said.contains(" belongs to ") && said.contains("sudo -u "),
                "{said}"
            );
        }
        let list = strangers.run(env!("CARGO_BIN_EXE_issession"), &["list"]);
        let all = String::from_utf8_lossy(&list.stdout).into_owned() + &said(&list);
        assert_eq!(list.status.code(), Some(1), "{all}");
        assert!(all.contains(" may not read "), "{all}");
        strangers.set(closed, 0o755);
    }
    strangers.set("sessions", 0o555);
    let url = origin.url("/film.m3u8");
    let output = strangers.run(env!("CARGO_BIN_EXE_isrecorder"), &[&url]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains(" may not make sessions/session2: "),
        "{}",
        said(&output)
    );
    strangers.set("sessions", 0o755);
}

fn answer(address: &str, path: &str, fields: &str) -> String {
    let mut stream = ask_with(address, path, fields);
    stream.flush().unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_slip_in_the_name_of_the_offset_is_told_and_the_log_names_the_client() {
    let mut replayed = Replayed::start(&[]);
    let address = replayed.address.to_string();
    for path in ["/stream.m3u8?ofset=5", "/main/stream.m3u8?a=1&Offset=5"] {
        let refused = answer(&address, path, "");
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
        assert!(refused.contains("did you mean offset="), "{refused}");
    }
    for path in ["/stream.m3u8?_HLS_msn=7", "/stream.m3u8?set=1"] {
        assert!(answer(&address, path, "").starts_with("HTTP/1.1 200 "));
    }
    let agent = "User-Agent: ExoTest/2.1 (a television)\r\n";
    assert!(answer(&address, "/stream.m3u8", agent).starts_with("HTTP/1.1 200 "));
    replayed.check();
    let log = replayed.said();
    assert!(log.contains("; to 127.0.0.1 (ExoTest/2.1)\n"), "{log}");
    assert!(log.contains("; to 127.0.0.1\n"), "{log}");
}

#[test]
fn a_parameter_that_the_origin_has_is_no_slip() {
    let origin = Origin::new(|ask| match ask.path() {
        "/film.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let made = Recorder::new(origin.url("/film.m3u8?ofset=3")).run();
    let session = made.session();
    let sessions = session.path().parent().unwrap();
    let replayer = crate::replay::Replayer::start(sessions, &["-p", "0", "session1"]);
    let own = answer(&replayer.address, "/stream.m3u8?ofset=3", "");
    assert!(!own.starts_with("HTTP/1.1 400 "), "{own}");
    let slip = answer(&replayer.address, "/stream.m3u8?offest=3", "");
    assert!(slip.starts_with("HTTP/1.1 400 "), "{slip}");
}
