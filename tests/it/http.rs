//! HTTP: redirects, credentials and where they may go, proxies, addresses given by hand.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

fn redirected(ask: &Ask, stage: &Stage) -> Reply {
    let edge = if stage.at() < 2 { "a" } else { "b" };
    match ask.path() {
        "/live.m3u8" => Reply::redirect(302, &format!("/edge/{edge}/session.m3u8?sid=1")),
        path if path.ends_with("/session.m3u8") => Reply::redirect(307, "deep/index.m3u8"),
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(stage.at(), 2).text()),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn each_poll_begins_at_the_original_url_and_uris_resolve_against_the_final_one() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| redirected(ask, &page));
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    for (stage_at, revisions) in [(1, 1), (2, 2), (2, 3)] {
        recording.until_at_least(revisions, "SELECT count(*) FROM revision");
        stage.go(stage_at);
    }
    recording.until_at_least(5, "SELECT count(*) FROM segments");
    let session = recording.interrupt().session();

    for path in [
        "/edge/a/deep/seg0.ts",
        "/edge/a/deep/seg2.ts",
        "/edge/b/deep/seg2.ts",
    ] {
        assert_eq!(
            session.answer(&origin.url(path), session.end_us()),
            Some(ts(path)),
            "{path}"
        );
    }
    let polls = origin.count("/live.m3u8");
    assert!(polls >= 3 && origin.count("/edge/b/deep/index.m3u8") >= 1);
    let chains: Vec<(i64, i64)> = session.rows(
        "SELECT count(*), min(e.head_id) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind IN ('main', 'media') GROUP BY ifnull(e.head_id, e.id)",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(chains.len(), polls);
    assert!(chains.iter().all(|(hops, _)| *hops == 3), "{chains:?}");
    let heads: Vec<String> = session.list(
        "SELECT DISTINCT h.url || ' ' || h.status FROM exchange e JOIN timeline h ON h.id = e.head_id",
    );
    assert_eq!(heads, [format!("{} 302", origin.url("/live.m3u8"))]);
    let names: Vec<String> = session.list("SELECT DISTINCT name FROM simple_playlist");
    assert_eq!(
        names,
        ["live.m3u8"],
        "the views have them under the name that was asked for"
    );
}

#[test]
fn what_a_revision_behind_redirects_lists_is_there_from_the_moment_of_the_revision() {
    let stage = Stage::default();
    let page = stage.clone();
    // All of a chain is of one stage.
    let of_chain = Stage::default();
    let origin = Origin::new(move |ask| {
        if ask.path() == "/live.m3u8" {
            of_chain.go(page.at());
        }
        redirected(ask, &of_chain)
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    for next in 1_u8..=3 {
        recording.until_at_least(next.into(), "SELECT count(*) FROM revision");
        stage.go(next.into());
    }
    recording.until_at_least(4, "SELECT count(*) FROM revision");
    recording.until_at_least(6, "SELECT count(*) FROM segments");
    let session = recording.interrupt().session();
    let apart: Vec<String> = session.list(
        "SELECT r.name FROM exchange e JOIN resource r ON r.id = e.resource_id
           JOIN exchange listing ON listing.id = e.referrer_id
          WHERE r.kind = 'segment' AND e.from_us <> listing.from_us",
    );
    assert_eq!(apart, Vec::<String>::new());
    // The first of the stream; a later poll; the first of another edge; a later poll of that.
    let moments: Vec<&str> = session
        .rows(
            "SELECT e.from_us, h.from_us, e.requested_us + e.wait_us FROM revision v
               JOIN exchange e ON e.id = v.exchange_id JOIN exchange h ON h.id = e.head_id ORDER BY e.id",
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .into_iter()
        .map(|(from_us, head_us, response_us): (i64, i64, i64)| match from_us {
            us if us == session.zero_us() => "zero",
            us if us == head_us => "head",
            us if us == response_us => "response",
            _ => "none of these",
        })
        .collect();
    assert_eq!(moments, ["zero", "response", "head", "response"]);
}

#[test]
fn a_loop_of_redirects_is_left_after_ten() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nloop.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
        ),
        "/v.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        "/loop.m3u8" => Reply::redirect(301, "/loop.m3u8"),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(
        1,
        "SELECT count(*) FROM exchange WHERE outcome = 'redirects'",
    );
    let session = recording.interrupt().session();
    let outcomes = session.outcomes("loop.m3u8");
    let mut chain = vec![(301, "complete".to_owned()); 10];
    chain.push((301, "redirects".to_owned()));
    assert_eq!(outcomes[..11], chain);
    assert_eq!(origin.count("/loop.m3u8"), outcomes.len());
}

/// A channel that leads to `localhost` in every way that there is; recorded from `127.0.0.1`.
fn leading_elsewhere(ask: &Ask) -> Reply {
    let host = ask.header("host").unwrap();
    let elsewhere = host.replace("127.0.0.1", "localhost");
    match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nown/v.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://{elsewhere}/named/v.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1\nmoved/v.m3u8\n"
        ))
        .with("Set-Cookie", "from_origin=yes; Path=/"),
        "/moved/v.m3u8" if host != elsewhere => {
            Reply::redirect(302, &format!("http://{elsewhere}/moved/v.m3u8"))
        }
        "/own/v.m3u8" => {
            let uri = move |n| {
                if n == 0 {
                    "seg0.ts".to_owned()
                } else {
                    format!("http://{elsewhere}/cdn/seg1.ts")
                }
            };
            Reply::playlist(Window::new(0, 2).named(uri).ended().text())
        }
        path if path.ends_with(".m3u8") => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    }
}

/// What is secret in a request: header field, password, cookie of the user's, cookie of the origin's.
fn secrets(ask: &Ask) -> [bool; 4] {
    let cookie = ask.header("cookie").unwrap_or_default();
    [
        ask.header("x-token") == Some("tell-nobody"),
        ask.header("authorization") == Some("Basic bWU6cEBzc3dvcmQ="),
        cookie.split("; ").any(|c| c == "mine=1") && cookie.split("; ").any(|c| c == "also=2"),
        cookie.split("; ").any(|c| c == "from_origin=yes"),
    ]
}

fn record_with_secrets(trust: &[&str]) -> (Origin, Vec<Ask>, Vec<Ask>) {
    let origin = Origin::new(leading_elsewhere);
    let url = origin
        .url("/main.m3u8")
        .replace("http://", "http://me:p%40ssword@");
    let finished = Recorder::new(url)
        .args(["-H", "X-Token: tell-nobody", "-b", "mine=1; also=2"])
        .args(trust.iter().copied())
        .run();
    let session = finished.session();
    assert_eq!(
        session.one::<String>("SELECT url FROM stream"),
        origin.url("/main.m3u8")
    );
    let database = std::fs::read(session.path().join("session.db")).unwrap();
    for secret in [
        "tell-nobody",
        "p%40ssword",
        "p@ssword",
        "bWU6cEBzc3dvcmQ",
        "also=2",
    ] {
        let found = database
            .windows(secret.len())
            .any(|w| w == secret.as_bytes());
        assert!(!found, "{secret} is in the session");
    }
    let is_own = |ask: &Ask| ask.header("host").unwrap().starts_with("127.0.0.1");
    let (own, foreign) = origin.asks().into_iter().partition(is_own);
    (origin, own, foreign)
}

fn paths(asks: &[Ask]) -> Vec<&str> {
    let mut paths: Vec<&str> = asks.iter().map(Ask::path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

const FOREIGN: [&str; 5] = [
    "/cdn/seg1.ts",
    "/moved/seg0.ts",
    "/moved/v.m3u8",
    "/named/seg0.ts",
    "/named/v.m3u8",
];

#[test]
fn credentials_go_to_the_host_that_the_user_named_and_to_no_other() {
    let (_origin, own, foreign) = record_with_secrets(&[]);
    assert_eq!(
        paths(&own),
        ["/main.m3u8", "/moved/v.m3u8", "/own/seg0.ts", "/own/v.m3u8"]
    );
    assert_eq!(secrets(&own[0]), [true, true, true, false]);
    for ask in &own[1..] {
        assert_eq!(secrets(ask), [true; 4], "{}", ask.target);
    }
    assert_eq!(paths(&foreign), FOREIGN);
    for ask in foreign {
        assert_eq!(secrets(&ask), [false; 4], "{}", ask.target);
        assert_eq!(ask.header("cookie"), None, "{}", ask.target);
    }
}

#[test]
fn credentials_go_to_the_hosts_that_the_user_trusts_too() {
    for trust in ["localhost", "*", "other.example,LOCALHOST"] {
        let (_origin, _, foreign) = record_with_secrets(&["--trust-hosts", trust]);
        assert_eq!(paths(&foreign), FOREIGN);
        for ask in foreign {
            // What the origin of one host set is that host's own.
            assert_eq!(
                secrets(&ask),
                [true, true, true, false],
                "{trust}: {}",
                ask.target
            );
        }
    }
}

fn vod(ask: &Ask) -> Reply {
    match ask.path().rsplit('/').next().unwrap() {
        "vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        name => Reply::segment(ts(name)),
    }
}

#[test]
fn it_says_who_it_is_or_what_it_was_told_to_say() {
    let own = concat!("isrecorder/", env!("CARGO_PKG_VERSION"));
    for (arguments, agent) in [
        (&[][..], own),
        (&["-A", "Player/1.0 (TV)"], "Player/1.0 (TV)"),
    ] {
        let origin = Origin::new(vod);
        Recorder::new(origin.url("/vod.m3u8"))
            .args(arguments.iter().copied())
            .run()
            .session();
        for ask in origin.asks() {
            assert_eq!(ask.header("user-agent"), Some(agent));
            assert_eq!(
                (ask.method.as_str(), ask.header("accept")),
                ("GET", Some("*/*"))
            );
        }
    }
}

#[test]
fn an_address_given_by_hand_is_used() {
    let origin = Origin::new(vod);
    let host = format!("channel.invalid:{}", origin.port());
    let pin = format!("{host}:127.0.0.1");
    let url = format!("http://{host}/live/vod.m3u8");
    let session = Recorder::new(&url)
        .args(["--resolve", &pin])
        .run()
        .session();
    for ask in origin.asks() {
        assert_eq!(ask.header("host"), Some(host.as_str()));
    }
    assert_eq!(session.one::<String>("SELECT url FROM stream"), url);
    let addresses: Vec<String> = session.list("SELECT DISTINCT remote_addr FROM exchange");
    assert_eq!(addresses, [format!("127.0.0.1:{}", origin.port())]);
}

#[test]
fn a_host_that_does_not_exist_is_a_fault_of_its_own_kind() {
    let url = "http://channel.invalid/live.m3u8";
    let mut recording = Recorder::new(url).start();
    recording.until_at_least(2, "SELECT count(*) FROM exchange");
    let session = recording.interrupt().session();
    let outcomes: Vec<String> = session.list("SELECT DISTINCT outcome FROM exchange");
    assert_eq!(outcomes, ["unresolved"]);
}

#[test]
fn a_proxy_is_asked_for_everything_whether_by_option_or_by_variable() {
    let url = "http://channel.invalid/live/vod.m3u8";
    for by_option in [true, false] {
        let proxy = Origin::new(vod);
        let recorder = Recorder::new(url);
        let session = if by_option {
            recorder.args(["--proxy", &proxy.url("")]).run().session()
        } else {
            recorder.env("http_proxy", &proxy.url("")).run().session()
        };
        let mut asked: Vec<String> = proxy.asks().into_iter().map(|ask| ask.target).collect();
        asked.sort();
        assert_eq!(asked, ["http://channel.invalid/live/seg0.ts", url]);
        assert_eq!(
            session.answer("http://channel.invalid/live/seg0.ts", session.zero_us()),
            Some(ts("seg0.ts"))
        );
    }
}

#[test]
fn a_chunk_behind_redirects_is_the_answer_for_both_of_its_urls() {
    let whole: Vec<u8> = (0..100).collect();
    let served = whole.clone();
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => {
            let uri = |_| "#EXT-X-BYTERANGE:50@10\nmoved.ts".to_owned();
            Reply::playlist(Window::new(0, 1).named(uri).ended().text())
        }
        "/moved.ts" => Reply::redirect(301, "/cdn/here.ts?sig=1"),
        _ => Reply::ranged(ask, &served),
    });
    let session = Recorder::new(origin.url("/vod.m3u8")).run().session();
    for ask in origin
        .asks()
        .iter()
        .filter(|ask| ask.path().ends_with(".ts"))
    {
        assert_eq!(ask.header("range"), Some("bytes=10-59"), "{}", ask.target);
    }
    let hops: Vec<(i64, Option<i64>, String)> = session.rows(
        "SELECT e.status, (SELECT h.status FROM exchange h WHERE h.id = e.head_id), r.name FROM exchange e
           JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'segment' ORDER BY e.id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    );
    assert_eq!(
        hops,
        [
            (301, None, "moved.ts".to_owned()),
            (206, Some(301), "cdn/here.ts".to_owned())
        ]
    );
    let parts = session.parts(&origin.url("/cdn/here.ts?sig=1"), session.zero_us());
    assert_eq!(parts, [(10, whole[10..60].to_vec())]);
    assert_eq!(
        session.list::<String>("SELECT name FROM segments"),
        ["moved.ts"]
    );
}

#[test]
fn a_host_that_accepts_nobody_is_given_up_in_time() {
    // Its queue is full: what comes then is not even refused.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let queue = (0..4).map(|_| {
        let waits = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        waits.set_nonblocking(true).unwrap();
        let _ = waits.connect(&address);
        waits
    });
    let _queue: Vec<Socket> = queue.collect();
    let url = format!("http://{}/live.m3u8", address.as_socket().unwrap());
    let mut recording = Recorder::new(url)
        .args(["--connect-timeout", "1", "--limit", "answer=5"])
        .start();
    recording.until_at_least(1, "SELECT count(*) FROM exchange");
    let session = recording.interrupt().session();
    let outcome = "SELECT outcome FROM exchange ORDER BY id LIMIT 1";
    assert_eq!(session.one::<String>(outcome), "connect timeout");
}

#[test]
fn what_one_url_said_of_its_content_is_told_to_no_other() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::redirect(302, ["/a.m3u8", "/b.m3u8"][ask.nth % 2]),
        path if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(0, 1).text()).with("ETag", "\"same\"")
        }
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("six polls", || origin.count("/live.m3u8") >= 6);
    recording.interrupt().session();
    let asks = origin.asks();
    let conditional = asks
        .iter()
        .find(|ask| ask.header("if-none-match").is_some());
    assert!(conditional.is_none(), "{conditional:?}");
}

#[test]
fn each_limit_of_time_ends_its_own_phase() {
    let hangs = |ask: &Ask| match ask.path() {
        "/silent.ts" => Reply::nothing(End::Silent),
        "/stalls.ts" => Reply::segment(ts("long")).ending(End::Hang(2)),
        path => {
            let name = path.trim_start_matches('/').replace(".m3u8", ".ts");
            Reply::playlist(format!("#EXTM3U\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n"))
        }
    };
    for (name, [answer, stall, whole], outcome) in [
        ("silent", ["1", "300", "300"], (0, "response timeout")),
        ("silent", ["300", "300", "1"], (0, "response timeout")),
        ("stalls", ["300", "1", "300"], (200, "body timeout")),
        ("stalls", ["300", "300", "1"], (200, "body timeout")),
    ] {
        let origin = Origin::new(hangs);
        let answer = format!("answer={answer}");
        let mut recording = Recorder::new(origin.url(&format!("/{name}.m3u8")))
            .args(["--limit", &answer, "--stall", stall, "--max-time", whole])
            .start();
        recording.until_at_least(2, "SELECT count(DISTINCT resource_id) FROM exchange");
        let session = recording.interrupt().session();
        let first = session.outcomes(&format!("{name}.ts")).remove(0);
        assert_eq!(first, (outcome.0, outcome.1.to_owned()));
    }
}
