//! Archives a session while it is being recorded, on a thread of its own: a tail that may be hours behind, and holds up nothing.
//!
//! Whatever is wrong with the store, the same volume is tried again for ever. Recorder and tail meet in the session only, and in what
//! `--keep` may not remove yet.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::archiver::{Archiver, Step};
use super::error::ArchiveError;
use super::state::TailState;
use super::trouble::{Beside, Dropped, Trouble};
use crate::clock::{self, Clock};
use crate::session::{Held, SessionFolder, rfc3339, seconds};
use crate::store::{Deadline, Error as StoreError, Purpose, Store, StoreUrl, Tries};
use crate::upkeep::bytes_since;

/// A volume is begun so long after its end: what comes until then need not be waited for.
const SETTLED_US: i64 = 3_000_000;
/// A request that may succeed a moment later is made once more before anything is told of it.
const TRIES: Tries = Tries {
    count: 2,
    patience: Duration::from_secs(5),
};
/// How often is looked whether there is a volume to make.
const LOOK: Duration = Duration::from_secs(1);
/// How often bytes behind are counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// A disk, or a folder, that does not answer then either is not waited for.
const LONGEST_LEAVE: Duration = Duration::from_secs(5);
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
    /// Something is removed by `--keep` at all.
    pub keeps_some: bool,
    /// Behind the end of a recording uploads go on for so long.
    pub longest_end: Duration,
}

/// What of a session is not in its archive at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Until when all streams are, in microseconds of Unix time; `None`: of one nothing is.
    pub until_us: Option<i64>,
    /// Bytes that were received since then: no more are not there.
    pub bytes: u64,
    /// All is there that can be.
    pub is_nothing: bool,
    /// Something was recorded that never will be: its volume could not be made, or `--keep` had removed it.
    pub lacks: bool,
    /// Some of it is there, or nothing of it was to be.
    pub has_some: bool,
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
    deadline: Deadline,
    longest_end: Duration,
}

impl Tail {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no thread for it: nothing is held then.
    pub fn start(options: TailOptions, state: TailState) -> io::Result<Self> {
        let url = options.url.clone();
        Self::into(options, state, move || {
            Store::open(&url, Purpose::Write, TRIES)
        })
    }

    fn into(
        options: TailOptions,
        state: TailState,
        open: impl Fn() -> Result<Store, StoreError> + Send + 'static,
    ) -> io::Result<Self> {
        let longest_end = options.longest_end;
        let (words, heard) = channel();
        let (tell, left) = oneshot::channel();
        let deadline = Deadline::default();
        let gone = Gone(options.held.clone());
        let runner = Runner {
            open: Box::new(open),
            trouble: Trouble::default(),
            archiver: None,
            counted: None,
            dropped: Dropped::default(),
            deadline: deadline.clone(),
            options,
            state,
        };
        let thread = std::thread::Builder::new().name("archive".to_owned());
        thread.spawn(move || {
            // Of this thread: it goes before others hear that the tail is gone, also where that panics.
            let gone = gone;
            let left = runner.run(&heard);
            drop(gone);
            // Who does not wait any more has given up.
            let _ = tell.send(left);
        })?;
        Ok(Self {
            words,
            left,
            deadline,
            longest_end,
        })
    }

    /// The recorder is about to close the session.
    pub fn ending(&self) {
        self.deadline.set(clock::instant() + self.longest_end);
        // A tail that has ended needs no word.
        let _ = self.words.send(Word::Ending);
    }

    /// The session is closed: uploads what is left, and says what cannot be. `None`: the tail is gone, or does not answer.
    pub async fn finish(self) -> Option<Left> {
        let latest = clock::instant() + self.longest_end;
        self.deadline.set(latest);
        let _ = self.words.send(Word::Over);
        let left = timeout_at(latest + LONGEST_LEAVE, self.left).await;
        left.ok()?.ok()
    }
}

/// Held by the thread of a tail: whatever ends that, nothing is held for it any more.
struct Gone(Held);

impl Drop for Gone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                "uploads have stopped by a fault of the recorder itself; --keep holds nothing back for them any more, and \
                 `issession archive` uploads what is left"
            );
        }
        self.0.let_go();
    }
}

struct Runner {
    open: Box<dyn Fn() -> Result<Store, StoreError> + Send>,
    options: TailOptions,
    state: TailState,
    archiver: Option<Archiver>,
    trouble: Trouble,
    dropped: Dropped,
    counted: Option<Instant>,
    deadline: Deadline,
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
        self.look_at_dropped();
        self.count(false);
        match stepped {
            Ok(Step::Idle) => LOOK,
            Ok(_) => Duration::ZERO,
            Err(failed) => failed.wait,
        }
    }

    /// Archives the next volume, tells what is wrong, and how long to wait then.
    fn step(&mut self, until_us: Option<i64>) -> Result<Step, Failed> {
        let shown = self.options.url.to_string();
        let stepped = self.try_step(until_us);
        match &stepped {
            Ok(Step::Volume(_)) => self.state.completed(),
            Ok(Step::Skipped(told, why)) => {
                self.state.skipped();
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
                // One stream of several may fail, and the others go on.
                if step != Step::Idle && self.failing().0 == 0 {
                    self.trouble.is_over(&shown);
                }
                Ok(step)
            }
            Err(error) => {
                self.state.failed(&error);
                let beside = Beside {
                    failing: self.failing(),
                    behind: self.behind_us().map(seconds),
                    keeps_some: self.options.keeps_some,
                    ends: until_us.is_none() || self.deadline.is_over(),
                };
                Err(Failed {
                    wait: self.trouble.goes_on(&shown, &error, &beside),
                    is_of_one_volume: error.is_of_one_volume(),
                })
            }
        }
    }

    fn failing(&self) -> (usize, usize) {
        self.archiver.as_ref().map_or((0, 0), Archiver::failing)
    }

    /// Tells what `--keep` removed before it was archived.
    fn look_at_dropped(&mut self) {
        let Some(us) = self.options.held.dropped_until_us() else {
            return;
        };
        let until_us = self.archiver.as_ref().and_then(Archiver::until_us);
        if until_us.is_none_or(|until_us| us > until_us) {
            self.archiver.iter_mut().for_each(Archiver::note_lack);
            self.dropped.goes_on(&self.options.url.to_string(), us);
        }
    }

    fn try_step(&mut self, until_us: Option<i64>) -> Result<Step, ArchiveError> {
        let archiver = match &mut self.archiver {
            Some(archiver) => archiver,
            none => {
                let options = &self.options;
                let store = (self.open)()?.until(self.deadline.clone());
                none.insert(Archiver::new(&options.session, store, options.volume_us)?)
            }
        };
        let stepped = archiver.step(until_us);
        if let Some(us) = archiver.until_us() {
            self.state.reached(us);
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
                self.state.counted_behind(bytes);
            }
        }
    }

    /// Uploads what is left of a session that is closed, until something fails or it takes too long.
    fn end(mut self) -> Left {
        let mut is_nothing = false;
        let mut passed_over = 0;
        while !self.deadline.is_over() {
            match self.step(None) {
                Ok(Step::Idle) => {
                    is_nothing = true;
                    break;
                }
                Ok(_) => {}
                // It stands behind those of other streams from now on.
                Err(failed) if failed.is_of_one_volume && passed_over < self.failing().1 => {
                    passed_over += 1;
                }
                Err(_) => break,
            }
        }
        self.look_at_dropped();
        self.count(true);
        let archiver = self.archiver.as_ref();
        Left {
            until_us: self.state.until_us(),
            bytes: if is_nothing {
                0
            } else {
                self.state.bytes_behind()
            },
            is_nothing,
            lacks: archiver.is_some_and(Archiver::lacks),
            has_some: archiver.is_some_and(Archiver::has_begun),
        }
    }
}

/// A step that failed.
struct Failed {
    /// So long the next one waits.
    wait: Duration,
    is_of_one_volume: bool,
}

#[cfg(test)]
mod tests;
