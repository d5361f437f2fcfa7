//! Repeated faults become one line of the log; the session has each of them. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::session::Kind;

/// Equal faults are logged again after so long.
pub(super) const WINDOW: Duration = Duration::from_secs(30);
/// Different faults that are counted at once.
const MOST: usize = 64;

/// What faults have in common that share a line of the log: kind, and what happened.
type Same = (Kind, String);

/// Where a fault was met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Met<'a> {
    /// What was asked for.
    pub kind: Kind,
    /// Host and port; empty: it is of none.
    pub host: &'a str,
}

/// The faults of a stream that the log has.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    open: BTreeMap<Same, Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    /// Faults after the one that was logged.
    more: u32,
    /// Where they were met; `None`: at several hosts.
    host: Option<String>,
}

impl Fold {
    /// Whether a fault is logged now; else it is counted.
    pub(crate) fn is_news(&mut self, met: Met<'_>, what: &str, now: Instant) -> bool {
        let kind = met.kind;
        let is_open = self.open.contains_key(&(kind, what.to_owned()));
        let what = match is_open || self.open.len() < MOST {
            true => what,
            false => "other faults",
        };
        if let Some(window) = self.open.get_mut(&(kind, what.to_owned())) {
            window.more = window.more.saturating_add(1);
            window.host = window.host.take().filter(|host| host == met.host);
            return false;
        }
        let window = Window {
            since: now,
            more: 0,
            host: Some(met.host.to_owned()),
        };
        self.open.insert((kind, what.to_owned()), window);
        true
    }

    /// What there is to tell of faults that were counted; `at_end`: of all of them. `is_raw`: the stream is no playlist.
    pub(crate) fn lines(&mut self, now: Instant, at_end: bool, is_raw: bool) -> Vec<String> {
        let mut lines = Vec::new();
        self.open.retain(|(kind, what), window| {
            let age = now.saturating_duration_since(window.since);
            if age < WINDOW && !at_end {
                return true;
            }
            let more = window.more;
            if more > 0 {
                let times = shown_times(more);
                let seconds = (age.as_secs_f64().round() as u64).max(1);
                let host = window.host.as_deref().filter(|host| !host.is_empty());
                let of = host.map_or_else(String::new, |host| format!(" of {host}"));
                let noun = kind.noun(is_raw);
                lines.push(format!("{noun}{of}: {what}, {times} in {seconds} s"));
            }
            window.since = now;
            window.more = 0;
            more > 0
        });
        lines
    }
}

/// `1 more time`, `14 more times`.
fn shown_times(more: u32) -> String {
    match more {
        1 => "1 more time".to_owned(),
        more => format!("{more} more times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn met(kind: Kind) -> Met<'static> {
        Met { kind, host: "h:80" }
    }

    #[test]
    fn of_two_hosts_none_is_named() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        for host in ["h:80", "h:80", "other:80"] {
            let kind = Kind::Key;
            fold.is_news(Met { kind, host }, "refused", now);
        }
        let told = fold.lines(now, true, false);
        assert_eq!(told, ["key: refused, 2 more times in 1 s"]);
    }

    #[test]
    fn the_first_is_news_and_the_others_are_counted() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        let second = |n: u64| now + Duration::from_secs(n);
        assert!(fold.is_news(met(Kind::Media), "HTTP 503", now));
        for n in 1..=14 {
            assert!(!fold.is_news(met(Kind::Media), "HTTP 503", second(n)));
        }
        assert!(fold.is_news(met(Kind::Segment), "HTTP 503", second(14)));
        assert!(fold.is_news(met(Kind::Media), "HTTP 404", second(14)));
        assert_eq!(fold.lines(second(29), false, false), [""; 0]);
        assert_eq!(
            fold.lines(second(30), false, false),
            ["media playlist of h:80: HTTP 503, 14 more times in 30 s"]
        );
        assert!(
            !fold.is_news(met(Kind::Media), "HTTP 503", second(31)),
            "it goes on"
        );
        assert_eq!(
            fold.lines(second(60), false, false),
            ["media playlist of h:80: HTTP 503, 1 more time in 30 s"]
        );
        assert_eq!(fold.lines(second(90), false, false), [""; 0]);
        assert!(
            fold.is_news(met(Kind::Media), "HTTP 503", second(91)),
            "it is over"
        );
    }

    #[test]
    fn too_many_kinds_of_faults_are_one() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        let news = (0..1000).filter(|n| fold.is_news(met(Kind::Media), &n.to_string(), now));
        assert_eq!(news.count(), MOST + 1);
        let told = fold.lines(now, true, false);
        assert_eq!(
            told,
            [format!(
                "media playlist of h:80: other faults, {} more times in 1 s",
                999 - MOST
            )]
        );
    }

    #[test]
    fn at_the_end_all_are_told_of() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        fold.is_news(met(Kind::Key), "reset", now);
        fold.is_news(met(Kind::Key), "reset", now);
        let soon = now + Duration::from_millis(1);
        assert_eq!(
            fold.lines(soon, true, false),
            ["key of h:80: reset, 1 more time in 1 s"]
        );
        assert_eq!(fold.lines(soon, true, false), [""; 0]);
    }
}
