//! X04 boundaries: segments of variants begin at the same pictures.

use super::across::{Stamp, Stamps, are_settled};
use super::known::seconds;
use crate::analysis::rules::across::disputes::{Difference, Names};
use crate::analysis::rules::broken::Broken;
use crate::session;

/// Segments of two variants at one date that begin at other pictures, side 0 and side 1: neither begins where any of the other variant
/// does. Where one variant has two segments for one of the other, each of these begins where one of those does.
pub fn judge(
    (first, second): (&Stamp, &Stamp),
    of: [&Stamps; 2],
    target_us: i64,
) -> Option<Boundary> {
    let late_us = first.apart_us(second).filter(|us| *us != 0)?;
    let [first_of, second_of] = of;
    let is_met = first_of.begin_with(second) || second_of.begin_with(first);
    (!is_met && are_settled((first, second), of, target_us)).then_some(Boundary {
        late_us,
        sequences: [first.sequence, second.sequence],
    })
}

/// Segments that begin at other pictures. Side 0 and side 1.
#[derive(Debug)]
pub struct Boundary {
    /// That of side 1 begins so much later, in microseconds.
    late_us: i64,
    sequences: [u64; 2],
}

impl Difference for Boundary {
    fn rule(&self) -> &'static str {
        "X04"
    }

    fn side(&self) -> usize {
        1
    }

    fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        let of = |side: usize| self.sequences.get(side).copied().unwrap_or_default();
        let late_us = match side {
            0 => self.late_us.saturating_neg(),
            _ => self.late_us,
        };
        let than = if late_us < 0 { "before" } else { "behind" };
        let text = format!(
            "segment {} of {} begins {} {than} the segment of {} at that date: a switch there begins amid a segment",
            of(side),
            names.odd,
            seconds(late_us.saturating_abs()),
            names.others
        );
        Broken::new("X04", text)
            .with("media_sequence", of(side))
            .with("other_media_sequence", of(1 - side))
            .with("late_seconds", session::seconds(late_us))
    }

    /// What was seen first is told.
    fn again(&mut self, _: Self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::media::across::testing::stamp;
    use crate::media::facts::TrackKind::{Audio, Video};

    /// Segments that begin at these milliseconds.
    fn stamps(begin: &[i64]) -> Stamps {
        let mut stamps = Stamps::default();
        for (number, ms) in (0..).zip(begin) {
            stamps.push(stamp(Video, number, *ms, *ms));
        }
        stamps
    }

    fn told(own: &[i64], theirs: &[i64], at: i64) -> Option<String> {
        let (own_of, theirs_of) = (stamps(own), stamps(theirs));
        let this = stamp(Video, 9, at, at);
        let beside = theirs_of.beside(&this)?;
        let found = judge((beside, &this), [&theirs_of, &own_of], 4_000_000)?;
        let names = Names {
            odd: "low",
            others: "high".to_owned(),
            are_many: false,
        };
        Some(found.tell(1, &names).text)
    }

    #[test]
    fn variants_begin_their_segments_at_the_same_pictures() {
        assert_eq!(told(&[0, 4000], &[0, 4000, 8000], 8000), None);
        assert_eq!(told(&[0, 4000], &[0, 4000, 8040], 8000), None, "a frame");
        assert_eq!(
            told(&[500, 4500], &[0, 4000, 8000], 8500).as_deref(),
            Some(
                "segment 9 of low begins 0.500 s behind the segment of high at that date: a switch there begins amid a segment"
            )
        );
        // Segments of 4 s (they overlap here) and of 2 s.
        assert_eq!(
            told(&[0, 2000, 4000, 6000, 8000], &[0, 4000, 8000], 10_000),
            None
        );
    }

    #[test]
    fn what_cannot_be_compared_begins_with_nothing() {
        let this = stamp(Video, 9, 8500, 8500);
        let mut without_times = stamp(Video, 7, 1000, 1000);
        without_times.track.times = None;
        let mut other_time = stamp(Video, 7, 1000, 8500);
        other_time.discontinuity = 1;
        for odd in [stamp(Audio, 7, 1000, 1000), without_times, other_time] {
            let own_of = stamps(&[500, 4500]);
            let mut theirs_of = stamps(&[]);
            theirs_of.push(odd);
            theirs_of.push(stamp(Video, 8, 8000, 8000));
            let beside = theirs_of.beside(&this).unwrap();
            let of = [&theirs_of, &own_of];
            assert!(judge((beside, &this), of, 4_000_000).is_some());
        }
    }

    #[test]
    fn sound_begins_where_its_frames_do() {
        let (own, theirs) = (stamps(&[500]), stamps(&[0]));
        let sound = stamp(Audio, 9, 4500, 4500);
        let pictures = stamp(Video, 9, 4000, 4000);
        assert!(judge((&pictures, &sound), [&theirs, &own], 4_000_000).is_none());
    }
}
