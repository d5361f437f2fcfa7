//! Replaces the URIs of a playlist that would lead a player away from a replay, and nothing
//! else.

use std::borrow::Cow;
use std::ops::Range;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::{Position, Url};

use super::relative::relative;
use super::tag_urls::{names_host, references, url_text};
use crate::hls::text::resolve::{Resolver, reference_text};
use crate::hls::text::scan::{UriRef, UriRole};
use crate::hls::text::variables::Variables;

/// What would end a quoted string or a line.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'"').add(b' ');

/// Where a playlist stood at the origin, and where it is served now.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What relative references in the body resolve against at the origin: the URL that
    /// answered, after redirects.
    pub origin: &'a Url,
    /// The URL at which a player sees the playlist. Its host and port stand for any.
    pub served: &'a Url,
    /// The variables of the multivariant playlist (RFC 8216bis 4.4.2.3).
    pub imports: &'a Variables,
}

/// One URI whose bytes are to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes of the URI in the body.
    pub span: Range<usize>,
    /// What to put in their place.
    pub text: String,
}

/// The playlist `body` as a replay serves it: with all of its [`replacements`] made.
/// Borrowed where there are none.
pub fn rewrite<'b>(
    body: &'b [u8],
    place: &Place,
    replay_path: &dyn Fn(&Url) -> Option<String>,
) -> Cow<'b, [u8]> {
    with_replacements(body, replacements(body, place, replay_path))
}

/// `body` with replacements made, in ascending order. Borrowed where there are none.
pub(crate) fn with_replacements(body: &[u8], replacements: Vec<Replacement>) -> Cow<'_, [u8]> {
    if replacements.is_empty() {
        return Cow::Borrowed(body);
    }
    let mut result = Vec::with_capacity(body.len() + 32 * replacements.len());
    let mut copied = 0;
    for replacement in replacements {
        let between = body.get(copied..replacement.span.start);
        result.extend_from_slice(between.unwrap_or_default());
        result.extend_from_slice(replacement.text.as_bytes());
        copied = replacement.span.end;
    }
    result.extend_from_slice(body.get(copied..).unwrap_or_default());
    Cow::Owned(result)
}

/// The URIs of `body` that would lead a player away from the replay, in ascending order.
///
/// `replay_path` gives the path and query at which the replay has a URL of the origin: the
/// one of [`super::replay_path`], with any prefix in front of it, or None for a URL that is
/// to be left alone. A URI that a player resolves to just that path keeps its bytes, unless it
/// begins at the root; any other is replaced by a relative reference that leads there (and its
/// fragment, if it had one), so that a proxy may serve the replay below any path. URIs that are
/// neither http nor https are left alone.
pub fn replacements(
    body: &[u8],
    place: &Place,
    replay_path: &dyn Fn(&Url) -> Option<String>,
) -> Vec<Replacement> {
    let at_origin = Variables::read(body, place.origin, place.imports);
    let at_player = Variables::read(body, place.served, place.imports);
    let mut rewriter = Rewriter {
        origin: Resolver::new(place.origin, &at_origin),
        player: Resolver::new(place.served, &at_player),
        place: *place,
        replay_path,
    };
    let parallel = rewriter.is_parallel();
    let replacement = |uri: UriRef| {
        let written = body.get(uri.span.clone())?;
        if parallel && is_plain(written) {
            return None;
        }
        let path = rewriter.replacement(written, uri.role)?;
        let text = fit(&path, &at_player, body, &uri);
        Some(Replacement {
            span: uri.span,
            text,
        })
    };
    references(body).filter_map(replacement).collect()
}

/// What references that stand elsewhere than in a playlist are to be replaced by; None where one is to be
/// left alone. They have the variables of `place.imports`, and no others.
pub(crate) fn references_elsewhere<'a>(
    place: &Place<'a>,
    replay_path: &'a dyn Fn(&Url) -> Option<String>,
) -> impl FnMut(&str) -> Option<String> + use<'a> {
    let mut rewriter = Rewriter {
        origin: Resolver::new(place.origin, place.imports),
        player: Resolver::new(place.served, place.imports),
        place: *place,
        replay_path,
    };
    move |text| rewriter.replacement(text.as_bytes(), UriRole::ContentSteering)
}

struct Rewriter<'a> {
    origin: Resolver<'a>,
    player: Resolver<'a>,
    place: Place<'a>,
    replay_path: &'a dyn Fn(&Url) -> Option<String>,
}

impl Rewriter<'_> {
    /// Whether the playlist is served at the replay path of its own URL. If so, both sides
    /// resolve a plain reference to the same place, and it need not be looked at.
    fn is_parallel(&self) -> bool {
        let Some(own) = (self.replay_path)(self.place.origin) else {
            return false;
        };
        let path = own.split_once('?').map_or(own.as_str(), |(path, _)| path);
        path == self.place.served.path()
    }

    /// What the reference `written` is to be replaced by; None where it is to be left alone.
    fn replacement(&mut self, written: &[u8], role: UriRole) -> Option<String> {
        let text = reference_text(written);
        let expanded = match role {
            UriRole::Text => self.origin.expand(&text).ok()?.into_owned(),
            _ => String::new(),
        };
        let text = url_text(role, text, &expanded)?;
        let url = self.origin.resolve(&text).ok()?;
        let wanted = (self.replay_path)(&url)?;
        if self.player_goes_to(&text, &wanted) {
            return None;
        }
        let served = &self.place.served[Position::BeforePath..Position::AfterPath];
        let mut reference = relative(served, &wanted);
        if let Some(fragment) = url.fragment() {
            reference.push('#');
            reference.push_str(fragment);
        }
        Some(reference)
    }

    /// Whether a player that reads `text` asks this replay for `wanted`.
    fn player_goes_to(&mut self, text: &str, wanted: &str) -> bool {
        let Ok(text) = self.player.expand(text) else {
            return false;
        };
        // The host of `served` is an example: a reference that names one leads away, even
        // if it names the example. So is the root: a proxy may have another one.
        if names_host(&text) || text.trim_ascii_start().starts_with(['/', '\\']) {
            return false;
        }
        let served = self.place.served;
        served.join(&text).is_ok_and(|url| {
            url[..Position::BeforePath] == served[..Position::BeforePath]
                && url[Position::BeforePath..Position::AfterQuery] == *wanted
        })
    }
}

/// Whether a reference is nothing but names below the folder of the playlist, so that it
/// needs no variables, no decoding and no dot segments to be resolved.
fn is_plain(reference: &[u8]) -> bool {
    let mut before = b'/';
    reference.iter().enumerate().all(|(at, &byte)| {
        let twice_dot = byte == b'.' && before == b'.';
        before = byte;
        match byte {
            b'/' | b'?' => at > 0,
            b'.' => !twice_dot,
            b'-' | b'_' | b'~' | b',' | b';' | b'=' | b'&' | b'+' | b'(' | b')' | b'@' => true,
            _ => byte.is_ascii_alphanumeric(),
        }
    })
}

/// `path` in a form that cannot end the line or the quoted string that it is put into, and
/// in which a player with these `variables` finds none of them.
fn fit(path: &str, variables: &Variables, body: &[u8], uri: &UriRef) -> String {
    let mut text = utf8_percent_encode(path, UNSAFE).to_string();
    if variables.substitute(&text) != text {
        text = text.replace("{$", "%7B$");
    }
    let is_line = matches!(uri.role, UriRole::Segment | UriRole::Variant);
    let before = uri.span.start.checked_sub(1).and_then(|at| body.get(at));
    if !is_line && before != Some(&b'"') && text.contains(',') {
        // Unquoted (RFC 8216bis demands quotes, players do not): the comma would end it.
        return format!("\"{text}\"");
    }
    text
}

#[cfg(test)]
mod tests;
