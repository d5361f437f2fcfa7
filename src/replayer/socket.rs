//! The connection to a client, below everything else that hyper writes through.

use std::fs::File;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::chunk_read;
use super::ending::Ending;
use super::sendfile::{Span, Spans, is_stand_in};

/// A TCP connection that sends spans for their stand-ins, and ends as its [`Ending`] says.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    spans: Spans,
    ending: Ending,
    /// Brings bytes into memory that are to be sent next.
    loading: Option<JoinHandle<()>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            spans: Spans::default(),
            ending: Ending::default(),
            loading: None,
        }
    }

    /// To make stand-ins that this connection knows.
    pub(super) fn spans(&self) -> Spans {
        self.spans.clone()
    }

    /// To say how it ends.
    pub(super) fn ending(&self) -> Ending {
        self.ending.clone()
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
        let (first, left) = span.left();
        let count = ready!(self.poll_loaded(context, span.file(), first, most.min(left)));
        let sending = || send(&self.stream, span.file(), first, count);
        let count = ready!(self.poll_io(context, sending)).map_err(|error| told(error, &span))?;
        if count == 0 {
            let short = io::ErrorKind::UnexpectedEof.into();
            return Poll::Ready(Err(told(short, &span)));
        }
        span.has_sent(count);
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
fn told(error: io::Error, span: &Span) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut};
    if ![BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut].contains(&error.kind()) {
        let (first, left) = span.left();
        tracing::error!("{left} bytes of a chunk, from {first} on, cannot be sent: {error}");
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
        if self.ending.is_reset() {
            // A client that was told of an orderly end has seen one.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Socket {
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
