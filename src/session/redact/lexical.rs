//! Small pieces of text: authorities, names, values, tokens. Pure.

use std::ops::Range;

use super::secret::{is_telling, is_token_byte};

/// The bytes of a URL that are its authority, empty where there is none. None: it is inline data.
pub(super) fn authority(text: &[u8]) -> Option<Range<usize>> {
    let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let scheme = text.iter().take_while(|b| is_scheme(b)).count();
    let behind = text.get(scheme..).unwrap_or_default();
    if text
        .get(..5)
        .is_some_and(|s| s.eq_ignore_ascii_case(b"data:"))
    {
        return None;
    }
    let start = match (scheme, behind) {
        (1.., [b':', b'/', b'/', ..]) => scheme + 3,
        (0, [b'/', b'/', ..]) => 2,
        _ => return Some(0..0),
    };
    let rest = text.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|b| matches!(b, b'/' | b'?' | b'#' | b'\\'));
    Some(start..start + length.unwrap_or(rest.len()))
}

/// Names of files by which a player or a file system tells what they are.
const EXTENSIONS: [&str; 16] = [
    ".m3u8", ".m3u", ".ts", ".mp4", ".m4s", ".m4a", ".m4v", ".cmfv", ".cmfa", ".aac", ".mp3",
    ".vtt", ".webvtt", ".key", ".json", ".bin",
];

/// How long the extension of a path's segment is, with its dot; 0: it has none that is known.
pub(super) fn extension(segment: &[u8]) -> usize {
    let lower = segment.to_ascii_lowercase();
    let found = EXTENSIONS.iter().find(|e| lower.ends_with(e.as_bytes()));
    found.map_or(0, |e| e.len())
}

/// Where the first `=` is behind a name that tells.
pub(super) fn telling_equals(segment: &[u8]) -> Option<usize> {
    let equals = segment.iter().enumerate().filter(|(_, b)| **b == b'=');
    equals
        .map(|(at, _)| at)
        .find(|at| is_telling(name_before(segment.get(..*at).unwrap_or_default())))
}

/// A JSON Web Token (RFC 7519): three parts, of which the first two are JSON objects in base 64.
pub(super) fn jwt(text: &[u8]) -> Option<Range<usize>> {
    let start = text.windows(3).position(|w| w == b"eyJ")?;
    let rest = text.get(start..)?;
    let is_part = |b: &&u8| is_token_byte(**b) || **b == b'.' || **b == b'=';
    let length = rest.iter().take_while(is_part).count();
    let token = rest.get(..length)?;
    let dots = token.iter().filter(|b| **b == b'.').count();
    (dots >= 1 && length >= 16).then_some(start..start + length)
}

/// The length of the first pair, and of what separates it from the next.
pub(super) fn pair_end(query: &[u8]) -> (usize, usize) {
    let is_separator = |at: &usize| {
        let rest = query.get(*at..).unwrap_or_default();
        rest.starts_with(b"&") || rest.starts_with(b"\\u0026")
    };
    match (0..query.len()).find(is_separator) {
        None => (query.len(), 0),
        Some(at) => {
            let rest = query.get(at..).unwrap_or_default();
            let separators: [&[u8]; 3] = [b"&amp;", b"\\u0026", b"&"];
            let separator = separators.iter().find(|s| rest.starts_with(s));
            (at, separator.map_or(1, |s| s.len()))
        }
    }
}

/// Where a URL that stands in text ends.
pub(super) fn text_url_end(text: &[u8], span: Range<usize>) -> usize {
    let mut at = span.start;
    while at < span.end {
        let rest = text.get(at..span.end).unwrap_or_default();
        at += match rest {
            [b'\\', b'/', ..] => 2,
            [b'\\', b'u', b'0', b'0', b'2', b'6', ..] => 6,
            [
                b'\\' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' | b'(' | b')',
                ..,
            ] => break,
            [b, ..] if b.is_ascii_whitespace() || b.is_ascii_control() => break,
            _ => 1,
        };
    }
    let written = text.get(span.start..at).unwrap_or_default();
    let behind = written
        .iter()
        .rev()
        .take_while(|b| b".,;!".contains(b))
        .count();
    at - behind
}

/// The name that a text ends with, before quotes and white space.
pub(super) fn name_before(text: &[u8]) -> &[u8] {
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'-' | b'.');
    let is_around = |b: &&u8| matches!(**b, b'"' | b'\'' | b'\\' | b' ');
    let around = text.iter().rev().take(3).take_while(is_around).count();
    let text = text.get(..text.len() - around).unwrap_or_default();
    let length = text.iter().rev().take(64).take_while(is_name).count();
    text.get(text.len() - length..).unwrap_or_default()
}

/// The value that a text begins with, behind white space, quotes, and the scheme of credentials.
pub(super) fn value_behind(text: &[u8], span: Range<usize>) -> Range<usize> {
    let is_around = |b: &&u8| matches!(**b, b'"' | b'\'' | b'\\' | b' ' | b'\t');
    let is_value = |b: &&u8| !b.is_ascii_whitespace() && !b"\"'<>&;,}\\#`".contains(b);
    let mut start = span.start;
    loop {
        let rest = text.get(start..span.end).unwrap_or_default();
        let around = rest.iter().take(6).take_while(is_around).count();
        start += around;
        let rest = text.get(start..span.end).unwrap_or_default();
        let length = rest.iter().take_while(is_value).count();
        let word = rest.get(..length).unwrap_or_default();
        let is_scheme = [&b"bearer"[..], b"basic", b"digest"]
            .iter()
            .any(|s| word.eq_ignore_ascii_case(s));
        if !is_scheme {
            return start..start + length;
        }
        start += length;
    }
}

/// The longest runs of such bytes.
pub(super) fn runs(
    text: &[u8],
    span: Range<usize>,
    of: impl Fn(u8) -> bool,
) -> Vec<(Range<usize>, &[u8])> {
    let mut found = Vec::new();
    let mut at = span.start;
    for run in text.get(span).unwrap_or_default().split(|b| !of(*b)) {
        if !run.is_empty() {
            found.push((at..at + run.len(), run));
        }
        at += run.len() + 1;
    }
    found
}

pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
