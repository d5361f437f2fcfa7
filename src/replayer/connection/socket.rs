//! The connection to a client, below everything else that hyper writes through.

use std::fs::File;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

use super::sendfile::{FileSpan, SpanQueue, is_sentinel};
use crate::replayer::body::chunk_read;
use crate::replayer::body::chunk_read::SPAN_BYTES;
use crate::replayer::body::ending::Ending;

/// How far ahead of a send the socket looks for bytes in memory, at least.
const LEAST_AHEAD: usize = 256 * 1024;
/// A connection that is closed while bytes come is reset, and its client may never see the answer: so bytes
/// are read and thrown away, for this long or up to this many.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A TCP connection that sends spans for their placeholders, and ends as its [`Ending`] says.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// Bytes that came before it was made, to be read first.
    begun: Bytes,
    spans: SpanQueue,
    ending: Ending,
    /// How far ahead the next send looks for bytes in memory.
    ahead: usize,
    /// Until when a closed connection reads on.
    lingers: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
    /// Brings bytes into memory that are to be sent next.
    loading: Option<JoinHandle<()>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            begun: Bytes::new(),
            spans: SpanQueue::default(),
            ending: Ending::default(),
            ahead: LEAST_AHEAD,
            lingers: None,
            thrown_away: 0,
            loading: None,
        }
    }

    /// With bytes that were read from it.
    pub(super) fn begun_with(mut self, begun: Bytes) -> Self {
        self.begun = begun;
        self
    }

    /// To make placeholders that this connection knows.
    pub(super) fn spans(&self) -> SpanQueue {
        self.spans.clone()
    }

    /// To say how it ends.
    pub(super) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Reads and throws away until the client has closed, or for as long as it is waited for.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 2048];
        while self.thrown_away < LINGER_BYTES {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.thrown_away += buffer.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let lingers = self.lingers.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return lingers.as_mut().poll(context);
                }
            }
        }
        Poll::Ready(())
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

    /// Sends bytes of the first waiting span, `most` at most.
    fn poll_send(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let Some(span) = self.spans.front() else {
            return Poll::Ready(Err(io::Error::other("no chunk is to be sent")));
        };
        let (first, left) = span.rest();
        let most = most.min(left).min(self.ahead);
        let count = ready!(self.poll_loaded(context, span.file(), first, most));
        let sending = || send(&self.stream, span.file(), first, count);
        let sent = ready!(self.poll_io(context, sending));
        let sent = sent.inspect_err(|error| log_send_error(error, &span))?;
        if sent == 0 {
            let short = io::ErrorKind::UnexpectedEof.into();
            log_send_error(&short, &span);
            return Poll::Ready(Err(short));
        }
        self.ahead = next_ahead(self.ahead, count, sent);
        span.add_sent(sent);
        Poll::Ready(Ok(sent))
    }

    /// How many bytes from one on can be sent without waiting for the disk. Those of a client that
    /// takes its time may have left memory since they were looked at.
    fn poll_loaded(
        &mut self,
        context: &mut Context<'_>,
        file: &Arc<File>,
        first: u64,
        most: usize,
    ) -> Poll<usize> {
        if self.loading.is_none() {
            let count = chunk_read::cached(file, first, most);
            if count > 0 {
                return Poll::Ready(count);
            }
        }
        let loading = self.loading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            tokio::task::spawn_blocking(move || chunk_read::load(&file, first, most as u64))
        });
        // The send reports what cannot be read.
        let _ = ready!(Pin::new(loading).poll(context));
        self.loading = None;
        Poll::Ready(most.min(chunk_read::READ_BYTES))
    }
}

/// How far the next send looks ahead: as far as the connection takes, since each look costs a system call, and what it
/// does not take now may have left memory by then.
fn next_ahead(ahead: usize, offered: usize, sent: usize) -> usize {
    match sent < offered {
        true => sent.clamp(LEAST_AHEAD, SPAN_BYTES),
        false if offered == ahead => (2 * ahead).min(SPAN_BYTES),
        false => ahead,
    }
}

/// Logs what is wrong with a file. A client that has gone is not a fault of the file.
fn log_send_error(error: &io::Error, span: &FileSpan) {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
    if ![BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut].contains(&error.kind()) {
        let (first, left) = span.rest();
        tracing::error!("{left} bytes of a chunk, from {first} on, cannot be sent: {error}");
        chunk_read::read_from_now_on(error);
    }
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

impl Drop for Socket {
    fn drop(&mut self) {
        if self.ending.is_reset() {
            // RFC 9293 3.10.4, ABORT. A socket that refuses is closed in good order.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.spans.check()?;
        match is_sentinel(bytes) {
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
        if let Some(first) = first.filter(|first| is_sentinel(first)) {
            return self.poll_send(context, first.len());
        }
        match slices.iter().position(|slice| is_sentinel(slice)) {
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
        if self.ending.is_reset() {
            // The client has seen an orderly end.
            return Poll::Ready(Ok(()));
        }
        if self.lingers.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        self.poll_linger(context).map(Ok)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let count = self.begun.len().min(buffer.remaining());
            buffer.put_slice(&self.begun.split_to(count));
            if self.begun.is_empty() {
                // An empty one would hold on to its memory.
                self.begun = Bytes::new();
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
