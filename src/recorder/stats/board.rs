//! What a recording has done so far, to be shown while it goes on: its streams, and how far it has come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use super::counters::Stats;
pub use super::playlist::PlaylistStats;
pub use super::totals::Totals;
use crate::clock::Clock;
use crate::session::{Kind, Notice, Pulse, Tally, Writer, WriterWatch};

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

    /// Session zero, in microseconds of Unix time; `None`: it has not begun.
    pub fn zero_us(&self) -> Option<i64> {
        self.0.begun.get().map(|begun| begun.zero_us)
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

    /// The same; what goes on has lasted until now.
    pub fn noticed_until_now(&self) -> BTreeMap<Notice, Tally> {
        let begun = self.0.begun.get();
        begun.map_or_else(BTreeMap::new, |begun| {
            begun.writer.tallies().until(begun.clock.now_us())
        })
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

    /// The recording has ended: gaps of which no end was seen are as long as that.
    pub(crate) fn gaps_last_until(&self, ended_us: i64) {
        for stream in self.streams() {
            stream.stats.gaps_last_until(ended_us);
        }
    }

    /// Faults by what was asked for, in a word, and by what happened: a status, or an outcome.
    pub fn faults(&self) -> BTreeMap<(&'static str, String), u64> {
        self.summed(Stats::faults)
    }

    /// What the recorder did not keep, as [`Stats::not_kept`].
    pub fn not_kept(&self) -> BTreeMap<(&'static str, String), u64> {
        self.summed(Stats::not_kept)
    }

    fn summed(
        &self,
        counts: fn(&Stats) -> BTreeMap<(Kind, String), u64>,
    ) -> BTreeMap<(&'static str, String), u64> {
        let mut sums = BTreeMap::new();
        for stream in self.streams() {
            let is_raw = stream.stats.is_raw();
            for ((kind, what), count) in counts(&stream.stats) {
                *sums.entry((kind.noun(is_raw), what)).or_default() += count;
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
            before.stats.begins_again();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_of_a_stream_that_is_begun_again_are_counted_once() {
        let board = Board::default();
        let add = |labels: &[&str]| {
            let stream = board.add("one".to_owned());
            for label in labels {
                stream.stats.add((*label).to_owned());
            }
        };
        add(&["one", "720p"]);
        assert_eq!(board.totals().playlists, 2);
        add(&["one", "1080p"]);
        assert_eq!(board.totals().playlists, 3);
    }
}
