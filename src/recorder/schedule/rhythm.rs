//! The rhythm of a live playlist: from when it advanced before to when it will again. Pure.
//!
//! An advance itself is never seen: it fell between two polls. So each one that was noticed is a
//! [`Window`], and what is looked for is a time per segment and a phase with which all of the last
//! advances fall into their windows. All pairs of time and phase that there are say together where
//! the next advance can be: the more windows, and the smaller, the smaller that is
//! (`docs/design/polling.md`).
//!
//! Where there is no such pair the origin wavers: each advance may be off by so much, the least with
//! which there is one again.

use std::collections::VecDeque;

/// So many of the last advances are looked at.
const REMEMBERED: usize = 12;
/// So many are needed before one is predicted from them alone.
const ENOUGH: usize = 3;
/// So many of the last ones say how many segments come at once.
const STEPS: usize = 4;
/// Predictions that failed in a row, until none is made.
const PATIENCE: u32 = 3;
/// Advances by more segments at once say nothing of a rhythm.
const MOST_SEGMENTS: u64 = 100;
/// What the waver is found to within, in microseconds.
const FINE_US: f64 = 1000.0;

/// Between which two moments something happened, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// It had not happened yet.
    pub after_us: i64,
    /// It had.
    pub by_us: i64,
}

impl Window {
    fn middle(self) -> f64 {
        (self.after_us as f64 + self.by_us as f64) / 2.0
    }

    fn later(self, us: i64) -> Self {
        Self {
            after_us: self.after_us.saturating_add(us),
            by_us: self.by_us.saturating_add(us),
        }
    }
}

/// An advance.
#[derive(Debug, Clone, Copy)]
struct Advance {
    /// Segments since the first one, this one's included.
    count: i64,
    window: Window,
}

/// What is known of a playlist's advances.
#[derive(Debug, Default)]
pub(crate) struct Rhythm {
    /// The last ones, oldest first: of one time per segment and one phase.
    advances: VecDeque<Advance>,
    /// Microseconds per segment, from before the phase changed.
    before: Option<f64>,
    /// By how much the last ones wavered, in microseconds.
    waver_us: f64,
    /// Advances in a row that did not go with the ones before.
    surprises: u32,
}

impl Rhythm {
    /// Another advance, by so many segments.
    pub(crate) fn advanced(&mut self, segments: u64, window: Window) {
        let last = self.advances.back().copied();
        let is_later = last.is_none_or(|last| window.by_us > last.window.by_us);
        if !(1..=MOST_SEGMENTS).contains(&segments) || window.after_us >= window.by_us || !is_later
        {
            return self.forget();
        }
        if self.advances.len() == REMEMBERED {
            self.advances.pop_front();
        }
        self.advances.push_back(Advance {
            count: last.map_or(0, |last| last.count.saturating_add(segments as i64)),
            window,
        });
        self.judge(segments);
    }

    /// Nothing is known any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the last advance goes with the ones before; where not, these are forgotten.
    fn judge(&mut self, segments: u64) {
        if self.advances.len() < ENOUGH {
            return;
        }
        let waver_us = self.least_waver_us();
        let period_us = self.per_segment_us().unwrap_or(0.0) * segments as f64;
        let usual_us = (period_us / 8.0).max(4.0 * self.waver_us);
        if waver_us <= usual_us.min(period_us / 3.0) {
            self.waver_us = waver_us;
            self.surprises = 0;
            return;
        }
        // Another pace, or the same in another phase.
        let known = self.advances.len() - 1;
        self.before = per_segment_us(self.advances.range(..known)).or(self.before);
        self.advances.drain(..known);
        self.waver_us = 0.0;
        self.surprises = self.surprises.saturating_add(1);
    }

    fn per_segment_us(&self) -> Option<f64> {
        per_segment_us(self.advances.iter()).or(self.before)
    }

    /// How many segments the next advance will bring at least.
    fn step(&self) -> i64 {
        let counts = self.advances.iter().rev().map(|advance| advance.count);
        let before = counts.clone().skip(1);
        let steps = counts.zip(before).map(|(count, before)| count - before);
        steps.take(STEPS).min().unwrap_or(1)
    }

    /// How long it will take from the last advance to the next one, in microseconds.
    pub(crate) fn period_us(&self) -> Option<i64> {
        Some((self.per_segment_us()? * self.step() as f64) as i64)
    }

    /// By how much the last advances were off at least, in microseconds.
    pub(crate) fn waver_us(&self) -> i64 {
        self.waver_us as i64
    }

    /// Where the next advance will be; `None`: that is not known.
    pub(crate) fn next(&self) -> Option<Window> {
        let last = self.advances.back()?;
        if self.surprises >= PATIENCE && self.advances.len() < REMEMBERED / 2 {
            return None;
        }
        if self.advances.len() < ENOUGH {
            // A phase that is new, at the pace of before.
            self.before?;
            return Some(last.window.later(self.period_us()?));
        }
        let (low, high) = self.bounds(last.count + self.step(), self.waver_us + FINE_US);
        Some(Window {
            after_us: (low - self.waver_us) as i64,
            by_us: (high + self.waver_us) as i64,
        })
    }

    /// The least by which advances have to be off, so that there is a time per segment and a phase
    /// for all of them.
    fn least_waver_us(&self) -> f64 {
        let (Some(first), Some(last)) = (self.advances.front(), self.advances.back()) else {
            return 0.0;
        };
        let fits = |waver_us| {
            let (low, high) = self.bounds(last.count + 1, waver_us);
            low <= high
        };
        if fits(0.0) {
            return 0.0;
        }
        let all_us = last.window.by_us as f64 - first.window.after_us as f64;
        let (mut no, mut yes) = (0.0, all_us);
        while yes - no > FINE_US {
            let middle = (no + yes) / 2.0;
            if fits(middle) {
                yes = middle;
            } else {
                no = middle;
            }
        }
        yes
    }

    /// The earliest and the latest moment of the advance at `count`, which is to come, that go with
    /// all others, where each of those may be off by so much. The first is behind the second where
    /// nothing goes with all of them.
    ///
    /// A line through windows is highest, behind them, where it leaves one as early as may be
    /// and another, later one as late as may be: so pairs are all that is to be looked at.
    fn bounds(&self, count: i64, waver_us: f64) -> (f64, f64) {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        let span = |advance: &Advance| {
            let Window { after_us, by_us } = advance.window;
            (after_us as f64 - waver_us, by_us as f64 + waver_us)
        };
        for (at, later) in self.advances.iter().enumerate() {
            let (from, to) = span(later);
            for earlier in self.advances.iter().take(at) {
                let (earlier_from, earlier_to) = span(earlier);
                let ahead = (count - later.count) as f64 / (later.count - earlier.count) as f64;
                low = low.max(from + ahead * (from - earlier_to));
                high = high.min(to + ahead * (to - earlier_from));
            }
        }
        (low, high)
    }
}

/// Microseconds per segment, from the first to the last of them; `None`: there is one at most.
fn per_segment_us<'a>(mut advances: impl DoubleEndedIterator<Item = &'a Advance>) -> Option<f64> {
    let last = advances.next_back()?;
    let first = advances.next()?;
    let took_us = last.window.middle() - first.window.middle();
    Some(took_us / (last.count - first.count) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1000;
    const S: i64 = 1000 * MS;

    fn around(us: i64, before_us: i64, behind_us: i64) -> Window {
        Window {
            after_us: us - before_us,
            by_us: us + behind_us,
        }
    }

    #[test]
    fn the_more_advances_the_better_the_next_one_is_known() {
        let mut rhythm = Rhythm::default();
        let mut widths = Vec::new();
        for n in 0..10 {
            let at = 7 * S + n * 2 * S;
            // A grid of 0.45 s, which falls elsewhere each time.
            let before = at % (450 * MS);
            rhythm.advanced(1, around(at, before + 1, 450 * MS - before));
            if let Some(next) = rhythm.next() {
                assert!(next.after_us <= at + 2 * S && at + 2 * S <= next.by_us);
                widths.push(next.by_us - next.after_us);
            }
        }
        assert_eq!(widths.len(), 8);
        assert!(widths[7] < widths[0] / 2, "{widths:?}");
    }

    #[test]
    fn another_phase_is_known_at_once_and_another_pace_after_three() {
        let mut rhythm = Rhythm::default();
        let mut at = 0;
        for _ in 0..6 {
            at += 2 * S;
            rhythm.advanced(1, around(at, 50 * MS, 50 * MS));
        }
        at += 9 * S;
        rhythm.advanced(1, around(at, 50 * MS, 50 * MS));
        let next = rhythm.next().unwrap();
        assert!(next.after_us < at + 2 * S && at + 2 * S < next.by_us);
        for _ in 0..4 {
            at += 3 * S;
            rhythm.advanced(1, around(at, 50 * MS, 50 * MS));
        }
        let next = rhythm.next().unwrap();
        assert!(next.after_us < at + 3 * S && at + 3 * S < next.by_us);
        assert!((3 * S - rhythm.period_us().unwrap()).abs() < 50 * MS);
    }

    #[test]
    fn what_has_no_rhythm_is_not_predicted() {
        let mut rhythm = Rhythm::default();
        let mut at = 0;
        for n in 0..20 {
            at += if n % 2 == 0 { S } else { 5 * S };
            rhythm.advanced(1, around(at, 50 * MS, 50 * MS));
        }
        assert_eq!(rhythm.next(), None);
        for _ in 0..8 {
            at += 2 * S;
            rhythm.advanced(1, around(at, 50 * MS, 50 * MS));
        }
        assert!(rhythm.next().is_some(), "it has one again");
    }

    #[test]
    fn two_segments_that_came_late_do_not_make_the_next_one_late() {
        let mut rhythm = Rhythm::default();
        for n in [1, 2, 3, 4, 6] {
            rhythm.advanced(if n == 6 { 2 } else { 1 }, around(n * S, 20 * MS, 20 * MS));
        }
        let next = rhythm.next().unwrap();
        assert!(next.after_us < 7 * S && 7 * S < next.by_us);
    }

    proptest! {
        #[test]
        fn the_next_advance_of_a_steady_origin_is_always_within_its_window(
            phase in 0..10 * S, period in 100 * MS..20 * S,
            edges in prop::collection::vec((1..5 * S, 1..5 * S, 1_u64..4), 3..40),
        ) {
            let mut rhythm = Rhythm::default();
            let mut at = phase;
            for (before, behind, segments) in edges {
                // No wider than an even grid makes them.
                at += segments as i64 * period;
                let window = around(at, before.min(period / 4), behind.min(period / 4));
                rhythm.advanced(segments, window);
                let due = at + rhythm.step() * period;
                if let Some(next) = rhythm.next() {
                    prop_assert!(next.after_us <= due && due <= next.by_us, "{next:?} {due}");
                }
            }
            prop_assert_eq!(rhythm.surprises, 0);
        }

        #[test]
        fn nothing_is_too_odd_to_be_taken(
            all in prop::collection::vec((any::<u64>(), any::<i64>(), any::<i64>()), 0..40),
            some in prop::collection::vec((0_u64..3, 0..S, 1..S), 0..40),
        ) {
            let mut rhythm = Rhythm::default();
            let mut at = 0;
            for (segments, after_us, by_us) in all {
                rhythm.advanced(segments, Window { after_us, by_us });
                let _ = (rhythm.next(), rhythm.period_us());
            }
            for (segments, pause, width) in some {
                at += pause;
                rhythm.advanced(segments, Window { after_us: at, by_us: at + width });
                let _ = (rhythm.next(), rhythm.period_us());
                prop_assert!(rhythm.advances.len() <= REMEMBERED);
            }
        }
    }
}
