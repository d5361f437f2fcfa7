//! A connection whose reads and writes are noted, and that gives up a client that does not read: hyper has no
//! time limit for writing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::stall::Stalled;

/// Time limit for the client of a body that may pause.
pub(super) const PAUSE: Duration = Duration::from_secs(3600);

/// Notes what is read and written. Fails a write that makes no progress for longer than a limit, and has the
/// connection reset: otherwise the system would hold unread bytes for minutes.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: S,
    activity: Arc<Activity>,
    stalled: Stalled,
    ending: Ending,
    limit: Duration,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    /// Wraps a connection that ends as `ending` says; a write may wait for as long as `limit`.
    pub(super) fn new(inner: S, activity: Arc<Activity>, limit: Duration, ending: Ending) -> Self {
        Self {
            inner,
            activity,
            stalled: Stalled::default(),
            ending,
            limit,
            stall: None,
        }
    }

    /// Says whether a write waits.
    pub(super) fn stalled(&self) -> Stalled {
        self.stalled.clone()
    }

    /// Passes on the outcome of a write, unless it has waited for too long.
    fn limited<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.stalled.set(outcome.is_pending());
        if outcome.is_ready() {
            self.stall = None;
            return outcome;
        }
        let limit = match self.stalled.is_patient() {
            true => PAUSE,
            false => self.limit,
        };
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stall.as_mut().poll(context));
        self.stalled.set(false);
        self.ending.reset();
        let error = io::Error::new(io::ErrorKind::TimedOut, "the client does not read");
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.limited(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.limited(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS has taken bytes that the system has not.
        let outcome = Pin::new(&mut self.inner).poll_flush(context);
        ready!(self.limited(outcome, context))?;
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_reset() {
            // The client has seen an orderly end, otherwise.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    /// A connection of 8 bytes, and its client.
    fn pair() -> (Watched<DuplexStream>, DuplexStream) {
        let (server, client) = tokio::io::duplex(8);
        let activity = Arc::new(Activity::new());
        let limit = Duration::from_secs(20);
        let server = Watched::new(server, activity, limit, Ending::default());
        (server, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (mut server, _client) = pair();
        let writing = server.write_all(&[0; 100]);
        let ended = tokio::time::timeout(PAUSE, writing).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_take_what_a_layer_below_holds_is_given_up() {
        let (server, _client) = tokio::io::duplex(8);
        let layer = tokio::io::BufWriter::new(server);
        let (activity, ending) = (Arc::new(Activity::new()), Ending::default());
        let mut server = Watched::new(layer, activity, Duration::from_secs(20), ending.clone());
        server.write_all(&[0; 100]).await.unwrap();
        let ended = tokio::time::timeout(PAUSE, server.flush()).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(ending.is_reset());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_may_pause_is_given_up_much_later() {
        let (mut server, mut client) = pair();
        server.stalled().be_patient();
        let reading = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1800)).await;
            client.read_exact(&mut [0; 16]).await.unwrap();
            client
        });
        server.write_all(&[0; 16]).await.unwrap();
        let _client = reading.await.unwrap();
        assert!(server.write_all(&[0; 100]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_not() {
        let (mut server, mut client) = pair();
        let stalled = server.stalled();
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 8];
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(15)).await;
                client.read_exact(&mut buffer).await.unwrap();
            }
        });
        server.write_all(&[0; 80]).await.unwrap();
        assert!(!stalled.is_stalled());
        reading.await.unwrap();
    }
}
