//! Three streams of one origin, which knows what it published: a media playlist, a multivariant
//! playlist with keys, and a stream that is no playlist.

use std::time::Duration;

use super::origin::Ask;
use super::reply::{End, Reply, Then};
use super::session::Session;
use super::{Origin, Window, ts};

/// Bytes that a raw stream repeats, for ever.
const PLAIN_PACKETS: u32 = 700;
/// As they come.
const PLAIN_STEP: usize = 1880;
const PLAIN_PAUSE: Duration = Duration::from_millis(10);

/// What a recorder is called with for all three, at its quickest.
pub fn arguments(origin: &Origin) -> Vec<String> {
    let inputs = [
        ("one", "/one/live.m3u8"),
        ("many", "/many/main.m3u8"),
        ("plain", "/plain"),
    ];
    let inputs = inputs.map(|(name, path)| format!("{name}={}", origin.url(path)));
    let options = ["--poll", "0.2", "--min-part", "1k", "--log", "json"];
    options
        .map(str::to_owned)
        .into_iter()
        .chain(inputs)
        .collect()
}

/// The answer to each request.
pub fn reply(ask: &Ask) -> Reply {
    let path = ask.path();
    match path {
        "/plain" => Reply::segment(plain()).ending(End::Live(PLAIN_STEP, PLAIN_PAUSE, Then::Again)),
        "/many/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na/v.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb/v.m3u8\n",
        ),
        "/one/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        "/many/a/v.m3u8" | "/many/b/v.m3u8" => {
            let window = Window::new(ask.nth as u64, 4).named(|n| format!("{}/seg{n}.ts", n / 8));
            Reply::playlist(window.headed("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"").text())
        }
        path if path.ends_with("/k") => Reply::key(*b"0123456789abcdef"),
        path => Reply::segment(segment(path)).ending(End::Chunked(700)),
    }
}

fn segment(path: &str) -> Vec<u8> {
    ts(path).repeat(4)
}

fn plain() -> Vec<u8> {
    let packet = |n: u32| {
        let mut packet = vec![0x47, 0x01, 0x00, 0x10];
        packet.extend_from_slice(&n.to_be_bytes());
        packet.resize(188, 0xAA);
        packet
    };
    (0..PLAIN_PACKETS).flat_map(packet).collect()
}

/// Every file that a row names has the bytes that were served for its URL; where the answer broke, the first of them.
pub fn check(session: &Session) {
    let bodies: Vec<(i64, String, String, String, i64)> = session.rows(
        "SELECT e.id, '/' || r.name, b.path, e.outcome, ifnull(e.body_first, 0) FROM exchange e
           JOIN resource r ON r.id = e.resource_id JOIN body b ON b.id = e.body_id
          WHERE b.path IS NOT NULL",
        |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        },
    );
    let plain = plain();
    for (id, url_path, path, outcome, first) in bodies {
        let content = std::fs::read(session.path().join("chunks").join(&path)).unwrap();
        if url_path == "/plain" {
            let sent = plain.iter().cycle().skip(first as usize);
            assert!(content.iter().eq(sent.take(content.len())), "{id}: {path}");
        } else {
            let sent = segment(&url_path);
            assert!(sent.starts_with(&content), "{id}: {path}");
            assert!(
                outcome != "complete" || content.len() == sent.len(),
                "{id}: {path}"
            );
        }
    }
}
