//! Chunks on the way from their file to the socket within the system, past hyper.
//!
//! hyper writes bytes that are in memory. For a span of a file it gets a stand-in: bytes of a
//! place that nobody fills. A [`Socket`](super::socket::Socket) that is told to write them knows them by
//! their address and has the system send the span. Whoever copies a stand-in instead breaks the
//! connection before a byte of it leaves.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::{Buf, Bytes};

/// A span is no longer: others wait while the system takes one.
pub(super) const SPAN_BYTES: usize = 2 * 1024 * 1024;

/// What stand-ins are bytes of. The system gives it no memory, since it is never touched.
static PLACE: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; SPAN_BYTES].into());

/// The spans that a connection was given and has not sent, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    spans: Mutex<VecDeque<Arc<Span>>>,
    /// A stand-in was taken for bytes.
    is_broken: AtomicBool,
}

/// A span of a file, shared by its stand-in and its connection.
#[derive(Debug)]
pub(super) struct Span {
    file: Arc<File>,
    first: u64,
    length: usize,
    /// Bytes that the system has.
    sent: AtomicUsize,
    /// Bytes that hyper believes to be written.
    taken: AtomicUsize,
}

impl Span {
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The first byte that the system does not have, and how many follow with it.
    pub(super) fn left(&self) -> (u64, usize) {
        let sent = self.sent.load(Ordering::Acquire);
        (self.first.saturating_add(sent as u64), self.length - sent)
    }

    /// The system has so many more.
    pub(super) fn has_sent(&self, count: usize) {
        self.sent.fetch_add(count, Ordering::AcqRel);
    }
}

impl Spans {
    /// A stand-in for bytes of a file, at most [`SPAN_BYTES`]. To be written in the order in which they were made.
    pub(super) fn stand_in(&self, file: Arc<File>, first: u64, length: usize) -> StandIn {
        let state = Arc::new(Span {
            file,
            first,
            length: length.min(SPAN_BYTES),
            sent: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        });
        self.waiting().push_back(Arc::clone(&state));
        let spans = self.clone();
        StandIn { state, spans }
    }

    /// The one that is to be sent now.
    pub(super) fn next(&self) -> Option<Arc<Span>> {
        self.waiting().front().cloned()
    }

    /// Nobody panics while it is locked.
    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Span>>> {
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// A stand-in was taken for bytes: nothing more may leave.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.0.is_broken.load(Ordering::Acquire) {
            true => Err(io::Error::other("a chunk was to be sent out of memory")),
            false => Ok(()),
        }
    }
}

/// What stands for bytes of a file.
#[derive(Debug)]
pub(super) struct StandIn {
    state: Arc<Span>,
    spans: Spans,
}

impl Buf for StandIn {
    fn remaining(&self) -> usize {
        self.state.length - self.state.taken.load(Ordering::Acquire)
    }

    fn chunk(&self) -> &[u8] {
        &PLACE[..self.remaining()]
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining(), "no more than there is");
        let taken = self.state.taken.fetch_add(count, Ordering::AcqRel) + count;
        if taken > self.state.sent.load(Ordering::Acquire) {
            self.spans.0.is_broken.store(true, Ordering::Release);
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Not only passed over: an idle connection would keep the file open.
        let mut waiting = self.spans.waiting();
        waiting.retain(|span| !Arc::ptr_eq(span, &self.state));
    }
}

/// What hyper is given to write.
#[derive(Debug)]
pub(super) enum Outgoing {
    Bytes(Bytes),
    StandIn(StandIn),
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.remaining(),
            Self::StandIn(span) => span.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.chunk(),
            Self::StandIn(span) => span.chunk(),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::StandIn(span) => span.advance(count),
        }
    }
}

/// Whether these are bytes of a stand-in.
pub(super) fn is_stand_in(bytes: &[u8]) -> bool {
    !bytes.is_empty() && PLACE.as_ptr_range().contains(&bytes.as_ptr())
}
