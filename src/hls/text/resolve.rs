//! From the bytes of a reference to a URL: variables, then RFC 3986 as WHATWG reads it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use memchr::memmem;
use url::Url;

use super::variables::Variables;

/// What all substitutions of one playlist may add together, in bytes: ten bytes of a
/// hostile playlist must not become 64 KiB again and again.
const MOST_EXPANDED: usize = 16 * 1024 * 1024;

/// All URLs of one playlist together, in bytes. A week of segments has half of it;
/// a playlist of one-letter references at a URL of 8 KiB would have twenty times more.
pub const MOST_RESOLVED: usize = 64 * 1024 * 1024;

/// A URL that is asked for, in bytes: few servers take a longer one, nor does a replay, and a playlist may be one
/// line of 16 MiB.
pub const LONGEST_URL: usize = 8 * 1024;

/// URIs of one playlist that are refused and told of: each recording tells of fewer.
const MOST_REFUSED: usize = 1024;

/// What is told of a URI that is refused, in bytes.
const LONGEST_SHOWN: usize = 2048;

/// What is left of a bound. Once it was exceeded, nothing is left.
struct Budget(usize);

impl Budget {
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// A URI that names nothing to ask for over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// The URI as it is written; of a very long one its beginning.
    pub uri: String,
    /// Why it is refused, for people.
    pub reason: &'static str,
}

impl Refused {
    /// One that is written so.
    pub fn new(written: &[u8], reason: &'static str) -> Self {
        let shown = written.get(..LONGEST_SHOWN).unwrap_or(written);
        Self {
            uri: String::from_utf8_lossy(shown).into_owned(),
            reason,
        }
    }
}

/// Resolves the references of one playlist.
pub(crate) struct Resolver<'a> {
    base: &'a Url,
    variables: &'a Variables,
    expansions: Budget,
    urls: Budget,
    refused: Vec<Refused>,
    refused_before: HashSet<String>,
}

impl<'a> Resolver<'a> {
    /// References resolve against `base`, the URL of the playlist.
    pub(crate) fn new(base: &'a Url, variables: &'a Variables) -> Resolver<'a> {
        Resolver {
            base,
            variables,
            expansions: Budget(MOST_EXPANDED),
            urls: Budget(MOST_RESOLVED),
            refused: Vec::new(),
            refused_before: HashSet::new(),
        }
    }

    /// The text of a reference with its variables substituted.
    pub(crate) fn expand<'t>(&mut self, text: &'t str) -> Result<Cow<'t, str>, &'static str> {
        let too_much = "the variables of the playlist expand to too much";
        if self.expansions.is_spent() && text.contains("{$") {
            return Err(too_much);
        }
        let expanded = self.variables.substitute(text);
        let growth = expanded.len().saturating_sub(text.len());
        match self.expansions.take(growth) {
            true => Ok(expanded),
            false => Err(too_much),
        }
    }

    /// The http or https URL that a reference means; otherwise why there is none.
    pub(crate) fn resolve(&mut self, text: &str) -> Result<Url, &'static str> {
        let too_long = "the URLs of the playlist are too long together";
        if self.urls.is_spent() {
            return Err(too_long);
        }
        let expanded = self.expand(text)?;
        let url = self
            .base
            .join(&expanded)
            .map_err(|_| "cannot be read as a URL")?;
        if !self.urls.take(url.as_str().len()) {
            return Err(too_long);
        }
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            _ => Err("neither http nor https"),
        }
    }

    /// The URL to ask for, as [`request_url`] makes it; None is noted as a refusal.
    pub(crate) fn request(&mut self, written: &[u8]) -> Option<Url> {
        let too_long = "it is longer than 8 KiB";
        let resolved = match written.len() <= LONGEST_URL {
            true => self.resolve(&reference_text(written)),
            false => Err(too_long),
        };
        let fits = |url: &Url| url.as_str().len() <= LONGEST_URL;
        match resolved.and_then(|url| fits(&url).then_some(url).ok_or(too_long)) {
            Ok(url) => Some(request_url(url)),
            Err(reason) => {
                let refused = Refused::new(written, reason);
                let has_room = self.refused.len() < MOST_REFUSED;
                if has_room && self.refused_before.insert(refused.uri.clone()) {
                    self.refused.push(refused);
                }
                None
            }
        }
    }

    /// Whether [`Resolver::request`] would give `url` once more, which it gave for the same text and base. For
    /// texts without variables, and URLs that nothing was taken off.
    pub(crate) fn request_again(&mut self, url: &Url) -> bool {
        let fits = self.urls.0 > url.as_str().len();
        fits && self.urls.take(url.as_str().len())
    }

    /// What URLs may still take together, in bytes.
    pub(crate) fn urls_left(&self) -> usize {
        self.urls.0
    }

    /// What [`Resolver::request`] refused; each URI once.
    pub(crate) fn into_refused(self) -> Vec<Refused> {
        self.refused
    }
}

/// What the URLs of a playlist take together, in bytes: no more than this, as long as variables add little.
pub fn most_url_bytes(body: &[u8], base: &Url) -> usize {
    // What is no ASCII is written with three bytes for each.
    let escaped = match body.is_ascii() {
        true => body.len(),
        false => body.len() * 3,
    };
    // A reference stands on a line, and begins at worst with all of the base.
    let lines = memchr::memchr_iter(b'\n', body).count() + 1;
    let bases = lines.saturating_mul(base.as_str().len());
    let expanded = match memmem::find(body, b"{$") {
        Some(_) => MOST_EXPANDED,
        None => 0,
    };
    escaped
        .saturating_add(bases)
        .saturating_add(expanded)
        .min(MOST_RESOLVED)
}

/// How many references a playlist has: no more than this.
pub fn most_references(body: &[u8]) -> usize {
    let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', body).map(|end| end + 1));
    let is_uri = |start: usize| {
        let first = body.get(start);
        first.is_some_and(|first| !b"#\r\n".contains(first))
    };
    let lines = starts.filter(|start| is_uri(*start)).count();
    lines + memmem::find_iter(body, b"URI=").count()
}

/// `url` as it is asked for: without fragment, user and password.
pub(crate) fn request_url(mut url: Url) -> Url {
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only where there is no host, and then there is nothing to remove.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url
}

/// The bytes of a reference as text. Bytes that are no UTF-8 are percent-encoded one by
/// one, so that the reference still means the bytes that the origin wrote.
pub(crate) fn reference_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;

    #[test]
    fn references_are_lines_without_a_number_sign_and_attributes() {
        assert_eq!(most_references(b""), 0);
        assert_eq!(
            most_references(b"#EXTM3U\r\n\r\n#EXTINF:1,\r\na.ts\r\nb.ts"),
            2
        );
        let tags = b"#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"m\"\n#URI\na";
        assert_eq!(most_references(tags), 3);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_percent_encoded() {
        assert_eq!(reference_text("ä.ts".as_bytes()), "ä.ts");
        assert_eq!(reference_text(b"\xE4\xC3\xA4\xC3.ts"), "%E4ä%C3.ts");
    }

    #[test]
    fn only_http_comes_out() {
        let base = url("https://u:p@h/a/b.m3u8");
        let variables = Variables::default();
        let mut resolver = Resolver::new(&base, &variables);
        let resolved = resolver.resolve("c.ts#t=1").map(request_url);
        assert_eq!(resolved, Ok(url("https://h/a/c.ts")));
        for refused in [
            "data:,x",
            "skd://x",
            "rtmp://h/x",
            "file:///etc/passwd",
            "http://[",
        ] {
            assert!(resolver.resolve(refused).is_err(), "{refused}");
        }
    }

    /// A variable of 60,000 bytes.
    fn a_long_one(base: &Url) -> Variables {
        let value = "x".repeat(60_000);
        let define = format!("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{value}\"\n");
        Variables::read(define.as_bytes(), base, &Variables::default())
    }

    #[test]
    fn what_no_server_takes_is_refused_and_shown_in_part() {
        let long = "x".repeat(LONGEST_URL);
        let base = url("https://h/");
        // Written so, or made so by variables or by what has to be escaped.
        let variables = a_long_one(&base);
        let mut resolver = Resolver::new(&base, &variables);
        let spaced = "x y".repeat(LONGEST_URL / 4);
        let expanded = format!("{{$a}}{}", "x".repeat(5_530));
        let dotted = "./".repeat(LONGEST_URL);
        for text in [&long, &spaced, &expanded, &dotted] {
            assert_eq!(resolver.request(text.as_bytes()), None, "{}", text.len());
        }
        let query = format!("https://h/?{}", "x".repeat(LONGEST_URL));
        assert_eq!(resolver.request(query.as_bytes()), None);
        let refused = resolver.into_refused();
        assert!(refused.iter().all(|r| r.uri.len() <= LONGEST_SHOWN));
        assert_eq!(refused.len(), 5);
    }

    #[test]
    fn all_expansions_together_are_bounded() {
        let base = url("https://h/");
        let variables = a_long_one(&base);
        let mut resolver = Resolver::new(&base, &variables);
        let expanded = (0..10_000).filter(|_| resolver.expand("{$a}").is_ok());
        assert!(expanded.count() < 300);
    }

    #[test]
    fn all_urls_together_are_bounded() {
        let base = url(&format!("https://h/{}/", "x".repeat(60_000)));
        let variables = Variables::default();
        let mut resolver = Resolver::new(&base, &variables);
        let resolved = (0..100_000).filter(|_| resolver.resolve("a").is_ok());
        assert!(resolved.count() < 5_000);
    }
}
