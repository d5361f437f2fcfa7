//! Compares each advance of a media playlist, or each new part, with the one before. Pure.
//!
//! RFC 8216bis 6.2.1: a live playlist is to be updated within 1.5 times the target duration. A part is to be there one part
//! target after the one before; twice that and a tenth is allowed, since origins list parts in pairs, too, and milliseconds are
//! nobody's fault.

use std::time::Duration;

use super::gap::{Gap, Unit};
use crate::clock::micros;
use crate::session::{Advance, PollTrouble};

/// Which gaps are too long: over so much, or over 1.5 times the target duration in force, or twice the part target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Threshold(pub Option<Duration>);

impl Threshold {
    /// What is allowed after an advance; `None`: that playlist states no such target.
    fn after(self, advance: &Advance, unit: Unit) -> Option<i64> {
        let default_us = match unit {
            Unit::Segments => advance
                .target_duration_us
                .map(|target_us| target_us.saturating_mul(3) / 2),
            Unit::Parts => Some(advance.part_target_us?.saturating_mul(21) / 10),
        };
        // Sessions of earlier versions have a target duration of 0, where that was stated: all would be late.
        let default_us = default_us.filter(|us| *us > 0);
        self.0.map(micros).or(default_us)
    }
}

/// What is known of a playlist so far.
pub(in crate::analysis) struct Scan {
    threshold: Threshold,
    unit: Unit,
    last: Option<Advance>,
    /// The newest revision that lists as much as any before.
    newest: Option<Advance>,
}

impl Scan {
    pub(in crate::analysis) fn new(threshold: Threshold, unit: Unit) -> Self {
        Self {
            threshold,
            unit,
            last: None,
            newest: None,
        }
    }

    /// Takes in an advance; between parts, any revision.
    pub(in crate::analysis) fn next(&mut self, advance: Advance) -> Option<Gap> {
        if self.unit == Unit::Parts && !self.brings_part(&advance) {
            if let Some(last) = &mut self.last {
                last.ended |= advance.ended;
            }
            return None;
        }
        let from = self.last.replace(advance)?;
        self.gap(from, Some(advance), advance.seen_us)
    }

    /// Whether a revision lists a part that none before it did.
    fn brings_part(&mut self, revision: &Advance) -> bool {
        let Some(newest) = self.newest.filter(|_| !revision.restarted) else {
            self.newest = Some(*revision);
            return true;
        };
        let (before, now) = (newest.next_number, revision.next_number);
        let parts = |of: &Advance| of.next_parts.unwrap_or(0);
        if (now, parts(revision)) <= (before, parts(&newest)) {
            return false;
        }
        self.newest = Some(*revision);
        let is_next = now == before.and_then(|before| before.checked_add(1));
        // Its parts are listed under their parent now.
        let is_parent_alone = is_next
            && parts(revision) == 0
            && revision
                .last_parts
                .is_some_and(|last_parts| last_parts <= parts(&newest));
        !is_parent_alone
    }

    /// A playlist that has ended owes nothing further.
    pub(in crate::analysis) fn end(&self, end_us: i64) -> Option<Gap> {
        self.gap(self.last?, None, end_us)
    }

    fn gap(&self, from: Advance, to: Option<Advance>, until_us: i64) -> Option<Gap> {
        // What was over may be taken back (T11), and was not late meanwhile.
        if from.ended {
            return None;
        }
        let has_no_parts = from.last_parts.unwrap_or(0) == 0 && from.next_parts.unwrap_or(0) == 0;
        if self.unit == Unit::Parts && has_no_parts {
            return None;
        }
        let threshold_us = self.threshold.after(&from, self.unit)?;
        let gap = Gap {
            from,
            to,
            until_us,
            is_left: false,
            uncertain_us: [None; 2],
            threshold_us,
            unit: self.unit,
            polls: PollTrouble::default(),
            not_running_us: 0,
            noticed: Vec::new(),
            polls_are_gone: false,
            never_listed: None,
            not_seen: None,
        };
        (gap.length_us() > threshold_us).then_some(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn advance(seconds: i64, target_seconds: i64) -> Advance {
        Advance {
            exchange_id: seconds,
            seen_us: seconds * 1_000_000,
            target_duration_us: (target_seconds > 0).then_some(target_seconds * 1_000_000),
            ..Advance::default()
        }
    }

    fn lengths(advances: &[Advance], threshold: Threshold, end_seconds: i64) -> Vec<(i64, bool)> {
        let mut scan = Scan::new(threshold, Unit::Segments);
        let mut gaps: Vec<Gap> = advances.iter().filter_map(|a| scan.next(*a)).collect();
        gaps.extend(scan.end(end_seconds * 1_000_000));
        gaps.iter()
            .map(|g| (g.length_us() / 1_000_000, g.to.is_none()))
            .collect()
    }

    #[test]
    fn one_and_a_half_target_durations_are_allowed() {
        let advances = [
            advance(0, 6),
            advance(9, 6),
            advance(19, 8),
            advance(31, 6),
            advance(41, 6),
        ];
        assert_eq!(
            lengths(&advances, Threshold(None), 42),
            [(10, false), (10, false)]
        );
        let fixed = Threshold(Some(Duration::from_millis(9_500)));
        assert_eq!(
            lengths(&advances, fixed, 60),
            [(10, false), (12, false), (10, false), (19, true)]
        );
    }

    #[test]
    fn the_end_counts_unless_the_playlist_has_ended() {
        assert_eq!(lengths(&[advance(0, 6)], Threshold(None), 30), [(30, true)]);
        let ended = Advance {
            ended: true,
            ..advance(0, 6)
        };
        assert_eq!(lengths(&[ended], Threshold(None), 30), []);
        let taken_back = [ended, advance(20, 6), advance(40, 6)];
        assert_eq!(
            lengths(&taken_back, Threshold(None), 41),
            [(20, false)],
            "nothing was owed before it went on"
        );
        assert_eq!(lengths(&[], Threshold(None), 30), []);
    }

    #[test]
    fn without_a_target_duration_nothing_is_owed() {
        assert_eq!(
            lengths(&[advance(0, 0), advance(100, 0)], Threshold(None), 200),
            []
        );
    }

    #[test]
    fn a_target_of_nothing_is_none() {
        let zero = |unit, seconds| {
            let mut scan = Scan::new(Threshold(None), unit);
            let advance = Advance {
                target_duration_us: Some(0),
                part_target_us: Some(0),
                next_number: u64::try_from(seconds).ok(),
                next_parts: Some(1),
                ..advance(seconds, 0)
            };
            (scan.next(advance), scan.end(seconds + 60_000_000))
        };
        assert_eq!(zero(Unit::Segments, 1), (None, None));
        assert_eq!(zero(Unit::Parts, 1), (None, None));
    }

    /// A revision at so many tenths of a second: the number behind its last segment, parts of that segment and behind it.
    fn listed(tenths: i64, next: u64, last_parts: u64, next_parts: u64) -> Advance {
        Advance {
            exchange_id: tenths,
            seen_us: tenths * 100_000,
            target_duration_us: Some(4_000_000),
            part_target_us: Some(500_000),
            first_number: Some(next.saturating_sub(3)),
            next_number: Some(next),
            last_parts: Some(last_parts),
            next_parts: Some(next_parts),
            ..Advance::default()
        }
    }

    /// From when to when, in tenths of a second.
    fn between_parts(threshold: Threshold, revisions: &[Advance], end: i64) -> Vec<(i64, i64)> {
        let mut scan = Scan::new(threshold, Unit::Parts);
        let found = revisions.iter().filter_map(|one| scan.next(*one));
        let mut gaps: Vec<Gap> = found.collect();
        gaps.extend(scan.end(end * 100_000));
        let tenths = |gap: &Gap| (gap.from.seen_us / 100_000, gap.until_us / 100_000);
        gaps.iter().map(tenths).collect()
    }

    #[test]
    fn two_part_targets_are_allowed_between_parts() {
        let revisions = [
            listed(0, 5, 4, 1),
            listed(5, 5, 4, 2),
            listed(15, 5, 4, 3),
            // Its parent is listed, with the last part: that is new.
            listed(26, 6, 4, 0),
            listed(31, 6, 4, 1),
        ];
        let found = |threshold| between_parts(threshold, &revisions, 45);
        assert_eq!(found(Threshold(None)), [(15, 26), (31, 45)]);
        let fixed = Threshold(Some(Duration::from_millis(950)));
        assert_eq!(found(fixed), [(5, 15), (15, 26), (31, 45)]);
    }

    #[test]
    fn what_lists_no_new_part_ends_no_gap() {
        let all_parts = [
            listed(0, 5, 4, 4),
            // The same parts under their parent; an edge that is behind; the same again, with an end.
            listed(4, 6, 4, 0),
            listed(6, 5, 4, 3),
            listed(30, 6, 4, 1),
        ];
        assert_eq!(between_parts(Threshold(None), &all_parts, 30), [(0, 30)]);
        let ended = Advance {
            ended: true,
            ..listed(5, 5, 4, 4)
        };
        let over = [listed(0, 5, 4, 4), ended];
        assert_eq!(between_parts(Threshold(None), &over, 60), []);
        let begun_again = Advance {
            restarted: true,
            ..listed(8, 1, 0, 1)
        };
        let again = [listed(0, 5, 4, 4), begun_again, listed(12, 1, 0, 2)];
        assert_eq!(between_parts(Threshold(None), &again, 12), []);
    }

    #[test]
    fn a_playlist_that_states_no_part_target_owes_no_part() {
        let plain = |tenths| Advance {
            part_target_us: None,
            ..listed(tenths, 5, 0, 0)
        };
        assert_eq!(between_parts(Threshold(None), &[plain(0)], 90), []);
        let fixed = Threshold(Some(Duration::from_secs(1)));
        assert_eq!(between_parts(fixed, &[plain(0)], 90), []);
    }

    proptest! {
        #[test]
        fn every_gap_is_over_the_threshold_and_none_is_missed(
            steps in prop::collection::vec(0..20_i64, 0..20),
            limit in 0..20_u64,
        ) {
            let mut at = 0;
            let advances: Vec<Advance> = steps.iter().map(|step| { at += step; advance(at, 6) }).collect();
            let got = lengths(&advances, Threshold(Some(Duration::from_secs(limit))), at);
            let wanted: Vec<(i64, bool)> = steps.iter().skip(1).filter(|s| **s > limit as i64).map(|s| (*s, false)).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}
