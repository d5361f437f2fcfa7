//! A connection that notices when its client does not read: hyper has no time limit for writing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::ending::Ending;

/// Time for the client of a body that is watched: it may pause.
const PAUSE: Duration = Duration::from_secs(3600);

/// Whether bytes are waiting for the client to take them. Shared with the bodies that are sent.
#[derive(Debug, Clone, Default)]
pub struct Stalled(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    waits: AtomicBool,
    is_patient: AtomicBool,
}

impl Stalled {
    /// Whether the last write had to wait and still does.
    pub fn is_stalled(&self) -> bool {
        self.0.waits.load(Ordering::Relaxed)
    }

    /// Lets the client pause from now on.
    pub fn be_patient(&self) {
        self.0.is_patient.store(true, Ordering::Relaxed);
    }
}

/// Fails a write that makes no progress for longer than a limit, and has the connection reset: the
/// system would hold what is not read for minutes.
#[derive(Debug)]
pub struct Stalling<S> {
    inner: S,
    stalled: Stalled,
    ending: Ending,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    /// Wraps a connection that ends as `ending` says.
    pub fn new(inner: S, limit: Duration, ending: Ending) -> Self {
        Self {
            inner,
            stalled: Stalled::default(),
            ending,
            limit,
            waiting: None,
        }
    }

    /// Tells whether it waits now.
    pub fn stalled(&self) -> Stalled {
        self.stalled.clone()
    }

    /// Passes on the outcome of a write, unless it has waited for too long.
    fn watch<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.stalled
            .0
            .waits
            .store(outcome.is_pending(), Ordering::Relaxed);
        if outcome.is_ready() {
            self.waiting = None;
            return outcome;
        }
        let limit = match self.stalled.0.is_patient.load(Ordering::Relaxed) {
            true => PAUSE,
            false => self.limit,
        };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        if waiting.as_mut().poll(context).is_ready() {
            self.stalled.0.waits.store(false, Ordering::Relaxed);
            self.ending.reset();
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client does not read",
            )));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.watch(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (server, _client) = tokio::io::duplex(8);
        let mut server = Stalling::new(server, Duration::from_secs(20), Ending::default());
        let writing = server.write_all(&[0; 100]);
        let ended = tokio::time::timeout(PAUSE, writing).await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_may_pause_is_given_up_much_later() {
        let (server, mut client) = tokio::io::duplex(8);
        let mut server = Stalling::new(server, Duration::from_secs(20), Ending::default());
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
        let (server, mut client) = tokio::io::duplex(8);
        let mut server = Stalling::new(server, Duration::from_secs(20), Ending::default());
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
