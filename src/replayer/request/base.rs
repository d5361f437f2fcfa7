//! What references in answers are relative to. Pure.
//!
//! A proxy may serve all paths of a replayer below one of its own. Nobody tells the replayer: what a request
//! says of that (`Forwarded`, `X-Forwarded-Prefix` and so on) is what any client can write. So it makes none
//! but relative references, which mean the same behind each.

use http::request::Parts as Request;
use url::Url;

use crate::hls::relative;

/// A path and query as a URL of a host that stands for any.
pub(crate) fn served_url(path_and_query: &str) -> Option<Url> {
    Url::parse(&format!("http://replay.invalid{path_and_query}")).ok()
}

/// The path that a client resolves the references of an answer against, as far as the replayer is told.
pub(crate) fn base_of(request: &Request) -> String {
    let asked = request.uri.path_and_query().map_or("/", |p| p.as_str());
    served_url(asked).map_or_else(|| "/".to_owned(), |url| url.path().to_owned())
}

/// The reference that leads whoever made a request to another path and query.
pub(crate) fn reference(request: &Request, path_and_query: &str) -> String {
    relative(&base_of(request), path_and_query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_count_as_a_client_counts_them() {
        let from = |path: &str| {
            let request = http::Request::builder().uri(path).body(()).unwrap();
            reference(&request.into_parts().0, "/@5/stream.m3u8")
        };
        assert_eq!(from("/stream.m3u8?offset=../7"), "@5/stream.m3u8");
        assert_eq!(from("/hall/stream.m3u8"), "../@5/stream.m3u8");
        assert_eq!(from("/a/../b/./stream.m3u8"), "../@5/stream.m3u8");
        assert_eq!(from("/a/%2e%2E/stream.m3u8"), "@5/stream.m3u8");
        assert_eq!(from("/@7"), "@5/stream.m3u8");
        assert_eq!(from("/@7/"), "../@5/stream.m3u8");
    }
}
