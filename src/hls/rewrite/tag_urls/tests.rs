//! URLs in tags, wherever they stand.

use super::*;
use crate::hls::testing::{any_body, playlist_text};
use proptest::prelude::*;

fn found(line: &str) -> Vec<&str> {
    let others = references(line.as_bytes());
    let others = others.filter(|uri| matches!(uri.role, UriRole::Named | UriRole::Text));
    others.map(|uri| &line[uri.span]).collect()
}

#[test]
fn base64_that_begins_with_two_slashes_is_no_url() {
    for text in ["//uQZAAA/x==", "//8=", "//"] {
        assert_eq!(
            url_text(UriRole::Text, Cow::Borrowed(text), text),
            None,
            "{text}"
        );
    }
    for text in [
        "//h.example/a",
        "//localhost/a",
        "//h:80/a",
        "//h/a",
        "//h/a?b",
        "//[::1]/a",
        "https://h/a",
    ] {
        assert!(
            url_text(UriRole::Text, Cow::Borrowed(text), text).is_some(),
            "{text}"
        );
    }
}

#[test]
fn absolute_urls_are_found_wherever_they_stand_in_a_tag() {
    let cases: [(&str, &[&str]); 18] = [
        ("#EXT-X-LOGO:https://h/a.png", &["https://h/a.png"]),
        ("#EXT-X-LOGO: HTTP://h/a,b", &["HTTP://h/a"]),
        ("#EXT-X-AD:1,//h/a", &["//h/a"]),
        (
            "#EXT-X-AD:URI=http://h/a?b=http://i/",
            &["http://h/a?b=http://i/"],
        ),
        ("#EXT-X-AD:X-A=\"http://h/a,b c\"", &["http://h/a"]),
        (
            "#EXT-X-AD:X-A=\"http://h/a,b\",X-B=\"//h\"",
            &["http://h/a,b", "//h"],
        ),
        (
            "#EXT-X-AD:A=\"http://h/a|https://i/b\"",
            &["http://h/a", "https://i/b"],
        ),
        (
            "#EXT-X-AD:A=\"http://h/a,https://i/b\"",
            &["http://h/a", "https://i/b"],
        ),
        (
            "#EXT-X-AD:A=http://h/a;https://i/b",
            &["http://h/a", "https://i/b"],
        ),
        ("#EXT-X-AD:A=\"see http://h/a.\"", &["http://h/a."]),
        (
            "#EXT-X-AD:{\"u\":\"http:\\/\\/h\\/a\",v:https://i}",
            &["http:\\/\\/h\\/a", "https://i"],
        ),
        (
            "#EXT-X-AD:A='http://h/a',B=\"<https://i>\"",
            &["http://h/a", "https://i"],
        ),
        ("#EXT-X-AD:A=\"{$b}/c\",B={$c},C={d}", &["{$b}/c", "{$c}"]),
        (
            "#EXTM3U x-tvg-url=\"https://h/g.xml\"",
            &["https://h/g.xml"],
        ),
        (
            "#EXTINF:-1 tvg-name=\"a, b\" tvg-logo=\"http://h/l.png\",http://t/",
            &["http://h/l.png"],
        ),
        ("#EXTINF:6 a=\"http://h/,http://t/", &["http://h/"]),
        ("#EXT-X-A:\"//i/a,URI=http://h/b", &["//i/a", "http://h/b"]),
        (
            "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=\"a\",X-B-URI=\"b\",X-C-URL=\"c\"",
            &["b", "c"],
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(found(line), expected, "{line}");
    }
}

#[test]
fn what_nobody_follows_stays() {
    for line in [
        "# http://h/a",
        "#http://h/a",
        "#EXTINF:6,http://h/a",
        "#EXTINF:6.0,\"http://h/a\" URI=\"b\"",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"https://h\"",
        "#EXT-X-DATERANGE:CLASS=\"https://h/c\",X-SCHEME-ID-URI=\"http://h/d\"",
        "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\",KEYFORMAT=\"http://h\"",
        "#EXT-X-AD:A=\"b?c=https://h/\",B=xhttp://h/,C=\"a//b\",D=\"https\"",
        "#EXT-X-AD:URI=\"\"",
    ] {
        assert_eq!(found(line), [""; 0], "{line}");
    }
}

proptest! {
    #[test]
    fn they_ascend_and_are_never_empty(body in any_body(), text in playlist_text(), tag in "#EXT-X-A:[A-C=\",;|{}$ ]{0,6}(https?:|//|/|\\\\|URI=|[\"',=;{}$ ]){0,12}") {
        for body in [&body[..], text.as_bytes(), tag.as_bytes()] {
            let mut behind = 0;
            for uri in references(body) {
                prop_assert!(behind <= uri.span.start && uri.span.start < uri.span.end);
                behind = uri.span.end;
            }
            prop_assert!(behind <= body.len());
            let known = crate::hls::uris(body);
            let all: Vec<UriRef> = references(body).collect();
            prop_assert!(known.into_iter().all(|uri| all.contains(&uri)));
        }
    }
}
