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
/// That an outage is over is told soon after the first of its playlists is answered, whatever becomes of the others.
const LONGEST: Duration = Duration::from_secs(11);
/// So many wait for that.
const MOST_PUT_OFF: usize = 8;

/// A gap that is over, to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovery {
    pub over: Over,
    /// The playlist that was over last, by its number and by its label.
    pub of: usize,
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

    /// Takes one in; what is to be told now. `in_outage`: whether it is still to be told that an outage is over in which a
    /// playlist was.
    pub(crate) fn comes(
        &self,
        recovery: Recovery,
        now: Instant,
        in_outage: impl Fn(usize) -> bool,
    ) -> Vec<Recovery> {
        let mut known = self.known();
        known.put_off.push((now, recovery));
        match known.put_off.len() > MOST_PUT_OFF {
            true => known.take(|_, _| true),
            false => known.due(now, in_outage),
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
    pub(crate) fn due(
        &self,
        now: Instant,
        at_end: bool,
        in_outage: impl Fn(usize) -> bool,
    ) -> Vec<Recovery> {
        let mut known = self.known();
        match at_end {
            true => known.take(|_, _| true),
            false => known.due(now, in_outage),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Those whose answers are told, or come too late.
    fn due(&mut self, now: Instant, in_outage: impl Fn(usize) -> bool) -> Vec<Recovery> {
        let is_answered = self.unanswered == 0;
        self.take(|since, of| {
            let patience = match (in_outage(of), is_answered) {
                (true, _) => LONGEST,
                (false, true) => return true,
                (false, false) => PATIENCE,
            };
            now.saturating_duration_since(since) >= patience
        })
    }

    fn take(&mut self, is_due: impl Fn(Instant, usize) -> bool) -> Vec<Recovery> {
        let (due, later) = std::mem::take(&mut self.put_off)
            .into_iter()
            .partition(|(since, recovery)| is_due(*since, recovery.of));
        self.put_off = later;
        let due: Vec<(Instant, Recovery)> = due;
        due.into_iter().map(|(_, recovery)| recovery).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::recorder::stats::events::Skipped;

    fn recovery(label: &str) -> Recovery {
        Recovery {
            over: Over {
                from_us: 1,
                length_us: 8_000_000,
                playlists: 1,
                skipped: Skipped::default(),
                was_told: true,
            },
            of: 0,
            label: label.to_owned(),
            expected_us: 2_000_000,
        }
    }

    #[test]
    fn that_it_advances_is_told_behind_the_answers_and_soon_where_none_comes() {
        let (recoveries, now) = (Recoveries::default(), clock::instant());
        let [one, two] = ["one", "two"].map(recovery);
        assert_eq!(
            recoveries.comes(one.clone(), now, |_| false),
            std::slice::from_ref(&one)
        );
        recoveries.waits();
        recoveries.waits();
        assert_eq!(recoveries.comes(one.clone(), now, |_| false), []);
        recoveries.waits_no_more();
        assert_eq!(
            recoveries.due(now, false, |_| false),
            [],
            "the other one hangs"
        );
        recoveries.waits_no_more();
        assert_eq!(
            recoveries.due(now, false, |_| false),
            std::slice::from_ref(&one)
        );
        // What hangs on holds it up no longer than that.
        recoveries.waits();
        assert_eq!(recoveries.comes(one.clone(), now, |_| false), []);
        let soon = now + PATIENCE;
        assert_eq!(recoveries.comes(two.clone(), soon, |_| false), [one]);
        assert_eq!(recoveries.due(soon, true, |_| false), [two]);
    }

    #[test]
    fn that_it_advances_is_told_behind_the_end_of_its_outage() {
        let (recoveries, now) = (Recoveries::default(), clock::instant());
        let one = recovery("one");
        assert_eq!(recoveries.comes(one.clone(), now, |of| of == 0), []);
        let later = now + LONGEST / 2;
        assert_eq!(recoveries.due(later, false, |of| of == 0), []);
        // The main playlist is answered, too.
        let due = recoveries.due(later, false, |of| of == 1);
        assert_eq!(due, std::slice::from_ref(&one));
        assert_eq!(recoveries.comes(one.clone(), now, |_| true), []);
        assert_eq!(recoveries.due(now + LONGEST, false, |_| true), [one]);
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
