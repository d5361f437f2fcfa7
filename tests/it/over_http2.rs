//! isreplayer over HTTP/2 and TLS, as players and their libraries speak it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;

use crate::replay::Replayer;
use crate::support::replayed::{LIVE, Replayed, SEGMENTS, playlist, segment};
use crate::support::{
    Ask, LowLatency, Names, Origin, PARTS, Recorder, Reply, Session, Window, client, part_body, ts,
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

/// A path and a byte range of it.
type Asked = (String, Option<String>);

/// Everything that a session has, as a replay has it on a clock on which all is over.
fn everything(session: &Session, replayer: &Replayer) -> Vec<Asked> {
    let clock = format!("/@{}", session.zero_us() / 1000 - 3_600_000);
    let recorded = session.list::<String>(
        "SELECT DISTINCT r.url || CASE WHEN r.range_first IS NULL THEN ''
            ELSE ' bytes=' || r.range_first || '-' || (r.range_first + r.range_length - 1) END
           FROM resource r JOIN exchange e ON e.resource_id = r.id",
    );
    let mut all: Vec<Asked> = recorded
        .iter()
        .map(|one| {
            let (url, range) = match one.split_once(' ') {
                Some((url, range)) => (url, Some(range.to_owned())),
                None => (one.as_str(), None),
            };
            (format!("{clock}/{}", url.replacen("://", "/", 1)), range)
        })
        .collect();
    let (playlists, media): (Vec<_>, Vec<_>) = all
        .iter()
        .cloned()
        .partition(|(path, _)| path.ends_with(".m3u8"));
    // The rest of a file, its end, more than it has; playlists whose directives come too late.
    for range in ["bytes=7-", "bytes=-5", "bytes=99999999-"] {
        // A key is given whole.
        all.extend(
            media
                .iter()
                .filter(|(path, _)| path.ends_with(".mp4"))
                .take(5)
                .map(|(path, _)| (path.clone(), Some(range.to_owned()))),
        );
    }
    let directives = [
        "_HLS_msn=1",
        "_HLS_msn=1&_HLS_part=0",
        "_HLS_skip=YES",
        "_HLS_msn=999",
    ];
    for query in directives {
        all.extend(
            playlists
                .iter()
                .map(|(path, _)| (format!("{path}?{query}"), None)),
        );
    }
    let main = "/dvr.m3u8";
    let lists = references(main, &body_of(replayer, main));
    assert_eq!(lists.len(), 2, "{lists:?}");
    for list in &lists {
        let listed = references(list, &body_of(replayer, list));
        assert!(listed.len() > 5, "{listed:?}");
        all.extend(listed.into_iter().map(|path| (path, None)));
    }
    all.extend(lists.into_iter().map(|path| (path, None)));
    for own in [
        "/",
        "/?format=json",
        main,
        "/stream.m3u8",
        "/stream.m3u8?offset=1",
        "/favicon.ico",
        "/exchange/0/x",
    ] {
        all.push((own.to_owned(), None));
    }
    all.push((format!("{clock}/stream.m3u8"), None));
    all.sort();
    all.dedup();
    all
}

fn body_of(replayer: &Replayer, path: &str) -> String {
    let answer = replayer.get(path);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Whatever a playlist leads to.
fn references(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let tags = text
        .lines()
        .filter_map(|line| line.split_once("URI=\"")?.1.split('"').next());
    lines
        .chain(tags)
        .map(|reference| client::led(path, reference))
        .collect()
}

/// What `/` says of now is another moment each time.
fn without_digits(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|byte| !byte.is_ascii_digit())
        .collect()
}

#[test]
fn all_of_a_low_latency_session_is_the_same_over_both_in_the_clear_and_over_tls() {
    let mut channel = LowLatency::new(Names::Ranges);
    (channel.has_keys, channel.end) = (true, 5 * PARTS);
    let (origin, _edge) = channel.start();
    let session = Recorder::new(origin.url("/live/main.m3u8")).run().session();
    let keys = tempfile::tempdir().unwrap();
    let [own, key, _] = write_certificate(keys.path());
    let sessions = session.path().parent().unwrap();
    let plain = Replayer::start(sessions, &["-p", "0", "session1"]);
    let secure = Replayer::start(
        sessions,
        &["-p", "0", "--cert", &own, "--key", &key, "session1"],
    );
    let port = secure.address.rsplit(':').next().unwrap();
    let all = everything(&session, &plain);
    for kind in [".m3u8", ".key", "init.mp4", "s4.mp4", "/exchange/", "/dvr/"] {
        assert!(
            all.iter().any(|(path, _)| path.contains(kind)),
            "{kind}: {all:?}"
        );
    }
    let parts = all.iter().filter(|(_, range)| range.is_some()).count();
    assert!(parts > 2 * 4 * PARTS as usize, "{all:?}");
    for (host, trusting, options) in [
        (
            format!("http://{}", plain.address),
            &[][..],
            ["--http1.1", "--http2-prior-knowledge"],
        ),
        (
            format!("https://localhost:{port}"),
            &["--cacert", &own],
            ["--http1.1", "--http2"],
        ),
    ] {
        for (path, range) in &all {
            let asked = range.as_ref().map(|range| format!("Range: {range}"));
            let get = |option: &str| {
                let mut arguments = [trusting, &[option]].concat();
                arguments.extend(asked.iter().flat_map(|field| ["-H", field.as_str()]));
                curl(&arguments, &format!("{host}{path}"))
            };
            let [first, second] = options.map(get);
            let what = format!("{host}{path} {range:?}");
            assert_eq!((&*first.version, &*second.version), ("1.1", "2"), "{what}");
            assert_eq!(first.status, second.status, "{what}");
            let wanted = match range.as_deref() {
                _ if path.starts_with("/exchange/0/") => "404",
                Some("bytes=99999999-") => "416",
                Some(_) => "206",
                None if path.contains("?offset=") => "302",
                None if path == "/favicon.ico" => "204",
                None => "200",
            };
            assert_eq!(first.status, wanted, "{what}");
            // What is of one moment is compared but for its numbers.
            let is_of_now =
                path.starts_with("/?") || path == "/" || path.starts_with("/stream.m3u8");
            match is_of_now {
                true => {
                    let names = |got: &Got| got.fields.keys().cloned().collect::<Vec<_>>();
                    assert_eq!(names(&first), names(&second), "{what}");
                    assert_eq!(
                        without_digits(&first.body),
                        without_digits(&second.body),
                        "{what}"
                    );
                }
                false => {
                    assert_eq!(first.fields, second.fields, "{what}");
                    assert!(first.body == second.body, "{what}");
                }
            }
        }
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
