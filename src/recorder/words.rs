//! Faults in the words of their field, and what whoever records can do about them. Pure.

use std::time::Duration;

use http::StatusCode;
use url::Url;

use crate::session::{BY_PROXY, EMPTY, Kind, Outcome, UNANSWERED};

/// What came and was not kept, for a reason of the recorder's own.
pub(crate) fn not_kept(what: &str) -> String {
    format!("not kept by the recorder ({what})")
}

/// Where a browser shows the URL of a playlist.
const NOT_A_PLAYLIST: &str =
    "give the playlist's URL (.m3u8); the browser's network tab shows it while the stream plays";

/// What may help where an answer is none, and no better one ever came.
pub fn advice(
    url: &str,
    status: Option<u16>,
    outcome: Outcome,
    error: Option<&str>,
) -> Option<&'static str> {
    let says = |words: &str| error.is_some_and(|error| error.contains(words));
    match (outcome, status) {
        _ if says(BY_PROXY) => Some("is the proxy right (--proxy, http_proxy, https_proxy)?"),
        _ if says("not speak TLS on this port") => {
            Some("the server may speak plain HTTP there: try http://…")
        }
        // It was asked in the clear, and broke off or said something else than HTTP.
        (Outcome::Reset | Outcome::Short | Outcome::Protocol, None)
        | (Outcome::Complete, Some(400))
            if url.starts_with("http://") =>
        {
            Some("the server may speak TLS on this port: try https://…")
        }
        (Outcome::ConnectTimeout | Outcome::Unreachable, None) => Some(
            "is the host up, and is its port open from here? A firewall, a VPN or --proxy may be in the way",
        ),
        (Outcome::NotAPlaylist, _) => Some(NOT_A_PLAYLIST),
        // No file makes up for it.
        (Outcome::Tls, _) if says("certificate is for another host") => {
            Some("is the host right? -k accepts any certificate")
        }
        (Outcome::Tls, _)
            if says("certificate has expired") || says("certificate is not valid yet") =>
        {
            Some("-k accepts any certificate")
        }
        (Outcome::Tls, _) if error.is_some_and(|error| error.contains("certificate")) => {
            Some("-k accepts any certificate, --cacert FILE those in the file")
        }
        (Outcome::Unresolved, _) => Some("is the name of the host right?"),
        (Outcome::Refused, _) => Some("are host and port right?"),
        (Outcome::Complete, Some(401)) => Some(
            "needs a login: https://USER:PASSWORD@… as the URL, a header field with -H, or cookies with -b",
        ),
        (Outcome::Complete, Some(403)) => Some(
            "it may need a login or a Referer (-H), cookies (-b), another User-Agent (-A), or a token in the URL that has \
             not expired",
        ),
        (Outcome::Complete, Some(404 | 410)) => {
            Some("is the URL right? One with a token in it may have expired")
        }
        (Outcome::Complete, Some(407)) => {
            Some("the proxy needs a login: --proxy http://USER:PASSWORD@…")
        }
        _ => None,
    }
}

/// What went wrong as a proxy was to be connected to, or connected.
pub(crate) fn of_proxy(proxy: &str, what: &str) -> String {
    format!("{BY_PROXY}{proxy}: {what}")
}

/// An answer by its status.
pub fn of_status(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok();
    match reason.and_then(|status| status.canonical_reason()) {
        Some(reason) => format!("HTTP {status} {reason}"),
        None => format!("HTTP {status}"),
    }
}

/// What came in place of a playlist.
pub(crate) fn no_playlist(media_type: &str, body: &[u8]) -> String {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let named = match media_type {
        "" => "no media type".to_owned(),
        given => given.chars().take(LONGEST_TYPE).collect(),
    };
    let what = match media_type.to_ascii_lowercase().as_str() {
        _ if body.is_empty() => {
            return format!("{EMPTY}: it does not begin with #EXTM3U");
        }
        "text/html" | "application/xhtml+xml" => "a web page",
        _ if is_page(body) => "a web page",
        "application/dash+xml" => "a manifest of DASH, which is not recorded",
        _ => "a file, no stream",
    };
    format!("{named}: {what}; it does not begin with #EXTM3U")
}

/// Longer media types are none.
const LONGEST_TYPE: usize = 80;

fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|tag| {
        let begins = start.get(..tag.len());
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(tag.as_bytes()))
    })
}

/// A playlist of a stream, by its label; one that is called as its stream needs no name.
pub(crate) fn playlist_of(kind: Kind, label: &str, stream: &str, url: &Url) -> String {
    // What whoever typed a URL asked for need not be a multivariant playlist.
    let (noun, host) = (kind.noun(false), host(url));
    match label == stream {
        true => format!("{noun} of {host}"),
        false => format!("{noun} {label:?} of {host}"),
    }
}

/// A stream that is no playlist.
pub(crate) fn raw_stream_of(url: &Url) -> String {
    format!("{} of {}", Kind::Main.noun(true), host(url))
}

/// How a raw stream broke, as a sentence, so long after its response began; `silent`: for how long nothing had come then.
pub(crate) fn broken(
    url: &Url,
    what: &str,
    error: Option<&str>,
    (after, silent): (Duration, Option<Duration>),
) -> String {
    let after = match silent {
        Some(silent) => {
            let data_s = after.saturating_sub(silent).as_secs_f64();
            format!(", after {data_s:.1} s of data")
        }
        None => format!(" after {:.1} s", after.as_secs_f64()),
    };
    let place = raw_stream_of(url);
    let why = error.map_or_else(String::new, |error| format!(" ({error})"));
    format!("{place}: {what}{after}{why}; it is asked for again")
}

/// The limit (`--limit`) that has no more downloads of a stream at once, where so many were under way of `most`.
pub(crate) fn limit_of_downloads(under_way: usize, most: usize) -> &'static str {
    match under_way >= most {
        true => "downloads",
        false => "downloads-per-playlist",
    }
}

/// Anything else of a stream.
pub(crate) fn resource_of(kind: Kind, url: &Url) -> String {
    format!(
        "{} {:?} of {}",
        kind.noun(false),
        crate::hls::resource_name(url),
        host(url)
    )
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A fault as a sentence: where, why, which names no host twice.
pub(crate) fn sentence(place: &str, url: &Url, status: Option<u16>, error: Option<&str>) -> String {
    format!("{place}: {}", why(url, status, error))
}

/// The same of a request that had had no answer for long before that.
pub(crate) fn sentence_of_unanswered(
    (place, waited_us): (&str, i64),
    url: &Url,
    status: Option<u16>,
    error: Option<&str>,
) -> String {
    let (waited, why) = (whole_seconds(waited_us), why(url, status, error));
    format!("{place}: {UNANSWERED} for {waited}, then {why}")
}

fn why(url: &Url, status: Option<u16>, error: Option<&str>) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    let host = format!("{}:{port}", url.host_str().unwrap_or_default());
    match error {
        Some(error) => {
            let named = error.strip_prefix(host.as_str());
            named
                .and_then(|rest| rest.strip_prefix(": "))
                .unwrap_or(error)
                .to_owned()
        }
        None => of_status(status.unwrap_or_default()),
    }
}

/// A time in seconds, without a fraction where it is whole: `10 s`, `0.9 s`.
pub(crate) fn whole_seconds(us: i64) -> String {
    let tenths = (us as f64 / 1e5).round() / 10.0;
    match tenths.fract() == 0.0 {
        true => format!("{tenths:.0} s"),
        false => format!("{tenths:.1} s"),
    }
}

/// An error of the system without its number, which only programmers look up.
pub(crate) fn without_number(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_scheme_that_is_wrong_and_a_host_that_is_dead_have_their_advice() {
        let of =
            |url, status, outcome, error| advice(url, status, outcome, error).unwrap_or_default();
        let (plain, tls) = ("http://h:8443/x", "https://h:8080/x");
        let said = "h:8080: it does not speak TLS on this port";
        assert!(of(tls, None, Outcome::Tls, Some(said)).ends_with("try http://…"));
        for (status, outcome) in [
            (None, Outcome::Reset),
            (None, Outcome::Short),
            (None, Outcome::Protocol),
            (Some(400), Outcome::Complete),
        ] {
            assert!(of(plain, status, outcome, None).ends_with("try https://…"));
            assert_eq!(of(tls, status, outcome, None), "");
        }
        // It was answered well before it broke.
        assert_eq!(of(plain, Some(200), Outcome::Reset, None), "");
        let dead = of(plain, None, Outcome::ConnectTimeout, None);
        assert!(dead.starts_with("is the host up"), "{dead}");
    }

    #[test]
    fn what_is_no_playlist_is_called_what_it_is() {
        for (media_type, body, what) in [
            ("text/html; charset=utf-8", "<p>", "text/html: a web page"),
            ("text/plain", " <!DOCTYPE HTML>", "text/plain: a web page"),
            (
                "application/zip",
                "PK",
                "application/zip: a file, no stream",
            ),
            ("", "x", "no media type: a file, no stream"),
            ("application/dash+xml", "<MPD>", "a manifest of DASH"),
            ("text/html", "", "an empty answer"),
        ] {
            let told = no_playlist(media_type, body.as_bytes());
            assert!(told.contains(what), "{told}");
            assert!(told.ends_with("it does not begin with #EXTM3U"), "{told}");
        }
    }

    #[test]
    fn a_fault_names_its_host_and_nothing_twice() {
        let root = url("http://h:8080/r.m3u8?token=secret");
        let place = playlist_of(Kind::Main, "r", "r", &root);
        assert_eq!(
            sentence(&place, &root, None, Some("h:8080: connection refused")),
            "main playlist of h:8080: connection refused"
        );
        let place = playlist_of(Kind::Media, "720p", "r", &url("https://h/720.m3u8"));
        assert_eq!(
            sentence(&place, &url("https://h/720.m3u8"), Some(503), None),
            "media playlist \"720p\" of h: HTTP 503 Service Unavailable"
        );
        let segment = url("https://h/a/seg5.ts?token=secret");
        assert_eq!(
            sentence(
                &resource_of(Kind::Segment, &segment),
                &segment,
                Some(599),
                None
            ),
            "segment \"a/seg5.ts\" of h: HTTP 599"
        );
    }

    #[test]
    fn times_are_as_short_as_they_can_be() {
        assert_eq!(whole_seconds(9_998_000), "10 s");
        assert_eq!(whole_seconds(900_000), "0.9 s");
    }

    #[test]
    fn numbers_of_the_system_are_left_out() {
        assert_eq!(
            without_number("Connection refused (os error 111)"),
            "connection refused"
        );
        assert_eq!(without_number("It ended"), "It ended");
    }

    #[test]
    fn what_helps_depends_on_what_happened() {
        let of = |status, outcome, error| {
            advice("https://h/x", status, outcome, error).unwrap_or_default()
        };
        assert!(of(Some(401), Outcome::Complete, None).starts_with("needs a login: "));
        assert!(of(Some(200), Outcome::NotAPlaylist, None).contains("network tab"));
        assert!(of(None, Outcome::Tls, Some("its certificate has expired")).contains("-k"));
        for said in [
            "its certificate has expired (2026-01-01 00:00:00Z)",
            "its certificate is for another host (h)",
            "its certificate is not valid yet",
        ] {
            let told = of(None, Outcome::Tls, Some(said));
            assert!(told.contains("-k") && !told.contains("--cacert"), "{told}");
        }
        let said = "its certificate is signed by itself, or by nobody who is trusted here";
        assert!(of(None, Outcome::Tls, Some(said)).contains("--cacert"));
        assert_eq!(of(None, Outcome::Tls, Some("it speaks no TLS")), "");
        assert_eq!(of(Some(503), Outcome::Complete, None), "");
    }
}
