//! The references of a playlist in the order in which they are written. One that the revision before had, too,
//! is not resolved again.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use url::Url;

use crate::hls::steps::step;
use crate::hls::text::resolve::{Refused, Resolver};

/// A reference that is not the next one of the revision before is looked for in all that is left of that one,
/// without success so many times: an origin that renames everything costs no more than reading all of it.
const SEARCHES: usize = 8;

/// What a revision refers to.
#[derive(Debug)]
pub(crate) struct Before {
    text: Bytes,
    base: Url,
    known: Vec<Known>,
    /// What `known` takes, in bytes.
    size: usize,
}

/// A reference, and what it means.
#[derive(Debug)]
struct Known {
    /// Where it stands in the text, in bytes.
    span: Range<usize>,
    /// `None`: it means something that depends on more than itself and the base, or nothing.
    url: Option<Arc<Url>>,
}

/// All references of a revision.
pub(crate) struct Found {
    known: Vec<Known>,
    /// What the URLs in it take, in bytes.
    urls: usize,
}

/// Resolves references one after the other.
pub(crate) struct References<'a> {
    resolver: Resolver<'a>,
    text: &'a [u8],
    /// What is left of the revision before.
    before: &'a [Known],
    searches: usize,
    found: Found,
}

impl Before {
    pub(crate) fn new(text: Bytes, base: &Url, found: Found) -> Self {
        let list = found.known.capacity() * size_of::<Known>();
        Self {
            text,
            base: base.clone(),
            known: found.known,
            size: list + found.urls,
        }
    }

    /// What is kept beside the text, in bytes.
    pub(crate) fn beside_text(&self) -> usize {
        self.base.as_str().len() + self.size
    }
}

impl<'a> References<'a> {
    /// `base` is that of `resolver`.
    pub(crate) fn new(resolver: Resolver<'a>, base: &Url, before: Option<&'a Before>) -> Self {
        let before = before.filter(|before| before.base == *base);
        Self {
            resolver,
            text: before.map_or(&[], |before| &before.text),
            before: before.map_or(&[], |before| &before.known),
            searches: SEARCHES,
            found: Found {
                known: Vec::with_capacity(before.map_or(0, |before| before.known.len() + 1)),
                urls: 0,
            },
        }
    }

    /// What [`Resolver::request`] says of a reference that stands at `span`.
    pub(crate) fn request(&mut self, written: &[u8], span: Range<usize>) -> Option<Arc<Url>> {
        let again = self.next(written).and_then(|known| known.url.clone());
        let again = again.filter(|url| self.resolver.request_again(url));
        let (url, keeps) = match again {
            Some(url) => (Some(url), true),
            None => self.anew(written),
        };
        let known = url.clone().filter(|_| keeps);
        self.found.urls += known.as_deref().map_or(0, size_of_shared);
        self.found.known.push(Known { span, url: known });
        url
    }

    /// The URL, and whether it will be the same wherever the text and the base are.
    fn anew(&mut self, written: &[u8]) -> (Option<Arc<Url>>, bool) {
        let left = self.resolver.urls_left();
        let url = self.resolver.request(written);
        // It was put together in the room of its base: `../a` would keep 60 KB of that. A copy does not.
        let url = url.map(|url| Arc::new(Url::clone(&url)));
        let took = left - self.resolver.urls_left();
        let takes_as_much = url.as_ref().is_some_and(|url| url.as_str().len() == took);
        let keeps = takes_as_much && memmem::find(written, b"{$").is_none();
        (url, keeps)
    }

    /// The same reference in the revision before.
    fn next(&mut self, written: &[u8]) -> Option<&'a Known> {
        let text = self.text;
        let same = |known: &Known| {
            step();
            text.get(known.span.clone()) == Some(written)
        };
        let (first, rest) = self.before.split_first()?;
        let at = match same(first) {
            true => Some(0),
            false if self.searches == 0 => {
                self.before = rest;
                return None;
            }
            false => rest.iter().position(same).map(|at| at + 1),
        };
        let Some(at) = at else {
            self.searches -= 1;
            return None;
        };
        let found = self.before.get(at);
        self.before = self.before.get(at + 1..).unwrap_or_default();
        found
    }

    /// What there was, and what was refused of it.
    pub(crate) fn finish(self) -> (Found, Vec<Refused>) {
        (self.found, self.resolver.into_refused())
    }
}

/// What a URL takes that is in memory once for all who have it, in bytes.
fn size_of_shared(url: &Url) -> usize {
    size_of::<[usize; 2]>() + size_of::<Url>() + url.as_str().len()
}
