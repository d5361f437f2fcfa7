//! Answers that are given again, and playlists that are compressed.

use std::io::Read;

use super::*;
use crate::replayer::inject::{self, Rules};

/// A moment of a recording, in microseconds of Unix time.
fn moment_us(recording: &Recording, ms: i64) -> i64 {
    recording.zero_us + ms * 1000
}

#[tokio::test]
async fn an_answer_is_kept_from_when_it_was_asked_for_until_the_next_exchange() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    let path = path_of_media();
    let first = get(&replay, &path, &[]).await;
    let fields = first.headers().clone();
    let holds = |ms| {
        replay
            .ready()
            .get(&path, moment_us(&recording, ms))
            .is_some()
    };
    assert!(!holds(999), "nobody asked before");
    assert!(
        holds(9_999) && !holds(10_000),
        "the next revision is from 10 s on"
    );

    let again = get(&replay, &path, &[]).await;
    for (name, value) in &fields {
        if name != "x-isrecorder-session-time" {
            assert_eq!(again.headers().get(name), Some(value), "{name}");
        }
    }
    assert_eq!(again.headers().len(), fields.len());
    assert_eq!(text(again).await, text(first).await);
    let part = get(&replay, &path, &[("if-none-match", "\"v1\"")]).await;
    assert_eq!(part.status(), StatusCode::NOT_MODIFIED);
    let browser = get(&replay, &path, &[("origin", "http://p.example")]).await;
    assert_eq!(field(&browser, "access-control-allow-origin"), "*");
    let head = replay
        .respond(&replay.receive(request(Method::HEAD, &path, &[])))
        .await;
    let head = head.response.unwrap();
    assert_eq!(field(&head, "content-length"), fields["content-length"]);
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn parts_of_a_chunk_that_is_kept_are_parts_of_it() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    for _ in 0..2 {
        let part = get(&replay, &path(SEGMENT), &[("range", "bytes=2-4")]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(text(part).await, "234");
        let whole = get(&replay, &path(SEGMENT), &[]).await;
        assert_eq!(text(whole).await, "0123456789");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_what_may_be_another_answer_at_any_time() {
    let recording = channel().await;
    let path = path_of_media();
    let at_us = moment_us(&recording, 2_000);
    let live = replay(&recording, 1_000, AtEnd::Hold);
    get(&live, &path, &[]).await;
    assert!(
        live.ready().get(&path, at_us).is_none(),
        "it is being recorded"
    );

    recording.finish().await;
    let rule = inject::parse("media from=5 status=503").unwrap().rule;
    let options = Options {
        inject: Rules::new(vec![rule], 0),
        ..Options::default()
    };
    let faulty = open(&recording, options);
    get(&faulty, &path, &[]).await;
    assert!(
        faulty.ready().get(&path, at_us).is_none(),
        "a rule counts time"
    );
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_forgotten_when_the_session_changes() {
    let recording = Recording::start().await;
    let url = |n| format!("http://origin.example/live/{n}.ts");
    for n in 0..140 {
        recording
            .chunk(&url(n), 0, format!("chunk {n}").as_bytes())
            .await;
    }
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    for n in 0..140 {
        let chunk = get(&replay, &path(&url(n)), &[]).await;
        assert_eq!(text(chunk).await, format!("chunk {n}"));
    }
    let at_us = moment_us(&recording, 60_000);
    let kept = |n| replay.ready().get(&path(&url(n)), at_us).is_some();
    assert_eq!((0..140).filter(|n| kept(*n)).count(), 128, "open files");
    assert!(kept(139) && !kept(0));

    let (age, held) = (
        replay.ready().age(),
        replay.ready().get(&path(&url(139)), at_us).unwrap(),
    );
    replay.ready().forget();
    assert!(!kept(139));
    replay.ready().put(age, &path(&url(139)), at_us, &held);
    assert!(!kept(139), "it was read before the session changed");
}

#[tokio::test]
async fn a_playlist_is_compressed_for_who_takes_that() {
    let recording = Recording::start().await;
    let lines: String = (0..500).map(|n| format!("#EXTINF:4,\ns{n}.ts\n")).collect();
    let playlist = format!("#EXTM3U\n{lines}");
    let tagged = [("etag", "\"v1\"")];
    recording
        .text(Kind::Media, MEDIA, 0, &playlist, &tagged)
        .await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    let path = path_of_media();
    // Asked for first in the one form and in the other; the second time it is kept.
    for _ in 0..2 {
        let plain = get(&replay, &path, &[]).await;
        assert_eq!(field(&plain, "content-encoding"), "");
        assert_eq!(
            (field(&plain, "vary"), field(&plain, "etag")),
            ("Accept-Encoding", "\"v1\"")
        );
        assert_eq!(text(plain).await, playlist);

        let browser = [
            ("accept-encoding", "br, gzip"),
            ("origin", "http://p.example"),
        ];
        let small = get(&replay, &path, &browser).await;
        assert_eq!(field(&small, "content-encoding"), "gzip");
        assert_eq!(field(&small, "etag"), "W/\"v1\"");
        let vary: Vec<_> = small.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["Accept-Encoding"]);
        let bytes = small.into_body().collect().await.unwrap().to_bytes();
        assert!(bytes.len() < playlist.len() / 2);
        let mut decoded = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut decoded)
            .unwrap();
        assert_eq!(decoded, playlist);
    }
    let same = [("accept-encoding", "gzip"), ("if-none-match", "W/\"v1\"")];
    let same = get(&replay, &path, &same).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(
        (field(&same, "etag"), field(&same, "content-encoding")),
        ("W/\"v1\"", "")
    );
}
