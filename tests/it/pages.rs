//! Pages of other sites that ask a replayer, as browsers let them.

use crate::support::replayed::{Answer, LIVE, Replayed, converse};
use crate::support::{Origin, Recorder, Reply, Window, ts};

/// What a browser sends for `fetch(url, {credentials: 'include'})` on a page of that origin.
fn asked(method: &str, path: &str, origin: &str) -> Vec<u8> {
    let preflight = match method {
        "OPTIONS" => {
            "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n\
             Access-Control-Request-Private-Network: true\r\n"
        }
        _ => "Cookie: login=right\r\n",
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: replay.example\r\nOrigin: {origin}\r\n{preflight}Sec-Fetch-Mode: cors\r\n\
         Sec-Fetch-Site: cross-site\r\n\r\n"
    )
    .into_bytes()
}

fn answer(replayed: &Replayed, method: &str, path: &str, origin: &str) -> Answer {
    converse(&mut replayed.connect(), &asked(method, path, origin), true)
}

/// Playlists twice, since the second answer is one that was made before; segments, the index, errors, bodies.
fn paths() -> Vec<String> {
    let live =
        ["ch1.m3u8", "seg3.ts", "page.html", "nothing.ts"].map(|name| format!("{LIVE}/{name}"));
    let own = [
        "/",
        "/?format=json",
        "/stream.m3u8",
        "/dvr.m3u8",
        "/exchange/1/x",
        "/ch1/dvr.m3u8",
        "/nobody/stream.m3u8",
    ];
    let all: Vec<String> = own.map(str::to_owned).into_iter().chain(live).collect();
    [all.clone(), all].concat()
}

fn may_send_credentials(answer: &Answer, origin: &str) -> bool {
    answer.field("access-control-allow-origin") == Some(origin)
        && answer.field("access-control-allow-credentials") == Some("true")
}

#[test]
fn a_page_of_a_stranger_reads_nothing_with_the_cookies_of_who_looks_at_it() {
    let mut replayed = Replayed::start(&[]);
    for path in paths() {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:9090"] {
            for method in ["GET", "HEAD", "OPTIONS", "POST"] {
                let answer = answer(&replayed, method, &path, origin);
                let what = format!("{method} {path} {origin}: {}", answer.head);
                assert_eq!(
                    answer.field("access-control-allow-origin"),
                    Some("*"),
                    "{what}"
                );
                for name in [
                    "access-control-allow-credentials",
                    "access-control-allow-private-network",
                ] {
                    assert_eq!(answer.field(name), None, "{what}");
                }
                assert!(!answer.head.contains("vary: origin"), "{what}");
            }
        }
    }
    replayed.check();
}

#[test]
fn a_page_that_the_user_names_may_send_them_and_no_other() {
    let (mine, other) = ("https://player.example", "http://localhost:3000");
    let replayed = Replayed::start(&["--cors-credentials", mine, "--cors-credentials", other]);
    for path in paths() {
        for origin in [mine, other] {
            let answer = answer(&replayed, "GET", &path, origin);
            assert!(
                may_send_credentials(&answer, origin),
                "{path}: {}",
                answer.head
            );
            assert!(
                answer.head.contains("vary: origin"),
                "{path}: {}",
                answer.head
            );
        }
        for origin in [
            "https://evil.example",
            "https://player.example.evil.example",
            "https://player.example:8443",
        ] {
            let answer = answer(&replayed, "GET", &path, origin);
            assert_eq!(
                answer.field("access-control-allow-origin"),
                Some("*"),
                "{path}: {}",
                answer.head
            );
            assert_eq!(
                answer.field("access-control-allow-credentials"),
                None,
                "{path}"
            );
            assert!(
                answer.head.contains("vary: origin"),
                "caches keep one for each: {path}"
            );
        }
    }
    let private = |origin| {
        let answer = answer(&replayed, "OPTIONS", "/stream.m3u8", origin);
        answer
            .field("access-control-allow-private-network")
            .map(str::to_owned)
    };
    assert_eq!(private(mine).as_deref(), Some("true"));
    assert_eq!(private("https://evil.example"), None);
}

#[test]
fn what_is_no_origin_is_refused_before_anything_is_done() {
    for wrong in [
        "*",
        "null",
        "player.example",
        "https://player.example/",
        "https://a.example,https://b.example",
        "",
    ] {
        let mut arguments = vec!["--cors-credentials", wrong, "none"];
        let replayer = env!("CARGO_BIN_EXE_isreplayer");
        let output = std::process::Command::new(replayer)
            .args(&arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains("scheme://host"), "{wrong}: {said}");
        arguments.pop();
        let recorder =
            Recorder::bare()
                .args(arguments)
                .args(["--serve", "0", "http://127.0.0.1:9/x"]);
        let finished = recorder.run();
        assert_eq!(
            finished.status.code(),
            Some(2),
            "{wrong}: {}",
            finished.stderr
        );
        assert!(!finished.folder().join("sessions").exists(), "{wrong}");
    }
    let alone = [
        "--cors-credentials",
        "https://player.example",
        "http://127.0.0.1:9/x",
    ];
    let finished = Recorder::bare().args(alone).run();
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("belong to --serve"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_recording_that_is_shown_meanwhile_answers_pages_alike() {
    let mine = "https://player.example";
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 3, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args([
            "--serve",
            "0",
            "--bind",
            "127.0.0.1",
            "--cors-credentials",
            mine,
        ])
        .start();
    recording.until_it_prints("everything there is");
    let printed = recording.printed();
    let (_, address) = printed.split_once("Play     http://").unwrap();
    let address = address.split('/').next().unwrap().to_owned();
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 200");
    let ask = |origin| {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        converse(&mut stream, &asked("GET", "/stream.m3u8", origin), true)
    };
    assert!(may_send_credentials(&ask(mine), mine));
    let stranger = ask("https://evil.example");
    assert_eq!(stranger.field("access-control-allow-origin"), Some("*"));
    assert_eq!(stranger.field("access-control-allow-credentials"), None);
    recording.interrupt().session();
}
