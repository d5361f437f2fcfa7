//! URIs of playlists, replaced.

use super::*;
use crate::hls::testing::{any_body, playlist_text, url};
use crate::hls::{origin_url, replay_path, uris};
use proptest::prelude::*;

const ORIGIN: &str = "https://cdn.example/live/ch1/index.m3u8?b=2";
const SERVED: &str = "http://replay.test/https/cdn.example:443/live/ch1/index.m3u8?b=2";

fn rewritten_at(body: &[u8], served: &str, path: &dyn Fn(&Url) -> Option<String>) -> Vec<u8> {
    let imports = Variables::default();
    let place = Place {
        origin: &url(ORIGIN),
        served: &url(served),
        imports: &imports,
    };
    rewrite(body, &place, path).into_owned()
}

fn rewritten(body: &str) -> String {
    String::from_utf8(rewritten_at(body.as_bytes(), SERVED, &replay_path)).unwrap()
}

#[test]
fn references_that_stay_keep_their_bytes() {
    let body = "#EXTM3U\r\n#EXTINF:6, https://title/\r\n seg1.ts \r\n../ch2/./seg%20[1]|'.ts?x=ä#t=1\n\
        ?only=query\n#EXT-X-KEY:METHOD=AES-128,URI=\"data:,x\"\nrtmp://h/x\n\
        # https://comment/\n#EXT-X-IMAGE-STREAM-INF:URI=\"i.m3u8\"\n#EXT-X-OTHER:A=\"b/c\"";
    assert_eq!(rewritten(body), body);
}

#[test]
fn no_tag_leads_away_whether_it_is_known_or_not() {
    let cases = [
        (
            "#EXT-X-IMAGE-STREAM-INF:URI=\"https://i/a\"",
            "#EXT-X-IMAGE-STREAM-INF:URI=\"../../../i:443/a\"",
        ),
        (
            "#EXT-X-LOGO:http://i/a,b",
            "#EXT-X-LOGO:../../../../http/i:80/a,b",
        ),
        (
            "#EXTM3U url=\"//i/a b\"",
            "#EXTM3U url=\"../../../i:443/a b\"",
        ),
        (
            "#EXTINF:1 logo=\"https://cdn.example/live/ch1/a:b\",http://t",
            "#EXTINF:1 logo=\"./a:b\",http://t",
        ),
        (
            "#EXT-X-AD:{\"a\":\"https:\\/\\/i\\/a\"}",
            "#EXT-X-AD:{\"a\":\"../../../i:443/a\"}",
        ),
        (
            "#EXT-X-AD:A=\"{$h}/a\",B=\"{$b} c\"",
            "#EXT-X-AD:A=\"../../../i:443/a\",B=\"{$b} c\"",
        ),
        (
            "#EXT-X-AD:A=\"https://{$b}/a\"",
            "#EXT-X-AD:A=\"../../../two:443/a\"",
        ),
    ];
    let define =
        "#EXT-X-DEFINE:NAME=\"h\",VALUE=\"https://i\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"two\"\n";
    for (written, expected) in cases {
        let replaced = rewritten(&format!("{define}{written}\n"));
        assert_eq!(replaced, format!("{define}{expected}\n"));
    }
    let elsewhere = "http://replay.test/stream.m3u8";
    let replaced = rewritten_at(b"#EXT-X-AD:X-URI=\"a\",X-B=\"a\"", elsewhere, &replay_path);
    let replaced = String::from_utf8(replaced).unwrap();
    assert_eq!(
        replaced,
        "#EXT-X-AD:X-URI=\"https/cdn.example:443/live/ch1/a\",X-B=\"a\""
    );
}

#[test]
fn references_that_lead_away_are_replaced() {
    let cases = [
        ("https://cdn.example/live/ch1/a.ts", "a.ts"),
        (
            "HTTP://Other.example:81/a?x=1#t=2",
            "../../../../http/other.example:81/a?x=1#t=2",
        ),
        (
            "//other.example/a,b.ts",
            "../../../other.example:443/a,b.ts",
        ),
        ("/root.ts", "../../root.ts"),
        ("../../../../up.ts", "../../up.ts"),
        ("https://u:p@h/a", "../../../h:443/a"),
        ("https:rel.ts", "rel.ts"),
        ("\\\\other\\a.ts", "../../../other:443/a.ts"),
        ("ht\ttps://h/a", "../../../h:443/a"),
        ("http://replay.test/x", "../../../../http/replay.test:80/x"),
    ];
    for (written, expected) in cases {
        assert_eq!(
            rewritten(&format!("#EXTM3U\n{written}\r\n#")),
            format!("#EXTM3U\n{expected}\r\n#")
        );
    }
}

#[test]
fn only_the_bytes_between_the_quotes_are_replaced() {
    assert_eq!(
        rewritten("#EXT-X-MAP:BYTERANGE=\"1@0\", URI=\"/i.mp4\" ,X=1\n"),
        "#EXT-X-MAP:BYTERANGE=\"1@0\", URI=\"../../i.mp4\" ,X=1\n"
    );
    assert_eq!(
        rewritten("#EXT-X-MAP:URI=http://h\n#EXT-X-MAP:URI=\"http://h/a"),
        "#EXT-X-MAP:URI=../../../../http/h:80/\n#EXT-X-MAP:URI=\"../../../../http/h:80/a"
    );
}

#[test]
fn variables_that_give_the_player_the_same_stay() {
    let same = "#EXT-X-DEFINE:QUERYPARAM=\"b\"\ns.ts?b={$b}\n{$undefined}.ts\n";
    assert_eq!(rewritten(same), same);
    let define = "#EXT-X-DEFINE:NAME=\"h\",VALUE=\"//h\"\n";
    assert_eq!(
        rewritten(&format!("{define}{{$h}}/s.ts\n")),
        format!("{define}../../../h:443/s.ts\n")
    );
    let elsewhere = SERVED.replace("b=2", "b=3");
    let replaced = rewritten_at(same.as_bytes(), &elsewhere, &replay_path);
    assert!(replaced.ends_with(b"\ns.ts?b=2\n{$undefined}.ts\n"));
}

#[test]
fn served_elsewhere_every_relative_reference_is_replaced() {
    let body = b"#EXTM3U\nseg1.ts\n";
    let replaced = rewritten_at(body, "http://replay.test/stream.m3u8", &replay_path);
    assert_eq!(
        replaced,
        b"#EXTM3U\nhttps/cdn.example:443/live/ch1/seg1.ts\n"
    );
}

#[test]
fn a_path_cannot_break_out_of_its_place() {
    let hostile = |_: &Url| Some("/a\"\r\n#EXT {$x},\u{e4}".to_owned());
    let define = "#EXT-X-DEFINE:NAME=\"x\",VALUE=\"y\"\n";
    let body = format!("{define}#EXT-X-KEY:URI=k,IV=1\n#EXT-X-KEY:URI=\"k\"\nk\n");
    let replaced = rewritten_at(body.as_bytes(), SERVED, &hostile);
    let path = "../../../../a%22%0D%0A#EXT%20%7B$x},%C3%A4";
    let expected =
        format!("{define}#EXT-X-KEY:URI=\"{path}\",IV=1\n#EXT-X-KEY:URI=\"{path}\"\n{path}\n");
    assert_eq!(String::from_utf8_lossy(&replaced), expected);
}

#[test]
fn bytes_that_are_no_utf8_are_replaced_only_where_they_lead_away() {
    let body = b"#EXTM3U\n\xE4.ts\nhttp://h/\xE4.ts\n";
    let replaced = rewritten_at(body, SERVED, &replay_path);
    assert_eq!(
        replaced,
        b"#EXTM3U\n\xE4.ts\n../../../../http/h:80/%E4.ts\n"
    );
}

/// What stands around the URIs; without quotes, which a replacement may bring along.
fn around(body: &str) -> Vec<String> {
    let mut at = 0;
    let mut pieces: Vec<_> = uris(body.as_bytes())
        .map(|uri| {
            let piece = &body[at..uri.span.start];
            at = uri.span.end;
            piece.replace('"', "")
        })
        .collect();
    pieces.push(body[at..].replace('"', ""));
    pieces
}

proptest! {
    #[test]
    fn without_paths_nothing_changes(body in any_body(), text in playlist_text()) {
        prop_assert_eq!(&rewritten_at(&body, SERVED, &|_| None), &body);
        prop_assert_eq!(rewritten_at(text.as_bytes(), SERVED, &|_| None), text.as_bytes());
    }

    #[test]
    fn every_reference_leads_into_the_replay(text in playlist_text()) {
        let replaced = rewritten(&text);
        let is_known = |uri: &UriRef| !matches!(uri.role, UriRole::Named | UriRole::Text);
        if references(text.as_bytes()).all(|uri| is_known(&uri)) {
            prop_assert_eq!(around(&text), around(&replaced));
        }
        let (origin, served, none) = (url(ORIGIN), url(SERVED), Variables::default());
        let before = Variables::read(text.as_bytes(), &origin, &none);
        let after = Variables::read(replaced.as_bytes(), &served, &none);
        for (old, new) in uris(text.as_bytes()).zip(uris(replaced.as_bytes())) {
            let meant = Resolver::new(&origin, &before).resolve(&text[old.span]);
            let Ok(meant) = meant else { continue };
            let got = Resolver::new(&served, &after).resolve(&replaced[new.span]).unwrap();
            prop_assert_eq!(got.host_str(), Some("replay.test"));
            let path = &got[Position::BeforePath..Position::AfterQuery];
            let wanted = replay_path(&meant).unwrap();
            prop_assert_eq!(path, &wanted);
            prop_assert_eq!(got.fragment(), meant.fragment());
            prop_assert!(origin_url(path).is_some());
        }
    }

    #[test]
    fn what_is_replaced_leads_into_the_replay_behind_any_prefix(text in playlist_text()) {
        let imports = Variables::default();
        for path in ["/@5/stream.m3u8", "/stream.m3u8", &SERVED["http://replay.test".len()..]] {
            let (origin, served) = (url(ORIGIN), url(&format!("http://replay.test{path}")));
            let place = Place { origin: &origin, served: &served, imports: &imports };
            let behind = url(&format!("http://proxy.test/lab/x{path}"));
            for made in replacements(text.as_bytes(), &place, &replay_path) {
                let got = behind.join(made.text.trim_matches('"')).unwrap();
                let inside = got.as_str().strip_prefix("http://proxy.test/lab/x");
                let mut asked = url(&format!("http://h{}", inside.unwrap_or("/")));
                asked.set_fragment(None);
                let asked = &asked[Position::BeforePath..];
                prop_assert!(origin_url(asked).is_some(), "{} at {}", made.text, path);
            }
        }
    }

    #[test]
    fn plain_references_resolve_alike(reference in "[a-z0-9./?=,;~_-]{1,16}") {
        if !is_plain(reference.as_bytes()) {
            return Ok(());
        }
        let wanted = url(ORIGIN).join(&reference).ok().and_then(|u| replay_path(&u));
        let got = url(SERVED).join(&reference).unwrap();
        let got = &got[Position::BeforePath..Position::AfterQuery];
        prop_assert_eq!(Some(got), wanted.as_deref());
    }
}
