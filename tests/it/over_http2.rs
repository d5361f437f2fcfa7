//! isreplayer over HTTP/2 and TLS, as players and their libraries speak it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;

use crate::replay::Replayer;
use crate::support::replayed::{LIVE, Replayed, SEGMENTS, playlist, segment};
use crate::support::{
    Ask, LowLatency, Names, Origin, PARTS, Recorder, Reply, Window, client, part_body, ts,
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

/// A client of nothing but HTTP/2.
fn http2_only() -> reqwest::Client {
    // Another test of this process may have said so already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy();
    client.build().unwrap()
}

#[test]
fn hundreds_of_requests_at_once_get_what_they_ask_for() {
    let mut replayed = Replayed::start(&[]);
    let (client, address) = (http2_only(), replayed.address);
    runtime().block_on(async {
        let get = |path: String| {
            let client = client.clone();
            async move {
                let answer = client.get(format!("http://{address}{path}")).send();
                let answer = answer.await.unwrap();
                assert_eq!(answer.version(), reqwest::Version::HTTP_2);
                assert_eq!(answer.status(), 200);
                assert!(answer.headers().contains_key("date"));
                let length = answer.headers()["content-length"].to_str().unwrap();
                let length: usize = length.parse().unwrap();
                let body = answer.bytes().await.unwrap();
                assert_eq!(body.len(), length);
                body
            }
        };
        let asked: Vec<_> = (0..400)
            .map(|n| tokio::spawn(get(format!("{LIVE}/seg{}.ts", n % SEGMENTS))))
            .collect();
        for (n, answer) in asked.into_iter().enumerate() {
            assert!(answer.await.unwrap() == segment(n % SEGMENTS), "{n}");
        }
        let listed = playlist().replace("seg", &format!("{}/seg", &LIVE[1..]));
        assert_eq!(get("/stream.m3u8".to_owned()).await, listed);
        let large = get(format!("{LIVE}/large.ts")).await;
        assert!(large.iter().all(|byte| *byte == b'x'));
    });
    replayed.check();
}

#[test]
fn ranges_heads_preflights_and_refusals_are_those_of_http_1() {
    let replayed = Replayed::start(&[]);
    let chunk = format!("http://{}{LIVE}/seg3.ts", replayed.address);
    let list = format!("http://{}/stream.m3u8", replayed.address);
    let missing = format!("http://{}/nothing", replayed.address);
    let range = ["-H", "Range: bytes=5-9"];
    let behind = ["-H", "Range: bytes=99999999-"];
    let preflight = [
        "-X",
        "OPTIONS",
        "-H",
        "Origin: https://p.example",
        "-H",
        "Access-Control-Request-Method: GET",
    ];
    for (arguments, url) in [
        (&[][..], &chunk),
        (&[], &list),
        (&["--head"], &chunk),
        (&["--head"], &list),
        (&range, &chunk),
        (&behind, &chunk),
        (&preflight, &chunk),
        (&["-X", "POST"], &list),
        (&["-X", "BREW"], &list),
        (&["-d", "body"], &list),
        (&["-H", "Accept-Encoding: gzip"], &list),
        (&[], &missing),
    ] {
        let first = curl(&[&["--http1.1"], arguments].concat(), url);
        let second = curl(&[&["--http2-prior-knowledge"], arguments].concat(), url);
        assert_eq!(first.version, "1.1");
        assert_eq!(second.version, "2");
        assert_eq!(first.status, second.status, "{arguments:?} {url}");
        assert_eq!(first.fields, second.fields, "{arguments:?} {url}");
        // Of a head curl writes the head twice.
        let is_head = arguments.contains(&"--head");
        assert!(is_head || first.body == second.body, "{arguments:?} {url}");
    }
}

/// What curl got of a URL.
struct Got {
    version: String,
    status: String,
    /// All but those that differ from one moment to the next, or are about a connection.
    fields: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn curl(arguments: &[&str], url: &str) -> Got {
    let folder = tempfile::tempdir().unwrap();
    let (head, body) = (folder.path().join("head"), folder.path().join("body"));
    let output = Command::new("curl")
        .args(["-q", "-sS", "--noproxy", "*", "--max-time", "60"])
        .args(["-w", "%{http_version}"])
        .args(arguments)
        .arg("-D")
        .arg(&head)
        .arg("-o")
        .arg(&body)
        .arg(url)
        .output()
        .unwrap_or_else(|error| panic!("curl must be installed: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} {url}: {said}");
    let head = std::fs::read_to_string(head).unwrap();
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let passing = ["date", "x-isrecorder-session-time", "connection"];
    Got {
        version: String::from_utf8(output.stdout).unwrap(),
        status: head.split(' ').nth(1).unwrap().to_owned(),
        fields: fields
            .filter(|(name, _)| !passing.contains(&&**name))
            .collect(),
        body: std::fs::read(body).unwrap_or_default(),
    }
}

/// Writes a certificate for `localhost`, its key, and both in one file.
pub fn write_certificate(folder: &Path) -> [String; 3] {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (own, key) = (cert.pem(), signing_key.serialize_pem());
    let both = format!("{own}{key}");
    [("own.pem", own), ("own.key", key), ("both.pem", both)].map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[test]
fn over_tls_a_client_chooses_between_both_and_gets_the_same() {
    let keys = tempfile::tempdir().unwrap();
    let [own, key, both] = write_certificate(keys.path());
    for arguments in [&["--cert", &own, "--key", &key][..], &["--cert", &both]] {
        let replayed = Replayed::start(arguments);
        let url = |path: &str| format!("https://localhost:{}{path}", replayed.address.port());
        let trusting = ["--cacert", &own];
        let listed = playlist().replace("seg", &format!("{}/seg", &LIVE[1..]));
        for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
            let get = |path: &str| curl(&[&trusting[..], &[option]].concat(), &url(path));
            let list = get("/stream.m3u8");
            assert_eq!((&*list.version, &*list.status), (version, "200"));
            assert_eq!(String::from_utf8(list.body).unwrap(), listed);
            let chunk = get(&format!("{LIVE}/seg9.ts"));
            assert!(chunk.body == segment(9));
            let large = get(&format!("{LIVE}/large.ts"));
            assert_eq!(large.fields["content-length"], large.body.len().to_string());
            assert!(large.body.iter().all(|byte| *byte == b'x'));
        }
        // Nothing is said in the clear there.
        let plain = format!("http://{}/stream.m3u8", replayed.address);
        let mut clear = Command::new("curl");
        clear.args(["-q", "-s", "--noproxy", "*", "--http1.1", &plain]);
        let output = clear.output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
    }
}

#[test]
fn a_certificate_that_is_none_is_told_at_the_start() {
    let keys = tempfile::tempdir().unwrap();
    let [own, key, _] = write_certificate(keys.path());
    let other = tempfile::tempdir().unwrap();
    let [_, others_key, _] = write_certificate(other.path());
    for (arguments, told) in [
        (&["--cert", "nowhere.pem"][..], "nowhere.pem cannot be read"),
        (&["--cert", &own], "has no private key in PEM form"),
        (&["--cert", &key], "has no certificate in PEM form"),
        (
            &["--cert", &own, "--key", &others_key],
            "cannot be used with this key",
        ),
        (&["--key", &key], "--cert"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        crate::support::replayed::write_session(folder.path());
        let output = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
            .args(["-p", "0", "--bind", "127.0.0.1"])
            .args(arguments)
            .arg(folder.path().join("hostile"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn a_recorder_that_serves_speaks_it_in_the_clear() {
    let origin = Origin::new(|ask: &Ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(["--serve", "0", "--bind", "127.0.0.1"])
        .start();
    let address = crate::beside::address(&mut recording);
    recording.until_at_least(1, "SELECT count(*) FROM revision");
    let list = curl(
        &["--http2-prior-knowledge"],
        &format!("http://{address}/stream.m3u8"),
    );
    assert_eq!((&*list.version, &*list.status), ("2", "200"));
    assert!(list.body.starts_with(b"#EXTM3U"));
    recording.interrupt().session();
}

/// Asks on a connection; status and body.
async fn ask(send: &h2::client::SendRequest<bytes::Bytes>, url: &str) -> (u16, Vec<u8>) {
    let request = http::Request::get(url).body(()).unwrap();
    let mut send = send.clone().ready().await.unwrap();
    let (answer, _) = send.send_request(request, true).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    let mut bytes = Vec::new();
    while let Some(some) = body.data().await {
        let some = some.unwrap();
        body.flow_control().release_capacity(some.len()).unwrap();
        bytes.extend(some);
    }
    (head.status.as_u16(), bytes)
}

#[test]
fn a_request_that_is_held_holds_up_no_other_one_of_its_connection() {
    let (origin, _edge) = LowLatency::new(Names::Uris).start();
    let session = Recorder::new(origin.url("/live/live.m3u8")).run().session();
    let first = "SELECT e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id LIMIT 1";
    let offset_us = session.number(first) - session.zero_us() + 20_000;
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let redirect = replayer.get(&format!("/stream.m3u8?offset={}", offset_us as f64 / 1e6));
    let list = client::led_by_location("/stream.m3u8", &redirect);
    let own = origin.url("/live/live.m3u8").replacen("://", "/", 1);
    let list = list.replace("/stream.m3u8", &format!("/{own}"));
    runtime().block_on(async {
        let stream = TcpStream::connect(&replayer.address).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        let driving = tokio::spawn(connection);
        let host = format!("http://{}", replayer.address);
        // All of them wait for the next two parts.
        let held: Vec<_> = (0..40)
            .map(|n| {
                let send = send.clone();
                let part = n % 2;
                let url = format!("{host}{list}?_HLS_msn=3&_HLS_part={part}&player={n}");
                tokio::spawn(async move { (part, ask(&send, &url).await) })
            })
            .collect();
        let folder = list.trim_end_matches("live.m3u8");
        let announced = {
            let (send, url) = (send.clone(), format!("{host}{folder}s3.0.mp4"));
            tokio::spawn(async move { ask(&send, &url).await })
        };
        for _ in 0..20 {
            let (status, text) = ask(&send, &format!("{host}{list}")).await;
            let text = String::from_utf8(text).unwrap();
            assert!(status == 200 && text.starts_with("#EXTM3U"), "{text}");
        }
        for held in held {
            let (part, (status, text)) = held.await.unwrap();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(status, 200, "{text}");
            assert!(text.contains(&format!("s3.{part}.mp4")), "{part}: {text}");
        }
        assert_eq!(announced.await.unwrap(), (200, part_body(3 * PARTS)));
        drop(send);
        let _ = driving.await;
    });
}
