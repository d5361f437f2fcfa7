//! Recorded playlists as they are served: URIs that would lead away replaced, an end added
//! where that is wanted. Pure.

use std::borrow::Cow;

use memchr::memmem;
use url::Url;

use crate::hls::{
    Place, PlaylistKind, Variables, playlist_kind, read_media, replay_path, rewrite, rewrite_json,
    shift_dates,
};
use crate::replayer::memory::budget::Permit;
use crate::replayer::memory::text::Text;
use crate::replayer::request::references::served_url;
/// A body as it is served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) text: Text,
    /// Whether dates in it were moved.
    pub(crate) is_shifted: bool,
    /// Whether the origin's entity tag stands for something else than what is served at this URL.
    pub(crate) has_own_tag: bool,
    /// Whether it takes variables from another playlist.
    pub(crate) imports: bool,
}

/// Everything that a served playlist depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Row of `body`.
    pub(crate) body_id: i64,
    /// Path and query that the player asked for.
    pub(crate) served: String,
    /// The query in that stands for any that is not the origin's.
    pub(crate) any_query: bool,
    /// The clock in it, as a path prefix.
    pub(crate) prefix: String,
    /// The playlist's own URL.
    pub(crate) origin: Url,
    /// Body of the multivariant playlist that variables are imported from.
    pub(crate) imports: Option<i64>,
    /// What is to be left out, if that can be.
    pub(crate) skip: Option<SkipKey>,
    /// Whether an EXT-X-ENDLIST is to be added.
    pub(crate) endlist: bool,
    /// By how many microseconds dates are moved.
    pub(crate) shift_us: i64,
}

/// What is left out of a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SkipKey {
    Segments,
    /// Date ranges as well: those that were old at this moment, in microseconds of Unix time.
    Dates(i64),
}

impl Key {
    /// The key of a body at this path and query, on the clock of this prefix. What makes no difference to the
    /// text is left out: a clock, since all references are relative; and a query that is not the origin's,
    /// of which only variables can be taken ([`Self::with_query`]).
    pub(crate) fn new(body_id: i64, origin: &Url, asked: &str, prefix: &str) -> Self {
        let (prefix, path) = match asked.strip_prefix(prefix) {
            Some(rest) if rest.starts_with('/') => ("", rest),
            // The clock is spelled in another way: references do not lead to the same folder.
            _ => (prefix, asked),
        };
        let is_own = replay_path(origin).is_some_and(|own| own == path);
        let (served, any_query) = match path.split_once('?') {
            Some((path, _)) if !is_own => (format!("{path}?-"), true),
            _ => (path.to_owned(), false),
        };
        Self {
            body_id,
            served,
            any_query,
            prefix: prefix.to_owned(),
            origin: origin.clone(),
            imports: None,
            skip: None,
            endlist: false,
            shift_us: 0,
        }
    }

    /// The key with the query of a request.
    pub(crate) fn with_query(mut self, asked: &str) -> Self {
        if let (true, Some((path, _)), Some((_, query))) = (
            self.any_query,
            self.served.split_once('?'),
            asked.split_once('?'),
        ) {
            self.served = format!("{path}?{query}");
            self.any_query = false;
        }
        self
    }
}

/// Whether an attribute may be in a playlist: `IMPORT=`, `QUERYPARAM=` (RFC 8216bis 4.4.2.3).
pub(crate) fn contains(body: &[u8], attribute: &[u8]) -> bool {
    memmem::find(body, attribute).is_some()
}

/// A playlist, or its delta, as it is served.
pub(crate) fn serve(body: &[u8], key: &Key, imports: Option<&Variables>, permit: Permit) -> Served {
    let none = Variables::default();
    let rewritten = in_place(body, key, imports.unwrap_or(&none), rewrite);
    let (shifted, is_shifted) = match shift_dates(&rewritten, key.shift_us) {
        Cow::Owned(shifted) => (shifted, true),
        Cow::Borrowed(_) => (rewritten, false),
    };
    let length = shifted.len();
    let ended = match key.endlist {
        true => with_end(shifted, &key.origin),
        false => shifted,
    };
    let has_own_tag = is_shifted || ended.len() != length || key.skip.is_some();
    let text = Text::new(ended, permit);
    if has_own_tag {
        // Here, where it may take its time.
        text.tag();
    }
    Served {
        text,
        is_shifted,
        has_own_tag,
        imports: imports.is_some(),
    }
}

/// A steering manifest or a list of assets as it is served.
pub(crate) fn serve_json(body: &[u8], key: &Key, permit: Permit) -> Served {
    let rewritten = in_place(body, key, &Variables::default(), rewrite_json);
    Served {
        text: Text::new(rewritten, permit),
        is_shifted: false,
        has_own_tag: false,
        imports: false,
    }
}

type Rewrite = for<'b> fn(&'b [u8], &Place<'_>, &dyn Fn(&Url) -> Option<String>) -> Cow<'b, [u8]>;

/// A body with what would lead away replaced.
fn in_place(body: &[u8], key: &Key, imports: &Variables, rewrite: Rewrite) -> Vec<u8> {
    let served = served_url(&key.served).unwrap_or_else(|| key.origin.clone());
    let place = Place {
        origin: &key.origin,
        served: &served,
        imports,
    };
    let path = |url: &Url| replay_path(url).map(|path| format!("{}{path}", key.prefix));
    rewrite(body, &place, &path).into_owned()
}

/// A media playlist without an end gets one, on a line of its own, in its own style.
fn with_end(mut body: Vec<u8>, url: &Url) -> Vec<u8> {
    let is_media = playlist_kind(&body) == Some(PlaylistKind::Media);
    if !is_media || read_media(&body, url, &Variables::default()).facts.ended {
        return body;
    }
    let first_end = body.iter().position(|&b| b == b'\n');
    let crlf = first_end.is_some_and(|at| at > 0 && body.get(at - 1) == Some(&b'\r'));
    let newline: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    if !body.ends_with(b"\n") {
        body.extend_from_slice(newline);
    }
    body.extend_from_slice(b"#EXT-X-ENDLIST");
    body.extend_from_slice(newline);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::playlist_text;
    use proptest::prelude::*;

    fn key(served: &str, prefix: &str, endlist: bool) -> Key {
        Key {
            body_id: 1,
            served: served.to_owned(),
            any_query: false,
            prefix: prefix.to_owned(),
            origin: Url::parse("https://h/live/main.m3u8").unwrap(),
            imports: None,
            skip: None,
            endlist,
            shift_us: 0,
        }
    }

    fn text(body: &str, key: &Key) -> String {
        let served = serve(body.as_bytes(), key, None, Permit::default());
        String::from_utf8(served.text.bytes().to_vec()).unwrap()
    }

    #[test]
    fn clocks_and_queries_that_make_no_difference_share_a_text() {
        let origin = Url::parse("https://h/live/main.m3u8?token=1").unwrap();
        let new = |asked: &str, prefix: &str| Key::new(1, &origin, asked, prefix);
        let plain = new("/https/h:443/live/main.m3u8?token=1", "");
        assert_eq!(plain.served, "/https/h:443/live/main.m3u8?token=1");
        let clocked = new("/@5~7/https/h:443/live/main.m3u8?token=1", "/@5~7");
        assert_eq!(clocked, plain);
        let other = new("/https/h:443/live/main.m3u8?x=/../a?", "");
        assert_eq!(
            other,
            new("/@9/https/h:443/live/main.m3u8?_HLS_msn=3", "/@9")
        );
        assert_ne!(other, plain, "an empty reference leads to another query");
        assert_ne!(new("/https/h:443/live/main.m3u8", ""), plain);
        let asked = "/https/h:443/live/main.m3u8?x=1";
        let with_query = new(asked, "").with_query(asked);
        assert_eq!(with_query.served, asked);
        assert_eq!(with_query.origin, origin);
        let spelled = new("/%405/stream.m3u8", "/@5");
        assert_eq!(
            (&*spelled.served, &*spelled.prefix),
            ("/%405/stream.m3u8", "/@5")
        );
    }

    proptest! {
        #[test]
        fn a_text_is_the_same_on_each_clock(text in playlist_text(), zero in 0_u64..1000, query in "[a-z=]{0,3}") {
            let origin = Url::parse("https://h/live/main.m3u8").unwrap();
            for path in ["/https/h:443/live/main.m3u8", "/stream.m3u8", "/hall/stream.m3u8"] {
                let prefix = format!("/@{zero}");
                let asked = format!("{prefix}{path}?{query}");
                let exact = Key { served: asked.clone(), prefix: prefix.clone(), ..Key::new(1, &origin, &asked, &prefix) };
                let mut shared = Key::new(1, &origin, &asked, &prefix);
                if contains(text.as_bytes(), b"QUERYPARAM=") {
                    shared = shared.with_query(&asked);
                }
                prop_assert_eq!(self::text(&text, &shared), self::text(&text, &exact));
            }
        }
    }

    const BODY: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv1/a.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhttps://h2/b.m3u8\n";

    #[test]
    fn at_its_own_path_only_what_leads_away_is_replaced() {
        let own = key("/https/h:443/live/main.m3u8", "", false);
        assert_eq!(
            text(BODY, &own),
            BODY.replace("https://h2/", "../../h2:443/")
        );
        let clocked = key("/@5/https/h:443/live/main.m3u8", "/@5", false);
        assert_eq!(
            text(BODY, &clocked),
            BODY.replace("https://h2/", "../../h2:443/")
        );
    }

    #[test]
    fn under_the_name_of_a_stream_everything_leads_to_its_own_path() {
        for (path, up) in [("/@5/stream.m3u8", ""), ("/@5/a%2Fb/stream.m3u8", "../")] {
            let stream = key(path, "/@5", false);
            let wanted = BODY
                .replace("v1/", &format!("{up}https/h:443/live/v1/"))
                .replace("https://h2/", &format!("{up}https/h2:443/"));
            assert_eq!(text(BODY, &stream), wanted);
        }
        let other = key("/%405/stream.m3u8", "/@5", false);
        assert!(text(BODY, &other).contains("\n../@5/https/h2:443/b.m3u8\n"));
    }

    #[test]
    fn an_end_is_a_line_of_its_own() {
        let key = key("/https/h:443/live/main.m3u8", "", true);
        let cases = [
            ("#EXTM3U\n#EXTINF:1,\na.ts\n", "#EXT-X-ENDLIST\n"),
            ("#EXTM3U\n#EXTINF:1,\na.ts", "\n#EXT-X-ENDLIST\n"),
            ("#EXTM3U\r\n#EXTINF:1,\r\na.ts\r\n", "#EXT-X-ENDLIST\r\n"),
            ("#EXTM3U\r\n#EXTINF:1,\r\na.ts", "\r\n#EXT-X-ENDLIST\r\n"),
            ("#EXTM3U\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST", ""),
            ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", ""),
        ];
        for (body, added) in cases {
            assert_eq!(text(body, &key), format!("{body}{added}"));
        }
    }
}
