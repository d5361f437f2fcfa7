//! Multivariant playlists change in the field: variants come, go, and get new tokens.

use crate::support::{Origin, Recorder, Reply, Stage, Window, ts};

fn naming(variants: &[&str]) -> Reply {
    let lines = variants
        .iter()
        .map(|v| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{v}\n"));
    Reply::playlist(format!("#EXTM3U\n{}", lines.collect::<String>()))
}

#[test]
fn a_variant_that_appears_is_polled_and_one_that_is_named_no_more_is_left_after_a_while() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", 0) => naming(&["a/v.m3u8"]),
        ("/main.m3u8", 1) => naming(&["a/v.m3u8", "b/v.m3u8"]),
        ("/main.m3u8", _) => naming(&["b/v.m3u8"]),
        (path, _) if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(ask.nth as u64 / 4, 2).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls of a", || origin.count("/a/v.m3u8") >= 2);
    assert_eq!(origin.count("/b/v.m3u8"), 0);
    stage.go(1);
    recording.until("polls of both", || origin.count("/b/v.m3u8") >= 2);
    stage.go(2);
    recording.until_it_says("is no longer named");
    let (a, b) = (origin.count("/a/v.m3u8"), origin.count("/b/v.m3u8"));
    recording.until("polls of b", || origin.count("/b/v.m3u8") >= b + 5);
    assert_eq!(origin.count("/a/v.m3u8"), a, "it is polled no more");
    let session = recording.interrupt().session();
    assert_eq!(session.number("SELECT count(*) FROM main_playlist"), 3);

    // What the second revision named first is there from when that is the answer, not before.
    let second = session.list::<i64>("SELECT id FROM main_playlist ORDER BY id")[1];
    let b_url = origin.url("/b/v.m3u8");
    let from_us = session.number(&format!("SELECT from_us FROM exchange WHERE id = {second}"));
    assert_eq!(
        session.answer(&b_url, from_us),
        Some(Window::new(0, 2).text().into_bytes())
    );
    assert_eq!(session.answer(&b_url, from_us - 1), None);
}

#[test]
fn a_new_token_is_no_new_variant_and_is_used_once_the_old_one_is_refused() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.target.as_str(), page.at()) {
        ("/main.m3u8", _) => naming(&[&format!("v.m3u8?token={}", ask.nth / 2)]),
        ("/v.m3u8?token=0", 1) => Reply::html(403),
        (target, _) if target.starts_with("/v.m3u8") => {
            Reply::playlist(Window::new(page.at(), 2).text())
        }
        (target, _) => Reply::segment(ts(target)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("new tokens", || {
        origin.count("/main.m3u8") >= 6 && origin.count("/v.m3u8?token=0") >= 3
    });
    let polled = |origin: &Origin| {
        origin
            .asks()
            .into_iter()
            .any(|a| a.target.starts_with("/v.m3u8?token=") && !a.target.ends_with("=0"))
    };
    assert!(!polled(&origin), "the old one works");
    stage.go(1);
    recording.until_at_least(1, "SELECT count(*) FROM revision WHERE media_sequence = 1");
    let session = recording.interrupt().session();
    assert!(polled(&origin));
    assert_eq!(
        session.number(
            "SELECT count(DISTINCT playlist_id) FROM revision WHERE media_sequence IS NOT NULL"
        ),
        1
    );
    for token in 0..3 {
        let url = origin.url(&format!("/v.m3u8?token={token}"));
        let text = Window::new(1, 2).text();
        assert_eq!(
            session.answer(&url, session.end_us()),
            Some(text.into_bytes()),
            "{url}"
        );
    }
}

/// A ladder of two.
fn ladder() -> Origin {
    Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2400000,RESOLUTION=1280x720\na/v.m3u8\n\
             #EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\nb/v.m3u8\n",
        ),
        "/tall.m3u8" => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=4800000,RESOLUTION=1920x1080\nc/v.m3u8\n",
        ),
        path if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(ask.nth as u64 / 4, 2).text())
        }
        path => Reply::segment(ts(path)),
    })
}

#[test]
fn a_variant_that_was_left_out_is_listed_as_that() {
    let origin = ladder();
    let recorder = Recorder::new(origin.url("/main.m3u8")).args(["--variants", "720p"]);
    let mut recording = recorder.start();
    recording.until("polls of it", || origin.count("/a/v.m3u8") >= 3);
    let finished = recording.interrupt();
    assert_eq!(origin.count("/b/v.m3u8"), 0);
    let list = |arguments: &[&str]| {
        let mut issession = std::process::Command::new(env!("CARGO_BIN_EXE_issession"));
        issession
            .current_dir(finished.folder())
            .args(["list", "session1"]);
        let output = issession.args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = list(&[]);
    assert!(
        text.contains("\n           1280x720 2.4 Mbit/s\n"),
        "{text}"
    );
    let left_out = "\n           640x360 800 kbit/s: left out, not recorded\n";
    assert!(text.contains(left_out), "{text}");
    let json: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    let stream = &json["streams"][0];
    assert_eq!(stream["playlists"].as_array().unwrap().len(), 1, "{json}");
    assert_eq!(stream["left_out"][0], "640x360 800 kbit/s", "{json}");
}

#[test]
fn who_asks_for_a_variant_that_is_not_there_is_told_which_are() {
    let origin = ladder();
    let other = ladder();
    let one = Recorder::new(other.url("/a/v.m3u8")).args(["--variants", "9999p"]);
    let finished = one.run();
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let why = "no variant is as --variants 9999p says: it is a media playlist, which has none";
    assert!(finished.stderr.contains(why), "{}", finished.stderr);
    for said in ["nothing to choose from", "not asked for"] {
        assert!(!finished.stderr.contains(said), "{}", finished.stderr);
    }
    let recorder = Recorder::new(origin.url("/main.m3u8")).args(["--variants", "1080p"]);
    let finished = recorder.start().finish();
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let told = "no variant is as --variants 1080p says; there are: 1280x720 2.4 Mbit/s, 640x360 800 kbit/s";
    assert_eq!(
        finished.stderr.matches(told).count(),
        2,
        "{}",
        finished.stderr
    );
    assert_eq!(origin.count("/a/v.m3u8") + origin.count("/b/v.m3u8"), 0);

    // Another stream goes on, and a recording that was begun otherwise, too.
    let mut recording = Recorder::new(origin.url("/main.m3u8"))
        .args([
            "--variants",
            "1080p",
            &format!("plain={}", origin.url("/tall.m3u8")),
        ])
        .start();
    recording.until_it_says(told);
    recording.until("polls of the other", || origin.count("/c/v.m3u8") >= 3);
    let finished = recording.interrupt();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(origin.count("/a/v.m3u8"), 0);

    let mut recording = Recorder::bare()
        .within(finished)
        .args(["--variants", "1080p", "--resume", "-s", "session1"])
        .start();
    recording.until_it_says("no variant is as --variants 1080p says: all are recorded: 1280x720");
    recording.until("polls of all", || origin.count("/a/v.m3u8") >= 2);
    assert!(recording.interrupt().status.success());
}
