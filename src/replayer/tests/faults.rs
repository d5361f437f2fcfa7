//! Answers that are none, or not yet.

use super::*;
use crate::session::NewListing;

#[tokio::test]
async fn nothing_is_there_before_it_was_listed() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let early = get(&replay, &path("https://cdn.example/s2.ts"), &[]).await;
    assert_eq!(early.status(), StatusCode::NOT_FOUND);
    assert_eq!(field(&early, "access-control-allow-origin"), "*");
    assert!(text(early).await.contains("session time 0:00:10.000"));
    let never = text(get(&replay, "/http/origin.example:80/other.ts", &[]).await).await;
    assert!(
        never.contains("was never recorded in session test"),
        "{never}"
    );
    let future = recording.zero_us / 1000 + 100_000;
    let before = text(get(&replay, &format!("/@{future}/stream.m3u8"), &[]).await).await;
    assert!(before.contains("has not begun on this clock"), "{before}");
}

#[tokio::test]
async fn what_is_there_in_a_moment_is_given_but_playlists_are_exact() {
    let recording = channel().await;
    let listed = "http://origin.example/live/v1/b.m3u8";
    recording
        .text(
            Kind::Media,
            listed,
            10_000,
            "#EXTM3U\n#EXTINF:4,\nc.ts\n",
            &[],
        )
        .await;
    recording.finish().await;
    let early = |offset_ms| {
        let options = Options {
            offset: Duration::from_millis(offset_ms),
            early: Duration::from_secs(1),
            ..Options::default()
        };
        open(&recording, options)
    };
    let segment = path("https://cdn.example/s2.ts");
    assert_eq!(
        get(&early(8_500), &segment, &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    let replay = early(9_300);
    let reply = replay
        .respond(&replay.receive(request(Method::GET, &segment, &[])))
        .await;
    assert_eq!(reply.done, ["early"]);
    assert_eq!(text(reply.response.unwrap()).await, "abc");
    assert_eq!(
        get(&replay, &path(listed), &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    let media = text(get(&replay, &path(MEDIA), &[]).await).await;
    assert!(media.ends_with("s1.ts\n"), "{media}");
}

#[tokio::test]
async fn redirects_are_replayed_and_followed_for_a_stream() {
    let recording = Recording::start().await;
    let mut hop = recording.exchange(Kind::Main, MAIN, 0);
    hop.status = Some(302);
    hop.headers = Some(headers(&[(
        "location",
        "https://edge.example/live/x.m3u8?t=1#f",
    )]));
    recording.add(hop).await;
    let edge = "https://edge.example/live/x.m3u8?t=1";
    recording
        .text(Kind::Main, edge, 0, "#EXTM3U\n#EXTINF:4,\ns1.ts\n", &[])
        .await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    let stream = get(&replay, "/stream.m3u8", &[]).await;
    assert_eq!(
        text(stream).await,
        "#EXTM3U\n#EXTINF:4,\nhttps/edge.example:443/live/s1.ts\n"
    );
    let hop = get(&replay, "/@5000/http/origin.example:80/live/main.m3u8", &[]).await;
    assert_eq!(hop.status(), StatusCode::FOUND);
    assert_eq!(
        field(&hop, "location"),
        "../../../https/edge.example:443/live/x.m3u8?t=1"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_are_answered_as_those_faults() {
    let recording = Recording::start().await;
    let url = |name: &str| format!("http://origin.example/{name}");
    let mut gone = recording.exchange(Kind::Segment, &url("404.ts"), 0);
    gone.status = Some(404);
    gone.body = bytes("<p>no such thing");
    gone.headers = Some(headers(&[
        ("content-type", "text/html"),
        ("retry-after", "7"),
    ]));
    recording.add(gone).await;
    let mut refused = recording.exchange(Kind::Segment, &url("refused.ts"), 0);
    (refused.status, refused.wait_us, refused.outcome) = (None, None, Outcome::Refused);
    recording.add(refused).await;
    let mut short = recording.exchange(Kind::Segment, &url("short.ts"), 0);
    (short.announced_bytes, short.outcome) = (Some(100), Outcome::Short);
    short.body = recording.file(short.id, b"half");
    recording.add(short).await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    let gone = get(&replay, &path(&url("404.ts")), &[]).await;
    assert_eq!(
        (gone.status().as_u16(), field(&gone, "retry-after")),
        (404, "7")
    );
    assert_eq!(
        field(&gone, "content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(text(gone).await, "<p>no such thing");
    let reply: Reply = replay
        .respond(&replay.receive(request(Method::GET, &path(&url("refused.ts")), &[])))
        .await;
    assert!(
        reply.response.is_none() && reply.what.contains("refused") && !reply.resets,
        "{}",
        reply.what
    );
    let mut short = get(&replay, &path(&url("short.ts")), &[("range", "bytes=0-1")]).await;
    assert_eq!(
        (short.status().as_u16(), field(&short, "content-length")),
        (200, "100")
    );
    assert_eq!(
        short
            .body_mut()
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap(),
        "half"
    );
    assert!(short.body_mut().frame().await.unwrap().is_err());
}

#[tokio::test]
async fn a_damaged_session_gives_no_wrong_bytes() {
    let recording = channel().await;
    recording.finish().await;
    let chunk = recording.folder.chunks().join("live/v1/s1.ts");
    let content = std::fs::read(&chunk).unwrap();
    std::fs::write(&chunk, b"0123456789X").unwrap();
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let longer = get(&replay, &path(SEGMENT), &[]).await;
    assert_eq!(longer.status(), StatusCode::NOT_FOUND);
    assert!(text(longer).await.contains("chunks/live/v1/s1.ts"));
    std::fs::remove_file(&chunk).unwrap();
    let gone = get(&replay, &path(SEGMENT), &[]).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(field(&gone, "cache-control"), "no-store");
    std::fs::write(&chunk, content).unwrap();
    assert_eq!(get(&replay, &path(SEGMENT), &[]).await.status(), 200);
}

pub(super) const LISTED: &str = "http://origin.example/live/v1/s9.ts";

/// A session that is being recorded, with a segment that was listed and has not landed.
pub(super) async fn listing() -> (Recording, Arc<Replay>) {
    let recording = channel().await;
    let key = recording.key(Kind::Segment, LISTED);
    let listing = NewListing {
        revision: 2,
        from_us: recording.zero_us,
        pending: vec![key],
        ..NewListing::default()
    };
    recording.writer.listed(listing).await;
    // Answered after the commit.
    recording
        .writer
        .stream("other", "http://origin.example/other")
        .await
        .unwrap();
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    assert!(replay.span().recording);
    (recording, replay)
}

#[tokio::test(start_paused = true)]
async fn what_does_not_land_is_not_there_yet() {
    let (_recording, replay) = listing().await;
    let before = crate::clock::instant();
    let missing = get(&replay, &path(LISTED), &[]).await;
    assert_eq!(
        (missing.status().as_u16(), field(&missing, "retry-after")),
        (503, "1")
    );
    assert!(crate::clock::instant() - before >= Duration::from_secs(10));
    assert_eq!(field(&missing, "cache-control"), "no-store");
    let playlist = get(&replay, &path(MEDIA), &[]).await;
    assert_eq!(
        field(&playlist, "cache-control"),
        "max-age=3600",
        "the origin's word counts here, too"
    );
}

// The writer is another thread: its commit takes real time.
#[tokio::test]
async fn what_is_being_recorded_is_waited_for() {
    let (recording, replay) = listing().await;
    let asked = Arc::clone(&replay);
    let asking = tokio::spawn(async move { text(get(&asked, &path(LISTED), &[]).await).await });
    while replay.bodies().pool.reads() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    recording.chunk(LISTED, 0, b"landed").await;
    assert_eq!(asking.await.unwrap(), "landed");
}
