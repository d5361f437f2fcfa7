//! Gaps: times between two consecutive advances of a media playlist, or two new parts, that are too long.
//!
//! Facts of revisions are read row by row; bodies are not read here.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use url::Url;

use super::damaged::NotJudged;
use super::gaps::gap::Unit;
use super::gaps::scan::Scan;
use super::never_listed::NeverListed;
use super::noticed::{host_of, stood_still_us};
use crate::clock::micros;
use crate::hls::{Variables, lines, read_media, target_duration};
use crate::session::{
    self, Advance, Body, Damage, Hole, Notice, NoticeEvent, PlaylistInfo, ReadError, Reader, Run,
};

pub use super::gaps::gap::Gap;
pub use super::gaps::scan::Threshold;

/// Playlists that a name means: its full name, the last component of that, or its URL.
pub fn select<'a>(playlists: &'a [PlaylistInfo], name: &str) -> Vec<&'a PlaylistInfo> {
    let wanted = name.trim_start_matches('/');
    let last = |p: &PlaylistInfo| p.name.rsplit('/').next() == Some(wanted);
    playlists
        .iter()
        .filter(|p| p.name == wanted || p.url == name || last(p))
        .collect()
}

/// A playlist that was not asked for in the last so many microseconds may have been left.
const LEFT_US: i64 = 2_000_000;
/// Advances that are read at once.
const ADVANCES: usize = 4096;
/// The same around one moment.
const SOME: usize = 64;
/// Gaps that are explained in one transaction: each takes and lets go of locks.
const TOGETHER: usize = 32;

/// Looks for gaps. Memory and time do not depend on how many there have been.
#[derive(Debug)]
pub struct Search<'a> {
    pub(super) reader: &'a Reader,
    pub(super) threshold: Threshold,
    unit: Unit,
    /// When the recording ended, as far as is known.
    pub(super) end_us: i64,
    pub(super) holes: Vec<Hole>,
    meanwhile: Meanwhile,
    /// Before that there are no polls any more.
    kept_us: i64,
    /// What is damaged: nothing is told of its time.
    damage: Damage,
    /// How often something was found of it.
    left_out: Cell<u64>,
}

impl<'a> Search<'a> {
    /// Of the playlists of a session.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn new(reader: &'a Reader, threshold: Threshold) -> Result<Self, ReadError> {
        let runs = reader.runs()?;
        Ok(Self {
            reader,
            threshold,
            unit: Unit::Segments,
            end_us: runs.last().map_or(i64::MIN, Run::end_us),
            holes: session::holes(&runs),
            meanwhile: Meanwhile::new(reader.notices()?, &runs),
            kept_us: reader.kept_from_us()?.unwrap_or(i64::MIN),
            damage: Damage::default(),
            left_out: Cell::new(0),
        })
    }

    /// Tells nothing of the time of damaged rows.
    #[must_use]
    pub fn without(self, damage: Damage) -> Self {
        Self { damage, ..self }
    }

    /// What was not told for that reason, as far as it has been looked for. `zero_us`: session zero, in microseconds of Unix time.
    pub fn not_judged(&self, zero_us: i64) -> Option<NotJudged> {
        let rows = self.damage.rows;
        NotJudged::of(&self.damage, rows, self.left_out.get(), zero_us)
    }

    /// Whether what was found between two moments may be the damage.
    pub(super) fn leaves_out(&self, from_us: i64, until_us: i64) -> bool {
        let is_it = self.damage.touches(from_us, until_us);
        self.left_out.set(self.left_out.get() + u64::from(is_it));
        is_it
    }

    /// Looks for gaps between such things instead.
    #[must_use]
    pub fn between(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// Calls `each` with the gaps of a playlist, in order; its first error is the end.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn gaps<E: From<ReadError>>(
        &self,
        playlist: &PlaylistInfo,
        mut each: impl FnMut(Gap) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut each = |gap: Gap| match self.leaves_out(gap.from.seen_us, gap.until_us) {
            true => Ok(()),
            false => each(gap),
        };
        let mut scan = Scan::new(self.threshold, self.unit);
        let mut behind = (i64::MIN, i64::MIN);
        let lies = self.reader.false_validators(&playlist.url)?;
        loop {
            // No transaction is open while `each` has its time.
            let advances = match self.unit {
                Unit::Segments => self.reader.advances(playlist.id, behind, ADVANCES)?,
                Unit::Parts => {
                    let reader = self.reader;
                    reader.revisions_with_parts(playlist.id, behind, ADVANCES)?
                }
            };
            let Some(last) = advances.last() else {
                break;
            };
            behind = (last.seen_us, last.exchange_id);
            let found = advances.into_iter();
            let found: Vec<Gap> = found.filter_map(|advance| scan.next(advance)).collect();
            for gaps in found.chunks(TOGETHER) {
                let explained = || {
                    let gaps = gaps.iter().cloned();
                    gaps.map(|gap| self.explained(playlist.id, gap, &lies))
                };
                let explained: Vec<Gap> = self.reader.together(|| explained().collect())?;
                explained.into_iter().try_for_each(&mut each)?;
            }
        }
        self.open_end(playlist.id, &scan, &lies)?
            .map_or(Ok(()), each)
    }

    /// The time from the last advance of a playlist to the end, however short; `None`: it has ended.
    ///
    /// # Errors
    /// The session is damaged.
    pub(super) fn at_the_end(&self, playlist_id: i64) -> Result<Option<Gap>, ReadError> {
        let Some((seen_us, exchange_id)) = self.reader.advance_before(playlist_id, self.end_us)?
        else {
            return Ok(None);
        };
        let behind = (seen_us, exchange_id.saturating_sub(1));
        let mut scan = Scan::new(Threshold(Some(Duration::ZERO)), Unit::Segments);
        for advance in self.reader.advances(playlist_id, behind, SOME)? {
            scan.next(advance);
        }
        self.open_end(playlist_id, &scan, &[])
    }

    /// What is open at the end of the recording, or where the playlist was no longer recorded.
    fn open_end(
        &self,
        playlist_id: i64,
        scan: &Scan,
        lies: &[NoticeEvent],
    ) -> Result<Option<Gap>, ReadError> {
        let Some(gap) = scan.end(self.end_us) else {
            return Ok(None);
        };
        let gap = self.explained(playlist_id, gap, lies)?;
        let Some(left_us) = left_us(&gap) else {
            return Ok(Some(gap));
        };
        // Of the time in which nobody asked for it nothing is known.
        let gap = Gap {
            until_us: left_us,
            is_left: true,
            ..gap
        };
        match gap.length_us() > gap.threshold_us {
            true => self.explained(playlist_id, gap, lies).map(Some),
            false => Ok(None),
        }
    }

    /// The times in which a playlist went on without segments, between two moments (microseconds of Unix time), each within one step of it.
    ///
    /// # Errors
    /// The session is damaged.
    pub(super) fn never_listed_between(
        &self,
        playlist_id: i64,
        from_us: i64,
        until_us: i64,
    ) -> Result<Vec<Gap>, ReadError> {
        let mut lost = Vec::new();
        let Some((seen_us, exchange_id)) = self.reader.advance_before(playlist_id, from_us)? else {
            return Ok(lost);
        };
        let any = Threshold(Some(Duration::ZERO));
        let mut scan = Scan::new(any, Unit::Segments);
        // From that one on.
        let mut behind = (seen_us, exchange_id.saturating_sub(1));
        while behind.0 <= until_us {
            let advances = self.reader.advances(playlist_id, behind, SOME)?;
            let Some(last) = advances.last() else { break };
            behind = (last.seen_us, last.exchange_id);
            let gaps = advances
                .into_iter()
                .filter_map(|advance| scan.next(advance));
            let gaps = gaps.filter(|gap| gap.from.seen_us <= until_us);
            let may_be = |gap: &Gap| {
                let to = gap.to.as_ref();
                to.is_some_and(|to| NeverListed::between(&gap.from, to, 1).is_some())
            };
            for gap in gaps.filter(may_be).collect::<Vec<_>>() {
                let gap = self.explained(playlist_id, gap, &[])?;
                lost.extend(gap.never_listed.is_some().then_some(gap));
            }
        }
        Ok(lost)
    }

    /// What stands for the target duration of a playlist that states none that can be: its longest EXTINF, in microseconds. `None`:
    /// it states one, or nothing is known.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn stands_for_target_us(&self, playlist: &PlaylistInfo) -> Result<Option<i64>, ReadError> {
        let Some((seen_us, exchange_id)) = self.reader.advance_before(playlist.id, self.end_us)?
        else {
            return Ok(None);
        };
        let behind = (seen_us, exchange_id.saturating_sub(1));
        let advances = self.reader.advances(playlist.id, behind, 1)?;
        let text = match self.reader.body_of(exchange_id) {
            Ok(Some(Body::Bytes(text))) => text,
            Ok(_) | Err(ReadError::Altered { .. } | ReadError::Lost(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut tags = lines(&text).filter_map(|line| line.tag());
        let states_one = tags.any(|tag| {
            tag.name == b"#EXT-X-TARGETDURATION" && target_duration(tag.value).is_some()
        });
        let used_us = advances.first().and_then(|one| one.target_duration_us);
        Ok(used_us.filter(|us| *us > 0 && !states_one))
    }

    /// Whether something was over, or was so last, before all is kept (`--keep`): what is left of that time is left by
    /// chance, and a replay has nothing of it.
    pub(super) fn is_before_kept(&self, over_us: Option<i64>, last_us: i64) -> bool {
        over_us.unwrap_or(last_us) <= self.kept_us
    }

    /// For so long between two moments no recorder ran, in microseconds.
    pub(super) fn not_running_us(&self, from_us: i64, until_us: i64) -> i64 {
        unrecorded_us(&self.holes, from_us, until_us)
    }

    /// Whether the recorder stood still, or its machine slept, between two moments.
    pub(super) fn stood_still(&self, from_us: i64, until_us: i64) -> bool {
        self.meanwhile.has(from_us, until_us, |kind| {
            matches!(kind, Notice::Stalled | Notice::Suspended)
        })
    }

    /// For so long between two moments it did, in microseconds.
    pub(super) fn stood_still_us(&self, from_us: i64, until_us: i64) -> i64 {
        let events = self.meanwhile.between(from_us, until_us);
        stood_still_us(&events, from_us, until_us)
    }

    /// The session.
    pub(super) fn reader(&self) -> &'a Reader {
        self.reader
    }

    /// When the recorder's disk was full, from when to when.
    pub(super) fn disk_was_full(&self) -> Vec<(i64, i64)> {
        let all = self.meanwhile.events.iter().zip(&self.meanwhile.over_us);
        let full = all.filter(|(event, _)| event.kind == Notice::DiskFull);
        // One that is not over goes on to the end of what is known.
        let until_us = |at_us: i64, over_us: i64| over_us.min(self.end_us.max(at_us));
        full.map(|(event, (over_us, _))| (event.at_us, until_us(event.at_us, *over_us)))
            .collect()
    }

    /// Whether one of these hosts (with their ports) wanted to be left alone in some time.
    pub(super) fn is_left_alone(&self, hosts: &[String], from_us: i64, until_us: i64) -> bool {
        let mut events = self.meanwhile.of(from_us, until_us);
        events.any(|event| event.kind == Notice::LeftAlone && hosts.contains(&event.detail))
    }

    /// A gap with what was the matter meanwhile.
    fn explained(
        &self,
        playlist_id: i64,
        gap: Gap,
        lies: &[NoticeEvent],
    ) -> Result<Gap, ReadError> {
        let (from_us, until_us) = (gap.from.seen_us, gap.until_us);
        let polled_us = from_us.max(self.kept_us);
        let uncertain_us = [
            uncertain_us(self.reader, Some(gap.from))?,
            uncertain_us(self.reader, gap.to)?,
        ];
        let polls = self.reader.poll_trouble(playlist_id, polled_us, until_us)?;
        let urls = || {
            let exchanges = [Some(gap.from), gap.to].map(|of| Some(of?.exchange_id));
            self.reader
                .urls_of_playlist(playlist_id, exchanges, &polls.led_to)
        };
        let noticed = self.noticed(lies, (from_us, until_us), urls)?;
        let gap = Gap {
            uncertain_us,
            polls,
            not_running_us: unrecorded_us(&self.holes, from_us, until_us),
            noticed,
            polls_are_gone: polled_us > from_us,
            ..gap
        };
        let [never_listed, not_seen] = self.skipped(&gap)?;
        Ok(Gap {
            never_listed,
            not_seen,
            ..gap
        })
    }

    /// Segments that no revision of a playlist listed, before and behind a gap: those that never were, and as many as can have
    /// come and gone while the recorder was away.
    fn skipped(&self, gap: &Gap) -> Result<[Option<NeverListed>; 2], ReadError> {
        let to = gap.to.as_ref();
        let may_be = |to: &&Advance| NeverListed::between(&gap.from, to, 1).is_some();
        let Some(to) = to.filter(may_be) else {
            return Ok([None; 2]);
        };
        let segment_us = self.segment_us(&gap.from)?;
        let skipped = NeverListed::between(&gap.from, to, segment_us);
        let missed_us = gap.missed_us();
        Ok(skipped.map_or([None; 2], |all| all.without(missed_us, segment_us)))
    }

    /// How long the segments of a revision are on average.
    fn segment_us(&self, advance: &Advance) -> Result<i64, ReadError> {
        let target_us = advance.target_duration_us.unwrap_or(0);
        let text = match self.reader.body_of(advance.exchange_id) {
            Ok(Some(Body::Bytes(text))) => text,
            // One damaged text is no reason to tell of no gap.
            Ok(_) | Err(ReadError::Altered { .. } | ReadError::Lost(_)) => return Ok(target_us),
            Err(error) => return Err(error),
        };
        // No URI of it matters.
        let Ok(base) = Url::parse("http://localhost/") else {
            return Ok(target_us);
        };
        let facts = read_media(&text, &base, &Variables::default()).facts;
        let count = i64::try_from(facts.segment_count).unwrap_or(i64::MAX);
        Ok(match micros(facts.duration) / count.max(1) {
            0 => target_us,
            segment_us => segment_us,
        })
    }

    /// What the recorder noticed of itself, and when the validators of the playlist were false; which hosts wanted to be left alone of
    /// those that these URLs name.
    pub(super) fn noticed(
        &self,
        lies: &[NoticeEvent],
        (from_us, until_us): (i64, i64),
        urls: impl FnOnce() -> Result<Vec<String>, ReadError>,
    ) -> Result<Vec<NoticeEvent>, ReadError> {
        let then = |lie: &&NoticeEvent| lie.at_us < until_us && from_us < lie.until_us();
        let lies = lies.iter().filter(then).cloned();
        let all = lies.chain(self.meanwhile.between(from_us, until_us));
        let mut noticed: Vec<NoticeEvent> = all.collect();
        let is_wish = |event: &NoticeEvent| event.kind == Notice::LeftAlone;
        if noticed.iter().any(is_wish) {
            let urls = urls()?;
            let hosts: HashSet<String> = urls.iter().filter_map(|url| host_of(url)).collect();
            noticed.retain(|event| !is_wish(event) || hosts.contains(&event.detail));
        }
        Ok(noticed)
    }
}

/// When a playlist was polled last, of an open gap at the end of which it is no longer recorded: where it was not asked
/// for by far as long as it is asked for ever so seldom.
fn left_us(gap: &Gap) -> Option<i64> {
    let target_us = gap.from.target_duration_us.unwrap_or(0);
    let seldom_us = target_us.saturating_add(target_us / 4);
    let usual_us = gap.polls.between_us.saturating_mul(2);
    let most_us = usual_us
        .max(seldom_us)
        .max(LEFT_US)
        .saturating_add(gap.patience_us());
    let last_us = gap.polls.last_us;
    (gap.until_us.saturating_sub(last_us) > most_us).then_some(last_us)
}

/// How much earlier than it was seen an advance may have been, in microseconds.
fn uncertain_us(reader: &Reader, advance: Option<Advance>) -> Result<Option<i64>, ReadError> {
    let Some(advance) = advance else {
        return Ok(None);
    };
    let not_before_us = reader.not_before_us(advance.exchange_id)?;
    Ok(not_before_us.map(|not_before_us| advance.seen_us.saturating_sub(not_before_us)))
}

/// How much of a time no recorder ran, in microseconds.
pub(super) fn unrecorded_us(holes: &[Hole], from_us: i64, until_us: i64) -> i64 {
    let first = holes.partition_point(|hole| hole.until_us <= from_us);
    let part_us = |hole: &Hole| {
        let end_us = hole.until_us.min(until_us);
        end_us.saturating_sub(hole.from_us.max(from_us)).max(0)
    };
    let later = holes.iter().skip(first);
    later
        .take_while(|hole| hole.from_us < until_us)
        .map(part_us)
        .sum()
}

/// What was noticed, found by its time.
#[derive(Debug)]
struct Meanwhile {
    /// In the order in which they began.
    events: Vec<NoticeEvent>,
    /// When each of them was over, and all before it.
    over_us: Vec<(i64, i64)>,
}

impl Meanwhile {
    /// A log that grows makes nobody late.
    fn new(mut events: Vec<NoticeEvent>, runs: &[Run]) -> Self {
        events.retain(|event| event.kind != Notice::HeldUp);
        events.sort_by_key(|event| event.at_us);
        // What was not over then is not known to have gone on.
        let end_of_run = |event: &NoticeEvent| {
            let ends = runs.iter().map(Run::end_us);
            ends.filter(|end_us| *end_us >= event.at_us).min()
        };
        let mut latest_us = i64::MIN;
        let over_us = events.iter().map(|event| {
            let over_us = match event.length_us {
                Some(_) => event.until_us(),
                None => end_of_run(event).unwrap_or(i64::MAX),
            };
            latest_us = latest_us.max(over_us);
            (over_us, latest_us)
        });
        Self {
            over_us: over_us.collect(),
            events,
        }
    }

    /// That which is of some time.
    fn between(&self, from_us: i64, until_us: i64) -> Vec<NoticeEvent> {
        self.of(from_us, until_us).cloned().collect()
    }

    /// Whether there is something of a kind in some time.
    fn has(&self, from_us: i64, until_us: i64, is_it: impl Fn(Notice) -> bool) -> bool {
        self.of(from_us, until_us).any(|event| is_it(event.kind))
    }

    fn of(&self, from_us: i64, until_us: i64) -> impl Iterator<Item = &NoticeEvent> {
        let first = self
            .over_us
            .partition_point(|(_, latest_us)| *latest_us < from_us);
        let ends = self.over_us.iter().map(|(over_us, _)| *over_us);
        let then = self.events.iter().zip(ends).skip(first);
        then.take_while(move |(event, _)| event.at_us <= until_us)
            .filter(move |(_, over_us)| *over_us >= from_us)
            .map(|(event, _)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_gap_only_the_part_in_a_hole_is_the_recorders() {
        let hole = |from_us, until_us| Hole { from_us, until_us };
        let holes = [hole(10, 20), hole(30, 35)];
        assert_eq!(unrecorded_us(&holes, 0, 40), 15);
        assert_eq!(unrecorded_us(&holes, 15, 32), 7);
        assert_eq!(unrecorded_us(&holes, 20, 30), 0);
        assert_eq!(unrecorded_us(&[], 0, 40), 0);
    }

    #[test]
    fn a_gap_is_told_what_was_noticed_meanwhile_and_nothing_else() {
        let event = |kind, at_us, length_us| NoticeEvent {
            kind,
            at_us,
            length_us,
            detail: String::new(),
        };
        let all = vec![
            event(Notice::Stalled, 0, Some(9)),
            event(Notice::Stalled, 5, Some(10)),
            event(Notice::DiskFull, 8, None),
            event(Notice::HeldUp, 12, Some(1)),
            // By so much, not for so long.
            event(Notice::ClockStep, 5, Some(3600)),
            event(Notice::Suspended, 5, Some(3600)),
            event(Notice::ClockStep, 20, Some(-3600)),
            event(Notice::Stalled, 21, Some(1)),
        ];
        let run = |started_us, seen_us| Run {
            started_us,
            seen_us,
            stopped_us: None,
            ended: None,
            program: String::new(),
        };
        let told = Meanwhile::new(all.clone(), &[run(0, 30)]).between(10, 20);
        assert_eq!(told, [all[1].clone(), all[2].clone(), all[6].clone()]);
        // That run was killed with its disk full, which says nothing of the next.
        let runs = [run(0, 9), run(10, 30)];
        let told = Meanwhile::new(all.clone(), &runs).between(10, 20);
        assert_eq!(told, [all[1].clone(), all[6].clone()]);
    }

    #[test]
    fn playlists_are_found_by_each_of_their_names() {
        let playlist = |id, name: &str| PlaylistInfo {
            id,
            stream: String::new(),
            name: name.into(),
            url: format!("http://h/{name}"),
        };
        let all = [
            playlist(1, "live/a.m3u8"),
            playlist(2, "live/b.m3u8"),
            playlist(3, "other/a.m3u8"),
        ];
        let found = |name| select(&all, name).iter().map(|p| p.id).collect::<Vec<_>>();
        assert_eq!(found("live/a.m3u8"), [1]);
        assert_eq!(found("/live/a.m3u8"), [1]);
        assert_eq!(found("a.m3u8"), [1, 3]);
        assert_eq!(found("http://h/live/b.m3u8"), [2]);
        assert!(found("c.m3u8").is_empty());
        assert!(found("").is_empty());
    }
}
