//! When a playlist advanced last, and whether it should have done so again by now. Pure.
//!
//! Only what polls have shown counts: of a time in which nobody asked nothing is said against the origin.

use std::time::Duration;

use crate::hls::{MediaFacts, Step};
use crate::recorder::stats::events::Skipped;

/// What a revision says of the end of its playlist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stated {
    pub step: Step,
    target_us: i64,
    ended: bool,
    /// The media sequence number of its first segment, and the one behind its last.
    numbers: (u64, u64),
    /// How long its segments are on average, in microseconds.
    segment_us: i64,
}

impl Stated {
    pub(crate) fn new(facts: &MediaFacts, step: Step) -> Self {
        let first = facts.media_sequence;
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let count = i64::try_from(facts.segment_count).unwrap_or(i64::MAX);
        Self {
            step,
            target_us: facts.target_duration.map_or(0, micros),
            ended: facts.ended,
            numbers: (first, first.saturating_add(facts.segment_count)),
            segment_us: micros(facts.duration) / count.max(1),
        }
    }

    pub(crate) fn target_us(&self) -> i64 {
        self.target_us
    }
}

/// When a poll was made and what of it counts, in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSpan {
    pub requested_us: i64,
    /// Until then the playlist is known not to have advanced, where it shows no advance: when it was asked for; where
    /// the poll failed, when that was over.
    pub known_us: i64,
    /// When its answer began.
    pub response_us: i64,
    /// When all of it was over, or is not yet.
    pub over_us: i64,
    /// For so long since the last advance the recorder stood still, or its machine slept.
    pub away_us: i64,
}

impl PollSpan {
    /// When it was over, if it took long: until then the recorder waited for what it had asked for.
    fn long_over_us(&self) -> Option<i64> {
        let took_us = self.over_us.saturating_sub(self.requested_us);
        (took_us >= LONG_US).then_some(self.over_us)
    }
}

/// A poll that takes so long, in microseconds, takes long.
const LONG_US: i64 = 1_000_000;

/// What there is to tell of a playlist's advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It has not advanced for longer than it should take; `is_new`: that is so since this poll.
    Still {
        for_us: i64,
        expected_us: i64,
        is_new: bool,
    },
    /// It has advanced, after so long; `was_told`: as it was due.
    Again {
        after_us: i64,
        expected_us: i64,
        skipped: Skipped,
        was_told: bool,
    },
    /// It has advanced. That this took so long is the recorder's own, and so are the segments that it did not see.
    Missed { after_us: i64, skipped: Skipped },
}

/// The advances of one playlist.
#[derive(Debug, Default)]
pub(crate) struct Advances {
    /// The last one; `None`: there was none yet, or no other one is due.
    last: Option<Advance>,
    /// The media sequence number that is to come next.
    next_number: Option<u64>,
}

#[derive(Debug)]
struct Advance {
    at_us: i64,
    target_us: i64,
    /// Until then there is known to have been no other one.
    known_us: i64,
    /// When the last poll was over, and the longest time until the next one.
    polled_us: i64,
    between_us: i64,
    /// For so long in all nothing was asked, of times that were longer than half a target duration.
    unasked_us: i64,
    /// When the last poll was over, if it took long.
    long_over_us: Option<i64>,
    is_told: bool,
}

impl Advance {
    /// RFC 8216bis 6.2.1: an update is due within 1.5 target durations.
    fn allowed_us(&self) -> i64 {
        self.target_us.saturating_mul(3) / 2
    }

    fn polled(&mut self, poll: PollSpan) {
        let pause_us = poll.requested_us.saturating_sub(self.polled_us);
        self.between_us = self.between_us.max(pause_us);
        if pause_us > self.target_us / 2 {
            self.unasked_us = self.unasked_us.saturating_add(pause_us);
        }
        self.polled_us = self.polled_us.max(poll.over_us);
        self.long_over_us = poll.long_over_us();
    }

    /// What was left out, of segments so long in microseconds: as many as can have come and gone while the recorder did not ask or
    /// stood still it may have missed.
    fn skipped(&self, poll: PollSpan, left_out: u64, segment_us: i64) -> Skipped {
        let may_have_missed = self.between_us.max(poll.away_us) > self.target_us / 2;
        let missed_us = self.unasked_us.max(poll.away_us);
        let most = match may_have_missed {
            true => (missed_us / segment_us.max(1)).saturating_add(1),
            false => 0,
        };
        let not_seen = left_out.min(most.unsigned_abs());
        Skipped {
            never_listed: left_out - not_seen,
            not_seen,
            is_held_back: false,
        }
    }
}

impl Advances {
    /// Takes in a poll that showed no advance.
    pub(crate) fn same(&mut self, poll: PollSpan) -> Option<Told> {
        let last = self.last.as_mut()?;
        last.polled(poll);
        last.known_us = last.known_us.max(poll.known_us);
        let for_us = last.known_us.saturating_sub(last.at_us);
        if for_us <= last.allowed_us() {
            return None;
        }
        Some(Told::Still {
            for_us,
            expected_us: last.target_us,
            is_new: !std::mem::replace(&mut last.is_told, true),
        })
    }

    /// Takes in a poll that showed an advance.
    pub(crate) fn advanced(&mut self, poll: PollSpan, stated: Stated) -> Option<Told> {
        let before = self.last.take();
        let next_number = self.next_number.replace(stated.numbers.1);
        // Without a target duration, or behind an end, nothing is due.
        if stated.target_us > 0 && !stated.ended {
            self.last = Some(Advance {
                at_us: poll.response_us,
                target_us: stated.target_us,
                known_us: poll.response_us,
                polled_us: poll.long_over_us().unwrap_or(poll.response_us),
                long_over_us: poll.long_over_us(),
                between_us: 0,
                unasked_us: 0,
                is_told: false,
            });
        }
        let mut before = before?;
        // Who asks seldom sees it late; a request that is under way is asking.
        let asked_us = before.long_over_us.max(Some(before.known_us));
        let asked_us = asked_us.unwrap_or(before.known_us);
        let apart_us = poll.requested_us.saturating_sub(asked_us).max(0);
        before.polled(poll);
        let after_us = poll.response_us.saturating_sub(before.at_us);
        let unasked_us = match apart_us > before.target_us / 2 {
            true => apart_us,
            false => 0,
        };
        let own_us = unasked_us.max(poll.away_us);
        let is_gap = after_us.saturating_sub(own_us) > before.allowed_us();
        let left_out = next_number.map_or(0, |next| stated.numbers.0.saturating_sub(next));
        // More than can have been made meanwhile are none: the origin counts anew.
        let most = after_us / stated.segment_us.max(1) + 2;
        let is_count = stated.step == Step::Slid && left_out <= most as u64;
        let left_out = if is_count { left_out } else { 0 };
        let skipped = before.skipped(poll, left_out, stated.segment_us);
        if is_gap || before.is_told {
            return Some(Told::Again {
                after_us,
                expected_us: before.target_us,
                skipped,
                was_told: before.is_told,
            });
        }
        let is_long = after_us > before.allowed_us();
        (is_long && skipped.not_seen > 0).then_some(Told::Missed { after_us, skipped })
    }

    /// When the last one was, in microseconds of Unix time; `None`: no other one is due.
    pub(crate) fn since_us(&self) -> Option<i64> {
        self.last.as_ref().map(|last| last.at_us)
    }

    /// No other one is due: it is no longer named, or no longer polled.
    pub(crate) fn end(&mut self) {
        self.last = None;
    }

    /// When the next one is overdue; `None`: none is due, or that was told.
    pub(crate) fn overdue_us(&self) -> Option<i64> {
        let last = self.last.as_ref().filter(|last| !last.is_told)?;
        Some(last.at_us.saturating_add(last.allowed_us()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn poll(at_s: f64) -> PollSpan {
        let at_us = (at_s * 1e6) as i64;
        PollSpan {
            requested_us: at_us,
            known_us: at_us,
            response_us: at_us,
            over_us: at_us,
            away_us: 0,
        }
    }

    /// Three segments of two seconds from a number on.
    fn window(first: u64) -> Stated {
        Stated {
            step: Step::Slid,
            target_us: 2 * S,
            ended: false,
            numbers: (first, first + 3),
            segment_us: 2 * S,
        }
    }

    /// Polls every half second between two moments; what was told first, and how often.
    fn polls(advances: &mut Advances, from: i32, until: i32) -> (Option<Told>, usize) {
        let told: Vec<Told> = (from..until)
            .filter_map(|half| advances.same(poll(f64::from(half) / 2.0)))
            .collect();
        (told.first().copied(), told.len())
    }

    #[test]
    fn a_freeze_is_told_when_it_becomes_one_and_when_it_is_over_with_what_was_never_listed() {
        let mut advances = Advances::default();
        assert_eq!(advances.advanced(poll(0.0), window(10)), None);
        assert_eq!(
            polls(&mut advances, 1, 7).0,
            None,
            "three seconds are allowed"
        );
        let (told, count) = polls(&mut advances, 7, 52);
        let still = Told::Still {
            for_us: 3_500_000,
            expected_us: 2 * S,
            is_new: true,
        };
        assert_eq!((told, count), (Some(still), 45));
        let again = |never_listed| Told::Again {
            after_us: 26 * S,
            expected_us: 2 * S,
            skipped: Skipped::never_listed(never_listed),
            was_told: true,
        };
        let told = advances.advanced(poll(26.0), window(17));
        assert_eq!(told, Some(again(4)));
        polls(&mut advances, 53, 104);
        let told = advances.advanced(poll(52.0), window(5_000));
        assert_eq!(told, Some(again(0)), "nobody made so many");
    }

    #[test]
    fn a_gap_that_is_over_when_it_is_seen_is_told_all_the_same() {
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        advances.same(poll(2.9));
        let told = advances.advanced(poll(3.1), window(1));
        let again = Told::Again {
            after_us: 3_100_000,
            expected_us: 2 * S,
            skipped: Skipped::default(),
            was_told: false,
        };
        assert_eq!(told, Some(again));
    }

    #[test]
    fn of_a_time_in_which_nobody_asked_nothing_is_said() {
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        advances.same(poll(1.0));
        // It was stopped.
        let missed = Told::Missed {
            after_us: 600 * S,
            skipped: Skipped::not_seen(297),
        };
        let told = advances.advanced(poll(600.0), window(300));
        assert_eq!(told, Some(missed));
        // A user polls once in four seconds.
        for n in 1..9 {
            let at = 600.0 + 4.0 * f64::from(n);
            assert_eq!(
                advances.advanced(poll(at), window(300 + 2 * n as u64)),
                None
            );
        }
        // What hangs is asked for: it was over just before.
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        let hung = PollSpan {
            known_us: 15 * S,
            ..poll(1.0)
        };
        assert!(matches!(advances.same(hung), Some(Told::Still { .. })));
    }

    #[test]
    fn a_playlist_that_takes_long_to_come_was_asked_for_all_that_time() {
        // Heads come at once, and the rest over 4.4 s; the next request is made then.
        let poll = |at_s: f64| PollSpan {
            over_us: ((at_s + 4.4) * 1e6) as i64,
            ..poll(at_s)
        };
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        for n in 1..5 {
            let told = advances.advanced(poll(4.5 * f64::from(n)), window(2 * n as u64));
            let again = Told::Again {
                after_us: 4_500_000,
                expected_us: 2 * S,
                skipped: Skipped::default(),
                was_told: false,
            };
            assert_eq!(told, Some(again), "{n}");
        }
    }

    #[test]
    fn what_the_recorder_may_have_missed_is_not_said_to_be_the_origins() {
        // The origin refuses from 1 to 6; from 2 to 6 the recorder stood still.
        let refused = |at_s: f64| PollSpan {
            known_us: ((at_s + 0.1) * 1e6) as i64,
            over_us: ((at_s + 0.1) * 1e6) as i64,
            ..poll(at_s)
        };
        let again = |skipped| Told::Again {
            after_us: 10 * S,
            expected_us: 2 * S,
            skipped,
            was_told: true,
        };
        for (away, skipped) in [(4.0, Skipped::not_seen(2)), (0.5, Skipped::never_listed(2))] {
            let mut advances = Advances::default();
            advances.advanced(poll(0.0), window(0));
            let back = 2.0 + away;
            for n in 0..20 {
                let at_s = f64::from(n) / 2.0;
                if at_s <= 2.0 || at_s >= back {
                    advances.same(refused(at_s));
                }
            }
            let end = PollSpan {
                away_us: (away * 1e6) as i64,
                ..poll(10.0)
            };
            let told = advances.advanced(end, window(5));
            assert_eq!(told, Some(again(skipped)), "{away}");
        }
        // Refused for 30 s, in the middle of which it stood still for 3.
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        for n in 0..60 {
            let at_s = f64::from(n) / 2.0;
            if !(15.0..18.0).contains(&at_s) {
                advances.same(refused(at_s));
            }
        }
        let end = PollSpan {
            away_us: 3 * S,
            ..poll(30.0)
        };
        let told = advances.advanced(end, window(13));
        let skipped = Skipped {
            never_listed: 8,
            not_seen: 2,
            is_held_back: false,
        };
        let is_it = |told: &Told| matches!(told, Told::Again { skipped: of, .. } if *of == skipped);
        assert!(told.as_ref().is_some_and(is_it), "{told:?}");
        // It stood still while a request was under way.
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        let end = PollSpan {
            requested_us: S,
            away_us: 5 * S,
            ..poll(6.5)
        };
        let told = advances.advanced(end, window(4));
        let skipped = Skipped::not_seen(1);
        let after_us = 6_500_000;
        assert_eq!(told, Some(Told::Missed { after_us, skipped }));
    }

    #[test]
    fn behind_an_end_and_without_a_target_duration_nothing_is_due() {
        for stated in [
            Stated {
                ended: true,
                ..window(0)
            },
            Stated {
                target_us: 0,
                ..window(0)
            },
        ] {
            let mut advances = Advances::default();
            advances.advanced(poll(0.0), stated);
            assert_eq!(polls(&mut advances, 1, 100), (None, 0));
            assert_eq!(advances.overdue_us(), None);
            assert_eq!(advances.advanced(poll(60.0), window(3)), None);
        }
    }
}
