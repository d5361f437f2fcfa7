//! Faults in a word or two: the same ones in the log, the live view, metrics, and whatever looks into a session. Pure.

use super::breaks::break_words;
use crate::session::model::{Kind, Outcome};

/// The same as [`UNANSWERED_US`], for texts of SQL.
macro_rules! least_unanswered_us {
    () => {
        1_500_000
    };
}
pub(super) use least_unanswered_us;

/// Without the head of an answer for less than this an origin is in no trouble, in microseconds.
pub const UNANSWERED_US: i64 = least_unanswered_us!();
/// What a request is whose answer does not begin.
pub const UNANSWERED: &str = "unanswered";
/// What a chunk is that came, or was under way, far slower than it is played. The note of its exchange begins so.
pub const SLOW: &str = "slow";
/// The error of an answer that has less than the range that was asked for holds this.
const OF_A_RANGE: &str = " of a range of ";
/// What an answer did that was closed before all that its head announced had come.
pub const ENDED_EARLY: &str = "body cut short";
/// The error of an answer without a byte where something was due begins so.
pub const EMPTY: &str = "an empty answer";
/// The error of an answer of a raw stream that ends, and is none of its parts.
pub const NO_STREAM: &str = "it is no stream";

/// The error of a request begins so that failed at the proxy, or on the way to it: whoever was to be asked was not.
pub const BY_PROXY: &str = "by way of the proxy ";

/// The proxy, host and port, at which a request failed, or on the way to it.
pub fn failed_proxy(error: Option<&str>) -> Option<&str> {
    let (proxy, _) = error?.strip_prefix(BY_PROXY)?.split_once(": ")?;
    Some(proxy)
}

/// What happened, by its status, its outcome, and what the recorder said of it.
pub fn fault_words(status: Option<u16>, outcome: Outcome, error: Option<&str>) -> String {
    if let Some(words) = break_words(status, outcome, error) {
        return words;
    }
    if let Some(proxy) = failed_proxy(error) {
        return format!("proxy {proxy}: {}", fault_words(status, outcome, None));
    }
    match (status, outcome) {
        (Some(status), Outcome::Complete) => format!("HTTP {status}"),
        (_, Outcome::ResponseTimeout) => UNANSWERED.to_owned(),
        (None, Outcome::Short) => "closed without an answer".to_owned(),
        (Some(206), Outcome::Short) if error.is_some_and(|error| error.contains(OF_A_RANGE)) => {
            "ended before the end of its range".to_owned()
        }
        (Some(_), Outcome::Short) => ENDED_EARLY.to_owned(),
        (_, Outcome::Long) => "longer than its Content-Length".to_owned(),
        (_, Outcome::Scheme) => "redirect not followed".to_owned(),
        (_, Outcome::Redirects) => "too many redirects".to_owned(),
        (None, Outcome::Protocol) => "no HTTP".to_owned(),
        (Some(_), Outcome::Protocol) => "not as HTTP demands".to_owned(),
        (_, Outcome::Unresolved) => "name not resolved".to_owned(),
        (_, Outcome::Tls) => "TLS failed".to_owned(),
        (_, Outcome::Encoding) => "Content-Encoding not readable".to_owned(),
        (_, Outcome::NotAPlaylist) => match error {
            Some(error) if error.starts_with(EMPTY) => "empty answer".to_owned(),
            Some(NO_STREAM) => "not a stream".to_owned(),
            _ => outcome.to_string(),
        },
        (_, outcome) => outcome.to_string(),
    }
}

/// For how long a request that failed had had no answer, where that was for longer than it should take: before it broke, or
/// before an error came. `waited_us`: until then.
pub(super) fn unanswered_us(
    (status, outcome): (Option<u16>, Outcome),
    kind: Kind,
    waited_us: i64,
) -> Option<i64> {
    let is_broken = matches!(outcome, Outcome::Reset | Outcome::Short | Outcome::Protocol);
    let is_it = match status {
        None => is_broken,
        Some(status) => status >= 400 && outcome == Outcome::Complete,
    };
    // An origin may hold a part that is not there yet (RFC 8216bis 6.2.5).
    let may_hold = kind == Kind::Part;
    (is_it && !may_hold && waited_us >= UNANSWERED_US).then_some(waited_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_word() {
        for (status, outcome, error, words) in [
            (None, Outcome::ResponseTimeout, None, "unanswered"),
            (
                None,
                Outcome::Refused,
                Some("connection refused"),
                "refused",
            ),
            (
                None,
                Outcome::Refused,
                Some("by way of the proxy 127.0.0.1:3128: connection refused"),
                "proxy 127.0.0.1:3128: refused",
            ),
            (Some(503), Outcome::Complete, None, "HTTP 503"),
            (Some(200), Outcome::Complete, None, "ended by the origin"),
            (Some(200), Outcome::Short, None, ENDED_EARLY),
            (None, Outcome::Short, None, "closed without an answer"),
            (Some(302), Outcome::Scheme, None, "redirect not followed"),
            (Some(302), Outcome::Redirects, None, "too many redirects"),
            (None, Outcome::Unresolved, None, "name not resolved"),
            (None, Outcome::Tls, None, "TLS failed"),
            (
                Some(206),
                Outcome::Short,
                Some("50 bytes of a range of 100"),
                "ended before the end of its range",
            ),
            (Some(200), Outcome::NotAPlaylist, None, "not a playlist"),
            (
                Some(200),
                Outcome::NotAPlaylist,
                Some("an empty answer: it does not begin with #EXTM3U"),
                "empty answer",
            ),
            (
                Some(200),
                Outcome::NotAPlaylist,
                Some(NO_STREAM),
                "not a stream",
            ),
        ] {
            assert_eq!(fault_words(status, outcome, error), words);
        }
    }

    #[test]
    fn what_hung_before_it_failed_was_unanswered() {
        let of =
            |status, outcome, waited_us| unanswered_us((status, outcome), Kind::Media, waited_us);
        let long = UNANSWERED_US;
        assert_eq!(of(None, Outcome::Reset, long), Some(long));
        assert_eq!(of(None, Outcome::Reset, long - 1), None);
        assert_eq!(of(Some(503), Outcome::Complete, long), Some(long));
        // It was answered, and broke later; it was no request yet; it may have been held.
        assert_eq!(of(Some(200), Outcome::Reset, long), None);
        assert_eq!(of(None, Outcome::Refused, long), None);
        let part = unanswered_us((Some(503), Outcome::Complete), Kind::Part, long);
        assert_eq!(part, None);
    }
}
