//! Lines of a playlist and the byte span of every URI in it (RFC 8216bis 4.1).

use std::ops::Range;

use memchr::memchr;

use super::attributes::attributes;
use crate::hls::steps::step;

/// The byte order mark, which RFC 8216bis 4.1 forbids and some packagers write.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One line of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes of the line in the body, its line ending (and a BOM) included. The spans
    /// of all lines tile the body.
    pub span: Range<usize>,
    /// The line without its ending (LF or CRLF), and without the BOM where it is the first.
    pub text: &'a [u8],
    /// The offset of `text` in the body.
    pub start: usize,
    /// What the line is. White space around the text does not count.
    pub kind: LineKind,
}

/// What a line is (RFC 8216bis 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Empty, or nothing but white space.
    Blank,
    /// Starts with `#`, but not with `#EXT`.
    Comment,
    /// Starts with `#EXT`.
    Tag,
    /// Everything else.
    Uri,
}

/// A tag, split at its first colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The name with its `#`, such as `#EXT-X-KEY`.
    pub name: &'a [u8],
    /// What stands behind the colon, without white space around it; empty without a colon.
    pub value: &'a [u8],
    /// The offset of `value` in the body.
    pub start: usize,
}

impl<'a> Line<'a> {
    /// The span in the body and the text of the line without white space around it.
    pub fn trimmed(&self) -> (Range<usize>, &'a [u8]) {
        trimmed(self.text, self.start)
    }

    /// The tag that the line is, if it is one.
    pub fn tag(&self) -> Option<Tag<'a>> {
        if self.kind != LineKind::Tag {
            return None;
        }
        let (span, text) = self.trimmed();
        let Some(colon) = text.iter().position(|&b| b == b':') else {
            return Some(Tag {
                name: text,
                value: b"",
                start: span.end,
            });
        };
        let (name, rest) = text.split_at_checked(colon)?;
        let (value_span, value) = trimmed(rest.get(1..)?, span.start + colon + 1);
        Some(Tag {
            name,
            value,
            start: value_span.start,
        })
    }
}

/// `text`, which begins at `start` in the body, without white space around it.
fn trimmed(text: &[u8], start: usize) -> (Range<usize>, &[u8]) {
    let from_start = text.trim_ascii_start();
    let start = start + (text.len() - from_start.len());
    let text = from_start.trim_ascii_end();
    (start..start + text.len(), text)
}

/// The lines of a playlist. A lone CR is no line ending (RFC 8216bis 4.1).
pub fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        step();
        let rest = body.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
        let (begin, whole) = (at, rest.get(..end)?);
        at += end;
        let text = match whole.strip_suffix(b"\n") {
            Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
            None => whole,
        };
        let (text, start) = match text.strip_prefix(BOM) {
            Some(text) if begin == 0 => (text, BOM.len()),
            _ => (text, begin),
        };
        Some(Line {
            span: begin..at,
            text,
            start,
            kind: kind_of(text),
        })
    })
}

fn kind_of(text: &[u8]) -> LineKind {
    let text = text.trim_ascii_start();
    match text.first() {
        None => LineKind::Blank,
        Some(b'#') if text.starts_with(b"#EXT") => LineKind::Tag,
        Some(b'#') => LineKind::Comment,
        Some(_) => LineKind::Uri,
    }
}

/// Where a URI stands in a playlist, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriRef {
    /// The bytes of the URI itself: without quotes, without white space around a bare line.
    /// Never empty.
    pub span: Range<usize>,
    /// What the URI is for.
    pub role: UriRole,
}

/// What a URI in a playlist is for. Section numbers are those of RFC 8216bis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UriRole {
    /// A media segment: a line of its own (4.1).
    Segment,
    /// A media playlist: the line after `EXT-X-STREAM-INF` (4.4.6.2).
    Variant,
    /// A media initialization section: `EXT-X-MAP` (4.4.4.5).
    Init,
    /// A key: `EXT-X-KEY` (4.4.4.4).
    Key,
    /// A key announced early: `EXT-X-SESSION-KEY` (4.4.6.5).
    SessionKey,
    /// The media playlist of a rendition: `EXT-X-MEDIA` (4.4.6.1).
    Rendition,
    /// A media playlist of I-frames: `EXT-X-I-FRAME-STREAM-INF` (4.4.6.3).
    IFrameVariant,
    /// A media playlist of images: `EXT-X-IMAGE-STREAM-INF`, which the RFC does not know and players do.
    ImageVariant,
    /// `EXT-X-SESSION-DATA` (4.4.6.4).
    SessionData,
    /// A partial segment: `EXT-X-PART` (4.4.4.9).
    Part,
    /// `EXT-X-PRELOAD-HINT` (4.4.5.3).
    PreloadHint,
    /// `EXT-X-RENDITION-REPORT` (4.4.5.4).
    RenditionReport,
    /// A steering manifest: `SERVER-URI` of `EXT-X-CONTENT-STEERING` (4.4.6.6).
    ContentSteering,
    /// `X-ASSET-URI` or `X-ASSET-LIST` of `EXT-X-DATERANGE` (appendix D).
    Interstitial,
    /// An attribute that none of these is, and whose name ends in URI or URL ([`super::references`] only).
    Named,
    /// An absolute URL anywhere else in a tag ([`super::references`] only).
    Text,
}

/// Every place of a playlist that RFC 8216bis names for a URI, and that of `EXT-X-IMAGE-STREAM-INF`, in the
/// order in which they are written: what is fetched. For all that a player may follow: [`super::references`].
pub fn uris(body: &[u8]) -> impl Iterator<Item = UriRef> {
    let mut variant_next = false;
    lines(body).flat_map(move |line| {
        let bare = bare_uri(&line, &mut variant_next);
        let tag = line.tag();
        let in_tag = tag.into_iter().flat_map(uris_of_tag);
        bare.into_iter().chain(in_tag)
    })
}

/// The URI that `line` is. `variant_next` says whether an `EXT-X-STREAM-INF` waits for one.
pub(crate) fn bare_uri(line: &Line, variant_next: &mut bool) -> Option<UriRef> {
    match line.kind {
        LineKind::Uri => {
            let role = if std::mem::take(variant_next) {
                UriRole::Variant
            } else {
                UriRole::Segment
            };
            let (span, _) = line.trimmed();
            Some(UriRef { span, role })
        }
        LineKind::Tag => {
            *variant_next |= line.tag().is_some_and(|t| t.name == b"#EXT-X-STREAM-INF");
            None
        }
        _ => None,
    }
}

/// The URIs among the attributes of `tag`, if it is a tag that has any.
pub(crate) fn uris_of_tag(tag: Tag<'_>) -> impl Iterator<Item = UriRef> {
    let role = attribute_role(tag.name);
    let value = if role.is_some() { tag.value } else { b"" };
    attributes(value).filter_map(move |attribute| {
        let role = role?;
        let named = match role {
            UriRole::ContentSteering => attribute.name == b"SERVER-URI",
            UriRole::Interstitial => {
                matches!(attribute.name, b"X-ASSET-URI" | b"X-ASSET-LIST")
            }
            _ => attribute.name == b"URI",
        };
        (named && !attribute.value.is_empty()).then(|| UriRef {
            span: tag.start + attribute.span.start..tag.start + attribute.span.end,
            role,
        })
    })
}

/// What the URI of a tag is for; None for a tag that has none.
fn attribute_role(name: &[u8]) -> Option<UriRole> {
    Some(match name {
        b"#EXT-X-MAP" => UriRole::Init,
        b"#EXT-X-KEY" => UriRole::Key,
        b"#EXT-X-SESSION-KEY" => UriRole::SessionKey,
        b"#EXT-X-MEDIA" => UriRole::Rendition,
        b"#EXT-X-I-FRAME-STREAM-INF" => UriRole::IFrameVariant,
        b"#EXT-X-IMAGE-STREAM-INF" => UriRole::ImageVariant,
        b"#EXT-X-SESSION-DATA" => UriRole::SessionData,
        b"#EXT-X-PART" => UriRole::Part,
        b"#EXT-X-PRELOAD-HINT" => UriRole::PreloadHint,
        b"#EXT-X-RENDITION-REPORT" => UriRole::RenditionReport,
        b"#EXT-X-CONTENT-STEERING" => UriRole::ContentSteering,
        b"#EXT-X-DATERANGE" => UriRole::Interstitial,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::{any_body, playlist_text};
    use proptest::prelude::*;

    fn found(body: &str) -> Vec<(&str, UriRole)> {
        uris(body.as_bytes())
            .map(|uri| (&body[uri.span], uri.role))
            .collect()
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_keep_a_lone_cr() {
        let texts: Vec<_> = lines(b"a\r\nb\n\nc\rd").map(|l| l.text).collect();
        assert_eq!(texts, [&b"a"[..], b"b", b"", b"c\rd"]);
    }

    #[test]
    fn a_bom_is_in_the_span_and_not_in_the_text() {
        let first = lines(b"\xEF\xBB\xBF#EXTM3U\n").next().unwrap();
        assert_eq!((first.text, first.start), (&b"#EXTM3U"[..], 3));
        assert_eq!((first.span, first.kind), (0..11, LineKind::Tag));
    }

    #[test]
    fn kinds_of_lines() {
        let kinds: Vec<_> = lines(b"#EXTM3U\n# x\n \t\nseg.ts\n  #EXTINF:1,\n#ext\n")
            .map(|l| l.kind)
            .collect();
        use LineKind::*;
        assert_eq!(kinds, [Tag, Comment, Blank, Uri, Tag, Comment]);
    }

    #[test]
    fn a_tag_is_split_at_its_first_colon() {
        let line = lines(b"\n #EXTINF: 6.0,a:b \n").nth(1).unwrap();
        let tag = line.tag().unwrap();
        assert_eq!((tag.name, tag.value), (&b"#EXTINF"[..], &b"6.0,a:b"[..]));
        assert_eq!(tag.start, 11);
    }

    #[test]
    fn the_uris_of_a_multivariant_playlist() {
        let body = "#EXTM3U\n\
            #EXT-X-CONTENT-STEERING:SERVER-URI=\"/steer\",PATHWAY-ID=\"A\"\n\
            #EXT-X-SESSION-DATA:DATA-ID=\"a.b\",URI=\"d.json\"\n\
            #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"URI=x\",URI=\"a.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",INSTREAM-ID=\"CC1\"\n\
            #EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,URI=\"img.m3u8\"\n\
            #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n\
            # a comment between\n \n  v.m3u8 \r\nstray.m3u8\n";
        assert_eq!(
            found(body),
            [
                ("/steer", UriRole::ContentSteering),
                ("d.json", UriRole::SessionData),
                ("k", UriRole::SessionKey),
                ("a.m3u8", UriRole::Rendition),
                ("img.m3u8", UriRole::ImageVariant),
                ("i.m3u8", UriRole::IFrameVariant),
                ("v.m3u8", UriRole::Variant),
                ("stray.m3u8", UriRole::Segment),
            ]
        );
    }

    #[test]
    fn the_uris_of_a_media_playlist() {
        let body = "#EXTM3U\n#EXT-X-MAP:BYTERANGE=\"1@0\",URI=\"i.mp4\"\n\
            #EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=AES-128,URI=k,IV=0x1\n\
            #EXT-X-DATERANGE:ID=\"1\",X-ASSET-LIST=\"l\",X-OTHER-URI=\"no\"\n\
            #EXT-X-DATERANGE:ID=\"2\",X-ASSET-URI=\"u\",URI=\"no\"\n\
            #EXT-X-PART:DURATION=1,URI=\"p\"\n#EXTINF:1,URI=\"no\"\ns.ts\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"h\"\n\
            #EXT-X-RENDITION-REPORT:URI=\"r\",LAST-MSN=1\n#EXT-X-KEY:URI=\"\"\n";
        assert_eq!(
            found(body),
            [
                ("i.mp4", UriRole::Init),
                ("k", UriRole::Key),
                ("l", UriRole::Interstitial),
                ("u", UriRole::Interstitial),
                ("p", UriRole::Part),
                ("s.ts", UriRole::Segment),
                ("h", UriRole::PreloadHint),
                ("r", UriRole::RenditionReport),
            ]
        );
    }

    fn tiles(body: &[u8]) -> bool {
        let mut at = 0;
        for line in lines(body) {
            let inside = line.start >= at && line.start + line.text.len() <= line.span.end;
            if line.span.start != at || !inside {
                return false;
            }
            at = line.span.end;
        }
        at == body.len()
    }

    fn ascends(body: &[u8]) -> bool {
        let mut behind = 0;
        uris(body).all(|uri| {
            let sound = uri.span.start >= behind && uri.span.start < uri.span.end;
            behind = uri.span.end;
            sound && behind <= body.len()
        })
    }

    proptest! {
        #[test]
        fn lines_tile_any_bytes(body in any_body()) {
            prop_assert!(tiles(&body));
            prop_assert!(ascends(&body));
        }

        #[test]
        fn lines_tile_playlists(body in playlist_text()) {
            prop_assert!(tiles(body.as_bytes()));
            prop_assert!(ascends(body.as_bytes()));
        }
    }
}
