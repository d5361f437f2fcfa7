//! What two renditions say differently of themselves: X01 target-differs, X02 dseq-differs, X06 dateranges, X07 pdt-map,
//! X08 server-control (RFC 8216bis 6.2.4).

use super::disputes::{Difference, Names};
use super::{control, date_ranges, numbers};
use crate::analysis::rules::broken::Broken;
use crate::session::seconds;

/// What two renditions differ in. Side 0 and side 1.
#[derive(Debug)]
pub enum Differs {
    /// X01: target durations, in microseconds.
    Targets([i64; 2]),
    /// X07: whether they have EXT-X-PROGRAM-DATE-TIME.
    Dates([bool; 2]),
    /// X08: what their servers promise.
    Control(control::Differs),
    /// X02: discontinuity numbers.
    Numbers(numbers::Differs),
    /// X06: date ranges.
    Ranges(date_ranges::Differs),
}

impl Difference for Differs {
    fn rule(&self) -> &'static str {
        match self {
            Self::Targets(_) => "X01",
            Self::Dates(_) => "X07",
            Self::Control(_) => "X08",
            Self::Numbers(_) => "X02",
            Self::Ranges(_) => "X06",
        }
    }

    fn part(&self) -> u64 {
        match self {
            Self::Ranges(ranges) => ranges.part(),
            Self::Targets(_) | Self::Dates(_) | Self::Control(_) | Self::Numbers(_) => 0,
        }
    }

    fn side(&self) -> usize {
        match self {
            // The one that lacks them.
            Self::Dates([first, _]) => usize::from(*first),
            Self::Numbers(numbers) => numbers.side(),
            Self::Ranges(ranges) => ranges.side(),
            Self::Targets(_) | Self::Control(_) => 1,
        }
    }

    fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        match self {
            Self::Targets(targets) => told_targets(*targets, side, names),
            Self::Dates(dates) => told_dates(*dates, side, names),
            Self::Control(control) => control.tell(side, names),
            Self::Numbers(numbers) => numbers.tell(side, names),
            Self::Ranges(ranges) => ranges.tell(side, names),
        }
    }

    /// What was said first is told.
    fn again(&mut self, _: Self) {}
}

fn told_targets(targets: [i64; 2], side: usize, names: &Names<'_>) -> Broken {
    let of = |side: usize| seconds(targets.get(side).copied().unwrap_or_default());
    let (own, theirs) = (of(side), of(1 - side));
    let text = format!(
        "{} has a target duration of {own} s, {} {theirs} s",
        names.odd, names.others
    );
    Broken::new("X01", text)
        .with("target_seconds", own)
        .with("other_target_seconds", theirs)
}

fn told_dates(dates: [bool; 2], side: usize, names: &Names<'_>) -> Broken {
    let has = dates.get(side).copied().unwrap_or_default();
    let what = if has { "has" } else { "has no" };
    let text = format!(
        "{} {what} EXT-X-PROGRAM-DATE-TIME, unlike {}",
        names.odd, names.others
    );
    Broken::new("X07", text).with("has_dates", has)
}
