//! Where a part is cut into segments. Pure.

/// About so long a segment is to be, in microseconds.
pub(super) const SEGMENT_US: i64 = 10_000_000;
/// A part has no more segments: a day has 8640.
pub(super) const MOST_SPANS: usize = 65_536;
/// Time stamps that say that a segment is longer are not believed.
const LONGEST_US: i64 = 3_600_000_000;

/// One segment of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Where it begins, in bytes.
    pub first: u64,
    /// In bytes.
    pub length: u64,
    /// In microseconds.
    pub duration_us: i64,
    /// Time stamps begin anew with it: when it came, in microseconds after the beginning of its part.
    pub anew_us: Option<i64>,
}

/// Where it is cut, in bytes, and when that is, in microseconds after the beginning, where the media say so.
pub(super) type Cut = (u64, Option<i64>);

/// The segments of a part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spans {
    /// The bytes of the media initialization section, from the first one on; 0: there is none.
    pub init: u64,
    /// In order, without a hole.
    pub spans: Vec<Span>,
}

/// A part, as its session has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartFacts<'a> {
    /// In bytes.
    pub size: u64,
    /// How long it took to come, in microseconds.
    pub length_us: i64,
    /// When how much of it had come: microseconds after its beginning, and bytes.
    pub arrival: &'a [(i64, u64)],
}

impl PartFacts<'_> {
    /// How much had come then, in bytes.
    pub(super) fn bytes_at(&self, at_us: i64) -> u64 {
        let behind = self.arrival.partition_point(|(us, _)| *us <= at_us);
        let before = behind.checked_sub(1).and_then(|n| self.arrival.get(n));
        before.map_or(0, |(_, bytes)| *bytes).min(self.size)
    }

    /// When a byte had come, in microseconds after the beginning.
    pub(super) fn time_of(&self, byte: u64) -> i64 {
        if byte == 0 {
            return 0;
        }
        let at = self.arrival.partition_point(|(_, bytes)| *bytes < byte);
        let time_us = self.arrival.get(at).map(|(us, _)| *us);
        time_us
            .unwrap_or(self.length_us)
            .clamp(0, self.length_us.max(0))
    }

    /// How the bytes between two places came, as of a part of its own, and for how long.
    pub(super) fn piece_arrival(&self, first: u64, end: u64) -> (Vec<(i64, u64)>, i64) {
        let from_us = self.time_of(first);
        let points = self.arrival.iter();
        let within = points.filter(|(_, bytes)| *bytes > first);
        let arrival = within
            .map(|(us, bytes)| (us.saturating_sub(from_us), (*bytes).min(end) - first))
            .collect();
        (arrival, self.time_of(end).saturating_sub(from_us).max(0))
    }

    /// Where it is to be cut, by when its bytes came; where they say that it plays for far longer, evenly.
    pub(super) fn targets(&self, plays_us: Option<i64>) -> Vec<u64> {
        let is_slow = plays_us.is_none_or(|plays_us| plays_us < self.length_us.saturating_mul(2));
        let length_us = if is_slow {
            self.length_us
        } else {
            plays_us.unwrap_or(0)
        };
        let count = usize::try_from(length_us / SEGMENT_US)
            .unwrap_or(0)
            .min(MOST_SPANS);
        let even = |n: u64| u128::from(self.size) * u128::from(n) / u128::from(count.max(1) as u64);
        let cut = |n: usize| match is_slow {
            true => self.bytes_at(n as i64 * SEGMENT_US),
            false => u64::try_from(even(n as u64)).unwrap_or(self.size),
        };
        (1..count).map(cut).collect()
    }

    /// Spans between cuts (where each is, and when, where that is known, in microseconds), the first of which is the
    /// beginning; `end_us`: when it ends.
    pub(super) fn between(&self, cuts: &[Cut], end_us: Option<i64>) -> Vec<Span> {
        let ends = cuts.iter().skip(1).copied().chain([(self.size, end_us)]);
        let span = |((first, from_us), (end, until_us)): (&Cut, Cut)| {
            let stated_us = until_us
                .zip(*from_us)
                .map(|(until_us, from_us)| until_us.saturating_sub(from_us));
            let arrived_us = || self.time_of(end).saturating_sub(self.time_of(*first));
            Span {
                first: *first,
                length: end.saturating_sub(*first),
                duration_us: stated_us
                    .filter(|us| (1..=LONGEST_US).contains(us))
                    .unwrap_or_else(arrived_us)
                    .max(1),
                anew_us: None,
            }
        };
        cuts.iter()
            .zip(ends)
            .map(span)
            .filter(|span| span.length > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn a_part_is_cut_by_when_its_bytes_came_unless_it_plays_for_far_longer() {
        let arrival: Vec<(i64, u64)> = (0..=35).map(|s| (s * S, s as u64 * 100)).collect();
        let part = PartFacts {
            size: 3500,
            length_us: 35 * S,
            arrival: &arrival,
        };
        assert_eq!(part.targets(None), [1000, 2000]);
        assert_eq!(part.targets(Some(40 * S)), [1000, 2000]);
        assert_eq!(part.targets(Some(140 * S)).len(), 13);
        assert_eq!(part.targets(Some(140 * S))[0], 250);
        assert_eq!(part.time_of(1050), 11 * S);
    }

    #[test]
    fn durations_are_those_of_the_media_where_these_are_possible() {
        let arrival: Vec<(i64, u64)> = (0..=35).map(|s| (s * S, s as u64 * 100)).collect();
        let part = PartFacts {
            size: 3500,
            length_us: 35 * S,
            arrival: &arrival,
        };
        let cuts = [
            (0, Some(5 * S)),
            (1000, Some(16 * S)),
            (2000, Some(2 * S)),
            (3000, None),
        ];
        let spans = part.between(&cuts, Some(20 * S));
        let durations: Vec<i64> = spans.iter().map(|span| span.duration_us).collect();
        assert_eq!(durations, [11 * S, 10 * S, 10 * S, 5 * S]);
        assert_eq!(spans.iter().map(|span| span.length).sum::<u64>(), 3500);
    }
}
