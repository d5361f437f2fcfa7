//! A recording from its first request to its last row.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::error::{RecvError, TryRecvError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::stream::{self, Recording};
use crate::clock::{self, Clock};
use crate::recorder::admission::reach::Proxies;
use crate::recorder::clocks::heartbeat;
use crate::recorder::earlier_run;
use crate::recorder::http::client::{ClientError, Clients};
use crate::recorder::panics::{InARow, Panics};
use crate::recorder::schedule::restart_delay;
use crate::recorder::settings::options::{Input, Options};
use crate::recorder::stats::board::{Board, Stage, Totals};
use crate::session::{SessionFolder, Writer, WriterError, availability};

/// The loop that supervises the streams shows so often that it is alive.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// Why a recording could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The URL is not one that is recorded.
    #[error("{url}: {reason}")]
    Url {
        /// What was asked for.
        url: String,
        /// Why not.
        reason: String,
    },
    /// Something the user gave for HTTP or TLS is not usable.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The session cannot be written.
    #[error(transparent)]
    Writer(#[from] WriterError),
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop.
    Stopped,
    /// Its time was over.
    Duration,
    /// All streams have ended and everything of them was fetched.
    Finished,
}

impl Ended {
    /// As it stands in `run.ended`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Duration => "duration",
            Self::Finished => "finished",
        }
    }
}

/// What a recording came to.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Its length.
    pub length: Duration,
    /// Why it ended.
    pub ended: Ended,
    /// What was recorded.
    pub totals: Totals,
}

/// What is to be recorded, and how it is steered meanwhile.
#[derive(Debug)]
pub struct Control {
    /// The streams at the start.
    pub inputs: Vec<Input>,
    /// The streams from then on: new ones begin, those that are no longer there end.
    pub changes: mpsc::Receiver<Vec<Input>>,
    /// Ends the recording.
    pub stop: CancellationToken,
}

/// Records until all streams have ended, the time is over, or it is stopped.
///
/// `folder` is asked for only when everything that the user gave has been found usable,
/// so that a mistake leaves no empty session behind.
///
/// # Errors
/// Something that the user gave is not usable, or the session cannot be written.
pub async fn record<E: From<RecordError>>(
    options: Options,
    control: Control,
    folder: impl FnOnce() -> Result<SessionFolder, E>,
    board: Board,
) -> Result<Summary, E> {
    if let Some((url, reason)) = control.inputs.iter().find_map(stream::refusal) {
        let url = url.to_string();
        return Err(RecordError::Url { url, reason }.into());
    }
    let clients = Clients::new(&options).map_err(RecordError::from)?;
    let folder = folder()?;
    Ok(run(options, clients, control, &folder, board).await?)
}

async fn run(
    options: Options,
    clients: Clients,
    control: Control,
    folder: &SessionFolder,
    board: Board,
) -> Result<Summary, RecordError> {
    let clock = Clock::start();
    let began = clock::instant();
    let program = concat!("isrecorder ", env!("CARGO_PKG_VERSION"));
    let (writer, mut failure) = match options.resume {
        true => Writer::resume(folder, clock, program)?,
        false => Writer::create(folder, clock, program)?,
    };
    board.begin(&writer);
    if !options.keep.is_all() {
        writer.keep(options.keep).await;
    }
    let recording = Arc::new(Recording {
        proxies: Arc::new(Proxies::new(&options)),
        options,
        clients,
        writer: writer.clone(),
        board: board.clone(),
        hosts: Arc::default(),
        stop: CancellationToken::new(),
    });
    if recording.options.resume {
        earlier_run::leave_alone(&writer, &recording.hosts).await;
    }
    let mut streams = Streams::new(&recording);
    let heartbeat = AbortOnDropHandle::new(tokio::spawn(keep_beating(writer.clone())));
    let ended = streams.supervise(control, &mut failure).await;
    let length = clock::instant().saturating_duration_since(began);
    writer.closing();
    board.enter(Stage::Ending);
    recording.stop.cancel();
    streams.wait().await;
    drop(heartbeat);
    let ended = match ended {
        Err(RecordError::Writer(error)) => return Err(true_cause(error, failure).await.into()),
        ended => ended?,
    };
    if let Err(error) = writer.finish(ended.as_str()).await {
        return Err(true_cause(error, failure).await.into());
    }
    Ok(Summary {
        length,
        ended,
        totals: board.totals(),
    })
}

/// Runs the heartbeat for ever; one that panics begins anew.
async fn keep_beating(writer: Writer) {
    let panics = Panics::of_recording(writer.clone());
    let mut in_a_row = InARow::new(clock::instant());
    loop {
        let beat = heartbeat::run(writer.clone());
        panics.contain(beat, || "the heartbeat".to_owned()).await;
        let panics = in_a_row.count(clock::instant());
        tokio::time::sleep(restart_delay(panics)).await;
    }
}

/// What ended the writer. One that goes without saying why has panicked.
fn cause(said: Result<WriterError, RecvError>) -> WriterError {
    said.unwrap_or_else(|_| {
        tracing::error!(
            "the writer of the session panicked: nothing more is recorded; what it had committed is in the session"
        );
        WriterError::Gone
    })
}

/// Whoever waits for a writer that ends hears that it has gone before it has said why.
async fn true_cause(
    error: WriterError,
    mut failure: oneshot::Receiver<WriterError>,
) -> WriterError {
    match (error, failure.try_recv()) {
        (WriterError::Gone, Ok(cause)) => cause,
        (WriterError::Gone, Err(TryRecvError::Empty)) => cause(failure.await),
        (error, _) => error,
    }
}

/// The streams that are being recorded. None knows of another.
struct Streams<'a> {
    recording: &'a Arc<Recording>,
    running: JoinSet<()>,
    /// What runs or has ended by itself.
    known: Vec<Known>,
}

/// A stream that was begun.
struct Known {
    input: Input,
    /// Ends it.
    stop: CancellationToken,
    /// It has ended, and leaves nothing under way.
    ended: CancellationToken,
}

impl<'a> Streams<'a> {
    fn new(recording: &'a Arc<Recording>) -> Self {
        Self {
            recording,
            running: JoinSet::new(),
            known: Vec::new(),
        }
    }

    /// Waits for the end, whatever brings it.
    async fn supervise(
        &mut self,
        control: Control,
        failure: &mut oneshot::Receiver<WriterError>,
    ) -> Result<Ended, RecordError> {
        let Control {
            inputs,
            mut changes,
            stop,
        } = control;
        let duration = self.recording.options.duration;
        let end = async {
            let over = async {
                match duration {
                    Some(duration) => tokio::time::sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => Ok(Ended::Stopped),
                () = over => Ok(Ended::Duration),
                failed = failure => Err(cause(failed).into()),
            }
        };
        tokio::pin!(end);
        let mut beat = tokio::time::interval(BEAT_EVERY);
        let board = self.recording.board.clone();
        {
            // A stream begins when its row is on the disk, and for that the disk may be waited for.
            let begun = self.begin_all(inputs);
            tokio::pin!(begun);
            loop {
                board.beat();
                tokio::select! {
                    _ = beat.tick() => {}
                    ended = &mut end => return ended,
                    begun = &mut begun => break begun?,
                }
            }
        }
        board.enter(Stage::Begun);
        loop {
            board.beat();
            tokio::select! {
                _ = beat.tick() => {}
                ended = &mut end => return ended,
                Some(inputs) = changes.recv() => self.change(inputs),
                ended = self.running.join_next() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!("a stream is no longer recorded: {error}"),
                    None => return Ok(Ended::Finished),
                }
            }
        }
    }

    /// The streams that are there from the start.
    async fn begin_all(&mut self, inputs: Vec<Input>) -> Result<(), RecordError> {
        let zero_us = self.recording.writer.zero_us();
        let from_us = availability::stream_us(self.recording.options.resume, zero_us);
        for input in inputs {
            self.begin(input, from_us).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, input: Input, from_us: Option<i64>) -> Result<(), RecordError> {
        let (stop, ended) = self.note(&input);
        let stream = self.recording.begin(&input, from_us, stop).await?;
        self.running.spawn(async move {
            // Whoever waits for its end waits for no panic.
            let _ended = ended.drop_guard();
            stream.run().await;
        });
        Ok(())
    }

    /// What stops it, and what says that it has ended.
    fn note(&mut self, input: &Input) -> (CancellationToken, CancellationToken) {
        let stop = self.recording.stop.child_token();
        let ended = CancellationToken::new();
        self.known.push(Known {
            input: input.clone(),
            stop: stop.clone(),
            ended: ended.clone(),
        });
        (stop, ended)
    }

    /// Begins what is new, ends what is no longer there.
    fn change(&mut self, inputs: Vec<Input>) {
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.known)
            .into_iter()
            .partition(|known| inputs.contains(&known.input));
        self.known = kept;
        let runs = |known: &Known| !known.ended.is_cancelled();
        let gone: Vec<Known> = gone.into_iter().filter(runs).collect();
        for known in &gone {
            known.stop.cancel();
        }
        let mut begun = 0;
        for input in inputs {
            if self.known.iter().any(|known| known.input == input) {
                continue;
            }
            if let Some((_, reason)) = stream::refusal(&input) {
                tracing::error!("a stream is not recorded: {reason}");
                continue;
            }
            self.begin_after(&gone, input);
            begun += 1;
        }
        tracing::info!("streams: {begun} new, {} no longer recorded", gone.len());
    }

    /// Begins a stream; where it takes the place of one with its name or URL, once that has ended.
    fn begin_after(&mut self, gone: &[Known], input: Input) {
        let (stop, ended) = self.note(&input);
        let is_before = |known: &&Known| {
            known.input.url == input.url
                || (known.input.name.is_some() && known.input.name == input.name)
        };
        let before: Vec<_> = gone
            .iter()
            .filter(is_before)
            .map(|k| k.ended.clone())
            .collect();
        let recording = Arc::clone(self.recording);
        self.running.spawn(async move {
            let _ended = ended.drop_guard();
            for one in before {
                one.cancelled().await;
            }
            let now_us = recording.writer.clock().now_us();
            // A writer that has ended says so itself.
            if let Ok(stream) = recording.begin(&input, Some(now_us), stop).await {
                stream.run().await;
            }
        });
    }

    async fn wait(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}
