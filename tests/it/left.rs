//! A recorder that is killed while its session is replayed.

use std::io::Read;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::replay::Replayer;
use crate::support::client::{ask_with, get};
use crate::support::{Origin, Recorder, Reply, Window, ts};

const CHUNKS: &str = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind = 'segment' AND e.outcome = 'complete'";

fn channel() -> Origin {
    Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 3, 3).text()),
        path => Reply::segment(ts(path)),
    })
}

/// What the index says of whether it is being recorded.
fn is_being_recorded(address: &str) -> bool {
    let mut answer = String::new();
    ask_with(address, "/", "Accept: application/json\r\n")
        .read_to_string(&mut answer)
        .unwrap();
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    let page: serde_json::Value = serde_json::from_str(json).unwrap();
    page["recording"].as_bool().unwrap()
}

/// A replayer that does not see it by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = now() + PATIENCE;
    while !condition() {
        assert!(now() < deadline, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_recorder_that_is_killed_is_known_to_be_gone_by_its_lock_whatever_its_last_sign_of_life_says() {
    let origin = channel();
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(3, CHUNKS);
    let replayer = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let address = replayer.address.clone();
    assert!(is_being_recorded(&address));
    let list = get(&address, "/dvr.m3u8");
    assert!(!list.contains("#EXT-X-ENDLIST"), "{list}");

    let before = recording.kill();
    let database = before.folder().join("sessions/session1/session.db");
    // As if it had been seen just now, for an hour to come.
    Connection::open(&database)
        .unwrap()
        .execute("UPDATE run SET seen_us = seen_us + 3600000000", [])
        .unwrap();
    until("it is no longer recorded", || !is_being_recorded(&address));
    let list = get(&address, "/dvr.m3u8");
    assert!(list.contains("#EXT-X-ENDLIST"), "{list}");

    Connection::open(&database)
        .unwrap()
        .execute("UPDATE run SET seen_us = seen_us - 3600000000", [])
        .unwrap();
    let mut again = Recorder::after(before, origin.url("/live.m3u8"))
        .args(["--resume", "-s", "session1"])
        .start();
    again.until("it is recorded again", || is_being_recorded(&address));
    again.interrupt().session();
}
