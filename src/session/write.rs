//! The writer: one thread, the only connection that writes, group commits.
//!
//! Others send it messages over a channel, and what each stream has in it is bounded in bytes, so that a slow disk
//! slows the senders and never fills the memory, and a stream that sends much waits and no other does. Nothing
//! counts as recorded before the commit.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use self::commit_error::CommitError;
use self::message::{Haste, Message, haste, take_finish, write};
pub(super) use self::queue::Queued;
use self::queue::{Pieces, Share};
use super::adopt;
use super::begin::{self, Begun};
use super::chunk_dir::ChunkDir;
use super::date_ranges::DateRange;
use super::disk::{self, Disk};
use super::folder::SessionFolder;
use super::guarded::Steps;
use super::keep::{Keep, Keeper};
use super::model::{ExchangeId, NewExchange, NewListing};
use super::notices::Tallies;
use super::pulse::{Pulse, WriterWatch};
use super::read::{self, ReadError};
use super::room::Room;
use super::store::Store;
use super::wal::{self, WalWatch};
use crate::clock::{self, Clock};
use crate::hls::Correction;

mod close;
mod commit_error;
mod message;
mod noticed;
mod queue;

/// Rows wait for company at most this long.
const COMMIT_EVERY: Duration = Duration::from_millis(250);
/// Chunks and revisions wait for each other at most this long, and only where the last commit is no
/// older: each commit costs a sync, and most of its pages are those of the one before.
const COMMIT_APART: Duration = Duration::from_millis(100);
/// Or until there are so many.
const COMMIT_ROWS: usize = 512;
/// `run.seen_us` is never older than this while the recorder lives.
const SEEN_EVERY: Duration = Duration::from_secs(10);
/// Messages that may wait for the writer: more than the shares of most recordings.
const QUEUE: usize = 65_536;
/// A commit has so much of what waited at most, as [`queue`] counts it, so that it does not take seconds.
const COMMIT_KIB: usize = 4096;
/// Nothing more of a list is taken when the recorder has been stopping for so long.
const LISTING_PATIENCE: Duration = Duration::from_secs(1);
/// A full disk is tried again this often.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A full disk is waited for no longer than this once the recorder is stopping.
const FULL_PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing more can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The database refused.
    #[error("{path}: {source}{}", read::what_to_do(source))]
    Database {
        /// The database.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Another recorder is at it.
    #[error("{path} is being recorded by another isrecorder", path = .0.display())]
    Busy(PathBuf),
    /// Another program is in the middle of reading or changing it.
    #[error("{by} has {path} open and locked, nothing was touched: end that program, then try again", path = .path.display())]
    Held {
        /// The database.
        path: PathBuf,
        /// Which program that is, where the system says so.
        by: String,
    },
    /// A row names a file elsewhere.
    #[error(
        "{path} is not gone on with: body {body} names a file that is none of the session's ({what}); `isrecorder --check {path} --repair` marks such bodies as lost and leaves the rest as it is", path = .path.display()
    )]
    Path {
        /// The session.
        path: PathBuf,
        /// Row of `body`.
        body: i64,
        /// What is wrong.
        what: String,
    },
    /// A number leaves no room for those that come.
    #[error(
        "{path} is not gone on with: {table} {id}: nothing can come behind its number, which is none of this program's; begin a session anew, this one can be replayed", path = .path.display()
    )]
    Number {
        /// The session.
        path: PathBuf,
        /// The table.
        table: String,
        /// The row.
        id: i64,
    },
    /// What was to be taken up again is no session of this program.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The writer has ended before.
    #[error("the session is no longer being written")]
    Gone,
}

/// A handle on the writer thread; clones share it.
#[derive(Debug, Clone)]
pub struct Writer {
    sender: mpsc::Sender<Queued>,
    /// Of the channel.
    share: Share,
    next_id: Arc<AtomicI64>,
    goes_on: bool,
    folder: SessionFolder,
    chunks: ChunkDir,
    clock: Clock,
    zero_us: i64,
    closing: Closing,
    pulse: Pulse,
    room: Room,
    tallies: Tallies,
}

/// Since when the recorder is stopping.
type Closing = Arc<OnceLock<Instant>>;

impl Writer {
    /// Creates the database of a new session and starts the writer. Session zero is the clock's start.
    ///
    /// `program` is the name and version to note in `run`.
    ///
    /// The receiver gets what ended the writer, if anything but [`Self::finish`] did.
    ///
    /// # Errors
    /// The database cannot be created.
    pub fn create(
        folder: &SessionFolder,
        clock: Clock,
        program: &str,
    ) -> Result<(Self, oneshot::Receiver<WriterError>), WriterError> {
        Self::start(folder, begin::create(folder, clock, program)?)
    }

    /// Begins the next run of a session that was stopped or killed, as [`Self::create`] begins
    /// the first. Session zero stays; the clock to go by is [`Self::clock`], which is never
    /// behind the run before.
    ///
    /// # Errors
    /// It is no session of this program, it is being recorded, or it cannot be written.
    pub fn resume(
        folder: &SessionFolder,
        clock: Clock,
        program: &str,
    ) -> Result<(Self, oneshot::Receiver<WriterError>), WriterError> {
        Self::start(folder, begin::resume(folder, clock, program)?)
    }

    fn start(
        folder: &SessionFolder,
        begun: Begun,
    ) -> Result<(Self, oneshot::Receiver<WriterError>), WriterError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (failed, failure) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let closing = Closing::default();
        let (clock, zero_us, first_id) = (begun.clock, begun.zero_us, begun.first_id);
        let (pulse, room, tallies) = (Pulse::default(), Room::new(clock), Tallies::default());
        let thread = Thread {
            store: Store::new(begun.db, begun.chunks.clone(), zero_us, first_id),
            folder: folder.clone(),
            clock,
            run_id: begun.run_id,
            messages: receiver,
            taken: Vec::new(),
            closing: Arc::clone(&closing),
            lock: begun.lock,
            keeper: None,
            committed: clock::instant(),
            pulse: pulse.clone(),
            disk: Disk::new(begun.chunks.clone(), room.clone(), tallies.clone()),
            wal: WalWatch::new(folder.database(), tallies.clone()),
            is_covered: begun.is_covered,
            left: begun.left.iter().map(|part| part.id).collect(),
            steps: begun.steps,
        };
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(thread.run()) {
                    // Nobody listens any more only when the recorder is going down anyway.
                    let _ = failed.send(error);
                }
            })?;
        for part in begun.left {
            // There is room: nobody else has it yet.
            let _ = sender.try_send(Queued::free(Message::Exchange(Box::new(part))));
        }
        let writer = Self {
            sender,
            share: Share::default(),
            next_id: Arc::new(AtomicI64::new(first_id)),
            goes_on: first_id > 1,
            folder: folder.clone(),
            chunks: begun.chunks,
            clock,
            zero_us,
            closing,
            pulse,
            room,
            tallies,
        };
        Ok((writer, failure))
    }

    /// One for another stream: none waits for what the other has under way.
    pub fn of_a_stream(&self) -> Self {
        Self {
            share: Share::default(),
            ..self.clone()
        }
    }

    /// To see how it is doing.
    pub fn watch(&self) -> WriterWatch {
        WriterWatch {
            queue: self.sender.downgrade(),
            pulse: self.pulse.clone(),
            tallies: self.tallies.clone(),
        }
    }

    /// Number for an exchange whose request begins now.
    pub fn next_id(&self) -> ExchangeId {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Says that the recorder is stopping: a full disk is no longer waited for without end.
    pub fn closing(&self) {
        self.closing.get_or_init(clock::instant);
    }

    /// Whether it goes on with a session that was there before.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The session's folder.
    pub fn folder(&self) -> &SessionFolder {
        &self.folder
    }

    /// The clock that session time is read from.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Session zero, in microseconds of Unix time.
    pub fn zero_us(&self) -> i64 {
        self.zero_us
    }

    /// Hands over an exchange. Rows that it refers to must have been handed over before.
    pub async fn exchange(&self, exchange: NewExchange) {
        self.send(Message::Exchange(Box::new(exchange))).await;
    }

    /// Notes what a revision changed about the resources that it lists. To be handed over
    /// before the revision, so that a reader never sees that one without these. `false`: the recorder is stopping,
    /// and not all of it was taken.
    pub async fn listed(&self, listing: NewListing) -> bool {
        let mut pieces = Pieces::new(listing);
        while !pieces.are_over() {
            if let Some(since) = self.closing.get() {
                if clock::instant().duration_since(*since) > LISTING_PATIENCE {
                    return false;
                }
                // A session that was stopped waits for nothing.
                pieces.forget_pending();
            }
            let piece = pieces.next();
            if !piece.is_empty() {
                self.send(Message::Listed(piece)).await;
            }
        }
        true
    }

    /// Notes how windows of revisions lay in truth. To be handed over after these.
    pub async fn corrected(&self, corrections: Vec<Correction>) {
        if !corrections.is_empty() {
            self.send(Message::Corrected(corrections)).await;
        }
    }

    /// Notes something about the recorder itself, now.
    pub async fn event(&self, kind: &'static str, detail: String) {
        self.send(Message::Event(self.clock.now_us(), kind, detail))
            .await;
    }

    /// From now on keeps only so much; what is older goes, a little at a time.
    pub async fn keep(&self, keep: Keep) {
        self.send(Message::Keep(keep)).await;
    }

    /// Adds a stream, unless the session has it: its number.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn stream(&self, name: &str, url: &str) -> Result<i64, WriterError> {
        Ok(self.named_stream(name, url).await?.0)
    }

    /// Adds a stream, unless the session has it: its number, and its name. Where another URL
    /// has the name already, `_2` or the next number that is free is added to it.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn named_stream(&self, name: &str, url: &str) -> Result<(i64, String), WriterError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Stream(name.to_owned(), url.to_owned(), reply))
            .await;
        answer.await.map_err(|_| WriterError::Gone)
    }

    /// Notes that the URL that a date range names is to be asked for; if one was already on its account, in
    /// whatever run of the session, that one. It is on the disk before anybody asks.
    ///
    /// # Errors
    /// The writer has ended.
    pub async fn date_range(
        &self,
        stream_id: i64,
        id: &str,
        url: &str,
    ) -> Result<Option<String>, WriterError> {
        let (reply, answer) = oneshot::channel();
        let range = DateRange {
            at_us: self.clock.now_us(),
            stream_id,
            id: id.to_owned(),
            url: url.to_owned(),
        };
        self.send(Message::DateRange(range, reply)).await;
        answer.await.map_err(|_| WriterError::Gone)
    }

    /// Writes what is waiting, closes the run with the reason, and leaves one database file.
    ///
    /// # Errors
    /// The database refused, or the writer had ended before.
    pub async fn finish(&self, ended: &str) -> Result<(), WriterError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Finish(ended.to_owned(), reply)).await;
        answer.await.map_err(|_| WriterError::Gone)?
    }

    /// A writer that has ended says so itself, over the receiver of [`Self::create`].
    async fn send(&self, message: Message) {
        let queued = self.share.queued(message).await;
        let _ = self.sender.send(queued).await;
    }
}

struct Thread {
    store: Store,
    folder: SessionFolder,
    clock: Clock,
    /// Row of `run`.
    run_id: i64,
    messages: mpsc::Receiver<Queued>,
    /// What the batch takes of the shares of streams.
    taken: Vec<OwnedSemaphorePermit>,
    closing: Closing,
    /// That of the session: let go when nothing more is written.
    lock: File,
    keeper: Option<Keeper>,
    /// When the last commit was.
    committed: Instant,
    pulse: Pulse,
    disk: Disk,
    wal: WalWatch,
    /// As of the run that began (`begin.rs`).
    is_covered: bool,
    /// Parts of a killed run whose rows are not there yet.
    left: BTreeSet<ExchangeId>,
    /// What a damaged database would need without end is ended.
    steps: Steps,
}

impl Thread {
    async fn run(mut self) -> Result<(), WriterError> {
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
            self.make_room(true)?;
            let now_us = self.clock.now_us();
            self.disk.look(&self.store, now_us);
            self.wal.look(&self.store, now_us);
            if let Some((ended, reply)) = finish {
                let _ = reply.send(self.close(&ended).await);
                return Ok(());
            }
            if !more {
                return self.close("failed").await;
            }
        }
    }

    /// Waits for messages; `false`: no more can come.
    async fn fill(&mut self, batch: &mut Vec<Message>) -> bool {
        let patience = match &self.keeper {
            _ if self.disk.is_full() => disk::LOOK_EVERY,
            _ if self.wal.is_held_up() => wal::LOOK_EVERY,
            Some(keeper) => keeper.wait().min(SEEN_EVERY),
            None => SEEN_EVERY,
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

    fn take(&mut self, queued: Queued, batch: &mut Vec<Message>) {
        let mut message = queued.message;
        if let (Message::Listed(listing), true) = (&mut message, self.closing.get().is_some()) {
            // A session that was stopped waits for nothing.
            listing.pending = Vec::new();
            listing.gone = Vec::new();
        }
        batch.push(message);
        self.taken.extend(queued.share);
    }

    fn taken_kib(&self) -> usize {
        self.taken.iter().map(|permit| permit.num_permits()).sum()
    }

    /// A full disk is waited for, and so are descriptors; anything else is the end.
    async fn commit_patiently(&mut self, batch: &mut [Message]) -> Result<(), WriterError> {
        let mut said = false;
        loop {
            let error = match self.commit(batch) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
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

    fn begin_to_keep(&mut self, batch: &mut Vec<Message>) -> Result<(), WriterError> {
        let keep = |message: &mut Message| matches!(message, Message::Keep(_));
        for message in batch.extract_if(.., keep) {
            if let Message::Keep(keep) = message {
                let keeper = Keeper::new(keep, &self.store);
                self.keeper = Some(keeper.map_err(|e| self.database_error(e))?);
            }
        }
        Ok(())
    }

    fn make_room(&mut self, orphans: bool) -> Result<(), WriterError> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(());
        };
        let made = keeper.make_room(&mut self.store, self.clock.now_us(), orphans, &self.disk);
        made.map_err(|e| self.database_error(e))
    }

    fn has_waited_enough(&self) -> bool {
        let since = self.closing.get();
        since.is_some_and(|since| clock::instant().duration_since(*since) > FULL_PATIENCE)
    }

    /// Steps 3 to 6 for a batch. Who waits is told only after the commit.
    fn commit(&mut self, batch: &mut [Message]) -> Result<(), CommitError> {
        let done = self.try_commit(batch);
        self.pulse.beat();
        if done.is_err() {
            // It fails where SQLite has rolled back by itself already.
            let _ = self.store.db.execute_batch("ROLLBACK");
            self.store.forget();
        }
        done
    }

    fn try_commit(&mut self, batch: &mut [Message]) -> Result<(), CommitError> {
        let now_us = self.clock.now_us();
        self.store.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut told = Vec::new();
        for (at, message) in batch.iter_mut().enumerate() {
            if let Some(one) = write(&mut self.store, message)? {
                told.push((at, one));
            }
        }
        self.store
            .db
            .prepare_cached("UPDATE run SET seen_us = ?1 WHERE id = ?2")?
            .execute([now_us, self.run_id])?;
        self.store.chunks.sync(&self.store.changed)?;
        self.store.changed.clear();
        self.store.db.execute_batch("COMMIT")?;
        self.committed = clock::instant();
        self.let_go_of_left(batch);
        for (at, one) in told {
            if let Some(message) = batch.get_mut(at) {
                message.tell(one);
            }
        }
        Ok(())
    }

    /// What a killed run left of parts is needed no more: their rows are there.
    fn let_go_of_left(&mut self, batch: &[Message]) {
        for message in batch {
            match message {
                Message::Exchange(part) if self.left.remove(&part.id) => {
                    adopt::remove_original(&self.store.chunks, part);
                }
                _ => {}
            }
        }
    }

    fn database_error(&self, source: rusqlite::Error) -> WriterError {
        WriterError::Database {
            path: self.folder.database().display().to_string(),
            source,
        }
    }
}
