//! Places in playlists, line by line: whatever a line says is found without the lines around it, so that
//! a large playlist whose lines are shared with others is redacted as they are.

use std::ops::Range;

use super::lexical::contains;
use super::places::Finder;
use super::secret::{What, is_telling};
use crate::hls::{Line, LineKind, Tag, attributes, lines};

/// Tags whose value is a number, a date, or none (RFC 8216bis).
const PLAIN_TAGS: [&str; 17] = [
    "#EXTM3U",
    "#EXT-X-VERSION",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-ENDLIST",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-I-FRAMES-ONLY",
    "#EXT-X-IMAGES-ONLY",
    "#EXT-X-BYTERANGE",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-PROGRAM-DATE-TIME",
    "#EXT-X-GAP",
    "#EXT-X-BITRATE",
    "#EXT-X-ALLOW-CACHE",
    "#EXT-X-CUE-IN",
];

/// Tags with attributes (RFC 8216bis).
const LIST_TAGS: [&str; 19] = [
    "#EXT-X-KEY",
    "#EXT-X-SESSION-KEY",
    "#EXT-X-MAP",
    "#EXT-X-MEDIA",
    "#EXT-X-STREAM-INF",
    "#EXT-X-I-FRAME-STREAM-INF",
    "#EXT-X-IMAGE-STREAM-INF",
    "#EXT-X-TILES",
    "#EXT-X-SESSION-DATA",
    "#EXT-X-START",
    "#EXT-X-DEFINE",
    "#EXT-X-PART",
    "#EXT-X-PART-INF",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PRELOAD-HINT",
    "#EXT-X-RENDITION-REPORT",
    "#EXT-X-CONTENT-STEERING",
    "#EXT-X-DATERANGE",
    "#EXT-X-SKIP",
];

/// Attributes that say nothing about anybody, though they are quoted strings.
const COMMON_ATTRIBUTES: [&str; 15] = [
    "CODECS",
    "SUPPLEMENTAL-CODECS",
    "KEYFORMAT",
    "KEYFORMATVERSIONS",
    "BYTERANGE",
    "START-DATE",
    "END-DATE",
    "CLASS",
    "LANGUAGE",
    "ASSOC-LANGUAGE",
    "CHANNELS",
    "DATA-ID",
    "QUERYPARAM",
    "IMPORT",
    "INSTREAM-ID",
];

impl Finder<'_> {
    /// All lines.
    pub(super) fn playlist(&mut self) {
        for line in lines(self.text) {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let (span, text) = line.trimmed();
        match line.kind {
            LineKind::Blank => {}
            LineKind::Comment => self.any_text(span),
            // A line of a page that came behind a playlist is no reference. Players take any other as one.
            LineKind::Uri if text.starts_with(b"<") => self.any_text(span),
            LineKind::Uri => self.url(span),
            LineKind::Tag => {
                if let Some(tag) = line.tag() {
                    self.tag(tag);
                }
            }
        }
    }

    /// A reference with a variable in it is one, too.
    fn reference_or_text(&mut self, span: Range<usize>) {
        let text = self.slice(span.clone());
        let is_page = text
            .iter()
            .any(|b| b.is_ascii_whitespace() || b"<\"".contains(b));
        match !is_page && contains(text, b"{$") {
            true => self.url(span),
            false => self.any_text(span),
        }
    }

    fn tag(&mut self, tag: Tag<'_>) {
        let value = tag.start..tag.start + tag.value.len();
        let name_end = tag.start.saturating_sub(1);
        self.common
            .push(name_end.saturating_sub(tag.name.len())..name_end);
        let name = std::str::from_utf8(tag.name).unwrap_or_default();
        if PLAIN_TAGS.contains(&name) {
            self.common.push(value);
        } else if name == "#EXTINF" {
            let comma = tag.value.iter().position(|b| *b == b',');
            let comma = tag.start + comma.unwrap_or(tag.value.len());
            self.common.push(value.start..comma);
            self.any_text(comma..value.end);
        } else {
            let is_known = LIST_TAGS.contains(&name);
            self.list(tag, is_known);
            if !is_known {
                self.any_text(value);
            }
        }
    }

    fn list(&mut self, tag: Tag<'_>, is_known: bool) {
        // The name of a variable or of data that announces a secret.
        let names = attributes(tag.value).filter(|a| matches!(a.name, b"NAME" | b"DATA-ID"));
        let announced =
            tag.name != b"#EXT-X-MEDIA" && names.into_iter().any(|a| is_telling(a.value));
        for attribute in attributes(tag.value) {
            let span = tag.start + attribute.span.start..tag.start + attribute.span.end;
            let name = std::str::from_utf8(attribute.name).unwrap_or_default();
            let is_key = matches!(tag.name, b"#EXT-X-KEY" | b"#EXT-X-SESSION-KEY");
            let is_data = attribute.value.starts_with(b"data:");
            match name {
                _ if attribute.quoted && name.ends_with("URI") && !is_data => self.url(span),
                "URI" if is_key && attribute.value.starts_with(b"data:") => self.key_data(span),
                "VALUE" => {
                    if tag.name == b"#EXT-X-DEFINE" {
                        self.variables.push(span.clone());
                    }
                    self.url(span.clone());
                    match announced {
                        true => self.place(span, What::Named),
                        false => self.any_text(span),
                    }
                }
                _ if COMMON_ATTRIBUTES.contains(&name) => self.common.push(span),
                // Players take URIs without quotes, too.
                _ if !attribute.quoted && attribute.value.iter().any(|b| b"/?".contains(b)) => {
                    self.url(span);
                }
                _ if !attribute.quoted && is_known && !name.starts_with("X-") => {
                    self.common.push(span)
                }
                _ if is_telling(attribute.name) => self.place(span, What::Named),
                _ if !attribute.quoted => {}
                _ if attribute.value.iter().any(|b| matches!(b, b' ' | b'{')) => {
                    self.reference_or_text(span);
                }
                _ => {
                    self.url(span.clone());
                    self.any_text(span);
                }
            }
        }
    }

    /// A key, or what protects it, that stands in the playlist itself.
    fn key_data(&mut self, span: Range<usize>) {
        let comma = self.slice(span.clone()).iter().position(|b| *b == b',');
        if let (true, Some(comma)) = (self.rules.drop_keys, comma) {
            self.place(span.start + comma + 1..span.end, What::KeyData);
        }
    }
}
