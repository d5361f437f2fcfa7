//! URLs in tags, at places for which the tag is not known to have one: for rewriting only. What is fetched
//! is what [`super::uris`] finds.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::hls::text::attributes::{Attribute, attributes};
use crate::hls::text::scan::{Line, Tag, UriRef, UriRole, bare_uri, lines, uris_of_tag};

/// Every reference of a playlist by which a player could leave a replay, in the order in which they are
/// written: those of [`super::uris`], and absolute http(s) URLs in tags, wherever they stand.
pub fn references(body: &[u8]) -> impl Iterator<Item = UriRef> {
    let mut variant_next = false;
    lines(body).flat_map(move |line| {
        let bare = bare_uri(&line, &mut variant_next);
        bare.into_iter().chain(references_of_tag(&line))
    })
}

/// Those of one tag.
pub(crate) fn references_of_tag(line: &Line<'_>) -> Vec<UriRef> {
    let Some(tag) = line.tag() else {
        return Vec::new();
    };
    // A variable is replaced where it is used.
    let may_have_others = tag.name != b"#EXT-X-DEFINE"
        && (memchr2(b'/', b'{', line.text).is_some() || attributes(tag.value).any(is_named));
    match may_have_others {
        true => all_of_tag(line, tag),
        false => uris_of_tag(tag).collect(),
    }
}

fn all_of_tag(line: &Line<'_>, tag: Tag<'_>) -> Vec<UriRef> {
    let mut found = Vec::new();
    // What is a reference already, or never one, in ascending order.
    let mut passed = Vec::new();
    let mut known = uris_of_tag(tag).peekable();
    for attribute in attributes(tag.value) {
        let span = tag.start + attribute.span.start..tag.start + attribute.span.end;
        let is_reference = is_single(attribute.value) && is_named(attribute.clone());
        if let Some(uri) = known.next_if(|uri| uri.span == span) {
            found.push(uri);
        } else if is_reference {
            let (span, role) = (span.clone(), UriRole::Named);
            found.push(UriRef { span, role });
        } else if !is_identifier(attribute.name) {
            continue;
        }
        passed.push(span);
    }
    let (span, text) = line.trimmed();
    let texts = Texts {
        text: before_title(tag, text),
        start: span.start,
        at: "#EXT".len(),
        passed: &passed,
    };
    let role = UriRole::Text;
    found.extend(texts.map(|span| UriRef { span, role }));
    found.sort_by_key(|uri| uri.span.start);
    found
}

/// What a reference is to be read as; `None`: as none. `expanded`: it with the values of its variables.
pub(crate) fn url_text<'a>(
    role: UriRole,
    text: Cow<'a, str>,
    expanded: &str,
) -> Option<Cow<'a, str>> {
    match role {
        UriRole::Text if !names_host(expanded) || is_other_text(expanded) => None,
        // JSON may have it so.
        UriRole::Text if text.contains("\\/") => Some(Cow::Owned(text.replace("\\/", "/"))),
        _ => Some(text),
    }
}

/// Whether what begins with two slashes is no URL without a scheme: base64 (RFC 4648) does as well.
fn is_other_text(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let Some(behind) = text.strip_prefix("//") else {
        return false;
    };
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    let is_base64 = text.len().is_multiple_of(4)
        && text.len() - digits.len() < 3
        && digits.bytes().all(is_digit);
    let host = behind.split('/').next().unwrap_or_default();
    behind.is_empty() || is_base64 && !host.eq_ignore_ascii_case("localhost")
}

/// Whether a reference begins with a scheme or with the two slashes before a host.
pub(crate) fn names_host(text: &str) -> bool {
    let bytes = text.trim_ascii_start().as_bytes();
    if let [b'/' | b'\\', b'/' | b'\\', ..] = bytes {
        return true;
    }
    let scheme_byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let behind = bytes.iter().find(|b| !scheme_byte(b));
    behind == Some(&b':') && bytes.first().is_some_and(u8::is_ascii_alphabetic)
}

/// The line up to the title of a segment, which is text for people.
fn before_title<'a>(tag: Tag<'_>, text: &'a [u8]) -> &'a [u8] {
    if tag.name != b"#EXTINF" {
        return text;
    }
    let mut quoted = false;
    let end = text.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    // A quote that is never closed is none.
    let end = end.or_else(|| memchr(b',', text)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// Whether the name of an attribute says that its value is a reference.
fn is_named(attribute: Attribute<'_>) -> bool {
    let name = attribute.name;
    (name.ends_with(b"URI") || name.ends_with(b"URL"))
        && name.iter().all(is_of_name)
        && !attribute.value.is_empty()
        && !is_identifier(name)
}

fn is_of_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(byte)
}

/// Whether the value of an attribute is compared, and never followed.
fn is_identifier(name: &[u8]) -> bool {
    matches!(name, b"KEYFORMAT" | b"CLASS") || name.ends_with(b"SCHEME-ID-URI")
}

/// Whether a value is one URL, and not several or a text.
fn is_single(value: &[u8]) -> bool {
    let ends = |at: usize| {
        let behind = value.get(at + 1..).unwrap_or_default();
        matches!(value.get(at), Some(b',' | b';')) && scheme(behind).is_some()
    };
    let is_part = |b: &u8| !b.is_ascii_whitespace() && *b != b'|';
    value.iter().all(is_part) && !(0..value.len()).any(ends)
}

/// The length of `http://` or `https://` at the beginning of a text, also with the slashes escaped as
/// JSON may have them.
fn scheme(text: &[u8]) -> Option<usize> {
    let colon = match text.get(..5)? {
        [h @ .., b':'] if h.eq_ignore_ascii_case(b"http") => 4,
        h if h.eq_ignore_ascii_case(b"https") => 5,
        _ => return None,
    };
    let behind = text.get(colon..)?;
    let slashes: [&[u8]; 2] = [b"://", b":\\/\\/"];
    let length = slashes.iter().find(|s| behind.starts_with(s))?.len();
    Some(colon + length)
}

/// Absolute URLs in the text of a tag, as spans of the body.
struct Texts<'a> {
    text: &'a [u8],
    /// Where the text begins in the body.
    start: usize,
    at: usize,
    /// What is looked at already, in ascending order, as spans of the body.
    passed: &'a [Range<usize>],
}

impl Iterator for Texts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let from = self.next_start()?;
            let in_body = self.start + from;
            while let [first, rest @ ..] = self.passed
                && first.end <= in_body
            {
                self.passed = rest;
            }
            match self.passed.first().filter(|span| span.contains(&in_body)) {
                Some(span) => self.at = span.end - self.start,
                None => {
                    let end = self.end_before_passed(from);
                    self.at = end;
                    return Some(in_body..self.start + end);
                }
            }
        }
    }
}

impl Texts<'_> {
    fn rest_after(&self, at: usize) -> &[u8] {
        self.text.get(at..).unwrap_or_default()
    }

    fn before(&self, at: usize) -> &[u8] {
        self.text.get(..at).unwrap_or_default()
    }

    /// Where the next one begins, or may begin once its variables have their values.
    fn next_start(&self) -> Option<usize> {
        let begins = |at: &usize| match self.rest_after(*at) {
            [b'h' | b'H', ..] => scheme(self.rest_after(*at)).is_some() && self.is_apart(*at),
            [b'/', b'/', ..] | [b'{', b'$', ..] => self.is_value(*at),
            _ => false,
        };
        (self.at..self.text.len()).find(begins)
    }

    /// Whether a URL that begins here is no part of a longer word or reference.
    fn is_apart(&self, at: usize) -> bool {
        match self.before(at) {
            [.., b'='] => self.is_value(at),
            [.., byte] => !byte.is_ascii_alphanumeric() && !b"+-._~%/?&#".contains(byte),
            [] => true,
        }
    }

    /// Whether the value of the tag or of an attribute begins here.
    fn is_value(&self, at: usize) -> bool {
        match self.before(at).trim_ascii_end() {
            [.., b'"' | b','] => true,
            [tag @ .., b':'] => memchr(b':', tag).is_none(),
            [name @ .., b'='] => {
                let before = name.iter().rev().find(|b| !is_of_name(b));
                before.is_some_and(|b| b.is_ascii_whitespace() || b"\",:;".contains(b))
            }
            _ => false,
        }
    }

    /// Where the one that begins at `from` ends: before what is looked at already, which a quote that is never
    /// closed would go over.
    fn end_before_passed(&self, from: usize) -> usize {
        let end = self.end(from);
        match self.passed.first() {
            Some(next) if self.start + end > next.start => {
                let until = next.start - self.start;
                until.min(from + length_of_url(self.rest_after(from)))
            }
            _ => end,
        }
    }

    /// Where the one that begins at `from` ends. What is left of a longer one follows it as it did.
    fn end(&self, from: usize) -> usize {
        let text = self.rest_after(from);
        if self.before(from).ends_with(b"\"") {
            let closing = memchr(b'"', text).unwrap_or(text.len());
            let value = text.get(..closing).unwrap_or_default().trim_ascii_end();
            if is_single(value) && !value.is_empty() {
                return from + value.len();
            }
        }
        from + length_of_url(text)
    }
}

/// How long the URL is that a text begins with.
fn length_of_url(text: &[u8]) -> usize {
    // Braces of variables.
    let mut open = 0_usize;
    let ends = |(at, byte): (usize, &u8)| {
        let behind = text.get(at + 1..).unwrap_or_default();
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return true,
            b'}' => open -= 1,
            b'\\' => return !behind.starts_with(b"/"),
            b';' => return scheme(behind).is_some(),
            _ => return byte.is_ascii_whitespace() || b"\"'<>|,".contains(byte),
        }
        false
    };
    text.iter().enumerate().position(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
