//! What is recorded, and what comes of it: the values that a recording is given, and those that it gives.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::recorder::http::client::ClientError;
use crate::recorder::settings::options::Input;
use crate::recorder::stats::board::Totals;
use crate::session::WriterError;

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
    /// Its length, as the session has it.
    pub length: Duration,
    /// Why it ended.
    pub ended: Ended,
    /// When it was to end, in microseconds of Unix time.
    pub stop_us: i64,
    /// When it had ended: what was under way got a moment.
    pub ended_us: i64,
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
