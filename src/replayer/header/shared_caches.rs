//! Lifetimes for caches in front of several replayers (RFC 9213). Players get the origin's own caching fields. Pure.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The field for such caches (RFC 9213).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
/// The same for nginx, which takes it out of the answer.
const ACCEL_EXPIRES: HeaderName = HeaderName::from_static("x-accel-expires");

/// The longest lifetime: a recording may be gone on with.
const LONGEST_S: i64 = 60;
/// nginx compares whole seconds, and keeps what it may keep for one second for up to two.
const LONGER_S: i64 = 1;

/// How many seconds caches may store an answer that holds for `left_us`.
fn lifetime_s(left_us: i64) -> i64 {
    (left_us / 1_000_000 - LONGER_S).clamp(0, LONGEST_S)
}

/// How long caches may store an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Caches store nothing, and players get the same word.
    Never,
    /// It holds for this many microseconds.
    Holds(i64),
}

/// Sets how long caches may store an answer.
pub(crate) fn set_lifetime(fields: &mut HeaderMap, lifetime: Lifetime) {
    let seconds = match lifetime {
        Lifetime::Never => 0,
        Lifetime::Holds(left_us) => lifetime_s(left_us),
    };
    let control = match (lifetime, seconds) {
        (Lifetime::Never, _) => HeaderValue::from_static("no-store"),
        (Lifetime::Holds(_), 0) => HeaderValue::from_static("no-cache"),
        _ => HeaderValue::from_str(&format!("max-age={seconds}"))
            .unwrap_or(HeaderValue::from_static("no-cache")),
    };
    fields.insert(CDN_CACHE_CONTROL, control);
    fields.insert(ACCEL_EXPIRES, HeaderValue::from(seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cache_that_counts_seconds_keeps_an_answer_beyond_its_time() {
        for (left_us, seconds) in [
            (-1, 0),
            (0, 0),
            (1_999_999, 0),
            (2_000_000, 1),
            (9_999_999, 8),
            (i64::MAX, 60),
        ] {
            assert_eq!(lifetime_s(left_us), seconds, "{left_us}");
            // Stored in the second in which it came and in `seconds` after it.
            assert!(seconds == 0 || (seconds + 1) * 1_000_000 <= left_us);
        }
    }

    #[test]
    fn caches_are_told_in_both_ways() {
        let mut fields = HeaderMap::new();
        set_lifetime(&mut fields, Lifetime::Holds(500_000));
        assert_eq!(fields["cdn-cache-control"], "no-cache");
        assert_eq!(fields["x-accel-expires"], "0");
        set_lifetime(&mut fields, Lifetime::Holds(5_500_000));
        assert_eq!(fields["cdn-cache-control"], "max-age=4");
        assert_eq!(fields["x-accel-expires"], "4");
        set_lifetime(&mut fields, Lifetime::Never);
        assert_eq!(fields["cdn-cache-control"], "no-store");
        assert_eq!(fields["x-accel-expires"], "0");
    }
}
