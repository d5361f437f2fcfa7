//! Attribute lists (RFC 8216bis 4.2), by byte span.
//!
//! As tolerant as players are: attributes in any order, white space around names and
//! values, a quote that is never closed. What cannot be an attribute is skipped.

use std::ops::Range;

use crate::hls::steps::step;

/// One `NAME=value` of an attribute list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name, without white space around it.
    pub name: &'a [u8],
    /// The value, without its quotes.
    pub value: &'a [u8],
    /// Where `value` stands in the text that was given to [`attributes`], in bytes.
    pub span: Range<usize>,
    /// Whether the value was a quoted string.
    pub quoted: bool,
}

/// The attributes of `value`, the text of a tag after its colon, in the order in which
/// they are written.
pub fn attributes(value: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    Attributes { text: value, at: 0 }
}

struct Attributes<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        loop {
            step();
            let equals = self.seek(|b| b == b'=' || b == b',')?;
            let name = self.text.get(self.at..equals)?.trim_ascii();
            let is_attribute = self.text.get(equals) == Some(&b'=');
            self.at = equals + 1;
            if is_attribute {
                let (span, quoted) = self.value_span();
                let value = self.text.get(span.clone())?;
                return Some(Attribute {
                    name,
                    value,
                    span,
                    quoted,
                });
            }
        }
    }
}

impl Attributes<'_> {
    /// The offset of the first byte from here on that `wanted` accepts.
    fn seek(&self, wanted: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.text.get(self.at..)?;
        Some(self.at + rest.iter().position(|&b| wanted(b))?)
    }

    /// The value that begins here; moves on behind the comma that ends it.
    fn value_span(&mut self) -> (Range<usize>, bool) {
        let end_of_text = self.text.len();
        let start = self
            .seek(|b| !b.is_ascii_whitespace())
            .unwrap_or(end_of_text);
        let quoted = self.text.get(start) == Some(&b'"');
        if quoted {
            self.at = start + 1;
            let closing = self.seek(|b| b == b'"');
            let end = closing.unwrap_or(end_of_text);
            let span = self.trim_end(start + 1..end, closing.is_none());
            self.at = end;
            self.at = self.seek(|b| b == b',').map_or(end_of_text, |at| at + 1);
            (span, true)
        } else {
            self.at = start;
            let end = self.seek(|b| b == b',').unwrap_or(end_of_text);
            self.at = (end + 1).min(end_of_text);
            (self.trim_end(start..end, true), false)
        }
    }

    fn trim_end(&self, span: Range<usize>, trim: bool) -> Range<usize> {
        match self.text.get(span.clone()) {
            Some(value) if trim => span.start..span.start + value.trim_ascii_end().len(),
            _ => span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Vec<(String, String, bool)> {
        let as_text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        attributes(text.as_bytes())
            .map(|a| (as_text(a.name), as_text(a.value), a.quoted))
            .collect()
    }

    fn named(name: &str, value: &str, quoted: bool) -> (String, String, bool) {
        (name.to_owned(), value.to_owned(), quoted)
    }

    #[test]
    fn commas_and_equals_signs_may_stand_in_quotes() {
        assert_eq!(
            list(r#"CODECS="mp4a.40.2,avc1.4d401e",URI="k?a=1,b=2",BANDWIDTH=1280000"#),
            [
                named("CODECS", "mp4a.40.2,avc1.4d401e", true),
                named("URI", "k?a=1,b=2", true),
                named("BANDWIDTH", "1280000", false),
            ]
        );
    }

    #[test]
    fn white_space_around_names_and_values_is_no_part_of_them() {
        assert_eq!(
            list("METHOD=AES-128, URI= \"key\" , IV=0x1 \r"),
            [
                named("METHOD", "AES-128", false),
                named("URI", "key", true),
                named("IV", "0x1", false),
            ]
        );
    }

    #[test]
    fn an_unclosed_quote_ends_with_the_line() {
        assert_eq!(
            list("URI=\"a,b=c \r"),
            [named("URI", "a,b=c", true)],
            "the comma belongs to the value"
        );
    }

    #[test]
    fn junk_is_skipped() {
        assert_eq!(list(""), []);
        assert_eq!(list(",,NO,A=1,"), [named("A", "1", false)]);
        assert_eq!(
            list("A=\"1\"junk,B="),
            [named("A", "1", true), named("B", "", false)]
        );
    }

    proptest! {
        #[test]
        fn spans_are_where_the_values_stand(text: Vec<u8>) {
            let mut behind = 0;
            for attribute in attributes(&text) {
                prop_assert_eq!(&text[attribute.span.clone()], attribute.value);
                prop_assert!(attribute.span.start >= behind);
                behind = attribute.span.end;
            }
        }

        #[test]
        fn lists_made_of_attribute_signs_do_not_panic(text in "[A\", =\\r]{0,40}") {
            for attribute in attributes(text.as_bytes()) {
                prop_assert_eq!(&text.as_bytes()[attribute.span.clone()], attribute.value);
            }
        }
    }
}
