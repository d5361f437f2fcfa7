//! Between a connection and the HTTP library: heads go in whole and judged, one at a time, and
//! nothing else does. In place of a head that is refused a stand-in goes in; whoever answers it
//! learns why from the [`Visit`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::head::Heads;
use super::visit::Visit;

const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n";
/// So much is read at a time.
const READ_BYTES: usize = 2048;
/// A connection that is closed while bytes come is reset, and its client may never see the
/// answer: what comes is read and thrown away for so long, or up to so much.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A connection that heads are taken from.
#[derive(Debug)]
pub(super) struct Gate<S> {
    inner: S,
    visit: Arc<Visit>,
    heads: Heads,
    /// On its way in.
    head: Bytes,
    /// No further head is read.
    is_last: bool,
    lingers: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
}

impl<S> Gate<S> {
    pub(super) fn new(inner: S, visit: Arc<Visit>) -> Self {
        Self {
            inner,
            visit,
            heads: Heads::default(),
            head: Bytes::new(),
            is_last: false,
            lingers: None,
            thrown_away: 0,
        }
    }

    /// Takes the next head, if it is there.
    fn take(&mut self) -> bool {
        let Some(next) = self.heads.next() else {
            return false;
        };
        self.visit.asks(&next);
        match next {
            Ok(head) => (self.head, self.is_last) = (head.bytes, head.has_body),
            Err(_) => (self.head, self.is_last) = (Bytes::from_static(STAND_IN), true),
        }
        if !self.is_last && self.heads.has_begun() {
            self.visit.head_begins();
        }
        true
    }
}

impl<S: AsyncRead + Unpin> Gate<S> {
    /// Reads and throws away until the client has closed, or for as long as it is waited for.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match poll_some(&mut self.inner, context, |bytes| bytes.len()) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(count)) => self.thrown_away += count,
                Poll::Pending => {
                    let lingers = self.lingers.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return lingers.as_mut().poll(context);
                }
            }
            if self.thrown_away > LINGER_BYTES {
                return Poll::Ready(());
            }
        }
    }
}

/// Reads some bytes into a place that is needed for a moment only.
fn poll_some<S: AsyncRead + Unpin, T>(
    inner: &mut S,
    context: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    let mut place = [0; READ_BYTES];
    let mut buffer = ReadBuf::new(&mut place);
    ready!(Pin::new(inner).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(take(buffer.filled())))
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.head.is_empty() {
                let count = this.head.len().min(buffer.remaining());
                buffer.put_slice(&this.head[..count]);
                this.head.advance(count);
                return Poll::Ready(Ok(()));
            }
            if !this.is_last && this.take() {
                continue;
            }
            let (heads, is_last) = (&mut this.heads, this.is_last);
            let count = ready!(poll_some(&mut this.inner, context, |bytes| {
                if !is_last {
                    heads.push(bytes);
                }
                bytes.len()
            }))?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            // Most heads come in one piece.
            if !is_last && !this.take() {
                this.visit.head_begins();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// The library flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        self.visit.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingers.is_none() {
            ready!(Pin::new(&mut self.inner).poll_shutdown(context))?;
        }
        if self.is_last {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
