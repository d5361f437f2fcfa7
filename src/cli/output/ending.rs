//! What a recording says at its end of its streams: in which trouble each was then, and which segments never came. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::recorder::{LostBy, PlaylistStats, StreamStats};
use crate::session::{UNANSWERED, UNANSWERED_US};
use crate::shown::{counted, escaped};

/// Rows of segments that are named.
const MOST_NAMED: usize = 8;

/// Of streams as they were when the recording stopped; how long that lasted until it had ended. In microseconds of Unix
/// time. `outages`: what is known of those that go on, by stream.
pub(crate) fn troubles(
    streams: &[Arc<StreamStats>],
    ends: (i64, i64),
    outages: &BTreeMap<String, String>,
) -> Vec<String> {
    let named = streams.len() > 1;
    let trouble = |stream: &Arc<StreamStats>| {
        let outage = outages.get(&stream.name).map(String::as_str);
        let told = trouble(&stream.stats.playlists(), ends, outage)?;
        Some(match named {
            true => format!("  {}: {told}", escaped(&stream.name)),
            false => told,
        })
    };
    streams.iter().filter_map(trouble).collect()
}

/// In what a playlist was when the recording ended, the worst first, and since when.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum In {
    Outage(String),
    Silence,
    Freeze,
    Slow(String),
}

/// `outage`: what is known of the one that goes on.
fn trouble(
    playlists: &[Arc<PlaylistStats>],
    (stop_us, ended_us): (i64, i64),
    outage: Option<&str>,
) -> Option<String> {
    let polled = playlists.iter().filter(|one| is_polled(one));
    let all: Vec<Option<(In, i64)>> = polled.map(|one| trouble_of(one, stop_us)).collect();
    let troubles: Vec<&(In, i64)> = all.iter().flatten().collect();
    let (what, since_us) = *troubles.iter().min()?;
    let seconds = ended_us.saturating_sub(*since_us).max(0) as f64 / 1e6;
    let what = match what {
        In::Outage(what) => format!("an outage: {}", escaped(outage.unwrap_or(what))),
        In::Silence => "a silence: no byte".to_owned(),
        In::Freeze => "a freeze: no advance".to_owned(),
        In::Slow(what) => format!("slow chunks: {}", escaped(what)),
    };
    let of = match (troubles.len(), all.len()) {
        (some, all) if some < all => format!(" ({some} of {})", counted(all, "playlist")),
        _ => String::new(),
    };
    Some(format!("ended {seconds:.1} s into {what}{of}"))
}

fn is_polled(playlist: &PlaylistStats) -> bool {
    let is_over = playlist.is_over.load(Ordering::Relaxed);
    let is_listing = playlist.is_multivariant.load(Ordering::Relaxed);
    !is_over && (!is_listing || playlist.failing.spell().is_some())
}

fn trouble_of(playlist: &PlaylistStats, stop_us: i64) -> Option<(In, i64)> {
    if let Some(spell) = playlist.failing.spell() {
        return Some((In::Outage(spell.what()), spell.since_us));
    }
    let unanswered_us = playlist.waiting.since_us();
    let is_long = |since_us: &i64| stop_us.saturating_sub(*since_us) > UNANSWERED_US;
    if let Some(since_us) = unanswered_us.filter(is_long) {
        return Some((In::Outage(UNANSWERED.to_owned()), since_us));
    }
    if playlist.gaps.since_us().is_none() {
        let slow = playlist.slow.spell()?;
        return Some((In::Slow(slow.what), slow.since_us));
    }
    let since_us = playlist.advanced_us.load(Ordering::Relaxed);
    Some(match playlist.is_raw.load(Ordering::Relaxed) {
        true => (In::Silence, since_us),
        false => (In::Freeze, since_us),
    })
}

/// Segments that were asked for and never came: `3 segments lost: hall1/720p 41 to 43`. `kept_us`: what failed before that
/// is no longer in the session.
pub(crate) fn lost(streams: &[Arc<StreamStats>], kept_us: i64) -> Option<String> {
    let (segments, named) = lost_by(streams, kept_us, LostBy::Origin)?;
    Some(format!("  {segments} lost: {named}"))
}

/// Segments that the recorder did not keep, or did not ask for, as it had no room.
pub(crate) fn not_kept(streams: &[Arc<StreamStats>], kept_us: i64) -> Option<String> {
    let (segments, named) = lost_by(streams, kept_us, LostBy::Recorder)?;
    Some(format!(
        "The recorder itself: {segments} lost, since it did not keep them: {named}"
    ))
}

/// Segments that were not asked for, since too many downloads were under way.
pub(crate) fn not_asked_for(streams: &[Arc<StreamStats>], kept_us: i64) -> Option<String> {
    let (segments, named) = lost_by(streams, kept_us, LostBy::Limit)?;
    Some(format!(
        "The recorder itself: {segments} not asked for, as all its downloads were under way, and slow (--limit downloads-per-playlist=N, --limit downloads=N): {named}"
    ))
}

/// Segments that were not asked for, since their host wanted to be left alone; `unseen`: so many more may have been listed, in
/// playlists that were not asked for.
pub(crate) fn left_alone(streams: &[Arc<StreamStats>], kept_us: i64, unseen: u64) -> Vec<String> {
    let why = "not asked for, as the origin wanted to be left alone";
    let listed = lost_by(streams, kept_us, LostBy::LeftAlone);
    let listed = listed.map(|(segments, named)| format!("  {segments} {why}: {named}"));
    let unseen = (unseen > 0).then(|| {
        let segments = counted(unseen, "segment");
        format!("  {segments} {why}: its playlists were not asked for either")
    });
    listed.into_iter().chain(unseen).collect()
}

/// Segments that were listed when the recording ended, and had not come by then.
pub(crate) fn cut_off(streams: &[Arc<StreamStats>], kept_us: i64) -> Vec<String> {
    let told = |whose, why: &str| {
        let (segments, named) = lost_by(streams, kept_us, whose)?;
        Some(format!("  {segments} {why}: {named}"))
    };
    let cut_off = told(LostBy::CutOff, "cut off as the recording ended");
    let waiting = told(LostBy::Waiting, "not asked for by the end of the recording");
    cut_off.into_iter().chain(waiting).collect()
}

/// Downloads that took too long, and came, or were cut off.
pub(crate) fn slow(streams: &[Arc<StreamStats>]) -> Vec<String> {
    let mut all: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
    for (what, tally) in streams.iter().flat_map(|stream| stream.stats.slow()) {
        let (count, longest_us) = all.entry(what).or_default();
        *count += tally.count;
        *longest_us = tally.longest_us.max(*longest_us);
    }
    let told = all.into_iter().map(|(what, (count, longest_us))| {
        let longest = longest_us as f64 / 1e6;
        let downloads = counted(count, "download");
        format!("  {what}: {downloads}, for up to {longest:.1} s, and no faults")
    });
    told.collect()
}

/// How many, and which.
fn lost_by(streams: &[Arc<StreamStats>], kept_us: i64, whose: LostBy) -> Option<(String, String)> {
    let (mut count, mut named) = (0_u64, Vec::new());
    for stream in streams {
        for playlist in stream.stats.playlists() {
            let (ranges, more) = playlist.lost.ranges(kept_us, whose);
            let sizes = ranges.iter().map(|(first, last)| last - first + 1);
            count = sizes.fold(count.saturating_add(more), u64::saturating_add);
            if ranges.is_empty() {
                continue;
            }
            let name = match playlist.label == stream.name {
                true => escaped(&stream.name),
                false => escaped(&format!("{}/{}", stream.name, playlist.label)),
            };
            let rows: Vec<String> = ranges.iter().take(MOST_NAMED).map(row).collect();
            named.push(format!("{name} {}", rows.join(", ")));
        }
    }
    if count == 0 {
        return None;
    }
    let more = if named.len() > MOST_NAMED {
        "; …"
    } else {
        ""
    };
    named.truncate(MOST_NAMED);
    Some((
        counted(count, "segment"),
        format!("{}{more}", named.join("; ")),
    ))
}

fn row((first, last): &(u64, u64)) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_and_since_when() {
        let at = |us| (us, us);
        let playlist = || Arc::new(PlaylistStats::default());
        let (one, other) = (playlist(), playlist());
        let all = [Arc::clone(&one), Arc::clone(&other)];
        assert_eq!(trouble(&all, at(30_000_000), None), None);
        one.advanced_us.store(10_000_000, Ordering::Relaxed);
        one.gaps.lasts((10_000_000, 20_000_000), true);
        let frozen = "ended 20.0 s into a freeze: no advance (1 of 2 playlists)";
        assert_eq!(trouble(&all, at(30_000_000), None).as_deref(), Some(frozen));
        other.waiting.asks(29_000_000);
        assert_eq!(trouble(&all, at(30_000_000), None).as_deref(), Some(frozen));
        let unanswered = "ended 12.0 s into an outage: unanswered";
        assert_eq!(
            trouble(&all, at(41_000_000), None).as_deref(),
            Some(unanswered)
        );
        let fault_us = (17_700_000, 18_000_000);
        one.failing.fails(&["refused"], fault_us, i64::MAX);
        let refused = "ended 12.3 s into an outage: refused";
        assert_eq!(
            trouble(&all[..1], at(30_000_000), None).as_deref(),
            Some(refused)
        );
        let known = trouble(&all[..1], at(30_000_000), Some("refused for 12.0 s"));
        let told = "ended 12.3 s into an outage: refused for 12.0 s";
        assert_eq!(known.as_deref(), Some(told));
        one.is_over.store(true, Ordering::Relaxed);
        assert_eq!(trouble(&all[..1], at(30_000_000), None), None);
        let raw = playlist();
        raw.is_raw.store(true, Ordering::Relaxed);
        raw.advanced_us.store(1_000_000, Ordering::Relaxed);
        raw.gaps.lasts((1_000_000, 4_000_000), true);
        let silent = "ended 7.0 s into a silence: no byte";
        assert_eq!(
            trouble(&[raw], at(8_000_000), None).as_deref(),
            Some(silent)
        );
    }
}
