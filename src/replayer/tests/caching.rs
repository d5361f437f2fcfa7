//! What caches are told: the origin's word where a URL keeps its meaning.

use super::*;

/// In an old form, so that whoever writes it anew is found out.
const EXPIRES: &str = "Friday, 20-Nov-26 12:00:00 GMT";

/// The lines of the fields that caches obey, in order: Cache-Control, Expires, Age.
fn cache_fields(response: &Response<Body>) -> Vec<String> {
    let lines = |name| {
        let values = response.headers().get_all(name).iter();
        values.map(move |value| format!("{name}: {}", value.to_str().unwrap()))
    };
    let names = ["cache-control", "expires", "age"];
    names.into_iter().flat_map(lines).collect()
}

/// A recording of one main playlist with a status and header fields, and its replay.
async fn answered_with(status: u16, fields: &[(&str, &str)]) -> (Recording, Arc<Replay>) {
    let recording = Recording::start().await;
    let mut exchange = recording.exchange(Kind::Main, MAIN, 0);
    exchange.status = Some(status);
    exchange.headers = Some(headers(fields));
    exchange.body = bytes("#EXTM3U\n#EXTINF:4,\ns1.ts\n");
    recording.add(exchange).await;
    recording.finish().await;
    let replay = replay(&recording, 1_000, AtEnd::Hold);
    (recording, replay)
}

#[tokio::test]
async fn on_urls_that_keep_their_meaning_caches_are_told_what_the_origin_told_them() {
    let sent = [
        ("cache-control", "max-age=60,  immutable"),
        ("expires", EXPIRES),
        ("cache-control", "s-maxage=\"9"),
        ("age", "017"),
    ];
    let wanted = [
        "cache-control: max-age=60,  immutable",
        "cache-control: s-maxage=\"9",
        &format!("expires: {EXPIRES}"),
        "age: 017",
    ];
    for status in [200, 301, 404, 503] {
        let (_recording, replay) = answered_with(status, &sent).await;
        let origin = path(MAIN);
        let now_us = replay.receive(request(Method::GET, "/", &[])).now_us;
        let clock = format!("/@{}", now_us / 1000 - 500);
        for url in [
            origin.clone(),
            format!("{clock}{origin}"),
            format!("{clock}/stream.m3u8"),
            format!("{clock}/hall%201/stream.m3u8"),
        ] {
            assert_eq!(
                cache_fields(&get(&replay, &url, &[]).await),
                wanted,
                "{status} {url}"
            );
        }
        for url in ["/stream.m3u8", "/hall%201/stream.m3u8"] {
            assert_eq!(
                cache_fields(&get(&replay, url, &[]).await),
                ["cache-control: no-cache"],
                "{status} {url}: another recording may have this name tomorrow"
            );
        }
    }
}

#[tokio::test]
async fn what_an_origin_said_by_dates_is_said_in_seconds_however_late_it_is_replayed() {
    const DATE: (&str, &str) = ("date", "Fri, 20 Nov 2026 12:00:30 GMT");
    const MODIFIED: (&str, &str) = ("last-modified", "Fri, 20 Nov 2026 12:00:28 GMT");
    const LONG_AGO: (&str, &str) = ("last-modified", "Fri, 20 Nov 2026 11:00:30 GMT");
    const LATER: (&str, &str) = ("expires", "Fri, 20 Nov 2026 12:01:30 GMT");
    const GONE: (&str, &str) = ("expires", EXPIRES);
    for (status, sent, wanted) in [
        (200, &[DATE, MODIFIED][..], Some("max-age=0")),
        (200, &[DATE, LONG_AGO], Some("max-age=360")),
        (200, &[DATE, LONG_AGO, LATER], Some("max-age=60")),
        (404, &[DATE, LATER], Some("max-age=60")),
        (200, &[DATE, GONE], Some("max-age=0")),
        (200, &[DATE, LONG_AGO, ("expires", "0")], Some("max-age=0")),
        (404, &[DATE, LONG_AGO], None),
        (200, &[DATE, ("last-modified", "of late")], None),
        (200, &[DATE, LATER, ("cache-control", "Max-Age=5")], None),
        (
            200,
            &[LONG_AGO, ("cache-control", "public, no-cache")],
            None,
        ),
    ] {
        let (_recording, replay) = answered_with(status, sent).await;
        let answer = get(&replay, &path(MAIN), &[]).await;
        let said = cache_fields(&answer);
        let added = said.iter().find(|line| line.contains(": max-age="));
        let wanted = wanted.map(|seconds| format!("cache-control: {seconds}"));
        assert_eq!(added, wanted.as_ref(), "{status} {sent:?}: {said:?}");
    }
}

#[tokio::test]
async fn where_the_origin_said_nothing_only_what_is_kept_for_ever_is_not_to_be_kept() {
    for (status, wanted) in [
        (200, &[][..]),
        (302, &[]),
        (404, &[]),
        (301, &["cache-control: no-cache"]),
        (308, &["cache-control: no-cache"]),
        (410, &["cache-control: no-cache"]),
    ] {
        let (_recording, replay) = answered_with(status, &[]).await;
        let response = get(&replay, &path(MAIN), &[]).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(cache_fields(&response), wanted, "{status}");
    }
}

#[tokio::test]
async fn an_unchanged_playlist_comes_with_the_same_word() {
    let sent = [("cache-control", "max-age=60"), ("etag", "\"v1\"")];
    let (_recording, replay) = answered_with(200, &sent).await;
    let same = get(&replay, &path(MAIN), &[("if-none-match", "\"v1\"")]).await;
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(cache_fields(&same), ["cache-control: max-age=60"]);
}

#[tokio::test]
async fn an_expiry_is_moved_with_the_other_dates() {
    let (recording, _) = answered_with(200, &[("expires", EXPIRES)]).await;
    let options = Options {
        dates: Dates::Shifted,
        ..Options::default()
    };
    let clock = format!("/@{}{}", recording.zero_us / 1000 - 60_000, path(MAIN));
    let shifted = get(&open(&recording, options), &clock, &[]).await;
    assert_eq!(
        cache_fields(&shifted),
        [
            "cache-control: max-age=0",
            "expires: Fri, 20 Nov 2026 11:59:00 GMT"
        ]
    );
}
