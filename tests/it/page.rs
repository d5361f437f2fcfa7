//! The page: the JSON that it is drawn of says what the session says, to nobody else, and believes nothing that an origin said.

use std::io::Read;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::replay::Replayer;
use crate::support::client::{ask_with, get};
use crate::support::{Origin, Recorder, Reply, Session, Window, ts};

const SESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions");

fn demo() -> Replayer {
    Replayer::start(SESSIONS.as_ref(), &["-p", "0", "demo"])
}

fn replayer(session: &Session, arguments: &[&str]) -> Replayer {
    let path = session.path();
    let name = path.to_str().unwrap();
    Replayer::start(
        path.parent().unwrap(),
        &[&["-p", "0"], arguments, &[name]].concat(),
    )
}

/// What is answered at a path, which is JSON.
fn json(replayer: &Replayer, path: &str) -> Value {
    let answer = replayer.get(&format!("/-/v1/{path}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    serde_json::from_str(body).unwrap()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

/// Without the multivariant playlist of the demo, which has revisions and no advances.
fn media_lanes(lanes: &Value) -> impl Iterator<Item = &Value> {
    let lanes = list(lanes, "lanes").iter();
    lanes.filter(|lane| lane["id"] != "p1")
}

fn sum(value: &Value) -> u64 {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap())
        .sum()
}

#[test]
fn counts_lanes_and_rows_are_those_of_the_session() {
    let replayer = demo();
    let session = Session::within(env!("CARGO_MANIFEST_DIR").as_ref(), "demo");
    let exchanges = session.number("SELECT count(*) FROM exchange");
    for cells in [1, 7, 600] {
        let overview = json(&replayer, &format!("overview?cells={cells}"));
        assert_eq!(sum(&overview["requests"]) as i64, exchanges, "{cells}");
    }
    let lanes = json(&replayer, "lanes?width=1000");
    for lane in media_lanes(&lanes) {
        let id = lane["id"].as_str().unwrap().trim_start_matches('p');
        let advances = session.number(&format!(
            "SELECT count(*) FROM revision WHERE advance AND playlist_id = {id}"
        ));
        assert_eq!(list(&lane["advances"], "at").len() as i64, advances);
        // Each segment is had, and each advance of one segment is one box.
        let segments = list(lane, "segments");
        assert!(
            segments.iter().all(|one| one["status"] == 200),
            "{segments:?}"
        );
    }
    let cells = json(&replayer, "lanes?width=8");
    for lane in media_lanes(&cells) {
        assert!(lane["advances"].is_null());
        let longest = list(&lane["cells"], "longest")
            .iter()
            .filter_map(Value::as_f64);
        assert_eq!(
            longest.fold(0.0, f64::max).floor(),
            8.0,
            "the freeze of 8.5 s: {lane}"
        );
    }
    let mut rows = Vec::new();
    let mut after = 0;
    loop {
        let page = json(&replayer, &format!("exchanges?limit=100&after={after}"));
        rows.extend(list(&page, "exchanges").clone());
        match page["next"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(rows.len() as i64, exchanges);
    let segments = json(&replayer, "exchanges?limit=1000&filter=kind:segment+high");
    let wanted = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'segment' AND r.name LIKE '%high%'";
    assert_eq!(
        list(&segments, "exchanges").len() as i64,
        session.number(wanted)
    );
}

#[test]
fn texts_their_links_and_their_differences_are_those_of_the_revisions() {
    let replayer = demo();
    let session = Session::within(env!("CARGO_MANIFEST_DIR").as_ref(), "demo");
    let revisions = json(&replayer, "playlists/p3/revisions?limit=1000");
    let ids: Vec<i64> = list(&revisions, "revisions")
        .iter()
        .map(|one| one["exchange"].as_i64().unwrap())
        .collect();
    assert_eq!(
        ids,
        session
            .list::<i64>("SELECT exchange_id FROM revision WHERE playlist_id = 3 ORDER BY seen_us")
    );
    let id = ids[5];
    let text = json(&replayer, &format!("revisions/{id}"));
    let lines: Vec<&str> = list(&text, "lines")
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect();
    assert_eq!(
        lines.join("\n") + "\n",
        String::from_utf8(session.body(id)).unwrap()
    );
    assert_eq!(
        (text["before"].as_i64(), text["after"].as_i64()),
        (Some(ids[4]), Some(ids[6]))
    );
    for line in list(&text, "lines") {
        for link in list(line, "links") {
            let exchange = link["exchange"].as_i64().unwrap();
            let url: String = session.one(&format!(
                "SELECT r.url FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE e.id = {exchange}"
            ));
            assert_eq!(link["url"], url);
        }
    }
    let difference = json(
        &replayer,
        &format!("revisions/{id}/difference?with={}", ids[4]),
    );
    let added = list(&difference, "changes")
        .iter()
        .filter(|change| change["kind"] == "added");
    let added: u64 = added.map(|change| change["new"][1].as_u64().unwrap()).sum();
    assert!((1..=4).contains(&added), "{difference}");
    // The one that was seen last by then.
    let at = json(
        &replayer,
        &format!(
            "playlists/p3/revisions?at={}",
            list(&revisions, "revisions")[5]["at"]
        ),
    );
    assert_eq!(at["revisions"][0]["exchange"], id);
}

/// What was found, when all rules have been asked.
fn judged(replayer: &Replayer) -> Value {
    let deadline = isrecorder::clock::instant() + Duration::from_secs(60);
    loop {
        let found = json(replayer, "findings");
        if found["state"] == "done" {
            return found;
        }
        assert!(isrecorder::clock::instant() < deadline, "{found}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn findings_are_those_of_isreport_without_media() {
    let replayer = demo();
    let found = judged(&replayer);
    let report = std::process::Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(["--format", "json", "--severity", "info", "--rules=-M*"])
        .arg(format!("{SESSIONS}/demo"))
        .output()
        .unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    let lines = report
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rules: Vec<(Value, Value)> = lines
        .filter(|line| line.get("rule").is_some())
        .map(|line| (line["rule"].clone(), line["detail"]["text"].clone()))
        .collect();
    let shown: Vec<(Value, Value)> = list(&found, "findings")
        .iter()
        .map(|one| (one["rule"].clone(), one["detail"]["text"].clone()))
        .collect();
    assert_eq!(shown, rules);
    assert!(
        list(&found, "findings")
            .iter()
            .any(|one| one["rule"] == "T07" && one["lane"] == "p2")
    );
}

#[test]
fn findings_of_a_span_and_of_a_lane_are_those_that_touch_it() {
    let replayer = demo();
    let all = judged(&replayer);
    let moment = |one: &Value, which: &str| one[which]["session_time"].as_f64().unwrap();
    for (from, to) in [(0.0, 5.0), (35.0, 36.0), (40.0, 41.5), (74.0, 99.0)] {
        for lane in [None, Some("p2"), Some("p3")] {
            let of = lane.map_or_else(String::new, |lane| format!("&lane={lane}"));
            let found = json(&replayer, &format!("findings?from={from}&to={to}{of}"));
            let touches = |one: &&Value| moment(one, "first") <= to && moment(one, "last") >= from;
            let expected: Vec<&Value> = list(&all, "findings")
                .iter()
                .filter(touches)
                .filter(|one| lane.is_none_or(|lane| one["lane"] == lane))
                .collect();
            let shown: Vec<&Value> = list(&found, "findings").iter().collect();
            assert_eq!(shown, expected, "{from} to {to}, {lane:?}");
            let counts = found["counts"].as_object().unwrap();
            let counts: u64 = counts.values().map(|n| n.as_u64().unwrap()).sum();
            // What several playlists have at once is counted once.
            assert!(counts as usize <= expected.len(), "{counts}");
            assert_eq!(counts == 0, expected.is_empty());
            assert_eq!(found["not_sent"], serde_json::json!({}));
        }
    }
    // The freeze of one rendition is found in its middle.
    let freeze = json(&replayer, "findings?from=36&to=37&lane=p2");
    assert!(
        list(&freeze, "findings")
            .iter()
            .any(|one| one["rule"] == "T07"),
        "{freeze}"
    );
}

#[test]
fn what_is_asked_wrongly_is_told_and_what_is_not_there_is_a_404() {
    let replayer = demo();
    for (path, wanted, said) in [
        (
            "v1/overview?cells=0",
            400,
            "cells: \"0\" is not a whole number, 1 or more (of more than 4000, 4000)",
        ),
        ("v1/lanes?from=noon", 400, "is not a number of seconds"),
        (
            "v1/lanes?width=-1",
            400,
            "width: \"-1\" is not a whole number, 1 or more",
        ),
        (
            "v1/exchanges?ofset=3",
            400,
            "\"ofset\" is no parameter of this path; it has from, to, filter, after, limit",
        ),
        ("v1/exchanges?filter=!", 400, "one belongs behind it"),
        ("v1/findings?lane=7", 400, "the id of a lane: p2, s1"),
        ("v1/overview?stream=nobody", 404, "no such thing"),
        ("v1/exchanges?filter=kind:film", 400, "main, media, segment"),
        (
            "v1/exchanges/99999999",
            404,
            "the session has no such thing",
        ),
        ("v1/revisions/9", 404, "the session has no such thing"),
        ("v1/clock?at=99999", 400, "there is nothing at that offset"),
        ("v1/clock?at=1&stream=nobody", 404, "no such stream"),
        ("v1/nothing", 404, "docs/ref/page.md"),
        ("../Cargo.toml", 404, ""),
        ("..%2f..%2fmod.rs", 404, ""),
        ("hls.js", 404, "--hls-js FILE"),
    ] {
        let answer = get(&replayer.address, &format!("/-/{path}"));
        assert_eq!(status(&answer), wanted, "{path}: {answer}");
        assert!(answer.contains(said), "{path}: {answer}");
    }
}

#[test]
fn nobody_else_reads_it_and_what_is_known_is_not_sent_again() {
    let replayer = demo();
    for path in ["/-/v1/session", "/-/main.js", "/-/page.css"] {
        let answer = get(&replayer.address, path);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("access-control-allow-origin"), "{head}");
        assert!(
            head.contains("cross-origin-resource-policy: same-origin"),
            "{head}"
        );
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap();
        let mut again = String::new();
        let fields = format!("If-None-Match: {tag}\r\n");
        ask_with(&replayer.address, path, &fields)
            .read_to_string(&mut again)
            .unwrap();
        assert_eq!(status(&again), 304, "{again}");
        let mut packed = Vec::new();
        ask_with(&replayer.address, path, "Accept-Encoding: gzip\r\n")
            .read_to_end(&mut packed)
            .unwrap();
        let end = packed
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&packed[..end]);
        let mut plain = String::new();
        match head.contains("content-encoding: gzip") {
            true => flate2::read::GzDecoder::new(&packed[end + 4..])
                .read_to_string(&mut plain)
                .unwrap(),
            false => (&packed[end + 4..]).read_to_string(&mut plain).unwrap(),
        };
        assert_eq!(plain, body);
    }
    let page = replayer.get("/");
    assert!(
        page.contains("content-security-policy: default-src 'self'"),
        "{page}"
    );
    assert!(
        page.contains("<noscript>") && page.contains("href=\"stream.m3u8\""),
        "{page}"
    );
}

/// A lighthouse, whose keeper writes what he likes into names, header fields and bodies.
fn lighthouse() -> Origin {
    Origin::new(|ask| match ask.path() {
        "/light.m3u8" => Reply::playlist(
            Window::new(3, 3)
                .named(|n| format!("%3Cscript%3Ealert({n})%3C%2Fscript%3E.ts"))
                .ended()
                .text()
                .replace(
                    "#EXTM3U\n",
                    "#EXTM3U\n# <img src=x onerror=alert(1)>\u{202e}\u{1b}[31m\n",
                ),
        )
        .with("x-keeper", "</script><script>alert(2)</script>"),
        path if path.contains('4') => Reply::not_found(),
        path => Reply::segment(ts(path)),
    })
}

#[test]
fn what_an_origin_wrote_steers_nothing_and_recorded_faults_can_be_healed_for_one_player() {
    let origin = lighthouse();
    let session = Recorder::new(origin.url("/light.m3u8")).run().session();
    let replayer = replayer(&session, &[]);
    let rows = json(&replayer, "exchanges?filter=fault");
    let fault = &rows["exchanges"][0];
    assert_eq!(
        (fault["status"].as_u64(), fault["fault"].as_bool()),
        (Some(404), Some(true)),
        "{rows}"
    );
    assert!(
        fault["name"].as_str().unwrap().contains("<script>alert(4)"),
        "{rows}"
    );
    let revision = session.number("SELECT exchange_id FROM revision");
    let text = json(&replayer, &format!("revisions/{revision}"));
    let comment = text["lines"][1]["text"].as_str().unwrap();
    assert_eq!(
        comment,
        "# <img src=x onerror=alert(1)>\\u{202e}\\u{1b}[31m"
    );
    let detail = json(&replayer, &format!("exchanges/{revision}"));
    let headers = list(&detail, "headers");
    assert!(headers.iter().any(|field| field[0] == "x-keeper" && field[1] == "</script><script>alert(2)</script>"), "{headers:?}");
    // The session has been over for long on its own clock; the page asks for another one.
    let clock = json(&replayer, "clock?at=0&faults=none");
    let url = clock["url"].as_str().unwrap();
    assert!(url.contains(",none/"), "{clock}");
    let answer = replayer.get(&format!("/{url}"));
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(
        answer.contains("../http/127.0.0.1"),
        "its references stay on that clock: {answer}"
    );
}
