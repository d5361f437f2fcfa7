//! Where in a URL something stands that is replaced: user, host, path, query, fragment.
//!
//! A URL is read in the same way wherever it stands, so that a playlist and the row of what it lists still
//! agree when both were redacted.

use std::ops::Range;

use super::lexical::{authority, contains, extension, jwt, pair_end, runs, telling_equals};
use super::look::{is_coded, is_token_folder};
use super::places::Finder;
use super::secret::{SHORTEST, What, is_telling, is_token_byte, looks_random};
use crate::upkeep::redact::book::spelling::plain;
use crate::upkeep::redact::book::variables::is_replaced;

/// Labels of hosts' names that look random are shorter: they say whose a host is.
const LONGEST_LABEL: usize = 24;

impl Finder<'_> {
    /// What is a URL for sure.
    pub(crate) fn reference(&mut self, all: Range<usize>) {
        self.url(all.clone());
        let text = self.slice(all.clone());
        if text.starts_with(b"data:") {
            return;
        }
        // What no URL has in it may be a text that was taken for one.
        match text
            .iter()
            .any(|b| b.is_ascii_whitespace() || b"\"<>".contains(b))
        {
            true => self.any_text(all),
            false => self.urls.push(all),
        }
    }

    /// A URL or a reference: user, host, path, query, fragment.
    pub(crate) fn url(&mut self, all: Range<usize>) {
        let text = self.slice(all.clone());
        let Some(authority) = authority(text) else {
            // Inline data is not a reference.
            return;
        };
        let path = all.start + authority.end..all.end;
        let authority = all.start + authority.start..path.start;
        self.authority(authority);
        let rest = self.slice(path.clone());
        let fragment = rest.iter().position(|b| *b == b'#');
        let fragment = path.start + fragment.unwrap_or(rest.len());
        let query = self.slice(path.start..fragment);
        let query = query.iter().position(|b| *b == b'?');
        let query = path.start + query.unwrap_or(fragment - path.start);
        self.path(path.start..query);
        self.query((query + 1).min(fragment)..fragment);
        self.query((fragment + 1).min(path.end)..path.end);
    }

    fn authority(&mut self, span: Range<usize>) {
        let text = self.slice(span.clone());
        let at = text.iter().rposition(|b| *b == b'@');
        if let Some(at) = at {
            let user = text.get(..at).unwrap_or_default();
            let colon = user.iter().position(|b| *b == b':').unwrap_or(at);
            self.place(span.start..span.start + colon, What::User);
            self.place(
                (span.start + colon + 1).min(span.start + at)..span.start + at,
                What::User,
            );
        }
        let start = span.start + at.map_or(0, |at| at + 1);
        self.token_in_host(start..span.end);
        if self.rules.hosts {
            let host = self.slice(start..span.end);
            let colon = host.iter().rposition(|b| *b == b':');
            let is_port = |at: &usize| host.iter().skip(at + 1).all(u8::is_ascii_digit);
            let length = colon.filter(is_port).unwrap_or(host.len());
            self.place(start..start + length, What::Host);
        }
    }

    /// What stands for a host in `skd://TOKEN`, and a label of a host's name that is one.
    pub(super) fn token_in_host(&mut self, span: Range<usize>) {
        let host = self.slice(span.clone());
        let scheme = self.slice(span.start.saturating_sub(b"https://".len())..span.start);
        let is_http = [&b"http://"[..], b"https://"]
            .iter()
            .any(|http| scheme.len() >= http.len() && scheme.to_ascii_lowercase().ends_with(http));
        if let Some(jwt) = jwt(host) {
            self.place(span.start + jwt.start..span.start + jwt.end, What::Path);
        } else if !is_http && !scheme.is_empty() && scheme.ends_with(b"://") {
            self.segment(span);
        } else {
            for (run, label) in runs(self.text, span, is_token_byte) {
                if label.len() >= LONGEST_LABEL && looks_random(label) {
                    self.place(run, What::Path);
                }
            }
        }
    }

    pub(super) fn path(&mut self, span: Range<usize>) {
        let (mut at, end) = (span.start, span.end);
        for segment in self.slice(span).split(|b| *b == b'/') {
            let start = at;
            at += segment.len() + 1;
            let folder = start..start + segment.len();
            self.segment(folder.clone());
            let name = folder.start..folder.end - extension(segment);
            if self.wants_segments && !name.is_empty() {
                self.segments.push(name);
            }
            if folder.end < end && is_token_folder(segment) {
                self.place(folder, What::Path);
            }
        }
    }

    /// One segment of a path: `hdnts=…~hmac=…`, `;token=…`, a JWT, or chance.
    fn segment(&mut self, span: Range<usize>) {
        let text = self.slice(span.clone());
        let end = span.start + text.len() - extension(text);
        if let Some(equals) = telling_equals(text) {
            let start = span.start + equals + 1;
            let value = self.slice(start..end);
            let length = value.iter().position(|b| *b == b';').unwrap_or(value.len());
            if length >= SHORTEST {
                self.place(start..start + length, What::Path);
            }
            return;
        }
        if let Some(jwt) = jwt(self.slice(span.start..end)) {
            self.place(span.start + jwt.start..span.start + jwt.end, What::Path);
            return;
        }
        if text.contains(&b'%') && is_coded(&plain(self.slice(span.start..end))) {
            self.place(span.start..end, What::Path);
            return;
        }
        let is_written = |b| is_token_byte(b) || b"{$}".contains(&b);
        for (run, text) in runs(self.text, span.start..end, is_written) {
            if contains(text, b"{$") {
                self.around_variables(run);
            } else if looks_random(text) {
                self.place(run, What::Path);
            }
        }
    }

    /// `a=1&b=2`, also with the `&` of HTML and of JSON.
    pub(super) fn query(&mut self, span: Range<usize>) {
        let mut at = span.start;
        while at < span.end {
            let rest = self.slice(at..span.end);
            let (length, separator) = pair_end(rest);
            self.pair(at..at + length);
            at += length + separator;
        }
    }

    fn pair(&mut self, span: Range<usize>) {
        let pair = self.slice(span.clone());
        // `=` at the end alone is the padding of a bare token.
        let padding = pair.iter().rev().take_while(|b| **b == b'=').count();
        let content = pair.get(..pair.len() - padding).unwrap_or_default();
        let equals = content.iter().position(|b| *b == b'=');
        let is_bare_token = equals.is_none() && pair.len() >= 8;
        let equals = match is_bare_token {
            true => None,
            false => pair.iter().position(|b| *b == b'='),
        };
        let (name, start) = match equals {
            Some(at) => (pair.get(..at).unwrap_or_default(), span.start + at + 1),
            None => (&b""[..], span.start),
        };
        if !self.rules.keeps(name) && looks_random(name) {
            self.place(span.start..span.start + name.len(), What::Query);
        }
        let value = self.slice(start..span.end);
        // A bare word is a switch, unless it is long.
        let is_bare_word = equals.is_none() && value.len() < 8;
        if value.len() < SHORTEST || is_bare_word || self.rules.keeps(name) {
            return;
        }
        // Servers log such a one in base 64, and it may be short.
        let what = match is_telling(name) {
            true => What::Named,
            false => What::Query,
        };
        match contains(value, b"{$") {
            false => self.place(start..span.end, what),
            true => self.around_variables(start..span.end),
        }
    }

    /// What stands around `{$name}`, where it would be sought in what that expands to.
    fn around_variables(&mut self, span: Range<usize>) {
        self.templates.push(span.clone());
        let mut at = span.start;
        for piece in self.slice(span).split(|b| *b == b'}') {
            let literal = piece.split(|b| *b == b'{').next().unwrap_or_default();
            if is_replaced(literal) {
                self.place(at..at + literal.len(), What::Query);
            }
            at += piece.len() + 1;
        }
    }

    /// A URL in text, from the colon behind its scheme on; slashes may be escaped, as in JSON.
    pub(super) fn escaped_url(&mut self, colon: usize, end: usize) {
        let text = self.slice(colon..end);
        if text.starts_with(b"://") {
            let scheme = self.slice(0..colon);
            let letters = scheme
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_alphanumeric());
            self.reference(colon - letters.count()..end);
            return;
        }
        let start = colon + b":\\/\\/".len();
        let host = self.slice(start..end);
        let length = host.iter().position(|b| matches!(b, b'\\' | b'?' | b'#'));
        let length = length.unwrap_or(host.len());
        self.authority(start..start + length);
        let rest = self.slice(start + length..end);
        let query = rest.iter().position(|b| *b == b'?').unwrap_or(rest.len());
        let mut at = start + length;
        for segment in rest.get(..query).unwrap_or_default().split(|b| *b == b'/') {
            self.segment(at..at + segment.strip_suffix(b"\\").unwrap_or(segment).len());
            at += segment.len() + 1;
        }
        self.query((start + length + query + 1).min(end)..end);
    }
}
