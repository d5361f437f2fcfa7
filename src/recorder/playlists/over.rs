//! When a playlist, and with it a stream, is over; whether anything plays. Pure.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::standing::Standing;
use crate::session::Kind;

/// Polls after which a URL that never answered with a playlist does not hold up the end of the others.
pub(crate) const HOPELESS_AFTER: u32 = 5;
/// Target durations that one fails for, in whatever way, before it does not hold up the end of the others, either: an
/// origin in trouble may be back. One that has gone is watched as one that has ended.
const FAILS_FOR: u32 = 30;
/// After so many failures of whatever kind in a row a playlist plays no more.
const SILENT_AFTER: u32 = 3;

/// Whether every playlist has ended for good. `wait`: for so long after its end a stream may come back.
pub(crate) fn over(standings: &[(Kind, Standing)], wait: Option<Duration>, now: Instant) -> bool {
    let is_left = |s: &Standing| left_for_good(s, wait, now);
    let wait = wait.unwrap_or_default();
    let ended = |s: &Standing| s.on_demand || watched_for(s.ended_since, s.watch().max(wait), now);
    let settled = |s: &Standing| {
        s.multivariant
            || ended(s)
            || watched_enough(s, now)
            || is_left(s)
            || (!s.ever_good && s.failures >= HOPELESS_AFTER)
    };
    standings.iter().any(|(_, s)| ended(s)) && standings.iter().all(|(_, s)| settled(s))
}

/// Whether a playlist has failed for so long that the stream is over where all others have ended.
pub(crate) fn left_for_good(standing: &Standing, wait: Option<Duration>, now: Instant) -> bool {
    let wait = wait.unwrap_or_default();
    let fails_for = (standing.target() * FAILS_FOR).max(wait);
    let has_gone = watched_for(standing.gone_since, standing.watch().max(wait), now);
    let fails = watched_for(standing.failing_since, fails_for, now);
    // Where the recorder panics nothing is known of the playlist, and the end does not wait for it.
    let panics = watched_for(standing.panics_since, fails_for, now);
    (standing.ever_good && (has_gone || fails)) || panics
}

/// Whether a playlist that is no longer named has been watched for long enough.
pub(crate) fn watched_enough(standing: &Standing, now: Instant) -> bool {
    watched_for(standing.dropped_since, standing.watch(), now)
}

fn watched_for(since: Option<Instant>, time: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now.saturating_duration_since(since) >= time)
}

/// Whether all playlists of a group have gone: then nothing plays, whatever the others do. Of each: its group,
/// and how it stands.
pub(crate) fn is_any_group_gone<'a>(
    playlists: impl Iterator<Item = (&'a str, &'a Standing)>,
) -> bool {
    #[derive(Default)]
    struct Group {
        plays: bool,
        ever_good: bool,
    }
    let mut groups: HashMap<&str, Group> = HashMap::new();
    for (name, standing) in playlists {
        let group = groups.entry(name).or_default();
        group.plays |= standing.gone_since.is_none() && standing.failures < SILENT_AFTER;
        group.ever_good |= standing.ever_good;
    }
    // Renditions that never were there have not gone: no player used them.
    let is_gone =
        |(name, group): (&&str, &Group)| !group.plays && (name.is_empty() || group.ever_good);
    groups.iter().any(is_gone)
}
