//! What an origin does only because a recorder asks: the recorder tells it from the origin's own faults.

use std::process::Command;

use crate::replay::Replayer;
use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// What adjacent-find says of a session.
fn find(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const CROSSED: &str = "SELECT count(*) FROM exchange WHERE outcome = 'crossed'";

/// A radio mast: behind a redirect a playlist of which each second poll shows a new segment.
fn mast(ask: &Ask) -> Reply {
    match ask.path() {
        "/mast.m3u8" => Reply::redirect(302, "/hour/air.m3u8"),
        "/hour/air.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 3).text()),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn a_kept_connection_that_is_closed_as_a_request_crosses_it_is_no_fault_and_no_poll() {
    // Whatever comes second on a connection finds it closed, or reset.
    let origin = Origin::new(|ask| match ask.carried {
        0 => mast(ask),
        _ if ask.path().ends_with(".ts") => Reply::nothing(End::Aborted),
        _ => Reply::nothing(End::Closed),
    });
    let mut recording = Recorder::new(origin.url("/mast.m3u8")).start();
    recording.until_at_least(4, CROSSED);
    let of_segments =
        format!("{CROSSED} AND resource_id IN (SELECT id FROM resource WHERE kind = 'segment')");
    recording.until_at_least(1, &of_segments);
    recording.until_at_least(6, "SELECT count(*) FROM revision");
    let finished = recording.interrupt();
    let said = finished.stderr.clone();
    let session = finished.session();

    assert_eq!(find(&session, &["--faults"]), "", "no fault of the origin");
    assert!(!said.contains("closed as the request"), "{said}");
    // Each was asked again at once, for the same reason, on a new connection.
    let again = "SELECT count(*) FROM exchange c WHERE c.outcome = 'crossed' AND NOT EXISTS (
        SELECT 1 FROM exchange e WHERE e.resource_id = c.resource_id AND e.id > c.id AND e.outcome <> 'crossed'
           AND e.referrer_id IS c.referrer_id AND e.from_us >= c.from_us)";
    assert!(
        session.number(again) <= 1,
        "one at most was cut off at the end"
    );
    assert_eq!(
        session.number(&format!("{CROSSED} AND failed_us IS NULL")),
        0,
        "how long was waited in vain is known"
    );
    let asks = origin.asks();
    for (path, of_path) in [
        ("/mast.m3u8", true),
        ("/hour/air.m3u8", true),
        ("/hour/seg1.ts", false),
    ] {
        let carried: Vec<usize> = asks
            .iter()
            .filter(|a| a.path() == path)
            .map(|a| a.carried)
            .collect();
        let twice = carried.windows(2).filter(|two| two[0] > 0 && two[1] > 0);
        assert_eq!(twice.count(), 0, "{path}: {carried:?}");
        assert!(!of_path || carried.contains(&0));
    }
    // Nor do the tables of the original and the answers know of it.
    assert_eq!(
        session.number("SELECT count(*) FROM simple_playlist WHERE error IS NOT NULL"),
        0
    );
    assert_eq!(
        session.number("SELECT count(*) FROM segments WHERE error IS NOT NULL"),
        0
    );
    for at_us in [session.zero_us(), session.end_us()] {
        let answer = session
            .answer(&origin.url("/hour/air.m3u8"), at_us)
            .unwrap();
        assert!(answer.starts_with(b"#EXTM3U"));
    }
    // What the first revision lists is there with it, also what had crossed.
    for n in 0..3 {
        let path = format!("/hour/seg{n}.ts");
        assert_eq!(
            session.answer(&origin.url(&path), session.zero_us()),
            Some(ts(&path))
        );
    }
}

#[test]
fn a_steering_manifest_crosses_the_end_of_a_connection_like_anything_else() {
    let steered = "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"wheel.json\",PATHWAY-ID=\"port\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"port\"\nair.m3u8\n";
    let wheel = r#"{"VERSION":1,"TTL":1,"PATHWAY-PRIORITY":["port"]}"#;
    let origin = Origin::new(move |ask| match (ask.path(), ask.carried) {
        ("/wheel.json", 1..) => Reply::nothing(End::Closed),
        ("/wheel.json", 0) => Reply::new(200, "application/json", wheel),
        ("/boat.m3u8", _) => Reply::playlist(steered),
        ("/air.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64, 2).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/boat.m3u8")).start();
    let of_wheel =
        format!("{CROSSED} AND resource_id = (SELECT id FROM resource WHERE kind = 'steering')");
    recording.until_at_least(1, &of_wheel);
    let session = recording.interrupt().session();
    assert_eq!(find(&session, &["--faults"]), "");
    let answer = session.answer(&origin.url("/wheel.json"), session.end_us());
    assert_eq!(answer, Some(wheel.into()));
}

#[test]
fn who_closes_a_new_connection_too_has_a_fault_which_is_told_once() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/air.m3u8", 3 | 4) => Reply::nothing(End::Closed),
        ("/air.m3u8", nth) => {
            Reply::playlist(Window::new(nth.min(7) as u64, 2).ended_if(nth > 6).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/air.m3u8")).run().session();
    let told = find(&session, &["--faults"]);
    assert!(told.contains(": playlist air.m3u8, 1 poll; "), "{told}");
    assert!(told.contains("\n1 outage, 1 fault"), "{told}");
    let broken = session.outcomes("air.m3u8");
    let broken: Vec<&str> = broken.iter().map(|(_, outcome)| outcome.as_str()).collect();
    assert_eq!(broken[3..5], ["crossed", "short"]);
}

#[test]
fn a_new_connection_that_is_closed_is_a_fault_and_is_not_asked_again_at_once() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/air.m3u8", 2) => Reply::nothing(End::Closed),
        ("/air.m3u8", nth) => {
            Reply::playlist(Window::new(nth.min(5) as u64, 2).ended_if(nth > 4).text())
                .with("Connection", "close")
        }
        (path, _) => Reply::segment(ts(path)).with("Connection", "close"),
    });
    let session = Recorder::new(origin.url("/air.m3u8")).run().session();
    assert_eq!(session.number(CROSSED), 0);
    let told = find(&session, &["--faults"]);
    assert!(
        told.starts_with("closed without an answer for 0."),
        "{told}"
    );
    assert!(told.contains(": playlist air.m3u8, 1 poll; "), "{told}");
}

#[test]
fn connections_are_not_kept_for_as_long_as_their_server_keeps_them() {
    for (said, is_kept) in [("timeout=1, max=100", false), ("max=9, timeout=60", true)] {
        let origin = Origin::new(move |ask| mast(ask).with("Keep-Alive", said));
        let mut recording = Recorder::new(origin.url("/mast.m3u8")).start();
        recording.until("ten polls", || origin.count("/hour/air.m3u8") >= 10);
        drop(recording.interrupt());
        let polls = origin.asks_for("/hour/air.m3u8");
        // The first answer says it.
        let carried = polls.iter().skip(1).filter(|ask| ask.carried > 0).count();
        assert_eq!(carried > 0, is_kept, "{said}: {carried} of {}", polls.len());
    }
}

const KEY: &str = "#EXT-X-KEY:METHOD=AES-128,URI=\"box.key\"";
const KEY_ROWS: &str =
    "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'key'";

/// An encrypted channel: a new segment with each second poll; its encoder begins again with each stage.
fn scrambled(ask: &Ask, stage: u64) -> Reply {
    match (ask.path(), stage) {
        ("/box.m3u8", 0) => {
            Reply::playlist(Window::new(5000 + ask.nth as u64 / 2, 3).headed(KEY).text())
        }
        ("/box.m3u8", _) => Reply::playlist(
            Window::new(0, 3)
                .named(move |n| format!("life{stage}-{n}.ts"))
                .headed(KEY)
                .text(),
        ),
        ("/box.key", stage) => Reply::key([stage as u8; 16]),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_known_key_is_asked_for_once_however_many_segments_use_it() {
    let origin = Origin::new(|ask| scrambled(ask, 0));
    let mut recording = Recorder::new(origin.url("/box.m3u8")).start();
    recording.until_at_least(12, "SELECT count(*) FROM segments WHERE path IS NOT NULL");
    let session = recording.interrupt().session();
    assert_eq!(origin.count("/box.key"), 1);
    for at_us in [session.zero_us(), session.end_us()] {
        let key = session.answer(&origin.url("/box.key"), at_us);
        assert_eq!(key, Some(vec![0; 16]));
    }
}

#[test]
fn new_bytes_behind_an_unchanged_key_uri_after_a_restart_are_the_answer_from_then_on() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| scrambled(ask, page.at()));
    let mut recording = Recorder::new(origin.url("/box.m3u8")).start();
    recording.until_at_least(1, KEY_ROWS);
    stage.go(1);
    recording.until_at_least(2, KEY_ROWS);
    let session = recording.interrupt().session();

    let restart: i64 = session.one("SELECT exchange_id FROM placement WHERE step = 'restarted'");
    let url = origin.url("/box.key");
    assert_eq!(session.answer(&url, session.zero_us()), Some(vec![0; 16]));
    let key = session.answer_with(&url, restart);
    assert_eq!(
        key,
        Some(vec![1; 16]),
        "from when its listing is the answer"
    );
    assert_eq!(
        session.number("SELECT count(*) FROM body WHERE size = 16"),
        2
    );
}

#[test]
fn a_key_that_is_given_once_is_the_answer_for_ever() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
        ("/box.key", 1..) => Reply::new(403, "text/plain", "once"),
        _ => scrambled(ask, page.at()),
    });
    let mut recording = Recorder::new(origin.url("/box.m3u8")).start();
    recording.until_at_least(1, KEY_ROWS);
    stage.go(1);
    let again = "SELECT count(*) FROM exchange WHERE own_reason = 'key again' AND note IS NOT NULL";
    recording.until_at_least(1, again);
    let finished = recording.interrupt();
    assert!(!finished.stderr.contains("HTTP 403"), "{}", finished.stderr);
    let session = finished.session();
    assert_eq!(find(&session, &["--faults"]), "");
    let key = session.answer(&origin.url("/box.key"), session.end_us());
    assert_eq!(key, Some(vec![0; 16]));
}

#[test]
fn a_key_that_is_confirmed_is_the_one_that_was_had() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/box.key" => Reply::key([9; 16]).tagged(ask),
        _ => scrambled(ask, page.at()),
    });
    let mut recording = Recorder::new(origin.url("/box.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM segments WHERE path IS NOT NULL");
    recording.until_at_least(1, KEY_ROWS);
    stage.go(1);
    recording.until_at_least(2, KEY_ROWS);
    recording.until_at_least(3, "SELECT count(*) FROM segments WHERE name LIKE 'life1-%'");
    let session = recording.interrupt().session();

    let asks = origin.asks_for("/box.key");
    let conditions: Vec<bool> = asks
        .iter()
        .map(|ask| ask.header("if-none-match").is_some())
        .collect();
    assert_eq!(conditions, [false, true]);
    assert_eq!(session.outcomes("box.key")[1], (304, "complete".to_owned()));
    let restart: i64 = session.one("SELECT exchange_id FROM placement WHERE step = 'restarted'");
    assert_eq!(
        session.answer_with(&origin.url("/box.key"), restart),
        Some(vec![9; 16])
    );
    let kept: Vec<Vec<u8>> = session.list("SELECT data FROM keys");
    assert_eq!(kept, [[9; 16], [9; 16]], "also in the original's table");
    // Everything that was recorded, as one playlist: nothing is missing for want of a key.
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let all = replayer.get("/dvr.m3u8");
    assert!(all.contains("life1-2.ts"), "{all}");
    assert!(!all.contains("EXT-X-GAP"), "{all}");
}

/// A tide gauge that is read with each second request. Its origin makes validators once, and never again.
fn gauge(ask: &Ask) -> Reply {
    if !ask.path().ends_with(".m3u8") {
        return Reply::segment(ts(ask.path()));
    }
    let tide = Reply::playlist(Window::new(ask.nth as u64 / 2, 20).text());
    tide.with("ETag", "\"spring\"")
        .with("Last-Modified", "Mon, 02 Mar 2020 02:02:02 GMT")
}

fn is_conditional(ask: &Ask) -> bool {
    ["if-none-match", "if-modified-since"]
        .iter()
        .any(|name| ask.header(name).is_some())
}

#[test]
fn who_says_not_modified_of_a_playlist_that_goes_on_is_believed_for_a_while_only() {
    let origin = Origin::new(|ask| match is_conditional(ask) {
        true => Reply {
            status: 304,
            body: Vec::new(),
            ..gauge(ask)
        },
        false => gauge(ask),
    });
    let url = origin.url("/gauge.m3u8");
    let mut recording = Recorder::new(&url).start();
    recording.until_at_least(5, "SELECT count(*) FROM revision WHERE advance");
    let finished = recording.interrupt();
    assert!(
        finished.stderr.contains("its validators are false"),
        "{}",
        finished.stderr
    );
    let session = finished.session();

    // Asked whole; then conditionally, until that is tried; then never again.
    let conditions: Vec<bool> = origin
        .asks_for("/gauge.m3u8")
        .iter()
        .map(is_conditional)
        .collect();
    let turns = conditions.windows(2).filter(|two| two[0] != two[1]).count();
    assert_eq!((conditions[0], turns), (false, 2), "{conditions:?}");
    let told: Vec<String> =
        session.list("SELECT detail FROM event WHERE kind = 'false validators'");
    assert_eq!(told, [url]);
    // When the second revision was there first is not known from confirmations that were false.
    let bounds = "SELECT v.not_before_us = f.requested_us FROM revision v, exchange f
        WHERE v.exchange_id = (SELECT min(exchange_id) FROM revision WHERE not_before_us IS NOT NULL)
          AND f.id = (SELECT min(exchange_id) FROM revision)";
    assert!(session.one::<bool>(bounds));
    let said = find(&session, &["-t", "1"]);
    assert!(said.contains("Its validators were false here"), "{said}");
    let gap = find(&session, &["-t", "1", "--json"]);
    let gap: serde_json::Value = serde_json::from_str(gap.lines().next().unwrap()).unwrap();
    assert_eq!(gap["detail"]["recorder"]["false_validators"], true);
}

#[test]
fn who_says_not_modified_of_any_version_is_found_by_asking_with_an_outdated_one() {
    // Each answer has a version of its own, and each request with a version is answered with 304.
    let origin = Origin::new(|ask| match (ask.path(), is_conditional(ask)) {
        ("/gauge.m3u8", true) => Reply::new(304, "text/plain", ""),
        ("/gauge.m3u8", false) => {
            let tide = Reply::playlist(Window::new(ask.nth as u64 / 2, 20).text());
            tide.with("ETag", format!("\"{}\"", ask.nth))
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/gauge.m3u8");
    let mut recording = Recorder::new(&url).start();
    recording.until_it_says("its validators are false");
    recording.until_at_least(6, "SELECT count(*) FROM revision WHERE advance");
    let session = recording.interrupt().session();

    let asked_with: Vec<Option<String>> = origin
        .asks_for("/gauge.m3u8")
        .iter()
        .map(|ask| ask.header("if-none-match").map(str::to_owned))
        .collect();
    let last = asked_with.iter().rposition(Option::is_some).unwrap();
    assert!(
        asked_with.len() > last + 3,
        "then never again: {asked_with:?}"
    );
    let probes = "SELECT count(*) FROM exchange WHERE own_reason = 'probe' AND status = 304
        AND confirms_id IS NULL AND note IS NOT NULL";
    assert_eq!(session.number(probes), 2);
    assert_eq!(
        session.number("SELECT count(*) FROM event WHERE kind = 'false validators'"),
        1
    );
    // None of them is an answer: what a revision brought is not taken back.
    let after = "SELECT e.from_us FROM exchange e WHERE own_reason = 'probe' ORDER BY id";
    for at_us in session.list::<i64>(after) {
        let before = format!(
            "SELECT max(v.exchange_id) FROM revision v JOIN exchange e ON e.id = v.exchange_id WHERE e.from_us <= {at_us}"
        );
        let newest = session.body(session.number(&before));
        assert_eq!(session.answer(&url, at_us), Some(newest));
    }
}

#[test]
fn a_frozen_channel_with_true_validators_is_asked_for_whole_now_and_then_and_stays_frozen() {
    let origin = Origin::new(|ask| match ask.path() {
        "/ice.m3u8" => Reply::playlist(Window::new(3, 3).text()).tagged(ask),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/ice.m3u8")).start();
    let polls = || origin.asks_for("/ice.m3u8");
    let whole = || polls().iter().filter(|ask| !is_conditional(ask)).count();
    recording.until("two polls without conditions", || whole() >= 3);
    let before = polls().len();
    recording.until("more polls", || polls().len() >= before + 2);
    let finished = recording.interrupt();
    assert!(
        !finished.stderr.contains("validators"),
        "{}",
        finished.stderr
    );
    let session = finished.session();
    assert_eq!(session.number("SELECT count(*) FROM revision"), 1);
    assert_eq!(
        session.number("SELECT count(*) FROM event WHERE kind = 'false validators'"),
        0
    );
    assert!(
        polls()[before..].iter().any(is_conditional),
        "it is still believed"
    );
}
