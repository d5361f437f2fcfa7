//! What an origin does only because a recorder asks: the recorder tells it from the origin's own faults.

use std::process::Command;

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Window, ts};

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
fn who_closes_a_new_connection_too_has_a_fault_which_is_told_once() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/air.m3u8", 3 | 4) => Reply::nothing(End::Closed),
        ("/air.m3u8", nth) => Reply::playlist(Window::new(nth as u64, 2).ended_if(nth > 6).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/air.m3u8")).run().session();
    let told = find(&session, &["--faults"]);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("media air.m3u8 - short"), "{told}");
    let broken = session.outcomes("air.m3u8");
    let broken: Vec<&str> = broken.iter().map(|(_, outcome)| outcome.as_str()).collect();
    assert_eq!(broken[3..5], ["crossed", "short"]);
}

#[test]
fn a_new_connection_that_is_closed_is_a_fault_and_is_not_asked_again_at_once() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/air.m3u8", 2) => Reply::nothing(End::Closed),
        ("/air.m3u8", nth) => Reply::playlist(Window::new(nth as u64, 2).ended_if(nth > 4).text())
            .with("Connection", "close"),
        (path, _) => Reply::segment(ts(path)).with("Connection", "close"),
    });
    let session = Recorder::new(origin.url("/air.m3u8")).run().session();
    assert_eq!(session.number(CROSSED), 0);
    let told = find(&session, &["--faults"]);
    assert!(told.contains("media air.m3u8 - short"), "{told}");
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
