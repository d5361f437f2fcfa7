//! What ordinary origins say must not keep a session from being redacted, nor survive it.

use std::collections::BTreeSet;

use url::Url;

use super::{copy, found, issession, said};
use crate::support::{Ask, Origin, Recorder, Reply, ts};

const COOKIE: &str = "user-sports-SECRETCOOKIE77";
const SPACED: &str = "with space77";
const KEYPAGE: &str = "kJ8sd7Hh2s9d";

fn script(ask: &Ask) -> Reply {
    let name = ask.path().rsplit('/').next().unwrap_or_default().to_owned();
    match name.as_str() {
        "main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"name\",VALUE=\"sports\"\n#EXT-X-TARGETDURATION:1\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\"\n\
             #EXTINF:1,\nseg1.ts?x=for-{{$name}}\n#EXTINF:1,\nseg2.ts?x={SPACED}&q=münchen77\n#EXT-X-ENDLIST\n"
        ))
        .with("Set-Cookie", format!("auth={COOKIE}; Path=/"))
        .with("Cache-Control", "no-cache"),
        "key.bin" => Reply::key(format!("{{\"token\":\"{KEYPAGE}\"}}")),
        _ => Reply::segment(ts(&name))
            .with("Set-Cookie", "src=origin; Path=/")
            .with("X-Auth", "failed")
            .with("X-Session", "segment")
            .with("Cache-Control", "no-cache")
            .with("X-Token", "no-cache"),
    }
}

#[test]
fn ordinary_words_neither_stop_a_redaction_nor_keep_a_secret() {
    let origin = Origin::new(script);
    let finished = Recorder::new(origin.url("/main.m3u8")).run();
    let (session, said) = copy(finished.folder(), &[]);
    assert!(!said.contains(" 0 different"), "{said}");
    let secrets = [COOKIE, SPACED, "with%20space77", "m%C3%BCnchen77", KEYPAGE];
    assert_eq!(found(session.path(), &secrets), BTreeSet::new());
    // What the playlist lists is what was asked for.
    let urls: Vec<String> = session.list("SELECT url FROM resource ORDER BY id");
    let playlist: String = session.one("SELECT text FROM body WHERE text LIKE '#EXTM3U%'");
    let value = playlist.split("VALUE=\"").nth(1).unwrap();
    let value = value.split('"').next().unwrap();
    assert_ne!(value, "sports");
    let base = Url::parse(&urls[0]).unwrap();
    let lines: Vec<&str> = playlist.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(lines.len(), 2, "{playlist}");
    for line in lines {
        let asked = base.join(&line.replace("{$name}", value)).unwrap();
        assert!(urls.contains(&asked.to_string()), "{asked} in {urls:?}");
    }
}

#[test]
fn a_named_secret_that_every_copy_has_is_refused() {
    let origin = Origin::new(script);
    let finished = Recorder::new(origin.url("/main.m3u8")).run();
    let folder = finished.folder();
    std::fs::write(folder.join("secrets"), "fine-and-rare\norigin\n").unwrap();
    let arguments = ["redact", "session1", "new", "--secrets", "secrets"];
    let output = issession(folder, &arguments);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("secret number 2"),
        "{}",
        said(&output)
    );
    assert!(!folder.join("sessions/new").exists());
}

#[test]
fn a_copy_that_was_interrupted_is_told_as_that() {
    let origin = Origin::new(script);
    let finished = Recorder::new(origin.url("/main.m3u8")).run();
    let folder = finished.folder();
    let begun = folder.join("sessions/new/chunks/.tmp");
    std::fs::create_dir_all(&begun).unwrap();
    std::fs::write(begun.join("session.db"), "half").unwrap();
    let output = issession(folder, &["redact", "session1", "new"]);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("was interrupted"),
        "{}",
        said(&output)
    );
    assert!(begun.join("session.db").exists());
}
