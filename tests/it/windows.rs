//! What is the same segment: origins that call it otherwise each time, or that do not count.

use crate::replay::Replayer;
use crate::support::session::Session;
use crate::support::{Ask, Origin, Recorder, Reply, Stage, ts};

/// Four segments from a number on, each under the name that `name` gives it.
fn window(head: &str, first: u64, name: impl Fn(u64) -> String) -> Reply {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{head}");
    for n in first..first + 4 {
        text += &format!("#EXTINF:1,\n{}\n", name(n));
    }
    Reply::playlist(text)
}

/// Advances, requests for segments, and how many segments the DVR list has.
fn told(session: &Session) -> (i64, i64, usize) {
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let list = replayer.get("/dvr.m3u8");
    (
        session.number("SELECT count(*) FROM revision WHERE advance"),
        session.number("SELECT count(*) FROM segments"),
        list.matches("#EXTINF").count(),
    )
}

/// Goes through three stages of a channel; at each the playlist is asked for until it was the same six times.
fn recorded(stage: &Stage, origin: &Origin) -> Session {
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    for at in 0..3 {
        stage.go(at);
        let polls = origin.count("/live.m3u8");
        recording.until("some polls", || origin.count("/live.m3u8") >= polls + 6);
        let least = 4 + i64::try_from(at).unwrap();
        recording.until_at_least(
            least,
            "SELECT count(*) FROM segments WHERE path IS NOT NULL",
        );
    }
    let session = recording.interrupt().session();
    session.check_invariants();
    session
}

#[test]
fn segments_that_are_signed_anew_at_each_refresh_are_fetched_once_and_hide_no_freeze() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => {
            let signed = |n: u64| {
                format!(
                    "/{:08x}/{n:04}/{:x}.ts",
                    7919 * (ask.nth + 1),
                    n * 65_537 + ask.nth as u64
                )
            };
            let number = format!("#EXT-X-MEDIA-SEQUENCE:{}\n", 100 + at.at());
            window(&number, 100 + at.at(), signed)
        }
        path => Reply::segment(ts(path.split('/').nth(2).unwrap_or_default())),
    });
    let session = recorded(&stage, &origin);
    let (advances, requests, listed) = told(&session);
    assert_eq!(advances, 3, "the first window, and two segments");
    assert!(
        (6..=8).contains(&requests),
        "six segments, {requests} requests"
    );
    assert_eq!(listed, 6);
    let kept = session.number("SELECT count(*) FROM body WHERE path IS NOT NULL");
    assert_eq!(kept, 6);
}

#[test]
fn where_nothing_is_counted_names_tell_what_is_new() {
    for head in ["", "#EXT-X-MEDIA-SEQUENCE:1\n"] {
        let stage = Stage::default();
        let at = stage.clone();
        let origin = Origin::new(move |ask: &Ask| match ask.path() {
            "/live.m3u8" => window(head, 10 + at.at(), |n| format!("part{n}.ts")),
            path => Reply::segment(ts(path)),
        });
        let session = recorded(&stage, &origin);
        assert_eq!(told(&session), (3, 6, 6), "{head:?}");
    }
}

#[test]
fn names_that_are_other_bytes_at_the_same_number_are_fetched_too() {
    let stage = Stage::default();
    let at = stage.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => {
            let encoder = ["left", "right"][ask.nth % 2];
            let number = format!("#EXT-X-MEDIA-SEQUENCE:{}\n", 50 + at.at());
            window(&number, 50 + at.at(), |n| format!("{encoder}/{n}.ts"))
        }
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(
        5,
        "SELECT count(*) FROM segments WHERE path LIKE '%left%' OR path LIKE '%right%'",
    );
    stage.go(1);
    for encoder in ["left", "right"] {
        let newest = format!("SELECT count(*) FROM segments WHERE path = 'chunks/{encoder}/54.ts'");
        recording.until_at_least(1, &newest);
    }
    let session = recording.interrupt().session();
    let (advances, _, listed) = told(&session);
    assert_eq!((advances, listed), (2, 5), "one channel, whoever answers");
}
