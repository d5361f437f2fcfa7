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
}

impl Fold {
    /// Whether a fault is logged now; else it is counted.
    pub(crate) fn is_news(&mut self, kind: Kind, what: &str, now: Instant) -> bool {
        let is_open = self.open.contains_key(&(kind, what.to_owned()));
        let what = match is_open || self.open.len() < MOST {
            true => what,
            false => "other faults",
        };
        if let Some(window) = self.open.get_mut(&(kind, what.to_owned())) {
            window.more = window.more.saturating_add(1);
            return false;
        }
        let window = Window {
            since: now,
            more: 0,
        };
        self.open.insert((kind, what.to_owned()), window);
        true
    }

    /// What there is to tell of faults that were counted; `at_end`: of all of them.
    pub(crate) fn lines(&mut self, now: Instant, at_end: bool) -> Vec<String> {
        let mut lines = Vec::new();
        self.open.retain(|(kind, what), window| {
            let age = now.saturating_duration_since(window.since);
            if age < WINDOW && !at_end {
                return true;
            }
            if window.more > 0 {
                let (more, seconds) = (window.more, age.as_secs().max(1));
                let times = if more == 1 { "time" } else { "times" };
                lines.push(format!(
                    "{kind}: {what}, {more} more {times} in {seconds} s"
                ));
            }
            let goes_on = window.more > 0;
            window.since = now;
            window.more = 0;
            goes_on
        });
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_first_is_news_and_the_others_are_counted() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        let second = |n: u64| now + Duration::from_secs(n);
        assert!(fold.is_news(Kind::Media, "503", now));
        for n in 1..=14 {
            assert!(!fold.is_news(Kind::Media, "503", second(n)));
        }
        assert!(fold.is_news(Kind::Segment, "503", second(14)));
        assert!(fold.is_news(Kind::Media, "404", second(14)));
        assert_eq!(fold.lines(second(29), false), [""; 0]);
        assert_eq!(
            fold.lines(second(30), false),
            ["media: 503, 14 more times in 30 s"]
        );
        assert!(!fold.is_news(Kind::Media, "503", second(31)), "it goes on");
        assert_eq!(
            fold.lines(second(60), false),
            ["media: 503, 1 more time in 30 s"]
        );
        assert_eq!(fold.lines(second(90), false), [""; 0]);
        assert!(fold.is_news(Kind::Media, "503", second(91)), "it is over");
    }

    #[test]
    fn too_many_kinds_of_faults_are_one() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        let news = (0..1000).filter(|n| fold.is_news(Kind::Media, &n.to_string(), now));
        assert_eq!(news.count(), MOST + 1);
        let told = fold.lines(now, true);
        assert_eq!(
            told,
            [format!(
                "media: other faults, {} more times in 1 s",
                999 - MOST
            )]
        );
    }

    #[test]
    fn at_the_end_all_are_told_of() {
        let (mut fold, now) = (Fold::default(), clock::instant());
        fold.is_news(Kind::Key, "reset", now);
        fold.is_news(Kind::Key, "reset", now);
        let soon = now + Duration::from_millis(1);
        assert_eq!(fold.lines(soon, true), ["key: reset, 1 more time in 1 s"]);
        assert_eq!(fold.lines(soon, true), [""; 0]);
    }
}
