//! `issession archive`, `check` and `fetch`: a recording into a folder and back; stores that refuse.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::support::session::Session;

const FROM: &str = "2026-11-20T14:38:10Z";
const TO: &str = "2026-11-20T14:39:05Z";

/// The session that comes with the program, in a folder of its own.
pub fn demo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo"),
        &folder.path().join("sessions/demo"),
    );
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

/// Nothing of whoever runs the tests is taken for a credential.
pub fn issession(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_issession"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("HOME", folder);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

pub fn works(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

pub fn fails(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    said(&output)
}

pub fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => _ = found.insert(path),
        }
    }
    found
}

#[test]
fn a_recording_is_archived_in_a_folder_once_and_a_span_of_it_fetched() {
    let folder = demo();
    let at = folder.path();
    let url = format!("file://{}/archive", at.display());
    let told = works(&mut issession(
        at,
        &["archive", "demo", &url, "--volume", "1m"],
    ));
    assert!(told.contains("3 volumes"), "{told}");
    let objects = files(&at.join("archive"));
    let told = works(&mut issession(
        at,
        &["archive", "demo", &url, "--volume", "1m"],
    ));
    assert!(told.contains("0 volumes"), "{told}");
    assert_eq!(files(&at.join("archive")), objects);
    let told = works(&mut issession(at, &["check", &url, "--hashes"]));
    assert!(told.contains("ok: 1 stream, 3 volumes, "), "{told}");
    works(&mut issession(
        at,
        &["fetch", &url, "back", "--from", FROM, "--to", TO],
    ));
    works(&mut issession(
        at,
        &["clip", "demo", "clip", "--from", FROM, "--to", TO],
    ));
    works(&mut issession(at, &["check", "back", "--hashes"]));
    let (back, clip) = (Session::within(at, "back"), Session::within(at, "clip"));
    assert_eq!(back.zero_us(), clip.zero_us());
    assert_eq!(
        back.one::<String>("SELECT detail FROM event WHERE id = 0"),
        clip.one::<String>("SELECT detail FROM event WHERE id = 0")
    );
    let ids = "SELECT id FROM exchange ORDER BY id";
    assert_eq!(back.list::<i64>(ids), clip.list::<i64>(ids));
    assert_eq!(back.chunk_files(), clip.chunk_files());
    // Its cursor is gone: it is another writer, beside the first one.
    fs::remove_file(at.join("sessions/demo/archive.json")).unwrap();
    let told = works(&mut issession(
        at,
        &["archive", "demo", &url, "--volume", "1m"],
    ));
    assert!(
        told.contains("3 volumes") && !told.contains("before"),
        "{told}"
    );
    let told = works(&mut issession(at, &["check", &url, "--hashes"]));
    assert!(told.contains("6 volumes"), "{told}");
    works(&mut issession(
        at,
        &["fetch", &url, "one", "--from", FROM, "--to", TO],
    ));
}

#[test]
fn an_archive_that_lost_something_is_told_and_what_was_not_asked_for_well_is_refused() {
    let folder = demo();
    let at = folder.path();
    let url = format!("file://{}/archive", at.display());
    works(&mut issession(
        at,
        &["archive", "demo", &url, "--volume", "1m"],
    ));
    let chunk = files(&at.join("archive/chunks"))
        .into_iter()
        .next()
        .unwrap();
    fs::write(&chunk, "x").unwrap();
    let told = fails(&mut issession(at, &["check", &url]), 1);
    let name = chunk.file_name().unwrap().to_str().unwrap();
    assert!(told.contains("wrong: ") && told.contains(name), "{told}");
    let told = fails(&mut issession(at, &["check", &url, "--json"]), 1);
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (report["ok"].as_bool(), report["volumes"].as_u64()),
        (Some(false), Some(3))
    );
    for (arguments, what) in [
        (
            &["archive", "demo", "s3://key:secret@media/tv"][..],
            "credentials do not belong into the URL",
        ),
        (
            &["archive", "demo", "ftp://media/tv"],
            "an archive is s3://BUCKET/PREFIX or file:///FOLDER",
        ),
        (
            &["archive", "demo", &url, "--volume", "7m"],
            "a day must be a whole number",
        ),
        (
            &["archive", "demo", &url, "--volume", "10m"],
            "in volumes of 60 s",
        ),
        (
            &[
                "fetch",
                &url,
                "x",
                "--from",
                "2025-01-01T00:00:00Z",
                "--to",
                "2025-01-01T00:10:00Z",
            ],
            "nothing is archived of",
        ),
        (
            &["fetch", &url, "x", "--from", "5", "--to", "2m"],
            "\"5\" is session time, and an archive has none: write UTC",
        ),
        (
            &["fetch", &url, "x", "--from", FROM, "--to", "2m"],
            "\"2m\" is session time",
        ),
        (
            &[
                "fetch", &url, "x", "--from", FROM, "--to", TO, "--stream", "y",
            ],
            "no stream \"y\"; there are: localhost",
        ),
    ] {
        let told = fails(&mut issession(at, arguments), 2);
        assert!(told.contains(what), "{arguments:?}: {told}");
    }
    let told = fails(&mut issession(at, &["check", "file:///no/such/folder"]), 1);
    assert!(!told.contains("panicked"), "{told}");
    assert!(!at.join("sessions/x").exists());
}

/// A server that answers all requests in one way, and what it was asked.
pub fn server(answer: impl Into<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = Vec::new();
            let mut some = [0; 4096];
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                match connection.read(&mut some) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => head.extend_from_slice(&some[..read]),
                }
            }
            seen.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head).into_owned());
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    (url, heads)
}

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/xml\r\nconnection: close\r\n\r\n\
    <Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIDTV</AWSAccessKeyId>\
    <CanonicalRequest>x-amz-security-token:tokentoken</CanonicalRequest></Error>";

#[test]
fn a_store_that_leads_elsewhere_is_not_followed() {
    let folder = demo();
    let at = folder.path();
    let (elsewhere, asked) = server(REFUSED);
    let moved = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.replace("127.0.0.1", "localhost") + "/media/tv"
    );
    let (url, heads) = server(moved);
    for arguments in [
        &["check", "s3://media/tv"] as &[&str],
        &["archive", "demo", "s3://media/tv"],
    ] {
        let mut issession = issession(at, arguments);
        let told = fails(
            issession
                .env("AWS_ENDPOINT_URL", &url)
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "AKIDTV")
                .env("AWS_SECRET_ACCESS_KEY", "secretsecret")
                .env("AWS_SESSION_TOKEN", "tokentoken"),
            1,
        );
        assert!(told.contains("answered 307"), "{told}");
    }
    assert!(heads.lock().unwrap()[0].contains("tokentoken"));
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

#[test]
fn credentials_come_from_a_profile_and_are_told_nobody() {
    let folder = demo();
    let at = folder.path();
    let (url, heads) = server(REFUSED);
    fs::create_dir(at.join(".aws")).unwrap();
    fs::write(
        at.join(".aws/credentials"),
        "[tv]\naws_access_key_id = AKIDTV\naws_secret_access_key = secretsecret\naws_session_token = tokentoken\n",
    )
    .unwrap();
    let config = format!(
        "[profile tv]\nregion = eu-central-1\nservices = here\n[services here]\ns3 =\n  endpoint_url = {url}\n"
    );
    fs::write(at.join(".aws/config"), config).unwrap();
    let told = fails(
        issession(at, &["archive", "demo", "s3://media/tv"]).env("AWS_PROFILE", "tv"),
        1,
    );
    assert!(
        told.contains("answered 403: see whether the credentials may do this"),
        "{told}"
    );
    let heads = heads.lock().unwrap().join("\n");
    assert!(
        heads.contains("Credential=AKIDTV/") && heads.contains("/eu-central-1/s3/"),
        "{heads}"
    );
    let mut written = told.into_bytes();
    for file in files(&at.join("sessions")) {
        written.extend(fs::read(file).unwrap());
    }
    for secret in ["AKIDTV", "secretsecret", "tokentoken"] {
        let is_there = written
            .windows(secret.len())
            .any(|some| some == secret.as_bytes());
        assert!(!is_there, "{secret}");
    }
    let told = fails(
        issession(at, &["archive", "demo", "s3://media/tv"]).env("AWS_PROFILE", "other"),
        1,
    );
    assert!(told.contains("there is no profile \"other\""), "{told}");
}

#[test]
fn a_store_that_asks_for_patience_is_asked_again_and_in_the_end_told_of() {
    let folder = demo();
    let at = folder.path();
    let busy = "HTTP/1.1 503 Slow Down\r\nretry-after: 0\r\nconnection: close\r\n\r\n<Error><Code>SlowDown</Code></Error>";
    let (url, heads) = server(busy);
    let told = fails(
        issession(at, &["check", "s3://media/tv"])
            .env("AWS_ENDPOINT_URL", url)
            .env("AWS_ACCESS_KEY_ID", "a")
            .env("AWS_SECRET_ACCESS_KEY", "b"),
        1,
    );
    assert!(told.contains("answered 503 (SlowDown)"), "{told}");
    assert!(heads.lock().unwrap().len() > 3);
}
