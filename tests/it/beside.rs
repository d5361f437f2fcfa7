//! `isrecorder --serve`: one command that records and shows.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;

use crate::support::client::{ask, get, led_by_location};
use crate::support::{Ask, Origin, Recorder, Recording, Reply, Window, ts};

const REVISIONS: &str = "SELECT count(*) FROM revision";
const FIRST_CHUNK: &str = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.name = 'seg0.ts' AND e.outcome = 'complete'";

/// A channel whose first segment is larger than what sockets hold.
fn channel(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 3, 3).text()),
        "/seg0.ts" => Reply::segment(ts("/seg0.ts").repeat(20_000)),
        path => Reply::segment(ts(path)),
    }
}

/// Where players are told to go.
pub fn address(recording: &mut Recording) -> String {
    recording.until_it_prints("everything there is");
    let printed = recording.printed();
    let play = printed
        .lines()
        .find_map(|line| line.strip_prefix("Play     http://"));
    play.unwrap().split('/').next().unwrap().to_owned()
}

#[test]
fn a_recording_is_shown_while_it_is_made() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--serve", "0"])
        .start();
    let address = address(&mut recording);
    recording.until_at_least(1, FIRST_CHUNK);
    recording.until("the newest is shown", || {
        let answer = get(&address, "/stream.m3u8");
        let first = answer
            .lines()
            .find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        answer.starts_with("HTTP/1.1 200 ") && first.is_some_and(|first| first != "0")
    });
    let redirect = get(&address, "/stream.m3u8?offset=0");
    let from_the_start = get(&address, &led_by_location("/stream.m3u8", &redirect));
    assert!(
        from_the_start.contains("\n#EXT-X-MEDIA-SEQUENCE:0\n"),
        "{from_the_start}"
    );
    let segment = format!("/http/127.0.0.1:{}/seg0.ts", origin.port());
    let mut answer = Vec::new();
    ask(&address, &segment).read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(&ts("/seg0.ts")), "{} bytes", answer.len());

    let finished = recording.interrupt();
    assert!(
        !finished.stderr.contains(" GET /stream.m3u8"),
        "what players ask for belongs to -v: {}",
        finished.stderr
    );
    finished.session();
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn each_stream_that_is_recorded_is_offered_by_its_name() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--serve", "0", "--bind", "127.0.0.1"])
        .args([&*format!("quay={}", origin.url("/live.m3u8"))])
        .args([&*format!("pier={}", origin.by_name("/live.m3u8"))])
        .start();
    let address = address(&mut recording);
    let printed = recording.printed();
    for path in ["quay/stream.m3u8", "pier/stream.m3u8"] {
        let line = format!(" http://{address}/{path}\n");
        assert!(printed.contains(&line), "{printed}");
        recording.until(path, || {
            get(&address, &format!("/{path}")).starts_with("HTTP/1.1 200 ")
        });
    }
    let start = format!(" http://{address}/quay/stream.m3u8?offset=0  (");
    assert!(printed.contains(&start), "{printed}");
    recording.interrupt().session();
}

#[test]
fn clients_that_misbehave_neither_hold_up_a_recording_nor_its_end() {
    let origin = Origin::new(channel);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--serve", "0", "--bind", "127.0.0.1"])
        .start();
    let address = address(&mut recording);
    recording.until_at_least(1, FIRST_CHUNK);
    let connect = || TcpStream::connect(&address).unwrap();
    let silent: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
    let segment = format!("/http/127.0.0.1:{}/seg0.ts", origin.port());
    let unread: Vec<TcpStream> = (0..20).map(|_| ask(&address, &segment)).collect();
    for garbage in [
        "\0\u{1}\u{2}\r\n\r\n",
        "GET /stream.m3u8 HTTP/9.9\r\n\r\n",
        "GET ",
    ] {
        connect().write_all(garbage.as_bytes()).unwrap();
    }
    for path in ["/../session.db", "/none/stream.m3u8", "/@99/http/x"] {
        assert!(get(&address, path).starts_with("HTTP/1.1 4"), "{path}");
    }
    let asked = origin.count("/live.m3u8");
    recording.until("polls go on", || origin.count("/live.m3u8") > asked + 6);
    let revisions = 3 + asked as i64 / 3;
    recording.until_at_least(revisions, REVISIONS);
    recording.signal(Signal::TERM);
    recording.finish().session();
    drop((silent, unread));
}

#[test]
fn a_port_that_is_taken_is_said_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let url = "http://127.0.0.1:9/x.m3u8";
    for (arguments, code) in [
        (&["--serve", &port, "--bind", "127.0.0.1", url], 1),
        (&["--serve", "70000", url, "-s", "x"], 2),
        (&["--bind", "127.0.0.1", url, "-s", "x"], 2),
    ] {
        let finished = Recorder::bare().args(*arguments).run();
        assert_eq!(finished.status.code(), Some(code), "{}", finished.stderr);
        assert!(
            !finished.folder().join("sessions").exists(),
            "{arguments:?}"
        );
    }
    let finished = Recorder::bare()
        .args(["--serve", &port, "--bind", "127.0.0.1", url])
        .run();
    let said = format!("port {port} is in use; choose another one with --serve");
    assert!(finished.stderr.contains(&said), "{}", finished.stderr);
}
