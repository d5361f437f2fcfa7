//! When the bytes of a body may go: as they came to the recorder. Pure.
//!
//! A recorded arrival says how many bytes had come at a few moments. Between two of them
//! nothing goes, so that a stall is a stall.

use std::time::Duration;

use crate::session::Exchange;

/// How fast answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// As fast as they go.
    #[default]
    Full,
    /// As they came to the recorder.
    Recorded,
}

/// No recorder waited for longer.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Bytes that came within this time count as one arrival.
const AT_ONCE_US: i64 = 20_000;
/// Steps in which a body without a recorded arrival goes, evenly.
const STEPS: u64 = 64;

/// The pace of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Microseconds after the first byte of the response, and bytes so far: neither goes back.
    points: Vec<(i64, u64)>,
    /// When it ends, in microseconds after the first byte of the response.
    end_us: i64,
}

impl Pace {
    /// The pace of an exchange, for a body of `length` bytes in place of the recorded one;
    /// `broken`: the recorded one broke off. `None`: at once.
    pub fn of_exchange(exchange: &Exchange, length: u64, broken: bool) -> Option<Self> {
        let end_us = exchange.receive_us.unwrap_or(0);
        let arrival = exchange.arrival.as_deref().and_then(parse);
        let points = match arrival {
            Some(arrival) => scaled(&arrival, length),
            None if end_us <= AT_ONCE_US => return None,
            // It came at once, and then the connection stalled.
            None if broken => vec![(0, length)],
            None => (1..=STEPS).map(|n| step(n, end_us, length)).collect(),
        };
        let last_us = points.last().map_or(0, |(at_us, _)| *at_us);
        Some(Self {
            points,
            end_us: end_us.max(last_us),
        })
    }

    /// The pace of a part of a raw stream, of `size` bytes, that came within `length_us`.
    pub fn of_part(arrival: Option<&str>, length_us: i64, size: u64) -> Self {
        let points = match arrival.and_then(parse) {
            Some(arrival) => scaled(&arrival, size),
            None => vec![(0, size)],
        };
        let last_us = points.last().map_or(0, |(at_us, _)| *at_us);
        Self {
            points,
            end_us: length_us.max(last_us),
        }
    }

    /// As the points say.
    pub fn from_points(points: impl Into<Vec<(i64, u64)>>) -> Self {
        let points = points.into();
        Self {
            end_us: points.last().map_or(0, |(at_us, _)| *at_us),
            points,
        }
    }

    /// Adds arrivals.
    pub fn extend(&mut self, points: Vec<(i64, u64)>) {
        self.points.extend(points);
        self.end_us = self.points.last().map_or(0, |(at_us, _)| *at_us);
    }

    /// Bytes of the body.
    pub fn last(&self) -> u64 {
        self.points.last().map_or(0, |(_, bytes)| *bytes)
    }

    /// How many bytes may have gone at a moment.
    pub fn allowed(&self, at_us: i64) -> u64 {
        let gone = self
            .points
            .partition_point(|(point_us, _)| *point_us <= at_us);
        let last = gone.checked_sub(1).and_then(|at| self.points.get(at));
        last.map_or(0, |(_, bytes)| *bytes)
    }

    /// When the byte behind the first `sent` may go.
    pub fn time_of(&self, sent: u64) -> i64 {
        let at = self.points.partition_point(|(_, bytes)| *bytes <= sent);
        self.points.get(at).map_or(self.end_us, |(at_us, _)| *at_us)
    }

    /// When the body ends.
    pub fn end_us(&self) -> i64 {
        self.end_us
    }

    /// The pace of a slice of the body, whose first byte goes at once.
    pub fn slice(&self, skip: u64, count: u64) -> Self {
        let begin_us = self.time_of(skip);
        let last = skip.saturating_add(count);
        let mut points: Vec<(i64, u64)> = Vec::new();
        for (at_us, bytes) in self.points.iter().filter(|(_, bytes)| *bytes > skip) {
            points.push((at_us - begin_us, (*bytes).min(last) - skip));
            if *bytes >= last {
                break;
            }
        }
        let end_us = points.last().map_or(0, |(at_us, _)| *at_us);
        Self { points, end_us }
    }

    /// The pace of bodies one after the other, each with its length.
    pub fn joined(bodies: impl IntoIterator<Item = (Option<Self>, u64)>) -> Option<Self> {
        let (mut points, mut end_us, mut bytes) = (Vec::new(), 0_i64, 0_u64);
        for (pace, length) in bodies {
            match pace {
                None => points.push((end_us, bytes + length)),
                Some(pace) => {
                    let later = |(at_us, n): &(i64, u64)| (end_us + at_us, bytes + n);
                    points.extend(pace.points.iter().map(later));
                    end_us += pace.end_us;
                }
            }
            bytes += length;
        }
        (end_us > 0).then_some(Self { points, end_us })
    }
}

fn step(n: u64, end_us: i64, length: u64) -> (i64, u64) {
    let part = |of: i128| of * i128::from(n) / i128::from(STEPS);
    (
        i64::try_from(part(end_us.into())).unwrap_or(end_us),
        u64::try_from(part(length.into())).unwrap_or(length),
    )
}

/// Reads an arrival from a session, which may be a stranger's; `None`: it is invalid.
fn parse(arrival: &str) -> Option<Vec<(i64, u64)>> {
    let points: Vec<(i64, u64)> = serde_json::from_str(arrival).ok()?;
    let grows = points
        .windows(2)
        .all(|w| matches!(w, [a, b] if a.0 <= b.0 && a.1 <= b.1));
    let is_one = grows && points.first()?.0 >= 0 && points.last()?.1 > 0;
    is_one.then_some(points)
}

/// For a body of another length: it was compressed, or its URIs were replaced.
fn scaled(arrival: &[(i64, u64)], length: u64) -> Vec<(i64, u64)> {
    let whole = arrival.last().map_or(1, |(_, bytes)| *bytes).max(1);
    let scale = |bytes: u64| u128::from(bytes) * u128::from(length) / u128::from(whole);
    arrival
        .iter()
        .map(|(at_us, bytes)| (*at_us, u64::try_from(scale(*bytes)).unwrap_or(length)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(points: &[(i64, u64)]) -> Pace {
        Pace::from_points(points)
    }

    #[test]
    fn a_stall_is_a_stall() {
        let pace = pace(&[(0, 1000), (3_000_000, 2000)]);
        assert_eq!((pace.allowed(0), pace.allowed(2_999_999)), (1000, 1000));
        assert_eq!(pace.allowed(3_000_000), 2000);
        assert_eq!((pace.time_of(999), pace.time_of(1000)), (0, 3_000_000));
        assert_eq!(pace.time_of(2000), pace.end_us());
    }

    #[test]
    fn a_part_begins_at_once() {
        let whole = pace(&[(100, 10), (200, 20), (400, 40)]);
        assert_eq!(whole.slice(15, 10), pace(&[(0, 5), (200, 10)]));
        assert_eq!(whole.slice(0, 40), pace(&[(0, 10), (100, 20), (300, 40)]));
        assert_eq!(whole.slice(40, 5).end_us(), 0);
    }

    #[test]
    fn bodies_follow_each_other() {
        let slow = pace(&[(0, 1), (50, 4)]);
        let joined = Pace::joined([(Some(slow.clone()), 4), (None, 6), (Some(slow), 4)]).unwrap();
        assert_eq!(
            joined,
            Pace {
                points: vec![(0, 1), (50, 4), (50, 10), (50, 11), (100, 14)],
                end_us: 100
            }
        );
        assert_eq!(Pace::joined([(None, 5)]), None);
    }

    #[test]
    fn what_is_no_arrival_is_none() {
        for text in [
            "",
            "{}",
            "[]",
            "[[0,0]]",
            "[[-1,5]]",
            "[[5,1],[3,2]]",
            "[[1,2],[3,1]]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("[[0,1],[9,2]]"), Some(vec![(0, 1), (9, 2)]));
    }

    proptest! {
        #[test]
        fn each_byte_goes_at_its_time(
            steps in prop::collection::vec((0_i64..1000, 0_u64..50), 1..20),
            length in 1_u64..500,
            asked in prop::collection::vec((0_i64..20_000, 0_u64..500), 1..20),
        ) {
            let mut so_far = (0, 1);
            let points: Vec<_> = steps.iter().map(|(t, n)| { so_far = (so_far.0 + t, so_far.1 + n); so_far }).collect();
            let pace = pace(&scaled(&points, length));
            prop_assert_eq!(pace.allowed(pace.end_us()), length);
            for (at_us, sent) in asked {
                // Going by the one is going by the other.
                if sent < length {
                    prop_assert!(pace.allowed(pace.time_of(sent)) > sent);
                    prop_assert!(pace.time_of(sent) == 0 || pace.allowed(pace.time_of(sent) - 1) <= sent);
                }
                prop_assert!(pace.allowed(at_us) <= pace.allowed(at_us + 1));
            }
        }
    }
}
