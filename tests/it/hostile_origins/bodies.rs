//! Bodies that are more than they seem: bombs, codings laid over one another, lies about them.

use std::io::Write;

use super::{As, Case, Trial};
use crate::support::Reply;

/// More than a playlist may have, decoded, by default.
const BOMB: usize = 20 * 1024 * 1024;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 22);
    encoder.write_all(plain).unwrap();
    encoder.into_inner()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

type Coder = fn(&[u8]) -> Vec<u8>;

const CODERS: [(&str, Coder); 5] = [
    ("gzip", gzip),
    ("deflate", deflate),
    ("deflate", raw_deflate),
    ("br", brotli),
    ("zstd", zstd),
];

fn playlist(coding: &str, body: Vec<u8>) -> Reply {
    Reply::playlist(body).with("Content-Encoding", coding)
}

fn cases() -> Vec<Case> {
    let text = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n".to_vec();
    let mut bomb = text.clone();
    bomb.resize(BOMB, b'\n');
    let mut cases = Vec::new();
    for (n, (coding, coder)) in CODERS.iter().enumerate() {
        let whole = coder(&text);
        let packed = coder(&bomb);
        let twice = gzip(&packed);
        let mut trailing = whole.clone();
        trailing.extend([0xaa; 50]);
        let all = [
            ("whole", (200, "complete"), playlist(coding, whole.clone())),
            ("bomb", (200, "too large"), playlist(coding, packed.clone())),
            (
                "bomb in a bomb",
                (200, "too large"),
                playlist(&format!("{coding}, gzip"), twice),
            ),
            (
                "cut",
                (200, "encoding"),
                playlist(coding, whole[..whole.len() - 5].to_vec()),
            ),
            (
                "none of it",
                (200, "encoding"),
                playlist(coding, b"#EXTM3U\n".to_vec()),
            ),
            (
                "fields apart",
                (200, "complete"),
                playlist(coding, gzip(&whole)).with("Content-Encoding", "gzip"),
            ),
        ];
        cases.extend(
            all.map(|(name, row, reply)| Case::new(&format!("{name} {coding} {n}"), row, reply)),
        );
    }
    let mut deep = text.clone();
    for _ in 0..60 {
        deep = gzip(&deep);
    }
    let codings = |count: usize| vec!["gzip"; count].join(", ");
    cases.extend([
        Case::new(
            "sixty deep",
            (200, "encoding"),
            playlist(&codings(60), deep),
        ),
        Case::new(
            "members",
            (200, "complete"),
            playlist("gzip", [gzip(&text), gzip(b"#EXT-X-VERSION:6\n")].concat()),
        ),
        Case::new(
            "many empty members",
            (200, "complete"),
            playlist("gzip", [gzip(&text), gzip(b"").repeat(20_000)].concat()),
        ),
        Case::new(
            "unknown, and plain",
            (200, "complete"),
            playlist("compress", text.clone()),
        ),
        Case::new(
            "unknown",
            (200, "encoding"),
            playlist("compress", b"\x1f\x9d\x90#EXTM3U".to_vec()),
        ),
        // No header field: it is as if it were not there.
        Case::new(
            "escapes",
            (200, "complete"),
            playlist("\x1b]0;x\x07", text.clone()),
        ),
        Case::new(
            "identity",
            (200, "complete"),
            playlist("identity", text.clone()),
        )
        .keeping(text.clone()),
        Case::new(
            "a thousand identities",
            (200, "complete"),
            playlist(&["identity"; 1000].join(","), text.clone()),
        ),
        Case::new("large", (200, "too large"), Reply::playlist(bomb)),
    ]);
    cases
}

#[test]
fn bombs_are_cut_at_the_limit_and_said_to_be() {
    let (session, _origin) = Trial::new(As::Playlist, cases()).run();
    let large = session.number("SELECT count(*) FROM body WHERE size > 16 * 1024 * 1024");
    assert_eq!(large, 0);
}
