//! What the log has of gaps that are over: each by itself, unless they are many, and behind the answers that came with it.
//! Pure but for its lock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::events::Over;
use super::fold::WINDOW;

/// So many of a stream are told within [`WINDOW`] whose beginning was not told; more are summed up.
const MOST: usize = 4;
/// What had no answer is answered at about the time at which a playlist advances again; for so long that is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
/// So many wait for that.
const MOST_PUT_OFF: usize = 8;

/// A gap that is over, to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub over: Over,
    /// The playlist that was over last.
    pub label: String,
    /// How often it should advance, in microseconds.
    pub expected_us: i64,
}

/// Of a stream.
#[derive(Debug, Default)]
pub(crate) struct Recoveries(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Requests of which the log has said that they have no answer, and which are under way.
    unanswered: usize,
    put_off: Vec<(Instant, Recovery)>,
    /// When the last ones were told whose beginning was not.
    told: VecDeque<Instant>,
}

impl Recoveries {
    /// Whether one is told whose beginning was not.
    pub(crate) fn may_tell(&self, now: Instant) -> bool {
        let mut known = self.known();
        let is_past = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        while known.told.front().is_some_and(is_past) {
            known.told.pop_front();
        }
        let may = known.told.len() < MOST;
        if may {
            known.told.push_back(now);
        }
        may
    }

    /// Takes one in; what is to be told now.
    pub(crate) fn comes(&self, recovery: Recovery, now: Instant) -> Vec<Recovery> {
        let mut known = self.known();
        known.put_off.push((now, recovery));
        match known.unanswered == 0 || known.put_off.len() > MOST_PUT_OFF {
            true => known.take(|_| true),
            false => Vec::new(),
        }
    }

    /// The log has said that a request has no answer.
    pub(super) fn waits(&self) {
        self.known().unanswered += 1;
    }

    /// That request is over.
    pub(super) fn waits_no_more(&self) {
        let mut known = self.known();
        known.unanswered = known.unanswered.saturating_sub(1);
    }

    /// What is to be told now of those that were put off; `at_end`: all of them.
    pub(crate) fn due(&self, now: Instant, at_end: bool) -> Vec<Recovery> {
        let mut known = self.known();
        let is_all = at_end || known.unanswered == 0;
        known.take(|since| is_all || now.saturating_duration_since(since) >= PATIENCE)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn take(&mut self, is_due: impl Fn(Instant) -> bool) -> Vec<Recovery> {
        let (due, later) = std::mem::take(&mut self.put_off)
            .into_iter()
            .partition(|(since, _)| is_due(*since));
        self.put_off = later;
        let due: Vec<(Instant, Recovery)> = due;
        due.into_iter().map(|(_, recovery)| recovery).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn recovery(label: &str) -> Recovery {
        Recovery {
            over: Over {
                length_us: 8_000_000,
                playlists: 1,
                never_listed: 0,
                was_told: true,
            },
            label: label.to_owned(),
            expected_us: 2_000_000,
        }
    }

    #[test]
    fn that_it_advances_is_told_behind_the_answers_and_soon_where_none_comes() {
        let (recoveries, now) = (Recoveries::default(), clock::instant());
        let [one, two] = ["one", "two"].map(recovery);
        assert_eq!(
            recoveries.comes(one.clone(), now),
            std::slice::from_ref(&one)
        );
        recoveries.waits();
        recoveries.waits();
        assert_eq!(recoveries.comes(one.clone(), now), []);
        recoveries.waits_no_more();
        assert_eq!(recoveries.due(now, false), [], "the other one hangs");
        recoveries.waits_no_more();
        assert_eq!(recoveries.due(now, false), std::slice::from_ref(&one));
        // What hangs on holds it up no longer than that.
        recoveries.waits();
        assert_eq!(recoveries.comes(one.clone(), now), []);
        let soon = now + PATIENCE;
        assert_eq!(recoveries.comes(two.clone(), soon), []);
        assert_eq!(recoveries.due(soon, false), [one]);
        assert_eq!(recoveries.due(soon, true), [two]);
    }

    #[test]
    fn few_are_told_by_themselves_and_many_in_sums() {
        let (recoveries, now) = (Recoveries::default(), clock::instant());
        let told = |at: Instant| (0..10).filter(|_| recoveries.may_tell(at)).count();
        assert_eq!(told(now), MOST);
        assert_eq!(told(now + WINDOW / 2), 0);
        assert_eq!(told(now + WINDOW), MOST);
    }
}
