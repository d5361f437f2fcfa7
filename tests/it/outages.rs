//! Origins in trouble: they are asked as ever, so that the end of it is known to an interval, and nothing is missed behind it.

use std::process::Command;
use std::time::Duration;

use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Then, Window, ts};

/// The interval, which is 0.2 s, and what lies between the moment at which a poll was due and that of its row.
const SOON_US: i64 = 400_000;

/// Of each poll of a playlist: when it was due, and when it was over; and whether it failed.
fn polls(session: &Session, name: &str) -> Vec<(i64, i64, bool)> {
    session.rows(
        &format!(
            "SELECT e.requested_us - e.lag_us,
                    e.requested_us + coalesce(e.wait_us + ifnull(e.receive_us, 0), e.failed_us, 0),
                    e.outcome <> 'complete' OR e.status >= 400
               FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE r.name = '{name}' AND e.outcome NOT IN ('aborted', 'crossed') ORDER BY e.id"
        ),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// From the end of each poll that failed to the moment at which the next one was due.
fn delays(polls: &[(i64, i64, bool)]) -> Vec<i64> {
    let failed = polls.windows(2).filter(|pair| pair[0].2);
    failed.map(|pair| pair[1].0 - pair[0].1).collect()
}

fn gaps(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A weather channel whose playlist is as `trouble` says from the fourth request to the sixteenth.
fn weather(ask: &Ask, trouble: &Reply) -> Reply {
    match (ask.path(), ask.nth) {
        ("/weather.m3u8", 3..=15) => trouble.clone(),
        ("/weather.m3u8", nth @ ..=15) => Reply::playlist(Window::new(nth as u64, 3).text()),
        ("/weather.m3u8", _) => Reply::playlist(Window::new(4, 3).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn whatever_the_trouble_is_the_next_poll_is_due_within_an_interval() {
    for trouble in [
        Reply::not_found(),
        Reply::html(500),
        Reply::html(503),
        Reply::nothing(End::Aborted),
        Reply::nothing(End::Closed),
        Reply::new(200, "text/html", "<html>back soon</html>"),
    ] {
        let reply = trouble.clone();
        let origin = Origin::new(move |ask| weather(ask, &reply));
        let finished = Recorder::new(origin.url("/weather.m3u8")).run();
        let session = finished.session();
        let polls = polls(&session, "weather.m3u8");
        let delays = delays(&polls);
        // What crosses the end of a connection is asked for twice.
        assert!(delays.len() >= 6, "{trouble:?}: {polls:?}");
        assert!(
            delays.iter().all(|delay_us| *delay_us <= SOON_US),
            "{trouble:?}: {delays:?}"
        );
        let told = gaps(&session, &["-t", "0.1"]);
        assert!(
            told.contains("in between was answered with a playlist: ")
                || told.contains(" in between failed, "),
            "{told}"
        );
        assert!(!told.contains("The recorder did not ask"), "{told}");
    }
}

#[test]
fn a_server_that_is_down_is_knocked_at_at_every_interval() {
    let origin = Origin::new(|ask| weather(ask, &Reply::html(500)));
    let mut recording = Recorder::new(origin.url("/weather.m3u8")).start();
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    drop(origin);
    recording.until_at_least(12, "SELECT count(*) FROM exchange WHERE outcome = 'refused' AND resource_id = (SELECT playlist_id FROM revision)");
    let session = recording.interrupt().session();
    let delays = delays(&polls(&session, "weather.m3u8"));
    assert!(delays.len() >= 11);
    assert!(delays.iter().all(|us| *us <= SOON_US), "{delays:?}");
}

#[test]
fn both_playlists_of_a_channel_whose_server_is_down_are_asked_at_every_interval() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", 0) => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"),
        ("/v.m3u8", 0) => Reply::playlist(Window::new(0, 2).text()),
        ("/main.m3u8" | "/v.m3u8", _) => Reply::html(502),
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls in vain", || {
        origin.count("/main.m3u8") > 12 && origin.count("/v.m3u8") > 12
    });
    let session = recording.interrupt().session();
    for name in ["main.m3u8", "v.m3u8"] {
        let delays = delays(&polls(&session, name));
        assert!(delays.iter().all(|us| *us <= SOON_US), "{name}: {delays:?}");
    }
}

#[test]
fn who_is_told_that_it_is_not_to_be_had_asks_at_once_and_then_ever_more_seldom() {
    for status in [401, 403, 410] {
        let origin = Origin::new(move |ask| match (ask.path(), ask.nth) {
            ("/weather.m3u8", 0) => Reply::playlist(Window::new(0, 3).text()),
            ("/weather.m3u8", 1..=6) => Reply::html(status),
            ("/weather.m3u8", _) => Reply::playlist(Window::new(1, 3).ended().text()),
            (path, _) => Reply::segment(ts(path)),
        });
        let session = Recorder::new(origin.url("/weather.m3u8")).run().session();
        let polls = polls(&session, "weather.m3u8");
        let due: Vec<i64> = polls.iter().map(|poll| poll.0).collect();
        let apart: Vec<i64> = due.windows(2).skip(1).map(|two| two[1] - two[0]).collect();
        let delays = delays(&polls);
        assert_eq!(delays.len(), 6);
        assert!(delays[0] <= SOON_US, "at once: {delays:?}");
        // A target duration is a second.
        for (n, least_us) in [(1, 150_000), (2, 300_000), (3, 700_000), (4, 900_000)] {
            assert!(apart[n] >= least_us, "{status}: {apart:?}");
        }
        let most = delays.iter().max().unwrap();
        assert!(*most <= 1_000_000 + SOON_US, "{status}: {delays:?}");
    }
}

#[test]
fn an_answer_that_is_waited_for_is_asked_for() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/weather.m3u8", 1) => Reply::nothing(End::Silent),
        ("/weather.m3u8", nth) => {
            let window = Window::new(nth.min(2) as u64, 3);
            Reply::playlist(window.ended_if(nth > 1).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/weather.m3u8"))
        .args(["--max-time", "6"])
        .run()
        .session();
    let told = gaps(&session, &[]);
    assert!(
        told.contains("No poll in between was answered with a playlist: unanswered x 1"),
        "{told}"
    );
    assert!(!told.contains("The recorder did not ask"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&gaps(&session, &["--json"])).unwrap();
    assert_eq!(json["detail"]["recorder"]["down"], false, "{json}");
}

/// A channel that answers no poll of which `silent` says so, and goes on behind the second.
fn sulks(ask: &Ask, silent: impl Fn(usize) -> bool) -> Reply {
    match (ask.path(), ask.nth) {
        ("/weather.m3u8", nth) if silent(nth) => Reply::nothing(End::Silent),
        ("/weather.m3u8", 0 | 1) => Reply::playlist(Window::new(0, 3).text()),
        ("/weather.m3u8", _) => Reply::playlist(Window::new(1, 3).ended().text()),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn a_gap_in_which_the_origin_hung_says_for_how_long() {
    let origin = Origin::new(|ask| {
        if (ask.path(), ask.nth) == ("/weather.m3u8", 2) {
            std::thread::sleep(Duration::from_secs(2));
        }
        sulks(ask, |_| false)
    });
    let session = Recorder::new(origin.url("/weather.m3u8")).run().session();
    let told = gaps(&session, &["-t", "0.1"]);
    let is_it = |line: &&str| line.starts_with("A poll was answered only after 2.");
    assert_eq!(told.lines().filter(is_it).count(), 1, "{told}");
    let gap: serde_json::Value = serde_json::from_str(&gaps(&session, &["-t", "0.1", "--json"]))
        .unwrap_or_else(|error| panic!("{error}: {told}"));
    let recorder = &gap["detail"]["recorder"];
    let waited = recorder["longest_wait_seconds"].as_f64().unwrap();
    assert!(waited >= 2.0, "{gap}");
    assert!(recorder["broken_off_seconds"].is_null(), "{gap}");
    let told = gaps(&session, &["--faults"]);
    let is_it =
        |line: &&str| line.starts_with("unanswered for 2.") && line.contains(", then answered: ");
    assert_eq!(told.lines().filter(is_it).count(), 1, "{told}");
}

#[test]
fn a_poll_that_hangs_when_the_recording_is_stopped_is_none_that_failed() {
    let origin = Origin::new(|ask| sulks(ask, |nth| nth >= 2));
    let mut recording = Recorder::new(origin.url("/weather.m3u8")).start();
    recording.until("a poll hangs", || origin.count("/weather.m3u8") >= 3);
    let session = recording.interrupt().session();
    let told = gaps(&session, &["-t", "0"]);
    let is_it = |line: &&str| {
        line.starts_with("A poll was unanswered for ")
            && line.ends_with(" s when the recording was stopped")
    };
    assert_eq!(told.lines().filter(is_it).count(), 1, "{told}");
    assert!(
        !told.contains("failed") && !told.contains("aborted"),
        "{told}"
    );
    let answered = "The one poll before it was answered, without a new segment";
    assert!(told.contains(answered), "{told}");
}

/// A long text that breaks in its middle, seconds behind its head.
#[test]
fn what_breaks_in_the_middle_of_its_answer_did_so_then() {
    let origin = Origin::new(|ask| match (ask.path(), ask.nth) {
        ("/weather.m3u8", 0) => Reply::playlist(Window::new(0, 3).text()),
        ("/weather.m3u8", 1) => {
            let text = Window::new(0, 200).text();
            Reply::playlist(text).ending(End::Live(800, Duration::from_millis(300), Then::Reset))
        }
        ("/weather.m3u8", _) => Reply::playlist(Window::new(1, 3).ended().text()),
        ("/seg1.ts", 0) => Reply::segment(vec![7; 5000]).ending(End::Hang(5)),
        (path, _) => Reply::segment(ts(path)),
    });
    let session = Recorder::new(origin.url("/weather.m3u8"))
        .args(["--max-time", "4"])
        .run()
        .session();
    // When each broke: the one that fell silent with its last byte.
    let broke: Vec<(String, f64)> = session.rows(
        "SELECT r.name, (e.requested_us + e.wait_us - (SELECT started_us FROM run)
                         + iif(e.outcome = 'reset', e.receive_us, ifnull(json_extract(e.arrival, '$[#-1][0]'), 0))) / 1e6
           FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE e.outcome IN ('reset', 'body timeout') AND e.status = 200 ORDER BY e.id",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(broke.len(), 2, "{broke:?}");
    let text = gaps(&session, &["--faults", "-v", "--json"]);
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let near = |at: &serde_json::Value, at_s: f64| (at.as_f64().unwrap() - at_s).abs() < 0.000_002;
    for (name, at_s) in &broke {
        let fault = lines.iter().find(|line| line["name"] == name.as_str());
        let fault = fault.unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(near(&fault["session_time"], *at_s), "{name} {at_s}: {text}");
    }
    let outage = &lines[0]["first"]["session_time"];
    let first_s = broke.iter().map(|(_, at_s)| *at_s).fold(f64::MAX, f64::min);
    assert!(near(outage, first_s), "{first_s}: {text}");
}
