//! Header fields of responses: the recorded ones that pass, and the replayer's own. Pure.
//!
//! What passes is a short list: Content-Type, Content-Encoding, Cache-Control, Age, Expires,
//! Last-Modified, ETag and Retry-After. Everything else that an origin sends is framing, or leads to the live origin
//! (Set-Cookie, Alt-Svc, Strict-Transport-Security, Refresh, Link, Location), or is about it.

use std::io::Write;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The number of the exchange that was answered with.
pub const EXCHANGE: HeaderName = HeaderName::from_static("x-isrecorder-exchange");
/// The session time of the request, in seconds.
pub const SESSION_TIME: HeaderName = HeaderName::from_static("x-isrecorder-session-time");
/// What `--inject` did.
pub const INJECTED: HeaderName = HeaderName::from_static("x-isrecorder-injected");

/// A session time (microseconds) in seconds.
pub fn seconds(session_us: i64) -> HeaderValue {
    let mut place = [0; 32];
    let mut left = &mut place[..];
    let sign = if session_us <= -1000 { "-" } else { "" };
    let ms = session_us.unsigned_abs() / 1000;
    // Twenty digits, a sign, a point.
    let _ = write!(left, "{sign}{}.{:03}", ms / 1000, ms % 1000);
    let length = 32 - left.len();
    HeaderValue::from_bytes(&place[..length]).unwrap_or(HeaderValue::from_static("0"))
}

/// The strong entity tag of content with this SHA-256.
pub fn entity_tag(sha256: &[u8]) -> String {
    let hex: String = sha256
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

/// Whether an If-None-Match field names the tag (RFC 9110 13.1.2: weak comparison).
pub fn none_match_names(request: &HeaderMap, tag: Option<&str>) -> bool {
    let Some(tag) = tag else {
        return false;
    };
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let Ok(value) = value.to_str() else {
            return false;
        };
        let opaque = |tag| str::strip_prefix(tag, "W/").unwrap_or(tag);
        // An origin's own tag may have a comma in it.
        value
            .split(',')
            .chain([value])
            .map(str::trim)
            .any(|one| one == "*" || opaque(one) == opaque(tag))
    })
}

/// Whether a client takes gzip (RFC 9110 12.5.3); one that says nothing may not.
pub fn takes_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter();
    let codings = values.filter_map(|value| value.to_str().ok());
    let is_refused = |weight: &str| {
        let value = weight.trim().strip_prefix("q=");
        value.is_some_and(|value| value.parse() == Ok(0.0))
    };
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused(weight)
    })
}

/// Whether the Range field counts (RFC 9110 13.1.5: an If-Range names the tag, which is a
/// strong one, or there is none).
pub fn if_range_allows(request: &HeaderMap, tag: Option<&str>) -> bool {
    let strong = tag.filter(|tag| !tag.starts_with("W/"));
    request
        .get(header::IF_RANGE)
        .is_none_or(|value| strong.is_some_and(|tag| value.as_bytes() == tag.as_bytes()))
}

/// An HTTP-date (RFC 9110 5.6.7, all three forms) in microseconds of Unix time.
pub fn http_date_us(value: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(crate::clock::micros(since))
}

/// A recorded HTTP-date that is later by a number of microseconds, rounded to
/// seconds; other text stays as it is.
pub fn shift_http_date(value: &str, shift_us: i64) -> String {
    let shifted = || {
        let shift_seconds = shift_us.checked_add(500_000)?.div_euclid(1_000_000);
        let later = (http_date_us(value)? / 1_000_000).checked_add(shift_seconds)?;
        let date = chrono::DateTime::from_timestamp(later, 0)?;
        Some(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    };
    match shift_us {
        0 => value.to_owned(),
        _ => shifted().unwrap_or_else(|| value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn tags_are_compared() {
        let tag = entity_tag(&[0xAB; 32]);
        let tag = Some(tag.as_str());
        let same = "\"abababababababababababababababab\"";
        assert_eq!(tag, Some(same));
        let many = format!("\"x\", W/{same}");
        for (sent, tag, is_named) in [
            (many.as_str(), tag, true),
            ("*", tag, true),
            ("\"x\"", tag, false),
            ("*", None, false),
        ] {
            let request = request(&[("if-none-match", sent)]);
            assert_eq!(none_match_names(&request, tag), is_named, "{sent} {tag:?}");
        }
        assert!(!none_match_names(&request(&[]), tag));
        assert!(if_range_allows(&request(&[]), tag));
        assert!(if_range_allows(&request(&[]), None));
        for (sent, tag, is_allowed) in [
            (same, tag, true),
            (&format!("W/{same}"), tag, false),
            (same, None, false),
            ("", None, false),
        ] {
            let request = request(&[("if-range", sent)]);
            assert_eq!(if_range_allows(&request, tag), is_allowed, "{sent} {tag:?}");
        }
    }

    #[test]
    fn who_takes_gzip_says_so() {
        for (sent, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5, br", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("x-gzip-no", false),
            ("", false),
        ] {
            let request = request(&[("accept-encoding", sent)]);
            assert_eq!(takes_gzip(&request), takes, "{sent}");
        }
        assert!(!takes_gzip(&request(&[])));
    }

    #[test]
    fn tags_of_the_origin_are_compared() {
        for (sent, tag) in [
            ("W/\"a\"", "W/\"a\""),
            ("\"a\"", "W/\"a\""),
            ("W/\"a\"", "\"a\""),
            ("\"a, b\"", "\"a, b\""),
            ("unquoted", "unquoted"),
        ] {
            let request = request(&[("if-none-match", sent)]);
            assert!(none_match_names(&request, Some(tag)), "{sent} {tag}");
        }
        let weak = request(&[("if-range", "W/\"a\"")]);
        assert!(!if_range_allows(&weak, Some("W/\"a\"")));
    }

    #[test]
    fn dates_of_fields_are_moved() {
        let date = "Fri, 20 Nov 2026 12:00:00 GMT";
        assert_eq!(shift_http_date(date, 0), date);
        assert_eq!(
            shift_http_date(date, 90_000_000),
            "Fri, 20 Nov 2026 12:01:30 GMT"
        );
        let old = "Friday, 20-Nov-26 12:00:00 GMT";
        assert_eq!(shift_http_date(old, 0), old);
        assert_eq!(
            shift_http_date(old, 1_000_000),
            "Fri, 20 Nov 2026 12:00:01 GMT"
        );
        for none in ["0", "-1", "soon", ""] {
            assert_eq!(shift_http_date(none, 1_000_000), none);
        }
        assert_eq!(shift_http_date(date, i64::MAX), date);
    }

    #[test]
    fn a_session_time_is_one_number_also_before_zero() {
        for (us, text) in [
            (1_234_567, "1.234"),
            (-389_000, "-0.389"),
            (-99_140_000, "-99.140"),
            (-1, "0.000"),
        ] {
            assert_eq!(seconds(us), text);
        }
    }
}
