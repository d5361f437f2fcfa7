//! A recording from its first request to its last row.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::outcome::{Control, RecordError, Summary};
use super::stream::{self, Recording};
use super::streams::{Streams, cause};
use crate::clock::{self, Clock};
use crate::recorder::admission::reach::Proxies;
use crate::recorder::clocks::activity::Activity;
use crate::recorder::clocks::heartbeat;
use crate::recorder::earlier_run;
use crate::recorder::http::client::Clients;
use crate::recorder::panics::{InARow, Panics};
use crate::recorder::schedule::restart_delay;
use crate::recorder::settings::options::Options;
use crate::recorder::stats::board::{Board, Stage};
use crate::session::{SessionFolder, Writer, WriterError};

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
    let program = concat!("isrecorder ", env!("CARGO_PKG_VERSION"));
    let (writer, mut failure) = match options.resume {
        true => Writer::resume(folder, clock, program)?,
        false => Writer::create(folder, clock, program)?,
    };
    tracing::info!("recording to {}", folder.path().display());
    board.begin(&writer);
    if !options.keep.is_all() {
        writer.keep(options.keep.clone()).await;
    }
    let recording = Arc::new(Recording {
        proxies: Arc::new(Proxies::new(&options)),
        options,
        clients,
        writer: writer.clone(),
        board: board.clone(),
        hosts: Arc::default(),
        activity: Activity::new(writer.clock()),
        stop: CancellationToken::new(),
    });
    if recording.options.resume {
        earlier_run::leave_alone(&writer, &recording.hosts).await;
    }
    let mut streams = Streams::new(&recording);
    let heartbeat = AbortOnDropHandle::new(tokio::spawn(keep_beating(
        writer.clone(),
        recording.activity.clone(),
    )));
    let ended = streams.supervise(control, &mut failure).await;
    let stop_us = writer.clock().now_us();
    writer.closing();
    board.enter(Stage::Ending);
    recording.stop.cancel();
    streams.wait().await;
    drop(heartbeat);
    let ended = match ended {
        Err(RecordError::Writer(error)) => return Err(true_cause(error, failure).await.into()),
        ended => ended?,
    };
    let ended_us = match writer.finish(ended.as_str()).await {
        Err(error) => return Err(true_cause(error, failure).await.into()),
        Ok(ended_us) => ended_us,
    };
    board.gaps_last_until(ended_us);
    // Where the wall clock is behind the run before, that of the session is set forward.
    let length_us = ended_us.saturating_sub(writer.clock().started_us());
    Ok(Summary {
        length: Duration::from_micros(u64::try_from(length_us).unwrap_or(0)),
        ended,
        stop_us,
        ended_us,
        totals: board.totals(),
    })
}

/// Runs the heartbeat for ever; one that panics begins anew.
async fn keep_beating(writer: Writer, activity: Activity) {
    let panics = Panics::of_recording(writer.clone());
    let mut in_a_row = InARow::new(clock::instant());
    loop {
        let beat = heartbeat::run(writer.clone(), activity.clone());
        panics.contain(beat, || "the heartbeat".to_owned()).await;
        let panics = in_a_row.count(clock::instant());
        tokio::time::sleep(restart_delay(panics)).await;
    }
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
