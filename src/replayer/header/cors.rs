//! Which pages of other sites may read answers (Fetch, CORS protocol). Pure.
//!
//! Any page may read what its browser gets without credentials, as web players need it. Behind a login that is not
//! enough: only pages of the origins that the user named may send the cookies and passwords of their viewers. Nothing
//! of this comes from a session.

use std::fmt;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

const ALLOWED_METHODS: &str = "GET, HEAD, OPTIONS";
const EXPOSED: &str = "Content-Length, Content-Range, Date, ETag, Age, Cache-Control, Content-Type, \
    Content-Encoding, Expires, Last-Modified, Retry-After, Server, Accept-Ranges, X-Isrecorder-Exchange, \
    X-Isrecorder-Session-Time, X-Isrecorder-Injected";
const TIMING: HeaderName = HeaderName::from_static("timing-allow-origin");

/// An origin of pages (RFC 6454), as browsers write it in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOrigin(HeaderValue);

/// A text that is not an origin of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "write scheme://host or scheme://host:port, such as https://player.example.com, \
             nothing behind it; each origin is named, there are no wildcards",
        )
    }
}

impl std::error::Error for InvalidOrigin {}

impl PageOrigin {
    /// `https://player.example.com`, `http://localhost:3000`: in lower case, without the usual port.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, place) = text.split_once("://").ok_or(InvalidOrigin)?;
        // What a URL may have, and what its parser would repair in silence.
        let is_more = |c: char| c.is_whitespace() || c.is_control() || "/\\@?#*%,;".contains(c);
        // Pages of these have no origin: their browsers send `null`.
        let has_none = ["file", "data", "blob", "about"].contains(&&*scheme.to_ascii_lowercase());
        if place.is_empty() || place.ends_with(':') || place.contains(is_more) || has_none {
            return Err(InvalidOrigin);
        }
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(InvalidOrigin)?.to_ascii_lowercase();
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        let origin = format!("{}://{host}{port}", url.scheme());
        let value = HeaderValue::from_str(&origin).map_err(|_| InvalidOrigin)?;
        Ok(Self(value))
    }
}

/// The origins whose pages may send credentials.
#[derive(Debug, Clone, Default)]
pub struct Cors(Arc<[PageOrigin]>);

impl From<Vec<PageOrigin>> for Cors {
    fn from(named: Vec<PageOrigin>) -> Self {
        Self(named.into())
    }
}

impl Cors {
    /// The origin of the page that asks, where it is one of those.
    fn named<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut fields = request.get_all(header::ORIGIN).iter();
        let origin = fields.next()?;
        let is_named = self.0.iter().any(|named| named.0 == *origin);
        (is_named && fields.next().is_none()).then_some(origin)
    }

    /// Adds the fields that depend on the page that asks, to a response that has the common ones ([`add_common`]).
    pub(crate) fn add(&self, headers: &mut HeaderMap, request: &HeaderMap) {
        if request.contains_key(header::ORIGIN) {
            // Without the field no script asks.
            headers.insert(TIMING, HeaderValue::from_static("*"));
        }
        if self.0.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.named(request) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let allow = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
            headers.insert(allow, HeaderValue::from_static("true"));
        }
    }

    /// Adds the answer to a preflight.
    pub(crate) fn add_preflight(&self, headers: &mut HeaderMap, request: &HeaderMap) {
        add_allow(headers);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(ALLOWED_METHODS),
        );
        let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        // Names of fields are visible ASCII.
        if let Some(asked) = asked.filter(|asked| asked.to_str().is_ok()) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        let from_outside = request.contains_key("access-control-request-private-network");
        if from_outside && self.named(request).is_some() {
            let allow = HeaderName::from_static("access-control-allow-private-network");
            headers.insert(allow, HeaderValue::from_static("true"));
        }
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("86400"),
        );
    }
}

/// Adds the fields that every response has: any page may read it, without credentials.
pub(crate) fn add_common(headers: &mut HeaderMap) {
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
    // Players of browsers themselves (`<video src>`) do not take part in the protocol.
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

/// Adds the Allow field of a 405.
pub(crate) fn add_allow(headers: &mut HeaderMap) {
    headers.insert(header::ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn answered(named: &[&str], fields: &[(&'static str, &str)]) -> HeaderMap {
        let named: Vec<PageOrigin> = named
            .iter()
            .map(|o| PageOrigin::parse(o).unwrap())
            .collect();
        let (cors, request) = (Cors::from(named), request(fields));
        let mut headers = HeaderMap::new();
        cors.add_preflight(&mut headers, &request);
        add_common(&mut headers);
        cors.add(&mut headers, &request);
        headers
    }

    const PRIVATE: (&str, &str) = ("access-control-request-private-network", "true");

    #[test]
    fn an_origin_is_a_scheme_a_host_and_maybe_a_port() {
        for (text, wanted) in [
            ("https://player.example.com", "https://player.example.com"),
            (
                "HTTPS://Player.Example.COM:443",
                "https://player.example.com",
            ),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("capacitor://LocalHost", "capacitor://localhost"),
        ] {
            assert_eq!(PageOrigin::parse(text).unwrap().0, wanted, "{text}");
        }
        for wrong in [
            "",
            "*",
            "null",
            "player.example",
            "https://",
            "https://*.example",
            "https://a/",
            "https://a/page",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https:a",
            "https:///a",
            "https://a:",
            "https://a:99999",
            "https://a b",
            "https://a\nb",
            "file://a",
            "https://a,https://b",
            "://a",
            "https://a\\b",
            "https://a%2fb",
        ] {
            assert_eq!(PageOrigin::parse(wrong), Err(InvalidOrigin), "{wrong}");
        }
    }

    #[test]
    fn any_page_may_read_and_none_with_credentials() {
        for origin in ["http://player.example", "null", "https://evil.example"] {
            let headers = answered(&[], &[("origin", origin), PRIVATE]);
            assert_eq!(headers["access-control-allow-origin"], "*");
            assert!(!headers.contains_key("access-control-allow-credentials"));
            assert!(!headers.contains_key("access-control-allow-private-network"));
            assert!(
                !headers.contains_key("vary"),
                "there is nothing to tell apart"
            );
        }
        let asked = ("access-control-request-headers", "range, x-own");
        let headers = answered(&[], &[asked]);
        assert_eq!(headers["access-control-allow-headers"], "range, x-own");
    }

    #[test]
    fn a_page_of_an_origin_that_was_named_may_send_credentials() {
        let named = ["https://a.example", "http://localhost:3000"];
        for origin in named {
            let headers = answered(&named, &[("origin", origin), PRIVATE]);
            assert_eq!(headers["access-control-allow-origin"], origin);
            assert_eq!(headers["access-control-allow-credentials"], "true");
            assert_eq!(headers["access-control-allow-private-network"], "true");
            assert_eq!(headers["vary"], "Origin");
        }
        let others: [&[_]; 7] = [
            &[],
            &[("origin", "null")],
            &[("origin", "http://a.example")],
            &[("origin", "https://a.example:8443")],
            &[("origin", "https://a.example.evil.example")],
            &[("origin", "https://b.a.example")],
            &[
                ("origin", "https://a.example"),
                ("origin", "https://evil.example"),
            ],
        ];
        for fields in others {
            let headers = answered(&named, fields);
            assert_eq!(headers["access-control-allow-origin"], "*", "{fields:?}");
            assert!(!headers.contains_key("access-control-allow-credentials"));
            assert_eq!(headers["vary"], "Origin", "caches keep one for each");
        }
    }

    #[test]
    fn times_are_told_to_scripts_that_take_part_in_the_protocol() {
        assert!(!answered(&[], &[]).contains_key(&TIMING));
        let headers = answered(&[], &[("origin", "http://player.example")]);
        assert_eq!(headers[&TIMING], "*");
    }
}
