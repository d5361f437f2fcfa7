//! Chunks on the way from their file to the socket within the system, past hyper.
//!
//! hyper writes bytes that are in memory. For a span of a file it gets a placeholder: a slice of [`SENTINEL`],
//! memory that is never filled. A [`Socket`](super::socket::Socket) that is told to write such a slice knows it by its
//! address and has the system send the span. If anything copies a placeholder instead, the connection breaks
//! before a byte of it leaves.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};

use crate::replayer::body::chunk_read::SPAN_BYTES;

/// What placeholders are slices of. The system gives it no memory, since it is never touched.
static SENTINEL: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; SPAN_BYTES].into());

/// The spans that a connection was given and has not sent, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct SpanQueue(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    spans: Mutex<VecDeque<Arc<FileSpan>>>,
    /// A placeholder was taken for bytes.
    is_broken: AtomicBool,
}

/// A span of a file, shared by its placeholder and its connection.
#[derive(Debug)]
pub(super) struct FileSpan {
    file: Arc<File>,
    first: u64,
    length: usize,
    /// Bytes that the system has.
    sent: AtomicUsize,
    /// Bytes that hyper believes to be written.
    taken: AtomicUsize,
}

impl FileSpan {
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The first byte that the system does not have, and the number of bytes from it on.
    pub(super) fn rest(&self) -> (u64, usize) {
        let sent = self.sent.load(Ordering::Acquire);
        (self.first.saturating_add(sent as u64), self.length - sent)
    }

    /// Counts bytes that the system has taken.
    pub(super) fn add_sent(&self, count: usize) {
        self.sent.fetch_add(count, Ordering::AcqRel);
    }
}

impl SpanQueue {
    /// A placeholder for bytes of a file, at most [`SPAN_BYTES`]. To be written in the order in which they were made.
    pub(super) fn push(&self, file: Arc<File>, first: u64, length: usize) -> Placeholder {
        let span = Arc::new(FileSpan {
            file,
            first,
            length: length.min(SPAN_BYTES),
            sent: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        });
        self.spans().push_back(Arc::clone(&span));
        let queue = self.clone();
        Placeholder { span, queue }
    }

    /// The one that is to be sent now.
    pub(super) fn front(&self) -> Option<Arc<FileSpan>> {
        self.spans().front().cloned()
    }

    /// No code panics while it is locked.
    fn spans(&self) -> MutexGuard<'_, VecDeque<Arc<FileSpan>>> {
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// A placeholder was taken for bytes: nothing more may leave.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.0.is_broken.load(Ordering::Acquire) {
            true => Err(io::Error::other("a chunk was to be sent out of memory")),
            false => Ok(()),
        }
    }
}

/// Stands for bytes of a file where hyper wants bytes.
#[derive(Debug)]
pub(super) struct Placeholder {
    span: Arc<FileSpan>,
    queue: SpanQueue,
}

impl Buf for Placeholder {
    fn remaining(&self) -> usize {
        self.span.length - self.span.taken.load(Ordering::Acquire)
    }

    fn chunk(&self) -> &[u8] {
        &SENTINEL[..self.remaining()]
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining(), "no more than there is");
        let taken = self.span.taken.fetch_add(count, Ordering::AcqRel) + count;
        if taken > self.span.sent.load(Ordering::Acquire) {
            self.queue.0.is_broken.store(true, Ordering::Release);
        }
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        // Not only passed over: an idle connection would keep the file open.
        let mut spans = self.queue.spans();
        spans.retain(|span| !Arc::ptr_eq(span, &self.span));
    }
}

/// What hyper is given to write.
#[derive(Debug)]
pub(super) enum Outgoing {
    Bytes(Bytes),
    Span(Placeholder),
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.remaining(),
            Self::Span(span) => span.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.chunk(),
            Self::Span(span) => span.chunk(),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::Span(span) => span.advance(count),
        }
    }
}

/// Whether these are bytes of a placeholder.
pub(super) fn is_sentinel(bytes: &[u8]) -> bool {
    !bytes.is_empty() && SENTINEL.as_ptr_range().contains(&bytes.as_ptr())
}
