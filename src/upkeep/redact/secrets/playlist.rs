//! Places in playlists, line by line: whatever a line says is found without the lines around it, so that
//! a large playlist whose lines are shared with others is redacted as they are.

use std::ops::Range;

use super::lexical::contains;
use super::places::Finder;
use super::secret::{SHORTEST, What, is_telling};
use crate::hls::{Line, LineKind, Tag, attributes, lines};

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

impl Finder<'_> {
    /// All lines.
    pub(crate) fn playlist(&mut self) {
        for line in lines(self.text) {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let (span, text) = line.trimmed();
        // No text goes on from one line to the next: those of other lines need not be gone through again.
        self.urls.clear();
        match line.kind {
            LineKind::Blank => {}
            LineKind::Comment => self.any_text(span),
            // A line of a page that came behind a playlist is no reference. Players take any other as one.
            LineKind::Uri if text.starts_with(b"<") => self.any_text(span),
            LineKind::Uri => self.reference(span),
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
        let name = std::str::from_utf8(tag.name).unwrap_or_default();
        let own_name = name.strip_prefix("#EXT").unwrap_or(name);
        if name != "#EXTINF" {
            let is_known = LIST_TAGS.contains(&name);
            self.list(tag);
            // `#EXT-X-AUTH-TOKEN:abc`
            if !is_known && is_telling(own_name.as_bytes()) {
                let trimmed = tag.value.trim_ascii();
                let before = tag.value.len() - tag.value.trim_ascii_start().len();
                if trimmed.len() >= SHORTEST {
                    self.place(
                        value.start + before..value.start + before + trimmed.len(),
                        What::Named,
                    );
                }
                for attribute in attributes(tag.value) {
                    let span = value.start + attribute.span.start..value.start + attribute.span.end;
                    self.place(span, What::Named);
                }
            }
        }
        // All of the line: attributes end where a quote is escaped, and text stands where nobody looks.
        self.any_text(value);
    }

    fn list(&mut self, tag: Tag<'_>) {
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
                _ if attribute.quoted && name.ends_with("URI") && !is_data => self.reference(span),
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
                _ if is_telling(attribute.name) => {
                    self.place(without_0x(attribute.value, span), What::Named)
                }
                "KEYFORMAT" if attribute.value.starts_with(b"urn:") => {}
                // Players take URIs without quotes, too.
                _ if !attribute.quoted && attribute.value.iter().any(|b| b"/?".contains(b)) => {
                    self.url(span);
                }
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
        let Some(comma) = comma else {
            return;
        };
        let data = span.start + comma + 1..span.end;
        match self.rules.drop_keys {
            true => self.place(data, What::KeyData),
            false => self.keys.push(data),
        }
    }
}

/// The digits of a hexadecimal number.
fn without_0x(value: &[u8], span: Range<usize>) -> Range<usize> {
    match value {
        [b'0', b'x' | b'X', _, ..] => span.start + 2..span.end,
        _ => span,
    }
}
