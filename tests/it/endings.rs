//! How recordings end, and what they leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

fn live(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn a_live_channel_that_ends_is_watched_for_three_target_durations() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 2).ended_if(ask.nth >= 3).text()),
        path => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/live.m3u8")).run();
    assert!(
        finished.stderr.contains("the stream has ended"),
        "{}",
        finished.stderr
    );
    let session = finished.session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
    let watched_us =
        session.number("SELECT run.stopped_us - v.seen_us FROM revision v, run WHERE v.ended");
    assert!(watched_us > 2_900_000, "{watched_us}");
    let polls = session.number(
        "SELECT count(*) FROM exchange WHERE requested_us > (SELECT seen_us FROM revision WHERE ended)",
    );
    assert!(polls > 0, "it was polled on");
}

#[test]
fn a_false_end_does_not_end_the_recording() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(page.at(), 2).ended_if(page.at() == 1).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_at_least(1, "SELECT count(*) FROM revision WHERE ended");
    stage.go(2);
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    // More than three target durations after the false end.
    let polls = origin.count("/live.m3u8");
    recording.until("polls after it", || {
        origin.count("/live.m3u8") >= polls + 17
    });
    stage.go(3);
    recording.until_at_least(4, "SELECT count(*) FROM revision");
    let session = recording.interrupt().session();
    assert_eq!(
        session.list::<i64>("SELECT ended FROM revision ORDER BY exchange_id"),
        [0, 1, 0, 0]
    );
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "stopped");
}

#[test]
fn a_recording_ends_when_its_duration_is_over() {
    let origin = Origin::new(live);
    let finished = Recorder::new(origin.url("/live.m3u8"))
        .args(["--duration", "1.5"])
        .run();
    let length: f64 = finished.stdout["Record length 0:00:".len()..]
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1.5..10.0).contains(&length), "{}", finished.stdout);
    let session = finished.session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "duration");
}

#[test]
fn both_signals_end_it_well_with_one_database_file_and_the_totals() {
    for signal in [Signal::INT, Signal::TERM] {
        let origin = Origin::new(live);
        let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
        recording.until_at_least(6, "SELECT count(*) FROM segments");
        recording.signal(signal);
        let finished = recording.finish();
        let totals = finished.stdout.lines().nth(1).unwrap().to_owned();
        let session = finished.session();
        let recorded = |what: &str, sql: &str| {
            let words = format!("{what} {}", session.number(sql));
            assert!(
                totals.split(", ").any(|part| part == words),
                "{words}: {totals}"
            );
        };
        recorded(
            "playlists",
            "SELECT count(*) FROM resource WHERE kind = 'media'",
        );
        recorded(
            "polls",
            "SELECT count(*) FROM exchange WHERE lag_us IS NOT NULL",
        );
        recorded("revisions", "SELECT count(*) FROM revision");
        recorded(
            "chunks",
            "SELECT count(*) FROM segments WHERE error IS NULL",
        );
        recorded(
            "faults",
            "SELECT count(*) FROM exchange WHERE outcome <> 'complete'",
        );
        let mut left: Vec<String> = std::fs::read_dir(session.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["chunks", "session.db", "session.sum"]);
        assert_eq!(session.one::<String>("SELECT ended FROM run"), "stopped");
        assert_eq!(session.one::<String>("PRAGMA journal_mode"), "delete");
    }
}

#[test]
fn a_terminal_that_goes_away_ends_it_well_unless_it_was_started_with_nohup() {
    for nohup in [false, true] {
        let origin = Origin::new(live);
        let recorder = Recorder::new(origin.url("/live.m3u8"));
        let recorder = if nohup {
            recorder.without_hang_up()
        } else {
            recorder
        };
        let mut recording = recorder.start();
        recording.until_at_least(1, "SELECT count(*) FROM segments");
        recording.signal(Signal::HUP);
        if nohup {
            let polls = origin.count("/live.m3u8");
            recording.until("more polls", || origin.count("/live.m3u8") >= polls + 4);
            recording.signal(Signal::INT);
        }
        recording.finish().session();
    }
}

#[test]
fn what_is_under_way_at_the_end_gets_a_moment() {
    let told = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&told);
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 1).text()),
        path => {
            while !stopped.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            Reply::segment(ts(path))
        }
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("the segment to be asked for", || {
        origin.count("/seg0.ts") == 1
    });
    recording.signal(Signal::INT);
    recording.until_it_says("stopping");
    told.store(true, Ordering::SeqCst);
    let session = recording.finish().session();
    assert_eq!(session.outcomes("seg0.ts"), [(200, "complete".to_owned())]);
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_session_is_still_good() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(0, 3).text()),
        "/seg2.ts" => Reply::segment(ts("held")).ending(End::Hang(100)),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM segments");
    recording.signal(Signal::INT);
    let polls = origin.count("/live.m3u8");
    recording.signal(Signal::TERM);
    let finished = recording.finish();
    assert_eq!(finished.status.code(), Some(130), "{}", finished.stderr);
    let session = finished.killed_session();
    assert_eq!(session.number("SELECT count(*) FROM segments"), 2);
    assert!(origin.count("/live.m3u8") <= polls + 1);
}

/// Three renditions of many small segments, so that something is always under way.
fn busy(ask: &Ask) -> Reply {
    match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na/v.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb/v.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=3\nc/v.m3u8\n",
        ),
        path if path.ends_with(".m3u8") => {
            let window = Window::new(ask.nth as u64 * 5, 30);
            Reply::playlist(window.headed("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"").text())
        }
        path if path.ends_with("/k") => Reply::key([ask.nth as u8; 16]),
        path => Reply::segment(ts(path).repeat(50)).ending(End::Chunked(1000)),
    }
}

#[test]
fn kill_9_at_any_moment_leaves_a_session_without_a_row_that_lies() {
    for after in [1, 7, 20, 33, 45, 60, 80, 100, 130, 160] {
        let origin = Origin::new(busy);
        let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
        recording.until("downloads under way", || origin.asks().len() >= after);
        if after >= 80 {
            recording.until_at_least(1, "SELECT count(*) FROM exchange");
        }
        let finished = recording.kill();
        assert_eq!(finished.status.code(), None, "{}", finished.stderr);
        let database = finished.folder().join("sessions/session1/session.db");
        if after == 1 && !database.exists() {
            continue;
        }
        let session = finished.killed_session();
        assert_eq!(
            session.number("SELECT count(*) FROM run WHERE stopped_us IS NULL"),
            1
        );
        if after >= 80 {
            assert!(session.number("SELECT count(*) FROM exchange") > 0);
        }
        let unlisted: Vec<String> = session.list(
            "SELECT r.name FROM pending p JOIN resource r ON r.id = p.resource_id
              WHERE p.from_us < (SELECT started_us FROM run)",
        );
        assert_eq!(unlisted, [""; 0]);
    }
}

#[test]
fn a_killed_recorder_leaves_its_name_taken_and_the_next_recording_takes_another() {
    let origin = Origin::new(live);
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM segments");
    let killed = recording.kill();
    let next = Recorder::after(killed, origin.url("/live.m3u8"))
        .args(["--duration", "1"])
        .run();
    assert!(next.status.success(), "{}", next.stderr);
    assert!(next.folder().join("sessions/session2/session.db").exists());
    let killed = next.killed_session();
    assert_eq!(
        killed.number("SELECT count(*) FROM run WHERE stopped_us IS NULL"),
        1
    );
}

#[test]
fn what_the_stop_cut_off_is_no_answer_of_the_origin() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 0..3) => Reply::playlist(Window::new(0, 1).text()),
        ("/live.m3u8", _) => Reply::nothing(End::Silent),
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/live.m3u8");
    let mut recording = Recorder::new(&url).start();
    recording.until("the fourth poll", || origin.count("/live.m3u8") == 4);
    let session = recording.interrupt().session();

    let (_, last) = session.outcomes("live.m3u8").pop().unwrap();
    assert_eq!(last, "aborted");
    let answer = session.answer(&url, i64::MAX).unwrap();
    assert_eq!(answer, Window::new(0, 1).text().into_bytes());
}

#[test]
fn a_playlist_that_is_taken_away_at_the_end_does_not_hold_up_the_end_of_the_others() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", _) => Reply::playlist(
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"s\",URI=\"sound.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\npicture.m3u8\n",
        ),
        ("/picture.m3u8", 0..3) => Reply::playlist(Window::new(0, 2).text()),
        // Its last segment never came, either.
        ("/picture.m3u8" | "/seg1.ts", _) => Reply::html(404),
        ("/sound.m3u8", nth) => Reply::playlist(
            Window::new(0, 2)
                .named(|n| format!("sound{n}.ts"))
                .ended_if(nth >= 3)
                .text(),
        ),
        (path, _) => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/main.m3u8"))
        .args(["--duration", "120"])
        .run();
    let said = finished.stderr.clone();
    assert!(said.contains("the stream has ended"), "{said}");
    let session = finished.session();
    assert_eq!(session.one::<String>("SELECT ended FROM run"), "finished");
    let watched = session.number(
        "SELECT max(e.requested_us) - min(e.requested_us) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'picture.m3u8' AND e.status = 404",
    );
    assert!(watched >= 2_000_000, "three target durations: {watched}");
}
