//! Archives a session while it is being recorded, on a thread of its own: a tail that may be hours behind, and holds up nothing.
//!
//! Whatever is wrong with the store, the same volume is tried again for ever. Recorder and tail meet in the session only, and in what
//! `--keep` may not remove yet.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::archiver::{Archiver, Step};
use super::error::ArchiveError;
use crate::clock::{self, Clock};
use crate::session::{Held, Reader, SessionFolder, rfc3339, seconds};
use crate::store::{Kind, Purpose, Store, StoreUrl};
use crate::upkeep::bytes_since;

/// A volume is begun so long after its end: what comes until then need not be waited for.
const SETTLED_US: i64 = 3_000_000;
/// A request that may succeed a moment later is made once more before anything is told of it.
const TRIES: u32 = 2;
/// How often is looked whether there is a volume to make.
const LOOK: Duration = Duration::from_secs(1);
/// The first wait after a failure, and the longest: each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What the store asks for is granted up to so long.
const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// How often a trouble is told that goes on.
const TELL_EVERY: Duration = Duration::from_secs(300);
/// How often bytes behind are counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// Behind the end of a recording uploads go on for so long, and no further volume is begun.
const LONGEST_END: Duration = Duration::from_secs(120);
/// No request of a recorder goes unanswered for longer: what `--keep` may remove lies so far behind.
const LONGEST_US: i64 = 80_000_000;

/// What is archived where.
#[derive(Debug, Clone)]
pub struct TailOptions {
    /// The session.
    pub session: SessionFolder,
    /// The store.
    pub url: StoreUrl,
    /// How long a volume is, in microseconds.
    pub volume_us: i64,
    /// The session's clock.
    pub clock: Clock,
    /// What `--keep` may not remove yet.
    pub held: Held,
}

/// How far a tail is, as metrics tell it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct TailState(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Until when all streams are in the archive, in microseconds of Unix time; 0: nothing is yet.
    until_us: AtomicI64,
    bytes_behind: AtomicU64,
    volumes: AtomicU64,
    skipped: AtomicU64,
    failures: [AtomicU64; Kind::ALL.len()],
    failures_of_session: AtomicU64,
}

impl TailState {
    /// Until when all streams are in the archive, in microseconds of Unix time; `None`: nothing is yet.
    pub fn until_us(&self) -> Option<i64> {
        Some(self.0.until_us.load(Ordering::Relaxed)).filter(|us| *us != 0)
    }

    /// Bytes that were received since then, as they were counted last.
    pub fn bytes_behind(&self) -> u64 {
        self.0.bytes_behind.load(Ordering::Relaxed)
    }

    /// Volumes that were completed, and such that can never be made.
    pub fn volumes(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.0.volumes), of(&self.0.skipped))
    }

    /// Failures by their kinds, those of the session itself last.
    pub fn failures(&self) -> Vec<(&'static str, u64)> {
        let of_store = Kind::ALL.iter().zip(&self.0.failures);
        let of_store = of_store.map(|(kind, count)| (kind.as_str(), count));
        let all = of_store.chain([("session", &self.0.failures_of_session)]);
        all.map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
            .collect()
    }

    fn failed(&self, error: &ArchiveError) {
        let kind = match error {
            ArchiveError::Store(error) => Kind::ALL.iter().position(|kind| *kind == error.trouble),
            _ => None,
        };
        let count = kind.and_then(|at| self.0.failures.get(at));
        count
            .unwrap_or(&self.0.failures_of_session)
            .fetch_add(1, Ordering::Relaxed);
    }
}

/// What of a session is not in its archive at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Until when it is, in microseconds of Unix time; `None`: nothing is.
    pub until_us: Option<i64>,
    /// Bytes that are not.
    pub bytes: u64,
    /// All is there.
    pub is_nothing: bool,
}

enum Word {
    /// The recorder is about to close the session: nobody reads it meanwhile.
    Ending,
    /// It is closed.
    Over,
}

/// A tail that runs.
#[derive(Debug)]
pub struct Tail {
    words: Sender<Word>,
    left: oneshot::Receiver<Left>,
}

impl Tail {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(options: TailOptions, state: TailState) -> io::Result<Self> {
        let (words, heard) = channel();
        let (tell, left) = oneshot::channel();
        let runner = Runner {
            trouble: Trouble::default(),
            archiver: None,
            counted: None,
            options,
            state,
        };
        let thread = std::thread::Builder::new().name("archive".to_owned());
        thread.spawn(move || {
            // Who does not wait any more has given up.
            let _ = tell.send(runner.run(&heard));
        })?;
        Ok(Self { words, left })
    }

    /// The recorder is about to close the session.
    pub fn ending(&self) {
        // A tail that has ended needs no word.
        let _ = self.words.send(Word::Ending);
    }

    /// The session is closed: uploads what is left, and says what cannot be. `None`: the tail is gone.
    pub async fn finish(self) -> Option<Left> {
        let _ = self.words.send(Word::Over);
        self.left.await.ok()
    }
}

struct Runner {
    options: TailOptions,
    state: TailState,
    archiver: Option<Archiver>,
    trouble: Trouble,
    counted: Option<Instant>,
}

impl Runner {
    fn run(mut self, heard: &Receiver<Word>) -> Left {
        let mut pause = Duration::ZERO;
        loop {
            match heard.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => pause = self.turn(),
                Ok(Word::Ending) => {
                    // All there is to hear then is that it is over.
                    let _ = heard.recv();
                    return self.end();
                }
                Ok(Word::Over) | Err(RecvTimeoutError::Disconnected) => return self.end(),
            }
        }
    }

    /// One step while it is being recorded; how long the next may wait.
    fn turn(&mut self) -> Duration {
        let until_us = self.options.clock.now_us().saturating_sub(SETTLED_US);
        let stepped = self.step(Some(until_us));
        self.count(false);
        match stepped {
            Ok(Step::Idle) => LOOK,
            Ok(_) => Duration::ZERO,
            Err(wait) => wait,
        }
    }

    /// Archives the next volume, tells what is wrong, and how long to wait then.
    fn step(&mut self, until_us: Option<i64>) -> Result<Step, Duration> {
        let shown = self.options.url.to_string();
        let stepped = self.try_step(until_us);
        match &stepped {
            Ok(Step::Volume(_)) => _ = self.state.0.volumes.fetch_add(1, Ordering::Relaxed),
            Ok(Step::Skipped(told, why)) => {
                self.state.0.skipped.fetch_add(1, Ordering::Relaxed);
                let (from, to) = (rfc3339(told.from_us), rfc3339(told.to_us));
                tracing::error!(
                    "archive {shown}: {} {from} to {to} is left out: {why}",
                    told.stream
                );
            }
            Ok(Step::Idle | Step::Passed) | Err(_) => {}
        }
        match stepped {
            Ok(step) => {
                if step != Step::Idle {
                    self.trouble.is_over(&shown);
                }
                Ok(step)
            }
            Err(error) => {
                self.state.failed(&error);
                let behind = self.behind_us().map(seconds);
                Err(self.trouble.goes_on(&shown, &error, behind))
            }
        }
    }

    fn try_step(&mut self, until_us: Option<i64>) -> Result<Step, ArchiveError> {
        let archiver = match &mut self.archiver {
            Some(archiver) => archiver,
            none => {
                let options = &self.options;
                let store = Store::open(&options.url, Purpose::Write, TRIES)?;
                none.insert(Archiver::new(&options.session, store, options.volume_us)?)
            }
        };
        let stepped = archiver.step(until_us);
        if let Some(us) = archiver.until_us() {
            self.state.0.until_us.store(us, Ordering::Relaxed);
        }
        if let Some(us) = archiver.needs_from_us() {
            self.options
                .held
                .let_go_before(us.saturating_sub(LONGEST_US));
        }
        stepped
    }

    fn behind_us(&self) -> Option<i64> {
        let until_us = self.state.until_us()?;
        Some(self.options.clock.now_us().saturating_sub(until_us))
    }

    /// Counts what is behind, now and then.
    fn count(&mut self, now: bool) {
        let is_due = self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        if now || is_due {
            self.counted = Some(clock::instant());
            let since_us = self.state.until_us().unwrap_or(i64::MIN);
            if let Ok(bytes) = bytes_since(&self.options.session, since_us) {
                self.state.0.bytes_behind.store(bytes, Ordering::Relaxed);
            }
        }
    }

    /// Uploads what is left of a session that is closed, until something fails or it takes too long.
    fn end(mut self) -> Left {
        let begun = clock::instant();
        let mut is_nothing = false;
        while begun.elapsed() < LONGEST_END {
            match self.step(None) {
                Ok(Step::Idle) => {
                    is_nothing = true;
                    break;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.count(true);
        let has_rows = Reader::open(&self.options.session).is_ok();
        Left {
            until_us: self.state.until_us(),
            bytes: if is_nothing {
                0
            } else {
                self.state.bytes_behind()
            },
            is_nothing: is_nothing || !has_rows,
        }
    }
}

/// What is wrong with the store, told once and then in sums.
#[derive(Debug, Default)]
struct Trouble {
    since: Option<Instant>,
    told: Option<Instant>,
    failures: u64,
    untold: u64,
}

impl Trouble {
    /// It has failed once more; how long to wait.
    fn goes_on(&mut self, shown: &str, error: &ArchiveError, behind: Option<f64>) -> Duration {
        let now = clock::instant();
        self.since.get_or_insert(now);
        (self.failures, self.untold) = (
            self.failures.saturating_add(1),
            self.untold.saturating_add(1),
        );
        match self.told {
            None => {
                tracing::warn!(
                    "archive {shown}: {error}; it is tried again and again, and recording goes on"
                );
                (self.told, self.untold) = (Some(now), 0);
            }
            Some(told) if told.elapsed() >= TELL_EVERY => {
                let behind =
                    behind.map_or_else(String::new, |seconds| format!(", {seconds:.0} s behind"));
                tracing::warn!(
                    "archive {shown}: {} more failures, the last: {error}{behind}",
                    self.untold
                );
                (self.told, self.untold) = (Some(now), 0);
            }
            Some(_) => {}
        }
        let doublings = u32::try_from(self.failures.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(10);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let asked = match error {
            ArchiveError::Store(error) => error.retry_after.unwrap_or_default().min(MOST_PATIENCE),
            _ => Duration::ZERO,
        };
        wait.max(asked)
    }

    fn is_over(&mut self, shown: &str) {
        if let Some(since) = self.since {
            let lasted = since.elapsed().as_secs();
            tracing::info!(
                "archive {shown}: goes on after {lasted} s and {} failures",
                self.failures
            );
        }
        *self = Self::default();
    }
}
