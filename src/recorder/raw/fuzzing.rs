//! A target for fuzzers: bodies without an end.

use bytes::{Bytes, BytesMut};

use crate::recorder::formats::cutter::Cutter;
use crate::recorder::formats::format::Format;
use crate::recorder::formats::icy::{Separator, text_of};
use crate::recorder::formats::sniff::sniff;
use crate::recorder::formats::transport::Wish;

/// No byte is lost or made up, wherever parts are cut and however the bytes come.
pub(crate) fn fuzz(bytes: &[u8]) {
    let _ = sniff(bytes, None);
    let _ = sniff(bytes, Some("audio/mpeg"));
    let pieces = in_pieces(bytes);
    let whole = pieces.concat();
    for format in [
        Format::MpegTs,
        Format::MpegAudio,
        Format::Adts,
        Format::Flv,
        Format::Mp4,
    ] {
        for wish in [None, Some(Wish::Best), Some(Wish::Any)] {
            assert_eq!(cut(format, &pieces, wish), whole, "{format:?} {wish:?}");
        }
    }
    for interval in ["1", "16", "x"] {
        let (apart, found) = separated(interval, &pieces);
        let (at_once, found_at_once) = separated(interval, &[Bytes::from(whole.clone())]);
        assert_eq!(
            (apart, found),
            (at_once, found_at_once),
            "interval {interval}"
        );
    }
}

fn cut(format: Format, pieces: &[Bytes], wish: Option<Wish>) -> Vec<u8> {
    let mut cutter = Cutter::new(format);
    let mut out = Vec::new();
    for piece in pieces {
        let cut = cutter.push(piece.clone(), wish);
        out.extend_from_slice(&cut.now);
        out.extend_from_slice(&cut.next.unwrap_or_default());
    }
    out.extend_from_slice(&cutter.finish());
    out
}

fn separated(interval: &str, pieces: &[Bytes]) -> (BytesMut, Vec<String>) {
    let mut separator = Separator::new(Some(interval));
    let mut found = Vec::new();
    let mut sound = BytesMut::new();
    for piece in pieces {
        sound.extend_from_slice(&separator.push(piece.clone(), &mut found));
    }
    let texts = found
        .iter()
        .map(|one| format!("{} {}", one.at, text_of(&one.text)));
    (sound, texts.collect())
}

/// The bytes in pieces; the first of them say how large these are.
fn in_pieces(bytes: &[u8]) -> Vec<Bytes> {
    let (sizes, mut rest) = bytes.split_at(bytes.len().min(8));
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(*size)));
        pieces.push(Bytes::copy_from_slice(piece));
        rest = after;
    }
    pieces
}
