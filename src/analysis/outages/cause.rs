//! Why there was no good answer: for a reason of the origin's, or of the recorder's own. Pure.

use crate::analysis::faults::in_short;
use crate::session::{Fault, Outcome, SLOW, UNANSWERED, failed_proxy, fault_words};

/// A poll that was made later than that (microseconds) was made by a recorder in trouble.
const LATE_US: i64 = 1_000_000;
/// What a host says that is not asked on account of the recorder's rule, at its end.
const NOT_PUBLIC: &str = "(see --allow-private)";

/// What a server may make of a client that stood still it makes so soon behind that, in microseconds: by then it has sent what
/// it held back, or has given up.
const BUFFERED_US: i64 = 2_000_000;
/// Without an answer for so long while the recorder was there, in microseconds, a request waited for the origin: when it
/// stood still is known to half a second.
const STILL_LONG_US: i64 = 2_000_000;

/// When a recorder that stood still may have brought a fault about. Moments in microseconds of Unix time.
pub(super) struct AtStake {
    pub(super) from_us: i64,
    pub(super) until_us: i64,
    /// All that time it waited.
    is_wait: bool,
}

impl AtStake {
    /// Of a fault.
    pub(super) fn of(fault: &Fault) -> Self {
        let (requested_us, over_us) = (fault.requested_us, fault.over_us);
        let time = |from_us, until_us, is_wait| Self {
            from_us,
            until_us,
            is_wait,
        };
        match (fault.unanswered_us, fault.outcome) {
            (Some(us), _) => time(requested_us, requested_us.saturating_add(us), true),
            (_, Outcome::ConnectTimeout | Outcome::ResponseTimeout) => {
                time(requested_us, over_us, true)
            }
            (_, Outcome::BodyTimeout) => time(fault.at_us, over_us, true),
            (_, Outcome::Reset | Outcome::Short) => {
                let broke_us = fault.status.map_or(over_us, |_| fault.at_us);
                let from_us = broke_us.saturating_sub(BUFFERED_US).max(requested_us);
                time(from_us, over_us, false)
            }
            _ => time(requested_us, over_us, false),
        }
    }

    /// Whether it was the recorder's own, where it stood still for so long of it, in microseconds.
    pub(super) fn is_own(&self, stood_us: i64) -> bool {
        let length_us = self.until_us.saturating_sub(self.from_us);
        !self.is_wait || length_us.saturating_sub(stood_us) < STILL_LONG_US
    }
}

/// A reason of the recorder's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Own {
    /// It had no room for what came.
    Disk,
    /// What came was larger than it takes.
    Limit,
    /// It stood still, or was late, while it waited.
    Late,
    /// It was told to ask public addresses alone.
    Rule,
    /// The proxy that it was told to ask by failed: the origin was not asked.
    Proxy,
}

impl Own {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Disk => "the recorder's disk was full",
            Self::Limit => "the recorder's own limit",
            Self::Late => "the recorder was late or stood still",
            Self::Rule => "the recorder asks no private address",
            Self::Proxy => "the recorder's proxy failed, and the origin was not asked",
        }
    }
}

/// Why an exchange was no good answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// What happened, in a few words: `refused`, `HTTP 503`.
    pub what: String,
    /// It had had no answer for long before that.
    pub was_unanswered: bool,
    /// The server, or the way to it, was not well.
    pub is_away: bool,
    /// Why that says nothing of the origin; `None`: it does.
    pub own: Option<Own>,
}

impl Cause {
    /// Of a fault; `stood_still`: whether the recorder did, and that may be why.
    pub fn of(fault: &Fault, stood_still: bool) -> Self {
        let own = match fault.outcome {
            Outcome::Disk => Some(Own::Disk),
            Outcome::TooLarge => Some(Own::Limit),
            Outcome::Unreachable if is_rule(fault) => Some(Own::Rule),
            _ if failed_proxy(fault.error.as_deref()).is_some() => Some(Own::Proxy),
            outcome if is_of_time(outcome) || fault.is_long_wait => {
                let was_late = fault.lag_us > Some(LATE_US);
                (was_late || stood_still).then_some(Own::Late)
            }
            _ => None,
        };
        Self {
            is_away: own.is_none() && is_away(fault),
            was_unanswered: own.is_none() && fault.unanswered_us.is_some() && !fault.is_long_wait,
            what: match own {
                _ if fault.is_slow => SLOW.to_owned(),
                _ if fault.is_long_wait => UNANSWERED.to_owned(),
                Some(Own::Proxy) => {
                    fault_words(fault.status, fault.outcome, fault.error.as_deref())
                }
                Some(_) => fault_words(fault.status, fault.outcome, None),
                None => in_short(fault.status, fault.outcome, fault.error.as_deref()),
            },
            own,
        }
    }

    /// What happened, in order.
    pub fn whats(&self) -> impl Iterator<Item = &str> {
        let before = self.was_unanswered.then_some(UNANSWERED);
        before.into_iter().chain([self.what.as_str()])
    }
}

/// Reasons that are of a sort: what comes of one thing that is wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sort {
    /// The server, or the way to it, is not well: it refuses, hangs, breaks off, says 5xx.
    Away,
    /// That, and nothing else.
    Only(String),
}

impl Sort {
    /// Of a reason.
    pub fn of(cause: &Cause) -> Self {
        match cause.is_away {
            true => Self::Away,
            false => Self::Only(cause.what.clone()),
        }
    }
}

/// Whether a server, or the way to it, is not well.
fn is_away(fault: &Fault) -> bool {
    match fault.outcome {
        _ if fault.is_long_wait => true,
        Outcome::Complete => fault.status.is_some_and(|status| status >= 500),
        Outcome::Reset | Outcome::Refused | Outcome::Unreachable | Outcome::Protocol => true,
        Outcome::ConnectTimeout | Outcome::ResponseTimeout | Outcome::BodyTimeout => true,
        Outcome::Short | Outcome::Tls | Outcome::Unresolved => true,
        _ => false,
    }
}

fn is_rule(fault: &Fault) -> bool {
    let error = fault.error.as_deref();
    error.is_some_and(|error| error.ends_with(NOT_PUBLIC))
}

/// What may come of a recorder that does not read for a while: it gives up, or the origin does.
fn is_of_time(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::ConnectTimeout
            | Outcome::ResponseTimeout
            | Outcome::BodyTimeout
            | Outcome::Reset
            | Outcome::Short
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Kind;

    fn fault(status: Option<u16>, outcome: Outcome) -> Fault {
        Fault {
            exchange_id: 1,
            requested_us: 10,
            at_us: 20,
            over_us: 30,
            lag_us: None,
            stream_id: 1,
            stream: "hall".to_owned(),
            is_raw: false,
            kind: Kind::Media,
            name: "a.m3u8".to_owned(),
            url: "http://h:8080/a.m3u8?x".to_owned(),
            status,
            outcome,
            error: None,
            unanswered_us: None,
            is_long_wait: false,
            is_slow: false,
        }
    }

    #[test]
    fn what_the_recorder_did_is_told_apart() {
        let own = |fault: &Fault| Cause::of(fault, false).own;
        assert_eq!(own(&fault(Some(200), Outcome::Disk)), Some(Own::Disk));
        assert_eq!(own(&fault(Some(200), Outcome::TooLarge)), Some(Own::Limit));
        assert_eq!(own(&fault(None, Outcome::Unreachable)), None);
        let private = Fault {
            error: Some("h is a private address, which a public origin may not lead to (see --allow-private)".into()),
            ..fault(None, Outcome::Unreachable)
        };
        assert_eq!(own(&private), Some(Own::Rule));
        let proxy = Fault {
            error: Some("by way of the proxy p:3128: connection refused".into()),
            ..fault(None, Outcome::Refused)
        };
        let cause = Cause::of(&proxy, false);
        assert_eq!(
            (cause.own, cause.what.as_str()),
            (Some(Own::Proxy), "proxy p:3128: refused")
        );
        assert_eq!(proxy.host(), "p:3128");
        assert_eq!(own(&fault(Some(503), Outcome::Complete)), None);
        assert_eq!(own(&fault(None, Outcome::Refused)), None);
    }

    #[test]
    fn a_timeout_while_the_recorder_was_late_or_stood_still_is_its_own() {
        let timeout = fault(None, Outcome::ResponseTimeout);
        assert_eq!(Cause::of(&timeout, false).own, None);
        assert_eq!(Cause::of(&timeout, true).own, Some(Own::Late));
        let late = Fault {
            lag_us: Some(LATE_US + 1),
            ..timeout
        };
        assert_eq!(Cause::of(&late, false).own, Some(Own::Late));
        // A refusal comes at once, however late it was asked for.
        let refused = Fault {
            outcome: Outcome::Refused,
            ..late
        };
        assert_eq!(Cause::of(&refused, true).own, None);
    }

    #[test]
    fn only_what_a_standstill_may_have_brought_about_is_its_own() {
        const S: i64 = 1_000_000;
        let stake = |fault: &Fault| {
            let stake = AtStake::of(fault);
            (stake.from_us, stake.until_us)
        };
        // A stream of an hour that was reset: what was 16 s before says nothing of it.
        let reset = Fault {
            requested_us: 0,
            at_us: 3600 * S,
            over_us: 3600 * S,
            ..fault(Some(200), Outcome::Reset)
        };
        assert_eq!(stake(&reset), (3598 * S, 3600 * S));
        assert!(AtStake::of(&reset).is_own(S));
        // A hang of 12 s, in 5 s of which the recorder stood still.
        let hung = Fault {
            requested_us: 0,
            over_us: 13 * S,
            unanswered_us: Some(12 * S),
            is_long_wait: true,
            ..fault(Some(200), Outcome::Complete)
        };
        assert_eq!(stake(&hung), (0, 12 * S));
        assert!(!AtStake::of(&hung).is_own(5 * S));
        assert!(AtStake::of(&hung).is_own(11 * S));
        let silent = Fault {
            requested_us: 0,
            at_us: 100 * S,
            over_us: 120 * S,
            ..fault(Some(200), Outcome::BodyTimeout)
        };
        assert_eq!(stake(&silent), (100 * S, 120 * S));
    }

    #[test]
    fn who_was_asked_is_what_the_url_says() {
        assert_eq!(fault(None, Outcome::Refused).host(), "h:8080");
        let of = |url: &str| {
            let fault = Fault {
                url: url.to_owned(),
                ..fault(None, Outcome::Refused)
            };
            fault.host().to_owned()
        };
        assert_eq!(of("https://[::1]:8443?x"), "[::1]:8443");
        assert_eq!(of("http://h#x"), "h");
        assert_eq!(of("nonsense"), "");
    }
}
