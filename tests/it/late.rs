//! Chunks that left their playlist before they could be had: they are tried as long as the origin has to keep them.

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// Status, from when on it is the answer, when it was requested, and whose doing it was, of each try.
fn tries(session: &Session, name: &str) -> Vec<(i64, i64, i64, Option<String>)> {
    session.rows(
        &format!(
            "SELECT ifnull(e.status, 0), e.from_us, e.requested_us, e.own_reason FROM exchange e
               JOIN resource r ON r.id = e.resource_id WHERE r.name = '{name}' ORDER BY e.id"
        ),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )
}

/// When the first revision came that no longer lists what the first one did.
fn left_us(session: &Session) -> i64 {
    session.number("SELECT min(seen_us) FROM revision WHERE media_sequence > 0")
}

#[test]
fn a_chunk_that_comes_when_it_is_no_longer_listed_is_the_answer_from_then_on() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), page.at()) {
        ("/live.m3u8", at) => Reply::playlist(Window::new(at.min(1), 20).text()),
        ("/seg0.ts", 0) => Reply::not_found(),
        ("/seg0.ts", 1) => Reply::html(503),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("a try while it is listed", || origin.count("/seg0.ts") > 0);
    stage.go(1);
    recording.until_at_least(1, "SELECT count(*) FROM revision WHERE media_sequence = 1");
    let before = origin.count("/seg0.ts");
    recording.until("another try", || origin.count("/seg0.ts") > before);
    stage.go(2);
    let good = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
                 WHERE r.name = 'seg0.ts' AND e.status = 200";
    recording.until_at_least(1, good);
    let tries_made = origin.count("/seg0.ts");
    let polls = origin.count("/live.m3u8");
    recording.until("polls after it", || origin.count("/live.m3u8") > polls + 5);
    assert_eq!(
        origin.count("/seg0.ts"),
        tries_made,
        "what has come is not asked for again"
    );
    let session = recording.interrupt().session();
    let tries = tries(&session, "seg0.ts");
    let (status, from_us, requested_us, own) = tries.last().unwrap().clone();
    assert_eq!((status, own), (200, None));
    assert_eq!(from_us, requested_us, "not before it was there");
    assert!(from_us > left_us(&session), "it was late");
    let url = origin.url("/seg0.ts");
    assert_eq!(session.answer(&url, from_us), Some(ts("/seg0.ts")));
    assert_eq!(
        session.answer(&url, from_us - 1),
        Some(Reply::html(503).body)
    );
    let listed_us = session
        .number("SELECT min(from_us) FROM exchange WHERE id IN (SELECT exchange_id FROM revision)");
    assert_eq!(tries[0].1, listed_us);
}

#[test]
fn a_chunk_that_never_comes_is_given_up_once_and_what_failed_too_late_is_no_fault() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        // Each is listed for two polls and a second long; it has to be there for two.
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 1).text()),
        "/seg0.ts" => Reply::not_found(),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_it_says("\"seg0.ts\" left its playlist and could not be had: given up");
    let made = origin.count("/seg0.ts");
    let polls = origin.count("/live.m3u8");
    recording.until("twenty polls", || origin.count("/live.m3u8") >= polls + 20);
    assert_eq!(origin.count("/seg0.ts"), made, "it is not tried any more");
    let finished = recording.interrupt();
    assert_eq!(
        finished.stderr.matches("given up").count(),
        1,
        "{}",
        finished.stderr
    );
    let session = finished.session();
    let left_us = left_us(&session);
    let tries = tries(&session, "seg0.ts");
    assert!(tries.iter().any(|(_, _, at, _)| *at > left_us), "{tries:?}");
    let whose: Vec<bool> = tries
        .iter()
        .map(|(_, _, _, own)| own.as_deref() == Some("too late"))
        .collect();
    assert!(
        !whose[0] && whose[whose.len() - 1] && whose.is_sorted(),
        "{tries:?}"
    );
    let answer = session.answer(&origin.url("/seg0.ts"), session.end_us());
    assert_eq!(answer, Some(Reply::not_found().body), "what a player met");
}

#[test]
fn late_chunks_that_hang_hold_up_neither_polls_nor_what_is_listed() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| {
        let number = ask
            .path()
            .trim_start_matches("/seg")
            .trim_end_matches(".ts");
        match (ask.path(), number.parse::<u64>()) {
            ("/live.m3u8", _) => Reply::playlist(Window::new(8 * page.at(), 8).text()),
            (_, Ok(0..8)) if page.at() == 0 => Reply::html(503),
            (_, Ok(0..8)) => Reply::nothing(End::Silent),
            (path, _) => Reply::segment(ts(path)),
        }
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("all have failed", || {
        (0..8).all(|n| origin.count(&format!("/seg{n}.ts")) > 0)
    });
    let first = |n: u64| origin.count(&format!("/seg{n}.ts"));
    let before: usize = (0..8).map(first).sum();
    stage.go(1);
    recording.until("late ones hang", || {
        (0..8).map(first).sum::<usize>() >= before + 4
    });
    for page in 2..5 {
        stage.go(page);
        let all = 8 * page..8 * page + 8;
        recording.until("all that is listed", || {
            all.clone()
                .all(|n| origin.count(&format!("/seg{n}.ts")) > 0)
        });
    }
    let session = recording.interrupt().session();
    let missing: Vec<u64> = (16..40)
        .filter(|n| {
            let name = format!("/seg{n}.ts");
            session.answer(&origin.url(&name), session.end_us()) != Some(ts(&name))
        })
        .collect();
    assert!(missing.iter().all(|n| *n >= 32), "{missing:?}");
}

#[test]
fn the_end_of_a_stream_waits_for_what_is_late() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", _) => {
            let at = page.at();
            Reply::playlist(Window::new(at, 6).ended_if(at > 0).text())
        }
        ("/seg0.ts", nth) if nth < 5 => Reply::html(503),
        ("/seg0.ts", _) => Reply::segment(ts("/seg0.ts")),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("a failure", || origin.count("/seg0.ts") > 0);
    stage.go(1);
    let finished = recording.finish();
    assert!(
        finished.stderr.contains("the stream has ended"),
        "{}",
        finished.stderr
    );
    let session = finished.session();
    let answer = session.answer(&origin.url("/seg0.ts"), session.end_us());
    assert_eq!(answer, Some(ts("/seg0.ts")));
}

#[test]
fn where_the_last_seconds_are_kept_what_is_late_still_finds_its_place() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match (ask.path(), page.at()) {
        ("/live.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64 / 5, 40).text()),
        ("/seg1.ts", 0) => Reply::html(503),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--keep", "5s"])
        .start();
    let listing_is_gone = "SELECT count(*) FROM event WHERE id = 0
        AND at_us > (SELECT started_us FROM run WHERE id = 1) + 9000000";
    recording.until_at_least(1, listing_is_gone);
    stage.go(1);
    let good = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
                 WHERE r.name = 'seg1.ts' AND e.status = 200";
    recording.until_at_least(1, good);
    let session = recording.interrupt().session();
    let answer = session.answer(&origin.url("/seg1.ts"), session.end_us());
    assert_eq!(answer, Some(ts("/seg1.ts")));
}

#[test]
fn segments_that_were_not_asked_for_since_others_come_slowly_are_told_as_that() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        // Each is listed for two polls and a second long.
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 1).text()),
        // Ten bytes, and nothing for as long as that may be.
        path => Reply::segment(ts(path)).ending(End::Hang(10)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--stall", "600", "--max-time", "600"])
        .args([
            "--limit",
            "downloads=3",
            "--limit",
            "downloads-per-playlist=2",
        ])
        .start();
    let told = "left its playlist and was not asked for in time: what 127.0.0.1:";
    recording.until_it_says(told);
    recording.until_it_says(": slow: 0.0 kB/s, ");
    let finished = recording.interrupt();
    let (log, out) = (&finished.stderr, &finished.stdout);
    let line = log.lines().find(|line| line.contains(told)).unwrap();
    assert!(line.contains(" sends is slow, all "), "{line}");
    assert!(
        line.contains(" downloads were under way, one for "),
        "{line}"
    );
    assert!(line.ends_with("=N allows more at once)"), "{line}");
    // Two of the playlist, one that is late, and six that are slow: what comes then has no turn.
    let asked = (0..1000).filter(|n| origin.count(&format!("/seg{n}.ts")) > 0);
    assert!(asked.count() <= 9);
    assert!(!log.contains("given up"), "{log}");
    let own = |line: &&str| {
        line.starts_with("The recorder itself: ")
            && line.contains(" not asked for, as all its downloads")
    };
    assert!(out.lines().any(|line| own(&line)), "{out}");
    assert!(!out.contains("segments lost"), "{out}");
    finished.session();
}
