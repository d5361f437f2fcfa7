//! T08 window-short: what is left of a window (RFC 8216bis 6.2.2).

use super::alignment::Alignment;
use super::change::Change;
use crate::analysis::rules::broken::Broken;
use crate::session::seconds;

pub(super) fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    let now = change.now;
    let Some(target_us) = now.target_us.filter(|_| change.goes_on() && !now.ended) else {
        return;
    };
    let is_removed = matches!(change.alignment(), Some(Alignment::Slid(gone)) if gone > 0);
    let left_us = now.duration_us();
    if is_removed && left_us < target_us.saturating_mul(3) {
        let text = format!(
            "a segment was removed, and {} s are left: less than three times the target duration of {} s",
            seconds(left_us),
            target_us / 1_000_000
        );
        out.push(Broken::new("T08", text));
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::time::testing::{found, window};
    use crate::hls::Step;

    #[test]
    fn less_than_three_target_durations_are_left() {
        let before = window(7, &["a", "b", "c"]);
        assert_eq!(found(&before, &window(8, &["b", "c"]), Step::Same), ["T08"]);
        assert_eq!(
            found(&before, &window(8, &["b", "c", "d"]), Step::Slid),
            Vec::<&str>::new()
        );
    }
}
