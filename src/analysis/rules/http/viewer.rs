//! H04: a viewer would have waited.

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::overview::Stall;

/// Shorter ones are not seen.
const SHORTEST_US: i64 = 100_000;

/// A stall of who plays a rendition with three target durations of buffer. `own`: when the recorder was not well, from when
/// to when, in microseconds of Unix time: what it got late then may be its own doing.
pub fn judge(stall: &Stall, target_us: i64, own: &[(i64, i64)]) -> Option<Broken> {
    // What was late to come was asked for a buffer before.
    let from_us = stall.from_us.saturating_sub(target_us.saturating_mul(3));
    let until_us = stall.from_us.saturating_add(stall.length_us);
    let is_own = own
        .iter()
        .any(|(from, until)| *from < until_us && *until > from_us);
    if stall.length_us < SHORTEST_US || is_own {
        return None;
    }
    let text = format!(
        "a viewer with three target durations of buffer would have waited for {:.1} s",
        stall.length_us as f64 / 1e6
    );
    Some(Broken::new("H04", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_viewer_sees_is_told_unless_the_recorder_was_not_well() {
        let stall = Stall {
            from_us: 100_000_000,
            length_us: 2_500_000,
        };
        let told = |stall: &Stall, own: &[(i64, i64)]| {
            judge(stall, 4_000_000, own).map(|broken| broken.text)
        };
        let text = told(&stall, &[(1, 2)]).unwrap();
        assert!(text.ends_with("waited for 2.5 s"), "{text}");
        assert_eq!(told(&stall, &[(90_000_000, 91_000_000)]), None);
        assert_eq!(
            told(
                &Stall {
                    length_us: 50_000,
                    ..stall
                },
                &[]
            ),
            None
        );
    }
}
