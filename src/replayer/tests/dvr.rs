//! DVR playlists of sessions that are written here.

use super::*;
use crate::hls::{Lie, Step, Variables, read_media};
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
        let reply = replay.respond_at_once(&replay.receive(request))?;
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

impl Recording {
    /// A revision whose first segment has this place; `advance`: its end is new.
    async fn window(&self, at_ms: i64, place: u64, advance: bool, lines: &str) -> ExchangeId {
        let count = lines.lines().filter(|line| !line.starts_with('#')).count() as u64;
        let mut exchange = self.exchange(Kind::Media, LIVE, at_ms);
        exchange.wait_us = Some(0);
        exchange.body = bytes(&format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{place}\n{lines}"
        ));
        exchange.revision = Some(NewRevision {
            advance,
            media_sequence: Some(place as i64),
            segment_count: Some(count as i64),
            last_sequence: Some((place + count) as i64 - 1),
            target_duration_us: Some(4_000_000),
            lie: Some(Lie {
                place,
                step: Step::Slid,
                gained: 0,
            }),
            ..NewRevision::default()
        });
        self.add(exchange).await
    }

    async fn is_written(&self) {
        let other = self.writer.stream("other", "http://o.example/x.m3u8");
        other.await.unwrap();
    }

    async fn vod(&self) -> String {
        let replay = replay(self, 0, AtEnd::Hold);
        let vod = text(get(&replay, "/dvr.m3u8", &[]).await).await;
        let listed = resolved(&replay, &vod).await;
        let without = |line: &&str| !line.starts_with("exchange 0 of") && !line.is_empty();
        let named = |line: &str| match line.starts_with("#EXT-X-MAP") {
            true => format!("#EXT-X-MAP:{}", line.rsplit('/').next().unwrap()),
            false => line.to_owned(),
        };
        let lines: Vec<String> = listed.lines().filter(without).map(named).collect();
        lines.join("\n")
    }
}

const GAP: &str = "#EXTINF:4,\n#EXT-X-GAP\n";

#[tokio::test]
async fn a_gap_that_was_filled_is_there_when_all_is_over_with_what_it_needs() {
    let recording = Recording::start().await;
    let map = |name: &str| format!("#EXT-X-MAP:URI=\"{name}\"\n");
    let old = map("old.mp4");
    let one = format!("{old}#EXTINF:4,\na.ts\n{GAP}lost.ts\n#EXT-X-DISCONTINUITY\n{GAP}c.ts\n");
    let first = recording.window(0, 5, true, &one).await;
    recording
        .fetches(first, Kind::Init, "old.mp4", 0, "OLD")
        .await;
    recording
        .fetches(first, Kind::Segment, "a.ts", 0, "A")
        .await;
    // No new end: under another name, with an initialization section of its own.
    let two = format!(
        "{}#EXTINF:3.5,late\nfound/b.ts\n{old}#EXT-X-DISCONTINUITY\n{GAP}c.ts\n",
        map("new.mp4")
    );
    let second = recording.window(2_000, 6, false, &two).await;
    recording
        .fetches(second, Kind::Init, "new.mp4", 2_000, "NEW")
        .await;
    recording
        .fetches(second, Kind::Segment, "found/b.ts", 2_000, "B")
        .await;
    recording.is_written().await;
    let live = replay(&recording, 0, AtEnd::Hold);
    let said = text(get(&live, "/dvr.m3u8", &[]).await).await;
    assert_eq!(said.matches("#EXT-X-GAP").count(), 2, "{said}");
    // The window begins at what was a gap behind a discontinuity, which is no longer said.
    let three = format!("{old}#EXTINF:4,\nc.ts\n#EXTINF:4,\nd.ts\n{GAP}e.ts\n");
    let third = recording.window(4_000, 7, true, &three).await;
    recording
        .fetches(third, Kind::Segment, "c.ts", 4_000, "C")
        .await;
    recording
        .fetches(third, Kind::Segment, "d.ts", 4_000, "D")
        .await;
    let last = recording
        .window(
            8_000,
            8,
            true,
            "#EXTINF:4,\nd.ts\n#EXT-X-GAP\n#EXTINF:4,\ne.ts\n#EXTINF:4,\na.ts\n",
        )
        .await;
    recording
        .fetches(last, Kind::Segment, "a.ts", 8_000, "A2")
        .await;
    recording.is_written().await;
    let again = text(get(&live, "/dvr.m3u8", &[]).await).await;
    assert!(again.starts_with(&said), "{again}");
    recording.finish().await;
    let wanted = "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:old.mp4\"\n#EXTINF:4,\nA\n\
        #EXT-X-MAP:new.mp4\"\n#EXTINF:3.5,late\nB\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:old.mp4\"\n#EXTINF:4,\nC\n\
        #EXTINF:4,\nD\n#EXTINF:4,\n#EXT-X-GAP\n#EXTINF:4,\nA2\n#EXT-X-ENDLIST";
    assert_eq!(recording.vod().await, wanted);
}

#[tokio::test]
async fn what_came_after_all_patience_is_there_when_all_is_over() {
    let recording = Recording::start().await;
    let keyed = "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x01\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n";
    let first = recording.window(0, 5, true, keyed).await;
    recording
        .fetches(first, Kind::Segment, "a.ts", 0, "A")
        .await;
    let mut failed = Vec::new();
    for (kind, name) in [(Kind::Key, "k"), (Kind::Segment, "b.ts")] {
        let mut exchange = recording.listed(first, kind, name, 0);
        (exchange.status, exchange.body) = (Some(503), bytes("busy"));
        failed.push(recording.add(exchange).await);
    }
    let second = recording
        .window(90_000, 8, true, "#EXTINF:4,\nc.ts\n")
        .await;
    recording
        .fetches(second, Kind::Segment, "c.ts", 90_000, "C")
        .await;
    for (kind, name, content) in [(Kind::Key, "k", "K"), (Kind::Segment, "b.ts", "B")] {
        let mut late = recording.listed(first, kind, name, 100_000);
        late.availability = Availability::Request;
        late.body = bytes(content);
        recording.add(late).await;
    }
    recording.finish().await;
    let vod = recording.vod().await;
    assert!(!vod.contains("#EXT-X-GAP"), "{vod}");
    assert!(
        vod.contains("#EXTINF:4,\nA\n#EXTINF:4,\nB\n#EXT-X-DISCONTINUITY\n"),
        "{vod}"
    );
}

#[tokio::test]
async fn a_gap_that_becomes_a_slate_is_that_slate() {
    let recording = Recording::start().await;
    let first = recording
        .window(
            0,
            5,
            true,
            &format!("#EXTINF:4,\nslate.ts\n{GAP}b.ts\n{GAP}c.ts\n#EXTINF:4,\nd.ts\n"),
        )
        .await;
    recording
        .fetches(first, Kind::Segment, "slate.ts", 0, "SLATE")
        .await;
    recording
        .fetches(first, Kind::Segment, "d.ts", 0, "D")
        .await;
    recording
        .window(
            2_000,
            6,
            false,
            &format!("#EXTINF:4,\nslate.ts\n{GAP}c.ts\n#EXTINF:4,\nd.ts\n"),
        )
        .await;
    recording.finish().await;
    let wanted = format!(
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\nSLATE\n#EXTINF:4,\nSLATE\n{GAP}#EXTINF:4,\nD\n#EXT-X-ENDLIST"
    );
    assert_eq!(recording.vod().await, wanted);
}
