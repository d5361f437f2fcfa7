//! Whatever an origin does is data: an exchange that says what happened; and polling goes on.

use crate::support::{Ask, End, Files, Origin, Recorder, Reply, Stage, Window, ts};

/// Each way in which a poll can fail, with what is recorded of it: status, outcome, bytes.
fn faults() -> Vec<(Reply, i64, &'static str, usize)> {
    let whole = || Reply::playlist(Window::new(900, 3).text());
    let raw = Reply {
        body: b"ICY OK, this is no HTTP at all\r\n\r\n".to_vec(),
        ..Reply::nothing(End::Raw)
    };
    vec![
        (Reply::html(500), 500, "complete", 31),
        (Reply::not_found(), 404, "complete", 31),
        (Reply::playlist(""), 200, "not a playlist", 0),
        (Reply::html(200), 200, "not a playlist", 31),
        (Reply::nothing(End::Closed), 0, "short", 0),
        (Reply::nothing(End::Aborted), 0, "reset", 0),
        (whole().ending(End::Reset(0)), 200, "reset", 0),
        (whole().ending(End::Cut(20)), 200, "short", 20),
        (whole().ending(End::Hang(20)), 200, "body timeout", 20),
        (Reply::nothing(End::Silent), 0, "response timeout", 0),
        (raw, 0, "protocol", 0),
        (Reply::redirect(302, "file:///etc/passwd"), 302, "scheme", 0),
        (
            whole().with("Content-Encoding", "br"),
            200,
            "encoding",
            whole().body.len(),
        ),
    ]
}

/// Every second poll fails, each in another way.
fn troubled(ask: &Ask) -> Reply {
    let faults = faults();
    match (ask.path(), ask.nth) {
        ("/live.m3u8", nth) if nth % 2 == 1 && nth / 2 < faults.len() => faults[nth / 2].0.clone(),
        // What breaks a new connection is no crossing.
        ("/live.m3u8", nth) => {
            Reply::playlist(Window::new(nth as u64 / 2, 2).text()).with("Connection", "close")
        }
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn every_way_in_which_a_playlist_fails_is_recorded_as_that_and_polling_goes_on() {
    let faults = faults();
    let origin = Origin::new(troubled);
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--max-time", "0.6"])
        .start();
    recording.until_at_least(faults.len() as i64 + 1, "SELECT count(*) FROM revision");
    let session = recording.interrupt().session();

    let polls: Vec<(i64, i64, String, usize)> = session.rows(
        "SELECT e.id, ifnull(e.status, 0), e.outcome, ifnull(e.wire_bytes, 0) FROM exchange e
           JOIN resource r ON r.id = e.resource_id WHERE r.name = 'live.m3u8' ORDER BY e.id",
        |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get::<_, i64>(3)? as usize,
            ))
        },
    );
    assert_eq!(
        polls.len(),
        origin.count("/live.m3u8"),
        "none is tried twice behind our back"
    );
    for (nth, (id, status, outcome, bytes)) in polls.into_iter().enumerate().take(2 * faults.len())
    {
        if nth % 2 == 0 {
            assert_eq!((status, outcome.as_str()), (200, "complete"), "poll {nth}");
            assert_eq!(
                session.body(id),
                Window::new(nth as u64 / 2, 2).text().into_bytes()
            );
            continue;
        }
        let (reply, as_status, as_outcome, of_bytes) = &faults[nth / 2];
        assert_eq!(
            (status, outcome.as_str(), bytes),
            (*as_status, *as_outcome, *of_bytes),
            "{reply:?}"
        );
        if bytes > 0 {
            assert_eq!(session.body(id), reply.body[..bytes]);
        }
    }
    // How long was waited in vain is known, and only there.
    let failed = "SELECT count(*) FROM exchange WHERE (failed_us IS NULL) = (status IS NULL)";
    assert_eq!(session.number(failed), 0);
    let waited = "SELECT failed_us BETWEEN 550000 AND 5000000 FROM exchange WHERE outcome = 'response timeout'";
    assert!(session.list::<bool>(waited).contains(&true));
    // The original's view shows them with an error each, and the revisions without.
    assert_eq!(
        session.number("SELECT count(*) FROM simple_playlist WHERE error IS NULL"),
        session.number("SELECT count(*) FROM revision")
    );
    assert_eq!(session.number("SELECT count(*) FROM simple_playlist WHERE error IS NOT NULL AND error_code IS NOT NULL") as usize, faults.len());
}

#[test]
fn an_origin_that_goes_away_is_asked_again_and_again() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 2).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM segments");
    drop(origin);
    recording.until_at_least(3, "SELECT count(*) FROM exchange WHERE outcome = 'refused'");
    let session = recording.interrupt().session();
    assert_eq!(session.number("SELECT count(*) FROM revision"), 1);
    assert_eq!(session.number("SELECT count(*) FROM exchange WHERE outcome = 'refused' AND status IS NULL AND error IS NOT NULL AND wait_us IS NULL AND wire_bytes IS NULL AND failed_us >= 0"), session.number("SELECT count(*) FROM exchange WHERE outcome = 'refused'"));
}

#[test]
fn a_stream_that_is_not_there_yet_is_waited_for() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", 0) => Reply::not_found(),
        ("/main.m3u8", _) => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"),
        ("/v.m3u8", 1) => Reply::html(503),
        ("/v.m3u8", _) => Reply::playlist(Window::new(0, 1).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls in vain", || origin.count("/main.m3u8") >= 2);
    stage.go(1);
    recording.until("more polls in vain", || origin.count("/v.m3u8") >= 2);
    stage.go(2);
    let session = recording.finish().session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
    assert_eq!(
        session.answer(&origin.url("/main.m3u8"), session.zero_us()),
        Some(Reply::not_found().body)
    );
    assert_eq!(
        session.answer(&origin.url("/seg0.ts"), session.end_us()),
        Some(ts("/seg0.ts"))
    );
    assert_eq!(
        session
            .list::<i64>("SELECT DISTINCT error_code FROM main_playlist WHERE error IS NOT NULL"),
        [404]
    );
}

#[test]
fn broken_chunks_are_kept_as_far_as_they_came_and_tried_again() {
    let whole = || Reply::segment(ts("whole").repeat(4));
    let playlist = Window::new(0, 4).ended().text();
    let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
        ("/vod.m3u8", _) => Reply::playlist(playlist.clone()),
        ("/seg0.ts", 0) => whole().ending(End::Cut(1000)),
        ("/seg1.ts", 0) => whole().ending(End::Hang(700)),
        ("/seg2.ts", 0) => Reply::nothing(End::Closed),
        ("/seg3.ts", 0) => whole().ending(End::Cut(0)),
        _ => whole().ending(End::Chunked(777)),
    });
    let session = Recorder::new(origin.url("/vod.m3u8"))
        .args(["--max-time", "1"])
        .run()
        .session();
    let complete = (200, "complete".to_owned());
    for (n, status, outcome) in [
        (0, 200, "short"),
        (1, 200, "body timeout"),
        (2, 0, "short"),
        (3, 200, "short"),
    ] {
        let name = format!("seg{n}.ts");
        assert_eq!(
            session.outcomes(&name),
            [(status, outcome.to_owned()), complete.clone()],
            "{name}"
        );
        assert_eq!(
            session.answer(&origin.url(&format!("/{name}")), session.end_us()),
            Some(whole().body)
        );
    }
    let sizes: Vec<i64> =
        session.list("SELECT size FROM body WHERE path IS NOT NULL ORDER BY size");
    assert_eq!(sizes, [700, 1000, 2256], "each content is kept once");
}

#[test]
fn what_is_no_playlist_is_kept_and_its_uris_are_not_followed() {
    let page = "<html>\n#EXTM3U\nseg9.ts\n</html>";
    let files = Files::default()
        .with("/main.m3u8", Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ngood.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\npage.m3u8\n"))
        .with("/good.m3u8", Reply::playlist(Window::new(0, 1).ended().text()))
        .with("/seg0.ts", Reply::segment(ts("0")))
        .with("/page.m3u8", Reply::new(200, "text/html", page));
    let origin = Origin::new(move |ask| files.reply(ask));
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(
        2,
        "SELECT count(*) FROM exchange WHERE outcome = 'not a playlist'",
    );
    recording.until_at_least(1, "SELECT count(*) FROM segments");
    let session = recording.interrupt().session();
    assert_eq!(origin.count("/seg9.ts"), 0);
    assert_eq!(
        session
            .list::<String>("SELECT DISTINCT body FROM simple_playlist WHERE name = 'page.m3u8'"),
        [page]
    );
}
