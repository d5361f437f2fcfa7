//! What the tests of this module share: URLs, and texts to throw at the scanner.

use proptest::prelude::*;
use url::Url;

/// A URL that is known to be one.
pub fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Any bytes, some of them in the shape of lines.
pub fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"#EXTM3U\n".to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        Just(b"\n#EXT-X-KEY:URI=\"".to_vec()),
        Just(b"\n#EXT-X-MAP:BYTERANGE=".to_vec()),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

/// References of every shape, sane and not.
pub fn reference() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9]{1,8}\\.(ts|m3u8|mp4)(\\?[a-z=&0-9]{0,8})?",
        2 => "https?://[a-z]{1,4}\\.example(:[0-9]{2,4})?/[a-z/.%]{0,12}",
        1 => "//[a-z]{1,4}\\.example/[a-z/]{0,8}",
        1 => "/[a-z/.]{0,12}",
        1 => "(\\.\\./){1,5}[a-z]{1,4}",
        1 => "[\\{\\}$a-c/:?#@\\[\\]|'%\\\\ ,=~-]{1,12}",
        1 => "(skd|data|rtmp|HTTP|https):[a-z/,]{0,8}",
        1 => "\\PC{0,12}",
    ]
}

/// Texts in the shape of playlists: real tags with real and odd values, in any order.
pub fn playlist_text() -> impl Strategy<Value = String> {
    let number = prop_oneof!["[0-9]{1,3}", "[0-9.@-]{0,24}", "-1|NaN|inf|1e9"];
    let simple = (
        prop::sample::select(vec![
            "#EXT-X-TARGETDURATION",
            "#EXT-X-MEDIA-SEQUENCE",
            "#EXT-X-DISCONTINUITY-SEQUENCE",
            "#EXTINF",
            "#EXT-X-BYTERANGE",
            "#EXT-X-PART-INF:PART-TARGET=",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=",
        ]),
        number,
    )
        .prop_map(|(tag, number)| format!("{tag}:{number},"));
    let with_uri = (
        prop::sample::select(vec![
            "#EXT-X-KEY:METHOD=AES-128,URI=",
            "#EXT-X-KEY:METHOD=SAMPLE-AES,KEYFORMAT=\"x\",URI=",
            "#EXT-X-MAP:BYTERANGE=\"5@1\", URI=",
            "#EXT-X-PART:DURATION=1,URI=",
            "#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a\",URI=",
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=",
            "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=",
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=",
            "#EXT-X-DATERANGE:ID=\"1\",X-ASSET-URI=",
            "#EXT-X-CONTENT-STEERING:SERVER-URI=",
        ]),
        reference(),
        any::<bool>(),
    )
        .prop_map(|(tag, uri, quoted)| match quoted {
            true => format!("{tag}\"{uri}\""),
            false => format!("{tag}{uri}"),
        });
    let fixed = prop::sample::select(vec![
        "#EXTM3U",
        "#EXT-X-ENDLIST",
        "#EXT-X-GAP",
        "#EXT-X-KEY:METHOD=NONE",
        "#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"//b.example\"",
        "#EXT-X-DEFINE:QUERYPARAM=\"b\"",
        "#EXT-X-DEFINE:IMPORT=\"c\"",
        "# comment",
        "",
    ])
    .prop_map(str::to_owned);
    let line = prop_oneof![3 => reference(), 2 => simple, 3 => with_uri, 3 => fixed];
    let ending = prop::sample::select(vec!["\n", "\n", "\n", "\r\n", "\r", " \n", "\""]);
    prop::collection::vec((line, ending), 0..25)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}
