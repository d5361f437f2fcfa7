//! Counters of a stream.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use super::channel::Channel;
use super::events::{Events, GapTally};
use super::fold::{self, Fold, Met};
use super::gaps::Gaps;
use super::left_alone::LeftAlone;
use super::load::{Lags, Load};
use super::outages::all::{Due, Outages};
use super::outages::over::Class;
use super::pace::Pace;
use super::playlist::PlaylistStats;
use super::recoveries::Recoveries;
use super::standstills::{Standstill, Standstills};
use super::totals::Totals;
use crate::clock;
use crate::session::{Kind, Outcome};

/// Counters of a stream; clones share them.
#[derive(Debug, Default, Clone)]
pub struct Stats(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    playlists: Mutex<Vec<Arc<PlaylistStats>>>,
    faults: Mutex<BTreeMap<(Kind, String), u64>>,
    not_kept: Mutex<BTreeMap<(Kind, String), u64>>,
    fold: Mutex<Fold>,
    /// Why it cannot be recorded as it was asked for.
    refused: OnceLock<String>,
    /// Gaps of its playlists.
    events: Arc<Events>,
    /// Times in which segments were skipped that the recorder may have missed.
    missed: Arc<Events>,
    /// Those of them that it missed while a host was left alone, as it had asked.
    held_back: Arc<Events>,
    /// When a host that it asks was left alone.
    left_alone: LeftAlone,
    recoveries: Recoveries,
    standstills: Standstills,
    outages: Outages,
    channel: Channel,
    pace: Pace,
    slow: Mutex<BTreeMap<&'static str, SlowTally>>,
    /// When the last fault was, in microseconds of Unix time; 0: there was none.
    fault_us: AtomicI64,
    /// When playlists that stand still were told of last.
    still_told: Mutex<Option<Instant>>,
    /// The log has said that playlists stand still, and not that they go on.
    is_said_still: AtomicBool,
    /// Since when it is recorded, in microseconds of Unix time; 0: it is not yet.
    started_us: AtomicI64,
    worst_lag_us: AtomicI64,
    lags: Lags,
    load: Load,
}

/// Downloads that took too long, and were no faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlowTally {
    /// How many.
    pub count: u64,
    /// The longest, in microseconds.
    pub longest_us: i64,
}

/// A request under way of which the log has said that it has no answer.
#[derive(Debug)]
pub(crate) struct Unanswered(Stats);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.0.recoveries.waits_no_more();
    }
}

impl Stats {
    /// Counters of each playlist, in the order in which they were found.
    pub fn playlists(&self) -> Vec<Arc<PlaylistStats>> {
        self.0
            .playlists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// When the playlist that is furthest behind advanced, of those that are polled; where none
    /// is any more, when one last did. Microseconds of Unix time; `None`: none ever did.
    pub fn advanced_us(&self) -> Option<i64> {
        let playlists = self.playlists();
        let (over, polled): (Vec<_>, Vec<_>) = playlists
            .iter()
            .map(|one| (one, one.advanced_us.load(Ordering::Relaxed)))
            .filter(|(_, advanced_us)| *advanced_us > 0)
            .partition(|(one, _)| one.is_over.load(Ordering::Relaxed));
        let furthest_behind = polled.iter().map(|(_, advanced_us)| *advanced_us).min();
        furthest_behind.or_else(|| over.iter().map(|(_, advanced_us)| *advanced_us).max())
    }

    /// When its media playlist that is furthest behind advanced, or since when that is asked for; where none is known, when
    /// the stream was begun. Microseconds of Unix time; `None`: it is not recorded, or has ended.
    pub fn due_since_us(&self) -> Option<i64> {
        let started_us = self.0.started_us.load(Ordering::Relaxed);
        let playlists = self.playlists();
        let polled = playlists.iter().filter_map(|one| one.due_since_us()).min();
        let has_ended = |one: &Arc<PlaylistStats>| one.has_ended.load(Ordering::Relaxed);
        if polled.is_none() && playlists.iter().any(has_ended) {
            return None;
        }
        let since_us = polled.or_else(|| self.advanced_us());
        let since_us = since_us.filter(|us| *us >= started_us);
        let is_over = self.0.load.is_over() || started_us == 0;
        (!is_over).then_some(since_us.unwrap_or(started_us))
    }

    /// For so long the media playlist that is furthest behind has not advanced, or has been asked for, in microseconds, without the
    /// time in which its host was left alone as it had asked; where none is known, since the stream was begun. `None`: as above.
    pub fn due_for_us(&self, now_us: i64) -> Option<i64> {
        let since_us = self.due_since_us()?;
        let playlists = self.playlists();
        let due = playlists
            .iter()
            .filter(|one| one.due_since_us() >= Some(since_us));
        let longest_us = due.filter_map(|one| one.due_for_us(now_us)).max();
        Some(longest_us.unwrap_or_else(|| now_us.saturating_sub(since_us).max(0)))
    }

    /// When hosts that it asks were left alone, as they had asked: for whatever of it they were asked.
    pub fn left_alone(&self) -> &LeftAlone {
        &self.0.left_alone
    }

    /// It is recorded, for the first time or once more.
    pub(crate) fn begin(&self, now_us: i64) {
        self.0.started_us.store(now_us, Ordering::Relaxed);
        self.0.load.begin();
    }

    /// It cannot be recorded as it was asked for.
    pub(crate) fn refuse(&self, why: String) {
        // The first reason stays.
        let _ = self.0.refused.set(why);
    }

    /// Why it was not recorded as it was asked for; `None`: it was.
    pub fn refused(&self) -> Option<&str> {
        self.0.refused.get().map(String::as_str)
    }

    /// It is no longer recorded.
    pub(crate) fn end(&self) {
        for playlist in self.playlists() {
            playlist.is_over.store(true, Ordering::Relaxed);
        }
        self.stop();
    }

    /// The recording stops: that says nothing of the stream.
    pub(crate) fn stop(&self) {
        self.0.load.end();
    }

    /// Whether it is no playlist.
    pub fn is_raw(&self) -> bool {
        let playlists = self.playlists();
        playlists
            .iter()
            .any(|one| one.is_raw.load(Ordering::Relaxed))
    }

    /// Gaps of playlists that are still recorded, and that are not over, are as long as until then.
    pub(super) fn gaps_last_until(&self, ended_us: i64) {
        let playlists = self.playlists();
        let recorded = playlists
            .iter()
            .filter(|one| !one.is_over.load(Ordering::Relaxed));
        recorded.for_each(|one| one.gaps.last_until(ended_us));
    }

    /// The stream is begun again: its playlists are counted once each.
    pub(crate) fn begins_again(&self) {
        for one in self.playlists() {
            one.is_before.store(true, Ordering::Relaxed);
        }
    }

    /// Sums over all playlists.
    pub fn totals(&self) -> Totals {
        let is_raw = self.is_raw();
        let gaps = GapTally {
            not_seen: self.0.missed.tally().never_listed,
            held_back: self.0.held_back.tally().never_listed,
            ..self.0.events.tally()
        };
        let none = GapTally::default();
        let (gaps, silences) = if is_raw { (none, gaps) } else { (gaps, none) };
        let start = Totals {
            worst_lag_us: self.0.worst_lag_us.load(Ordering::Relaxed),
            fault_us: self.0.fault_us.load(Ordering::Relaxed),
            gaps,
            silences,
            ..Totals::default()
        };
        let playlists = self.playlists();
        let is_before = |one: &Arc<PlaylistStats>| one.is_before.load(Ordering::Relaxed);
        let (before, now): (Vec<_>, Vec<_>) = playlists.iter().partition(|one| is_before(one));
        let mut labels: HashSet<&str> = before.iter().map(|one| one.label.as_str()).collect();
        now.iter().for_each(|one| {
            labels.remove(one.label.as_str());
        });
        let count = (now.len() + labels.len()) as u64;
        let start = Totals {
            playlists: if is_raw { 0 } else { count },
            raw_streams: if is_raw { count } else { 0 },
            ..start
        };
        playlists.iter().fold(start, |sum, one| Totals {
            polls: sum.polls + one.polls.load(Ordering::Relaxed),
            revisions: sum.revisions + one.revisions.load(Ordering::Relaxed),
            chunks: sum.chunks + one.chunks.load(Ordering::Relaxed),
            bytes: sum.bytes + one.bytes.load(Ordering::Relaxed),
            faults: sum.faults + one.faults.load(Ordering::Relaxed),
            ..sum
        })
    }

    /// Faults by kind of resource and by what happened: a status, or an outcome.
    pub fn faults(&self) -> BTreeMap<(Kind, String), u64> {
        self.0
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Exchanges whose answer the recorder did not keep, or not all of it, as [`Self::faults`]: they say nothing about
    /// the origin.
    pub fn not_kept(&self) -> BTreeMap<(Kind, String), u64> {
        self.0
            .not_kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts an exchange that was no good answer, or that the recorder did not keep; whether it is logged now.
    /// `what`: what happened, in a word or two.
    pub(crate) fn fault(&self, met: Met<'_>, what: &str, outcome: Outcome) -> bool {
        self.count_fault(met.kind, what.to_owned(), outcome);
        self.is_news(met, what)
    }

    /// Counts a fault, by what happened.
    pub(crate) fn count_fault(&self, kind: Kind, what: String, outcome: Outcome) {
        let counts = match outcome.is_recorders() {
            true => &self.0.not_kept,
            false => &self.0.faults,
        };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((kind, what)).or_default() += 1;
    }

    /// Counts a download that took too long and was no fault: it came, or the recorder stopped. `what`: it was slow, or had
    /// no answer for long.
    pub(crate) fn count_slow(&self, what: &'static str, took_us: i64) {
        let mut slow = self.0.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = slow.entry(what).or_default();
        tally.count += 1;
        tally.longest_us = tally.longest_us.max(took_us);
    }

    /// Downloads that took too long and were no faults, by what they were in a word.
    pub fn slow(&self) -> BTreeMap<&'static str, SlowTally> {
        self.0
            .slow
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What became of it as a channel.
    pub fn channel(&self) -> &Channel {
        &self.0.channel
    }

    /// When the last of its playlists that have ended had its `EXT-X-ENDLIST`, in microseconds of Unix time.
    pub(crate) fn ended_us(&self) -> Option<i64> {
        let playlists = self.playlists();
        let ended = playlists.iter().filter_map(|one| one.ended_us());
        ended.max()
    }

    /// How downloads come.
    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    /// When the download under way was asked for that has been so for longest, in microseconds of Unix time.
    pub fn oldest_download_us(&self) -> Option<i64> {
        self.0.pace.oldest_us()
    }

    /// The last fault was then, or nothing was answered for long.
    pub(crate) fn met(&self, at_us: i64) {
        self.0.fault_us.fetch_max(at_us, Ordering::Relaxed);
    }

    /// Whether something that may happen again and again is logged now.
    pub(crate) fn is_news(&self, met: Met<'_>, what: &str) -> bool {
        self.fold().is_news(met, what, clock::instant())
    }

    /// What the log has of gaps that are over.
    pub(crate) fn recoveries(&self) -> &Recoveries {
        &self.0.recoveries
    }

    /// What the log has of gaps that begin.
    pub(crate) fn standstills(&self) -> &Standstills {
        &self.0.standstills
    }

    /// Playlists that stand still, and of which that is to be told now; `now_us`: in microseconds of Unix time.
    pub(crate) fn standstill(&self, now: Instant, now_us: i64) -> Option<Standstill> {
        self.0.standstills.due(&self.playlists(), (now, now_us))
    }

    /// The log has said that a request has no answer, until this is dropped.
    pub(crate) fn unanswered(&self) -> Unanswered {
        self.0.recoveries.waits();
        Unanswered(self.clone())
    }

    /// The log has said that playlists stand still, or that they go on; what it had said before.
    pub(crate) fn says_still(&self, still: bool) -> bool {
        self.0.is_said_still.swap(still, Ordering::Relaxed)
    }

    /// What the log has of outages.
    pub(crate) fn outages(&self) -> &Outages {
        &self.0.outages
    }

    /// What there is to tell of outages; `now_us`: in microseconds of Unix time, `at_end`: of all of them.
    pub(crate) fn outages_due(&self, now_us: i64, at_end: bool) -> Due {
        let playlists = self.playlists();
        let is_over = |of: usize| {
            let one = playlists.get(of);
            one.is_none_or(|one| one.is_over())
        };
        let now = (clock::instant(), now_us);
        let due = self.0.outages.due(now, is_over, at_end);
        let ended = due.over.iter().chain(&due.untold);
        for over in ended.filter(|over| over.class == Class::Chunks) {
            for one in over.of.iter().filter_map(|of| playlists.get(*of)) {
                one.losing.is_good();
            }
        }
        due
    }

    /// What there is to tell of repeated faults; `at_end`: of all of them.
    pub(crate) fn folded(&self, at_end: bool) -> Vec<String> {
        let is_raw = self.is_raw();
        self.fold().lines(clock::instant(), at_end, is_raw)
    }

    /// What there is to tell now and then of playlists that stand still.
    /// `now_us`: in microseconds of Unix time.
    pub(crate) fn still(&self, now: Instant, now_us: i64) -> Option<String> {
        let playlists = self.playlists();
        // What fails, or has no answer, is told by itself.
        let is_polled =
            |one: &&Arc<PlaylistStats>| !one.is_over() && !self.0.standstills.is_explained(one);
        let polled = playlists.iter().filter(is_polled);
        let open: Vec<_> = polled
            .filter_map(|one| Some((now_us.saturating_sub(one.gaps.since_us()?), &one.label)))
            .collect();
        let mut told = self
            .0
            .still_told
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((most_us, label)) = open.iter().max() else {
            *told = None;
            return None;
        };
        let since = *told.get_or_insert(now);
        if now.saturating_duration_since(since) < fold::WINDOW {
            return None;
        }
        *told = Some(now);
        let most = *most_us as f64 / 1e6;
        Some(match open.len() {
            1 if self.is_raw() => format!("no byte for {most:.1} s"),
            1 => format!("{label:?}: no advance for {most:.1} s"),
            count => format!("{count} playlists: no advance for up to {most:.1} s"),
        })
    }

    fn fold(&self) -> MutexGuard<'_, Fold> {
        self.0.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, label: String) -> Arc<PlaylistStats> {
        let mut playlists = self
            .0
            .playlists
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = i64::try_from(playlists.len()).unwrap_or(i64::MAX);
        let one = Arc::new(PlaylistStats {
            label,
            number: playlists.len(),
            gaps: Gaps::new(
                [&self.0.events, &self.0.missed, &self.0.held_back].map(Arc::clone),
                number,
            ),
            ..PlaylistStats::default()
        });
        playlists.push(Arc::clone(&one));
        one
    }

    pub(crate) fn lag(&self, lag_us: i64) {
        self.0.worst_lag_us.fetch_max(lag_us, Ordering::Relaxed);
        self.0.lags.note(lag_us);
    }

    /// Lags of its polls; those of all streams that had its name.
    pub fn lags(&self) -> &Lags {
        &self.0.lags
    }

    /// What it has to do at the moment.
    pub fn load(&self) -> &Load {
        &self.0.load
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::stats::events::Skipped;
    use std::time::Duration;

    #[test]
    fn who_stands_still_is_told_of_again_in_sums_until_it_goes_on() {
        let (stats, begun) = (Stats::default(), clock::instant());
        let after = |seconds| begun + Duration::from_secs(seconds);
        let [one, two] = ["one", "two"].map(|label| stats.add(label.to_owned()));
        assert_eq!(stats.still(begun, 3_000_000), None);
        // No poll has told anything for long: it may hang.
        one.gaps.lasts((1, 3_000_000), true);
        assert_eq!(stats.still(begun, 3_000_000), None, "that was told");
        assert_eq!(stats.still(after(29), 32_000_001), None);
        let told = stats.still(after(30), 33_000_001);
        assert_eq!(told.as_deref(), Some("\"one\": no advance for 33.0 s"));
        two.gaps.lasts((60_000_000, 63_000_000), true);
        let told = stats.still(after(60), 63_500_001);
        let both = "2 playlists: no advance for up to 63.5 s";
        assert_eq!(told.as_deref(), Some(both));
        let skipped = Skipped {
            never_listed: 30,
            not_seen: 2,
            is_held_back: true,
        };
        one.gaps.ends((1, 64_000_001), skipped, false);
        two.gaps.over();
        assert_eq!(stats.still(after(90), 93_000_000), None);
        assert_eq!(
            stats.totals().gaps,
            GapTally {
                count: 1,
                length_us: 64_000_000,
                longest_us: 64_000_000,
                longest_from_us: 1,
                open: 0,
                never_listed: 30,
                not_seen: 2,
                held_back: 2,
                playlists: 2,
                last_us: 64_000_001,
            }
        );
        assert_eq!((one.gaps.count(), two.gaps.count()), (1, 1));
    }

    #[test]
    fn a_stream_that_never_advanced_is_due_since_it_was_begun() {
        let stats = Stats::default();
        assert_eq!(stats.due_since_us(), None);
        stats.begin(100);
        let playlist = stats.add("one".to_owned());
        assert_eq!(stats.due_since_us(), Some(100));
        playlist.advanced(170, 2_000_000);
        assert_eq!(stats.due_since_us(), Some(170));
        // Another one is asked for, and has never answered.
        let dead = stats.add("two".to_owned());
        dead.since_us.store(120, Ordering::Relaxed);
        assert_eq!(stats.due_since_us(), Some(120));
        dead.is_over.store(true, Ordering::Relaxed);
        assert_eq!(stats.due_since_us(), Some(170));
        playlist.has_ended.store(true, Ordering::Relaxed);
        assert_eq!(stats.due_since_us(), None, "nothing is due behind an end");
        playlist.has_ended.store(false, Ordering::Relaxed);
        assert_eq!(stats.due_since_us(), Some(170), "it was none");
        stats.end();
        assert_eq!(
            (stats.due_since_us(), playlist.due_since_us()),
            (None, None)
        );
        stats.begin(300);
        assert_eq!(stats.due_since_us(), Some(300), "it is back");
    }
}
