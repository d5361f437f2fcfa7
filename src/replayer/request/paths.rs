//! Paths of the replayer's own, as answers name them. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::route::PathClock;
use crate::session::Faults;

/// What needs no encoding in a name.
pub(crate) const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

/// Characters of a name at most. It is cut at its beginning: players look at the extension.
pub(crate) const LONGEST_NAME: usize = 80;

/// The path of the DVR playlist of a stream, or of one of its media playlists.
pub(crate) fn dvr_path(stream: &str, playlist_id: Option<i64>) -> String {
    let name = utf8_percent_encode(stream, NON_ALPHANUMERIC);
    match playlist_id {
        None => format!("/{name}/dvr.m3u8"),
        Some(id) => format!("/{name}/dvr/{id}.m3u8"),
    }
}

/// The path of the body that an exchange brought, behind a reference to the root. The name is for people, and
/// for players that look at extensions. There is no exchange 0.
pub(crate) fn exchange_path(root: &str, exchange_id: i64, url: Option<&Url>) -> String {
    let last = url
        .and_then(|url| url.path().rsplit('/').next())
        .unwrap_or_default();
    let name = percent_decode_str(last).decode_utf8_lossy();
    let skipped = name.chars().count().saturating_sub(LONGEST_NAME);
    let name: String = name.chars().skip(skipped).collect();
    let name = if name.is_empty() {
        "body".to_owned()
    } else {
        name
    };
    format!(
        "{root}exchange/{exchange_id}/{}",
        utf8_percent_encode(&name, NAME)
    )
}

/// The prefix that carries a clock; empty for the server's own.
pub fn clock_prefix(clock: Option<PathClock>) -> String {
    let Some(clock) = clock else {
        return String::new();
    };
    let began = clock.began_ms.map(|began_ms| format!("~{began_ms}"));
    let faults = match clock.faults {
        None => "",
        Some(Faults::Recorded) => ",recorded",
        Some(Faults::Healed) => ",none",
    };
    format!("/@{}{}{faults}", clock.zero_ms, began.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dvr_playlist_is_beneath_the_name_of_its_stream() {
        assert_eq!(dvr_path("hall 1", None), "/hall%201/dvr.m3u8");
        assert_eq!(dvr_path("a/b", Some(12)), "/a%2Fb/dvr/12.m3u8");
    }

    #[test]
    fn the_body_of_an_exchange_keeps_the_end_of_its_name() {
        let named = |text: &str| exchange_path("../", 7, Url::parse(text).ok().as_ref());
        assert_eq!(
            named("http://h/live/a_b-1~.ts?x"),
            "../exchange/7/a_b-1~.ts"
        );
        assert_eq!(named("http://h/a%2Fb%20c.ts"), "../exchange/7/a%2Fb%20c.ts");
        assert_eq!(named("http://h/live/"), "../exchange/7/body");
        assert_eq!(exchange_path("", 8, None), "exchange/8/body");
        let long = format!(
            "http://h/{}{}.ts",
            "x".repeat(9),
            "y".repeat(LONGEST_NAME - 3)
        );
        let cut = format!("../exchange/7/{}.ts", "y".repeat(LONGEST_NAME - 3));
        assert_eq!(named(&long), cut);
    }

    #[test]
    fn the_prefix_of_a_clock_says_when_it_and_its_player_began() {
        let clock = |began_ms| PathClock {
            zero_ms: 5,
            began_ms,
            faults: None,
        };
        assert_eq!(clock_prefix(None), "");
        assert_eq!(clock_prefix(Some(clock(None))), "/@5");
        assert_eq!(clock_prefix(Some(clock(Some(6)))), "/@5~6");
    }
}
