//! A resource that is known by byte ranges: which recorded ranges answer a request. Pure.

use std::collections::BinaryHeap;

use crate::replayer::header::range::RangeSpec;
use crate::session::{Outcome, RangePart, is_success};

/// The facts of a recorded range that decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedRange {
    /// First byte within the resource.
    pub first: u64,
    /// Number of bytes.
    pub length: u64,
    /// The range that the playlist named: first byte and number of bytes.
    pub named: (u64, u64),
    /// The range is a fault, not bytes.
    pub is_fault: bool,
    /// Newer ranges are greater.
    pub order: (i64, i64),
    /// Size of the whole resource, if the origin sent it.
    pub total: Option<u64>,
}

impl RecordedRange {
    /// The facts of a range of an answer.
    pub(crate) fn new(range: &RangePart) -> Self {
        let exchange = &range.answer.exchange;
        let named = range
            .answer
            .resource
            .range
            .map_or((0, u64::MAX), |range| (range.first, range.length));
        let is_bytes = exchange.status.is_some_and(is_success)
            && exchange.outcome == Outcome::Complete
            && exchange.body_encoding.is_none()
            && exchange.body_id.is_some();
        let total = match exchange.status {
            Some(status) if status != 206 && is_success(status) => Some(range.length),
            _ => exchange.resource_bytes,
        };
        Self {
            first: range.first,
            length: range.length,
            named,
            is_fault: !is_bytes,
            order: (exchange.from_us, exchange.id),
            total,
        }
    }
}

/// A piece of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangePiece {
    /// Which range.
    pub range: usize,
    /// First byte within that range.
    pub skip: u64,
    /// Number of bytes.
    pub length: u64,
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// These pieces, one after the other, beginning at a byte of the resource.
    Pieces {
        /// First byte within the resource.
        first: u64,
        /// At least one.
        pieces: Vec<RangePiece>,
        /// Size of the whole resource, if it is known.
        total: Option<u64>,
    },
    /// The fault that this range is.
    Fault(usize),
    /// It begins behind the end of a resource of this size.
    Behind(u64),
    /// Nothing that was recorded has this byte of the resource.
    Hole(u64),
}

/// The answer to a request for `asked` (`None`: all of it): the newest ranges that cover it.
///
/// A fault that was recorded for just this range is answered as that. Where only the
/// beginning of what is asked for was recorded, that is the answer.
pub fn plan(ranges: &[RecordedRange], asked: Option<RangeSpec>) -> Plan {
    let total = ranges
        .iter()
        .filter(|p| !p.is_fault)
        .max_by_key(|p| p.order)
        .and_then(|p| p.total);
    let (first, end) = match asked {
        None => (0, u64::MAX),
        Some(RangeSpec::From(first, last)) => {
            (first, last.map_or(u64::MAX, |last| last.saturating_add(1)))
        }
        Some(RangeSpec::Suffix(count)) => {
            // Without the size of the whole, the end is that of the known ranges.
            let known = ranges
                .iter()
                .filter(|p| !p.is_fault)
                .map(|p| p.first.saturating_add(p.length))
                .max();
            let size = total.or(known).unwrap_or(0);
            (size.saturating_sub(count), size)
        }
    };
    let named = (first, end.saturating_sub(first));
    let exact = ranges
        .iter()
        .enumerate()
        .filter(|(_, p)| p.named == named)
        .max_by_key(|(_, p)| p.order);
    if let Some((index, range)) = exact
        && range.is_fault
    {
        return Plan::Fault(index);
    }
    let pieces = pieces(ranges, first, end);
    if !pieces.is_empty() {
        return Plan::Pieces {
            first,
            pieces,
            total,
        };
    }
    let fault = ranges
        .iter()
        .enumerate()
        .filter(|(_, p)| p.is_fault && covers(p, first))
        .max_by_key(|(_, p)| p.order);
    match (fault, total) {
        (Some((index, _)), _) => Plan::Fault(index),
        (None, Some(total)) if first >= total => Plan::Behind(total),
        (None, _) => Plan::Hole(first),
    }
}

/// From `first` as far as it is known without a hole, but not past `end`. A resource may have thousands of
/// ranges: each is looked at once, in the order in which they begin.
fn pieces(ranges: &[RecordedRange], first: u64, end: u64) -> Vec<RangePiece> {
    let mut to_come: Vec<(usize, &RecordedRange)> = ranges
        .iter()
        .enumerate()
        .filter(|(_, range)| !range.is_fault && range.length > 0)
        .collect();
    to_come.sort_by_key(|(_, range)| range.first);
    let mut to_come = to_come.into_iter().peekable();
    // Those that have begun, the newest first.
    let mut begun = BinaryHeap::new();
    let mut pieces: Vec<RangePiece> = Vec::new();
    let mut at = first;
    while at < end {
        let has_begun = |(_, range): &(usize, &RecordedRange)| range.first <= at;
        while let Some((index, range)) = to_come.next_if(has_begun) {
            begun.push((range.order, index));
        }
        let newest = begun
            .peek()
            .and_then(|(_, index)| Some((*index, ranges.get(*index)?)));
        let Some((index, range)) = newest else {
            break;
        };
        // As far as it goes, or to where a newer one begins.
        let mut stop = range.first.saturating_add(range.length).min(end);
        if stop <= at {
            begun.pop();
            continue;
        }
        while let Some((next, later)) = to_come.next_if(|(_, later)| later.first < stop) {
            begun.push((later.order, next));
            if later.order > range.order {
                stop = later.first;
            }
        }
        pieces.push(RangePiece {
            range: index,
            skip: at - range.first,
            length: stop - at,
        });
        at = stop;
    }
    pieces
}

fn covers(range: &RecordedRange, at: u64) -> bool {
    range.first <= at && at - range.first < range.length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(first: u64, length: u64, order: i64) -> RecordedRange {
        RecordedRange {
            first,
            length,
            named: (first, length),
            is_fault: false,
            order: (order, order),
            total: Some(100),
        }
    }

    fn piece(range: usize, skip: u64, length: u64) -> RangePiece {
        RangePiece {
            range,
            skip,
            length,
        }
    }

    #[test]
    fn just_what_a_playlist_named() {
        let ranges = [range(0, 10, 1), range(10, 20, 2)];
        let wanted = Plan::Pieces {
            first: 10,
            pieces: vec![piece(1, 0, 20)],
            total: Some(100),
        };
        assert_eq!(plan(&ranges, Some(RangeSpec::From(10, Some(29)))), wanted);
    }

    #[test]
    fn pieces_are_put_together_without_a_hole() {
        let ranges = [range(0, 10, 1), range(10, 20, 2), range(40, 10, 3)];
        let wanted = |first, pieces| Plan::Pieces {
            first,
            pieces,
            total: Some(100),
        };
        assert_eq!(
            plan(&ranges, None),
            wanted(0, vec![piece(0, 0, 10), piece(1, 0, 20)])
        );
        assert_eq!(
            plan(&ranges, Some(RangeSpec::From(5, Some(14)))),
            wanted(5, vec![piece(0, 5, 5), piece(1, 0, 5)])
        );
        assert_eq!(
            plan(&ranges, Some(RangeSpec::From(35, None))),
            Plan::Hole(35)
        );
        assert_eq!(
            plan(&ranges, Some(RangeSpec::From(100, None))),
            Plan::Behind(100)
        );
        assert_eq!(plan(&[], None), Plan::Hole(0));
    }

    #[test]
    fn newer_bytes_win() {
        let ranges = [range(0, 30, 1), range(10, 10, 2)];
        let wanted = vec![piece(0, 0, 10), piece(1, 0, 10), piece(0, 20, 10)];
        assert_eq!(
            plan(&ranges, None),
            Plan::Pieces {
                first: 0,
                pieces: wanted,
                total: Some(100)
            }
        );
    }

    #[test]
    fn a_suffix_is_of_what_is_known() {
        let ranges = [RecordedRange {
            total: None,
            ..range(0, 30, 1)
        }];
        let wanted = Plan::Pieces {
            first: 25,
            pieces: vec![piece(0, 25, 5)],
            total: None,
        };
        assert_eq!(plan(&ranges, Some(RangeSpec::Suffix(5))), wanted);
    }

    #[test]
    fn the_fault_of_a_range_is_its_answer() {
        let fault = RecordedRange {
            is_fault: true,
            ..range(10, 10, 2)
        };
        let ranges = [range(0, 40, 1), fault];
        assert_eq!(
            plan(&ranges, Some(RangeSpec::From(10, Some(19)))),
            Plan::Fault(1)
        );
        assert!(matches!(
            plan(&ranges, Some(RangeSpec::From(0, Some(19)))),
            Plan::Pieces { .. }
        ));
        assert_eq!(
            plan(&[fault], Some(RangeSpec::From(12, None))),
            Plan::Fault(0)
        );
        let mended = [fault, range(10, 10, 3)];
        assert!(matches!(
            plan(&mended, Some(RangeSpec::From(10, Some(19)))),
            Plan::Pieces { .. }
        ));
    }

    #[test]
    fn ranges_of_one_time_are_taken_in_one_order() {
        let ranges = [range(0, 10, 1), range(5, 10, 1)];
        let wanted = vec![piece(0, 0, 10), piece(1, 5, 5)];
        assert_eq!(pieces(&ranges, 0, 100), wanted);
    }

    proptest! {
        #[test]
        fn pieces_are_exact_and_newest(
            spans in prop::collection::vec((0..40_u64, 0..20_u64), 0..8),
            first in 0..50_u64,
            length in 1..40_u64,
        ) {
            let ranges: Vec<RecordedRange> = spans.iter().zip(0..).map(|((f, l), order)| range(*f, *l, order)).collect();
            let newest = |at: u64| (0..ranges.len()).rev().find(|i| covers(&ranges[*i], at));
            let wanted: Vec<(usize, u64)> = (first..first + length)
                .map_while(|at| newest(at).map(|i| (i, at - ranges[i].first)))
                .collect();
            let got: Vec<(usize, u64)> = match plan(&ranges, Some(RangeSpec::From(first, Some(first + length - 1)))) {
                Plan::Pieces { pieces, .. } => pieces.iter().flat_map(|p| (0..p.length).map(|n| (p.range, p.skip + n))).collect(),
                _ => Vec::new(),
            };
            prop_assert_eq!(got, wanted);
        }
    }
}
