//! DVR playlists of sessions that are written here.

use super::*;
use crate::hls::{Variables, read_media};
use crate::session::{Availability, ExchangeId, NewExchange, NewRevision};

const LIVE: &str = MAIN;

fn sibling(name: &str) -> String {
    format!("http://origin.example/live/{name}")
}

impl Recording {
    /// A revision of a media playlist with a new end, seen when it is the answer.
    async fn lists(&self, url: &str, at_ms: i64, text: &str) -> ExchangeId {
        let base = url::Url::parse(url).unwrap();
        let facts = read_media(text.as_bytes(), &base, &Variables::default()).facts;
        let mut exchange = self.exchange(Kind::Media, url, at_ms);
        exchange.wait_us = Some(0);
        exchange.body = bytes(text);
        exchange.revision = Some(NewRevision {
            advance: true,
            media_sequence: Some(facts.media_sequence as i64),
            segment_count: Some(facts.segment_count as i64),
            last_sequence: facts.last_sequence.map(|n| n as i64),
            target_duration_us: facts.target_duration.map(|d| d.as_micros() as i64),
            ..NewRevision::default()
        });
        self.add(exchange).await
    }

    /// A request on account of a revision, with its answer still to be filled in.
    fn listed(&self, revision: ExchangeId, kind: Kind, name: &str, at_ms: i64) -> NewExchange {
        NewExchange {
            referrer_id: Some(revision),
            ..self.exchange(kind, &sibling(name), at_ms)
        }
    }

    async fn fetches(&self, revision: ExchangeId, kind: Kind, name: &str, at_ms: i64, text: &str) {
        let mut exchange = self.listed(revision, kind, name, at_ms);
        exchange.body = bytes(text);
        self.add(exchange).await;
    }
}

fn window(first: u64, names: &[&str]) -> String {
    let list: String = names
        .iter()
        .map(|name| format!("#EXTINF:4,\n{name}\n"))
        .collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n{list}")
}

/// Lines behind the head, with content in the place of references.
async fn resolved(replay: &Arc<Replay>, playlist: &str) -> String {
    let mut lines = Vec::new();
    for line in playlist
        .lines()
        .skip_while(|line| !line.starts_with("#EXT-X-PLAYLIST-TYPE"))
    {
        lines.push(match line.split_once("exchange/") {
            Some((_, path)) if !line.starts_with('#') => {
                text(get(replay, &format!("/exchange/{path}"), &[]).await).await
            }
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

#[tokio::test]
async fn nothing_yet_is_not_nothing_ever() {
    let recording = Recording::start().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let early = get(&replay, "/dvr.m3u8", &[]).await;
    assert_eq!(
        (early.status().as_u16(), field(&early, "retry-after")),
        (503, "1")
    );
    let revision = recording.lists(LIVE, 0, &window(7, &["a.ts"])).await;
    recording
        .writer
        .stream("other", "http://o.example/x.m3u8")
        .await
        .unwrap();
    assert_eq!(get(&replay, "/dvr.m3u8", &[]).await.status().as_u16(), 503);
    recording
        .fetches(revision, Kind::Segment, "a.ts", 0, "A")
        .await;
    recording.finish().await;
    let vod = get(&replay, "/hall%201/dvr.m3u8", &[]).await;
    assert_eq!(field(&vod, "cache-control"), "no-cache");
    let listed = resolved(&replay, &text(vod).await).await;
    assert_eq!(
        listed,
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\nA\n#EXT-X-ENDLIST"
    );
    let never = open(&recording, Options::default());
    assert_eq!(
        get(&never, "/other/dvr.m3u8", &[]).await.status().as_u16(),
        404
    );
    let other_stream = get(&never, "/other/dvr/1.m3u8", &[]).await;
    assert_eq!(other_stream.status().as_u16(), 404);
}

#[tokio::test]
async fn each_path_of_a_playlist_has_references_of_its_own() {
    let recording = Recording::start().await;
    let revision = recording.lists(LIVE, 0, &window(7, &["a.ts"])).await;
    recording
        .fetches(revision, Kind::Segment, "a.ts", 0, "A")
        .await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let id = 1;
    let own = format!("/hall%201/dvr/{id}.m3u8");
    let paths = ["/dvr.m3u8", "/hall%201/dvr.m3u8", &own, "/dvr.m3u8?x=/a/b"];
    // The second time without reading.
    for path in paths.into_iter().chain(paths) {
        let vod = text(get(&replay, path, &[]).await).await;
        let segment = vod.lines().find(|line| line.ends_with("a.ts"));
        let segment = led(path, segment.unwrap());
        assert_eq!(segment, "/exchange/2/a.ts", "{path}");
    }
}

#[tokio::test]
async fn a_slate_is_fetched_once_and_listed_each_time() {
    let recording = Recording::start().await;
    let one = recording.lists(LIVE, 0, &window(1, &["slate.ts"])).await;
    recording
        .fetches(one, Kind::Segment, "slate.ts", 0, "SLATE")
        .await;
    recording
        .lists(LIVE, 4_000, &window(1, &["slate.ts", "slate.ts"]))
        .await;
    let back = recording
        .lists(LIVE, 8_000, &window(2, &["slate.ts", "a.ts"]))
        .await;
    recording
        .fetches(back, Kind::Segment, "a.ts", 8_000, "A")
        .await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let vod = text(get(&replay, "/dvr.m3u8", &[]).await).await;
    let wanted = "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\nSLATE\n#EXTINF:4,\nSLATE\n#EXTINF:4,\nA\n#EXT-X-ENDLIST";
    assert_eq!(resolved(&replay, &vod).await, wanted);
}

#[tokio::test]
async fn of_a_finished_session_it_is_given_again_without_reading() {
    let recording = Recording::start().await;
    let names: Vec<String> = (0..60).map(|n| format!("s{n}.ts")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let one = recording.lists(LIVE, 0, &window(1, &names)).await;
    for name in names {
        recording.fetches(one, Kind::Segment, name, 0, name).await;
    }
    let at_once = |replay: &Replay, coding: &str| {
        let request = request(Method::GET, "/dvr.m3u8", &[("accept-encoding", coding)]);
        let reply = replay.respond_at_once(&request)?;
        reply.response
    };
    let live = replay(&recording, 0, AtEnd::Hold);
    get(&live, "/dvr.m3u8", &[]).await;
    assert!(at_once(&live, "identity").is_none(), "it grows");

    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    assert!(at_once(&replay, "identity").is_none(), "nobody asked");
    let plain = get(&replay, "/dvr.m3u8", &[]).await;
    let again = at_once(&replay, "identity").unwrap();
    assert_eq!(again.headers(), plain.headers());
    assert_eq!(text(again).await, text(plain).await);
    assert!(at_once(&replay, "gzip").is_none(), "it is not compressed");
    let small = get(&replay, "/dvr.m3u8", &[("accept-encoding", "gzip")]).await;
    let again = at_once(&replay, "gzip").unwrap();
    assert_eq!(field(&again, "content-encoding"), "gzip");
    assert_eq!(again.headers(), small.headers());
    let bytes = async |r: Response<Body>| r.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes(again).await, bytes(small).await);
}

#[tokio::test]
async fn a_segment_behind_a_redirect_is_what_it_leads_to() {
    let recording = Recording::start().await;
    let revision = recording
        .lists(LIVE, 0, &window(1, &["a.ts", "b.ts"]))
        .await;
    for (name, target) in [
        ("a.ts", "http://cdn.example/a.ts"),
        ("b.ts", "http://cdn.example/b.ts"),
    ] {
        let mut head = recording.listed(revision, Kind::Segment, name, 0);
        head.status = Some(302);
        head.headers = Some(headers(&[("location", target)]));
        let head = recording.add(head).await;
        let mut hop = recording.exchange(Kind::Segment, target, 0);
        (hop.referrer_id, hop.head_id) = (Some(revision), Some(head));
        hop.availability = Availability::FirstElseResponse(hop.requested_us);
        (hop.status, hop.body) = match name {
            "a.ts" => (Some(200), bytes("A")),
            _ => (Some(500), bytes("sorry")),
        };
        recording.add(hop).await;
    }
    let last = recording
        .lists(LIVE, 4_000, &window(2, &["b.ts", "c.ts"]))
        .await;
    recording
        .fetches(last, Kind::Segment, "c.ts", 4_000, "C")
        .await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let vod = text(get(&replay, "/dvr.m3u8", &[]).await).await;
    let gap = "exchange 0 of session test has no body\n";
    let wanted = format!(
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\nA\n#EXTINF:4,\n#EXT-X-GAP\n{gap}\n#EXTINF:4,\nC\n#EXT-X-ENDLIST"
    );
    assert_eq!(resolved(&replay, &vod).await, wanted);
}

#[tokio::test]
async fn an_origin_that_ignores_ranges_has_them_in_the_list() {
    let recording = Recording::start().await;
    let ranged = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:3@2\nall.ts\n";
    let revision = recording.lists(LIVE, 0, ranged).await;
    let mut exchange = recording.listed(revision, Kind::Segment, "all.ts", 0);
    exchange.resource.range = Some(ByteRange {
        first: 2,
        length: 3,
    });
    exchange.body = bytes("0123456789");
    recording.add(exchange).await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let vod = text(get(&replay, "/dvr.m3u8", &[]).await).await;
    assert!(
        vod.contains("#EXTINF:4,\n#EXT-X-BYTERANGE:3@2\nexchange/2/all.ts\n"),
        "{vod}"
    );
}

#[tokio::test]
async fn a_multivariant_playlist_leads_to_what_was_recorded_of_it() {
    let recording = Recording::start().await;
    let main = "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key\"\n#EXT-X-STREAM-INF:BANDWIDTH=2\na.m3u8?new\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://cdn.example/b.m3u8\n";
    let mut exchange = recording.exchange(Kind::Main, MAIN, 0);
    exchange.body = bytes(main);
    exchange.revision = Some(NewRevision {
        advance: true,
        ..NewRevision::default()
    });
    let main_id = recording.add(exchange).await;
    recording
        .fetches(main_id, Kind::Key, "key", 0, "0123456789abcdef")
        .await;
    let playlist = sibling("a.m3u8?old");
    let listing = crate::session::NewListing {
        aliases: vec![(recording.key(Kind::Media, &playlist), sibling("a.m3u8?new"))],
        ..Default::default()
    };
    recording.writer.listed(listing).await;
    let revision = recording.lists(&playlist, 0, &window(1, &["s.ts"])).await;
    recording
        .fetches(revision, Kind::Segment, "s.ts", 0, "S")
        .await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    for (path, root, folder) in [
        ("/dvr.m3u8", "", "hall%201/"),
        ("/hall%201/dvr.m3u8", "../", ""),
    ] {
        let served = text(get(&replay, path, &[]).await).await;
        let wanted = main
            .replace("\"key\"", &format!("\"{root}exchange/2/key\""))
            .replace("a.m3u8?new", &format!("{folder}dvr/3.m3u8"))
            .replace("https://cdn.example/b.m3u8", &format!("{folder}dvr/0.m3u8"));
        assert_eq!(served, wanted);
    }
    let media = text(get(&replay, "/hall%201/dvr/3.m3u8", &[]).await).await;
    assert!(resolved(&replay, &media).await.contains("\nS\n"), "{media}");
    assert_eq!(
        get(&replay, "/hall%201/dvr/0.m3u8", &[])
            .await
            .status()
            .as_u16(),
        404
    );
}

#[tokio::test]
async fn a_playlist_that_takes_variables_from_its_query_is_asked_for_with_it() {
    let recording = Recording::start().await;
    let typed = "http://origin.example/main.m3u8?t=5";
    let stream_id = recording.writer.stream("query", typed).await.unwrap();
    let mut exchange = recording.exchange(Kind::Main, typed, 0);
    exchange.resource.stream_id = stream_id;
    let main =
        "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8?{$t}\n";
    exchange.body = bytes(main);
    exchange.revision = Some(NewRevision {
        advance: true,
        ..NewRevision::default()
    });
    recording.add(exchange).await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let first = get(&replay, "/query/dvr.m3u8", &[]).await;
    assert_eq!(first.status(), StatusCode::FOUND);
    assert_eq!(field(&first, "location"), "dvr.m3u8?t=5");
    let served = text(get(&replay, "/query/dvr.m3u8?t=5", &[]).await).await;
    assert_eq!(served, main.replace("a.m3u8?{$t}", "dvr/0.m3u8"));
}

#[tokio::test]
async fn the_body_of_an_exchange_is_kept_for_ever_and_leads_nowhere() {
    let recording = Recording::start().await;
    let absolute = "#EXTM3U\n#EXTINF:4,\nhttp://elsewhere.example/a.ts\n";
    let html = [("content-type", "text/html")];
    recording.text(Kind::Media, MEDIA, 0, absolute, &[]).await;
    recording
        .text(Kind::Segment, SEGMENT, 0, "<script>", &html)
        .await;
    recording
        .add(recording.exchange(Kind::Segment, SEGMENT, 5))
        .await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let playlist = get(&replay, "/exchange/1/a.m3u8", &[]).await;
    assert_eq!(
        field(&playlist, "content-type"),
        "text/plain; charset=utf-8"
    );
    assert_eq!(text(playlist).await, absolute);
    let page = get(&replay, "/exchange/2/any.name", &[]).await;
    assert_eq!(
        field(&page, "content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(field(&page, "cache-control"), "max-age=31536000, immutable");
    let tag = field(&page, "etag").to_owned();
    let again = get(&replay, "/exchange/2/any.name", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(
        get(&replay, "/exchange/3/a.ts", &[])
            .await
            .status()
            .as_u16(),
        404
    );
}
