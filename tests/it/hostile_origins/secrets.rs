//! Canary secrets: what the user gave for one host is seen by no other, nor by a log.

use crate::support::{Ask, Origin, Recorder, Reply, ts};

/// Of a header field, a cookie, a password (and as it is sent), an origin's cookie, a query.
const CANARIES: [&str; 6] = [
    "canary-field",
    "canary-cookie",
    "canary-password",
    "bWU6Y2FuYXJ5LXBhc3N3b3Jk",
    "canary-set",
    "canary-query",
];

/// Two other hosts: by another name, by another port. At each the same channel goes on.
fn named(own: &str, others: &[String]) -> impl Fn(&Ask) -> Reply + Send + Sync + use<> {
    let (own, others) = (own.to_owned(), others.to_vec());
    move |ask: &Ask| {
        let all = || others.iter().enumerate().chain([(9, &own)]);
        let each = |tag: &str| -> String {
            all()
                .map(|(n, host)| {
                    let uri = format!("{host}/PLACE{n}");
                    tag.replace("{n}", &n.to_string()).replace("{}", &uri)
                        + &tag
                            .replace("{n}", &format!("r{n}"))
                            .replace("{}", &format!("PLACE/to/{n}"))
                })
                .collect()
        };
        let place = |name: &str, tag: &str| each(tag).replace("PLACE", name);
        let media = || {
            [
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned(),
                place("key", "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n#EXTINF:1,\nk{n}.ts\n"),
                place("map", "#EXT-X-MAP:URI=\"{}\"\n#EXTINF:1,\nm{n}.ts\n"),
                place("segment", "#EXTINF:1,\n{}\n"),
                place("ranged", "#EXTINF:1,\n#EXT-X-BYTERANGE:5@0\n{}\n"),
                place("part", "#EXT-X-PART:DURATION=1,URI=\"{}\"\n"),
                place("hint", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"\n"),
                place("report", "#EXT-X-RENDITION-REPORT:URI=\"{}\"\n"),
                place("asset", "#EXT-X-DATERANGE:ID=\"{n}\",CLASS=\"com.apple.hls.interstitial\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-URI=\"{}\"\n"),
                "#EXT-X-ENDLIST\n".to_owned(),
            ].concat()
        };
        let main = || {
            [
                "#EXTM3U\n".to_owned(),
                place(
                    "session-key",
                    "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"\n",
                ),
                place(
                    "session-data",
                    "#EXT-X-SESSION-DATA:DATA-ID=\"{n}\",URI=\"{}\"\n",
                ),
                place("steering", "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}\"\n"),
                place(
                    "media",
                    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{n}\",URI=\"{}\"\n",
                ),
                place(
                    "iframe",
                    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"{}\"\n",
                ),
                place("variant", "#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"),
            ]
            .concat()
        };
        let reply = match ask.path() {
            "/main.m3u8" => Reply::playlist(main()),
            path if path.contains("/to/") => {
                let (before, n) = path.rsplit_once("/to/").unwrap();
                let to = all()
                    .find(|(number, _)| number.to_string() == n)
                    .map(|(_, host)| host);
                let name = before.rsplit('/').next().unwrap();
                Reply::redirect(307, &format!("{}/{name}{n}", to.unwrap()))
            }
            path if ["/variant", "/media", "/iframe"]
                .iter()
                .any(|p| path.starts_with(p)) =>
            {
                Reply::playlist(media())
            }
            path => Reply::segment(ts(path)),
        };
        reply
            .with("Set-Cookie", "sid=canary-set; Path=/")
            .with("Set-Cookie", "wide=canary-set; Path=/; Domain=localhost")
    }
}

#[test]
fn what_the_user_gave_for_one_host_is_seen_by_no_other_and_in_no_log() {
    let other = Origin::new(|ask: &Ask| match ask.path() {
        path if ["/variant", "/media", "/iframe"]
            .iter()
            .any(|p| path.starts_with(p)) =>
        {
            Reply::playlist(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nown.ts\n#EXT-X-ENDLIST\n",
            )
        }
        path => Reply::segment(ts(path)),
    });
    // Hosts are known only when they listen, and the first names itself by its name.
    let port = std::sync::Arc::new(std::sync::OnceLock::<[String; 3]>::new());
    let hosts = std::sync::Arc::clone(&port);
    let origin = Origin::new(move |ask: &Ask| {
        let [own, by_name, other] = hosts.get().unwrap();
        named(own, &[by_name.clone(), other.clone()])(ask)
    });
    port.set([origin.url(""), origin.by_name(""), other.url("")])
        .unwrap();
    let url = origin
        .url("/main.m3u8?token=canary-query")
        .replace("http://", "http://me:canary-password@");
    let finished = Recorder::new(url)
        .args([
            "-vvv",
            "-H",
            "X-Token: canary-field",
            "-H",
            "Authorization-2: canary-field",
            "-b",
            "mine=canary-cookie",
        ])
        .run();
    for text in [&finished.stderr, &finished.stdout] {
        for canary in CANARIES {
            let line = text.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary}");
        }
    }
    let _session = finished.session();
    let is_own = |ask: &Ask| ask.header("host").unwrap().starts_with("127.0.0.1");
    let (own, foreign): (Vec<Ask>, Vec<Ask>) = origin.asks().into_iter().partition(is_own);
    let seen = |ask: &Ask, canary: &str| {
        ask.target.contains(canary) || ask.fields.iter().any(|(_, v)| v.contains(canary))
    };
    for ask in own.iter().skip(1) {
        // The password is sent encoded, the query belongs to one URL.
        for canary in ["canary-field", "canary-cookie", "bWU6Y2FuYXJ5LXBhc3N3b3Jk"] {
            assert!(
                seen(ask, canary),
                "{}: {canary} is for this host",
                ask.target
            );
        }
    }
    for (host, asks) in [("localhost", foreign), ("another port", other.asks())] {
        for place in [
            "key",
            "map",
            "segment",
            "ranged",
            "session-key",
            "session-data",
            "media",
            "iframe",
            "variant",
        ] {
            let here = asks
                .iter()
                .filter(|ask| ask.path().starts_with(&format!("/{place}")));
            assert!(here.count() > 0, "{host} was not asked for a {place}");
        }
        for ask in &asks {
            for canary in CANARIES {
                // A host gets back what it set itself; another port is the same host to cookies.
                let set = canary == "canary-set";
                assert!(
                    set || !seen(ask, canary),
                    "{host}: {canary} in {}",
                    ask.target
                );
            }
        }
    }
}
