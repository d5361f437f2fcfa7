//! A resource that is known by byte ranges: which recorded parts answer a request. Pure.

use std::collections::BinaryHeap;

use crate::replayer::header::range::RangeSpec;
use crate::session::{Outcome, RangePart, is_success};

/// What counts of a recorded part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First byte within the resource.
    pub first: u64,
    /// Number of bytes.
    pub length: u64,
    /// The range that the playlist named: first byte and number of bytes.
    pub named: (u64, u64),
    /// The part is a fault, not bytes.
    pub is_fault: bool,
    /// Newer parts are greater.
    pub age: (i64, i64),
    /// Size of the whole resource, if the origin said.
    pub total: Option<u64>,
}

impl Part {
    /// That of a part of an answer.
    pub(crate) fn of(part: &RangePart) -> Self {
        let exchange = &part.answer.exchange;
        let named = part
            .answer
            .resource
            .range
            .map_or((0, u64::MAX), |range| (range.first, range.length));
        let is_bytes = exchange.status.is_some_and(is_success)
            && exchange.outcome == Outcome::Complete
            && exchange.body_encoding.is_none()
            && exchange.body_id.is_some();
        let total = match exchange.status {
            Some(status) if status != 206 && is_success(status) => Some(part.length),
            _ => exchange.resource_bytes,
        };
        Self {
            first: part.first,
            length: part.length,
            named,
            is_fault: !is_bytes,
            age: (exchange.from_us, exchange.id),
            total,
        }
    }
}

/// A piece of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Which part.
    pub part: usize,
    /// First byte within that part.
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
        pieces: Vec<Piece>,
        /// Size of the whole resource, if it is known.
        total: Option<u64>,
    },
    /// The fault that this part is.
    Fault(usize),
    /// It begins behind the end of a resource of this size.
    Behind(u64),
    /// Nothing that was recorded has this byte of the resource.
    Hole(u64),
}

/// The answer to a request for `asked` (`None`: all of it): the newest parts that cover it.
///
/// A fault that was recorded for just this range is answered as that. Where only the
/// beginning of what is asked for was recorded, that is the answer.
pub fn plan(parts: &[Part], asked: Option<RangeSpec>) -> Plan {
    let total = parts
        .iter()
        .filter(|p| !p.is_fault)
        .max_by_key(|p| p.age)
        .and_then(|p| p.total);
    let (first, end) = match asked {
        None => (0, u64::MAX),
        Some(RangeSpec::From(first, last)) => {
            (first, last.map_or(u64::MAX, |last| last.saturating_add(1)))
        }
        Some(RangeSpec::Suffix(count)) => {
            // Without the size of the whole, the end is that of what is known.
            let known = parts
                .iter()
                .filter(|p| !p.is_fault)
                .map(|p| p.first.saturating_add(p.length))
                .max();
            let size = total.or(known).unwrap_or(0);
            (size.saturating_sub(count), size)
        }
    };
    let named = (first, end.saturating_sub(first));
    let exact = parts
        .iter()
        .enumerate()
        .filter(|(_, p)| p.named == named)
        .max_by_key(|(_, p)| p.age);
    if let Some((index, part)) = exact
        && part.is_fault
    {
        return Plan::Fault(index);
    }
    let pieces = pieces(parts, first, end);
    if !pieces.is_empty() {
        return Plan::Pieces {
            first,
            pieces,
            total,
        };
    }
    let fault = parts
        .iter()
        .enumerate()
        .filter(|(_, p)| p.is_fault && covers(p, first))
        .max_by_key(|(_, p)| p.age);
    match (fault, total) {
        (Some((index, _)), _) => Plan::Fault(index),
        (None, Some(total)) if first >= total => Plan::Behind(total),
        (None, _) => Plan::Hole(first),
    }
}

/// From `first` as far as it is known without a hole, but not past `end`. A resource may have thousands of
/// parts: each is looked at once, in the order in which they begin.
fn pieces(parts: &[Part], first: u64, end: u64) -> Vec<Piece> {
    let mut to_come: Vec<(usize, &Part)> = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| !part.is_fault && part.length > 0)
        .collect();
    to_come.sort_by_key(|(_, part)| part.first);
    let mut to_come = to_come.into_iter().peekable();
    // Those that have begun, the newest first.
    let mut begun = BinaryHeap::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = first;
    while at < end {
        let has_begun = |(_, part): &(usize, &Part)| part.first <= at;
        while let Some((index, part)) = to_come.next_if(has_begun) {
            begun.push((part.age, index));
        }
        let newest = begun
            .peek()
            .and_then(|(_, index)| Some((*index, parts.get(*index)?)));
        let Some((index, part)) = newest else {
            break;
        };
        // As far as it goes, or to where a newer one begins.
        let mut stop = part.first.saturating_add(part.length).min(end);
        if stop <= at {
            begun.pop();
            continue;
        }
        while let Some((next, later)) = to_come.next_if(|(_, later)| later.first < stop) {
            begun.push((later.age, next));
            if later.age > part.age {
                stop = later.first;
            }
        }
        pieces.push(Piece {
            part: index,
            skip: at - part.first,
            length: stop - at,
        });
        at = stop;
    }
    pieces
}

fn covers(part: &Part, at: u64) -> bool {
    part.first <= at && at - part.first < part.length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(first: u64, length: u64, age: i64) -> Part {
        Part {
            first,
            length,
            named: (first, length),
            is_fault: false,
            age: (age, age),
            total: Some(100),
        }
    }

    fn piece(part: usize, skip: u64, length: u64) -> Piece {
        Piece { part, skip, length }
    }

    #[test]
    fn just_what_a_playlist_named() {
        let parts = [part(0, 10, 1), part(10, 20, 2)];
        let wanted = Plan::Pieces {
            first: 10,
            pieces: vec![piece(1, 0, 20)],
            total: Some(100),
        };
        assert_eq!(plan(&parts, Some(RangeSpec::From(10, Some(29)))), wanted);
    }

    #[test]
    fn pieces_are_put_together_without_a_hole() {
        let parts = [part(0, 10, 1), part(10, 20, 2), part(40, 10, 3)];
        let wanted = |first, pieces| Plan::Pieces {
            first,
            pieces,
            total: Some(100),
        };
        assert_eq!(
            plan(&parts, None),
            wanted(0, vec![piece(0, 0, 10), piece(1, 0, 20)])
        );
        assert_eq!(
            plan(&parts, Some(RangeSpec::From(5, Some(14)))),
            wanted(5, vec![piece(0, 5, 5), piece(1, 0, 5)])
        );
        assert_eq!(
            plan(&parts, Some(RangeSpec::From(35, None))),
            Plan::Hole(35)
        );
        assert_eq!(
            plan(&parts, Some(RangeSpec::From(100, None))),
            Plan::Behind(100)
        );
        assert_eq!(plan(&[], None), Plan::Hole(0));
    }

    #[test]
    fn newer_bytes_win() {
        let parts = [part(0, 30, 1), part(10, 10, 2)];
        let wanted = vec![piece(0, 0, 10), piece(1, 0, 10), piece(0, 20, 10)];
        assert_eq!(
            plan(&parts, None),
            Plan::Pieces {
                first: 0,
                pieces: wanted,
                total: Some(100)
            }
        );
    }

    #[test]
    fn a_suffix_is_of_what_is_known() {
        let parts = [Part {
            total: None,
            ..part(0, 30, 1)
        }];
        let wanted = Plan::Pieces {
            first: 25,
            pieces: vec![piece(0, 25, 5)],
            total: None,
        };
        assert_eq!(plan(&parts, Some(RangeSpec::Suffix(5))), wanted);
    }

    #[test]
    fn the_fault_of_a_range_is_its_answer() {
        let fault = Part {
            is_fault: true,
            ..part(10, 10, 2)
        };
        let parts = [part(0, 40, 1), fault];
        assert_eq!(
            plan(&parts, Some(RangeSpec::From(10, Some(19)))),
            Plan::Fault(1)
        );
        assert!(matches!(
            plan(&parts, Some(RangeSpec::From(0, Some(19)))),
            Plan::Pieces { .. }
        ));
        assert_eq!(
            plan(&[fault], Some(RangeSpec::From(12, None))),
            Plan::Fault(0)
        );
        let mended = [fault, part(10, 10, 3)];
        assert!(matches!(
            plan(&mended, Some(RangeSpec::From(10, Some(19)))),
            Plan::Pieces { .. }
        ));
    }

    #[test]
    fn parts_that_have_one_age_are_taken_in_one_order() {
        let parts = [part(0, 10, 1), part(5, 10, 1)];
        let wanted = vec![piece(0, 0, 10), piece(1, 5, 5)];
        assert_eq!(pieces(&parts, 0, 100), wanted);
    }

    proptest! {
        #[test]
        fn pieces_are_exact_and_newest(
            spans in prop::collection::vec((0..40_u64, 0..20_u64), 0..8),
            first in 0..50_u64,
            length in 1..40_u64,
        ) {
            let parts: Vec<Part> = spans.iter().zip(0..).map(|((f, l), age)| part(*f, *l, age)).collect();
            let newest = |at: u64| (0..parts.len()).rev().find(|i| covers(&parts[*i], at));
            let wanted: Vec<(usize, u64)> = (first..first + length)
                .map_while(|at| newest(at).map(|i| (i, at - parts[i].first)))
                .collect();
            let got: Vec<(usize, u64)> = match plan(&parts, Some(RangeSpec::From(first, Some(first + length - 1)))) {
                Plan::Pieces { pieces, .. } => pieces.iter().flat_map(|p| (0..p.length).map(|n| (p.part, p.skip + n))).collect(),
                _ => Vec::new(),
            };
            prop_assert_eq!(got, wanted);
        }
    }
}
