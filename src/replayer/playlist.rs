//! Recorded playlists as they are served: URIs that would lead away replaced, an end added
//! where that is wanted, and the results kept, so that a long playlist is not rewritten for
//! every player.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use url::Url;

use super::base::served_url;
use super::gzip::Gzip;
use super::headers::entity_tag;
use crate::hls::{
    Place, PlaylistKind, Variables, playlist_kind, read_media, replay_path, rewrite, rewrite_json,
    shift_dates,
};
use crate::session::digest;

/// What is kept is at most so many playlists …
const MOST_KEPT: usize = 64;
/// … and so many bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A body as it is served.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) bytes: Bytes,
    /// Whether dates in it were moved.
    pub(super) is_shifted: bool,
    /// Its own entity tag, where it is no longer what the origin's stands for at this URL.
    pub(super) own_tag: Option<String>,
    /// Whether it takes variables from another playlist.
    pub(super) imports: bool,
    gzip: Gzip,
    content_tag: Arc<OnceLock<String>>,
}

impl Served {
    fn new(bytes: Bytes, own_tag: Option<String>, is_shifted: bool) -> Self {
        Self {
            bytes,
            is_shifted,
            own_tag,
            imports: false,
            gzip: Gzip::default(),
            content_tag: Arc::default(),
        }
    }

    /// The entity tag of what is served.
    pub(super) fn content_tag(&self) -> &str {
        self.content_tag
            .get_or_init(|| entity_tag(&digest(&self.bytes)))
    }

    /// Whether it is compressed for whoever takes that.
    pub(super) fn may_be_compressed(&self) -> bool {
        Gzip::is_for(&self.bytes)
    }

    /// Compresses it, once; who asks meanwhile waits.
    pub(super) fn compress(&self) {
        self.gzip.make(&self.bytes);
    }

    /// It in gzip; `None`: it is not compressed, and `Some(None)`: it would be no smaller.
    pub(super) fn compressed(&self) -> Option<Option<&Bytes>> {
        self.gzip.get(&self.bytes)
    }

    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.gzip.size()
    }
}

/// Everything that a served playlist depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// Row of `body`.
    pub(super) body_id: i64,
    /// Path and query that the player asked for.
    pub(super) served: String,
    /// The clock in it, as a path prefix.
    pub(super) prefix: String,
    /// The playlist's own URL.
    pub(super) origin: Url,
    /// Body of the multivariant playlist that variables are imported from.
    pub(super) imports: Option<i64>,
    /// Whether an EXT-X-ENDLIST is to be added.
    pub(super) endlist: bool,
    /// By how many microseconds dates are moved.
    pub(super) shift_us: i64,
}

/// The playlists that were served last.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<VecDeque<(Key, Served)>>);

impl Cache {
    pub(super) fn get(&self, key: &Key) -> Option<Served> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(k, _)| k == key)?;
        let found = kept.remove(at)?;
        let served = found.1.clone();
        kept.push_back(found);
        Some(served)
    }

    pub(super) fn put(&self, key: Key, served: Served) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((key, served));
        let mut bytes: usize = kept.iter().map(|(_, s)| s.size()).sum();
        while kept.len() > MOST_KEPT || bytes > MOST_BYTES {
            let Some((_, dropped)) = kept.pop_front() else {
                return;
            };
            bytes = bytes.saturating_sub(dropped.size());
        }
    }
}

/// Whether an attribute may be in a playlist: `IMPORT=`, `QUERYPARAM=` (RFC 8216bis 4.4.2.3).
pub(super) fn contains(body: &[u8], attribute: &[u8]) -> bool {
    body.windows(attribute.len())
        .any(|window| window == attribute)
}

/// A playlist as it is served.
pub(super) fn serve(body: Vec<u8>, key: &Key, imports: &Variables) -> Served {
    let rewritten = in_place(body, key, imports, rewrite);
    let (shifted, is_shifted) = match shift_dates(&rewritten, key.shift_us) {
        Cow::Owned(shifted) => (shifted, true),
        Cow::Borrowed(_) => (rewritten, false),
    };
    let length = shifted.len();
    let ended = match key.endlist {
        true => with_end(shifted, &key.origin),
        false => shifted,
    };
    let is_changed = is_shifted || ended.len() != length;
    let own_tag = is_changed.then(|| entity_tag(&digest(&ended)));
    Served::new(ended.into(), own_tag, is_shifted)
}

/// A steering manifest or a list of assets as it is served.
pub(super) fn serve_json(body: Vec<u8>, key: &Key) -> Served {
    let rewritten = in_place(body, key, &Variables::default(), rewrite_json);
    Served::new(rewritten.into(), None, false)
}

type Rewrite = for<'b> fn(&'b [u8], &Place<'_>, &dyn Fn(&Url) -> Option<String>) -> Cow<'b, [u8]>;

/// A body with what would lead away replaced.
fn in_place(body: Vec<u8>, key: &Key, imports: &Variables, rewrite: Rewrite) -> Vec<u8> {
    let served = served_url(&key.served).unwrap_or_else(|| key.origin.clone());
    let place = Place {
        origin: &key.origin,
        served: &served,
        imports,
    };
    let path = |url: &Url| replay_path(url).map(|path| format!("{}{path}", key.prefix));
    match rewrite(&body, &place, &path) {
        Cow::Owned(rewritten) => rewritten,
        Cow::Borrowed(_) => body,
    }
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

    fn key(served: &str, prefix: &str, endlist: bool) -> Key {
        Key {
            body_id: 1,
            served: served.to_owned(),
            prefix: prefix.to_owned(),
            origin: Url::parse("https://h/live/main.m3u8").unwrap(),
            imports: None,
            endlist,
            shift_us: 0,
        }
    }

    fn text(body: &str, key: &Key) -> String {
        let served = serve(body.as_bytes().to_vec(), key, &Variables::default());
        String::from_utf8(served.bytes.to_vec()).unwrap()
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

    #[test]
    fn what_is_kept_is_bounded() {
        let cache = Cache::default();
        let two_mebibytes = Bytes::from(vec![0; 2 * 1024 * 1024]);
        for n in 0..200 {
            let key = Key {
                body_id: n,
                ..key("/a", "", false)
            };
            let bytes = two_mebibytes.clone();
            cache.put(key, Served::new(bytes, None, false));
        }
        assert!(cache.0.lock().unwrap().len() <= 32);
        assert!(
            cache
                .get(&Key {
                    body_id: 199,
                    ..key("/a", "", false)
                })
                .is_some()
        );
        assert!(
            cache
                .get(&Key {
                    body_id: 0,
                    ..key("/a", "", false)
                })
                .is_none()
        );
    }
}
