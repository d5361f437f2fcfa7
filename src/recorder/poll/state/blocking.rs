//! Whether the next poll of a playlist is one that the origin holds, and what came of those before. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::tune_in::TuneIn;
use crate::hls::{Awaited, MediaFacts};

/// What a held answer took to come is three times the shortest wait of this playlist at most, and so long at least.
const LATENCY_US: i64 = 20_000;
/// A target duration, where none is known.
const TARGET: Duration = Duration::from_secs(6);
/// Where blocking fails again and again it is tried once in so long; nothing is waited for longer, whatever the target duration.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Held requests are so far apart at least, whatever is answered.
pub(crate) const LEAST_APART: Duration = Duration::from_millis(50);
/// No answer is overdue sooner.
const SOONEST_OVERDUE: Duration = Duration::from_secs(1);
/// What a connection takes, beside what the origin may hold a request.
const MARGIN: Duration = Duration::from_secs(1);

/// The blocking requests of one playlist.
#[derive(Debug, Default)]
pub(crate) struct Blocking {
    /// What the newest revision says comes next; `None`: the origin does not wait for it.
    next: Option<Awaited>,
    target: Option<Duration>,
    /// What the last poll waited for; `None`: it was an ordinary one.
    asked: Option<Held>,
    /// It came.
    is_met: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// Of all good polls, in microseconds.
    shortest_wait_us: Option<i64>,
    /// The longest wait for what came, of late, in microseconds.
    longest_wait_us: i64,
    /// The way to the live edge.
    tune_in: TuneIn,
    /// The last poll was held: what it brought changed no earlier, in microseconds of Unix time.
    changed_after_us: Option<i64>,
}

/// A poll that the origin is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) awaited: Awaited,
    /// For so long it may be without an answer (RFC 8216bis 6.2.5.2: three target durations).
    pub(crate) at_most: Duration,
    /// An answer that has not begun by then is overdue: ordinary polls go on beside it.
    pub(crate) overdue: Duration,
}

impl Blocking {
    /// What the next poll waits for, where it is made then.
    pub(crate) fn due(&self, now: Instant) -> Option<Held> {
        let awaited = self
            .tune_in
            .due(now)
            .filter(|_| self.next.is_some())
            .or(self.next)?;
        let at_most = self.target.unwrap_or(TARGET).saturating_mul(3);
        if at_most > LONGEST_PAUSE {
            // Nothing is waited for so long, and that is no fault of an origin that holds it as long as it may.
            return None;
        }
        let may = self.not_before.is_none_or(|at| at <= now);
        may.then(|| Held {
            awaited,
            at_most: at_most + MARGIN,
            overdue: self.overdue(),
        })
    }

    /// After so long without an answer something is wrong: one and a half target durations, or several times what it took of
    /// late. Parts stay in a playlist for longer than that.
    fn overdue(&self) -> Duration {
        let longest = self.target.unwrap_or(TARGET) * 3 / 2;
        let of_late = u64::try_from(self.longest_wait_us).unwrap_or(0);
        match of_late {
            0 => longest,
            of_late => Duration::from_micros(of_late.saturating_mul(4))
                .max(SOONEST_OVERDUE)
                .min(longest),
        }
    }

    /// What the last poll waits for.
    pub(crate) fn asked(&self) -> Option<Held> {
        self.asked
    }

    /// The answer to a poll comes that others were made beside.
    pub(crate) fn resume(&mut self, held: Held) {
        self.asked = Some(held);
        (self.is_met, self.changed_after_us) = (false, None);
    }

    /// A poll is made.
    pub(crate) fn ask(&mut self, held: Option<Held>) {
        if held.is_some() {
            self.tune_in.asks();
        }
        self.asked = held;
        (self.is_met, self.changed_after_us) = (false, None);
    }

    /// A good answer began then, so long after it was asked for.
    pub(crate) fn answered(&mut self, requested_us: i64, wait_us: i64) {
        let shortest_us = self
            .shortest_wait_us
            .map_or(wait_us, |known| known.min(wait_us));
        self.shortest_wait_us = Some(shortest_us);
        let latency_us = shortest_us.saturating_mul(3).max(LATENCY_US);
        let since_us = requested_us.saturating_add(wait_us.saturating_sub(latency_us).max(0));
        self.changed_after_us = self.asked.map(|_| since_us);
        if self.asked.is_some() {
            self.longest_wait_us = wait_us.max(self.longest_wait_us / 8 * 7);
        }
    }

    /// How old the playlist was that came.
    pub(crate) fn aged(&mut self, facts: &MediaFacts, age: Option<Duration>, now: Instant) {
        if matches!(self.tune_in, TuneIn::Behind(_)) {
            // A cache may have had what was asked for.
            self.changed_after_us = None;
        }
        self.tune_in.came(facts, age, now);
    }

    /// What it brought says so of itself.
    pub(crate) fn came(&mut self, facts: &MediaFacts) {
        self.is_met = self.asked.is_some_and(|asked| asked.awaited.is_in(facts));
        if !self
            .asked
            .is_some_and(|asked| asked.awaited.is_last_of(facts))
        {
            // Nobody knows how long it had been there: what was asked for had come before what stands behind it.
            self.changed_after_us = None;
        }
        self.next = Awaited::next(facts);
        self.target = facts.target_duration;
    }

    /// What came may have been there for longer: nothing is known of when it changed.
    pub(crate) fn doubted(&mut self) {
        self.changed_after_us = None;
    }

    /// The poll is over; whether blocking failed.
    pub(crate) fn over(&mut self, now: Instant) -> bool {
        if self.asked.is_none() {
            return false;
        }
        if self.is_met {
            (self.failures, self.not_before) = (0, None);
            return false;
        }
        self.tune_in.failed();
        let times = 2_u32.saturating_pow(self.failures.min(16));
        let pause = self.target.unwrap_or(TARGET).saturating_mul(times);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + pause.min(LONGEST_PAUSE));
        true
    }

    /// Whether the answer to a held poll has what that waited for; `None`: it was an ordinary one.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.asked.map(|_| self.is_met)
    }

    /// Of a held poll: what it brought changed no earlier, in microseconds of Unix time.
    pub(crate) fn changed_after_us(&self) -> Option<i64> {
        self.changed_after_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::hls::ServerControl;

    const TARGET: Duration = Duration::from_secs(4);

    fn facts(last_sequence: u64) -> MediaFacts {
        MediaFacts {
            last_sequence: Some(last_sequence),
            target_duration: Some(TARGET),
            control: ServerControl {
                can_block: true,
                ..ServerControl::default()
            },
            ..MediaFacts::default()
        }
    }

    /// A held poll that brings this; whether blocking failed.
    fn poll(blocking: &mut Blocking, last_sequence: Option<u64>, now: Instant) -> bool {
        blocking.ask(blocking.due(now));
        if let Some(last) = last_sequence {
            blocking.answered(0, 1_000_000);
            blocking.came(&facts(last));
        }
        blocking.over(now)
    }

    #[test]
    fn a_playlist_that_offers_it_is_waited_for_from_its_first_answer_on() {
        let now = clock::instant();
        let mut blocking = Blocking::default();
        assert_eq!(blocking.due(now), None);
        assert!(!poll(&mut blocking, Some(7), now));
        let due = blocking.due(now).unwrap();
        assert_eq!(
            (due.awaited.sequence, due.at_most),
            (8, TARGET * 3 + MARGIN)
        );
        assert!(!poll(&mut blocking, Some(8), now));
        assert_eq!(blocking.is_met(), Some(true));
    }

    #[test]
    fn what_fails_is_tried_again_after_one_target_duration_then_ever_later() {
        let mut now = clock::instant();
        let mut blocking = Blocking::default();
        poll(&mut blocking, Some(7), now);
        for (answer, pause) in [
            (Some(7), 4),
            (None, 8),
            (Some(6), 16),
            (None, 32),
            (None, 60),
            (None, 60),
        ] {
            assert!(poll(&mut blocking, answer, now));
            let pause = Duration::from_secs(pause);
            let before = now + pause - Duration::from_millis(1);
            assert_eq!(blocking.due(before), None, "{pause:?}");
            // Ordinary polls do not count.
            assert!(!poll(&mut blocking, Some(7), before));
            now += pause;
            assert!(blocking.due(now).is_some(), "{pause:?}");
        }
        assert!(!poll(&mut blocking, Some(8), now));
        assert!(poll(&mut blocking, Some(8), now));
        assert!(blocking.due(now + TARGET).is_some());
    }

    #[test]
    fn an_answer_is_overdue_after_several_times_what_it_took_of_late() {
        let now = clock::instant();
        let mut blocking = Blocking::default();
        poll(&mut blocking, Some(7), now);
        assert_eq!(blocking.due(now).unwrap().overdue, TARGET * 3 / 2);
        let mut last = 7;
        for (wait_us, overdue_ms) in [
            (100_000, 1000),
            (1_000_000, 4000),
            (100_000, 3500),
            (9_000_000, 6000),
        ] {
            last += 1;
            blocking.ask(blocking.due(now));
            blocking.answered(0, wait_us);
            blocking.came(&facts(last));
            assert!(!blocking.over(now));
            let overdue = blocking.due(now).unwrap().overdue;
            assert_eq!(overdue, Duration::from_millis(overdue_ms), "{wait_us}");
        }
    }

    #[test]
    fn what_was_held_changed_a_moment_before_it_came() {
        let mut blocking = Blocking::default();
        blocking.ask(None);
        blocking.answered(1_000_000, 30_000);
        assert_eq!(blocking.changed_after_us(), None);
        blocking.came(&facts(7));
        blocking.ask(blocking.due(clock::instant()));
        blocking.answered(2_000_000, 900_000);
        assert_eq!(blocking.changed_after_us(), Some(2_810_000));
        // An answer at once may have been there before.
        blocking.answered(3_000_000, 10_000);
        assert_eq!(blocking.changed_after_us(), Some(3_000_000));
    }

    /// A part with parts behind it was there before those; some origins answer for the last part of a segment
    /// when the first of the next is there.
    #[test]
    fn of_an_answer_with_more_than_was_waited_for_nobody_knows_since_when_it_was_there() {
        let parts = |next_parts| MediaFacts {
            part_target: Some(Duration::from_secs(1)),
            next_parts,
            ..facts(7)
        };
        for (came, is_known) in [(2, true), (3, false), (4, false)] {
            let mut blocking = Blocking::default();
            blocking.ask(None);
            blocking.answered(1_000_000, 1_000);
            blocking.came(&parts(1));
            blocking.ask(blocking.due(clock::instant()));
            blocking.answered(2_000_000, 900_000);
            blocking.came(&parts(came));
            assert_eq!(blocking.is_met(), Some(true), "{came}");
            let since_us = blocking.changed_after_us();
            assert_eq!(since_us, is_known.then_some(2_880_000), "{came}");
        }
    }
}
