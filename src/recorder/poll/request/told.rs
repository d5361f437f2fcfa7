//! The lines of the log of a gap: that playlists stand still, and that they advance again.

use crate::recorder::stats::recoveries::Recovery;
use crate::recorder::stats::standstills::Standstill;
use crate::session::both_clocks;

/// Says that playlists stand still. `zero_us`: session zero, in microseconds of Unix time.
pub(in crate::recorder) fn log_standstill(standstill: &Standstill, zero_us: i64) {
    let Standstill {
        label,
        since_us,
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
        "{who}: no advance for {most}{:.1} s ({:.1} expected), since {}",
        seconds(*for_us),
        seconds(*expected_us),
        both_clocks(*since_us, zero_us)
    );
}

/// Says that playlists advance again. `zero_us`: session zero, in microseconds of Unix time.
pub(in crate::recorder) fn log_recovery(recovery: &Recovery, zero_us: i64) {
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
    let from = both_clocks(over.from_us, zero_us);
    let until = both_clocks(over.from_us.saturating_add(over.length_us), zero_us);
    tracing::warn!(
        json.playlist = (over.playlists == 1).then_some(label.as_str()),
        json.playlists = over.playlists,
        json.seconds = seconds(over.length_us),
        json.expected_seconds = seconds(*expected_us),
        json.never_listed = over.skipped.never_listed,
        json.not_seen = over.skipped.not_seen,
        "{who}advances again after {:.1} s, from {from} to {until}{of}{}",
        seconds(over.length_us),
        over.skipped.told()
    );
}

/// Microseconds as seconds.
pub(super) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
