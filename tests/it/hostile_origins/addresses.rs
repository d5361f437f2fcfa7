//! A public origin that names what stands behind the user's firewall. It is public because it is
//! reached through a proxy: nobody here knows its address.

use crate::support::{Ask, Origin, Recorder, Reply, Session, Window, ts};

/// Each is this machine, the network around it, or nobody's.
const SPELLINGS: [&str; 44] = [
    "127.0.0.1",
    "127.0.0.1:22",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.01",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "me:pw@127.0.0.1",
    "0",
    "0.0.0.0",
    "0.0.0.0:80",
    "10.0.0.1",
    "10.255.255.255",
    "0xa000001",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "3232235521",
    "192.0.0.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.251",
    "255.255.255.255",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00::1]",
];

fn spelled(n: usize, place: &str) -> String {
    format!("http://{}/{place}/{n}", SPELLINGS[n])
}

/// What the public origin says: it names each of them in every place that is asked for.
fn public(ask: &Ask) -> Reply {
    let all = 0..SPELLINGS.len();
    let path = ask
        .path()
        .strip_prefix("http://live.example")
        .unwrap_or("elsewhere");
    match path {
        "/main.m3u8" => {
            let variants =
                all.map(|n| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n", spelled(n, "variant")));
            let session_key = format!(
                "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"\n",
                spelled(0, "session-key")
            );
            Reply::playlist(format!(
                "#EXTM3U\n{session_key}#EXT-X-STREAM-INF:BANDWIDTH=2\nmedia.m3u8\n{}",
                variants.collect::<String>()
            ))
        }
        "/media.m3u8" => {
            let segments = all.map(|n| {
                format!(
                    "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n#EXT-X-MAP:URI=\"{}\"\n#EXTINF:1,\n{}\n#EXTINF:1,\nredirected/{n}\n",
                    spelled(n, "key"), spelled(n, "init"), spelled(n, "segment"),
                )
            });
            let segments: String = segments.collect();
            Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{segments}#EXT-X-ENDLIST\n"
            ))
        }
        _ => match path
            .strip_prefix("/redirected/")
            .and_then(|n| n.parse().ok())
        {
            Some(n) => Reply::redirect(302, &spelled(n, "redirect")),
            None => Reply::segment("what must not be seen"),
        },
    }
}

fn refused(session: &Session, place: &str) -> i64 {
    session.number(&format!(
        "SELECT count(DISTINCT resource_id) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.url LIKE '%/{place}/%' AND e.outcome = 'unreachable' AND e.status IS NULL
            AND e.error LIKE 'not asked: %--allow-private%'"
    ))
}

#[test]
fn a_public_origin_leads_to_no_private_address_in_any_spelling_and_any_place() {
    let origin = Origin::new(public);
    let proxy = origin.url("");
    let session = Recorder::new("http://live.example/main.m3u8")
        .args(["--proxy", &proxy])
        .run()
        .session();
    for place in ["variant", "key", "init", "segment", "redirect"] {
        assert_eq!(refused(&session, place), SPELLINGS.len() as i64, "{place}");
    }
    assert_eq!(refused(&session, "session-key"), 1);
    for ask in origin.asks() {
        assert!(
            ask.target.starts_with("http://live.example/"),
            "{}",
            ask.target
        );
    }
    let again = session.number(
        "SELECT count(*) FROM (SELECT 1 FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.url NOT LIKE '%live.example%' AND e.head_id IS NULL GROUP BY r.id HAVING count(*) > 1)",
    );
    assert_eq!(again, 0, "it is no less private the second time");
}

/// `live.example` is public; `localhost` is resolved here, to this machine.
fn record_names(inside: &Origin, proxy: fn(&Origin) -> String, arguments: &[&str]) -> Session {
    let inner = inside.by_name("");
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "http://live.example/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{inner}/variant.m3u8\n"
        )),
        "http://live.example/media.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"{inner}/key\"\n\
             #EXTINF:1,\n{inner}/seg.ts\n#EXTINF:1,\nredirected\n#EXT-X-ENDLIST\n"
        )),
        _ => Reply::redirect(302, &format!("{inner}/redirect")),
    });
    Recorder::new("http://live.example/main.m3u8")
        .env("http_proxy", &proxy(&origin))
        .env("no_proxy", "localhost")
        .args(arguments.iter().copied())
        .run()
        .session()
}

#[test]
fn a_name_is_judged_by_what_it_is_resolved_to() {
    let inside = Origin::new(|ask: &Ask| match ask.path() {
        "/variant.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let by_address = |proxy: &Origin| proxy.url("");
    // Its name may be resolved to any address, and is no way there for anybody else.
    let by_name = |proxy: &Origin| proxy.by_name("");
    let session = record_names(&inside, by_name, &[]);
    let outcomes = session.outcomes("seg.ts");
    assert!(outcomes.iter().all(|o| *o == (0, "unreachable".to_owned())));
    assert!(inside.asks().is_empty(), "{:?}", inside.asks());
    let session = record_names(&inside, by_address, &[]);
    assert!(inside.asks().is_empty(), "{:?}", inside.asks());
    for name in ["variant.m3u8", "key", "seg.ts", "redirect"] {
        let outcomes = session.outcomes(name);
        assert!(!outcomes.is_empty(), "{name}");
        assert!(
            outcomes.iter().all(|o| *o == (0, "unreachable".to_owned())),
            "{name}: {outcomes:?}"
        );
        assert!(outcomes.len() < 20, "{name}: {} tries", outcomes.len());
    }
    let told = session.one::<String>(
        "SELECT error FROM exchange WHERE error LIKE 'localhost is a loopback%' LIMIT 1",
    );
    assert!(told.contains("--allow-private"), "{told}");

    record_names(&inside, by_address, &["--allow-private"]);
    for path in ["/variant.m3u8", "/key", "/seg.ts", "/redirect"] {
        assert!(
            inside.count(path) > 0,
            "{path} is asked for where the user allows it"
        );
    }
}

#[test]
fn a_public_answer_to_what_was_typed_leads_to_no_private_address() {
    let inside = Origin::new(|_: &Ask| Reply::playlist(Window::new(0, 1).text()));
    let target = inside.by_name("/inside.m3u8");
    let origin = Origin::new(move |_: &Ask| Reply::redirect(302, &target));
    let record = |arguments: &[&str]| {
        Recorder::new("http://live.example/live.m3u8")
            .env("http_proxy", &origin.url(""))
            .env("no_proxy", "localhost")
            .args(arguments.iter().copied())
            .start()
    };
    let mut recording = record(&[]);
    let kept_out = "SELECT count(*) FROM exchange WHERE outcome = 'unreachable'";
    recording.until_at_least(2, kept_out);
    recording.interrupt();
    assert!(inside.asks().is_empty(), "{:?}", inside.asks());
    let mut recording = record(&["--allow-private"]);
    recording.until("it is allowed", || inside.count("/inside.m3u8") > 0);
    recording.interrupt();
}

#[test]
fn a_private_origin_may_name_others_like_it() {
    let other = Origin::new(|ask: &Ask| Reply::segment(ts(ask.path())));
    let (by_name, by_address) = (other.by_name("/n.ts"), other.url("/a.ts"));
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{by_name}\n#EXTINF:1,\n{by_address}\n#EXT-X-ENDLIST\n"
        )),
        _ => Reply::not_found(),
    });
    let session = Recorder::new(origin.url("/live.m3u8")).run().session();
    assert_eq!(
        session.number("SELECT count(*) FROM segments WHERE error IS NULL"),
        2
    );
}
