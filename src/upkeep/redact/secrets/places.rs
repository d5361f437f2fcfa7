//! Where in a text something stands that is replaced: in URLs, in header fields, in any other text.
//! Pure. Playlists are in `playlist.rs`.
//!
//! A URL is read in the same way wherever it stands, so that a playlist and the row of what it lists still
//! agree when both were redacted.

use std::ops::Range;

use super::lexical::{
    Value, authority, contains, element_before, extension, jwt, name_before, pair_end, runs,
    telling_equals, text_url_end, value_behind,
};
use super::look::{is_coded, is_token_folder};
use super::ordinary::is_ordinary;
use super::secret::{Rules, SHORTEST, What, is_telling, is_token_byte, is_word, looks_random};
use crate::upkeep::redact::book::spelling::plain;
use crate::upkeep::redact::book::variables::is_replaced;

/// A place: bytes that are replaced as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) what: What,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    /// A URL or a reference, and nothing else.
    Url,
    /// A playlist, or lines of one.
    Playlist,
    /// Anything that people or programs read.
    Text,
    /// The value of a header field of this name.
    Field(&'a str),
    /// What a connection or a response failed with: text that may name hosts.
    Failure,
    /// Text in which only what was found elsewhere is replaced.
    Plain,
}

/// Finds places in a text.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) rules: &'a Rules,
    pub(crate) places: Vec<Place>,
    /// Values that parts of URLs are made of, `{$name}`.
    pub(crate) variables: Vec<Range<usize>>,
    /// Parts of URLs with such references in them.
    pub(crate) templates: Vec<Range<usize>>,
    /// Segments of paths, without extensions.
    pub(crate) segments: Vec<Range<usize>>,
    /// What was read as a URL: it is read in the same way wherever it stands, and not as any text, too.
    pub(crate) urls: Vec<Range<usize>>,
    /// Whether what only looks like a token stays.
    keeps_looks: bool,
}

/// Header fields whose values are numbers, dates and types, or hashes of content.
const COMMON_FIELDS: [&str; 12] = [
    "content-type",
    "content-length",
    "content-range",
    "date",
    "age",
    "expires",
    "last-modified",
    "etag",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
];

/// Labels of hosts' names that look random are shorter: they say whose a host is.
const LONGEST_LABEL: usize = 24;

/// Longer strings are no references, in bytes.
const LONGEST_REFERENCE: usize = 8192;

/// Header fields that name hosts outside of URLs.
const HOST_FIELDS: [&str; 19] = [
    "via",
    "x-served-by",
    "x-cache",
    "server-timing",
    "content-security-policy",
    "alt-svc",
    "x-host",
    "host",
    "x-backend",
    "server",
    "x-server",
    "x-served-from",
    "x-client-ip",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-server",
    "forwarded",
    "x-cache-remote",
];

impl<'a> Finder<'a> {
    pub(crate) fn new(text: &'a [u8], rules: &'a Rules) -> Self {
        Self {
            text,
            rules,
            places: Vec::new(),
            variables: Vec::new(),
            templates: Vec::new(),
            segments: Vec::new(),
            urls: Vec::new(),
            keeps_looks: false,
        }
    }

    /// Everything in a text of this form.
    pub(crate) fn find(&mut self, form: Form<'_>) {
        let all = 0..self.text.len();
        match form {
            Form::Url => self.reference(all),
            Form::Playlist => self.playlist(),
            Form::Text => self.any_text(all),
            Form::Failure => {
                if self.rules.hosts {
                    self.host_words(all.clone());
                }
                self.any_text(all);
            }
            Form::Field(name) => self.field(name, all),
            Form::Plain => {}
        }
    }

    pub(crate) fn slice(&self, span: Range<usize>) -> &'a [u8] {
        self.text.get(span).unwrap_or_default()
    }

    pub(crate) fn place(&mut self, span: Range<usize>, what: What) {
        let value = self.slice(span.clone());
        if !value.is_empty() && !is_word(value) {
            self.places.push(Place { span, what });
        }
    }

    fn field(&mut self, name: &str, all: Range<usize>) {
        match name {
            "set-cookie" | "set-cookie2" | "cookie" => self.cookies(all),
            "location" | "content-location" => self.reference(all),
            "link" | "refresh" => {
                self.references(all.clone());
                self.any_text(all);
            }
            _ if COMMON_FIELDS.contains(&name) => {
                self.keeps_looks = true;
                self.any_text(all);
            }
            // It is the scheme and the realm that are worth seeing.
            "www-authenticate" | "proxy-authenticate" => self.any_text(all),
            _ if name.starts_with("access-control-") => self.any_text(all),
            // A replayer's own, of a recorded replay: times and numbers.
            _ if name.starts_with("x-isrecorder-") => self.any_text(all),
            _ if is_telling(name.as_bytes()) => self.place(all, What::Named),
            _ => {
                if self.rules.hosts && HOST_FIELDS.contains(&name) {
                    self.host_words(all.clone());
                }
                self.any_text(all);
            }
        }
    }

    /// `name=value; Path=/; Domain=example.com`, or the pairs of a request.
    fn cookies(&mut self, all: Range<usize>) {
        let mut at = all.start;
        // In text a sentence may stand behind such a name.
        let all_is_field = all == (0..self.text.len());
        for pair in self.slice(all).split(|b| *b == b';') {
            let start = at;
            at += pair.len() + 1;
            let Some(equals) = pair.iter().position(|b| *b == b'=') else {
                // A cookie without a name, in a field of its own.
                let bare = pair.trim_ascii();
                let before = pair.len() - pair.trim_ascii_start().len();
                let bare = start + before..start + before + bare.len();
                match start == 0 && all_is_field && bare.len() >= SHORTEST {
                    true => self.place(bare, What::Cookie),
                    false => self.tokens(bare),
                }
                continue;
            };
            let (name, _) = pair.split_at(equals);
            let value = start + equals + 1..start + pair.trim_ascii_end().len();
            match name.trim_ascii().to_ascii_lowercase().as_slice() {
                // The first is the cookie, whatever its name is.
                _ if start == 0 && all_is_field => self.place(value, What::Cookie),
                b"expires" | b"max-age" | b"samesite" | b"version" | b"priority" => {
                    self.tokens(value)
                }
                b"path" => {
                    self.path(value.clone());
                    self.tokens(value);
                }
                b"domain" => {
                    self.token_in_host(value.clone());
                    if self.rules.hosts {
                        self.host_words(value);
                    }
                }
                _ => self.place(value, What::Cookie),
            }
        }
    }

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
            // What is inline is no reference.
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
    fn token_in_host(&mut self, span: Range<usize>) {
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

    fn path(&mut self, span: Range<usize>) {
        let (mut at, end) = (span.start, span.end);
        for segment in self.slice(span).split(|b| *b == b'/') {
            let start = at;
            at += segment.len() + 1;
            let folder = start..start + segment.len();
            self.segment(folder.clone());
            let name = folder.start..folder.end - extension(segment);
            self.segments.push(name);
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
    fn query(&mut self, span: Range<usize>) {
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

    /// A URL in text, from the colon behind its scheme on; slashes may be escaped, as in JSON.
    fn escaped_url(&mut self, colon: usize, end: usize) {
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

    /// What stands behind a name that tells. Returns where it ends, 0: it is none.
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
    fn tokens(&mut self, span: Range<usize>) {
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

#[cfg(test)]
mod tests;
