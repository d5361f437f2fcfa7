//! The lines of the log of a gap: that playlists stand still, and that they advance again.

use crate::recorder::stats::recoveries::Recovery;
use crate::recorder::stats::standstills::Standstill;

/// Says that playlists stand still.
pub(in crate::recorder) fn log_standstill(standstill: &Standstill) {
    let Standstill {
        label,
        for_us,
        expected_us,
        playlists,
    } = standstill;
    let (who, most) = match playlists {
        1 => (format!("{label:?}"), ""),
        count => (format!("{count} playlists"), "up to "),
    };
    tracing::warn!(
        json.playlist = (*playlists == 1).then_some(label.as_str()),
        json.playlists = *playlists,
        json.seconds = seconds(*for_us),
        json.expected_seconds = seconds(*expected_us),
        "{who}: no advance for {most}{:.1} s ({:.1} expected)",
        seconds(*for_us),
        seconds(*expected_us)
    );
}

/// Says that playlists advance again.
pub(in crate::recorder) fn log_recovery(recovery: &Recovery) {
    let Recovery {
        over,
        label,
        expected_us,
        ..
    } = recovery;
    let (who, of) = match over.playlists {
        1 => (format!("{label:?}: "), String::new()),
        count => (String::new(), format!(" ({count} playlists)")),
    };
    tracing::warn!(
        json.playlist = (over.playlists == 1).then_some(label.as_str()),
        json.playlists = over.playlists,
        json.seconds = seconds(over.length_us),
        json.expected_seconds = seconds(*expected_us),
        json.never_listed = over.skipped.never_listed,
        json.not_seen = over.skipped.not_seen,
        "{who}advances again after {:.1} s{of}{}",
        seconds(over.length_us),
        over.skipped.told()
    );
}

/// Microseconds as seconds.
pub(super) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
