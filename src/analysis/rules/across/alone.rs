//! X12: one variant stands still or fails while others go on.

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::overview::Point;

/// So often another one must have advanced meanwhile.
const ADVANCES: usize = 2;

/// A gap of a variant, from when to when, in microseconds of Unix time. `others`: names of the other variants, and when they advanced.
pub fn judge<'a>(
    (from_us, to_us): (i64, i64),
    others: impl Iterator<Item = (&'a str, &'a [Point])>,
    out: &mut Vec<Broken>,
) {
    // Others that stood still as well did not end at the same millisecond.
    let edge_us = to_us.saturating_sub(from_us) / 10;
    let inside = |point: &&Point| {
        point.at_us > from_us.saturating_add(edge_us) && point.at_us < to_us.saturating_sub(edge_us)
    };
    let went_on = others.filter(|(_, points)| points.iter().filter(inside).count() >= ADVANCES);
    let names: Vec<&str> = went_on.map(|(name, _)| name).collect();
    if names.is_empty() {
        return;
    }
    let text = format!(
        "no new segment for {:.1} s, while {} went on",
        to_us.saturating_sub(from_us) as f64 / 1e6,
        names.join(", ")
    );
    out.push(Broken::new("X12", text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_alone(others: &[&[i64]]) -> bool {
        let points: Vec<Vec<Point>> = others
            .iter()
            .map(|all| {
                all.iter()
                    .map(|&at_us| Point { at_us, value: 1.0 })
                    .collect()
            })
            .collect();
        let mut out = Vec::new();
        judge(
            (100, 200),
            points.iter().map(|points| ("other", points.as_slice())),
            &mut out,
        );
        !out.is_empty()
    }

    #[test]
    fn one_that_stands_still_among_others_is_told() {
        assert!(is_alone(&[&[80, 120, 160, 220]]));
        assert!(is_alone(&[&[80, 220], &[115, 130]]));
        assert!(!is_alone(&[&[80, 101, 199, 220]]), "all of them did");
        assert!(!is_alone(&[&[80, 120, 220]]), "one that was a little later");
        assert!(!is_alone(&[]));
    }
}
