//! `isreplayer URL`: a recording out of a folder of volumes, as a program; what is refused, and why.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use isrecorder::clock;
use tempfile::TempDir;

use crate::archive::{demo, fails, files, issession, works};
use crate::replay::Replayer;
use crate::support::client::{ask, led, led_by_location};

const LIVE: &str = "/http/localhost:8080/live";

/// The demo session, and an archive of it in volumes of a minute.
struct Archive {
    folder: TempDir,
    url: String,
}

impl Archive {
    fn new() -> Self {
        let folder = demo();
        let url = format!("file://{}/tv", folder.path().display());
        works(&mut issession(
            folder.path(),
            &["archive", "demo", &url, "--volume", "1m"],
        ));
        Self { folder, url }
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn replayed(&self, arguments: &[&str]) -> Replayer {
        let all = [&["-p", "0"], arguments].concat();
        Replayer::start(&self.at().join("sessions"), &all)
    }
}

/// The whole answer, a byte a character.
fn get(address: &str, path: &str) -> String {
    let mut answer = Vec::new();
    ask(address, path).read_to_end(&mut answer).unwrap();
    answer.into_iter().map(char::from).collect()
}

/// Without what says when it was asked.
fn said(answer: &str) -> String {
    let of_the_request = |line: &&str| {
        !["date: ", "x-isrecorder-session-time: "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let lines: Vec<&str> = answer.lines().filter(of_the_request).collect();
    lines.join("\n")
}

/// The URIs of a playlist, as paths.
fn listed(path: &str, answer: &str) -> Vec<String> {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let uris = body
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    uris.map(|uri| led(path, uri)).collect()
}

/// The session is 75 s long; volumes meet at 3.2 s and at 63.2 s.
#[test]
fn what_is_replayed_out_of_an_archive_is_what_is_replayed_of_its_session() {
    let archive = Archive::new();
    let session = archive.replayed(&["demo"]);
    let volumes = archive.replayed(&[&archive.url]);
    let mut compared = 0;
    for offset_ms in [
        500, 3_100, 3_300, 20_000, 34_000, 62_000, 63_100, 63_400, 66_000, 74_000, 90_000,
    ] {
        // What is the answer before and after is the answer meanwhile.
        let zero = clock::system_us() / 1000 - offset_ms;
        let same = |path: &str| loop {
            let path = format!("/@{zero}{path}");
            let before = get(&session.address, &path);
            let own = get(&volumes.address, &path);
            let after = get(&session.address, &path);
            if said(&before) == said(&after) {
                assert_eq!(said(&own), said(&before), "{path} at {offset_ms}");
                return (path, own);
            }
        };
        let (path, main) = same("/stream.m3u8");
        let media: Vec<String> = listed(&path, &main);
        assert!(
            !media.is_empty() || main.starts_with("HTTP/1.1 404"),
            "{main}"
        );
        for playlist in media {
            let playlist = playlist.strip_prefix(&format!("/@{zero}")).unwrap();
            let (path, text) = same(playlist);
            for chunk in listed(&path, &text) {
                same(chunk.strip_prefix(&format!("/@{zero}")).unwrap());
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn a_clock_starts_where_the_user_says_and_what_was_fetched_stays_in_the_cache() {
    let archive = Archive::new();
    let url = format!("{}/streams/localhost", archive.url);
    let cache = archive.at().join("cache").display().to_string();
    let from = ["--from", "2026-11-20T14:39:00Z", "--cache", &cache, &url];
    let first = archive.replayed(&from);
    let media = get(&first.address, &format!("{LIVE}/high/live.m3u8"));
    assert!(media.starts_with("HTTP/1.1 200"), "{media}");
    let chunk = listed(&format!("{LIVE}/high/live.m3u8"), &media)
        .pop()
        .unwrap();
    assert!(get(&first.address, &chunk).starts_with("HTTP/1.1 200"));
    let second = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
        .current_dir(archive.at())
        .args(["-p", "0"])
        .args(from)
        .output()
        .unwrap();
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another isreplayer uses the cache"), "{told}");
    drop(first);
    // Chunks that it has are answered without the archive.
    fs::remove_dir_all(archive.at().join("tv/chunks")).unwrap();
    let again = archive.replayed(&from);
    let path = format!("/stream.m3u8?offset={}", 64);
    let place = led_by_location(&path, &get(&again.address, &path));
    let clock = place.strip_suffix("/stream.m3u8").unwrap();
    assert!(get(&again.address, &format!("{clock}{chunk}")).starts_with("HTTP/1.1 200"));
    let cached = files(&archive.at().join("cache"));
    assert!(
        cached
            .iter()
            .any(|file| chunk.ends_with(file.file_name().unwrap().to_str().unwrap()))
    );
    // Others are lost.
    let other = chunk.replace("/high/", "/low/");
    let lost = get(&again.address, &format!("{clock}{other}"));
    assert!(
        lost.starts_with("HTTP/1.1 404") && lost.contains("recorded, and lost since"),
        "{lost}"
    );
}

#[test]
fn a_chunk_that_is_not_what_its_row_says_is_lost_and_never_an_answer() {
    let archive = Archive::new();
    for chunk in files(&archive.at().join("tv/chunks")) {
        let content = fs::read(&chunk).unwrap();
        let other: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
        fs::write(&chunk, other).unwrap();
    }
    let cache = archive.at().join("cache").display().to_string();
    let arguments = [
        "--from",
        "2026-11-20T14:38:30Z",
        "--cache",
        &cache,
        &archive.url,
    ];
    let volumes = archive.replayed(&arguments);
    let media = format!("{LIVE}/high/live.m3u8");
    let text = get(&volumes.address, &media);
    let chunks = listed(&media, &text);
    assert!(chunks.len() >= 3, "{text}");
    for chunk in chunks {
        let answer = get(&volumes.address, &chunk);
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(answer.contains("has other content"), "{answer}");
    }
    let cached = files(&archive.at().join("cache"));
    assert!(
        !cached
            .iter()
            .any(|file| file.extension().is_some_and(|end| end == "ts"))
    );
}

#[test]
fn what_is_not_done_out_of_an_archive_is_told_with_what_to_do() {
    let archive = Archive::new();
    let volumes = archive.replayed(&[&archive.url]);
    for path in [
        "/dvr.m3u8",
        "/localhost/dvr.m3u8",
        "/exchange/1/x",
        "/-/v1/session",
        "/stream.ts",
    ] {
        let answer = get(&volumes.address, path);
        assert!(answer.starts_with("HTTP/1.1 501"), "{path}: {answer}");
        assert!(answer.contains("issession fetch"), "{path}: {answer}");
    }
    let index = get(&volumes.address, "/");
    assert!(index.contains("localhost: stream.m3u8"), "{index}");
    let never = get(&volumes.address, "/http/localhost:8080/never");
    assert!(never.starts_with("HTTP/1.1 404"), "{never}");
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let archive = Archive::new();
    let url = archive.url.as_str();
    fs::create_dir(archive.at().join("empty")).unwrap();
    let empty = format!("file://{}/empty", archive.at().display());
    for (arguments, code, what) in [
        (
            &[url, "--stream", "hall"][..],
            2,
            "has no stream \"hall\"; there are: localhost",
        ),
        (
            &[&format!("{url}/streams/hall")],
            2,
            "has no stream \"hall\"",
        ),
        (&[&empty], 2, "nothing is archived in"),
        (&["file:///no/such/folder"], 1, "No such file"),
        (
            &["ftp://media/tv"],
            2,
            "an archive is s3://BUCKET/PREFIX or file:///FOLDER",
        ),
        (
            &["demo", "--stream", "localhost"],
            2,
            "--stream is for archives",
        ),
        (&["demo", "--cache", "x"], 2, "--cache is for archives"),
        (
            &[url, "--from", "2025-01-01T00:00:00Z"],
            2,
            "there is nothing at 2025-01-01",
        ),
        (&[url, "-o", "80"], 2, "there is nothing at"),
        (
            &[url, "--from", "2026-11-20T14:39:00Z", "-o", "5"],
            2,
            "cannot be used with",
        ),
        (
            &[url, "--inject", "segment sn=5 status=404"],
            2,
            "issession fetch",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isreplayer"));
        let told = fails(
            command
                .current_dir(archive.at())
                .args(["-p", "0"])
                .args(arguments),
            code,
        );
        assert!(told.contains(what), "{arguments:?}: {told}");
    }
    let mut listed = Command::new(env!("CARGO_BIN_EXE_isreplayer"));
    let told = works(listed.current_dir(archive.at()).args(["--list", url]));
    assert!(
        told.contains(
            "Stream   localhost: 2026-11-20T14:37:56.830114Z to 2026-11-20T14:39:11.837048Z"
        ),
        "{told}"
    );
}
