//! A connection that can be reset: what a recorded reset comes back as.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::sendfile::Direct;

/// How a connection is to end. Shared with whoever answers on it.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// With a reset, when the connection is dropped.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_reset(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP connection that ends as its [`Ending`] says.
#[derive(Debug)]
pub struct Resettable {
    stream: Direct,
    ending: Ending,
}

impl Resettable {
    /// Wraps a connection.
    pub(super) fn new(stream: Direct) -> Self {
        Self {
            stream,
            ending: Ending::default(),
        }
    }

    /// To say how it ends.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.ending.is_reset() {
            // RFC 9293 3.10.4, ABORT. A socket that refuses is closed in good order.
            let _ = SockRef::from(self.stream.stream()).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
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

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}
