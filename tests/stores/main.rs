//! Archives in a server that speaks S3: volumes are put once, also through a line that fails, and come back whole.

// In helpers too, an error is the failure of the test.
#![allow(clippy::unwrap_used)]

mod line;
mod server;
// What the other tests need of it is not all needed here.
#[allow(dead_code, unused_imports)]
#[path = "../it/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use line::Line;
use server::Server;
use support::{Origin, Recorder, Reply};

const FROM: &str = "2026-11-20T14:38:10Z";
const TO: &str = "2026-11-20T14:39:05Z";

/// The session that comes with the program, in a folder of its own.
fn demo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo");
    copy(&demo, &folder.path().join("sessions/demo"));
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

fn issession(folder: &Path, endpoint: &str, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_issession");
    command(program, folder, endpoint, arguments)
        .output()
        .unwrap()
}

fn command(program: &str, folder: &Path, endpoint: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .args(arguments)
        .env("HOME", folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIDTV")
        .env("AWS_SECRET_ACCESS_KEY", "secretsecret")
        .env("AWS_REGION", "eu-central-1");
    command
}

/// A replayer, which ends with this.
struct Replayer {
    process: Child,
    address: String,
}

impl Replayer {
    fn start(folder: &Path, endpoint: &str, arguments: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_isreplayer");
        let all = [
            &[
                "-p",
                "0",
                "--bind",
                "127.0.0.1",
                "--zero",
                "2026-11-20T14:00:00Z",
            ],
            arguments,
        ]
        .concat();
        let mut process = command(program, folder, endpoint, &all)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let play = lines
            .find_map(|line| Some(line.unwrap().strip_prefix("Play     http://")?.to_owned()))
            .unwrap();
        let address = play.split('/').next().unwrap().to_owned();
        Self { process, address }
    }

    /// Status line and body.
    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|some| some == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.lines().next().unwrap().to_owned();
        (status, answer.split_off(end + 4))
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn works(folder: &Path, endpoint: &str, arguments: &[&str]) -> String {
    let output = issession(folder, endpoint, arguments);
    let said = String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn a_bucket_has_each_volume_once_and_gives_a_span_back() {
    let server = Server::start();
    let url = server.bucket("volumes", "/tv/eu");
    let (folder, other) = (demo(), demo());
    let (at, endpoint) = (folder.path(), server.url());
    let archive = ["archive", "demo", &url, "--volume", "1m"];
    assert!(works(at, endpoint, &archive).contains("3 volumes"));
    assert!(works(at, endpoint, &archive).contains("0 volumes"));
    assert!(works(at, endpoint, &["check", &url, "--hashes"]).contains("ok: 1 stream, 3 volumes"));
    // The same writer, which does not know how far it was: the bucket says what is there (If-None-Match).
    let cursor = fs::read_to_string(at.join("sessions/demo/archive.json")).unwrap();
    let mut cursor: serde_json::Value = serde_json::from_str(&cursor).unwrap();
    cursor["archives"][0]["streams"] = serde_json::json!({});
    fs::write(
        other.path().join("sessions/demo/archive.json"),
        cursor.to_string(),
    )
    .unwrap();
    let told = works(other.path(), endpoint, &archive);
    assert!(told.contains("3 volumes, 3 of them there before"), "{told}");
    assert!(works(at, endpoint, &["check", &url, "--hashes"]).contains("ok: 1 stream, 3 volumes"));
    works(
        at,
        endpoint,
        &["fetch", &url, "back", "--from", FROM, "--to", TO],
    );
    works(at, endpoint, &["check", "back", "--hashes"]);
    works(
        at,
        endpoint,
        &["clip", "demo", "clip", "--from", FROM, "--to", TO],
    );
    let chunks = |name: &str| {
        fs::read_dir(at.join("sessions").join(name).join("chunks"))
            .unwrap()
            .count()
    };
    assert_eq!(chunks("back"), chunks("clip"));
}

#[test]
fn what_is_replayed_out_of_a_bucket_is_what_is_replayed_of_the_session() {
    let server = Server::start();
    let url = server.bucket("replayed", "/tv");
    let folder = demo();
    let (at, endpoint) = (folder.path(), server.url());
    works(at, endpoint, &["archive", "demo", &url, "--volume", "1m"]);
    let session = Replayer::start(at, endpoint, &["demo"]);
    let bucket = Replayer::start(at, endpoint, &[&url]);
    // All that the last playlist lists, and it: its answers hold from the end on.
    let media = "/http/localhost:8080/live/high/live.m3u8";
    let (status, text) = bucket.get(media);
    assert_eq!(
        (&status, &text),
        (&session.get(media).0, &session.get(media).1)
    );
    let text = String::from_utf8(text).unwrap();
    let chunks: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    assert!(chunks.len() >= 3, "{text}");
    for chunk in chunks {
        let path = format!("/http/localhost:8080/live/high/{chunk}");
        let (status, content) = bucket.get(&path);
        assert!(
            status.contains("200") && content.len() > 1000,
            "{path}: {status}"
        );
        assert_eq!(content, session.get(&path).1, "{path}");
    }
    // Without a server what is in the cache is answered, and the rest is told of.
    drop(server);
    assert!(bucket.get(media).0.contains("200"));
    let (status, _) = bucket.get(&format!(
        "/@{}{media}",
        isrecorder::clock::system_us() / 1000 - 10_000
    ));
    assert!(status.contains("503"), "{status}");
}

#[test]
fn over_a_line_that_is_cut_again_and_again_each_volume_comes_whole() {
    let server = Server::start();
    for bytes in [200, 2_000] {
        let url = server.bucket(&format!("cut{bytes}"), "/tv");
        let folder = demo();
        // Of each eight connections two are cut after so many bytes.
        let line = Line::new(server.address(), bytes);
        let archive = ["archive", "demo", &url, "--volume", "1m"];
        let mut runs = 1;
        while !issession(folder.path(), line.url(), &archive)
            .status
            .success()
        {
            runs += 1;
            assert!(runs < 40, "{bytes}");
        }
        assert!(line.cuts() > 0, "{bytes}");
        let told = works(folder.path(), server.url(), &["check", &url, "--hashes"]);
        assert!(told.contains("ok: 1 stream, 3 volumes"), "{bytes}: {told}");
    }
}

/// No two parts of it are the same.
fn large() -> Vec<u8> {
    (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn a_chunk_larger_than_a_request_is_archived_while_it_is_recorded_and_comes_back() {
    let server = Server::start();
    let url = server.bucket("large", "/tv");
    let vod = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nlarge.ts\n#EXT-X-ENDLIST\n";
    let origin = Origin::new(move |ask| match ask.path() {
        "/vod.m3u8" => Reply::playlist(vod.to_owned()),
        _ => Reply::segment(large()),
    });
    let recorder = Recorder::new(origin.url("/vod.m3u8"))
        .args(["-s", "vod", "--archive", &url])
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_ACCESS_KEY_ID", "AKIDTV")
        .env("AWS_SECRET_ACCESS_KEY", "secretsecret")
        .env("AWS_REGION", "eu-central-1");
    let finished = recorder.run();
    assert!(
        finished.stdout.contains("has all of it"),
        "{}",
        finished.stdout
    );
    let at = finished.folder();
    let told = works(at, server.url(), &["check", &url, "--hashes"]);
    assert!(told.contains("ok: 1 stream, "), "{told}");
    let session = support::session::Session::within(at, "vod");
    let moment = |us: i64| format!("@{}.{:03}", us / 1000, us % 1000);
    let (from, to) = (moment(session.zero_us()), moment(session.end_us()));
    works(
        at,
        server.url(),
        &["fetch", &url, "back", "--from", &from, "--to", &to],
    );
    works(at, server.url(), &["check", "back", "--hashes"]);
    let back = support::session::Session::within(at, "back");
    let files = back.chunk_files();
    assert!(files == session.chunk_files());
    assert!(files.iter().any(|(_, content)| *content == large()));
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let server = Server::start();
    let folder = demo();
    let output = issession(
        folder.path(),
        server.url(),
        &["archive", "demo", "s3://no-such-bucket/tv"],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("is not there") && !said.contains("secretsecret"),
        "{said}"
    );
}
