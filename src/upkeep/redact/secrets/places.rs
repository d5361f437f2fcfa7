//! Places of a text that are replaced, by what the text is: a URL (`urls.rs`), a playlist (`playlist.rs`), a header
//! field, any other text (`text.rs`). Pure.

use std::ops::Range;

use super::secret::{Rules, SHORTEST, What, is_telling, is_word};

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
    /// Segments of paths, without extensions, where somebody wants them.
    pub(crate) segments: Vec<Range<usize>>,
    /// Whether somebody does.
    pub(crate) wants_segments: bool,
    /// Spans that were read as URLs, and are not read as other text again.
    pub(crate) urls: Vec<Range<usize>>,
    /// Keys in playlists that stay.
    pub(crate) keys: Vec<Range<usize>>,
    /// Whether what only looks like a token stays.
    pub(super) keeps_looks: bool,
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
            wants_segments: false,
            urls: Vec::new(),
            keys: Vec::new(),
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
    pub(super) fn cookies(&mut self, all: Range<usize>) {
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
}

#[cfg(test)]
mod tests;
