//! How a body arrived: bytes over time, coarse. Pure.
//!
//! A body that came at once needs no profile. One that stalled or dripped has at most
//! [`POINTS`] points, closer together where it was short, so that a replay can pace it. A part
//! of a raw stream may last for days: it has a point at least each [`PART_SPACING_US`], up
//! to [`PART_POINTS`] of them.

/// At most so many points are kept of a body.
const POINTS: usize = 64;
/// So many of a part before they are farther apart than need be.
const FEW_PART_POINTS: usize = 1024;
/// So far apart they may be.
const PART_SPACING_US: i64 = 1_280_000;
/// At most so many are kept of a part; this is a day.
const PART_POINTS: usize = 65_536;
/// A body that was there after this long came at once.
const IMMEDIATE_US: i64 = 20_000;
/// Points are no closer than this to begin with.
const FINEST_US: i64 = 5_000;

/// The arrival of one body.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Microseconds after the first byte of the response, and bytes so far: both grow.
    points: Vec<(i64, u64)>,
    spacing_us: i64,
    is_part: bool,
}

impl Arrival {
    pub(crate) fn new() -> Self {
        Self {
            points: Vec::new(),
            spacing_us: FINEST_US,
            is_part: false,
        }
    }

    /// Of a part of a raw stream.
    pub(crate) fn of_part() -> Self {
        Self {
            is_part: true,
            ..Self::new()
        }
    }

    fn has_too_many(&self) -> bool {
        let most = match self.is_part {
            false => POINTS,
            true if self.spacing_us < PART_SPACING_US => FEW_PART_POINTS,
            true => PART_POINTS,
        };
        self.points.len() > most
    }

    /// `bytes` have come so far, `at_us` after the first byte of the response.
    pub(crate) fn add(&mut self, at_us: i64, bytes: u64) {
        match self.points.last_mut() {
            // What comes close together is one point, at the time of its end.
            Some(last) if at_us / self.spacing_us == last.0 / self.spacing_us => {
                *last = (at_us, bytes);
            }
            _ => self.points.push((at_us, bytes)),
        }
        while self.has_too_many() {
            self.spacing_us *= 2;
            self.thin();
        }
    }

    fn thin(&mut self) {
        let spacing = self.spacing_us;
        let all = std::mem::take(&mut self.points);
        for point in all {
            match self.points.last_mut() {
                Some(last) if point.0 / spacing == last.0 / spacing => *last = point,
                _ => self.points.push(point),
            }
        }
    }

    /// As it is kept: `[[microseconds,bytes],…]`; `None`: the body came at once.
    pub(crate) fn into_text(self) -> Option<String> {
        let (last_us, _) = *self.points.last()?;
        if last_us < IMMEDIATE_US {
            return None;
        }
        serde_json::to_string(&self.points).ok()
    }
}

/// The arrival of the first bytes of a body, of that of all of it.
pub(crate) fn of_first_bytes(text: &str, bytes: u64) -> Option<String> {
    let points: Vec<(i64, u64)> = serde_json::from_str(text).ok()?;
    let mut arrival = Arrival::new();
    for (at_us, so_far) in points {
        arrival.add(at_us, so_far.min(bytes));
        if so_far >= bytes {
            break;
        }
    }
    arrival.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_body_that_came_at_once_has_no_profile() {
        let mut arrival = Arrival::new();
        for n in 1..100 {
            arrival.add(n * 100, n as u64 * 1000);
        }
        assert_eq!(arrival.into_text(), None);
        assert_eq!(Arrival::new().into_text(), None);
    }

    #[test]
    fn a_stall_is_seen() {
        let mut arrival = Arrival::new();
        arrival.add(0, 1000);
        arrival.add(3_000_000, 2000);
        assert_eq!(
            arrival.into_text().as_deref(),
            Some("[[0,1000],[3000000,2000]]")
        );
    }

    #[test]
    fn of_the_first_bytes_what_came_later_is_left_out() {
        let all = "[[5000,10],[400000,20],[800000,30]]";
        let of = |bytes| of_first_bytes(all, bytes);
        assert_eq!(of(10), None, "at once");
        assert_eq!(of(15).as_deref(), Some("[[5000,10],[400000,15]]"));
        assert_eq!(of(30).as_deref(), Some(all));
        assert_eq!(of_first_bytes("no", 1), None);
    }

    #[test]
    fn a_part_of_a_day_has_a_point_every_few_seconds() {
        let mut arrival = Arrival::of_part();
        for n in 0..86_400 * 4 {
            arrival.add(n * 250_000, n as u64 * 1000 + 1);
        }
        assert!(arrival.points.len() <= PART_POINTS);
        let apart = arrival.points.windows(2).map(|w| w[1].0 - w[0].0);
        assert!(apart.max().unwrap() <= 5_000_000);
        let mut hour = Arrival::of_part();
        for n in 0..3600 * 20 {
            hour.add(n * 50_000, n as u64 + 1);
        }
        let apart = hour.points.windows(2).map(|w| w[1].0 - w[0].0);
        assert!(apart.max().unwrap() <= 2 * PART_SPACING_US);
        assert!(hour.points.len() < 4096);
    }

    proptest! {
        #[test]
        fn points_are_few_grow_and_end_with_the_end(steps in prop::collection::vec((0_i64..2_000_000, 1_u64..100_000), 1..500)) {
            let mut arrival = Arrival::new();
            let (mut at, mut bytes) = (0, 0);
            for (pause, more) in steps {
                at += pause;
                bytes += more;
                arrival.add(at, bytes);
            }
            prop_assert!(arrival.points.len() <= POINTS);
            prop_assert_eq!(arrival.points.last(), Some(&(at, bytes)));
            prop_assert!(arrival.points.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 < w[1].1));
        }
    }
}
