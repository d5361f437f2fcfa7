//! A replay behind a reverse proxy that serves it below a path of its own.

use std::collections::BTreeMap;

use crate::replay::Replayer;
use crate::support::proxy::{Got, ask_for, crawl, proxy};
use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, ts};

/// All that makes references odd: other hosts, roots, empty segments, colons, queries, a redirect, tags that
/// nobody knows.
fn origin() -> Origin {
    Origin::new(|ask: &Ask| {
        let host = ask.header("host").unwrap();
        let other = host.replace("127.0.0.1", "localhost");
        match ask.path() {
            "/tv/main.m3u8" => Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-LOGO:SRC-URL=\"https://pictures.example/logo.png\"\n#EXT-X-ICON:https://pictures.example/icon\n\
                 #EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"/tv/data.json\"\n\
                 #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"//{other}/tv/a//live.m3u8?q=/x\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv/live.m3u8\n"
            )),
            "/tv/data.json" => Reply::new(200, "text/plain", "data"),
            "/tv/a//live.m3u8" => {
                let window = Window::new(0, 3).ended();
                Reply::playlist(window.named(|n| format!("./s:{n}.ts?q=../{n}")).text())
            }
            "/tv/v/live.m3u8" => {
                let window = Window::new(0, 3).ended();
                let key = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"http://{other}/tv/key\"");
                let host = host.to_owned();
                let named = move |n| match n {
                    0 => "/s0.ts".to_owned(),
                    1 => format!("http://{host}/tv//s1.ts"),
                    n => format!("s{n}.ts"),
                };
                Reply::playlist(window.headed(&key).named(named).text())
            }
            "/tv/key" => Reply::key(*b"0123456789abcdef"),
            "/tv/v/s2.ts" => Reply::redirect(302, "/moved/s2.ts?x=1"),
            path => Reply::segment(ts(path)),
        }
    })
}

fn recorded(origin: &Origin) -> Session {
    let main = origin.url("/tv/main.m3u8");
    let media = format!("hall-2={}", origin.url("/tv/v/live.m3u8"));
    Recorder::new(main).args([media.as_str()]).run().session()
}

const STARTS: [&str; 10] = [
    "",
    "?format=json",
    "stream.m3u8",
    "stream.m3u8?offset=1000",
    "hall%2D2/stream.m3u8",
    "hall%2D2/stream.m3u8?offset=1000",
    "dvr.m3u8",
    "hall%2D2/dvr.m3u8",
    "@1000000000000/",
    "%401000000000000",
];

#[test]
fn behind_any_prefix_everything_leads_to_everything() {
    let origin = origin();
    let session = recorded(&origin);
    let sessions = session.path().parent().unwrap();
    let arguments = ["-p", "0", "-o", "1000", "--at-end", "endlist", "session1"];
    let replayer = Replayer::start(sessions, &arguments);
    let behind = proxy("/lab/a%20b", replayer.address.clone());
    let found = crawl(&behind.url("/lab/a%20b/"), &STARTS);
    let direct = crawl(&format!("http://{}/", replayer.address), &STARTS);

    let (host, port) = (format!("127.0.0.1:{}", origin.port()), origin.port());
    for (path, content) in [
        (format!("http/{host}/s0.ts"), "/s0.ts"),
        (format!("http/{host}/tv//s1.ts"), "/tv//s1.ts"),
        (format!("http/{host}/moved/s2.ts?x=1"), "/moved/s2.ts"),
        (
            format!("http/localhost:{port}/tv/a//s:1.ts?q=../1"),
            "/tv/a//s:1.ts",
        ),
    ] {
        for prefix in ["", "@1000000000000/"] {
            let got = &found[&format!("{prefix}{path}")];
            assert_eq!(
                (got.status, &got.body),
                (200, &ts(content)),
                "{prefix}{path}"
            );
        }
    }
    assert_eq!(
        found[&format!("http/localhost:{port}/tv/key")].body,
        b"0123456789abcdef"
    );
    assert_eq!(found[&format!("http/{host}/tv/data.json")].body, b"data");
    let chunks = found
        .iter()
        .filter(|(path, _)| path.starts_with("exchange/"));
    assert!(
        chunks.clone().count() >= 9,
        "{:?}",
        chunks.map(|(p, _)| p).collect::<Vec<_>>()
    );
    // What was never recorded is a 404 of the replayer, wherever it is named; nothing else is missing.
    let missing: Vec<&String> = with_status(&found, 404);
    let is_logo = |path: &&String| {
        path.ends_with("pictures.example:443/logo.png") || path.ends_with("/dvr/0.m3u8")
    };
    assert!(
        missing.iter().all(is_logo) && missing.len() >= 3,
        "{missing:?}"
    );
    let leads_away = |got: &&Got| got.status == 200 && got.text().contains("://pictures.example");
    assert_eq!(found.values().filter(leads_away).count(), 0);
    // The proxy changes nothing, whatever it says of itself.
    let timeless = |found: BTreeMap<String, Got>| -> Vec<(String, u16, Vec<u8>)> {
        let is_own = |path: &String| path.contains('@') || path.contains("%40");
        let found = found
            .into_iter()
            .filter(|(path, _)| !is_own(path) && !path.contains("offset"));
        found
            .map(|(path, got)| (path, got.status, got.body))
            .collect()
    };
    assert_eq!(timeless(found), timeless(direct));
}

fn with_status(found: &BTreeMap<String, Got>, status: u16) -> Vec<&String> {
    let found = found.iter().filter(|(_, got)| got.status == status);
    found.map(|(path, _)| path).collect()
}

#[test]
fn what_a_request_says_of_proxies_is_not_read() {
    let origin = origin();
    let session = recorded(&origin);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(
        sessions,
        &["-p", "0", "-o", "1000", "--at-end", "endlist", "session1"],
    );
    let poison = [
        ("Forwarded", "for=1.2.3.4;host=poison.example;proto=https"),
        ("X-Forwarded-Host", "poison.example"),
        ("X-Forwarded-Prefix", "/poison"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Path", "/poison"),
        ("X-Forwarded-Port", "666"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Original-URL", "/poison"),
        ("X-Rewrite-URL", "/poison"),
        ("X-Script-Name", "/poison"),
        ("X-Real-IP", "6.6.6.6"),
    ];
    for path in [
        "/",
        "/?format=json",
        "/stream.m3u8",
        "/hall%2D2/stream.m3u8",
        "/dvr.m3u8",
        "/hall%2D2/dvr.m3u8",
        "/@1000000000000~5/stream.m3u8",
        &format!("/http/127.0.0.1:{}/tv/v/s2.ts", origin.port()),
        "/nothing",
    ] {
        let same = |fields: &[(&str, &str)]| {
            let mut got = ask_for(&replayer.address, path, fields);
            got.fields
                .retain(|(name, _)| !matches!(name.as_str(), "date" | "x-isrecorder-session-time"));
            got
        };
        let poisoned = same(&poison);
        assert_eq!(poisoned, same(&[]), "{path}");
        assert!(!format!("{:?}{}", poisoned.fields, poisoned.text()).contains("poison"));
    }
}

/// A channel whose playlists take a variable from the query to which they were redirected.
fn with_parameters(ask: &Ask) -> Reply {
    match ask.target.as_str() {
        "/main.m3u8" => Reply::redirect(302, "/real/main.m3u8?who=x%2By"),
        "/real/main.m3u8?who=x%2By" => Reply::playlist(
            "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"who\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../go.m3u8?for={$who}\n",
        ),
        "/go.m3u8?for=x+y" => Reply::redirect(302, "/v/live.m3u8?token=t1&left=3"),
        "/v/live.m3u8?token=t1&left=3" => {
            let head = "#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-DEFINE:QUERYPARAM=\"left\"";
            let window = Window::new(0, 3).ended().headed(head);
            Reply::playlist(
                window
                    .named(|n| format!("{{$token}}/s{n}.ts?left={{$left}}"))
                    .text(),
            )
        }
        _ if ask.path().ends_with(".ts") && ask.target.ends_with("?left=3") => {
            Reply::segment(ts(ask.path()))
        }
        _ => Reply::not_found(),
    }
}

#[test]
fn variables_are_those_of_the_query_that_a_redirect_led_to_and_a_player_is_led_to_it() {
    let origin = Origin::new(with_parameters);
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    assert_eq!(origin.count("/v/t1/s2.ts?left=3"), 1);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(
        sessions,
        &["-p", "0", "-o", "1000", "--at-end", "endlist", "session1"],
    );
    let site = format!("http://{}/", replayer.address);
    let found = crawl(
        &site,
        &["stream.m3u8", "stream.m3u8?offset=1000", "dvr.m3u8"],
    );
    let segments = found.keys().filter(|path| path.contains("/v/t1/s"));
    assert_eq!(segments.count(), 6, "on both clocks: {:?}", found.keys());
    let missing = with_status(&found, 404);
    assert!(missing.is_empty(), "{missing:?}");
    // A player that has lost the query, or some of it, or has another one.
    let host = format!("http/127.0.0.1:{}", origin.port());
    for query in ["", "?x=1", "?left=3", "?token=t2&left=9"] {
        let start = format!("{host}/v/live.m3u8{query}");
        let found = crawl(&site, &[&start]);
        let is_led = query != "?token=t2&left=9";
        assert_eq!(found[&start].status == 302, is_led, "{query}");
        for n in 0..3 {
            let segment = &found[&format!("{host}/v/t1/s{n}.ts?left=3")];
            assert_eq!(
                (segment.status, &segment.body),
                (200, &ts(&format!("/v/t1/s{n}.ts")))
            );
        }
    }
}
