//! A recording from its first request to its last row.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::admit::{self, Credentials};
use super::children::Playlists;
use super::client::{ClientError, Clients};
use super::downloads::{self, Queue};
use super::fetch::Fetcher;
use super::limits::{STOP_GRACE, STOP_PATIENCE};
use super::options::Options;
use super::poll::{self, Context, Shared};
use super::stats::{Stats, Totals};
use crate::clock::{self, Clock};
use crate::hls::stream_name;
use crate::session::{SessionFolder, Writer, WriterError};

/// How often the end of a stream is looked for where nothing changes.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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
    /// The stream has ended and everything of it was fetched.
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

/// Records until the stream ends, the time is over, or `stop` is cancelled.
///
/// `folder` is asked for only when everything that the user gave has been found usable,
/// so that a mistake leaves no empty session behind.
///
/// # Errors
/// Something that the user gave is not usable, or the session cannot be written.
pub async fn record<E: From<RecordError>>(
    options: Options,
    folder: impl FnOnce() -> Result<SessionFolder, E>,
    stats: Stats,
    stop: CancellationToken,
) -> Result<Summary, E> {
    let recording = prepare(&options)?;
    let folder = folder()?;
    Ok(recording.run(&options, &folder, stats, stop).await?)
}

struct Prepared {
    url: Url,
    credentials: Credentials,
    clients: Clients,
}

fn prepare(options: &Options) -> Result<Prepared, RecordError> {
    let url = admit::admit(options.url.clone()).map_err(|refusal| RecordError::Url {
        url: options.url.to_string(),
        reason: refusal.to_string(),
    })?;
    let credentials = Credentials::new(options);
    let clients = Clients::new(options, &credentials)?;
    Ok(Prepared {
        url,
        credentials,
        clients,
    })
}

impl Prepared {
    async fn run(
        self,
        options: &Options,
        folder: &SessionFolder,
        stats: Stats,
        stop: CancellationToken,
    ) -> Result<Summary, RecordError> {
        let clock = Clock::start();
        let began = clock::instant();
        let program = concat!("isrecorder ", env!("CARGO_PKG_VERSION"));
        let (writer, mut failure) = Writer::create(folder, clock, program)?;
        let name = stream_name(&self.url);
        let stream_id = writer.stream(&name, self.url.as_str()).await?;
        let context = self.context(options, &writer, &stats, stream_id, stop.child_token());
        let root = context
            .playlists
            .root(self.url.clone(), name, clock.started_us());
        poll::start(&context, root);
        let fetching = downloads::run(
            Arc::clone(&context.queue),
            context.fetcher.clone(),
            Arc::clone(&context.playlists),
            context.stop.clone(),
        );
        context.tasks.spawn(fetching);
        let ended = wait(&context, options.duration, &stop, &mut failure).await;
        let length = clock::instant().saturating_duration_since(began);
        wind_down(&context).await;
        let ended = ended?;
        match (writer.finish(ended.as_str()).await, failure.try_recv()) {
            // It had ended before, and said why.
            (Err(WriterError::Gone), Ok(error)) => return Err(error.into()),
            (finished, _) => finished?,
        }
        Ok(Summary {
            length,
            ended,
            totals: stats.totals(),
        })
    }

    fn context(
        &self,
        options: &Options,
        writer: &Writer,
        stats: &Stats,
        stream_id: i64,
        stop: CancellationToken,
    ) -> Arc<Context> {
        Arc::new(Context {
            fetcher: Fetcher {
                clients: self.clients.clone(),
                credentials: self.credentials.clone(),
                writer: writer.clone(),
                max_time: options.max_time,
                abort: CancellationToken::new(),
            },
            queue: Arc::new(Queue::new(stream_id)),
            playlists: Arc::new(Playlists::new(stats.clone())),
            stats: stats.clone(),
            poll: options.poll,
            stream_id,
            stop,
            tasks: TaskTracker::new(),
            variables: Mutex::new(Shared::default()),
            refused: Mutex::new(HashSet::new()),
        })
    }
}

/// Waits for the end, whatever brings it.
async fn wait(
    context: &Context,
    duration: Option<Duration>,
    stop: &CancellationToken,
    failure: &mut oneshot::Receiver<WriterError>,
) -> Result<Ended, RecordError> {
    let over = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(Ended::Stopped),
            () = &mut over => return Ok(Ended::Duration),
            failed = &mut *failure => return Err(failed.unwrap_or(WriterError::Gone).into()),
            () = context.playlists.wait() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if context.playlists.are_over(clock::instant()) && context.queue.is_idle() {
            return Ok(Ended::Finished);
        }
    }
}

/// Stops asking; what is under way gets a moment, then is cut off and recorded as that.
async fn wind_down(context: &Context) {
    context.stop.cancel();
    context.fetcher.writer.closing();
    context.tasks.close();
    if tokio::time::timeout(STOP_GRACE, context.tasks.wait())
        .await
        .is_err()
    {
        context.fetcher.abort.cancel();
        // Beyond that only a disk that takes nothing can hold them.
        let _ = tokio::time::timeout(STOP_PATIENCE, context.tasks.wait()).await;
    }
}
