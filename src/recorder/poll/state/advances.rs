//! When a playlist advanced last, and whether it should have done so again by now. Pure.
//!
//! Only what polls have shown counts: of a time in which nobody asked nothing is said against the origin.

use std::time::Duration;

use crate::hls::{MediaFacts, Step};

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
}

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
        never_listed: u64,
        was_told: bool,
    },
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
    is_told: bool,
}

impl Advance {
    /// RFC 8216bis 6.2.1: an update is due within 1.5 target durations.
    fn allowed_us(&self) -> i64 {
        self.target_us.saturating_mul(3) / 2
    }
}

impl Advances {
    /// Takes in a poll that showed no advance.
    pub(crate) fn same(&mut self, poll: PollSpan) -> Option<Told> {
        let last = self.last.as_mut()?;
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
                is_told: false,
            });
        }
        let before = before?;
        let after_us = poll.response_us.saturating_sub(before.at_us);
        // Who asks seldom sees it late.
        let apart_us = poll.requested_us.saturating_sub(before.known_us).max(0);
        let unasked_us = match apart_us > before.target_us / 2 {
            true => apart_us,
            false => 0,
        };
        let is_gap = after_us.saturating_sub(unasked_us) > before.allowed_us();
        if !(is_gap || before.is_told) {
            return None;
        }
        let skipped = next_number.map_or(0, |next| stated.numbers.0.saturating_sub(next));
        // More than can have been made meanwhile are none: the origin counts anew. Those that were listed while
        // nobody asked are not told, either.
        let most = after_us / stated.segment_us.max(1) + 2;
        let is_count = stated.step == Step::Slid && unasked_us == 0 && skipped <= most as u64;
        Some(Told::Again {
            after_us,
            expected_us: before.target_us,
            never_listed: if is_count { skipped } else { 0 },
            was_told: before.is_told,
        })
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
            never_listed,
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
            never_listed: 0,
            was_told: false,
        };
        assert_eq!(told, Some(again));
    }

    #[test]
    fn of_a_time_in_which_nobody_asked_nothing_is_said() {
        let mut advances = Advances::default();
        advances.advanced(poll(0.0), window(0));
        advances.same(poll(1.0));
        // The machine slept.
        assert_eq!(advances.advanced(poll(600.0), window(300)), None);
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
