//! `--wait`: channels that end and come back.

use crate::support::session::Session;
use crate::support::{Ask, Finished, Origin, Recorder, Reply, Stage, Window, ts};

/// A stage of an evening: on the air, over, gone, on the air again under the same names.
fn evening(ask: &Ask, at: u64) -> Reply {
    match (ask.path(), at) {
        ("/live.m3u8", 0) => Reply::playlist(Window::new(ask.nth as u64 / 4, 4).text()),
        ("/live.m3u8", 1) => Reply::playlist(Window::new(20, 2).ended().text()),
        ("/live.m3u8", 2) => Reply::not_found(),
        ("/live.m3u8", _) => Reply::playlist(Window::new(0, 2).text()),
        (path, at) => Reply::segment(ts(&format!("{path} {}", at > 2))),
    }
}

/// Behind an end nothing is due.
fn is_no_standstill(finished: &Finished) {
    let said = &finished.stderr;
    assert!(!said.contains("advance"), "{said}");
    let totals = &finished.stdout;
    assert!(!totals.contains("no advance"), "{totals}");
}

/// The longest time without a new segment is none behind an end, in whatever form it is told.
fn nothing_was_due_behind_the_end(session: &Session) {
    let before = "SELECT max(us) FROM (
         SELECT seen_us - lag(seen_us) OVER w AS us, lag(ended) OVER w AS ended FROM revision WHERE advance
         WINDOW w AS (ORDER BY seen_us, exchange_id)) WHERE NOT ended";
    let open = "SELECT (SELECT stopped_us FROM run) - max(seen_us) FROM revision WHERE advance";
    let most = session.number(before).max(session.number(open));
    let report = |form| session.told_by(env!("CARGO_BIN_EXE_isreport"), &["--format", form]);
    let json = report("json");
    let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let summary = &last["summary"];
    let told = &summary["longest_without_segment"]["seconds"];
    assert!(
        (told.as_f64().unwrap() * 1e6).round() as i64 <= most,
        "{told} {most}"
    );
    let shown = |text: &str, before: &str| -> f64 {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let (text, page) = (report("text"), report("html"));
    for told in [
        shown(&text, "; longest time without a new segment "),
        shown(&page, "The longest time without a new segment was "),
    ] {
        assert!(told <= most as f64 / 1e6 + 0.06, "{told} {most}");
    }
}

#[test]
fn a_channel_that_comes_back_after_its_end_goes_on_in_the_same_session() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| evening(ask, page.at()));
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--wait"])
        .start();
    recording.until_at_least(1, "SELECT count(*) FROM segments WHERE name = 'seg0.ts'");
    stage.go(1);
    recording.until_it_says("it may come back (--wait)");
    stage.go(2);
    let gone =
        "SELECT ifnull(max(requested_us) - min(requested_us), 0) FROM exchange WHERE status = 404";
    recording.until_at_least(4_000_000, gone);
    stage.go(3);
    recording.until_it_says("the stream is back");
    recording.until_at_least(2, "SELECT count(*) FROM segments WHERE name = 'seg0.ts'");
    let finished = recording.interrupt();
    is_no_standstill(&finished);
    let out = finished.stdout.clone();
    let ended = out
        .lines()
        .find(|line| line.starts_with("  the channel ended (EXT-X-ENDLIST) at 0:00:0"));
    let ended = ended.unwrap_or_else(|| panic!("{out}"));
    assert!(
        ended.contains(", and came back at 0:00:") && ended.ends_with(" s later"),
        "{ended}"
    );
    let session = finished.session();
    nothing_was_due_behind_the_end(&session);

    let said: Vec<(bool, String)> = session.rows(
        "SELECT ended, step FROM revision JOIN placement USING (exchange_id) ORDER BY exchange_id DESC LIMIT 2",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let last = [(false, "restarted".to_owned()), (true, "slid".to_owned())];
    assert_eq!(said, last);
    let url = origin.url("/seg0.ts");
    let (first, second) = (ts("/seg0.ts false"), ts("/seg0.ts true"));
    assert_eq!(session.answer(&url, session.zero_us()), Some(first));
    assert_eq!(session.answer(&url, session.end_us()), Some(second));
    assert_eq!(session.number("SELECT count(*) FROM run"), 1);
}

#[test]
fn a_wait_with_a_time_ends_when_that_has_passed() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 0..3) => Reply::playlist(Window::new(0, 2).text()),
        ("/live.m3u8", 3) => Reply::playlist(Window::new(0, 2).ended().text()),
        ("/live.m3u8", _) => Reply::not_found(),
        (path, _) => Reply::segment(ts(path)),
    });
    let recorder = Recorder::new(origin.url("/live.m3u8")).args(["--wait", "7"]);
    let finished = recorder.run();
    assert!(
        finished.stderr.contains("the stream has ended"),
        "{}",
        finished.stderr
    );
    is_no_standstill(&finished);
    let in_vain = "the stream has ended; it did not come back within 7 s\n";
    assert!(finished.stderr.contains(in_vain), "{}", finished.stderr);
    let in_vain = "Z), and did not come back within 7 s\n";
    assert!(finished.stdout.contains(in_vain), "{}", finished.stdout);
    let session = finished.session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
    let waited_us =
        session.number("SELECT run.stopped_us - v.seen_us FROM revision v, run WHERE v.ended");
    assert!(waited_us > 6_900_000, "{waited_us}");
    // Three target durations as ever, then once in two seconds.
    let us: Vec<i64> =
        session.list("SELECT requested_us FROM exchange WHERE status = 404 ORDER BY id");
    let last = us.windows(2).last().unwrap();
    assert!(last[1] - last[0] > 1_900_000, "{us:?}");
}

#[test]
fn a_vod_is_recorded_once_also_where_a_return_is_waited_for() {
    // Its playlists have a session in their names, another one at each look.
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/film.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000\n{}/v.m3u8\n",
            ask.nth
        )),
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(0, 8).ended().text()),
        path => Reply::segment(ts(path)).ending(crate::support::End::Drip(
            std::time::Duration::from_millis(400),
        )),
    });
    let recorder =
        Recorder::new(origin.url("/film.m3u8")).args(["--wait", "--limit", "downloads=1"]);
    let finished = recorder.run();
    assert!(
        finished.stderr.contains("is not waited for"),
        "{}",
        finished.stderr
    );
    finished.session();
    let asks = origin.asks();
    let lists = asks.iter().filter(|ask| ask.path().ends_with("/v.m3u8"));
    assert_eq!(lists.count(), 1);
    assert!(
        origin.count("/film.m3u8") > 1,
        "it was looked at while chunks came"
    );
    assert_eq!(
        asks.iter()
            .filter(|ask| ask.path().ends_with(".ts"))
            .count(),
        8
    );
}

#[test]
fn a_channel_may_come_back_under_new_names() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", 0 | 1) => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000\nshow1/v.m3u8\n")
        }
        ("/main.m3u8", _) => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000\nshow2/v.m3u8\n")
        }
        ("/show1/v.m3u8", at) => {
            Reply::playlist(Window::new(0, 2 + at.min(1)).ended_if(at > 0).text())
        }
        ("/show2/v.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64 / 4, 2).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8"))
        .args(["--wait=1h"])
        .start();
    recording.until_at_least(2, "SELECT count(*) FROM segments");
    stage.go(1);
    recording.until_it_says("it may come back");
    stage.go(2);
    recording.until("the second show", || origin.count("/show2/seg2.ts") == 1);
    let session = recording.interrupt().session();
    let ended = session.answer(&origin.url("/show1/v.m3u8"), session.end_us());
    assert_eq!(ended, Some(Window::new(0, 3).ended().text().into_bytes()));
}
