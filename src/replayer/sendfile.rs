//! Chunks on the way from their file to the socket within the system, past hyper.
//!
//! hyper writes bytes that are in memory. For a span of a file it gets a stand-in: bytes of a
//! place that nobody fills. A [`Direct`] connection that is told to write them knows them by their
//! address and has the system send the span. Whoever copies a stand-in instead breaks the
//! connection before a byte of it leaves.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::chunk_read;

/// A span is no longer: others wait while the system takes one.
pub(super) const SPAN_BYTES: usize = 2 * 1024 * 1024;

/// What stand-ins are bytes of. The system gives it no memory, since it is never touched.
static PLACE: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; SPAN_BYTES].into());

/// The spans that a connection was given and has not sent, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans(Arc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    spans: Mutex<VecDeque<Arc<State>>>,
    /// A stand-in was taken for bytes.
    is_broken: AtomicBool,
}

/// A span of a file, shared by its stand-in and its connection.
#[derive(Debug)]
struct State {
    file: Arc<File>,
    first: u64,
    length: usize,
    /// Bytes that the system has.
    sent: AtomicUsize,
    /// Bytes that hyper believes to be written.
    taken: AtomicUsize,
}

impl Spans {
    /// A stand-in for bytes of a file, at most [`SPAN_BYTES`]. To be written in the order in which they were made.
    pub(super) fn stand_in(&self, file: Arc<File>, first: u64, length: usize) -> StandIn {
        let state = Arc::new(State {
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

    fn next(&self) -> Option<Arc<State>> {
        self.waiting().front().cloned()
    }

    /// Nobody panics while it is locked.
    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<State>>> {
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> io::Result<()> {
        match self.0.is_broken.load(Ordering::Acquire) {
            true => Err(io::Error::other("a chunk was to be sent out of memory")),
            false => Ok(()),
        }
    }
}

/// What stands for bytes of a file.
#[derive(Debug)]
pub(super) struct StandIn {
    state: Arc<State>,
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

/// A TCP connection that sends spans for their stand-ins.
#[derive(Debug)]
pub(super) struct Direct {
    stream: TcpStream,
    spans: Spans,
    /// Brings bytes into memory that are to be sent next.
    loading: Option<JoinHandle<()>>,
}

impl Direct {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            spans: Spans::default(),
            loading: None,
        }
    }

    /// To make stand-ins that this connection knows.
    pub(super) fn spans(&self) -> Spans {
        self.spans.clone()
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Does something with the socket once there is room for it.
    fn poll_io(
        &self,
        context: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, &mut write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Sends of the first span that waits, at most so many bytes.
    fn poll_send(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let Some(span) = self.spans.next() else {
            return Poll::Ready(Err(io::Error::other("no chunk is to be sent")));
        };
        let sent = span.sent.load(Ordering::Acquire);
        let first = span.first.saturating_add(sent as u64);
        let most = most.min(span.length - sent);
        let count = ready!(self.poll_loaded(context, &span.file, first, most));
        let sending = || send(&self.stream, &span.file, first, count);
        let count = ready!(self.poll_io(context, sending)).map_err(|error| told(error, &span))?;
        if count == 0 {
            let short = io::ErrorKind::UnexpectedEof.into();
            return Poll::Ready(Err(told(short, &span)));
        }
        span.sent.fetch_add(count, Ordering::AcqRel);
        Poll::Ready(Ok(count))
    }

    /// How many bytes from a place on can be sent without waiting for the disk. Those of a client that
    /// takes its time may have left memory since they were looked at.
    fn poll_loaded(
        &mut self,
        context: &mut Context<'_>,
        file: &Arc<File>,
        first: u64,
        most: usize,
    ) -> Poll<usize> {
        if self.loading.is_none() {
            let count = chunk_read::cached(file, first, most as u64);
            if count > 0 {
                return Poll::Ready(count);
            }
        }
        let loading = self.loading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            tokio::task::spawn_blocking(move || chunk_read::load(&file, first, most as u64))
        });
        // What cannot be read is told by who sends it.
        let _ = ready!(Pin::new(loading).poll(context));
        self.loading = None;
        Poll::Ready(most.min(chunk_read::READ_BYTES))
    }
}

/// Says what went wrong with a file; that a client has gone is none of its faults.
fn told(error: io::Error, span: &State) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
    if ![BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut].contains(&error.kind()) {
        let (first, length) = (span.first, span.length);
        tracing::error!("{length} bytes of a chunk, from {first} on, cannot be sent: {error}");
        chunk_read::read_from_now_on(&error);
    }
    error
}

#[cfg(target_os = "linux")]
fn send(stream: &TcpStream, file: &File, mut first: u64, count: usize) -> io::Result<usize> {
    Ok(rustix::fs::sendfile(stream, file, Some(&mut first), count)?)
}

/// Bytes that a span follows at once: it shares its packets with them.
#[cfg(target_os = "linux")]
fn write_ahead(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    Ok(sendmsg(
        stream,
        slices,
        &mut SendAncillaryBuffer::default(),
        flags,
    )?)
}

#[cfg(not(target_os = "linux"))]
fn write_ahead(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.try_write_vectored(slices)
}

#[cfg(not(target_os = "linux"))]
fn send(_: &TcpStream, _: &File, _: u64, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn is_stand_in(bytes: &[u8]) -> bool {
    !bytes.is_empty() && PLACE.as_ptr_range().contains(&bytes.as_ptr())
}

impl AsyncWrite for Direct {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.spans.check()?;
        match is_stand_in(bytes) {
            true => self.poll_send(context, bytes.len()),
            false => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.spans.check()?;
        let first = slices.iter().find(|slice| !slice.is_empty());
        if let Some(first) = first.filter(|first| is_stand_in(first)) {
            return self.poll_send(context, first.len());
        }
        match slices.iter().position(|slice| is_stand_in(slice)) {
            Some(end) => self.poll_io(context, || write_ahead(&self.stream, &slices[..end])),
            None => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Direct {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
