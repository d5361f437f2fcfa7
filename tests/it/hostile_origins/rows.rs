//! Playlists that are small on the way and name very much: long names, others at each poll.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::compressed::gzip;
use super::{check, good};
use crate::replay::Replayer;
use crate::support::{Ask, End, Origin, Recorder, Reply, Session, client};

const MIB: usize = 1024 * 1024;
const KEYS: usize = 400;

/// The name of a key of the playlist that a poll gets.
fn name(nth: usize, key: usize) -> String {
    format!("/doors/{nth}-{key}/{}?token=oaken{nth}", "o".repeat(7_900))
}

fn keys(nth: usize) -> String {
    let keys =
        (0..KEYS).map(|key| format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n", name(nth, key)));
    let keys: String = keys.collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:5\n{keys}#EXTINF:1,\nhall.ts\n"
    )
}

fn locksmith(ask: &Ask, sent: &AtomicUsize) -> Reply {
    match ask.path() {
        "/keys.m3u8" => {
            let body = gzip(keys(ask.nth).as_bytes());
            sent.fetch_add(body.len(), Ordering::Relaxed);
            Reply::playlist(body).with("Content-Encoding", "gzip")
        }
        _ => Reply::nothing(End::Silent),
    }
}

fn run(session: &Session, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .current_dir(session.path().parent().unwrap().parent().unwrap())
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn a_stream_that_names_other_long_urls_at_each_poll_costs_the_disk_little_more_than_it_sends() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let evil = Origin::new(move |ask: &Ask| locksmith(ask, &counted));
    let good_origin = Origin::new(good);
    let streams = [
        format!("evil={}", evil.url("/keys.m3u8")),
        format!("good={}", good_origin.url("/good.m3u8")),
    ];
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args(streams.iter().map(String::as_str))
        .start();
    let told = "SELECT count(*) FROM event WHERE kind = 'too many segments'";
    recording.until_at_least(1, told);
    let session = check(recording.interrupt(), &good_origin);

    let file = std::fs::metadata(session.path().join("session.db"));
    let database = file.unwrap().len() as usize;
    let sent = sent.load(Ordering::Relaxed);
    // What each stream has at first for texts and for rows, eight times and twice what was sent, and pages that are
    // not full.
    let most = (2 * 8 + 64) * MIB * 5 / 4 + 10 * sent;
    assert!(database < most, "{database} for {sent}");
    let events: Vec<String> =
        session.list("SELECT detail FROM event WHERE kind = 'too many segments'");
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("URLs that evil lists"), "{events:?}");
    is_sound(&session, &evil);
}

/// What is listed and has no row is in the texts, and nowhere blamed on anybody.
fn is_sound(session: &Session, evil: &Origin) {
    let last = session.revisions("keys.m3u8").len() - 1;
    assert!(session.revisions("keys.m3u8")[last] == keys(last).into_bytes());
    let has_row = |url: &String| {
        session.number(&format!(
            "SELECT count(*) FROM resource WHERE url = '{url}'"
        )) > 0
    };
    let mut urls = (0..KEYS).map(|key| evil.url(&name(last, key)));
    let url = urls.find(|url| !has_row(url)).unwrap();

    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &["-p", "0", "session1"]);
    let path = url.replacen("://", "/", 1);
    let answer = client::get(&replayer.address, &format!("/@1000000000000/{path}"));
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("was never recorded"), "{answer}");

    let (recorder, upkeep) = (
        env!("CARGO_BIN_EXE_isrecorder"),
        env!("CARGO_BIN_EXE_issession"),
    );
    let path = session.path().to_str().unwrap();
    for (program, arguments) in [
        (upkeep, &["check", "session1", "--hashes"][..]),
        (env!("CARGO_BIN_EXE_adjacent-find"), &["--faults", path]),
    ] {
        let output = run(session, program, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        assert!(!said(&output).contains("HTTP 404"), "{}", said(&output));
    }
    for (program, arguments) in [
        (
            recorder,
            &["--resume", "-s", "session1", "--duration", "1"][..],
        ),
        (upkeep, &["check", "session1", "--hashes"]),
    ] {
        let output = run(session, program, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
    assert_eq!(session.number("SELECT count(*) FROM run"), 2);
}
