//! The writer's thread: takes messages, commits them in batches, closes the run.

use super::commit_error::CommitError;
use super::message::Haste;
use super::message::Message;
use super::message::haste;
use super::message::take_finish;
use super::message::write;
use super::pulse::Pulse;
use super::queue::Queued;
use crate::clock;
use crate::clock::Clock;
use crate::session::database::guarded::Steps;
use crate::session::error::WriterError;
use crate::session::files::folder::SessionFolder;
use crate::session::id::ExchangeId;
use crate::session::write::disk::full as disk;
use crate::session::write::disk::full::Disk;
use crate::session::write::disk::wal;
use crate::session::write::disk::wal::WalWatch;
use crate::session::write::keep::Keeper;
use crate::session::write::run::adopt;
use crate::session::write::spans::Spans;
use crate::session::write::store::Store;
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::timeout_at;

pub(crate) struct Thread {
    pub(crate) store: Store,
    pub(crate) folder: SessionFolder,
    pub(crate) clock: Clock,
    /// Row of `run`.
    pub(crate) run_id: i64,
    pub(crate) messages: mpsc::Receiver<Queued>,
    /// What the batch takes of the shares of streams.
    pub(crate) taken: Vec<OwnedSemaphorePermit>,
    pub(crate) closing: Closing,
    /// That of the session: let go when nothing more is written.
    pub(crate) lock: File,
    pub(crate) keeper: Option<Keeper>,
    /// Parts that came again in their parents.
    pub(crate) spans: Spans,
    /// When the last commit was.
    pub(crate) committed: Instant,
    pub(crate) pulse: Pulse,
    pub(crate) disk: Disk,
    pub(crate) wal: WalWatch,
    /// As of the run that began (`begin.rs`).
    pub(crate) is_covered: bool,
    /// Parts of a killed run whose rows are not there yet.
    pub(crate) left: BTreeSet<ExchangeId>,
    /// What a damaged database would need without end is ended.
    pub(crate) steps: Steps,
}

impl Thread {
    pub(crate) async fn run(mut self) -> Result<(), WriterError> {
        loop {
            let mut batch = Vec::new();
            let more = self.fill(&mut batch).await;
            let finish = take_finish(&mut batch);
            self.steps.renew();
            self.begin_to_keep(&mut batch)?;
            let is_due = clock::instant().duration_since(self.committed) >= SEEN_EVERY;
            if !batch.is_empty() || finish.is_some() || is_due {
                self.commit_patiently(&mut batch).await?;
            }
            drop(batch);
            self.taken.clear();
            // What is left then is removed by the next run.
            if self.closing.get().is_none() {
                self.make_room(true)?;
            }
            self.look_at_spans(false)?;
            let now_us = self.clock.now_us();
            self.disk.look(&self.store, now_us);
            self.wal.look(&self.store, now_us);
            if let Some((ended, reply)) = finish {
                let _ = reply.send(self.close(&ended).await);
                return Ok(());
            }
            if !more {
                return self.close("failed").await.map(|_| ());
            }
        }
    }

    /// Waits for messages; `false`: no more can come.
    pub(crate) async fn fill(&mut self, batch: &mut Vec<Message>) -> bool {
        let until_seen = SEEN_EVERY.saturating_sub(clock::instant().duration_since(self.committed));
        let patience = match &self.keeper {
            _ if self.disk.is_full() => disk::LOOK_EVERY,
            _ if self.wal.is_held_up() => wal::LOOK_EVERY,
            Some(keeper) => keeper.wait().min(until_seen),
            None => until_seen,
        };
        match tokio::time::timeout(patience, self.messages.recv()).await {
            Err(_) => return true,
            Ok(None) => return false,
            Ok(Some(first)) => self.take(first, batch),
        }
        let last = clock::instant() + COMMIT_EVERY;
        let mut deadline = last;
        while batch.len() < COMMIT_ROWS && self.taken_kib() < COMMIT_KIB {
            deadline = deadline.min(match batch.last().map_or(Haste::None, haste) {
                Haste::None => last,
                Haste::Some => self.committed + COMMIT_APART,
                Haste::Most => self.committed,
            });
            let next = match deadline > clock::instant() {
                true => timeout_at(deadline, self.messages.recv()).await.ok(),
                false => self.messages.try_recv().ok().map(Some),
            };
            match next.flatten() {
                Some(message) => self.take(message, batch),
                None => break,
            }
        }
        true
    }

    pub(crate) fn take(&mut self, queued: Queued, batch: &mut Vec<Message>) {
        let mut message = queued.message;
        #[cfg(test)]
        panic_where_asked(&message);
        if let (Message::Listed(listing), true) = (&mut message, self.closing.get().is_some()) {
            // A session that was stopped waits for nothing.
            listing.pending = Vec::new();
            listing.gone = Vec::new();
        }
        batch.push(message);
        self.taken.extend(queued.share);
    }

    pub(crate) fn taken_kib(&self) -> usize {
        self.taken.iter().map(|permit| permit.num_permits()).sum()
    }

    /// A full disk is waited for, and so are descriptors; anything else is the end.
    pub(crate) async fn commit_patiently(
        &mut self,
        batch: &mut [Message],
    ) -> Result<(), WriterError> {
        let (mut said, mut is_folded) = (false, false);
        loop {
            let error = match self.commit(batch) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(source) = self.is_of_size(&error) {
                // The log can be used again where it is folded in.
                if !std::mem::replace(&mut is_folded, true) && self.fold() {
                    continue;
                }
                self.disk.end_without_row();
                return Err(source);
            }
            let is_full = error.is_full_disk(&self.disk);
            if is_full && self.disk.gives_up_reserve() {
                continue;
            }
            let may_pass = is_full || error.lacks_descriptors();
            if !may_pass || self.has_waited_enough() {
                return Err(match error {
                    CommitError::Database(source) => self.database_error(source),
                    CommitError::Io(error) => error.into(),
                });
            }
            if !is_full && !said {
                tracing::error!("too many open files; waiting for one to be closed");
                said = true;
            }
            self.disk.tell(false);
            tokio::time::sleep(RETRY_EVERY).await;
            // Chunks of the batch are in place, and have no rows yet.
            self.make_room(false)?;
        }
    }

    /// What is to be said where a file of the database may not grow.
    fn is_of_size(&self, error: &CommitError) -> Option<WriterError> {
        let CommitError::Database(source) = error else {
            return None;
        };
        let path = self.folder.database();
        let is_it = self.disk.is_of_size(source, &path);
        is_it.then_some(WriterError::TooLarge(path))
    }

    /// Brings the write-ahead log into the database, so that it begins anew; whether it could.
    fn fold(&self) -> bool {
        let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_held: rusqlite::Result<bool> = self.store.db.query_row(fold, [], |row| row.get(0));
        is_held.is_ok_and(|is_held| !is_held)
    }

    pub(crate) fn begin_to_keep(&mut self, batch: &mut Vec<Message>) -> Result<(), WriterError> {
        let keep = |message: &mut Message| matches!(message, Message::Keep(_));
        for message in batch.extract_if(.., keep) {
            if let Message::Keep(keep) = message {
                let keeper = Keeper::new(keep, &self.store);
                self.keeper = Some(keeper.map_err(|e| self.database_error(e))?);
            }
        }
        Ok(())
    }

    pub(crate) fn make_room(&mut self, orphans: bool) -> Result<(), WriterError> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(());
        };
        let made = keeper.make_room(&mut self.store, self.clock.now_us(), orphans, &self.disk);
        made.map_err(|e| self.database_error(e))
    }

    /// Files are removed first: all that are in place have been committed. `all`: as the run ends.
    pub(crate) fn look_at_spans(&mut self, all: bool) -> Result<(), WriterError> {
        let removed = self.spans.remove(&self.store, all);
        let looked = removed.and_then(|()| self.spans.look(&self.store, all));
        looked.map_err(|e| self.database_error(e))
    }

    pub(crate) fn has_waited_enough(&self) -> bool {
        let since = self.closing.get();
        since.is_some_and(|since| clock::instant().duration_since(*since) > FULL_PATIENCE)
    }

    /// Steps 3 to 6 for a batch. Who waits is told only after the commit.
    pub(crate) fn commit(&mut self, batch: &mut [Message]) -> Result<(), CommitError> {
        let done = self.try_commit(batch);
        self.pulse.beat();
        if done.is_err() {
            // It fails where SQLite has rolled back by itself already.
            let _ = self.store.db.execute_batch("ROLLBACK");
            self.store.forget();
        }
        done
    }

    pub(crate) fn try_commit(&mut self, batch: &mut [Message]) -> Result<(), CommitError> {
        let now_us = self.clock.now_us();
        self.store.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut told = Vec::new();
        for (at, message) in batch.iter_mut().enumerate() {
            if let Some(one) = write(&mut self.store, message)? {
                told.push((at, one));
            }
        }
        self.spans.write(&self.store.db)?;
        self.store
            .db
            .prepare_cached("UPDATE run SET seen_us = ?1 WHERE id = ?2")?
            .execute([now_us, self.run_id])?;
        self.store.chunks.sync(&self.store.changed)?;
        self.store.changed.clear();
        self.store.db.execute_batch("COMMIT")?;
        self.committed = clock::instant();
        self.spans.written();
        self.note_committed(batch);
        for (at, one) in told {
            if let Some(message) = batch.get_mut(at) {
                message.tell(one);
            }
        }
        Ok(())
    }

    /// What a killed run left of parts is needed no more: their rows are there. Segments may have parts.
    pub(crate) fn note_committed(&mut self, batch: &[Message]) {
        for message in batch {
            match message {
                Message::Exchange(part) if self.left.remove(&part.id) => {
                    adopt::remove_original(&self.store.chunks, part);
                }
                Message::Exchange(new) => self.spans.note(new),
                _ => {}
            }
        }
    }

    pub(crate) fn database_error(&self, source: rusqlite::Error) -> WriterError {
        WriterError::Database {
            path: self.folder.database().display().to_string(),
            source,
        }
    }
}

/// Rows wait for company at most this long.
pub(crate) const COMMIT_EVERY: Duration = Duration::from_millis(250);

/// Chunks and revisions wait for each other at most this long, and only where the last commit is no
/// older: each commit costs a sync, and most of its pages are those of the one before.
pub(crate) const COMMIT_APART: Duration = Duration::from_millis(100);

/// Or until there are so many.
pub(crate) const COMMIT_ROWS: usize = 512;

/// `run.seen_us` is hardly older than this while the recorder lives, also where nothing else is written since all requests
/// hang: after a kill, what is later counts as time in which it did not run.
pub(crate) const SEEN_EVERY: Duration = Duration::from_secs(2);

/// A commit has so much of what waited at most, as [`queue`] counts it, so that it does not take seconds.
pub(crate) const COMMIT_KIB: usize = 4096;

/// A full disk is tried again this often.
pub(crate) const RETRY_EVERY: Duration = Duration::from_secs(1);

/// A full disk is waited for no longer than this once the recorder is stopping.
pub(crate) const FULL_PATIENCE: Duration = Duration::from_secs(5);

/// Since when the recorder is stopping.
pub(crate) type Closing = Arc<OnceLock<Instant>>;

/// A test lets the writer panic: it adds a stream with this name.
#[cfg(test)]
fn panic_where_asked(message: &Message) {
    let is_asked = matches!(message, Message::Stream(name, ..) if name == "the writer panics");
    assert!(!is_asked, "a panic that a test asked for");
}
