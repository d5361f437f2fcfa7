//! The log of a recording: each outage has a line as it begins and one as it is over, whatever was shortly before, and one
//! server that is away is one outage of all that is asked of it.

use crate::raw::{PAUSE, groups, live, recorder};
use crate::support::{Ask, End, Finished, Origin, Recorder, Reply, Stage, Then, Window, ts};

/// Warnings, without their time.
fn warnings(finished: &Finished) -> Vec<String> {
    let lines = finished.stderr.lines();
    let warnings = lines.filter_map(|line| Some(line.split_once(" WARN ")?.1.to_owned()));
    warnings.collect()
}

/// Those that have a text.
fn having<'a>(lines: &'a [String], text: &str) -> Vec<&'a String> {
    lines.iter().filter(|line| line.contains(text)).collect()
}

/// The number in front of a text.
fn number(text: &str, behind: &str) -> i64 {
    let (before, _) = text.split_once(behind).unwrap_or_else(|| panic!("{text}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// A ferry between two shores.
const FERRY: &str = "#EXTM3U\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360\neast.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1280x720\nwest.m3u8\n";

const FAILED: &str = "SELECT count(*) FROM exchange WHERE status = 503";

#[test]
fn an_outage_soon_after_another_one_has_its_own_lines_and_figures() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at() % 2) {
        ("/pier.m3u8", 1) => Reply::html(503),
        ("/pier.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/pier.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_at_least(2, FAILED);
    stage.go(2);
    recording.until_it_says("answers again after ");
    stage.go(3);
    recording.until_at_least(8, FAILED);
    stage.go(4);
    recording.until_it_says_twice("answers again after ");
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let place = format!("[pier] media playlist of 127.0.0.1:{}: ", origin.port());
    let first = format!("{place}HTTP 503 Service Unavailable");
    assert_eq!(having(&said, &first).len(), 2, "{said:#?}");
    let again = having(&said, "answers again after ");
    assert!(
        again.iter().all(|line| line.starts_with(&place)),
        "{said:#?}"
    );
    let failed: Vec<i64> = again
        .iter()
        .map(|line| number(line, " polls failed (HTTP 503)"))
        .collect();
    assert_eq!(having(&said, " failed in ").len(), 0, "{said:#?}");
    let session = finished.session();
    assert_eq!(
        failed.iter().sum::<i64>(),
        session.number(FAILED),
        "{said:#?}"
    );
    assert!(
        failed[0] >= 2 && failed[1] >= 2,
        "each from its own beginning: {said:#?}"
    );
}

#[test]
fn an_origin_that_flaps_is_told_in_sums() {
    let origin = Origin::new(|ask| match ask.path() {
        "/gull.m3u8" if ask.nth > 3 && ask.nth % 2 == 1 => Reply::html(503),
        "/gull.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/gull.m3u8")).start();
    recording.until_at_least(12, FAILED);
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let firsts = having(&said, ": HTTP 503 Service Unavailable").len();
    let again = having(&said, "answers again after ").len();
    assert!((4..8).contains(&firsts) && again <= firsts, "{said:#?}");
    let sums = having(&said, " more outages in ");
    assert!(!sums.is_empty(), "{said:#?}");
    finished.session();
}

#[test]
fn a_server_that_is_away_is_one_outage_of_all_that_is_asked_of_it() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        (_, 1) => Reply::html(503),
        ("/ferry.m3u8", _) => Reply::playlist(FERRY),
        (path, _) if path.ends_with(".ts") => Reply::segment(ts(path)),
        (_, stage) => Reply::playlist(Window::new(ask.nth as u64 / 2 + 50 * stage, 3).text()),
    });
    let mut recording = Recorder::new(origin.url("/ferry.m3u8")).start();
    recording.until_at_least(6, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_at_least(24, FAILED);
    stage.go(2);
    recording.until_it_says("answers again after ");
    // A line of what came so far: its clocks are those of each line.
    recording.until_it_says(", revisions ");
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let host = format!("127.0.0.1:{}", origin.port());
    let firsts = having(&said, "HTTP 503 Service Unavailable");
    let polls = firsts.iter().filter(|line| line.contains(" playlist "));
    assert_eq!(polls.count(), 1, "{said:#?}");
    let again = having(&said, "answers again after ");
    assert_eq!(again.len(), 1, "{said:#?}");
    assert!(
        again[0].contains(" s, from 0:") && again[0].contains("Z) to 0:"),
        "{said:#?}"
    );
    // The end says the same of it as whoever looks into the session.
    let summary = finished.stdout.clone();
    let outage = summary
        .lines()
        .find(|line| line.starts_with("  HTTP 503 for "))
        .unwrap_or_else(|| panic!("{summary}"));
    assert!(
        again[0].starts_with(&format!("[ferry] {host}: answers again after ")),
        "{said:#?}"
    );
    assert!(
        again[0].ends_with(" playlists failed (HTTP 503)"),
        "{said:#?}"
    );
    for line in finished
        .stderr
        .lines()
        .filter(|line| line.contains(", revisions "))
    {
        let words = line.split_whitespace();
        let is_clock = |word: &&str| word.split(':').count() == 3 && word.contains('.');
        assert_eq!(
            words.filter(is_clock).count(),
            2,
            "UTC and session time: {line}"
        );
    }
    let session = finished.session();
    let found = session.told_by(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    assert!(
        found.lines().any(|line| line == outage.trim()),
        "{outage}\n{found}"
    );
}

#[test]
fn segments_that_are_good_again_are_told_with_what_never_came() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/buoy.m3u8", stage) => {
            let first = ask.nth as u64 / 3 + 40 * stage.saturating_sub(1);
            Reply::playlist(Window::new(first, 3).text())
        }
        (_, 1) => Reply::not_found(),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/buoy.m3u8")).start();
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    stage.go(1);
    recording.until_at_least(6, "SELECT count(*) FROM exchange WHERE status = 404");
    stage.go(2);
    recording.until_it_says(": good again after ");
    let finished = recording.interrupt();
    let said = warnings(&finished);
    let host = format!("127.0.0.1:{}", origin.port());
    assert_eq!(having(&said, "HTTP 404 Not Found").len(), 1, "{said:#?}");
    let again = having(
        &said,
        &format!("[buoy] segments of {host}: good again after "),
    );
    let [again] = &again[..] else {
        panic!("{said:#?}")
    };
    assert!(
        again.contains(" s, from 0:") && again.contains("Z) to 0:"),
        "{again}"
    );
    let failed = number(again, " requests failed (HTTP 404)");
    let lost = match again.contains("never came") {
        true => number(again, " segment"),
        false => 0,
    };
    let session = finished.session();
    let all = session.number("SELECT count(*) FROM exchange WHERE status = 404");
    assert_eq!(failed, all, "{said:#?}");
    let missing = session.number(
        "SELECT count(DISTINCT r.id) FROM resource r JOIN exchange e ON e.resource_id = r.id
          WHERE r.kind = 'segment' AND e.status = 404
            AND NOT EXISTS (SELECT 1 FROM exchange g WHERE g.resource_id = r.id AND g.status = 200)",
    );
    if missing > 0 || lost > 0 {
        let told = again
            .split_once("(HTTP 404), ")
            .map(|(_, rest)| number(rest, " segment"));
        assert_eq!(told, Some(missing), "{said:#?}");
    }
}

#[test]
fn each_silence_of_a_raw_stream_has_its_own_lines() {
    // A buoy whose bell rings seldom.
    let bell = |ask: &Ask| match ask.nth {
        nth @ 0..2 => {
            let first = nth as u32 * 40;
            Reply {
                end: End::Live(1880 * 20, PAUSE * 140, Then::End),
                ..live(groups(first..first + 40), Then::End)
            }
        }
        _ => live(groups(80..120), Then::Again),
    };
    let origin = Origin::new(bell);
    let mut recording = recorder(&origin).start();
    recording.until_it_says_twice(": no byte for ");
    recording.until("it came again twice", || origin.count("/live") >= 3);
    let said = warnings(&recording.interrupt());
    let (begun, again) = (
        having(&said, ": no byte for ").len(),
        having(&said, ": comes again after ").len(),
    );
    assert!(
        begun >= 2 && (begun == again || begun == again + 1),
        "{said:#?}"
    );
}
