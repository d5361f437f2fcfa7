//! Good answers.

use super::*;

#[tokio::test]
async fn a_stream_is_its_playlist_with_paths_of_its_own() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    for (path, up) in [("/stream.m3u8", ""), ("/hall%201/stream.m3u8", "../")] {
        let response = get(&replay, path, &[("origin", "http://player.example")]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(field(&response, "content-type"), "application/x-mpegurl");
        assert_eq!(field(&response, "access-control-allow-origin"), "*");
        assert_eq!(field(&response, "x-isrecorder-exchange"), "1");
        assert!(field(&response, "x-isrecorder-session-time").starts_with("5."));
        assert_eq!(field(&response, "set-cookie"), "");
        let media = format!("{up}http/origin.example:80/live/v1/a");
        let wanted = MULTIVARIANT.replace("v1/a", &media);
        assert_eq!(text(response).await, wanted);
    }
    assert_eq!(
        get(&replay, "/hall/stream.m3u8", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_relative_playlist_keeps_its_bytes() {
    let recording = channel().await;
    recording.finish().await;
    let response = get(&replay(&recording, 5_000, AtEnd::Hold), &path(MEDIA), &[]).await;
    assert_eq!(text(response).await, "#EXTM3U\n#EXTINF:4,\ns1.ts\n");
    let late = replay(&recording, 11_000, AtEnd::Hold);
    let response = get(&late, &path(MEDIA), &[]).await;
    let tag = field(&response, "etag").to_owned();
    assert_eq!(
        text(response).await,
        "#EXTM3U\n#EXTINF:4,\n../../../../https/cdn.example:443/s2.ts\n"
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
    assert_eq!(field(&whole, "content-length"), "10");
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
        .respond(&replay.receive(request(
            Method::HEAD,
            &path(SEGMENT),
            &[("range", "bytes=1-2")],
        )))
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
async fn an_offset_is_a_redirect_to_a_clock() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Endlist);
    let response = get(&replay, "/stream.m3u8?offset=12", &[]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = led("/stream.m3u8", field(&response, "location"));
    let (prefix, rest) = location.split_at(location[1..].find('/').unwrap() + 1);
    assert_eq!(rest, "/stream.m3u8");
    let stream = get(&replay, &location, &[]).await;
    assert!(field(&stream, "x-isrecorder-session-time").starts_with("12."));
    assert!(
        text(stream)
            .await
            .contains("\nhttp/origin.example:80/live/v1/a.m3u8\n")
    );
    let media = get(&replay, &format!("{prefix}{}", path(MEDIA)), &[]).await;
    assert!(
        text(media)
            .await
            .contains("\n../../../../https/cdn.example:443/s2.ts\n")
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
async fn an_offset_longer_than_any_recording_is_refused() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 0, AtEnd::Hold);
    let response = get(&replay, "/stream.m3u8?offset=100y", &[]).await;
    assert_eq!(response.status().as_u16(), 400);
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
    let past = get(&replay, &path(url), &[("range", "bytes=99-")]).await;
    assert_eq!(
        (past.status().as_u16(), field(&past, "content-range")),
        (416, "bytes */30")
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
        assert!(media.ends_with("\n../../segments/s1.ts\n"), "{media}");
    }
}

#[tokio::test]
async fn the_index_says_what_there_is() {
    let recording = channel().await;
    recording.finish().await;
    let replay = replay(&recording, 5_000, AtEnd::Hold);
    let page = get(&replay, "/", &[]).await;
    assert!(field(&page, "content-security-policy").starts_with("default-src 'self'"));
    assert!(
        text(page)
            .await
            .contains("<a href=\"hall%201/stream.m3u8\">hall 1</a>")
    );
    for (path, accept) in [("/?format=json", "*/*"), ("/", "application/json")] {
        let json: serde_json::Value =
            serde_json::from_str(&text(get(&replay, path, &[("accept", accept)]).await).await)
                .unwrap();
        let media = json["streams"][0]["playlists"][0]["path"].as_str();
        assert_eq!(led(path, media.unwrap()), path_of_media());
    }
    let preflight = replay
        .respond(&replay.receive(request(Method::OPTIONS, "/x", &[])))
        .await
        .response
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    let post = replay
        .respond(&replay.receive(request(Method::POST, "/", &[])))
        .await
        .response
        .unwrap();
    assert_eq!(
        (post.status().as_u16(), field(&post, "allow")),
        (405, "GET, HEAD, OPTIONS")
    );
}

#[tokio::test]
async fn a_stream_that_takes_variables_from_its_query_is_at_its_own_url() {
    let recording = channel().await;
    let defining = "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv1/a.m3u8?t={$t}\n";
    recording
        .text(Kind::Main, MAIN, 20_000, defining, &[])
        .await;
    recording.finish().await;
    let replay = replay(&recording, 25_000, AtEnd::Hold);
    let stream = get(&replay, "/stream.m3u8", &[]).await;
    assert_eq!(
        (stream.status().as_u16(), field(&stream, "location")),
        (302, path(MAIN).trim_start_matches('/'))
    );
    assert_eq!(text(get(&replay, &path(MAIN), &[]).await).await, defining);
}

#[tokio::test]
async fn dates_are_moved_to_now_on_the_clock_of_the_request() {
    let recording = Recording::start().await;
    let zero = chrono::DateTime::from_timestamp_micros(recording.zero_us).unwrap();
    let dated = |at: chrono::DateTime<chrono::Utc>| {
        let date = at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        format!("#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF:4,\ns1.ts\n")
    };
    let body = dated(zero);
    recording.text(Kind::Media, MEDIA, 0, &body, &[]).await;
    recording.finish().await;
    let options = Options {
        dates: Dates::Shifted,
        ..Options::default()
    };
    let shifted = open(&recording, options);
    for later_ms in [0, 3_600_000] {
        let clock = zero.timestamp_millis() - 10_000_000 + later_ms;
        let path = format!("/@{clock}{}", path(MEDIA));
        let wanted = dated(chrono::DateTime::from_timestamp_millis(clock).unwrap());
        let reply = shifted
            .respond(&shifted.receive(request(Method::GET, &path, &[])))
            .await;
        assert_eq!(reply.done, ["shifted"]);
        assert_eq!(text(reply.response.unwrap()).await, wanted);
        let recorded = replay(&recording, 0, AtEnd::Hold);
        assert_eq!(text(get(&recorded, &path, &[]).await).await, body);
    }
}

#[tokio::test]
async fn fields_that_players_act_on_are_those_of_the_origin() {
    let recording = Recording::start().await;
    let modified = "Fri, 20 Nov 2020 12:00:00 GMT";
    let fields = [
        ("content-type", "text/plain"),
        ("age", "17"),
        ("last-modified", modified),
        ("etag", "W/\"v1\""),
        ("set-cookie", "a=b"),
    ];
    let list = "#EXTM3U\n#EXTINF:4,\ns1.ts\n";
    recording.text(Kind::Media, MEDIA, 0, list, &fields).await;
    recording.finish().await;
    let first = get(&replay(&recording, 1_000, AtEnd::Hold), &path(MEDIA), &[]).await;
    for (name, value) in &fields[..4] {
        assert_eq!(field(&first, name), *value);
    }
    assert_eq!(field(&first, "set-cookie"), "");
    let exposed = field(&first, "access-control-expose-headers");
    for name in ["Age", "ETag", "Expires", "Last-Modified", "Retry-After"] {
        assert!(exposed.split(", ").any(|one| one == name), "{name}");
    }
    let ask = [("if-none-match", "\"v1\"")];
    let same = get(&replay(&recording, 1_000, AtEnd::Hold), &path(MEDIA), &ask).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(
        (field(&same, "etag"), field(&same, "last-modified")),
        ("W/\"v1\"", modified)
    );
    let ended = get(
        &replay(&recording, 60_000, AtEnd::Endlist),
        &path(MEDIA),
        &ask,
    )
    .await;
    assert_eq!(ended.status(), StatusCode::OK, "an end was added");
    let own = field(&ended, "etag");
    assert!(own.len() == 34 && own != "W/\"v1\"", "{own}");
    let options = Options {
        dates: Dates::Shifted,
        ..Options::default()
    };
    let clock = format!("/@{}{}", recording.zero_us / 1000 - 60_000, path(MEDIA));
    let shifted = get(&open(&recording, options), &clock, &[]).await;
    assert_eq!(
        field(&shifted, "last-modified"),
        "Fri, 20 Nov 2020 11:59:00 GMT"
    );
}

#[tokio::test]
async fn what_the_origin_gave_no_tag_has_none() {
    let recording = Recording::start().await;
    let list = "#EXTM3U\n#EXTINF:4,\ns1.ts\n";
    recording.text(Kind::Media, MEDIA, 0, list, &[]).await;
    recording.chunk(SEGMENT, 0, b"0123456789").await;
    recording.finish().await;
    let ask = [
        ("if-none-match", "*"),
        ("if-range", "\"x\""),
        ("range", "bytes=2-4"),
    ];
    for (url, at_end) in [
        (MEDIA, AtEnd::Hold),
        (MEDIA, AtEnd::Endlist),
        (SEGMENT, AtEnd::Hold),
    ] {
        let response = get(&replay(&recording, 60_000, at_end), &path(url), &ask).await;
        assert_eq!(
            (response.status(), field(&response, "etag")),
            (StatusCode::OK, ""),
            "{url}"
        );
    }
}
