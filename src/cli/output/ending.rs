//! What a recording says at its end of its streams: in which trouble each was then, and which segments never came. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::recorder::{ChannelEnd, LostBy, PlaylistStats, StreamStats, Then};
use crate::session::{UNANSWERED, UNANSWERED_US, both_clocks};
use crate::shown::{counted, escaped};

/// Rows of segments that are named.
const MOST_NAMED: usize = 8;

/// When a recording stopped, when it had ended, and session zero, in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) stop_us: i64,
    pub(crate) ended_us: i64,
    pub(crate) zero_us: i64,
}

/// Of streams as they were when the recording stopped; how long that lasted until it had ended. `outages`: what is known of
/// those that go on, by stream.
pub(crate) fn troubles(
    streams: &[Arc<StreamStats>],
    ends: Times,
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

/// In how many streams [`troubles`] tells of a freeze that was not over, and in how many of a silence.
pub(crate) fn open_gaps(streams: &[Arc<StreamStats>], stop_us: i64) -> (u64, u64) {
    let worst = |stream: &Arc<StreamStats>| {
        let playlists = stream.stats.playlists();
        let polled = playlists.iter().filter(|one| is_polled(one));
        let (worst, _) = polled.filter_map(|one| trouble_of(one, stop_us)).min()?;
        Some(worst)
    };
    let all = streams.iter().filter_map(worst);
    all.fold((0, 0), |(freezes, silences), worst| match worst {
        In::Freeze => (freezes + 1, silences),
        In::Silence => (freezes, silences + 1),
        In::Outage(_) | In::Slow(_) => (freezes, silences),
    })
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
fn trouble(playlists: &[Arc<PlaylistStats>], ends: Times, outage: Option<&str>) -> Option<String> {
    let polled = playlists.iter().filter(|one| is_polled(one));
    let all: Vec<Option<(In, i64)>> = polled.map(|one| trouble_of(one, ends.stop_us)).collect();
    let troubles: Vec<&(In, i64)> = all.iter().flatten().collect();
    let (what, since_us) = *troubles.iter().min()?;
    let seconds = ends.ended_us.saturating_sub(*since_us).max(0) as f64 / 1e6;
    let since = both_clocks(*since_us, ends.zero_us);
    let what = match what {
        In::Outage(what) => format!("an outage: {}", escaped(outage.unwrap_or(what))),
        In::Silence => format!("a silence: no byte since {since}"),
        In::Freeze => format!("a freeze: no advance since {since}"),
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

/// When channels ended, and what came of it; when numbers of their playlists went back.
pub(crate) fn channels(streams: &[Arc<StreamStats>], ends: Times) -> Vec<String> {
    let named = |stream: &StreamStats| match streams.len() > 1 {
        true => format!("  [{}] ", escaped(&stream.name)),
        false => "  ".to_owned(),
    };
    let at = |us| both_clocks(us, ends.zero_us);
    let mut lines = Vec::new();
    for stream in streams {
        let (channel, named) = (stream.stats.channel(), named(stream));
        let (went_back, more) = channel.all_went_back();
        for one in went_back {
            let of = match stream.stats.playlists().len() {
                ..=1 => String::new(),
                _ => format!(" ({})", counted(one.of.len(), "playlist")),
            };
            lines.push(format!("{named}{} at {}{of}", one.what, at(one.at_us)));
        }
        if more > 0 {
            lines.push(format!("{named}numbers went back {more} more times"));
        }
        let (ended, more) = channel.all_ends();
        if more > 0 {
            lines.push(format!(
                "{named}the channel ended and came back {more} times before that"
            ));
        }
        lines.extend(
            ended
                .iter()
                .map(|end| format!("{named}{}", end_line(end, at))),
        );
    }
    lines
}

fn end_line(end: &ChannelEnd, at: impl Fn(i64) -> String) -> String {
    let then = match end.then {
        Then::Nothing => String::new(),
        Then::Awaited => ", and had not come back when the recording ended".to_owned(),
        Then::Back(us) => {
            let seconds = us.saturating_sub(end.at_us) as f64 / 1e6;
            format!(", and came back at {}, {seconds:.1} s later", at(us))
        }
        Then::Over(wait) => format!(", and did not come back within {} s", wait.as_secs_f64()),
    };
    format!(
        "the channel ended (EXT-X-ENDLIST) at {}{then}",
        at(end.at_us)
    )
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
        "The recorder itself: {segments} lost, since it did not keep them, or did not ask for them on a full disk: {named}"
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
    use crate::recorder::Stats;

    #[test]
    fn a_channel_that_ended_is_told_with_what_came_of_it_and_numbers_that_went_back() {
        let stats = StreamStats {
            name: "hall1".to_owned(),
            stats: Stats::default(),
        };
        let all = [Arc::new(stats)];
        let channel = all[0].stats.channel();
        let ends = Times {
            stop_us: 90_000_000,
            ended_us: 90_000_000,
            zero_us: 0,
        };
        assert!(channels(&all, ends).is_empty());
        channel.went_back(
            0,
            (5_000_000, 0),
            "EXT-X-MEDIA-SEQUENCE went back from 13 to 0",
        );
        channel.ends(10_000_000);
        channel.then(Then::Back(24_300_000));
        channel.ends(30_000_000);
        let back = "  EXT-X-MEDIA-SEQUENCE went back from 13 to 0 at 0:00:05.000 (00:00:05.000Z)";
        let ended = "  the channel ended (EXT-X-ENDLIST) at 0:00:10.000 (00:00:10.000Z), and came back at 0:00:24.300 (00:00:24.300Z), 14.3 s later";
        let again = "  the channel ended (EXT-X-ENDLIST) at 0:00:30.000 (00:00:30.000Z)";
        let awaited = format!("{again}, and had not come back when the recording ended");
        assert_eq!(channels(&all, ends), [back, ended, &awaited]);
        channel.then(Then::Over(std::time::Duration::from_secs(20)));
        let in_vain = format!("{again}, and did not come back within 20 s");
        assert_eq!(channels(&all, ends)[2], in_vain);
        channel.then(Then::Nothing);
        assert_eq!(channels(&all, ends)[2], again);
    }

    #[test]
    fn the_worst_is_told_and_since_when() {
        let at = |us| Times {
            stop_us: us,
            ended_us: us,
            zero_us: 0,
        };
        let playlist = || Arc::new(PlaylistStats::default());
        let (one, other) = (playlist(), playlist());
        let all = [Arc::clone(&one), Arc::clone(&other)];
        assert_eq!(trouble(&all, at(30_000_000), None), None);
        one.advanced_us.store(10_000_000, Ordering::Relaxed);
        one.gaps.lasts((10_000_000, 20_000_000), true);
        let frozen = "ended 20.0 s into a freeze: no advance since 0:00:10.000 (00:00:10.000Z) (1 of 2 playlists)";
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
        let silent = "ended 7.0 s into a silence: no byte since 0:00:01.000 (00:00:01.000Z)";
        assert_eq!(
            trouble(&[raw], at(8_000_000), None).as_deref(),
            Some(silent)
        );
    }
}
