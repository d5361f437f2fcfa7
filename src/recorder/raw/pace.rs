//! When a raw stream is asked for again. Pure.

use tokio::time::Instant;

use crate::recorder::schedule::{denied_delay, reconnect_interval};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came for a while.
    Steady,
    /// Nothing came, or not for long.
    Failed,
    /// It is not to be had: 401, 403 or 410.
    Denied,
    /// It was asked for too often: 429.
    TooOften,
}

impl Fate {
    /// Of an answer that was no stream.
    pub(super) fn of_status(status: Option<u16>) -> Self {
        match status {
            Some(401 | 403 | 410) => Self::Denied,
            Some(429) => Self::TooOften,
            _ => Self::Failed,
        }
    }
}

/// How often in a row a raw stream has failed, and when it was asked for last.
#[derive(Debug)]
pub(super) struct Pace {
    asked: Instant,
    failures: u32,
    denials: u32,
}

impl Pace {
    /// It was asked for then.
    pub(super) fn new(asked: Instant) -> Self {
        Self {
            asked,
            failures: 0,
            denials: 0,
        }
    }

    /// It is asked for.
    pub(super) fn asks(&mut self, now: Instant) {
        self.asked = now;
    }

    /// When it is to be asked for again.
    pub(super) fn next(&mut self, fate: Fate, now: Instant) -> Instant {
        self.failures = match fate {
            Fate::Steady => 0,
            _ => self.failures.saturating_add(1),
        };
        self.denials = match fate {
            Fate::Steady | Fate::Failed => 0,
            Fate::Denied | Fate::TooOften => self.denials.saturating_add(1),
        };
        match fate {
            Fate::Denied => now + denied_delay(self.denials),
            // Not at once.
            Fate::TooOften => now + denied_delay(self.denials.saturating_add(1)),
            Fate::Steady | Fate::Failed => {
                (self.asked + reconnect_interval(self.failures)).max(now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// After how many milliseconds it is asked for again, where each request lasts so long.
    fn delays(fate: Fate, lasts_ms: u64) -> Vec<u128> {
        let mut now = crate::clock::instant();
        let mut pace = Pace::new(now);
        let mut delays = Vec::new();
        for _ in 0..6 {
            now += Duration::from_millis(lasts_ms);
            let next = pace.next(fate, now);
            delays.push((next - now).as_millis());
            now = next;
            pace.asks(now);
        }
        delays
    }

    #[test]
    fn what_came_and_broke_is_asked_for_at_once() {
        assert_eq!(delays(Fate::Steady, 10_000), [0; 6]);
        assert_eq!(
            delays(Fate::Failed, 3_000),
            [0; 6],
            "bodies of three seconds"
        );
        assert_eq!(delays(Fate::Failed, 20_000), [0; 6], "it hangs");
    }

    #[test]
    fn an_origin_that_fails_at_once_is_asked_each_second() {
        assert_eq!(delays(Fate::Failed, 0), [250, 500, 1000, 1000, 1000, 1000]);
        assert_eq!(delays(Fate::Failed, 400), [0, 100, 600, 600, 600, 600]);
    }

    #[test]
    fn who_says_no_is_asked_ever_later() {
        assert_eq!(delays(Fate::Denied, 0), [0, 1000, 2000, 4000, 6000, 6000]);
        let [first, ..] = delays(Fate::TooOften, 0)[..] else {
            panic!("six");
        };
        assert_eq!(first, 1000);
        assert_eq!(Fate::of_status(Some(429)), Fate::TooOften);
        assert_eq!(Fate::of_status(Some(403)), Fate::Denied);
        assert_eq!(Fate::of_status(Some(503)), Fate::Failed);
        assert_eq!(Fate::of_status(None), Fate::Failed);
    }
}
