//! What `isreport` says of streams that are no playlists: what they are, when they broke, how to see it.

use std::process::Command;

use serde_json::Value;

use crate::raw::*;
use crate::support::{Ask, Origin, Session, Then};

fn said(session: &Session, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(arguments)
        .arg(session.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn objects(lines: &str) -> Vec<Value> {
    let objects = lines.lines().map(serde_json::from_str);
    objects.collect::<Result<_, _>>().unwrap()
}

/// An encoder that is reset, freezes for longer than a raw stream may, and is well again.
fn troubled() -> Session {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..40), Then::Reset),
        1 => live(groups(40..80), Then::Hang),
        _ => live(groups(80..120), Then::Again),
    });
    let mut recording = recorder(&origin).args(["--stall", "2.5"]).start();
    recording.until_at_least(2, PARTS);
    recording.until_it_says("silent for 2.5 s, after");
    recording.until("all is well", || origin.count("/live") == 3);
    recording.interrupt().session()
}

#[test]
fn a_raw_stream_is_told_with_its_breaks_and_silences() {
    let session = troubled();
    let text = said(&session, &[]);
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("hall: 1 raw stream in "), "{text}");
    let second = lines.next().unwrap();
    assert!(second.starts_with("must fix 0, should fix 2,"), "{text}");
    assert!(second.contains("longest time without a byte "), "{text}");
    for words in [
        "SHOULD S01 raw-gap: No byte for ",
        "SHOULD H14 faults: reset for ",
        "see it: isreplayer ",
        "\nhall (raw stream)\n  format: MPEG-TS",
        "\n  breaks: reset x 1, silent for 2.5 s x 1",
        "\n  silences: 1, ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }

    // What adjacent-find says of the same.
    let found = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg("--json")
        .arg(session.path())
        .output()
        .unwrap();
    let same = objects(&String::from_utf8(found.stdout).unwrap());
    let all = objects(&said(&session, &["--format", "json"]));
    let gap = all.iter().find(|one| one["rule"] == "S01").unwrap();
    assert_eq!((same.len(), &gap["severity"]), (1, &"should".into()));
    for key in [
        "rule",
        "own",
        "stream",
        "first",
        "last",
        "exchanges",
        "detail",
    ] {
        assert_eq!(gap[key], same[0][key], "{key}");
    }
    let replay = gap["replay"].as_str().unwrap();
    assert!(replay.starts_with("/stream.ts?offset="), "{replay}");

    let page = said(&session, &["--format", "html"]);
    for words in [
        "hall (raw stream)",
        "class=\"mark should\"",
        "Bit rate",
        "in the picture",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let junit = said(&session, &["--format", "junit", "--rules", "S01"]);
    assert!(junit.contains("failures=\"1\""), "{junit}");
    let chosen = said(&session, &["--rules", "S01", "-p", "hall"]);
    assert!(chosen.contains("S01 raw-gap"), "{chosen}");
}

#[test]
fn a_raw_stream_that_never_broke_has_no_finding() {
    let origin = Origin::new(|_: &Ask| live(groups(0..4000), Then::Again));
    let mut recording = recorder(&origin).args(["--roll", "1"]).start();
    recording.until_at_least(2, PARTS);
    let session = recording.interrupt().session();
    let text = said(&session, &["--severity", "info"]);
    assert!(text.contains("must fix 0, should fix 0, info 0"), "{text}");
    assert!(text.contains("\nThe recorder was well.\n"), "{text}");
    assert!(!text.contains("breaks:"), "{text}");
}
