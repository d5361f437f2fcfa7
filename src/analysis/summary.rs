//! What all findings come to, in a line. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::gaps::gap::{Gap, Unit, Whose};
use super::never_listed;
use super::outages::outage::Outage;
use super::raw::RawGap;
use super::times::{length, shown_us};
use crate::shown::counted;
use crate::spans::{self, Span, Sum};

/// Spans of time that are kept, of all streams; what comes later is not counted.
const MOST_SPANS: usize = 1 << 18;
/// In place of a playlist, of a stream that is none.
const RAW: i64 = 0;

/// What has been found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Gaps of the origin.
    gaps: Together,
    /// Gaps that are the time in which no recorder ran or asked, or it stood still; what they cost are segments that were not seen.
    own_gaps: Together,
    /// Gaps of which nobody knows whose they are, or whether they are any.
    unsure_gaps: Together,
    /// In one of these players had nothing new for too long, whoever's that was.
    players_went_without: bool,
    /// What the gaps are between: parts, or segments.
    unit: Unit,
    /// How many outages of the origin.
    pub outages: u64,
    /// How many faults these had.
    pub faults: u64,
    /// How many requests in them were no faults, but had no answer for long.
    pub long_waits: u64,
    /// How many faults were the recorder's own.
    pub own: u64,
    /// Times of outages in which segments were left out.
    skips: Together,
}

/// Spans of which those of one stream that overlap are one event: playlists of a channel stand still together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Together {
    /// Of each stream.
    spans: BTreeMap<String, BTreeSet<Span>>,
    count: usize,
    /// The playlists that had some.
    playlists: BTreeSet<i64>,
    /// Some are not counted.
    is_cut: bool,
}

impl Together {
    /// One more; the same once more is none.
    fn add(&mut self, stream: &str, span: Span) {
        if span.of != RAW {
            self.playlists.insert(span.of);
        }
        if self.count >= MOST_SPANS {
            self.is_cut = true;
            return;
        }
        let spans = self.spans.entry(stream.to_owned()).or_default();
        self.count += usize::from(spans.insert(span));
    }

    fn sum(&self) -> Sum {
        let streams = self.spans.values();
        streams.fold(Sum::default(), |sum, spans| {
            let one = spans::sum(&spans::united(spans.iter().copied().collect()));
            Sum {
                count: sum.count.saturating_add(one.count),
                length_us: sum.length_us.saturating_add(one.length_us),
                longest_us: sum.longest_us.max(one.longest_us),
                lost: sum.lost.saturating_add(one.lost),
            }
        })
    }

    /// `1 gap`, `more than 300 gaps`.
    fn counted(&self, one: &str) -> String {
        let counted = counted(self.sum().count, one);
        match self.is_cut {
            true => format!("more than {counted}"),
            false => counted,
        }
    }

    /// ` (2 playlists)`; nothing, where they are of one, or of raw streams alone.
    fn whose(&self) -> String {
        let is_raw = self.playlists.contains(&RAW);
        match (self.playlists.len() - usize::from(is_raw), is_raw) {
            (0, _) | (1, false) => String::new(),
            (many, false) => format!(" ({many} playlists)"),
            (1, true) => " (1 playlist, and raw streams)".to_owned(),
            (many, true) => format!(" ({many} playlists, and raw streams)"),
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
        self.players_went_without |= gap.players_went_without();
        let (gaps, lost) = match gap.whose() {
            Whose::Recorder => (&mut self.own_gaps, gap.not_seen),
            Whose::Unsure => (&mut self.unsure_gaps, gap.never_listed),
            Whose::Origin => (&mut self.gaps, gap.never_listed),
        };
        let span = Span {
            of: playlist,
            from_us: shown_us(gap.from.seen_us, zero_us),
            until_us: shown_us(gap.until_us, zero_us),
            lost: lost.map_or(0, |lost| lost.count),
        };
        gaps.add(stream, span);
    }

    /// One more gap of a raw stream.
    pub fn raw_gap(&mut self, stream: &str, gap: &RawGap, zero_us: i64) {
        self.players_went_without |= !gap.is_recorders();
        let gaps = match gap.is_recorders() {
            true => &mut self.own_gaps,
            false => &mut self.gaps,
        };
        let span = Span {
            of: RAW,
            from_us: shown_us(gap.silence.from_us, zero_us),
            until_us: shown_us(gap.certain_until_us(), zero_us),
            lost: 0,
        };
        gaps.add(stream, span);
    }

    /// Whether nothing has been found.
    pub fn is_empty(&self) -> bool {
        *self == Self::of(self.unit)
    }

    /// Whether there is a gap that is the origin's for certain.
    pub fn has_gaps(&self) -> bool {
        self.gaps.count > 0
    }

    /// Whether there is a gap in which players had nothing new for too long, whoever's that was.
    pub fn players_went_without(&self) -> bool {
        self.players_went_without
    }

    /// Whether there is a gap that is only the recorder's.
    pub fn has_own_gaps(&self) -> bool {
        self.own_gaps.count > 0
    }

    /// Whether there is a gap of which it is not certain whose it is, or that it is one.
    pub fn has_unsure_gaps(&self) -> bool {
        self.unsure_gaps.count > 0
    }

    /// What playlists went on without in an outage.
    pub fn skips(&mut self, stream: &str, skips: &[Span]) {
        skips.iter().for_each(|span| self.skips.add(stream, *span));
    }

    /// One more outage.
    pub fn outage(&mut self, outage: &Outage) {
        match outage.key.own {
            None => {
                self.outages += 1;
                self.faults += outage.faults.saturating_sub(outage.long_waits);
                self.long_waits += outage.long_waits;
            }
            Some(_) => self.own += outage.faults,
        }
    }

    /// The recorder's disk was full, and segments were not asked for.
    pub fn disk_hole(&mut self) {
        self.own += 1;
    }

    /// `3 gaps, 26.100 s (2 playlists); 2 outages; 4 segments never listed`.
    pub fn of_gaps(&self) -> String {
        let one = match self.unit {
            Unit::Segments => "gap",
            Unit::Parts => "gap between parts",
        };
        // The plural of the first word.
        let named = |gaps: &Together| match (self.unit, gaps.sum().count) {
            (Unit::Parts, 0 | 2..) => gaps.counted("gap") + " between parts",
            _ => gaps.counted(one),
        };
        let gaps = match self.gaps.count {
            0 => format!("no {one}"),
            _ => {
                let length = length(self.gaps.sum().length_us);
                format!("{}, {length}{}", named(&self.gaps), self.gaps.whose())
            }
        };
        let own = self.has_own_gaps().then(|| {
            let (whose, lost) = (self.own_gaps.whose(), self.own_gaps.sum().lost);
            let not_seen = match lost {
                0 => String::new(),
                lost => format!(", {}", never_listed::not_seen(lost)),
            };
            format!(
                "{} of the recorder's own{whose}{not_seen}",
                named(&self.own_gaps)
            )
        });
        let unsure = self.has_unsure_gaps().then(|| {
            let (counted, whose) = (named(&self.unsure_gaps), self.unsure_gaps.whose());
            format!("{counted} not the origin's for certain{whose}")
        });
        let outages = (self.outages > 0).then(|| counted(self.outages, "outage"));
        self.line(
            std::iter::once(gaps)
                .chain(unsure)
                .chain(own)
                .chain(outages),
        )
    }

    /// `2 outages, 21 faults; 1 segment never listed; 3 faults of the recorder's own`.
    pub fn of_outages(&self) -> String {
        let outages = match self.outages {
            0 => "no outage of the origin".to_owned(),
            outages => {
                let faults = (self.faults > 0).then(|| counted(self.faults, "fault"));
                let waits = (self.long_waits > 0).then(|| counted(self.long_waits, "long wait"));
                let all = [Some(counted(outages, "outage")), faults, waits];
                all.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
        };
        self.line(std::iter::once(outages))
    }

    fn line(&self, parts: impl Iterator<Item = String>) -> String {
        let lost = (self.gaps.sum().lost).saturating_add(self.unsure_gaps.sum().lost);
        let lost = lost.saturating_add(self.skips.sum().lost);
        let lost = (lost > 0).then(|| never_listed::counted(lost));
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
            not_seen: None,
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
        let slept = Gap {
            not_running_us: 1_000_000,
            not_seen: NeverListed::of(3, 4),
            ..gap(50_000, 51_000, 0)
        };
        let mut own = Summary::default();
        own.gap("hall", 1, &slept, 0);
        assert_eq!(
            own.of_gaps(),
            "no gap; 1 gap of the recorder's own, 2 segments not seen"
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
            (3, 9_500, 9_700),
        ] {
            all.gap("hall", playlist, &gap(from_ms, until_ms, 0), 0);
        }
        assert_eq!(all.of_gaps(), "2 gaps, 12.700 s (3 playlists)");
        // Another channel has its own.
        all.gap("stage", 4, &gap(1_000, 9_500, 0), 0);
        assert_eq!(all.of_gaps(), "3 gaps, 21.200 s (4 playlists)");
    }

    #[test]
    fn of_an_event_those_segments_count_of_the_playlist_that_skipped_most() {
        let mut all = Summary::default();
        for (playlist, lost) in [(1, 14), (2, 15)] {
            all.gap("hall", playlist, &gap(1_000, 9_500, lost), 0);
        }
        all.gap("hall", 1, &gap(20_000, 29_000, 2), 0);
        let told = "2 gaps, 17.500 s (2 playlists); 17 segments never listed";
        assert_eq!(all.of_gaps(), told);
        // Two outages in one time: what was skipped in it was skipped once.
        let skip = |of, lost| Span {
            of,
            from_us: 1,
            until_us: 9,
            lost,
        };
        let mut outages = Summary::default();
        outages.skips("hall", &[skip(1, 14), skip(2, 15)]);
        outages.skips("hall", &[skip(1, 14)]);
        let told = "no outage of the origin; 15 segments never listed";
        assert_eq!(outages.of_outages(), told);
    }

    #[test]
    fn a_raw_gap_without_a_recorder_is_the_recorders() {
        use crate::analysis::silences::Silence;
        let mut gap = RawGap {
            silence: Silence {
                from_us: 1_000_000,
                from_exchange: 1,
                until_us: 7_500_000,
                to_exchange: Some(2),
                uncertain_us: 0,
                unasked_us: None,
                is_left: false,
            },
            threshold_us: 2_000_000,
            failures: Vec::new(),
            not_running_us: 6_000_000,
            unasked_us: 0,
            noticed: Vec::new(),
        };
        let mut all = Summary::default();
        all.raw_gap("hall", &gap, 0);
        assert!(!all.has_gaps() && all.has_own_gaps());
        assert_eq!(all.of_gaps(), "no gap; 1 gap of the recorder's own");
        (gap.not_running_us, gap.unasked_us) = (0, 4_000_000);
        all.raw_gap("hall", &gap, 0);
        assert!(all.has_gaps());
        assert_eq!(all.of_gaps(), "1 gap, 2.500 s; 1 gap of the recorder's own");
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
