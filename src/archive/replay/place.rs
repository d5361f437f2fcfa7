//! The URL of an archive, or of one stream of it. Pure.

use crate::archive::names::{self, STREAMS};

/// Splits what a user typed: `s3://bucket/tv/streams/hall1` is the stream `hall1` of `s3://bucket/tv`.
pub fn split_stream(url: &str) -> (&str, Option<String>) {
    let whole = url.trim_end_matches('/');
    let split = whole.rsplit_once('/').and_then(|(before, folder)| {
        let archive = before.strip_suffix(STREAMS)?.strip_suffix('/')?;
        Some((archive, names::stream_of(folder)?))
    });
    match split {
        Some((archive, stream)) => (archive, Some(stream)),
        None => (url, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_an_archive_has_a_url_of_its_own() {
        let split = |url| {
            let (archive, stream) = split_stream(url);
            (archive.to_owned(), stream)
        };
        let one = |archive: &str, stream: &str| (archive.to_owned(), Some(stream.to_owned()));
        assert_eq!(split("s3://b/tv/streams/hall1"), one("s3://b/tv", "hall1"));
        assert_eq!(split("s3://b/streams/hall1/"), one("s3://b", "hall1"));
        assert_eq!(
            split("file:///a/streams/hall%201"),
            one("file:///a", "hall 1")
        );
        for url in [
            "s3://b/tv",
            "s3://b/streams",
            "file:///streams/",
            "s3://b/xstreams/hall1",
        ] {
            assert_eq!(split(url), (url.to_owned(), None));
        }
    }
}
