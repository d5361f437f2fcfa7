//! What the recorder itself tells while it records and at its end: one event once, what was counted in time, and what is still
//! wrong when it ends.

use std::process::Command;
use std::time::Duration;

use crate::metrics::{address, of, scrape};
use crate::raw::{PAUSE, groups, live, recorder};
use crate::support::session::Session;
use crate::support::{Ask, End, Finished, Origin, Recorder, Reply, Stage, Then, Window, ts};

const CAMERAS: &str = "#EXTM3U\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360\nnorth.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1280x720\nsouth.m3u8\n";

/// A playground under two cameras: both move with each third request, and from stage 1 on as `then` says.
fn playground(ask: &Ask, stage: &Stage, then: impl Fn(&Ask, u64) -> Reply) -> Reply {
    match (ask.path(), stage.at()) {
        ("/ground.m3u8", _) => Reply::playlist(CAMERAS),
        (path, _) if path.ends_with(".ts") => Reply::segment(ts(path)),
        (_, 0) => Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text()),
        (_, stage) => then(ask, stage),
    }
}

const BEGUN: &str = "SELECT count(*) FROM revision WHERE media_sequence = 3";

/// Lines of the log above that of information, without their time.
fn warnings(finished: &Finished) -> Vec<String> {
    let lines = finished.stderr.lines();
    let warnings = lines.filter_map(|line| Some(line.split_once(" WARN ")?.1.to_owned()));
    warnings.collect()
}

/// What stands between two texts, as a number.
fn number(text: &str, before: &str, behind: &str) -> f64 {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    rest.split(behind).next().unwrap().parse().unwrap()
}

fn faults(session: &Session) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--faults")
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn two_playlists_that_stand_still_together_are_one_event() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| {
        playground(ask, &at, |_, stage| {
            let first = if stage == 1 { 3 } else { 8 };
            Reply::playlist(Window::new(first, 3).text())
        })
    });
    let mut recording = Recorder::new(origin.url("/ground.m3u8"))
        .args(["--metrics", "0"])
        .start();
    let metrics = address(&mut recording);
    recording.until_at_least(2, BEGUN);
    stage.go(1);
    let gaps = |name: &str| of(&scrape(&metrics), name, "stream=\"ground\"");
    recording.until("it is counted", || gaps("isrecorder_gaps_total") > 0);
    recording.until_it_says("no advance for ");
    // Both are known to stand still.
    let polls = ["/north.m3u8", "/south.m3u8"];
    let then = polls.map(|path| origin.count(path));
    recording.until("polls of both", || {
        polls
            .iter()
            .zip(then)
            .all(|(path, then)| origin.count(path) > then + 8)
    });
    stage.go(2);
    recording.until_it_says("Z) (2 playlists), 2 segments never listed");
    assert_eq!(gaps("isrecorder_gaps_total"), 1);
    assert_eq!(gaps("isrecorder_segments_never_listed_total"), 2);
    let finished = recording.interrupt();

    let said = warnings(&finished);
    let [still, again] = &said[..] else {
        panic!("{said:#?}")
    };
    assert!(
        still.starts_with("[ground] ") && still.contains(": no advance for "),
        "{still}"
    );
    let told = "[ground] advances again after ";
    let length_s = number(again, told, " s, from 0:00:0");
    let lost = " (2 playlists), 2 segments never listed";
    assert!(again.ends_with(lost), "{again}");
    let (_, span) = again.split_once(" s, ").unwrap();
    let (span, _) = span.split_once(" (2 playlists)").unwrap();
    let sum = "  no advance: 1 gap, ";
    let sum_s = number(&finished.stdout, sum, " s, from ");
    // In the log and at the end it was from when to when by both clocks.
    let told = format!(" s, {span} (2 playlists); 2 segments never listed\n");
    assert!(finished.stdout.contains(&told), "{}", finished.stdout);
    assert!((sum_s - length_s).abs() < 0.01, "{}", finished.stdout);
    assert!(
        finished.stdout.contains(", gaps 1\n"),
        "{}",
        finished.stdout
    );
    finished.session();
}

#[test]
fn that_playlists_advance_is_told_behind_the_answers_though_the_main_playlist_answers_last() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/ground.m3u8", 1 | 2) => Reply::html(503),
        _ => playground(ask, &at, |_, stage| match stage {
            1 => Reply::html(503),
            _ => Reply::playlist(Window::new(8, 3).text()),
        }),
    });
    let mut recording = Recorder::new(origin.url("/ground.m3u8")).start();
    recording.until_at_least(2, BEGUN);
    stage.go(1);
    recording.until_it_says("HTTP 503");
    let then = ["/ground.m3u8", "/north.m3u8"].map(|path| origin.count(path));
    recording.until("all of them fail for long", || {
        origin.count("/ground.m3u8") > then[0] + 2 && origin.count("/north.m3u8") > then[1] + 9
    });
    stage.go(2);
    recording.until_at_least(2, "SELECT count(*) FROM revision WHERE media_sequence = 8");
    stage.go(3);
    recording.until_it_says(": answers again after ");
    let finished = recording.interrupt();
    let said = warnings(&finished);
    // Before that a machine that is busy may have made other gaps.
    let mut since = said.iter().skip_while(|line| !line.contains("HTTP 503"));
    let is_told = |line: &&String| line.contains(" again after ");
    let first = since.find(is_told).map(String::as_str).unwrap_or_default();
    assert!(first.contains(": answers again after "), "{said:#?}");
    let advances = since.find(is_told).map(String::as_str).unwrap_or_default();
    assert!(advances.contains("advances again after "), "{said:#?}");
    finished.session();
}

#[test]
fn a_gap_soon_after_that_of_another_playlist_is_told_by_name_when_it_is_over() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| {
        playground(ask, &at, |ask, stage| {
            let goes_on = ask.nth as u64 / 3;
            let first = match (ask.path(), stage) {
                ("/north.m3u8", 1) => 3,
                ("/south.m3u8", 3) => 1_000,
                ("/south.m3u8", 4..) => 1_000 + goes_on,
                _ => goes_on,
            };
            Reply::playlist(Window::new(first, 3).text())
        })
    });
    let mut recording = Recorder::new(origin.url("/ground.m3u8"))
        .args(["--metrics", "0"])
        .start();
    let metrics = address(&mut recording);
    recording.until_at_least(2, BEGUN);
    let gaps = || {
        of(
            &scrape(&metrics),
            "isrecorder_gaps_total",
            "stream=\"ground\"",
        )
    };
    stage.go(1);
    recording.until("north stands still", || gaps() == 1);
    stage.go(2);
    recording.until_it_says("advances again after ");
    stage.go(3);
    recording.until("south stands still", || gaps() == 2);
    stage.go(4);
    recording.until_it_says_twice("advances again after ");
    let said = warnings(&recording.interrupt());
    for camera in ["640x360", "1280x720"] {
        let told =
            |line: &&String| line.contains(camera) && line.contains(": advances again after ");
        assert_eq!(said.iter().filter(told).count(), 1, "{said:#?}");
    }
    let sums = said.iter().filter(|line| line.contains(" more time"));
    assert_eq!(sums.count(), 0, "{said:#?}");
}

#[test]
fn a_server_that_hangs_is_told_while_it_does_and_is_one_outage_whatever_comes_of_it() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/swing.m3u8", 1) => Reply::nothing(End::Silent),
        ("/swing.m3u8", 2) => Reply::nothing(End::Aborted),
        ("/swing.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/swing.m3u8"))
        .args(["--limit", "answer=4", "--metrics", "0"])
        .start();
    let metrics = address(&mut recording);
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_it_says("unanswered for ");
    let since = "isrecorder_playlist_unanswered_seconds{stream=\"swing\",playlist=\"swing\"}";
    let unanswered = |least: f64| scrape(&metrics)[since] >= least;
    let given_up = "SELECT count(*) FROM exchange WHERE outcome = 'response timeout'";
    recording.until_at_least(1, given_up);
    // It counts on where the next request has no answer either.
    recording.until("longer than one request", || unanswered(5.0));
    stage.go(2);
    recording.until_it_says(": connection reset");
    stage.go(3);
    recording.until_it_says("answers again after ");
    recording.until("it is answered", || scrape(&metrics)[since] == 0.0);
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let again = said
        .iter()
        .position(|line| line.contains("answers again after "));
    let told = &said[again.unwrap()];
    let hangs = said.iter().filter(|line| line.contains(": unanswered "));
    assert_eq!(
        hangs.count(),
        1,
        "that it was given up is no news: {said:#?}"
    );
    assert!(
        told.ends_with(" polls failed (unanswered, then reset)"),
        "{told}"
    );
    let failed = number(told, "Z): ", " polls failed");
    let session = finished.session();
    let outcomes = "SELECT count(*) FROM exchange WHERE outcome IN ('response timeout', 'reset')";
    assert_eq!(session.number(outcomes) as f64, failed);
    let found = faults(&session);
    let begins = "unanswered, then reset for ";
    assert!(found.starts_with(begins), "{found}");
    assert_eq!(found.matches("; host ").count(), 1, "one outage: {found}");
}

#[test]
fn what_was_counted_is_told_with_the_recovery_and_never_behind_it() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| {
        playground(ask, &at, |ask, stage| match stage {
            1 => Reply::html(502),
            _ => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        })
    });
    let mut recording = Recorder::new(origin.url("/ground.m3u8")).start();
    recording.until_at_least(2, BEGUN);
    stage.go(1);
    recording.until_at_least(12, "SELECT count(*) FROM exchange WHERE status = 502");
    stage.go(2);
    recording.until_it_says("answers again after ");
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let failed: f64 = said
        .iter()
        .filter(|line| line.contains("answers again after "))
        .map(|line| number(line, "Z): ", " polls of 2 playlists failed (HTTP 502)"))
        .sum();
    let sums = said.iter().filter(|line| line.contains(" failed in "));
    assert_eq!(sums.count(), 0, "{said:#?}");
    let session = finished.session();
    let all = session.number("SELECT count(*) FROM exchange WHERE status = 502");
    assert_eq!(failed as i64, all, "{said:#?}");
}

#[test]
fn a_silence_of_a_raw_stream_is_a_gap_that_is_told() {
    // A drop of a tap, and the next one seconds later.
    let tap = |ask: &Ask| match ask.nth {
        0 => Reply {
            end: End::Live(1880 * 20, PAUSE * 140, Then::Again),
            ..live(groups(0..40), Then::Again)
        },
        _ => live(groups(40..80), Then::Again),
    };
    let origin = Origin::new(tap);
    let mut recording = recorder(&origin).args(["--metrics", "0"]).start();
    let metrics = address(&mut recording);
    let place = format!("raw stream of 127.0.0.1:{}", origin.port());
    recording.until_it_says(&format!("[hall] {place}: no byte for 2."));
    let samples = scrape(&metrics);
    assert_eq!(of(&samples, "isrecorder_gaps_total", "stream=\"hall\""), 1);
    let since = samples["isrecorder_raw_since_byte_seconds{stream=\"hall\"}"];
    assert!(since >= 2.0, "{since}");
    recording.until_it_says(&format!("[hall] {place}: comes again after 2."));
    let finished = recording.interrupt();
    let out = &finished.stdout;
    assert!(out.contains("raw streams 1, polls 1, "), "{out}");
    assert!(!out.contains("playlists"), "{out}");
    assert!(out.contains("  no byte: "), "{out}");
    assert!(
        out.contains("\nSee its gaps: adjacent-find session1\n"),
        "{out}"
    );
    assert!(!out.contains("--faults"), "{out}");
    finished.session();
}

#[test]
fn what_is_still_wrong_at_the_end_is_told_and_what_never_came_is_named() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/seg1.ts" | "/seg2.ts" | "/seg4.ts", _) => Reply::not_found(),
        ("/slide.m3u8", 0) => Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text()),
        ("/slide.m3u8", 1) => Reply::playlist(Window::new(3, 3).text()),
        ("/slide.m3u8", _) => Reply::html(503),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/slide.m3u8")).start();
    recording.until_at_least(1, BEGUN);
    stage.go(1);
    recording.until_it_says("no advance for ");
    stage.go(2);
    recording.until_at_least(4, "SELECT count(*) FROM exchange WHERE status = 503");
    let finished = recording.interrupt();
    let out = finished.stdout.clone();
    assert!(
        out.contains("  3 segments lost: slide 1 to 2, 4\n"),
        "{out}"
    );
    let lasted_s = number(&out, "\nended ", " s into an outage: HTTP ");
    assert!(lasted_s > 0.5, "{out}");
    let (gaps, faults) = (
        "\nSee its gaps: adjacent-find session1\n",
        "\nSee its faults: adjacent-find --faults session1\n",
    );
    assert!(out.contains(gaps) && out.contains(faults), "{out}");
    finished.session();
}

#[test]
fn a_gap_without_an_end_is_as_long_as_the_recording_goes_on() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/merry.m3u8", 0) => Reply::playlist(Window::new((ask.nth as u64 / 3).min(3), 3).text()),
        ("/merry.m3u8", _) => Reply::nothing(End::Silent),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/merry.m3u8")).start();
    recording.until_at_least(1, BEGUN);
    recording.until_it_says("no advance for ");
    stage.go(1);
    // What hangs then is waited for a moment when the recording is to stop: that is part of it.
    recording.until_it_says("unanswered for ");
    let finished = recording.interrupt();
    let out = finished.stdout.clone();
    let gap_s = number(&out, "  no advance: 1 gap, ", " s, from ");
    let outage_s = number(&out, "\nended ", " s into an outage: unanswered for ");
    assert!(outage_s < gap_s, "{out}");
    let length = out.lines().next().unwrap().replace("Record length ", "");
    let same = format!("\nSession sessions/session1: {length}, ");
    assert!(out.contains(&same), "{out}");
    let session = finished.session();
    let found = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--json")
        .arg(session.path())
        .output()
        .unwrap();
    let gap: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let found_s = gap["detail"]["gap_seconds"].as_f64().unwrap();
    assert!((found_s - gap_s).abs() < 0.06, "{gap} {out}");
    assert_eq!(gap["detail"]["open"], true, "{gap}");
}

#[test]
fn a_recording_whose_time_is_over_ends_no_stream() {
    let origin = Origin::new(|ask| match ask.path() {
        "/slide.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/slide.m3u8"))
        .args(["--duration", "1"])
        .run();
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains("ended"), "{text}");
    }
    finished.session();
}

/// How long a server keeps a request before it breaks off: longer than a kept connection may be crossed by its end.
const HANG: Duration = Duration::from_secs(4);

#[test]
fn a_request_that_hung_before_it_was_reset_is_said_to_have_been_unanswered() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/seesaw.m3u8", 3) => {
            std::thread::sleep(HANG);
            Reply::nothing(End::Aborted)
        }
        ("/seesaw.m3u8", nth) => {
            let window = Window::new(nth.min(4) as u64, 3);
            Reply::playlist(window.ended_if(nth > 4).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let finished = Recorder::new(origin.url("/seesaw.m3u8")).run();
    let mut said = warnings(&finished);
    said.retain(|line| line.contains(" playlist of "));
    let place = format!("[seesaw] media playlist of 127.0.0.1:{}", origin.port());
    let wanted = [
        ": unanswered for ",
        ": unanswered for 4",
        ": answers again after 4.",
    ];
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (line, told) in said.iter().zip(wanted) {
        assert!(line.starts_with(&format!("{place}{told}")), "{said:#?}");
    }
    assert!(said[1].contains(" s, then "), "{said:#?}");
    let session = finished.session();
    let found = faults(&session);
    assert!(found.starts_with("unanswered, then reset for "), "{found}");
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["--faults", "-v"])
        .arg(session.path())
        .output()
        .unwrap();
    let all = String::from_utf8(output.stdout).unwrap();
    let told = " - media playlist seesaw.m3u8 - unanswered for 4";
    assert!(all.contains(told), "{all}");
    assert!(all.contains(" s, then reset ("), "{all}");
}
