//! `isrecorder --metrics`: what Prometheus is told is what the session has.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::client::get;
use crate::support::{Ask, Origin, Recorder, Recording, Reply, Stage, Window, ts};

/// Samples by name and labels, as they stand in the text.
pub type Samples = BTreeMap<String, f64>;

const VARIANT: &str = "#EXT-X-STREAM-INF:BANDWIDTH=1000\n";

/// Two channels; the second one lists a segment that is not there. They stand still at stage 1.
fn channels(ask: &Ask, stage: &Stage) -> Reply {
    match ask.path() {
        "/two/seg0.ts" => Reply::not_found(),
        path if path.ends_with(".ts") => Reply::segment(ts(path)),
        _ => {
            let first = if stage.at() == 0 { 0 } else { 2 };
            Reply::playlist(Window::new(first, 3).text())
        }
    }
}

fn start(origin: &Origin) -> (Recording, String) {
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--metrics", "0"])
        .args([
            origin.url("/one/live.m3u8").as_str(),
            &origin.url("/two/live.m3u8"),
        ])
        .start();
    let address = address(&mut recording);
    (recording, address)
}

pub fn address(recording: &mut Recording) -> String {
    recording.until_it_says("/metrics");
    let said = recording.said();
    let address = said.split("metrics at http://").nth(1).unwrap();
    address.split('/').next().unwrap().to_owned()
}

/// Scrapes, and reads strictly: each family is declared before its samples, none is there twice.
pub fn scrape(address: &str) -> Samples {
    let answer = get(address, "/metrics");
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut samples = Samples::new();
    let mut family = "";
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(described) = line.strip_prefix("# ") {
            family = described.split(' ').nth(1).unwrap();
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        assert!(name.starts_with(family), "{line} is not of {family}");
        let before = samples.insert(sample.to_owned(), value.parse().unwrap());
        assert_eq!(before, None, "twice: {line}");
    }
    samples
}

/// The counter of a stream; 0: there is none.
pub fn of(samples: &Samples, name: &str, labels: &str) -> i64 {
    samples
        .get(&format!("{name}{{{labels}}}"))
        .copied()
        .unwrap_or(0.0) as i64
}

#[test]
fn metrics_are_what_the_session_has() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| channels(ask, &at));
    let (mut recording, address) = start(&origin);
    let streams = ["one", "two"].map(|name| (name, format!("stream=\"{name}\"")));
    let chunks = "isrecorder_chunks_total";
    recording.until("three chunks and two", || {
        let now = scrape(&address);
        streams
            .each_ref()
            .map(|(_, labels)| of(&now, chunks, labels))
            == [3, 2]
    });
    let begun = scrape(&address);
    for what in ["refused", "unanswered", "503", "404"] {
        for kind in ["main", "media", "segment"] {
            let none = format!(
                "isrecorder_faults_total{{{},kind=\"{kind}\",what=\"{what}\"}}",
                streams[0].1
            );
            assert_eq!(begun.get(&none), Some(&0.0), "from the start: {begun:?}");
        }
    }
    stage.go(1);
    recording.until("two chunks more of each, and nothing to do", || {
        let now = scrape(&address);
        let busy = ["waiting", "under_way"]
            .map(|what| of(&now, &format!("isrecorder_downloads_{what}"), &streams[1].1));
        let recorded = streams
            .each_ref()
            .map(|(_, labels)| of(&now, chunks, labels));
        (recorded, busy) == ([5, 4], [0, 0])
    });
    let last = scrape(&address);
    let session = recording.interrupt().session();

    for (name, labels) in &streams {
        let number = |columns: &str, condition: &str| {
            session.number(&format!(
                "SELECT {columns} FROM exchange e JOIN resource r ON r.id = e.resource_id
                   JOIN stream s ON s.id = r.stream_id WHERE s.name = '{name}' AND {condition}"
            ))
        };
        let is_chunk = "r.kind = 'segment'";
        let counted = |metric: &str| of(&last, metric, labels);
        assert_eq!(
            counted(chunks),
            number("count(*)", "r.kind = 'segment' AND e.status = 200")
        );
        assert_eq!(
            counted("isrecorder_chunk_bytes_total"),
            number("sum(e.wire_bytes)", is_chunk)
        );
        assert_eq!(
            counted("isrecorder_revisions_total"),
            number("count(*)", "e.id IN (SELECT exchange_id FROM revision)")
        );
        let fault = format!("{labels},kind=\"segment\",what=\"404\"");
        assert_eq!(
            of(&last, "isrecorder_faults_total", &fault),
            number("count(*)", "e.status = 404 AND e.own_reason IS NULL")
        );
        let polls = counted("isrecorder_polls_total");
        assert!(
            (2..=number("count(*)", "r.kind <> 'segment'")).contains(&polls),
            "{polls}"
        );
        let lags = counted("isrecorder_poll_lag_seconds_count");
        assert!(
            (polls..=polls + 1).contains(&lags),
            "one poll may come in between"
        );
        let advance = session.number(&format!(
            "SELECT max(v.seen_us) FROM revision v JOIN resource r ON r.id = v.playlist_id
               JOIN stream s ON s.id = r.stream_id WHERE s.name = '{name}' AND v.advance"
        ));
        let told = last[&format!("isrecorder_last_advance_timestamp_seconds{{{labels}}}")];
        assert!(
            (told - advance as f64 / 1e6).abs() < 0.1,
            "{told} {advance}"
        );
    }
    for name in [
        "isrecorder_writer_queue_messages",
        "isrecorder_disk_free_bytes",
        "process_start_time_seconds",
    ] {
        assert!(last[name] >= 0.0, "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        of(
            &last,
            "isrecorder_build_info",
            &format!("version=\"{version}\"")
        ),
        1
    );
}

#[test]
fn a_stream_that_was_taken_out_and_is_back_counts_on() {
    let origin = Origin::new(|ask| channels(ask, &Stage::default()));
    let recorder = Recorder::bare();
    let file = recorder.folder().join("streams.txt");
    let (one, two) = (origin.url("/one/live.m3u8"), origin.url("/two/live.m3u8"));
    std::fs::write(&file, format!("one {one}\ntwo {two}\n")).unwrap();
    let mut recording = recorder
        .args([
            "--poll",
            "0.2",
            "--metrics",
            "0",
            "--streams",
            "streams.txt",
        ])
        .start();
    let address = address(&mut recording);
    let revisions = |now: &Samples| of(now, "isrecorder_revisions_total", "stream=\"one\"");
    let since = "isrecorder_since_advance_seconds{stream=\"one\"}";
    recording.until("it has advanced", || revisions(&scrape(&address)) == 1);
    assert!(scrape(&address).contains_key(since));
    std::fs::write(&file, format!("two {two}\n")).unwrap();
    recording.signal(rustix::process::Signal::HUP);
    recording.until("it is over", || !scrape(&address).contains_key(since));
    assert_eq!(revisions(&scrape(&address)), 1);
    std::fs::write(&file, format!("one {one}\ntwo {two}\n")).unwrap();
    recording.signal(rustix::process::Signal::HUP);
    recording.until("it is back", || revisions(&scrape(&address)) == 2);
    assert!(scrape(&address).contains_key(since), "it counts again");
    recording.interrupt().session();
}

#[test]
fn a_channel_that_never_began_is_due_since_its_start_and_each_playlist_says_for_itself() {
    let origin = Origin::new(|ask| match ask.path() {
        "/one/main.m3u8" => {
            let other = VARIANT.replace("1000", "9000");
            Reply::playlist(format!("#EXTM3U\n{VARIANT}live.m3u8\n{other}gone.m3u8\n"))
        }
        "/one/live.m3u8" => Reply::playlist(Window::new(0, 2).text()),
        path if path.ends_with(".ts") => Reply::segment(ts(path)),
        _ => Reply::not_found(),
    });
    let urls = ["one/main.m3u8", "two/none.m3u8"].map(|path| origin.url(&format!("/{path}")));
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--metrics", "0"])
        .args([
            format!("one={}", urls[0]).as_str(),
            &format!("two={}", urls[1]),
        ])
        .start();
    let address = address(&mut recording);
    recording.until("a gap of the one that stands still", || {
        of(&scrape(&address), "isrecorder_gaps_total", "stream=\"one\"") == 1
    });
    let samples = scrape(&address);
    let playlists = |name: &str| -> Vec<(String, f64)> {
        let own = samples
            .iter()
            .filter(|(sample, _)| sample.starts_with(&format!("{name}{{")));
        own.map(|(sample, value)| (sample[name.len()..].to_owned(), *value))
            .collect()
    };
    let since = playlists("isrecorder_playlist_since_advance_seconds");
    let target = playlists("isrecorder_playlist_target_duration_seconds");
    let [(live, target_s)] = &target[..] else {
        panic!("{target:?}")
    };
    assert!(
        live.contains("\"1 kbit/s\"") && *target_s == 1.0,
        "{target:?}"
    );
    let gone = since
        .iter()
        .filter(|(labels, _)| labels.contains("\"9 kbit/s\""));
    assert_eq!(gone.count(), 1, "{since:?}");
    let of_live = since.iter().find(|(labels, _)| labels == live).unwrap();
    assert!(of_live.1 > 1.5 * target_s, "{since:?}");
    assert_eq!(
        since.len(),
        3,
        "two variants, and what never came: {since:?}"
    );
    let never = samples["isrecorder_since_advance_seconds{stream=\"two\"}"];
    assert!(never > 1.5, "{never}");
    assert!(!samples.contains_key("isrecorder_last_advance_timestamp_seconds{stream=\"two\"}"));
    recording.interrupt();
}

#[test]
fn a_variant_that_was_taken_out_is_not_ever_later() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), at.at()) {
        ("/one/main.m3u8", 0) => Reply::playlist(format!(
            "#EXTM3U\n{VARIANT}live.m3u8\n{VARIANT}still.m3u8\n"
        )),
        ("/one/main.m3u8", _) => Reply::playlist(format!("#EXTM3U\n{VARIANT}live.m3u8\n")),
        ("/one/still.m3u8", _) => Reply::playlist(Window::new(0, 2).text()),
        ("/one/live.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64 / 3, 2).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let one = format!("one={}", origin.url("/one/main.m3u8"));
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2", "--metrics", "0", &one])
        .start();
    let address = address(&mut recording);
    let since = |address: &str| {
        let samples = scrape(address);
        let since = samples.get("isrecorder_since_advance_seconds{stream=\"one\"}");
        since.copied().unwrap_or(0.0)
    };
    recording.until("one stands still", || since(&address) > 3.0);
    stage.go(1);
    recording.until("the other is the one that counts", || since(&address) < 2.0);
    recording.interrupt().session();
}

#[test]
fn silent_and_hostile_clients_do_not_keep_the_metrics_from_others() {
    let origin = Origin::new(|ask| channels(ask, &Stage::default()));
    let (mut recording, address) = start(&origin);
    // More than there may be.
    let silent: Vec<_> = (0..40)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    scrape(&address);
    for mut client in silent.into_iter().take(20) {
        let closed = client.read(&mut [0]);
        assert!(!matches!(closed, Ok(1..)), "the oldest had to go");
    }
    for (request, status) in [
        ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
        ("GET /metrics HTTP/1.1\r\nHost : h\r\n\r\n", "400"),
        ("GET /metrics HTTP/2.0\r\nHost: h\r\n\r\n", "400"),
        ("POST /metrics HTTP/1.0\r\n\r\n", "405"),
    ] {
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(
            answer.split(' ').nth(1),
            Some(status),
            "{request}: {answer}"
        );
    }
    scrape(&address);
    recording.interrupt().session();
}

#[test]
fn nothing_else_is_told_there() {
    let origin = Origin::new(|ask| channels(ask, &Stage::default()));
    let (mut recording, address) = start(&origin);
    assert!(get(&address, "/").starts_with("HTTP/1.1 404 "));
    assert!(get(&address, "/metrics/x").starts_with("HTTP/1.1 404 "));
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    recording.interrupt().session();

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = Recorder::new("http://127.0.0.1:9/x.m3u8")
        .args(["--metrics", &port])
        .run();
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(!finished.folder().join("sessions").exists());
}
