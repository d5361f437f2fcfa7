//! Over real sockets.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::accept::GRACE;
use super::session::log_line;
use super::{Limits, Port, run};
use crate::clock::{self, Clock};
use crate::replayer::testing::{self, MAIN, Recording};
use crate::replayer::{AtEnd, Dates, Faults, Network, Options, Replay};
use crate::session::{Kind, Outcome};

mod limits;

struct Server {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<()>,
}

async fn start(recording: &Recording, at_end: AtEnd) -> Server {
    serving(
        recording,
        Options {
            at_end,
            ..Options::default()
        },
    )
    .await
}

/// From the first second on.
async fn serving(recording: &Recording, options: Options) -> Server {
    limited(recording, options, Limits::for_descriptors(1000)).await
}

async fn limited(recording: &Recording, options: Options, limits: Limits) -> Server {
    let options = Options {
        offset: Duration::from_secs(1),
        ..options
    };
    let replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let done = tokio::spawn(run(
        Port::plain(listener),
        Arc::new(replay),
        limits,
        shutdown,
    ));
    Server {
        address,
        stop,
        done,
    }
}

/// What comes back for these bytes, until the connection is closed.
async fn talk(server: &Server, bytes: &str) -> String {
    // A connection that is reset has given what it had.
    let mut client = TcpStream::connect(server.address).await.unwrap();
    converse(&mut client, bytes).await.0
}

/// Fails where something would never end.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, future).await.unwrap()
}

/// What comes back, and how the connection ended.
async fn converse(client: &mut TcpStream, bytes: &str) -> (String, std::io::Result<()>) {
    client.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = client.read_to_end(&mut answer).await.map(|_| ());
    (String::from_utf8(answer).unwrap(), end)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn answers_faults_and_bad_requests_over_the_wire() {
    let recording = Recording::start().await;
    recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
    let mut refused = recording.exchange(Kind::Segment, "http://o.example/refused.ts", 0);
    (refused.status, refused.outcome) = (None, Outcome::Refused);
    recording.add(refused).await;
    let mut short = recording.exchange(Kind::Segment, "http://o.example/short.ts", 0);
    (short.announced_bytes, short.outcome) = (Some(100), Outcome::Reset);
    short.body = recording.file(short.id, b"half");
    recording.add(short).await;
    let mut reset = recording.exchange(Kind::Segment, "http://o.example/reset.ts", 0);
    (reset.status, reset.outcome) = (None, Outcome::Reset);
    recording.add(reset).await;
    let mut closed = recording.exchange(Kind::Segment, "http://o.example/closed.ts", 0);
    (closed.status, closed.outcome) = (None, Outcome::Short);
    recording.add(closed).await;
    let mut cut = recording.exchange(Kind::Segment, "http://o.example/cut.ts", 0);
    (cut.announced_bytes, cut.outcome) = (Some(100), Outcome::Short);
    cut.body = recording.file(cut.id, b"half");
    recording.add(cut).await;
    let whole = vec![b'x'; 1_000_000];
    recording
        .chunk("http://o.example/whole.ts", 0, &whole)
        .await;
    recording.finish().await;
    let server = start(&recording, AtEnd::Hold).await;

    let playlist = talk(&server, &get("/stream.m3u8")).await;
    assert!(
        playlist.starts_with("HTTP/1.1 200 OK\r\n") && playlist.ends_with("\r\n\r\n#EXTM3U\n"),
        "{playlist}"
    );
    assert!(
        playlist.contains("content-length: 8\r\n") && playlist.contains("\r\ndate: "),
        "{playlist}"
    );
    assert_eq!(
        talk(&server, &get("/http/o.example:80/refused.ts")).await,
        ""
    );
    let short = talk(&server, &get("/http/o.example:80/short.ts")).await;
    assert!(
        short.contains("content-length: 100\r\n") && short.ends_with("\r\n\r\nhalf"),
        "{short}"
    );
    for (name, is_reset) in [
        ("short", true),
        ("reset", true),
        ("cut", false),
        ("closed", false),
        ("refused", false),
    ] {
        let path = format!("/http/o.example:80/{name}.ts");
        let mut client = TcpStream::connect(server.address).await.unwrap();
        let (_, end) = converse(&mut client, &get(&path)).await;
        let end = end.map_err(|e| e.kind());
        let wanted = match is_reset {
            true => Err(std::io::ErrorKind::ConnectionReset),
            false => Ok(()),
        };
        assert_eq!(end, wanted, "{name}");
    }
    let whole = talk(&server, &get("/http/o.example:80/whole.ts")).await;
    assert_eq!(
        whole.split("\r\n\r\n").nth(1).map(str::len),
        Some(1_000_000)
    );
    for bad in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let answer = talk(
            &server,
            &bad.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad:?}: {answer}");
    }
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
}

#[tokio::test]
async fn two_requests_share_a_connection() {
    let recording = Recording::start().await;
    recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
    recording.finish().await;
    let server = start(&recording, AtEnd::Hold).await;
    let first = "HEAD /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
    let both = talk(&server, &format!("{first}{}", get("/stream.m3u8"))).await;
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
    assert_eq!(both.matches("#EXTM3U").count(), 1, "{both}");
}

#[tokio::test(start_paused = true)]
async fn what_timed_out_is_held_as_long_or_until_the_client_goes() {
    let recording = Recording::start().await;
    let mut silent = recording.exchange(Kind::Segment, "http://o.example/silent.ts", 0);
    (silent.status, silent.outcome) = (None, Outcome::ResponseTimeout);
    silent.failed_us = Some(40_000_000);
    recording.add(silent).await;
    recording.finish().await;
    let server = start(&recording, AtEnd::Hold).await;
    let path = get("/http/o.example:80/silent.ts");
    let before = clock::instant();
    assert_eq!(talk(&server, &path).await, "");
    let held = clock::instant() - before;
    assert!(
        held.abs_diff(Duration::from_secs(40)) < Duration::from_millis(100),
        "{held:?}"
    );

    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(path.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(client);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = clock::instant();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(clock::instant() - before < GRACE, "nothing was under way");
}

/// Paths with the number of bytes that come for them, and after how many milliseconds the last one.
const PACED: [(&str, usize, u64); 6] = [
    ("/http/o.example:80/stalled.ts", 200_000, 3250),
    ("/http/o.example:80/cut.ts", 4, 2100),
    ("/http/origin.example:80/live/main.m3u8", 0, 700),
    ("/http/o.example:80/list.m3u8", 8, 700),
    ("/stream.m3u8", 8, 1400),
    ("/http/o.example:80/refused.ts", 0, 600),
];

async fn paced() -> (Recording, Arc<Server>) {
    let recording = Recording::start().await;
    let mut stalled = recording.exchange(Kind::Segment, "http://o.example/stalled.ts", 0);
    stalled.body = recording.file(stalled.id, &[b'x'; 200_000]);
    (stalled.wait_us, stalled.receive_us) = (Some(250_000), Some(3_000_000));
    stalled.arrival = Some("[[0,1000],[500000,150000],[3000000,200000]]".to_owned());
    recording.add(stalled).await;
    let mut cut = recording.exchange(Kind::Segment, "http://o.example/cut.ts", 0);
    (cut.announced_bytes, cut.outcome) = (Some(100), Outcome::BodyTimeout);
    cut.body = recording.file(cut.id, b"half");
    (cut.wait_us, cut.receive_us) = (Some(100_000), Some(2_000_000));
    recording.add(cut).await;
    let mut hop = recording.exchange(Kind::Main, MAIN, 0);
    (hop.status, hop.wait_us) = (Some(302), Some(700_000));
    hop.headers = Some(testing::headers(&[(
        "location",
        "http://o.example/list.m3u8",
    )]));
    recording.add(hop).await;
    let list = "http://o.example/list.m3u8";
    let mut slow = recording.exchange(Kind::Main, list, 0);
    slow.body = testing::bytes("#EXTM3U\n");
    (slow.wait_us, slow.receive_us) = (Some(300_000), Some(400_000));
    recording.add(slow).await;
    let mut refused = recording.exchange(Kind::Segment, "http://o.example/refused.ts", 0);
    (refused.status, refused.outcome) = (None, Outcome::Refused);
    (refused.wait_us, refused.failed_us) = (None, Some(600_000));
    recording.add(refused).await;
    recording.finish().await;
    let options = Options {
        network: Network::Recorded,
        ..Options::default()
    };
    let server = serving(&recording, options).await;
    (recording, Arc::new(server))
}

/// How long it took, against the recording; its bytes are checked.
async fn delay(server: &Server, (path, length, ms): (&str, usize, u64)) -> (Duration, Duration) {
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let before = clock::instant();
    let answer = converse(&mut client, &get(path)).await.0;
    let took = clock::instant() - before;
    let body = answer.split_once("\r\n\r\n");
    assert_eq!(body.map_or(0, |(_, body)| body.len()), length, "{path}");
    (took, Duration::from_millis(ms))
}

// One after the other: with many sockets, paused time runs ahead of what is in flight.
#[tokio::test(start_paused = true)]
async fn a_replayed_transfer_takes_as_long_as_the_recorded_one() {
    let (_recording, server) = paced().await;
    // The second time out of answers that were kept.
    for case in PACED.into_iter().chain(PACED) {
        let (took, wanted) = delay(&server, case).await;
        let off = took.abs_diff(wanted);
        assert!(off < Duration::from_millis(20), "{case:?}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_players_are_paced_at_once() {
    let (_recording, server) = paced().await;
    let mut players = Vec::new();
    for case in PACED.into_iter().cycle().take(240) {
        let server = Arc::clone(&server);
        players.push(tokio::spawn(
            async move { (case, delay(&server, case).await) },
        ));
    }
    for player in players {
        let (case, (took, wanted)) = player.await.unwrap();
        assert!(
            took + Duration::from_millis(5) > wanted,
            "{case:?}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_says_which_exchange_answered_and_what_was_done_to_it() {
    let recording = Recording::start().await;
    let dated = "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00Z\n#EXTINF:4,\nx.ts\n";
    recording.text(Kind::Main, MAIN, 0, dated, &[]).await;
    let mut failed = recording.exchange(Kind::Main, MAIN, 500);
    failed.status = Some(503);
    recording.add(failed).await;
    let mut cut = recording.exchange(Kind::Segment, "http://o.example/cut.ts", 0);
    (cut.announced_bytes, cut.outcome) = (Some(100), Outcome::Reset);
    cut.body = recording.file(cut.id, b"half");
    recording.add(cut).await;
    recording
        .chunk("http://o.example/soon.ts", 1400, b"x")
        .await;
    recording.finish().await;
    let options = Options {
        offset: Duration::from_secs(1),
        early: Duration::from_secs(1),
        faults: Faults::Healed,
        dates: Dates::Shifted,
        network: Network::Recorded,
        ..Options::default()
    };
    let replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    let replay = Arc::new(replay);
    for (path, wanted) in [
        (
            "/stream.m3u8?token=secret",
            "200 GET /stream.m3u8 98 bytes, exchange 1, main, shifted, paced, healed",
        ),
        (
            "/http/o.example:80/cut.ts",
            "200 GET /http/o.example:80/cut.ts 100 bytes, exchange 3, recorded fault: reset, \
             after 4 bytes, reset, paced, it never had a good answer in its place",
        ),
        (
            "/http/o.example:80/soon.ts",
            "200 GET /http/o.example:80/soon.ts 1 bytes, exchange 4, segment, paced, early",
        ),
        (
            "/http/o.example:80/other.ts",
            "404 GET /http/o.example:80/other.ts 61 bytes, \
             http://o.example/other.ts was never recorded in session test",
        ),
    ] {
        let request = hyper::Request::builder().uri(path).body(()).unwrap();
        let mut request = replay.receive(request.into_parts().0);
        let reply = replay.respond(&request).await;
        let line = log_line(request.parts(), &reply);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("0:00:01."), "{line}");
        assert_eq!(rest, wanted);
    }
}
