//! What caches are told of answers to blocking requests and of others (RFC 8216bis B.1). Pure.

use crate::session::Headers;

/// An answer that has what a blocking request asked for is kept for so many target durations.
pub(crate) const KEPT_TARGETS: i64 = 6;

const CONTROL: &str = "cache-control";
const OF_CACHES: [&str; 3] = [CONTROL, "expires", "age"];

/// The fields of an answer that has what its request waited for: the origin's word; where it said nothing, six target
/// durations, in microseconds.
pub(crate) fn told_when_met(mut headers: Headers, kept_us: i64) -> Headers {
    let is_said = headers
        .0
        .iter()
        .any(|(name, _)| OF_CACHES[..2].contains(&name.as_str()));
    let seconds = kept_us / 1_000_000;
    if !is_said && seconds > 0 {
        let control = format!("max-age={seconds}").into_bytes();
        headers.0.push((CONTROL.to_owned(), control));
    }
    headers
}

/// The fields of an answer to a plain request with what a blocking request brought: what the origin told caches of that
/// would stall whoever polls, so that its last word on a plain request counts.
pub(crate) fn told_when_plain(mut headers: Headers, plain: Headers) -> Headers {
    headers
        .0
        .retain(|(name, _)| !OF_CACHES.contains(&name.as_str()));
    let control = plain.0.into_iter().filter(|(name, _)| name == CONTROL);
    headers.0.extend(control);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replayer::testing::headers;

    #[test]
    fn the_origins_word_on_a_kind_of_request_is_for_that_kind() {
        let own = headers(&[("cache-control", "max-age=1,  x"), ("etag", "a")]);
        assert_eq!(told_when_met(own.clone(), 36_000_000), own);
        let expires = headers(&[("expires", "0")]);
        assert_eq!(told_when_met(expires.clone(), 36_000_000), expires);
        let silent = headers(&[("etag", "a")]);
        let told = headers(&[("etag", "a"), ("cache-control", "max-age=36")]);
        assert_eq!(told_when_met(silent.clone(), 36_900_000), told);
        assert_eq!(told_when_met(silent.clone(), 0), silent);

        let held = headers(&[
            ("cache-control", "max-age=36"),
            ("expires", "x"),
            ("age", "3"),
            ("etag", "a"),
        ]);
        let plain = headers(&[
            ("cache-control", "max-age=1"),
            ("expires", "y"),
            ("etag", "b"),
        ]);
        let told = headers(&[("etag", "a"), ("cache-control", "max-age=1")]);
        assert_eq!(told_when_plain(held.clone(), plain), told);
        assert_eq!(told_when_plain(held, Headers::default()), silent);
    }
}
