//! A task that panics is contained: the log and an event say so, and whoever runs it can begin anew.

use crate::session::Remark;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::session::Writer;

#[cfg(test)]
pub(super) mod testing;

/// So much of the message of a panic is told, in characters.
const MOST_TOLD: usize = 300;

/// Tells of tasks of a stream that panicked.
#[derive(Debug, Clone)]
pub(super) struct Panics {
    writer: Writer,
    /// Name of the stream.
    stream: Arc<str>,
}

impl Panics {
    pub(super) fn new(writer: Writer, stream: &str) -> Self {
        Self {
            writer,
            stream: stream.into(),
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
        let detail = format!("{}: {told}", self.stream);
        self.writer.event(Remark::Panicked, detail).await;
        None
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
