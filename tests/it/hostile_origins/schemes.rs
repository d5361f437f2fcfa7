//! URIs that are not HTTP, in every place of a playlist that has one.

use crate::support::{Ask, Origin, Recorder, Reply, ts};

const SCHEMES: [&str; 14] = [
    "file:///etc/passwd?",
    "FILE:/etc/passwd?",
    "concat:/etc/passwd|",
    "data:text/plain,",
    "ftp://127.0.0.1/",
    "javascript:alert(1)//",
    "gopher://127.0.0.1/",
    "smb://127.0.0.1/share/",
    "crypto+http://127.0.0.1/",
    "skd://",
    "ws://127.0.0.1/",
    "unix:/run/docker.sock:/",
    "about:",
    "x-isrecorder:",
];

/// Places that are read, `{}` being the URI.
const READ: [(&str, &str); 7] = [
    ("variant", "#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"),
    (
        "rendition",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\",URI=\"{}\"\n",
    ),
    (
        "iframes",
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"{}\"\n",
    ),
    (
        "session-key",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"\n",
    ),
    (
        "session-data",
        "#EXT-X-SESSION-DATA:DATA-ID=\"d\",URI=\"{}\"\n",
    ),
    ("key", "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n"),
    ("map", "#EXT-X-MAP:URI=\"{}\"\n"),
];

/// Places that nothing is fetched from.
const UNREAD: [(&str, &str); 7] = [
    ("steering", "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}\"\n"),
    ("part", "#EXT-X-PART:DURATION=1,URI=\"{}\"\n"),
    ("hint", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"\n"),
    ("report", "#EXT-X-RENDITION-REPORT:URI=\"{}\"\n"),
    (
        "asset",
        "#EXT-X-DATERANGE:ID=\"1\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-URI=\"{}\"\n",
    ),
    (
        "assets",
        "#EXT-X-DATERANGE:ID=\"2\",START-DATE=\"2026-01-01T00:00:00Z\",X-ASSET-LIST=\"{}\"\n",
    ),
    ("unknown", "#EXT-X-ACME-THING:URI=\"{}\"\n"),
];

fn places(which: &[(&str, &str)]) -> String {
    let each = which.iter().flat_map(|(place, tag)| {
        SCHEMES
            .iter()
            .map(move |scheme| tag.replace("{}", &format!("{scheme}{place}")))
    });
    each.collect()
}

fn named(ask: &Ask) -> Reply {
    let segments: String = SCHEMES
        .iter()
        .map(|s| format!("#EXTINF:1,\n{s}segment\n"))
        .collect();
    match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n{}#EXT-X-STREAM-INF:BANDWIDTH=2\nmedia.m3u8\n{}",
            places(&UNREAD[..1]),
            places(&READ[..5])
        )),
        "/media.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n{}{}{segments}#EXTINF:1,\nseg.ts\n#EXT-X-ENDLIST\n",
            places(&READ[5..]),
            places(&UNREAD[1..])
        )),
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn only_http_is_asked_for_in_any_place_of_any_tag() {
    let origin = Origin::new(named);
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    let mut asked: Vec<String> = origin.asks().into_iter().map(|ask| ask.target).collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["/main.m3u8", "/media.m3u8", "/seg.ts"]);
    let events: Vec<String> = session.list("SELECT detail FROM event WHERE kind = 'refused uri'");
    let places = READ.iter().map(|(place, _)| *place).chain(["segment"]);
    for uri in places.flat_map(|place| SCHEMES.map(|scheme| format!("{scheme}{place}"))) {
        let told = events
            .iter()
            .any(|event| event.starts_with(&format!("{uri:?} in ")));
        assert!(told, "nothing says that {uri} was refused");
    }
    assert_eq!(
        session.number("SELECT count(*) FROM resource WHERE url NOT LIKE 'http://127.0.0.1:%'"),
        0
    );
    assert_eq!(session.number("SELECT count(*) FROM resource"), 3);
}
