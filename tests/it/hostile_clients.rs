//! isreplayer and clients that mean it no good.

// Figures for whoever asks for them with --nocapture.
#![allow(clippy::print_stdout)]

mod cases;
mod crowds;
mod floods;
mod recorders;
mod tls;

use crate::support::replayed::{LARGE, LIVE, PAGES, Replayed, TREACHEROUS, converse, get, segment};
use cases::{Case, families};

/// So patient that whoever is closed was not closed for being slow.
const PATIENT: [&str; 4] = ["--head-timeout", "300", "--idle-timeout", "300"];

fn run(replayed: &Replayed, case: &Case) -> Result<(), String> {
    let mut client = replayed.connect();
    let answer = converse(&mut client, &case.bytes, !case.ends);
    if !case.statuses.contains(&answer.status) {
        return Err(format!("status {}, {}", answer.status, answer.head));
    }
    if case.ends {
        return match answer.ended {
            true => Ok(()),
            false => Err("it was not closed".to_owned()),
        };
    }
    if answer.head.contains("\r\nconnection: close") {
        return Err("it is closed".to_owned());
    }
    let next = converse(&mut client, &get(&format!("{LIVE}/seg3.ts")), true);
    match next.status == 200 && next.body == segment(3) {
        true => Ok(()),
        false => Err(format!("then: {} {}", next.status, next.head)),
    }
}

#[test]
fn each_hostile_request_gets_its_answer() {
    let mut replayed = Replayed::start(&PATIENT);
    let mut count = 0;
    let mut wrong = String::new();
    for (family, cases) in families() {
        for case in &cases {
            if let Err(why) = run(&replayed, case) {
                let start = case.bytes[..case.bytes.len().min(120)].escape_ascii();
                wrong += &format!("{family}: {start}: {why}\n");
            }
        }
        count += cases.len();
        replayed.check();
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 500, "{count}");
    println!("{count} hostile requests");
    let said = replayed.said();
    assert!(
        said.chars().all(|c| c == '\n' || !c.is_control()),
        "what clients send reaches no terminal"
    );
}

#[test]
fn ranges_are_parts_the_whole_or_416() {
    let replayed = Replayed::start(&PATIENT);
    let content = segment(5);
    let size = content.len();
    let many: String = (0..1500).map(|n| format!("{n}-{n},")).collect();
    let part = |from: usize, to: usize| Some((from, to));
    for (range, status, wanted) in [
        ("bytes=0-0", 206, part(0, 1)),
        ("bytes=0-", 206, part(0, size)),
        ("bytes=-1", 206, part(size - 1, size)),
        ("bytes=10-18446744073709551615", 206, part(10, size)),
        ("bytes=10-18446744073709551616", 206, part(10, size)),
        ("bytes=-18446744073709551616", 206, part(0, size)),
        ("bytes=-99999999999999999999999999", 206, part(0, size)),
        ("bytes=18446744073709551615-", 416, None),
        ("bytes=18446744073709551616-", 416, None),
        ("bytes=9999999999999999-99999999999999999", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-5", 200, part(0, size)),
        ("bytes=18446744073709551616-5", 200, part(0, size)),
        ("bytes=0-0,2-3", 200, part(0, size)),
        ("bytes=0-,0-,0-,0-,0-,0-,0-,0-", 200, part(0, size)),
        ("bytes=0-5,3-9", 200, part(0, size)),
        ("bytes=-5,-6", 200, part(0, size)),
        ("items=0-1", 200, part(0, size)),
        ("bytes=0x1-0x2", 200, part(0, size)),
        ("bytes=--5", 200, part(0, size)),
        ("bytes=-", 200, part(0, size)),
        ("bytes", 200, part(0, size)),
        ("bytes=1-2\r\nRange: bytes=3-4", 200, part(0, size)),
        (&format!("bytes={many}"), 200, part(0, size)),
    ] {
        let request = format!("GET {LIVE}/seg5.ts HTTP/1.1\r\nHost: h\r\nRange: {range}\r\n\r\n");
        let mut client = replayed.connect();
        let answer = converse(&mut client, request.as_bytes(), true);
        let name = &range[..range.len().min(60)];
        assert_eq!(answer.status, status, "{name}: {}", answer.head);
        if let Some((from, to)) = wanted {
            assert!(answer.body == content[from..to], "{name}");
        } else {
            let all = format!("bytes */{size}");
            assert_eq!(answer.field("content-range"), Some(&*all), "{name}");
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut replayed = Replayed::start(&PATIENT);
    let mut client = replayed.connect();
    let order: Vec<usize> = (0..60).map(|n| n * 7 % 20).collect();
    let mut all = Vec::new();
    for number in &order {
        all.extend(get(&format!("{LIVE}/seg{number}.ts")));
    }
    all.extend(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n");
    all.extend(get(&format!("{LIVE}/seg0.ts")));
    let sending = client.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let mut sending = sending;
        let _ = std::io::Write::write_all(&mut sending, &all);
    });
    let mut came = Vec::new();
    std::io::Read::read_to_end(&mut client, &mut came).unwrap();
    writer.join().unwrap();
    let mut rest = &came[..];
    for number in order {
        let head = rest.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        assert!(rest.starts_with(b"HTTP/1.1 200 OK\r\n"));
        let content = segment(number);
        assert!(rest[head..].starts_with(&content), "segment {number}");
        rest = &rest[head + content.len()..];
    }
    assert!(rest.starts_with(b"HTTP/1.1 400 "), "the one with a body");
    let text = String::from_utf8_lossy(rest);
    assert_eq!(
        text.matches("HTTP/1.1").count(),
        1,
        "nothing behind it: {text}"
    );
    replayed.check();
}

#[test]
fn what_leads_to_the_origin_or_runs_in_a_browser_does_not_pass() {
    let replayed = Replayed::start(&PATIENT);
    let paths = ["/stream.m3u8".to_owned(), format!("{LIVE}/seg1.ts")];
    let pages = PAGES.map(|(name, _)| format!("{LIVE}/{name}"));
    let by_id = (0..PAGES.len()).map(|n| format!("/exchange/{}/x", 23 + n));
    let missing = ["/nothing".to_owned(), "/stream.m3u8?offset=5".to_owned()];
    let all = paths.iter().cloned().chain(pages.iter().cloned());
    for path in all.chain(by_id).chain(missing) {
        let mut client = replayed.connect();
        let answer = converse(&mut client, &get(&path), true);
        for (name, _) in TREACHEROUS.iter().filter(|(name, _)| *name != "location") {
            assert_eq!(answer.field(name), None, "{path}");
        }
        assert!(!answer.head.contains("canary"), "{path}: {}", answer.head);
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        let is_page = path.starts_with("/exchange/") || pages.contains(&path);
        let sandbox = answer.field("content-security-policy");
        assert_eq!(
            sandbox,
            is_page.then_some("default-src 'none'; sandbox"),
            "{path}: {}",
            answer.head
        );
    }
    let index = converse(&mut replayed.connect(), &get("/"), true);
    let policy = index.field("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
}

#[test]
fn no_whole_chunk_is_in_memory_for_a_client() {
    let mut replayed = Replayed::start(&PATIENT);
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = replayed.connect();
        std::io::Write::write_all(&mut client, &get(&format!("{LIVE}/large.ts"))).unwrap();
        clients.push(client);
    }
    for client in &mut clients {
        // It has begun to send.
        std::io::Read::read_exact(client, &mut [0; 1000]).unwrap();
    }
    replayed.check();
    let memory = replayed.most_memory();
    println!("{} MiB for 20 that do not read", memory >> 20);
    assert!(memory < 20 * LARGE / 4, "{memory}");
}
