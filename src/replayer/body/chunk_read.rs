//! Pieces of chunk files: into pooled buffers, and without another thread where the system has the bytes in
//! memory.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rustix::io::Errno;

/// Bytes of a chunk that are read at a time. A client has little more of one in memory, since there may be
/// thousands that do not read.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// The system sends no longer span at once: others wait while it takes one.
pub(crate) const SPAN_BYTES: usize = 2 * 1024 * 1024;
/// Buffers in the pool at most.
const MOST_POOLED: usize = 64;

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A pooled read buffer.
struct Buffer {
    bytes: Vec<u8>,
    length: usize,
}

impl Buffer {
    fn new() -> Self {
        let pooled = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self {
            bytes: pooled.unwrap_or_else(|| vec![0; READ_BYTES]),
            length: 0,
        }
    }

    /// The part of the buffer for `count` bytes, or all of it.
    fn room(&mut self, count: u64) -> &mut [u8] {
        let count = usize::try_from(count).unwrap_or(READ_BYTES);
        self.length = count.min(self.bytes.len());
        &mut self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < MOST_POOLED {
            pool.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// A span of a chunk file on its way to a client.
pub struct Chunk {
    file: Arc<File>,
    first: u64,
    left: u64,
    reading: Option<BoxFuture<'static, io::Result<Bytes>>>,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes from {} on", self.left, self.first)
    }
}

impl Chunk {
    pub(crate) fn new(file: Arc<File>, first: u64, left: u64) -> Self {
        Self {
            file,
            first,
            left,
            reading: None,
        }
    }

    /// Whether all of it was given.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The next bytes; `None`: there are no more.
    pub(crate) fn poll_bytes(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        self.poll_at_most(context, u64::MAX)
    }

    /// The next bytes, so many at most; `None`: there are no more.
    pub(crate) fn poll_at_most(
        &mut self,
        context: &mut Context<'_>,
        most: u64,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let (file, first, left) = (&self.file, self.first, self.left.min(most));
        let reading = self.reading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            Box::pin(async move { read(&file, first, left).await })
        });
        let read = ready!(reading.as_mut().poll(context));
        self.reading = None;
        match &read {
            Ok(bytes) => self.advance(bytes.len() as u64),
            Err(_) => self.left = 0,
        }
        Poll::Ready(Some(read))
    }

    /// The next bytes as a span that the system can send on its own (file, first byte, number of bytes), if it has
    /// the first of them in memory.
    pub(crate) fn next_span(&mut self) -> Option<(Arc<File>, u64, usize)> {
        if self.reading.is_some() || cached(&self.file, self.first, 1) == 0 {
            return None;
        }
        let first = self.first;
        let count = usize::try_from(self.left)
            .unwrap_or(SPAN_BYTES)
            .min(SPAN_BYTES);
        self.advance(count as u64);
        Some((Arc::clone(&self.file), first, count))
    }

    fn advance(&mut self, count: u64) {
        self.first = self.first.saturating_add(count);
        self.left = self.left.saturating_sub(count);
    }
}

/// Whether the system sends from files at all.
static SENDS: AtomicBool = AtomicBool::new(cfg!(target_os = "linux"));

/// Spans are read from now on, if this says that the system cannot send them.
pub(crate) fn read_from_now_on(error: &io::Error) {
    let cannot = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    if Errno::from_io_error(error).is_some_and(|error| cannot.contains(&error)) {
        SENDS.store(false, Ordering::Relaxed);
    }
}

/// How many of the next `most` bytes of a file are in memory. Looks at one byte in each 64 KiB. 0: the system does not
/// say.
pub(crate) fn cached(file: &File, first: u64, most: usize) -> usize {
    if !SENDS.load(Ordering::Relaxed) {
        return 0;
    }
    cached_by(|at| is_cached(file, first.saturating_add(at as u64)), most)
}

fn cached_by(is_cached: impl Fn(usize) -> bool, most: usize) -> usize {
    if most == 0 || !is_cached(0) {
        return 0;
    }
    let steps = (READ_BYTES..most.saturating_add(READ_BYTES)).step_by(READ_BYTES);
    let ends = steps.map(|end| end.min(most));
    let there = ends.take_while(|end| is_cached(end - 1)).last();
    there.unwrap_or(1)
}

#[cfg(target_os = "linux")]
fn is_cached(file: &File, at: u64) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut byte = [0];
    let mut room = [io::IoSliceMut::new(&mut byte)];
    preadv2(file, &mut room, at, ReadWriteFlags::NOWAIT) == Ok(1)
}

#[cfg(not(target_os = "linux"))]
fn is_cached(_: &File, _: u64) -> bool {
    false
}

/// Brings the next bytes of a file into memory.
pub(crate) fn load(file: &File, first: u64, count: u64) {
    // The send that needs them reports what is wrong.
    let _ = file.read_exact_at(Buffer::new().room(count), first);
}

/// Reads bytes of a file from `first` on: at least one, at most `count`.
///
/// # Errors
/// They cannot be read, or the file ends before.
pub(crate) async fn read(file: &Arc<File>, first: u64, count: u64) -> io::Result<Bytes> {
    if let Some(bytes) = read_at_once(file, first, count) {
        return Ok(bytes);
    }
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || {
        let mut buffer = Buffer::new();
        file.read_exact_at(buffer.room(count), first)
            .inspect_err(|error| {
                tracing::error!("a chunk became shorter while it was sent: {error}");
            })?;
        Ok(Bytes::from_owner(buffer))
    });
    reading.await.map_err(io::Error::other)?
}

/// What of it is in memory; `None`: the disk is needed, or the system does not say.
#[cfg(target_os = "linux")]
fn read_at_once(file: &File, first: u64, count: u64) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut buffer = Buffer::new();
    let mut room = [io::IoSliceMut::new(buffer.room(count))];
    let read = preadv2(file, &mut room, first, ReadWriteFlags::NOWAIT);
    buffer.length = read.ok().filter(|read| *read > 0)?;
    Some(Bytes::from_owner(buffer))
}

#[cfg(not(target_os = "linux"))]
fn read_at_once(_: &File, _: u64, _: u64) -> Option<Bytes> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn one_byte_of_each_64_kib_is_looked_at_up_to_the_first_that_is_not_there() {
        for (there, most, cached, looks) in [
            (0, 500_000, 0, 1),
            (1, 1, 1, 2),
            (300_000, 262_144, 262_144, 5),
            (300_000, 2_000_000, 262_144, 6),
            (3_000_000, SPAN_BYTES, SPAN_BYTES, 33),
            (70_000, 70_000, 70_000, 3),
            (10, 0, 0, 0),
        ] {
            let count = Cell::new(0);
            let look = |at| {
                count.set(count.get() + 1);
                at < there
            };
            assert_eq!(
                (cached_by(look, most), count.get()),
                (cached, looks),
                "{there} of {most}"
            );
        }
    }
}
