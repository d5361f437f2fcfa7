//! What a client of HTTP/2 may send that asks for nothing: one budget for all of it. Frames that cost the client
//! little (PING, SETTINGS, WINDOW_UPDATE of a byte, PRIORITY, frames of unknown kinds, DATA that nobody reads) have no
//! limit of their own in the protocol, nor has the number of requests that are taken back at once.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock;

/// Bytes that may come for nothing: at once, and in each second.
const BYTES: u64 = 256 * 1024;
const BYTES_PER_SECOND: u64 = 1024;
/// Each request brings that many more.
const BYTES_PER_REQUEST: u64 = 16 * 1024;
/// And each so many bytes that are sent bring one more: windows have to be opened for them.
const SENT_PER_BYTE: u64 = 8;
/// Requests that may be taken back: at once, and in each second. One that is not brings one more.
const RESETS: u64 = 100;
const RESETS_PER_SECOND: u64 = 10;

/// Something that a client may use up, and that comes back with time.
#[derive(Debug)]
struct Quota {
    left: u64,
    most: u64,
    per_second: u64,
    counted_to: Instant,
}

impl Quota {
    fn new(most: u64, per_second: u64, now: Instant) -> Self {
        Self {
            left: most,
            most,
            per_second,
            counted_to: now,
        }
    }

    fn earn(&mut self, gain: u64) {
        self.left = self.left.saturating_add(gain).min(self.most);
    }

    /// Whether there was so much.
    fn spend(&mut self, cost: u64, now: Instant) -> bool {
        let seconds = now.saturating_duration_since(self.counted_to).as_secs();
        if seconds > 0 {
            self.counted_to = now;
            self.earn(seconds.saturating_mul(self.per_second));
        }
        let is_there = cost <= self.left;
        self.left = self.left.saturating_sub(cost);
        is_there
    }
}

#[derive(Debug)]
struct Quotas {
    bytes: Quota,
    resets: Quota,
}

/// The budget of a connection.
#[derive(Debug)]
pub(super) struct Budget {
    quotas: Mutex<Quotas>,
    exceeded: Notify,
}

impl Budget {
    pub(super) fn new() -> Arc<Self> {
        let now = clock::instant();
        let quotas = Quotas {
            bytes: Quota::new(BYTES, BYTES_PER_SECOND, now),
            resets: Quota::new(RESETS, RESETS_PER_SECOND, now),
        };
        Arc::new(Self {
            quotas: Mutex::new(quotas),
            exceeded: Notify::new(),
        })
    }

    /// Ends when the client has sent too much for nothing.
    pub(super) async fn exceeded(&self) {
        self.exceeded.notified().await;
    }

    pub(super) fn request(&self) {
        self.with(|all| all.bytes.earn(BYTES_PER_REQUEST));
    }

    pub(super) fn answered(&self) {
        self.with(|all| all.resets.earn(1));
    }

    /// The client took a request back.
    pub(super) fn taken_back(&self) {
        let now = clock::instant();
        self.spent(self.with(|all| all.resets.spend(1, now)));
    }

    fn received(&self, count: usize) {
        let now = clock::instant();
        self.spent(self.with(|all| all.bytes.spend(count as u64, now)));
    }

    fn sent(&self, count: usize) {
        self.with(|all| all.bytes.earn(count as u64 / SENT_PER_BYTE));
    }

    fn spent(&self, was_there: bool) {
        if !was_there {
            self.exceeded.notify_one();
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Quotas) -> T) -> T {
        // No code panics while it is locked.
        change(&mut self.quotas.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection whose bytes are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    pub(super) inner: S,
    pub(super) budget: Arc<Budget>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.budget.received(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.budget.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, slices))?;
        self.budget.sent(written);
        Poll::Ready(Ok(written))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn what_is_used_up_comes_back_with_time_and_never_above_the_most() {
        let start = clock::instant();
        let mut quota = Quota::new(10, 2, start);
        assert!(quota.spend(10, start));
        assert!(!quota.spend(1, start));
        let later = start + Duration::from_secs(3);
        assert!(quota.spend(6, later) && !quota.spend(1, later));
        let much_later = start + Duration::from_secs(3600);
        assert!(quota.spend(10, much_later) && !quota.spend(1, much_later));
        quota.earn(99);
        assert!(!quota.spend(11, much_later));
    }
}
