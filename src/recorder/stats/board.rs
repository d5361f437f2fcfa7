//! What a recording has done so far, to be shown while it goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::fold::{self, Fold};
use super::gaps::{GapTally, Gaps};
use super::load::{Lags, Load};
use super::trouble::Trouble;
use crate::clock::{self, Clock};
use crate::session::{Kind, Notice, Outcome, Pulse, Tally, Writer, WriterWatch};

/// Counters of one playlist.
#[derive(Debug, Default)]
pub struct PlaylistStats {
    /// For people: what the multivariant playlist says of it, or its name.
    pub label: String,
    /// Polls made.
    pub polls: AtomicU64,
    /// Revisions recorded.
    pub revisions: AtomicU64,
    /// Since when it is asked for, in microseconds of Unix time; 0: it is not.
    pub since_us: AtomicI64,
    /// When it last advanced, in microseconds of Unix time; 0: never.
    pub advanced_us: AtomicI64,
    /// Its target duration in microseconds; 0: it has stated none.
    pub target_us: AtomicI64,
    /// It lists playlists, and never advances.
    pub is_multivariant: AtomicBool,
    /// Times in which it did not advance for too long.
    pub gaps: Gaps,
    /// It is not polled any more.
    pub is_over: AtomicBool,
    /// Chunks and keys recorded on its account.
    pub chunks: AtomicU64,
    /// Bytes of them.
    pub bytes: AtomicU64,
    /// Exchanges on its account that were no good answer of the origin.
    pub faults: AtomicU64,
    /// Its polls, or its raw stream, that fail at the moment.
    pub failing: Trouble,
    /// Its chunks and keys that have failed lately.
    pub losing: Trouble,
}

/// Counters of one stream.
#[derive(Debug)]
pub struct StreamStats {
    /// Its name in the session.
    pub name: String,
    /// Its counters.
    pub stats: Stats,
}

/// How far a recording has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stage {
    /// Not all streams of the start are in the session yet.
    #[default]
    Starting,
    /// They are.
    Begun,
    /// It winds down; what reads the session lets go of it now.
    Ending,
}

/// Counters of a recording: those of its streams; clones share them.
#[derive(Debug, Default, Clone)]
pub struct Board(Arc<BoardInner>);

#[derive(Debug, Default)]
struct BoardInner {
    streams: Mutex<Vec<Arc<StreamStats>>>,
    begun: OnceLock<Begun>,
    stage: watch::Sender<Stage>,
    supervised: Pulse,
}

/// A session that is being written.
#[derive(Debug)]
struct Begun {
    clock: Clock,
    /// Session zero, in microseconds of Unix time.
    zero_us: i64,
    writer: WriterWatch,
}

impl Board {
    /// What time it is in the session, in microseconds; `None`: it has not begun.
    pub fn session_us(&self) -> Option<i64> {
        let Begun { clock, zero_us, .. } = self.0.begun.get()?;
        Some(clock.now_us().saturating_sub(*zero_us))
    }

    /// The clock of the session; `None`: it has not begun.
    pub fn clock(&self) -> Option<Clock> {
        self.0.begun.get().map(|begun| begun.clock)
    }

    /// The writer of the session; `None`: it has not begun.
    pub fn writer(&self) -> Option<&WriterWatch> {
        self.0.begun.get().map(|begun| &begun.writer)
    }

    /// What the recorder has noticed about itself and its machine in this run.
    pub fn noticed(&self) -> BTreeMap<Notice, Tally> {
        let writer = self.writer();
        writer.map_or_else(BTreeMap::new, |writer| writer.tallies().all())
    }

    /// For how long nothing was heard of the loop that supervises the streams, and of the writer.
    pub fn silences(&self) -> [Duration; 2] {
        let writer = self.writer().map_or(Duration::ZERO, WriterWatch::silence);
        [self.0.supervised.silence(), writer]
    }

    /// The streams are being supervised.
    pub(crate) fn beat(&self) {
        self.0.supervised.beat();
    }

    /// The session begins.
    pub(crate) fn begin(&self, writer: &Writer) {
        self.0.begun.get_or_init(|| Begun {
            clock: writer.clock(),
            zero_us: writer.zero_us(),
            writer: writer.watch(),
        });
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.0.stage.send_replace(stage);
    }

    /// Waits until the recording has come as far as `stage`, or further; how far it has come then.
    pub async fn reached(&self, stage: Stage) -> Stage {
        let mut stages = self.0.stage.subscribe();
        // The sender lives as long as this board.
        let reached = stages.wait_for(|now| *now >= stage).await;
        reached.map_or(Stage::Ending, |now| *now)
    }

    /// The streams, in the order in which they were begun.
    pub fn streams(&self) -> Vec<Arc<StreamStats>> {
        self.0
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sums over all streams.
    pub fn totals(&self) -> Totals {
        let streams = self.streams();
        let sums = streams.iter().map(|stream| stream.stats.totals());
        sums.fold(Totals::default(), Totals::and)
    }

    /// Faults by kind of resource and by what happened: a status, or an outcome.
    pub fn faults(&self) -> BTreeMap<(Kind, String), u64> {
        let mut sums = BTreeMap::new();
        for stream in self.streams() {
            for (what, count) in stream.stats.faults() {
                *sums.entry(what).or_default() += count;
            }
        }
        sums
    }

    /// What the recorder did not keep, as [`Stats::not_kept`].
    pub fn not_kept(&self) -> BTreeMap<(Kind, String), u64> {
        let mut sums = BTreeMap::new();
        for stream in self.streams() {
            for (what, count) in stream.stats.not_kept() {
                *sums.entry(what).or_default() += count;
            }
        }
        sums
    }

    pub(crate) fn add(&self, name: String) -> Arc<StreamStats> {
        let mut streams = self
            .0
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // One that was taken out and is back.
        if let Some(before) = streams.iter().find(|stream| stream.name == name) {
            return Arc::clone(before);
        }
        let one = Arc::new(StreamStats {
            name,
            stats: Stats::default(),
        });
        streams.push(Arc::clone(&one));
        one
    }
}

/// Sums over all playlists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Playlists.
    pub playlists: u64,
    /// Polls made.
    pub polls: u64,
    /// Revisions recorded.
    pub revisions: u64,
    /// Chunks and keys recorded.
    pub chunks: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Exchanges that were no good answer of the origin.
    pub faults: u64,
    /// Gaps of all playlists.
    pub gaps: GapTally,
    /// The recorder's own greatest lateness with a poll, in microseconds.
    pub worst_lag_us: i64,
}

impl Totals {
    /// Of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            playlists: self.playlists + other.playlists,
            polls: self.polls + other.polls,
            revisions: self.revisions + other.revisions,
            chunks: self.chunks + other.chunks,
            bytes: self.bytes + other.bytes,
            faults: self.faults + other.faults,
            gaps: self.gaps.and(other.gaps),
            worst_lag_us: self.worst_lag_us.max(other.worst_lag_us),
        }
    }
}

/// Counters of a stream; clones share them.
#[derive(Debug, Default, Clone)]
pub struct Stats(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    playlists: Mutex<Vec<Arc<PlaylistStats>>>,
    faults: Mutex<BTreeMap<(Kind, String), u64>>,
    not_kept: Mutex<BTreeMap<(Kind, String), u64>>,
    fold: Mutex<Fold>,
    /// When playlists that stand still were told of last.
    still_told: Mutex<Option<Instant>>,
    /// Since when it is recorded, in microseconds of Unix time; 0: it is not yet.
    started_us: AtomicI64,
    worst_lag_us: AtomicI64,
    lags: Lags,
    load: Load,
}

impl PlaylistStats {
    pub(crate) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Counts an exchange that was no good answer, unless that is the recorder's own doing.
    pub(crate) fn fault(&self, outcome: Outcome) {
        if !outcome.is_recorders() {
            Self::count(&self.faults, 1);
        }
    }

    pub(crate) fn advanced(&self, at_us: i64, target_us: i64) {
        self.advanced_us.store(at_us, Ordering::Relaxed);
        self.target_us.store(target_us, Ordering::Relaxed);
    }

    /// When it last advanced, or since when it is asked for; `None`: no advance is to be expected of it.
    pub fn due_since_us(&self) -> Option<i64> {
        let is_none =
            self.is_over.load(Ordering::Relaxed) || self.is_multivariant.load(Ordering::Relaxed);
        let moments = [&self.advanced_us, &self.since_us].map(|one| one.load(Ordering::Relaxed));
        moments.into_iter().find(|us| *us > 0 && !is_none)
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

    /// When its media playlist that is furthest behind advanced; where none ever did, when it was begun. Microseconds of
    /// Unix time; `None`: it is not recorded.
    pub fn due_since_us(&self) -> Option<i64> {
        let started_us = self.0.started_us.load(Ordering::Relaxed);
        let since_us = self.advanced_us().filter(|us| *us >= started_us);
        let is_over = self.0.load.is_over() || started_us == 0;
        (!is_over).then_some(since_us.unwrap_or(started_us))
    }

    /// It is recorded, for the first time or once more.
    pub(crate) fn begin(&self, now_us: i64) {
        self.0.started_us.store(now_us, Ordering::Relaxed);
        self.0.load.begin();
    }

    /// It is no longer recorded.
    pub(crate) fn end(&self) {
        for playlist in self.playlists() {
            playlist.is_over.store(true, Ordering::Relaxed);
        }
        self.0.load.end();
    }

    /// Sums over all playlists.
    pub fn totals(&self) -> Totals {
        let start = Totals {
            worst_lag_us: self.0.worst_lag_us.load(Ordering::Relaxed),
            ..Totals::default()
        };
        self.playlists().iter().fold(start, |sum, one| Totals {
            playlists: sum.playlists + 1,
            polls: sum.polls + one.polls.load(Ordering::Relaxed),
            revisions: sum.revisions + one.revisions.load(Ordering::Relaxed),
            chunks: sum.chunks + one.chunks.load(Ordering::Relaxed),
            bytes: sum.bytes + one.bytes.load(Ordering::Relaxed),
            faults: sum.faults + one.faults.load(Ordering::Relaxed),
            gaps: sum.gaps.and(one.gaps.tally()),
            worst_lag_us: sum.worst_lag_us,
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
    pub(crate) fn fault(&self, kind: Kind, status: Option<u16>, outcome: Outcome) -> bool {
        let what = match (status, outcome) {
            // A raw stream that ended in good order.
            (Some(..400), Outcome::Complete) => "ended".to_owned(),
            (Some(status), Outcome::Complete) => status.to_string(),
            _ => outcome.to_string(),
        };
        let is_news = self.is_news(kind, &what);
        let counts = match outcome.is_recorders() {
            true => &self.0.not_kept,
            false => &self.0.faults,
        };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((kind, what)).or_default() += 1;
        is_news
    }

    /// Whether something that may happen again and again is logged now.
    pub(crate) fn is_news(&self, kind: Kind, what: &str) -> bool {
        self.fold().is_news(kind, what, clock::instant())
    }

    /// What there is to tell of repeated faults; `at_end`: of all of them.
    pub(crate) fn folded(&self, at_end: bool) -> Vec<String> {
        self.fold().lines(clock::instant(), at_end)
    }

    /// What there is to tell now and then of playlists that stand still.
    pub(crate) fn still(&self, now: Instant) -> Option<String> {
        let playlists = self.playlists();
        let polled = playlists
            .iter()
            .filter(|one| !one.is_over.load(Ordering::Relaxed));
        let open: Vec<_> = polled
            .filter_map(|one| Some((one.gaps.open_us()?, &one.label)))
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
            1 => format!("{label:?}: no advance for {most:.1} s"),
            count => format!("{count} playlists: no advance for up to {most:.1} s"),
        })
    }

    fn fold(&self) -> MutexGuard<'_, Fold> {
        self.0.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, label: String) -> Arc<PlaylistStats> {
        let one = Arc::new(PlaylistStats {
            label,
            ..PlaylistStats::default()
        });
        self.0
            .playlists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&one));
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

    #[test]
    fn who_stands_still_is_told_of_again_in_sums_until_it_goes_on() {
        let (stats, begun) = (Stats::default(), clock::instant());
        let after = |seconds| begun + Duration::from_secs(seconds);
        let [one, two] = ["one", "two"].map(|label| stats.add(label.to_owned()));
        assert_eq!(stats.still(begun), None);
        one.gaps.lasts(3_000_000, true);
        assert_eq!(stats.still(begun), None, "that was told");
        one.gaps.lasts(33_000_000, false);
        assert_eq!(stats.still(after(29)), None);
        let told = stats.still(after(30));
        assert_eq!(told.as_deref(), Some("\"one\": no advance for 33.0 s"));
        two.gaps.lasts(4_000_000, true);
        one.gaps.lasts(63_500_000, false);
        let told = stats.still(after(60));
        let both = "2 playlists: no advance for up to 63.5 s";
        assert_eq!(told.as_deref(), Some(both));
        one.gaps.ends(64_000_000, 30, false);
        two.gaps.over();
        assert_eq!(stats.still(after(90)), None);
        assert_eq!(
            stats.totals().gaps,
            GapTally {
                count: 2,
                length_us: 68_000_000,
                longest_us: 64_000_000,
                never_listed: 30,
            }
        );
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
        stats.end();
        assert_eq!(
            (stats.due_since_us(), playlist.due_since_us()),
            (None, None)
        );
        stats.begin(300);
        assert_eq!(stats.due_since_us(), Some(300), "it is back");
    }
}
