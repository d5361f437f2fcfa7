//! Relative references from one path of the replayer to another. Pure.
//!
//! A proxy may serve all paths of a replayer below a path of its own. The replayer cannot know that path: any client
//! can write the fields that would name it (`Forwarded`, `X-Forwarded-Prefix` and so on). So the replayer makes only
//! relative references, which are right behind every proxy.

use http::request::Parts as Request;
use url::Url;

use crate::hls::relative;

/// A path and query as a URL of a host that stands for any.
pub(crate) fn served_url(path_and_query: &str) -> Option<Url> {
    Url::parse(&format!("http://replay.invalid{path_and_query}")).ok()
}

/// The path that a client resolves the references of an answer against, as far as the replayer knows it.
pub(crate) fn base_path(request: &Request) -> String {
    let asked = request.uri.path_and_query().map_or("/", |p| p.as_str());
    served_url(asked).map_or_else(|| "/".to_owned(), |url| url.path().to_owned())
}

/// The reference from the path of a request to another path and query.
pub(crate) fn reference(request: &Request, path_and_query: &str) -> String {
    relative(&base_path(request), path_and_query)
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
