//! T12 pdt-jump: dates of segments (RFC 8216bis 4.4.4.6, 6.2.1).

use super::change::Change;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::registry::Severity;
use crate::session::seconds;

/// An overlap of less is allowed, and a jump of less is drift.
const ALLOWED_US: i64 = 1_000_000;

/// A date against the one that is due by the dates and durations before it: more than drift, in microseconds of Unix time.
pub fn is_jump(date_us: i64, due_us: i64) -> bool {
    date_us.saturating_sub(due_us).saturating_abs() >= ALLOWED_US
}

pub(super) fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    if !change.is_old {
        jumps(change.now, change.fresh, out);
    }
}

/// Dates from a segment on against those before it.
pub(super) fn jumps(playlist: &Playlist, fresh: usize, out: &mut Vec<Broken>) {
    // When the segment would begin by the dates before it.
    let mut expected_us: Option<i64> = None;
    for (index, segment) in playlist.segments.iter().enumerate() {
        if segment.discontinuity {
            expected_us = None;
        }
        if let (Some(date_us), Some(expected_us), true) =
            (segment.date_us, expected_us, index >= fresh)
        {
            let by_us = date_us.saturating_sub(expected_us);
            let number = playlist.number(index);
            if by_us <= -ALLOWED_US {
                let text = format!(
                    "EXT-X-PROGRAM-DATE-TIME of segment {number} is {} s before the end of the segment before it",
                    seconds(-by_us)
                );
                out.push(Broken::new("T12", text).with("media_sequence", number));
            } else if by_us > ALLOWED_US {
                let text = format!(
                    "EXT-X-PROGRAM-DATE-TIME of segment {number} is {} s behind the end of the segment before it",
                    seconds(by_us)
                );
                out.push(
                    Broken::new("T12", text)
                        .severity(Severity::Should)
                        .kind("forward")
                        .with("media_sequence", number),
                );
            }
        }
        let begins_us = segment.date_us.or(expected_us);
        expected_us = begins_us.map(|us| us.saturating_add(segment.duration_us));
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::registry::Severity;
    use crate::analysis::rules::time::testing::{broken, found, window};
    use crate::hls::Step;

    fn dated(dates: &[(&str, u32)]) -> String {
        let mut text = window(8, &["b", "c", "d", "e"]);
        for (segment, second) in dates {
            let plain = format!("#EXTINF:4.0,\n{segment}");
            let date = format!("#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:{second:02}Z\n{plain}");
            text = text.replacen(&plain, &date, 1);
        }
        text
    }

    #[test]
    fn dates_go_on_where_the_segment_before_ended() {
        let before = window(8, &["b", "c", "d"]);
        let judged = |dates: &[(&str, u32)]| found(&before, &dated(dates), Step::Slid);
        assert_eq!(judged(&[("b", 10), ("e", 22)]), Vec::<&str>::new());
        assert_eq!(judged(&[("b", 10), ("e", 21)]), ["T12"]);
        assert_eq!(judged(&[("b", 10), ("e", 5)]), ["T12"]);
        let forward = broken(&before, &dated(&[("b", 10), ("e", 30)]), Step::Slid);
        assert_eq!(
            (forward[0].rule, forward[0].severity),
            ("T12", Some(Severity::Should))
        );
        assert_eq!(forward[0].detail["media_sequence"], 11);
        let text = dated(&[("b", 10), ("e", 5)]);
        let apart = text.replace(
            "#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:05Z",
            "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:05Z",
        );
        assert_eq!(found(&before, &apart, Step::Slid), Vec::<&str>::new());
    }
}
