//! A whole session, asked over whole requests, without a socket.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::body::Body;
use super::respond::Reply;
use super::testing::{MAIN, Recording, bytes, headers};
use super::{AtEnd, Options, Replay};
use crate::clock::Clock;
use crate::hls::ByteRange;
use crate::session::{Found, Kind, Outcome, Reader};

const MULTIVARIANT: &str = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"segments\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360\nv1/a.m3u8\n";
const MEDIA: &str = "http://origin.example/live/v1/a.m3u8";
const SEGMENT: &str = "http://origin.example/live/v1/s1.ts";

fn replay(recording: &Recording, offset_ms: u64, at_end: AtEnd) -> Arc<Replay> {
    let options = Options {
        offset: Duration::from_millis(offset_ms),
        at_end,
    };
    Arc::new(Replay::open(recording.folder.clone(), Clock::start(), options).unwrap())
}

fn request(method: Method, path: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

async fn get(replay: &Arc<Replay>, path: &str, fields: &[(&str, &str)]) -> Response<Body> {
    replay
        .respond(&request(Method::GET, path, fields))
        .await
        .response
        .unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

fn field<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn path(url: &str) -> String {
    crate::hls::replay_path(&url::Url::parse(url).unwrap()).unwrap()
}

async fn channel() -> Recording {
    let recording = Recording::start().await;
    let cached = [
        ("content-type", "application/x-mpegurl"),
        ("cache-control", "max-age=3600"),
        ("set-cookie", "a=b"),
    ];
    recording
        .text(Kind::Main, MAIN, 0, MULTIVARIANT, &cached)
        .await;
    recording
        .text(
            Kind::Media,
            MEDIA,
            0,
            "#EXTM3U\n#EXTINF:4,\ns1.ts\n",
            &cached,
        )
        .await;
    recording
        .text(
            Kind::Media,
            MEDIA,
            10_000,
            "#EXTM3U\n#EXTINF:4,\nhttps://cdn.example/s2.ts\n",
            &cached,
        )
        .await;
    recording.chunk(SEGMENT, 0, b"0123456789").await;
    recording
        .chunk("https://cdn.example/s2.ts", 10_000, b"abc")
        .await;
    recording
}

#[tokio::test]
async fn a_stream_is_its_playlist_with_paths_of_its_own() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    for path in ["/stream.m3u8", "/hall%201/stream.m3u8"] {
        let response = get(&replay, path, &[("origin", "http://player.example")]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(field(&response, "content-type"), "application/x-mpegurl");
        assert_eq!(
            field(&response, "access-control-allow-origin"),
            "http://player.example"
        );
        assert_eq!(field(&response, "x-isrecorder-exchange"), "1");
        assert!(field(&response, "x-isrecorder-session-time").starts_with("5."));
        assert_eq!(field(&response, "set-cookie"), "");
        let wanted = MULTIVARIANT.replace("v1/a", "/http/origin.example:80/live/v1/a");
        assert_eq!(text(response).await, wanted);
    }
    assert_eq!(
        get(&replay, "/hall/stream.m3u8", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_relative_playlist_keeps_its_bytes_and_is_kept_no_longer_than_it_holds() {
    let recording = channel().await;
    recording.finish().await;
    let response = get(&replay(&recording, 5_000, AtEnd::Hold), &path(MEDIA), &[]).await;
    assert_eq!(field(&response, "cache-control"), "max-age=4");
    assert_eq!(text(response).await, "#EXTM3U\n#EXTINF:4,\ns1.ts\n");
    let late = replay(&recording, 11_000, AtEnd::Hold);
    let response = get(&late, &path(MEDIA), &[]).await;
    assert_eq!(
        field(&response, "cache-control"),
        "max-age=3600",
        "nothing comes after it"
    );
    let tag = field(&response, "etag").to_owned();
    assert_eq!(
        text(response).await,
        "#EXTM3U\n#EXTINF:4,\n/https/cdn.example:443/s2.ts\n"
    );
    let again = get(&late, &path(MEDIA), &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(field(&again, "etag"), tag);
    assert_eq!(text(again).await, "");
}

#[tokio::test]
async fn chunks_have_ranges() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let whole = get(&replay, &path(SEGMENT), &[]).await;
    assert_eq!(
        (
            field(&whole, "content-type"),
            field(&whole, "accept-ranges")
        ),
        ("video/mp2t", "bytes")
    );
    assert_eq!(
        (
            field(&whole, "content-length"),
            field(&whole, "cache-control")
        ),
        ("10", "no-cache")
    );
    let tag = field(&whole, "etag").to_owned();
    assert_eq!(text(whole).await, "0123456789");
    let cases = [
        (
            "bytes=2-4",
            StatusCode::PARTIAL_CONTENT,
            "bytes 2-4/10",
            "234",
        ),
        (
            "bytes=-3",
            StatusCode::PARTIAL_CONTENT,
            "bytes 7-9/10",
            "789",
        ),
        (
            "bytes=8-99",
            StatusCode::PARTIAL_CONTENT,
            "bytes 8-9/10",
            "89",
        ),
        ("bytes=0-1,3-4", StatusCode::OK, "", "0123456789"),
        ("lines=1-2", StatusCode::OK, "", "0123456789"),
    ];
    for (range, status, content_range, body) in cases {
        let response = get(
            &replay,
            &path(SEGMENT),
            &[("range", range), ("if-range", &tag)],
        )
        .await;
        assert_eq!(
            (response.status(), field(&response, "content-range")),
            (status, content_range),
            "{range}"
        );
        assert_eq!(text(response).await, body);
    }
    let behind = get(&replay, &path(SEGMENT), &[("range", "bytes=10-")]).await;
    assert_eq!(
        (behind.status().as_u16(), field(&behind, "content-range")),
        (416, "bytes */10")
    );
    let changed = get(
        &replay,
        &path(SEGMENT),
        &[("range", "bytes=1-2"), ("if-range", "\"other\"")],
    )
    .await;
    assert_eq!(changed.status(), StatusCode::OK);
    let head = replay
        .respond(&request(
            Method::HEAD,
            &path(SEGMENT),
            &[("range", "bytes=1-2")],
        ))
        .await
        .response
        .unwrap();
    assert_eq!(
        (head.status(), field(&head, "content-length")),
        (StatusCode::OK, "10")
    );
    assert_eq!(text(head).await, "");
}

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
async fn an_offset_is_a_redirect_to_a_clock() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let response = get(&replay, "/stream.m3u8?offset=12", &[]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = field(&response, "location").to_owned();
    let (prefix, rest) = location.split_at(location[1..].find('/').unwrap() + 1);
    assert_eq!(rest, "/stream.m3u8");
    let stream = get(&replay, &location, &[]).await;
    assert!(field(&stream, "x-isrecorder-session-time").starts_with("12."));
    assert!(
        text(stream)
            .await
            .contains(&format!("{prefix}/http/origin.example:80/live/v1/a.m3u8"))
    );
    let media = get(&replay, &format!("{prefix}{}", path(MEDIA)), &[]).await;
    assert!(
        text(media)
            .await
            .contains(&format!("{prefix}/https/cdn.example:443/s2.ts"))
    );
    for bad in ["/stream.m3u8?offset=-1", "/@x/stream.m3u8"] {
        assert_eq!(
            get(&replay, bad, &[]).await.status(),
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
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
        "#EXTM3U\n#EXTINF:4,\n/https/edge.example:443/live/s1.ts\n"
    );
    let hop = get(&replay, "/@5000/http/origin.example:80/live/main.m3u8", &[]).await;
    assert_eq!(hop.status(), StatusCode::FOUND);
    assert_eq!(
        field(&hop, "location"),
        "/@5000/https/edge.example:443/live/x.m3u8?t=1"
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
        .respond(&request(Method::GET, &path(&url("refused.ts")), &[]))
        .await;
    assert!(
        reply.response.is_none() && reply.what.contains("refused"),
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
async fn parts_of_a_file_are_put_together() {
    let recording = Recording::start().await;
    let url = "http://origin.example/all.ts";
    for (first, content) in [(0_u64, "abcd"), (4, "efgh"), (20, "xyz")] {
        let mut part = recording.exchange(Kind::Segment, url, first as i64 * 1000);
        part.resource.range = Some(ByteRange {
            first,
            length: content.len() as u64,
        });
        (part.status, part.body_first, part.resource_bytes) = (Some(206), Some(first), Some(30));
        part.body = recording.file(part.id, content.as_bytes());
        recording.add(part).await;
    }
    recording.finish().await;
    let replay = replay(&recording, 10_000, AtEnd::Hold);
    let cases = [
        ("bytes=4-7", 206, "bytes 4-7/30", "efgh"),
        ("bytes=2-5", 206, "bytes 2-5/30", "cdef"),
        ("bytes=6-", 206, "bytes 6-7/30", "gh"),
        ("", 200, "", "abcdefgh"),
    ];
    for (range, status, content_range, body) in cases {
        let response = get(&replay, &path(url), &[("range", range)]).await;
        assert_eq!(
            (
                response.status().as_u16(),
                field(&response, "content-range")
            ),
            (status, content_range),
            "{range}"
        );
        assert_eq!(text(response).await, body);
    }
    assert_eq!(
        get(&replay, &path(url), &[("range", "bytes=20-22")])
            .await
            .status()
            .as_u16(),
        404,
        "not yet"
    );
    let behind = get(
        &replay,
        &path(url),
        &[("range", "bytes=6-7"), ("if-none-match", "*")],
    )
    .await;
    assert_eq!(
        behind.status().as_u16(),
        206,
        "parts have no tag to compare"
    );
}

#[tokio::test]
async fn after_the_end_playlists_may_end() {
    let recording = channel().await;
    recording.finish().await;
    let ended = text(
        get(
            &replay(&recording, 20_000, AtEnd::Endlist),
            &path(MEDIA),
            &[],
        )
        .await,
    )
    .await;
    assert!(ended.ends_with("s2.ts\n#EXT-X-ENDLIST\n"), "{ended}");
    let main = text(
        get(
            &replay(&recording, 20_000, AtEnd::Endlist),
            "/stream.m3u8",
            &[],
        )
        .await,
    )
    .await;
    assert!(!main.contains("ENDLIST"));
    let held = text(get(&replay(&recording, 20_000, AtEnd::Hold), &path(MEDIA), &[]).await).await;
    assert!(!held.contains("ENDLIST"));
}

#[tokio::test]
async fn variables_come_from_the_multivariant_playlist() {
    let recording = channel().await;
    let importing = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"dir\"\n#EXTINF:4,\n/{$dir}/s1.ts\n";
    recording
        .text(Kind::Media, MEDIA, 20_000, importing, &[])
        .await;
    recording.finish().await;
    let replay = replay(&recording, 25_000, AtEnd::Hold);
    for _ in 0..2 {
        let media = text(get(&replay, &path(MEDIA), &[]).await).await;
        assert!(
            media.ends_with("\n/http/origin.example:80/segments/s1.ts\n"),
            "{media}"
        );
    }
}

#[tokio::test]
async fn a_damaged_session_gives_no_wrong_bytes() {
    let recording = channel().await;
    recording.finish().await;
    let chunk = recording.folder.chunks().join("live/v1/s1.ts");
    std::fs::write(&chunk, b"0123456789X").unwrap();
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let longer = get(&replay, &path(SEGMENT), &[]).await;
    assert_eq!(longer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text(longer).await.contains("chunks/live/v1/s1.ts"));
    std::fs::remove_file(&chunk).unwrap();
    assert_eq!(
        get(&replay, &path(SEGMENT), &[]).await.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_being_recorded_is_waited_for() {
    let recording = channel().await;
    let wanted = "http://origin.example/live/v1/s9.ts";
    recording
        .writer
        .pending(recording.key(Kind::Segment, wanted), 2, recording.zero_us)
        .await;
    // Answered after the commit.
    recording
        .writer
        .stream("other", "http://origin.example/other")
        .await
        .unwrap();
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    assert!(replay.span().recording);
    let missing = get(&replay, &path(wanted), &[]).await;
    assert_eq!(
        (missing.status().as_u16(), field(&missing, "retry-after")),
        (503, "1")
    );
    let asked = Arc::clone(&replay);
    let asking = tokio::spawn(async move { text(get(&asked, &path(wanted), &[]).await).await });
    recording.chunk(wanted, 0, b"landed").await;
    assert_eq!(asking.await.unwrap(), "landed");
    let playlist = get(&replay, &path(MEDIA), &[]).await;
    assert_eq!(field(&playlist, "cache-control"), "no-cache");
}

#[tokio::test]
async fn the_index_says_what_there_is() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let page = get(&replay, "/", &[]).await;
    assert!(field(&page, "content-security-policy").starts_with("default-src 'none'"));
    assert!(
        text(page)
            .await
            .contains("<a href=\"/hall%201/stream.m3u8\">hall 1</a>")
    );
    for (path, accept) in [("/?format=json", "*/*"), ("/", "application/json")] {
        let json: serde_json::Value =
            serde_json::from_str(&text(get(&replay, path, &[("accept", accept)]).await).await)
                .unwrap();
        assert_eq!(json["streams"][0]["playlists"][0]["path"], path_of_media());
    }
    let preflight = replay
        .respond(&request(Method::OPTIONS, "/x", &[]))
        .await
        .response
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let post = replay
        .respond(&request(Method::POST, "/", &[]))
        .await
        .response
        .unwrap();
    assert_eq!(
        (post.status().as_u16(), field(&post, "allow")),
        (405, "GET, HEAD, OPTIONS")
    );
}

fn path_of_media() -> String {
    path(MEDIA)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// `answer(url, t)` is the last exchange at or before t, and never goes back.
    #[test]
    fn the_answer_is_the_last_one_at_or_before(
        times in prop::collection::vec(0..50_i64, 1..20),
        asked in prop::collection::vec(-5..60_i64, 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let recording = Recording::start().await;
            // What is handed over with an earlier time than the one before is the answer from then on.
            let mut known: Vec<(i64, i64)> = Vec::new();
            for ms in &times {
                let id = recording.text(Kind::Media, MEDIA, *ms, &format!("#EXTM3U\n#{ms}\n"), &[]).await;
                let from = known.last().map_or(*ms, |(_, before)| *ms.max(before));
                known.push((id, from));
            }
            recording.finish().await;
            let reader = Reader::open(&recording.folder).unwrap();
            let mut sorted = asked.clone();
            sorted.sort_unstable();
            let mut last_id = 0;
            for ms in sorted {
                let found = reader.answer(MEDIA, None, recording.zero_us + ms * 1000, false).unwrap();
                let wanted = known.iter().rev().find(|(_, from)| *from <= ms).map(|(id, _)| *id);
                let got = match found {
                    Found::Answer(answer) => Some(answer.exchange.id),
                    Found::NotYet(from) => {
                        assert_eq!(Some(from), known.first().map(|(_, first)| recording.zero_us + first * 1000));
                        None
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(got, wanted, "at {ms}");
                assert!(got.unwrap_or(0) >= last_id);
                last_id = got.unwrap_or(0);
            }
        });
    }
}
