//! Answers that are given again, and playlists that are compressed.

use std::io::Read;

use super::faults::{LISTED, listing};
use super::*;
use crate::clock;
use crate::replayer::inject::{self, Rules};
use crate::session::NewListing;

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
        let generation = replay.known_generation().unwrap();
        let at_us = moment_us(&recording, ms);
        replay.answers().get(&path, generation, at_us).is_some()
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
    recording.finish().await;
    let rule = inject::parse("media from=5 status=503").unwrap().rule;
    let options = Options {
        inject: Rules::new(vec![rule], 0),
        ..Options::default()
    };
    let faulty = open(&recording, options);
    get(&faulty, &path, &[]).await;
    let (generation, at_us) = (
        faulty.known_generation().unwrap(),
        moment_us(&recording, 2_000),
    );
    let kept = faulty.answers().get(&path, generation, at_us);
    assert!(kept.is_none(), "a rule counts time");
}

#[tokio::test]
async fn what_is_being_recorded_is_the_answer_until_something_is_committed() {
    let recording = channel().await;
    let live = replay(&recording, 1_000, AtEnd::Hold);
    let asked = live.receive(request(Method::GET, &path_of_media(), &[]));
    let at_us = asked.moment_us;
    let kept = |generation, at_us| {
        live.answers()
            .get(asked.path(), generation, at_us)
            .is_some()
    };
    let deadline = clock::instant() + Duration::from_secs(60);
    // A heartbeat of the writer is a commit, too.
    let generation = loop {
        assert!(clock::instant() < deadline, "each request reads");
        live.respond(&asked).await;
        let (generation, reads) = (live.generation().await.unwrap(), live.bodies().pool.reads());
        live.respond(&asked).await;
        if live.bodies().pool.reads() == reads && kept(generation, at_us) {
            break generation;
        }
    };
    let next_us = moment_us(&recording, 10_000);
    assert!(
        !kept(generation, next_us),
        "the next revision is there already"
    );

    recording.chunk(SEGMENT, 20_000, b"new").await;
    let pool = &live.bodies().pool;
    live.commits()
        .wait_for_change(pool, generation.commits, deadline)
        .await
        .unwrap();
    let later = live.generation().await.unwrap();
    assert!(later.commits > generation.commits && !kept(later, at_us));
}

#[tokio::test]
async fn an_answer_holds_until_it_is_listed_again_and_waited_for() {
    let recording = channel().await;
    let listing = NewListing {
        revision: 2,
        from_us: moment_us(&recording, 600_000),
        pending: vec![recording.key(Kind::Segment, SEGMENT)],
        ..NewListing::default()
    };
    recording.writer.listed(listing).await;
    // Answered after the commit.
    let stream = "http://origin.example/other";
    recording.writer.stream("other", stream).await.unwrap();
    let live = replay(&recording, 1_000, AtEnd::Hold);
    let path = path(SEGMENT);
    get(&live, &path, &[]).await;
    let entry = live.answers().get_any(&path).unwrap();
    assert_eq!(entry.until_us(), moment_us(&recording, 600_000));
}

#[tokio::test]
async fn many_who_wait_for_what_is_being_recorded_wait_for_one_of_them() {
    let (recording, replay) = listing().await;
    let before = replay.bodies().pool.reads();
    let players = (0..200).map(|_| {
        let (replay, path) = (Arc::clone(&replay), path(LISTED));
        tokio::spawn(async move { text(get(&replay, &path, &[]).await).await })
    });
    let players: Vec<_> = players.collect();
    while replay.bodies().pool.reads() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    recording.chunk(LISTED, 0, b"landed").await;
    for player in players {
        assert_eq!(player.await.unwrap(), "landed");
    }
    let reads = replay.bodies().pool.reads() - before;
    assert!(reads < 100, "{reads} reads for 200 players");
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
    let generation = replay.known_generation().unwrap();
    let at_us = moment_us(&recording, 60_000);
    let answer = |n| replay.answers().get(&path(&url(n)), generation, at_us);
    for n in 0..140 {
        let chunk = get(&replay, &path(&url(n)), &[]).await;
        assert_eq!(text(chunk).await, format!("chunk {n}"));
        assert!(answer(n).is_some());
    }
    let kept = (0..140).filter(|n| answer(*n).is_some()).count();
    assert!((100..=128).contains(&kept), "open files: {kept}");

    replay.answers().clear();
    let later = replay.known_generation().unwrap();
    let kept = |generation| replay.answers().get(&path(&url(139)), generation, at_us);
    assert!(kept(generation).is_none() && kept(later).is_none());
    get(&replay, &path(&url(139)), &[]).await;
    assert!(kept(later).is_some());
    assert!(
        kept(generation).is_none(),
        "what is read now is no answer of the session before"
    );
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
