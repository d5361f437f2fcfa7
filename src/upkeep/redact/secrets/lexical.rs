//! Small pieces of text: authorities, names, values, tokens. Pure.

use std::ops::Range;

use super::secret::{is_telling, is_token_byte};

/// The bytes of a URL that are its authority, empty where there is none. None: it is inline data.
pub(crate) fn authority(text: &[u8]) -> Option<Range<usize>> {
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
pub(crate) fn extension(segment: &[u8]) -> usize {
    let lower = segment.to_ascii_lowercase();
    let found = EXTENSIONS.iter().find(|e| lower.ends_with(e.as_bytes()));
    found.map_or(0, |e| e.len())
}

/// Where the first `=` is behind a name that tells.
pub(crate) fn telling_equals(segment: &[u8]) -> Option<usize> {
    let equals = segment.iter().enumerate().filter(|(_, b)| **b == b'=');
    equals
        .map(|(at, _)| at)
        .find(|at| is_telling(name_before(segment.get(..*at).unwrap_or_default())))
}

/// A JSON Web Token (RFC 7519): three parts, of which the first two are JSON objects in base 64.
pub(crate) fn jwt(text: &[u8]) -> Option<Range<usize>> {
    let start = text.windows(3).position(|w| w == b"eyJ")?;
    let rest = text.get(start..)?;
    let is_part = |b: &&u8| is_token_byte(**b) || **b == b'.' || **b == b'=';
    let length = rest.iter().take_while(is_part).count();
    let token = rest.get(..length)?;
    let dots = token.iter().filter(|b| **b == b'.').count();
    // Without dots it is a JSON object in base 64 all the same, such as the policy of a signed URL.
    let least = if dots >= 1 { 16 } else { 24 };
    (length >= least).then_some(start..start + length)
}

/// The length of the first pair, and of what separates it from the next.
pub(crate) fn pair_end(query: &[u8]) -> (usize, usize) {
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
pub(crate) fn text_url_end(text: &[u8], span: Range<usize>) -> usize {
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
pub(crate) fn name_before(text: &[u8]) -> &[u8] {
    let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'-' | b'.');
    let is_around = |b: &&u8| matches!(**b, b'"' | b'\'' | b'\\' | b' ');
    let around = text.iter().rev().take(3).take_while(is_around).count();
    let text = text.get(..text.len() - around).unwrap_or_default();
    let length = text.iter().rev().take(64).take_while(is_name).count();
    text.get(text.len() - length..).unwrap_or_default()
}

/// A value that stands behind a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) span: Range<usize>,
    /// It is one of a list in brackets, and quoted: others may follow.
    pub(crate) is_listed: bool,
}

/// The value that a text begins with, behind white space, quotes, and the scheme of credentials. One in
/// quotes goes up to the next such quote that is not escaped; any other up to a byte that ends it.
pub(crate) fn value_behind(text: &[u8], span: Range<usize>, ends: &[u8]) -> Value {
    let rest = |start: usize| text.get(start..span.end).unwrap_or_default();
    let is_value = |b: &&u8| !b.is_ascii_whitespace() && !ends.contains(b);
    let mut start = span.start;
    let mut is_listed = false;
    let mut quote: Option<&[u8]> = None;
    loop {
        for _ in 0..64 {
            match rest(start) {
                [b'\\', b'"', ..] if quote.is_none() => quote = Some(b"\\\""),
                [b'"', ..] if quote.is_none() => quote = Some(b"\""),
                [b'\'', ..] if quote.is_none() => quote = Some(b"'"),
                [b'[', ..] if quote.is_none() => is_listed = true,
                [b'\r' | b'\n', ..] if is_listed => {}
                [b'"' | b'\'' | b'\\' | b' ' | b'\t', ..] => {}
                _ => break,
            }
            start += quote
                .filter(|q| rest(start).starts_with(q))
                .map_or(1, <[u8]>::len);
        }
        let length = rest(start).iter().take_while(is_value).count();
        let word = rest(start).get(..length).unwrap_or_default();
        let is_scheme = [&b"bearer"[..], b"basic", b"digest"]
            .iter()
            .any(|s| word.eq_ignore_ascii_case(s));
        if is_scheme {
            start += length;
            continue;
        }
        let quoted = quote.and_then(|quote| quoted_length(rest(start), quote));
        return Value {
            span: start..start + quoted.unwrap_or(length),
            is_listed: is_listed && quoted.is_some(),
        };
    }
}

/// How long a text is up to the quote that ends it. None: it does not end on its line.
fn quoted_length(text: &[u8], quote: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at..)? {
            rest if rest.starts_with(quote) => return Some(at),
            [] | [b'\n' | b'\r', ..] => return None,
            [b'\\', _, ..] => at += 2,
            _ => at += 1,
        }
    }
}

/// The name of the XML element whose opening tag ends a text, without its `>`. Empty: there is none.
pub(crate) fn element_before(text: &[u8]) -> &[u8] {
    let near = text
        .get(text.len().saturating_sub(256)..)
        .unwrap_or_default();
    let Some(open) = near.iter().rposition(|b| *b == b'<') else {
        return b"";
    };
    let tag = near.get(open + 1..).unwrap_or_default();
    if tag.starts_with(b"/") || tag.ends_with(b"/") || tag.contains(&b'>') {
        return b"";
    }
    let name = tag.split(u8::is_ascii_whitespace).next();
    let name = name.unwrap_or_default();
    name.rsplit(|b| *b == b':').next().unwrap_or_default()
}

/// The longest runs of such bytes, in order.
pub(crate) fn runs(
    text: &[u8],
    span: Range<usize>,
    of: impl Fn(u8) -> bool,
) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut at = span.start;
    let pieces = text.get(span).unwrap_or_default().split(move |b| !of(*b));
    let runs = pieces.map(move |run| {
        let start = at;
        at += run.len() + 1;
        (start..start + run.len(), run)
    });
    runs.filter(|(_, run)| !run.is_empty())
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
