//! Whether a body is a playlist, and which kind of one (RFC 8216bis 4.1).

use crate::hls::text::scan::lines;

/// The two kinds of playlists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlaylistKind {
    /// Lists media segments.
    Media,
    /// Lists other playlists.
    Multivariant,
}

/// What kind of playlist `body` is; None where it is no playlist.
///
/// A playlist begins with `#EXTM3U`, after a BOM or blank lines if it must be. Where tags of
/// both kinds appear (RFC 8216bis 4.1 forbids it), the one that its own kind cannot do
/// without decides: `EXT-X-TARGETDURATION` makes a media playlist, else `EXT-X-STREAM-INF` a
/// multivariant one; else any tag that belongs to one kind only, the first of them. A
/// playlist without any such tag is a media playlist that lists nothing, or plain files.
pub fn playlist_kind(body: &[u8]) -> Option<PlaylistKind> {
    let mut lines = lines(body).filter(|line| !line.text.trim_ascii().is_empty());
    let (_, first) = lines.next()?.trimmed();
    let behind = first.strip_prefix(b"#EXTM3U")?;
    if !matches!(behind.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let mut variants = false;
    let mut first_hint = None;
    for tag in lines.filter_map(|line| line.tag()) {
        match tag.name {
            b"#EXT-X-TARGETDURATION" => return Some(PlaylistKind::Media),
            b"#EXT-X-STREAM-INF" => variants = true,
            name => first_hint = first_hint.or_else(|| hint(name)),
        }
    }
    if variants {
        return Some(PlaylistKind::Multivariant);
    }
    first_hint.or(Some(PlaylistKind::Media))
}

/// The kind that a tag belongs to, where it belongs to one only (RFC 8216bis 4.4.2 to 4.4.6, and those of
/// images).
fn hint(name: &[u8]) -> Option<PlaylistKind> {
    match name {
        b"#EXTINF"
        | b"#EXT-X-MEDIA-SEQUENCE"
        | b"#EXT-X-DISCONTINUITY-SEQUENCE"
        | b"#EXT-X-ENDLIST"
        | b"#EXT-X-PLAYLIST-TYPE"
        | b"#EXT-X-I-FRAMES-ONLY"
        | b"#EXT-X-IMAGES-ONLY"
        | b"#EXT-X-TILES"
        | b"#EXT-X-PART-INF"
        | b"#EXT-X-SERVER-CONTROL"
        | b"#EXT-X-BYTERANGE"
        | b"#EXT-X-KEY"
        | b"#EXT-X-MAP"
        | b"#EXT-X-PART"
        | b"#EXT-X-SKIP" => Some(PlaylistKind::Media),
        b"#EXT-X-MEDIA"
        | b"#EXT-X-I-FRAME-STREAM-INF"
        | b"#EXT-X-IMAGE-STREAM-INF"
        | b"#EXT-X-SESSION-DATA"
        | b"#EXT-X-SESSION-KEY"
        | b"#EXT-X-CONTENT-STEERING" => Some(PlaylistKind::Multivariant),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::any_body;
    use proptest::prelude::*;

    #[test]
    fn media_and_multivariant() {
        let media = Some(PlaylistKind::Media);
        let multivariant = Some(PlaylistKind::Multivariant);
        let cases: [(&[u8], _); 12] = [
            (b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n", media),
            (
                b"\xEF\xBB\xBF#EXTM3U\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\nv\r\n",
                multivariant,
            ),
            (b"\n \n#EXTM3U x-tvg-url=\"\"\n#EXTINF:6,\ns.ts\n", media),
            (
                b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a\"\n",
                multivariant,
            ),
            (b"#EXTM3U", media),
            (b"#EXTM3U\ns.ts\n", media),
            (
                b"#EXTM3U\n#EXT-X-STREAM-INF:A=1\nv\n#EXT-X-TARGETDURATION:6\n",
                media,
            ),
            (
                b"#EXTM3U\n#EXTINF:6,\n#EXT-X-STREAM-INF:A=1\nv\n",
                multivariant,
            ),
            (
                b"#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-MEDIA:TYPE=AUDIO\n",
                media,
            ),
            (
                b"#EXTM3U\n#EXT-X-IMAGE-STREAM-INF:URI=\"i\"\n",
                multivariant,
            ),
            (b"#EXTM3U\n#EXT-X-IMAGES-ONLY\n#EXT-X-MEDIA:A=1", media),
            (
                b"#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"a\"\n#EXTINF:1,\n",
                multivariant,
            ),
        ];
        for (body, kind) in cases {
            assert_eq!(playlist_kind(body), kind, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_playlist() {
        let utf16 = "#EXTM3U\n".encode_utf16().flat_map(u16::to_le_bytes);
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf16).collect();
        let others: [&[u8]; 9] = [
            b"",
            b"\n\n",
            b"<html>",
            b"{\"a\":1}",
            b"#EXTM3U8\n",
            b"seg.ts\n#EXTM3U\n",
            b"#EXTM3U\r#EXTINF:1,\rs.ts\r",
            b"#EXTINF:1,\ns.ts\n",
            &utf16,
        ];
        for body in others {
            assert_eq!(playlist_kind(body), None, "{}", body.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_kind_or_none(body in any_body()) {
            let _ = playlist_kind(&body);
        }
    }
}
