//! What all findings come to, in a line. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::gap::{Gap, Unit};
use super::never_listed;
use super::outages::outage::Outage;
use super::raw::RawGap;
use super::times::{length, shown_us};
use crate::shown::counted;

/// Spans of time that are kept apart, of all streams; what comes later adds to those that it overlaps.
const MOST_SPANS: usize = 1 << 18;

/// What has been found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Gaps of the origin.
    gaps: Together,
    /// Gaps that are the time in which no recorder ran or asked.
    own_gaps: Together,
    /// What the gaps are between: parts, or segments.
    unit: Unit,
    /// How many outages of the origin.
    pub outages: u64,
    /// How many faults these had.
    pub faults: u64,
    /// How many faults were the recorder's own.
    pub own: u64,
    /// How many segments were never listed.
    pub never_listed: u64,
}

/// Gaps of which those of one stream that overlap are one: playlists of a channel stand still together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Together {
    /// Of each stream, from when to when, in microseconds; none touches another one.
    spans: BTreeMap<String, BTreeMap<i64, i64>>,
    count: usize,
    /// The playlists that had some.
    playlists: BTreeSet<i64>,
    /// Some are not counted.
    is_cut: bool,
}

impl Together {
    fn add(&mut self, stream: &str, playlist: Option<i64>, mut from_us: i64, mut until_us: i64) {
        self.playlists.extend(playlist);
        let spans = self.spans.entry(stream.to_owned()).or_default();
        let earlier = spans.range(..=until_us).rev();
        let reached: Vec<(i64, i64)> = earlier
            .map(|(from_us, until_us)| (*from_us, *until_us))
            .take_while(|(_, over_us)| *over_us >= from_us)
            .collect();
        if reached.is_empty() && self.count >= MOST_SPANS {
            self.is_cut = true;
            return;
        }
        for (one_us, over_us) in &reached {
            spans.remove(one_us);
            from_us = from_us.min(*one_us);
            until_us = until_us.max(*over_us);
        }
        spans.insert(from_us, until_us);
        self.count = self.count + 1 - reached.len();
    }

    fn length_us(&self) -> i64 {
        let spans = self.spans.values().flatten();
        spans.fold(0, |sum: i64, (from_us, until_us)| {
            sum.saturating_add(until_us.saturating_sub(*from_us))
        })
    }

    /// `1 gap`, `more than 300 gaps`.
    fn counted(&self, one: &str) -> String {
        let counted = counted(self.count as u64, one);
        match self.is_cut {
            true => format!("more than {counted}"),
            false => counted,
        }
    }

    /// ` (2 playlists)`; nothing, where they are of one.
    fn whose(&self) -> String {
        match self.playlists.len() {
            0 | 1 => String::new(),
            many => format!(" ({many} playlists)"),
        }
    }
}

impl Summary {
    /// One that counts gaps between such things.
    pub fn of(unit: Unit) -> Self {
        Self {
            unit,
            ..Self::default()
        }
    }

    /// One more gap of a playlist (row of `resource`), as long as it is shown. `zero_us`: session zero.
    pub fn gap(&mut self, stream: &str, playlist: i64, gap: &Gap, zero_us: i64) {
        let lost = gap.never_listed.map_or(0, |lost| lost.count);
        let gaps = match gap.is_recorders() {
            true => &mut self.own_gaps,
            false => {
                self.never_listed = self.never_listed.saturating_add(lost);
                &mut self.gaps
            }
        };
        let shown_us = |us: i64| shown_us(us, zero_us);
        let (from_us, until_us) = (shown_us(gap.from.seen_us), shown_us(gap.until_us));
        gaps.add(stream, Some(playlist), from_us, until_us);
    }

    /// One more gap of a raw stream.
    pub fn raw_gap(&mut self, stream: &str, gap: &RawGap, zero_us: i64) {
        let shown_us = |us: i64| shown_us(us, zero_us);
        let silence = &gap.silence;
        let (from_us, until_us) = (shown_us(silence.from_us), shown_us(silence.until_us));
        self.gaps.add(stream, None, from_us, until_us);
    }

    /// Whether nothing has been found.
    pub fn is_empty(&self) -> bool {
        *self == Self::of(self.unit)
    }

    /// Whether there is a gap of the origin.
    pub fn has_gaps(&self) -> bool {
        self.gaps.count > 0
    }

    /// Whether there is a gap that is only the recorder's.
    pub fn has_own_gaps(&self) -> bool {
        self.own_gaps.count > 0
    }

    /// One more outage.
    pub fn outage(&mut self, outage: &Outage) {
        match outage.key.own {
            None => {
                self.outages += 1;
                self.faults += outage.faults;
            }
            Some(_) => self.own += outage.faults,
        }
    }

    /// `3 gaps, 26.100 s (2 playlists); 2 outages; 4 segments never listed`.
    pub fn of_gaps(&self) -> String {
        let one = match self.unit {
            Unit::Segments => "gap",
            Unit::Parts => "gap between parts",
        };
        // The plural of the first word.
        let named = |gaps: &Together| match (self.unit, gaps.count) {
            (Unit::Parts, 0 | 2..) => gaps.counted("gap") + " between parts",
            _ => gaps.counted(one),
        };
        let gaps = match self.gaps.count {
            0 => format!("no {one}"),
            _ => {
                let length = length(self.gaps.length_us());
                format!("{}, {length}{}", named(&self.gaps), self.gaps.whose())
            }
        };
        let own = self.has_own_gaps().then(|| {
            let whose = self.own_gaps.whose();
            format!("{} of the recorder's own{whose}", named(&self.own_gaps))
        });
        let outages = (self.outages > 0).then(|| counted(self.outages, "outage"));
        self.line(std::iter::once(gaps).chain(own).chain(outages))
    }

    /// `2 outages, 21 faults; 1 segment never listed; 3 faults of the recorder's own`.
    pub fn of_outages(&self) -> String {
        let outages = match self.outages {
            0 => "no outage of the origin".to_owned(),
            outages => format!(
                "{}, {}",
                counted(outages, "outage"),
                counted(self.faults, "fault")
            ),
        };
        self.line(std::iter::once(outages))
    }

    fn line(&self, parts: impl Iterator<Item = String>) -> String {
        let lost = (self.never_listed > 0).then(|| never_listed::counted(self.never_listed));
        let own =
            (self.own > 0).then(|| format!("{} of the recorder's own", counted(self.own, "fault")));
        let parts: Vec<String> = parts.chain(lost).chain(own).collect();
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::never_listed::NeverListed;
    use crate::session::{Advance, PollTrouble};

    fn gap(from_ms: i64, until_ms: i64, lost: u64) -> Gap {
        let advance = |ms: i64| Advance {
            seen_us: ms * 1000,
            ..Advance::default()
        };
        Gap {
            from: advance(from_ms),
            to: Some(advance(until_ms)),
            until_us: until_ms * 1000,
            is_left: false,
            uncertain_us: [None; 2],
            threshold_us: 0,
            unit: Unit::Segments,
            polls: PollTrouble::default(),
            not_running_us: 0,
            noticed: Vec::new(),
            polls_are_gone: false,
            never_listed: (lost > 0).then_some(NeverListed {
                count: lost,
                first: 1,
                last: lost,
            }),
        }
    }

    #[test]
    fn a_line_sums_up() {
        let mut all = Summary::default();
        assert_eq!(all.of_gaps(), "no gap");
        assert_eq!(all.of_outages(), "no outage of the origin");
        for (from_ms, until_ms, lost) in [(0, 8_500, 2), (9_000, 17_600, 1), (20_000, 29_000, 1)] {
            all.gap("hall", 1, &gap(from_ms, until_ms, lost), 0);
        }
        (all.outages, all.faults) = (2, 21);
        assert_eq!(
            all.of_gaps(),
            "3 gaps, 26.100 s; 2 outages; 4 segments never listed"
        );
        let own = Gap {
            not_running_us: 1_000_000,
            ..gap(40_000, 41_000, 5)
        };
        all.gap("hall", 1, &own, 0);
        assert_eq!(
            all.of_gaps(),
            "3 gaps, 26.100 s; 1 gap of the recorder's own; 2 outages; 4 segments never listed"
        );
        all.own = 1;
        assert_eq!(
            all.of_outages(),
            "2 outages, 21 faults; 4 segments never listed; 1 fault of the recorder's own"
        );
    }

    #[test]
    fn playlists_of_one_stream_that_stand_still_together_are_one_gap() {
        let mut all = Summary::default();
        for (playlist, from_ms, until_ms) in [
            (1, 1_000, 9_500),
            (1, 20_000, 22_000),
            (2, 1_100, 9_600),
            (2, 21_000, 24_000),
            (3, 9_600, 9_700),
        ] {
            all.gap("hall", playlist, &gap(from_ms, until_ms, 0), 0);
        }
        assert_eq!(all.of_gaps(), "2 gaps, 12.700 s (3 playlists)");
        // Another channel has its own.
        all.gap("stage", 4, &gap(1_000, 9_500, 0), 0);
        assert_eq!(all.of_gaps(), "3 gaps, 21.200 s (4 playlists)");
        let mut one_in_all = Together::default();
        for (from_us, until_us) in [(5, 6), (1, 2), (9, 9), (0, 10)] {
            one_in_all.add("a", None, from_us, until_us);
        }
        assert_eq!((one_in_all.count, one_in_all.length_us()), (1, 10));
    }

    #[test]
    fn gaps_between_parts_are_called_that() {
        let mut all = Summary::of(Unit::Parts);
        assert_eq!(all.of_gaps(), "no gap between parts");
        all.gap("hall", 1, &gap(0, 900, 0), 0);
        assert_eq!(all.of_gaps(), "1 gap between parts, 0.900 s");
        all.gap("hall", 1, &gap(1_000, 1_900, 0), 0);
        assert_eq!(all.of_gaps(), "2 gaps between parts, 1.800 s");
    }
}
