//! The writer: one thread, the only connection that writes, group commits.
//!
//! Others send it messages over a channel, and what each stream has in it is bounded in bytes, so that a slow disk
//! slows the senders and never fills the memory, and a stream that sends much waits and no other does. Nothing
//! counts as recorded before the commit.

use crate::session::error::WriterError;
use crate::session::model::{Outcome, Remark};
use crate::session::write::thread::commits::Closing;
use crate::session::write::thread::commits::Thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::date_ranges::DateRange;
use super::keep::Keep;
use super::run::begin;
use super::store::Store;
use crate::clock::{self, Clock};
use crate::hls::Correction;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::SessionFolder;
use crate::session::files::room::Room;
use crate::session::id::ExchangeId;
use crate::session::model::{NewExchange, NewListing};
use crate::session::notices::Tallies;
use crate::session::write::disk::full::Disk;
use crate::session::write::disk::wal::WalWatch;
use crate::session::write::run::begin::Begun;
use crate::session::write::thread::message::Message;
use crate::session::write::thread::pulse::{Pulse, WriterWatch};
pub(crate) use crate::session::write::thread::queue::Queued;
use crate::session::write::thread::queue::{Pieces, Share};

/// Messages that may wait for the writer: more than the shares of most recordings.
const QUEUE: usize = 65_536;

/// Nothing more of a list is taken when the recorder has been stopping for so long.
const LISTING_PATIENCE: Duration = Duration::from_secs(1);

/// A handle on the writer thread; clones share it.
#[derive(Debug, Clone)]
pub struct Writer {
    sender: mpsc::Sender<Queued>,
    /// Of the channel.
    share: Share,
    next_id: Arc<AtomicI64>,
    goes_on: bool,
    folder: SessionFolder,
    pub(super) chunks: ChunkDir,
    clock: Clock,
    zero_us: i64,
    closing: Closing,
    pulse: Pulse,
    pub(super) room: Room,
    pub(super) tallies: Tallies,
}

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
        let spans = begun.spans;
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
            spans,
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

    /// A handle for another stream, with a share of its own: neither waits for messages of the other.
    pub fn of_a_stream(&self) -> Self {
        Self {
            share: Share::default(),
            ..self.clone()
        }
    }

    /// A view of the writer for those who watch over it.
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

    /// Whether this run goes on with an earlier session.
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

    /// Whether there is room for bodies, as far as is known.
    pub fn has_room(&self) -> bool {
        self.room.full_since_us().is_none()
    }

    /// Something was not asked for until it was too late, since there was no room for it.
    pub fn had_no_room(&self) {
        self.room.lost();
    }

    /// Hands over an exchange. Rows that it refers to must have been handed over before.
    pub async fn exchange(&self, exchange: NewExchange) {
        if exchange.outcome == Outcome::Disk && exchange.own_reason.is_none() {
            self.room.lost();
        }
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

    /// Notes something that has no length, now.
    pub async fn event(&self, kind: Remark, detail: String) {
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

    /// Waits until all that was handed over before is committed, or the writer has ended.
    pub async fn written(&self) {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Written(reply)).await;
        // One that has ended says so itself.
        let _ = answer.await;
    }

    /// Writes what is waiting, closes the run with the reason, and leaves one database file; when the run ended, in
    /// microseconds of Unix time.
    ///
    /// # Errors
    /// The database refused, or the writer had ended before.
    pub async fn finish(&self, ended: &str) -> Result<i64, WriterError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Finish(ended.to_owned(), reply)).await;
        answer.await.map_err(|_| WriterError::Gone)?
    }

    /// A writer that has ended says so itself, over the receiver of [`Self::create`].
    pub(super) async fn send(&self, message: Message) {
        let queued = self.share.queued(message).await;
        let _ = self.sender.send(queued).await;
    }
}
