//! The URL space of a replay: the origin's URLs, path for path, in both directions.
//!
//! `https://cdn.example.com/live/seg7.ts?x=1` is `/https/cdn.example.com:443/live/seg7.ts?x=1`.
//! Because the shape of the path is the origin's own, a relative reference means the same
//! resource on both sides.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::{Position, Url};

/// What a URL allows in a host and not in a path.
const HOST_IN_PATH: &AsciiSet = &CONTROLS.add(b'"').add(b'`').add(b'{').add(b'}');

/// The path and query of `url` in a replay. The port is always written; user, password and
/// fragment are dropped. None unless the URL is http or https and has a host.
pub fn replay_path(url: &Url) -> Option<String> {
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let host = utf8_percent_encode(url.host_str()?, HOST_IN_PATH);
    let port = url.port_or_known_default()?;
    let path_and_query = &url[Position::BeforePath..Position::AfterQuery];
    Some(format!("/{scheme}/{host}:{port}{path_and_query}"))
}

/// The URL at the origin that a path and query of a replay mean: the inverse of
/// [`replay_path`]. None where it is no such path.
pub fn origin_url(path_and_query: &str) -> Option<Url> {
    let (scheme, rest) = path_and_query.strip_prefix('/')?.split_once('/')?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let end = rest.find(['/', '?', '#'])?;
    let (authority, path) = rest.split_at_checked(end)?;
    let (host, port) = authority.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !is_port || host.contains(['@', '\\']) || !path.starts_with('/') {
        return None;
    }
    let mut url = Url::parse(&format!("{scheme}://{host}:{port}{path}")).ok()?;
    url.set_fragment(None);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;
    use crate::hls::text::resolve::request_url;
    use proptest::prelude::*;

    #[test]
    fn the_port_is_always_written() {
        let cases = [
            (
                "https://cdn.example.com/live/seg7.ts?x=1",
                "/https/cdn.example.com:443/live/seg7.ts?x=1",
            ),
            ("http://H:8080", "/http/h:8080/"),
            ("http://u:p@h/a?#frag", "/http/h:80/a?"),
            ("https://[::1]/x", "/https/[::1]:443/x"),
            ("http://h//a//b/", "/http/h:80//a//b/"),
            ("http://ä.example/ä", "/http/xn--4ca.example:80/%C3%A4"),
            ("http://a\"{b}/", "/http/a%22%7Bb%7D:80/"),
        ];
        for (origin, path) in cases {
            assert_eq!(replay_path(&url(origin)).as_deref(), Some(path));
            assert_eq!(origin_url(path), Some(request_url(url(origin))));
        }
    }

    #[test]
    fn only_http_has_a_place() {
        for other in ["ftp://h/a", "file:///a", "data:,a", "skd://key"] {
            assert_eq!(replay_path(&url(other)), None);
        }
    }

    #[test]
    fn other_paths_are_no_urls() {
        let others = [
            "",
            "/",
            "/http",
            "/http/",
            "/http/h",
            "/http/h:80",
            "/http/h/a",
            "/http/h:/a",
            "/http/:80/a",
            "/http/h:80?a",
            "/http/u@h:80/a",
            "/ftp/h:21/a",
            "/http/h:99999/a",
            "/http/a\\b:80/a",
            "/http/[::1:80/a",
            "http/h:80/a",
            "/HTTP/h:80/a",
            "/http/h:8x/a",
        ];
        for other in others {
            assert_eq!(origin_url(other), None, "{other}");
        }
    }

    fn round_trip(text: &str) -> Result<(), TestCaseError> {
        if let Ok(url) = Url::parse(text)
            && let Some(path) = replay_path(&url)
        {
            prop_assert_eq!(origin_url(&path), Some(request_url(url)), "{}", path);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn odd_urls_come_back(
            host in r#"[a-z"{}`'$_~!-]{1,6}|\[::[0-9a-f]{1,4}\]|[0-9]{1,3}|\PC{1,6}"#,
            port in "(:[0-9]{1,5})?",
            path in r#"(/|//|%2F|%2e%2e|%2E|\.\.|\.|ä|\[|\]|\||'|"|\{|\}|\^|`|<|\\|%|%zz|@|:|;|a){0,12}"#,
            query in r#"(\?(&|=|\?|/|'|"|`|\{|\}|%22|\||ä|\[|a){0,12})?(#.{0,3})?"#,
        ) {
            round_trip(&format!("https://{host}{port}/{path}{query}"))?;
        }

        #[test]
        fn very_long_queries_come_back(length in 0usize..70_000) {
            round_trip(&format!("http://h/a?{}", "x".repeat(length)))?;
        }

        #[test]
        fn any_path_gives_a_url_or_none(path in "/(http|https)/.{0,40}") {
            if let Some(url) = origin_url(&path) {
                let canonical = replay_path(&url);
                prop_assert!(canonical.is_some());
                prop_assert_eq!(origin_url(&canonical.unwrap_or_default()), Some(url));
            }
        }
    }
}
