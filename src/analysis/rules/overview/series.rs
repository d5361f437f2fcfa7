//! Numbers over time, few enough to be drawn. Pure.

/// Points that are held; a power of two.
const MOST: usize = 4096;

/// A number at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Microseconds of Unix time.
    pub at_us: i64,
    /// In the unit of its series.
    pub value: f64,
}

/// Numbers over time. Of two neighbours the larger one stays where there are too many, so that what sticks out does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    points: Vec<Point>,
    /// So many numbers are one point, less one.
    merged: u32,
    /// Numbers that the last point has.
    in_last: u32,
}

impl Series {
    /// Takes in a number.
    pub fn push(&mut self, at_us: i64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let point = Point { at_us, value };
        match self
            .points
            .last_mut()
            .filter(|_| self.in_last <= self.merged)
        {
            Some(last) if self.in_last > 0 => {
                *last = larger(*last, point);
                self.in_last += 1;
            }
            _ => {
                self.halve();
                self.points.push(point);
                self.in_last = 1;
            }
        }
    }

    fn halve(&mut self) {
        if self.points.len() < MOST {
            return;
        }
        let pairs = self.points.chunks(2);
        self.points = pairs
            .filter_map(|pair| pair.iter().copied().reduce(larger))
            .collect();
        self.merged = self.merged.saturating_mul(2).saturating_add(1);
    }

    /// Those between two moments, in microseconds of Unix time.
    pub fn within(&self, (from_us, until_us): (i64, i64)) -> Self {
        let points = self.points.iter().copied();
        let is_in = |point: &Point| (from_us..=until_us).contains(&point.at_us);
        Self {
            points: points.filter(is_in).collect(),
            ..*self
        }
    }

    /// Its points, in the order in which they came.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The largest number.
    pub fn largest(&self) -> Option<f64> {
        self.points.iter().map(|point| point.value).reduce(f64::max)
    }
}

fn larger(one: Point, other: Point) -> Point {
    if other.value > one.value { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sticks_out_is_held_of_very_many() {
        let mut series = Series::default();
        for n in 0..100_000 {
            series.push(n, if n == 77_777 { 9.0 } else { 1.0 });
        }
        assert!(series.points().len() <= MOST, "{}", series.points().len());
        assert_eq!(series.largest(), Some(9.0));
        let high = series.points().iter().find(|point| point.value > 1.0);
        assert_eq!(high.map(|point| point.at_us), Some(77_777));
        assert!(series.points().is_sorted_by_key(|point| point.at_us));
    }

    #[test]
    fn a_part_of_the_time_has_its_own_largest() {
        let mut series = Series::default();
        for n in 0..10 {
            series.push(n, n as f64);
        }
        let part = series.within((3, 5));
        assert_eq!((part.points().len(), part.largest()), (3, Some(5.0)));
        assert_eq!(series.within((50, 60)).largest(), None);
    }

    #[test]
    fn few_are_held_as_they_are() {
        let mut series = Series::default();
        for n in 0..10 {
            series.push(n, n as f64);
        }
        series.push(10, f64::NAN);
        assert_eq!(series.points().len(), 10);
    }
}
