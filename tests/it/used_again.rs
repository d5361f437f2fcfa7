//! An origin that uses names of segments again while they are listed still: each time they are fetched, as players do.

use std::io::Read;
use std::process::Command;

use crate::replay::Replayer;
use crate::support::client::{ask, led};
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Stage, Window, ts};

/// Segments that are listed at once, and how often the window moves on.
const LISTED: u64 = 5;
const ADVANCES: u64 = 8;

const SEGMENTS: &str = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind = 'segment' AND e.body_id IS NOT NULL";

/// A channel whose names go round; what it wrote last under a name is there. At `/signed.m3u8` each refresh has a token.
fn ring(ask: &Ask, stage: &Stage, names: u64) -> Reply {
    let first = stage.at();
    if ask.path() == "/signed.m3u8" {
        let token = ask.nth;
        return Reply::playlist(
            Window::new(first, LISTED)
                .named(move |n| format!("wrap{}.ts?token={token}", n % names))
                .text(),
        );
    }
    if ask.path() == "/live.m3u8" {
        return Reply::playlist(
            Window::new(first, LISTED)
                .named(move |n| format!("wrap{}.ts", n % names))
                .text(),
        );
    }
    let is_it = |n: &u64| ask.path() == format!("/wrap{}.ts", n % names);
    let newest = (first..first + LISTED).rev().find(is_it);
    newest.map_or_else(Reply::not_found, |n| Reply::segment(ts(&written(n))))
}

fn written(n: u64) -> String {
    format!("bytes of segment {n};")
}

/// An answer with its body.
fn body(replayer: &Replayer, path: &str) -> String {
    let mut bytes = Vec::new();
    ask(&replayer.address, path)
        .read_to_end(&mut bytes)
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn recorded(names: u64) -> (Origin, Session) {
    recorded_of("/live.m3u8", names)
}

fn recorded_of(playlist: &str, names: u64) -> (Origin, Session) {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| ring(ask, &at, names));
    let mut recording = Recorder::new(origin.url(playlist)).start();
    for first in 0..=ADVANCES {
        stage.go(first);
        recording.until_at_least((names.min(LISTED) + first) as i64, SEGMENTS);
    }
    let session = recording.interrupt().session();
    session.check_invariants();
    (origin, session)
}

#[test]
fn each_segment_of_a_ring_of_names_is_had_and_replayed_at_its_moment() {
    // A file that is written over for each segment, rings shorter than the window, and one that is as long.
    for names in [1, 2, 3, 5] {
        let (origin, session) = recorded(names);
        let revisions: Vec<i64> =
            session.list("SELECT exchange_id FROM revision ORDER BY exchange_id");
        assert_eq!(revisions.len() as u64, ADVANCES + 1, "ring of {names}");
        for (first, revision) in (0..).zip(&revisions) {
            // All that the origin had at that moment, old names and the new one.
            for n in (first..first + LISTED).rev().take(names as usize) {
                let url = origin.url(&format!("/wrap{}.ts", n % names));
                assert_eq!(
                    session.answer_with(&url, *revision),
                    Some(ts(&written(n))),
                    "segment {n} at advance {first} of a ring of {names}"
                );
            }
        }
        let fetched = session.number(SEGMENTS) as u64;
        assert_eq!(
            fetched,
            names + ADVANCES,
            "once for each of a ring of {names}"
        );

        let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
        let list = replayer.get("/dvr.m3u8");
        let paths = list.lines().filter(|line| line.contains("exchange/"));
        let bodies: Vec<String> = paths
            .map(|line| body(&replayer, &led("/dvr.m3u8", line)))
            .collect();
        assert_eq!(bodies.len() as u64, LISTED + ADVANCES, "{list}");
        // What was written over before it was asked for is nowhere: it has the bytes that its name had.
        let had = |n: u64| (n..LISTED).rev().find(|one| one % names == n % names);
        for (n, body) in (0..).zip(&bodies) {
            let wanted = written(had(n).unwrap_or(n));
            assert!(body.contains(&wanted), "segment {n} of a ring of {names}");
        }
    }
}

#[test]
fn names_with_tokens_that_are_used_again_bring_the_newest_bytes_under_each_token() {
    let (origin, session) = recorded_of("/signed.m3u8", 3);
    let advances: Vec<i64> = session.list("SELECT exchange_id FROM revision ORDER BY exchange_id");
    for revision in advances {
        let text = String::from_utf8(session.body(revision)).unwrap();
        let first = text
            .lines()
            .find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
        let first: u64 = first.unwrap().parse().unwrap();
        let names = text.lines().filter(|line| line.starts_with("wrap"));
        for (n, name) in (first..).zip(names).skip(2) {
            assert_eq!(
                session.answer_with(&origin.url(&format!("/{name}")), revision),
                Some(ts(&written(n))),
                "segment {n}, {name}"
            );
        }
    }
    assert_eq!(session.number(SEGMENTS) as u64, 3 + ADVANCES);
}

#[test]
fn the_report_names_both_segments_that_have_one_name_at_once() {
    let (_, session) = recorded(3);
    let output = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(["--format", "json", "--severity", "info"])
        .arg(session.path())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let found = told.lines().find(|line| line.contains("\"T05\""));
    let found = found.unwrap_or_else(|| panic!("{told}"));
    let words =
        "segment 5 has the name of segment 2, which is still listed, and brought other bytes";
    assert!(found.contains(words), "{found}");
}

#[test]
fn names_that_are_listed_once_cost_one_request_each() {
    let (origin, session) = recorded(1000);
    for n in 0..LISTED + ADVANCES {
        assert_eq!(origin.count(&format!("/wrap{n}.ts")), 1, "segment {n}");
    }
    assert_eq!(session.number(SEGMENTS) as u64, LISTED + ADVANCES);
}
