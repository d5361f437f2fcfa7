//! Where in any text something stands that is replaced: URLs, values behind names that tell, credentials, and what
//! looks like a token.

use std::ops::Range;

use super::lexical::{
    Value, contains, element_before, jwt, name_before, runs, text_url_end, value_behind,
};
use super::look::is_coded;
use super::ordinary::is_ordinary;
use super::places::{Finder, Place};
use super::secret::{SHORTEST, What, is_telling, is_token_byte, is_word, looks_random};

/// Longer strings are no references, in bytes.
const LONGEST_REFERENCE: usize = 8192;

impl Finder<'_> {
    /// Text that may say anything: pages, JSON, logs, subtitles.
    pub(crate) fn any_text(&mut self, span: Range<usize>) {
        let (first, mut known) = (self.places.len(), self.urls.clone());
        self.urls_in(span.clone());
        self.quoted_references(span.clone());
        self.drop_inside(&mut known, first);
        self.addresses(span.clone());
        let first = self.places.len();
        self.named(span.clone());
        self.credentials(span.clone());
        self.quoted_values(span.clone());
        self.tokens(span);
        let mut urls = std::mem::take(&mut self.urls);
        self.drop_inside(&mut urls, first);
        self.urls = urls;
    }

    /// A URL was read already, as it is wherever it stands: what looks like something else in it is none.
    fn drop_inside(&mut self, urls: &mut [Range<usize>], first: usize) {
        urls.sort_by_key(|url| (url.start, url.end));
        // Until where the URLs go that begin up to each of them.
        let mut farthest = 0;
        let ends = urls.iter().map(|url| {
            farthest = farthest.max(url.end);
            farthest
        });
        let ends: Vec<usize> = ends.collect();
        let is_inside = |place: &Place| {
            let before = urls.partition_point(|url| url.start <= place.span.start);
            let end = before.checked_sub(1).and_then(|at| ends.get(at));
            end.is_some_and(|end| place.span.end <= *end)
        };
        let mut at = 0;
        self.places.retain(|place| {
            at += 1;
            at <= first || !is_inside(place)
        });
    }

    fn urls_in(&mut self, span: Range<usize>) {
        let mut at = span.start;
        while at < span.end {
            let rest = self.slice(at..span.end);
            let Some(found) = rest.iter().position(|b| matches!(b, b'?' | b':')) else {
                break;
            };
            let mark = at + found;
            at = mark + 1;
            let behind = self.slice(mark..span.end);
            if behind.starts_with(b"://") || behind.starts_with(b":\\/\\/") {
                let end = text_url_end(self.text, mark..span.end);
                self.escaped_url(mark, end);
                at = end.max(at);
            } else if behind.starts_with(b"?") {
                let end = text_url_end(self.text, mark + 1..span.end);
                let query = self.slice(mark + 1..end);
                if query.contains(&b'=') {
                    let length = query.iter().position(|b| *b == b'#');
                    let hash = mark + 1 + length.unwrap_or(query.len());
                    self.query(mark + 1..hash);
                    self.query((hash + 1).min(end)..end);
                }
                // Text without an end is looked through once.
                at = end.max(at);
            }
        }
    }

    /// `"/live/04122a8a/a.m3u8"`: references in JSON and pages.
    fn quoted_references(&mut self, span: Range<usize>) {
        let text = self.slice(span.clone());
        let mut at = span.start;
        for piece in
            text.split(|b| matches!(b, b'"' | b'\'' | b'<' | b'>') || b.is_ascii_whitespace())
        {
            let start = at;
            at += piece.len() + 1;
            let is_path =
                piece.contains(&b'/') && !contains(piece, b"://") && !piece.contains(&b'\\');
            let is_quoted = start.checked_sub(1).and_then(|b| self.text.get(b)) == Some(&b'"');
            if is_path
                && is_quoted
                && piece.len() <= LONGEST_REFERENCE
                && !piece.starts_with(b"data:")
            {
                let length = piece.iter().position(|b| matches!(b, b'?' | b'#'));
                self.path(start..start + length.unwrap_or(piece.len()));
            }
        }
    }

    /// `token=abc`, `"token": "abc"`, `X-Token: abc`, `<token>abc</token>`.
    fn named(&mut self, span: Range<usize>) {
        let mut at = span.start;
        while at < span.end {
            let rest = self.slice(at..span.end);
            let Some(found) = rest.iter().position(|b| matches!(b, b'=' | b':' | b'>')) else {
                return;
            };
            let mark = at + found;
            at = mark + 1;
            let before = self.slice(span.start..mark);
            let behind = mark + 1..span.end;
            if rest.get(found) == Some(&b'>') {
                if is_telling(element_before(before)) {
                    let text = self.slice(behind);
                    let length = text.iter().position(|b| *b == b'<').unwrap_or(0);
                    at = self.named_value(mark + 1..mark + 1 + length).max(at);
                }
                continue;
            }
            let name = name_before(before);
            if !is_telling(name) {
                continue;
            }
            // A fragment ends a parameter, and is a part of any other value.
            let is_parameter = before
                .strip_suffix(name)
                .is_some_and(|b| b.ends_with(b"?") || b.ends_with(b"&"));
            let ends: &[u8] = match is_parameter {
                true => b"\"'<>&;,}]\\`#",
                false => b"\"'<>&;,}]\\`",
            };
            let value = value_behind(self.text, behind, ends);
            if name.to_ascii_lowercase().ends_with(b"cookie") {
                let line = self.slice(value.span.start..span.end);
                let length = line
                    .iter()
                    .position(|b| matches!(b, b'\r' | b'\n' | b'"' | b'<'));
                let end = value.span.start + length.unwrap_or(line.len());
                self.cookies(value.span.start..end);
                at = end.max(at);
                continue;
            }
            at = self.named_value(value.span.clone()).max(at);
            if value.is_listed {
                at = self.listed(value, span.end, ends).max(at);
            }
        }
    }

    /// The others of a list, behind its first value. Returns where the last ends.
    fn listed(&mut self, mut value: Value, end: usize, ends: &[u8]) -> usize {
        let mut at = value.span.end;
        while value.is_listed {
            let rest = self.slice(value.span.end..end);
            let is_between = |b: &&u8| b"\"'\\, \t\r\n".contains(b);
            let between = rest.iter().take_while(is_between).count();
            if !rest.get(..between).unwrap_or_default().contains(&b',') {
                break;
            }
            value = value_behind(self.text, value.span.end + between - 1..end, ends);
            value.is_listed = !value.span.is_empty();
            at = self.named_value(value.span.clone()).max(at);
        }
        at
    }

    /// The value behind a name that tells. Returns where it ends; 0: there is none.
    fn named_value(&mut self, span: Range<usize>) -> usize {
        let value = self.slice(span.clone());
        let around = value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        let span = span.start + around..span.start + around + value.len();
        if value.len() < SHORTEST || contains(value, b"{$") {
            return 0;
        }
        let end = span.end;
        self.place(span, What::Named);
        end
    }

    /// `Bearer abc`, `Basic dXNlcg==`, `token kJ8sd7`.
    fn credentials(&mut self, span: Range<usize>) {
        let is_credential = |b: u8| b.is_ascii_alphanumeric() || b"._~+/=-".contains(&b);
        let (mut is_scheme, mut is_name) = (false, false);
        let mut before = span.start;
        for (run, word) in runs(self.text, span, is_credential) {
            // What follows a name with its value is another attribute.
            let between = self.slice(before..run.start);
            let padding = word.iter().rev().take_while(|b| **b == b'=').count();
            let is_pair = word
                .get(..word.len() - padding)
                .is_some_and(|word| word.contains(&b'='));
            is_name &= between.iter().all(u8::is_ascii_whitespace) && !is_pair;
            before = run.end;
            let is_coded = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase() || *b == b'=';
            let digits = word.iter().filter(|b| b.is_ascii_digit()).count();
            let letters = word.iter().filter(|b| b.is_ascii_alphabetic()).count();
            let is_mixed = digits > 0 && letters > 0 && word.len() >= 6 && !is_ordinary(word);
            let is_behind_scheme = is_scheme && word.len() >= 8 && word.iter().any(is_coded);
            if (is_behind_scheme || is_name && is_mixed) && !is_word(word) {
                self.place(run, What::Named);
            }
            is_scheme = [&b"bearer"[..], b"basic"]
                .iter()
                .any(|s| word.eq_ignore_ascii_case(s));
            is_name = !is_pair && is_telling(word);
        }
    }

    /// `token "abc"`: quotes behind a name that tells, with nothing else between them.
    fn quoted_values(&mut self, span: Range<usize>) {
        let mut at = span.start;
        while let Some(found) = self
            .slice(at..span.end)
            .iter()
            .position(|b| matches!(b, b'"' | b'\''))
        {
            let quote = at + found;
            at = quote + 1;
            let before = self.slice(span.start..quote);
            let before = before.strip_suffix(b"\\").unwrap_or(before);
            let name = name_before(before);
            if before.ends_with(b" ") && is_telling(name) {
                let value = value_behind(self.text, quote..span.end, b"\"'");
                at = self.named_value(value.span).max(at);
            }
        }
    }

    /// What is told by its look alone: JWTs, hexadecimal digits, UUIDs, letters as only chance mixes them, base 64.
    pub(super) fn tokens(&mut self, span: Range<usize>) {
        for (run, text) in runs(self.text, span.clone(), |b| is_token_byte(b) || b == b'.') {
            if let Some(jwt) = jwt(text) {
                self.place(run.start + jwt.start..run.start + jwt.end, What::Path);
            }
        }
        if self.keeps_looks {
            return;
        }
        for (run, text) in runs(self.text, span.clone(), is_token_byte) {
            if looks_random(text) && !is_splice(text) && !is_ordinary(text) && !self.is_of_key(&run)
            {
                self.place(run, What::Path);
            }
        }
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
        for (run, text) in runs(self.text, span, is_base64) {
            // A name with its equals sign is not a part of it.
            let padding = text.iter().rev().take_while(|b| **b == b'=').count();
            let equals = text
                .iter()
                .take(text.len() - padding)
                .rposition(|b| *b == b'=');
            let start = run.start + equals.map_or(0, |at| at + 1);
            let coded = self.slice(start..run.end);
            let is_data = self.slice(0..start).ends_with(b"base64,");
            let is_file = self.text.get(run.end) == Some(&b'.');
            let has_slash = coded.iter().any(|b| b"+/".contains(b));
            if has_slash && !is_data && !is_file && is_coded(coded) && !is_path(coded) {
                self.place(start..run.end, What::Path);
            }
        }
    }

    /// The initialization vector of a key, without which nothing is decrypted, and who protects it.
    fn is_of_key(&self, run: &Range<usize>) -> bool {
        let format = b"KEYFORMAT=\"urn:uuid:";
        if self.slice(run.start.saturating_sub(format.len())..run.start) == format {
            return true;
        }
        let is_hex = |text: &[u8]| text.starts_with(b"0x") || text.starts_with(b"0X");
        let before = self.slice(run.start.saturating_sub(4)..run.start);
        is_hex(self.slice(run.clone())) && (before.ends_with(b",IV=") || before.ends_with(b":IV="))
    }
}

/// Whether there are names of folders between slashes: words, numbers.
fn is_path(text: &[u8]) -> bool {
    let mut pieces = text.split(|b| *b == b'/');
    pieces.any(|piece| {
        let is_word = piece.len() >= 3 && piece.iter().all(u8::is_ascii_lowercase);
        is_word || !piece.is_empty() && is_ordinary(piece)
    })
}

/// Splice information in hexadecimal digits (SCTE 35).
fn is_splice(text: &[u8]) -> bool {
    let hex = text.get(..6).unwrap_or_default();
    hex.eq_ignore_ascii_case(b"0xFC30") || hex.starts_with(b"FC30")
}
