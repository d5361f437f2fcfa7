//! Rules laid over whole sessions: the demo, in which segment N of both variants is listed from
//! about second 2 (N - 5) on, six at a time; and others written by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;

use super::{Rules, parse};
use crate::clock::Clock;
use crate::replayer::response::reply::Reply;
use crate::replayer::testing::{MAIN, Recording, bytes};
use crate::replayer::{Options, Replay};
use crate::session::{Kind, NewRevision, Sessions};

const HIGH: &str = "/http/localhost:8080/live/high";
const LOW: &str = "/http/localhost:8080/live/low";

fn options(offset: f64, rules: &[&str]) -> Options {
    let rules = rules.iter().map(|text| parse(text).unwrap().rule);
    Options {
        offset: Duration::from_secs_f64(offset),
        inject: Rules::new(rules.collect(), 0),
        ..Options::default()
    }
}

/// The demo from a session time on.
fn demo(offset: f64, rules: &[&str]) -> Arc<Replay> {
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions");
    let folder = Sessions::new(&sessions).find("demo").unwrap();
    let options = options(offset, rules);
    Arc::new(Replay::open(folder, Clock::start(), options).unwrap())
}

async fn get(replay: &Arc<Replay>, path: &str) -> Reply {
    let request = Request::builder().uri(path).body(()).unwrap();
    let request = replay.receive(request.into_parts().0);
    replay.respond(&request).await
}

async fn status(replay: &Arc<Replay>, path: &str) -> u16 {
    let reply = get(replay, path).await;
    reply
        .response
        .map_or(0, |response| response.status().as_u16())
}

async fn text(replay: &Arc<Replay>, path: &str) -> String {
    let response = get(replay, path).await.response.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn segments_are_meant_by_their_numbers_in_the_playlist() {
    let replay = demo(
        11.0,
        &[
            "segment sn=8 status=404 body=\"gone fishing\"",
            "segment rate=1G",
        ],
    );
    let reply = get(&replay, &format!("{HIGH}/seg008.ts")).await;
    assert_eq!(
        reply.done,
        ["injected: rule 1: status 404; rule 2: 1000000000 bit/s"]
    );
    let response = reply.response.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert_eq!(
        response.headers()["x-isrecorder-injected"],
        "rule 1: status 404; rule 2: 1000000000 bit/s"
    );
    assert_eq!(response.headers()["content-length"], "12");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "gone fishing");
    assert_eq!(status(&replay, &format!("{LOW}/seg008.ts")).await, 404);
    assert_eq!(status(&replay, &format!("{HIGH}/seg007.ts")).await, 200);
    assert_eq!(
        status(&replay, "/http/localhost:8080/live/key.bin").await,
        200
    );
}

#[tokio::test]
async fn numbers_can_count_from_where_the_player_began() {
    let replay = demo(11.0, &["segment sn=+2 status=404"]);
    // On the server's own clock, that is where the server began: with segment 5.
    assert_eq!(status(&replay, &format!("{HIGH}/seg007.ts")).await, 404);
    assert_eq!(status(&replay, &format!("{HIGH}/seg006.ts")).await, 200);
    // A player that comes to a stream is given its own beginning ...
    let zero = Clock::start().started_us() / 1000 - 15_000;
    let to = get(&replay, &format!("/@{zero}/stream.m3u8")).await;
    let to = to.response.unwrap().headers()["location"].clone();
    let to = to.to_str().unwrap();
    assert!(to.starts_with(&format!("../@{zero}~15")), "{to}");
    let to = to.strip_prefix("..").unwrap();
    assert!(text(&replay, to).await.contains("/live/high/live.m3u8"));
    // ... and its URLs keep it: at second 15 the first segment was 7.
    let began = to.strip_suffix("/stream.m3u8").unwrap();
    assert_eq!(
        status(&replay, &format!("{began}{HIGH}/seg009.ts")).await,
        404
    );
    assert_eq!(
        status(&replay, &format!("{began}{HIGH}/seg007.ts")).await,
        200
    );
    let offset = get(&replay, "/stream.m3u8?offset=15").await;
    let offset = offset.response.unwrap().headers()["location"].clone();
    assert!(offset.to_str().unwrap().ends_with("~15000/stream.m3u8"));
}

#[tokio::test]
async fn a_variant_is_its_playlist_and_its_segments() {
    let replay = demo(11.0, &["media,segment variant=lowest status=503"]);
    assert_eq!(status(&replay, &format!("{LOW}/live.m3u8")).await, 503);
    assert_eq!(status(&replay, &format!("{LOW}/seg008.ts")).await, 503);
    assert_eq!(status(&replay, &format!("{HIGH}/live.m3u8")).await, 200);
    assert_eq!(status(&replay, &format!("{HIGH}/seg008.ts")).await, 200);
    for (variant, of_high, of_low) in [("1", 503, 200), ("90p", 200, 503)] {
        let replay = demo(11.0, &[&format!("media variant={variant} status=503")]);
        let statuses = (
            status(&replay, &format!("{HIGH}/live.m3u8")).await,
            status(&replay, &format!("{LOW}/live.m3u8")).await,
        );
        assert_eq!(statuses, (of_high, of_low), "{variant}");
    }
}

#[tokio::test]
async fn what_has_no_content_says_no_length() {
    let playlist = format!("{HIGH}/live.m3u8");
    let replay = demo(11.0, &["media rate=500k", "key status=204"]);
    let tag = get(&replay, &playlist).await.response.unwrap().headers()["etag"].clone();
    let request = Request::builder()
        .uri(&playlist)
        .header("if-none-match", tag);
    let request = replay.receive(request.body(()).unwrap().into_parts().0);
    let unchanged = replay.respond(&request).await.response.unwrap();
    assert_eq!(unchanged.status(), 304);
    assert!(!unchanged.headers().contains_key("content-length"));
    let empty = get(&replay, "/http/localhost:8080/live/key.bin")
        .await
        .response
        .unwrap();
    assert_eq!(empty.status(), 204);
    assert!(!empty.headers().contains_key("content-length"));
    let replay = demo(11.0, &["media status=404"]);
    let head = Request::builder()
        .method("HEAD")
        .uri(&playlist)
        .body(())
        .unwrap();
    let head = replay.receive(head.into_parts().0);
    let head = replay.respond(&head).await.response.unwrap();
    assert_eq!(head.headers()["content-length"], "24");
}

#[tokio::test]
async fn variants_that_differ_in_their_query_are_told_apart() {
    let recording = Recording::start().await;
    let main = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8?q=lo\n#EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8?q=hi\n";
    recording.text(Kind::Main, MAIN, 0, main, &[]).await;
    for query in ["lo", "hi"] {
        let url = format!("http://origin.example/live/v.m3u8?q={query}");
        recording.text(Kind::Media, &url, 0, "#EXTM3U\n", &[]).await;
    }
    recording.finish().await;
    let options = options(1.0, &["media variant=highest status=418"]);
    let replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
    let replay = Arc::new(replay);
    let of = |query: &str| format!("/http/origin.example:80/live/v.m3u8?q={query}");
    assert_eq!(status(&replay, &of("hi")).await, 418);
    assert_eq!(status(&replay, &of("lo")).await, 200);
}

#[tokio::test]
async fn a_key_has_the_numbers_of_the_segments_that_it_is_for() {
    let key = "/http/localhost:8080/live/key.bin";
    assert_eq!(status(&demo(11.0, &["key sn=8 reset"]), key).await, 0);
    assert_eq!(status(&demo(11.0, &["key sn=30- reset"]), key).await, 200);
}

#[tokio::test]
async fn a_playlist_that_stalls_is_the_one_of_the_moment_when_it_began_to() {
    let replay = demo(15.0, &["media path=*/high/* from=11 for=8 stall"]);
    let held = text(&replay, &format!("{HIGH}/live.m3u8")).await;
    assert_eq!(
        held,
        text(&demo(11.0, &[]), &format!("{HIGH}/live.m3u8")).await
    );
    assert!(held.contains("#EXT-X-MEDIA-SEQUENCE:5\n"), "{held}");
    let other = text(&replay, &format!("{LOW}/live.m3u8")).await;
    assert!(other.contains("#EXT-X-MEDIA-SEQUENCE:7\n"), "{other}");
    let over = demo(19.5, &["media from=11 for=8 stall"]);
    let over = text(&over, &format!("{HIGH}/live.m3u8")).await;
    assert!(over.contains("#EXT-X-MEDIA-SEQUENCE:9\n"), "{over}");
}

#[tokio::test(start_paused = true)]
async fn connections_end_and_wait_as_they_are_told() {
    let replay = demo(
        11.0,
        &[
            "segment sn=6 close delay=2",
            "segment sn=7 reset",
            "segment sn=8 truncate=25%",
            "segment sn=9 rate=80k",
        ],
    );
    let closed = get(&replay, &format!("{HIGH}/seg006.ts")).await;
    assert!(closed.response.is_none() && !closed.resets);
    assert_eq!(closed.wait, Duration::from_secs(2));
    let reset = get(&replay, &format!("{HIGH}/seg007.ts")).await;
    assert!(reset.response.is_none() && reset.resets);

    let cut = get(&replay, &format!("{HIGH}/seg008.ts"))
        .await
        .response
        .unwrap();
    let length: usize = cut.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut body = cut.into_body();
    let mut came = 0;
    let end = loop {
        match body.frame().await {
            Some(Ok(frame)) => came += frame.into_data().unwrap().len(),
            end => break end,
        }
    };
    assert_eq!((came, end.unwrap().is_err()), (length / 4, true));

    let slow = get(&replay, &format!("{HIGH}/seg009.ts"))
        .await
        .response
        .unwrap();
    let began = crate::clock::instant();
    let length = slow.into_body().collect().await.unwrap().to_bytes().len();
    let took = (crate::clock::instant() - began).as_millis();
    let wanted = length as u128 / 10;
    assert!((wanted..wanted + 20).contains(&took), "{took} {wanted}");
}

#[tokio::test]
async fn a_media_playlist_that_is_a_stream_by_itself_is_one_too() {
    let recording = Recording::start().await;
    let mut exchange = recording.exchange(Kind::Main, MAIN, 0);
    exchange.body = bytes("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\ns7.ts\n");
    exchange.revision = Some(NewRevision {
        media_sequence: Some(7),
        ..NewRevision::default()
    });
    recording.add(exchange).await;
    recording.finish().await;
    let open = |rule: &str| {
        let options = options(1.0, &[rule]);
        Arc::new(Replay::open(recording.folder.clone(), Clock::start(), options).unwrap())
    };
    assert_eq!(status(&open("media status=503"), "/stream.m3u8").await, 503);
    assert_eq!(status(&open("main status=503"), "/stream.m3u8").await, 200);
}

#[tokio::test]
async fn what_was_never_recorded_has_no_faults_but_that() {
    let replay = demo(1.0, &["any status=500"]);
    assert_eq!(status(&replay, &format!("{HIGH}/seg020.ts")).await, 404);
    assert_eq!(status(&replay, "/http/localhost:8080/nothing").await, 404);
    assert_eq!(status(&replay, "/").await, 200);
}
