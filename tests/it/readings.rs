//! What readers make of rows that are added by hand to a session that was written.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use isrecorder::analysis::adjacent::{Search, Threshold};
use isrecorder::session::{KnownPlaylists, Notice, NoticeEvent, Outcome, ReadError, Reader};

use super::support::made::{Life, Made};
use super::support::{Dice, seed};

fn made(life: Life) -> Made {
    Made::new(&mut Dice::new(seed()), life)
}

/// Hosts that asked for patience for all of a session.
fn ask_for_patience(made: &Made, hosts: &[&str]) {
    for host in hosts {
        made.alter(&format!(
            "INSERT INTO event (at_us, length_us, kind, detail)
             SELECT min(started_us), 3600000000, 'left alone', '{host}' FROM run"
        ));
    }
}

/// What one of this kind was redirected to, on another host.
fn on_the_edge(kind: &str) -> String {
    format!(
        "INSERT INTO resource (id, stream_id, kind, url, path_url, name)
         SELECT 9001, stream_id, kind, 'https://edge.example/a', 'https://edge.example/a', 'a' FROM resource WHERE kind = '{kind}' LIMIT 1"
    )
}

/// Hosts that asked for patience, of what was noticed in a gap.
fn asked_for_patience(noticed: Vec<NoticeEvent>) -> impl Iterator<Item = String> {
    let asked = noticed
        .into_iter()
        .filter(|event| event.kind == Notice::LeftAlone);
    asked.map(|event| event.detail)
}

fn set(hosts: &[&str]) -> BTreeSet<String> {
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

const ANY: Threshold = Threshold(Some(Duration::ZERO));

#[test]
fn a_gap_is_told_of_the_patience_that_hosts_of_its_own_playlist_asked_for() {
    let made = made(Life::Stopped);
    // Its last poll was redirected.
    made.alter(&format!(
        "{};
         UPDATE run SET stopped_us = 1000000 + (SELECT max(requested_us) FROM exchange), seen_us = 1000000 + (SELECT max(requested_us) FROM exchange);
         INSERT INTO exchange (id, resource_id, from_us, requested_us, wait_us, status, outcome)
         SELECT 9001, (SELECT min(id) FROM resource WHERE kind = 'media'), stopped_us, stopped_us, 0, 302, 'complete' FROM run;
         INSERT INTO exchange (id, resource_id, head_id, from_us, requested_us, wait_us, status, outcome)
         SELECT 9002, 9001, 9001, stopped_us, stopped_us, 0, 503, 'complete' FROM run",
        on_the_edge("media")
    ));
    let hosts = ["h.example:80", "media.example:80", "edge.example:443"];
    ask_for_patience(&made, &hosts);
    let reader = Reader::open(&made.session()).unwrap();
    let search = Search::new(&reader, ANY).unwrap();
    let mut told = BTreeSet::new();
    for playlist in reader.media_playlists().unwrap() {
        let each = |gap: isrecorder::analysis::adjacent::Gap| {
            told.extend(asked_for_patience(gap.noticed));
            Ok::<(), ReadError>(())
        };
        search.gaps(&playlist, each).unwrap();
    }
    assert_eq!(told, set(&["edge.example:443", "h.example:80"]));
}

#[test]
fn a_silence_is_told_of_the_patience_that_hosts_of_its_own_stream_asked_for() {
    let made = made(Life::Plain);
    made.alter(&format!(
        "UPDATE exchange SET wire_bytes = 3000, requested_us = requested_us + id * 10000000;
         UPDATE run SET seen_us = seen_us + 60000000, stopped_us = stopped_us + 60000000;
         {}",
        on_the_edge("main")
    ));
    let hosts = ["h.example:80", "media.example:80", "edge.example:443"];
    ask_for_patience(&made, &hosts);
    let reader = Reader::open(&made.session()).unwrap();
    let search = Search::new(&reader, ANY).unwrap();
    let mut told = BTreeSet::new();
    for stream in search.raw_streams().unwrap() {
        let each = |gap: isrecorder::analysis::raw::RawGap| {
            told.extend(asked_for_patience(gap.noticed));
            Ok::<(), ReadError>(())
        };
        search.raw_gaps(&stream, each).unwrap();
    }
    assert_eq!(told, set(&["edge.example:443", "h.example:80"]));
}

/// How many segments were not asked for while the disk was full.
fn not_asked_for(made: &Made) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_issession"))
        .args(["info", "--json"])
        .arg(made.path())
        .output()
        .unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    info["not_asked_for"].as_u64().unwrap()
}

#[test]
fn what_was_passed_over_before_the_disk_was_full_was_not_left_for_that() {
    // The first segment was never asked for, the next ones were.
    let full = |at_us: &str| {
        let made = made(Life::Stopped);
        made.alter(&format!(
            "DELETE FROM exchange WHERE resource_id = (SELECT min(id) FROM resource WHERE kind = 'segment');
             INSERT INTO event (at_us, length_us, kind, detail) SELECT {at_us}, 3600000000, 'disk full', '' FROM exchange"
        ));
        not_asked_for(&made)
    };
    assert_eq!(full("min(requested_us) - 1"), 1);
    // No request is left behind that moment.
    assert_eq!(full("max(requested_us) + 1"), 0);
}

#[test]
fn an_error_that_was_answered_within_a_clip_is_one_however_long_its_body_came() {
    let made = made(Life::Stopped);
    let segment = |n: u32| {
        format!(
            "(SELECT max(id) FROM exchange WHERE resource_id = (SELECT id FROM resource WHERE kind = 'segment' ORDER BY id LIMIT 1 OFFSET {n}))"
        )
    };
    made.alter(&format!(
        "UPDATE exchange SET status = 200, outcome = 'complete', error = NULL, failed_us = NULL, wait_us = 500, receive_us = 1;
         UPDATE exchange SET status = 503, receive_us = 3600000000 WHERE id = {};
         UPDATE exchange SET outcome = 'reset', receive_us = 3600000000 WHERE id = {};
         INSERT OR REPLACE INTO event (id, at_us, kind, detail)
         SELECT 0, min(started_us), 'kept from', 'clip of s, from 0 s to 9 s (' FROM run",
        segment(0),
        segment(1),
    ));
    let reader = Reader::open(&made.session()).unwrap();
    let counts = reader.fault_counts().unwrap();
    let faults: Vec<_> = counts
        .iter()
        .map(|count| (count.status, count.outcome, count.times))
        .collect();
    assert_eq!(faults, [(Some(503), Outcome::Complete, 1)]);
}

#[test]
fn of_a_stream_with_a_name_that_is_too_long_no_request_is_told() {
    let made = made(Life::Stopped);
    let attempts = || {
        let reader = Reader::open(&made.session()).unwrap();
        let raw = reader.raw_streams().unwrap();
        let mut known = KnownPlaylists::default();
        reader.attempts_after(0, &raw, &mut known).unwrap().len()
    };
    assert!(attempts() > 10);
    made.alter("UPDATE stream SET name = printf('%.*c', 70000, 'x')");
    assert_eq!(attempts(), 0);
}
