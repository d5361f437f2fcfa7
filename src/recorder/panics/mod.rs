//! A task that panics is contained: the log and an event say so, and whoever runs it can begin anew.

use crate::session::Remark;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::session::Writer;

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

/// So much of the message of a panic is told, in characters.
const MOST_TOLD: usize = 300;

/// A thing at which tasks have panicked so often is left alone: it is what they panic at.
pub(super) const MOST_PANICS: u32 = 5;

/// A task that has run for so long has not panicked in a row with the time before.
const WENT_WELL: Duration = Duration::from_secs(120);

/// Tells of tasks that panicked.
#[derive(Debug, Clone)]
pub(super) struct Panics {
    writer: Writer,
    /// Name of the stream; `None`: the tasks are of the recording as a whole.
    stream: Option<Arc<str>>,
}

impl Panics {
    pub(super) fn new(writer: Writer, stream: &str) -> Self {
        Self {
            writer,
            stream: Some(stream.into()),
        }
    }

    pub(super) fn of_recording(writer: Writer) -> Self {
        Self {
            writer,
            stream: None,
        }
    }

    /// Runs a task; `None`: it panicked, which has been told. `what`: the task, for people. What the task owned is
    /// dropped by then; what it had borrowed is as the panic left it.
    pub(super) async fn contain<T>(
        &self,
        task: impl Future<Output = T>,
        what: impl FnOnce() -> String,
    ) -> Option<T> {
        let panic = match AssertUnwindSafe(task).catch_unwind().await {
            Ok(done) => return Some(done),
            Err(panic) => panic,
        };
        let told = format!("{} panicked: {}", what(), message(&*panic));
        tracing::error!("{told}");
        let detail = match &self.stream {
            Some(stream) => format!("{stream}: {told}"),
            None => told,
        };
        self.writer.event(Remark::Panicked, detail).await;
        None
    }
}

/// How often a task has panicked in a row.
#[derive(Debug)]
pub(super) struct InARow {
    panics: u32,
    began: Instant,
}

impl InARow {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            panics: 0,
            began: now,
        }
    }

    /// Counts one more panic.
    pub(super) fn count(&mut self, now: Instant) -> u32 {
        let went_well = now.saturating_duration_since(self.began) >= WENT_WELL;
        self.panics = match went_well {
            true => 1,
            false => self.panics.saturating_add(1),
        };
        self.began = now;
        self.panics
    }
}

/// What a panic says, if it is text.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message")
        .chars()
        .take(MOST_TOLD)
        .collect()
}
