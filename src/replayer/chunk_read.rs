//! Pieces of chunk files: into places that are used again, and without another thread where the
//! system has the bytes in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Chunks are read so many bytes at a time; little more of one is in memory for a client, since
/// thousands may not read.
pub(super) const READ_BYTES: usize = 64 * 1024;
/// So many places wait to be used again.
const MOST_IDLE: usize = 64;

static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A place for bytes, which is used again when nobody needs them any more.
struct Place {
    bytes: Vec<u8>,
    length: usize,
}

impl Place {
    fn new() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self {
            bytes: idle.unwrap_or_else(|| vec![0; READ_BYTES]),
            length: 0,
        }
    }

    /// To be filled with so many bytes, or as many as there is room for.
    fn room(&mut self, count: u64) -> &mut [u8] {
        let count = usize::try_from(count).unwrap_or(READ_BYTES);
        self.length = count.min(self.bytes.len());
        &mut self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for Place {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// The next bytes of a file from a place on: up to so many, and at least one.
///
/// # Errors
/// They cannot be read, or the file ends before.
pub(super) async fn read(file: &Arc<File>, first: u64, count: u64) -> io::Result<Bytes> {
    if let Some(bytes) = read_at_once(file, first, count) {
        return Ok(bytes);
    }
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || {
        let mut place = Place::new();
        file.read_exact_at(place.room(count), first)?;
        Ok(Bytes::from_owner(place))
    });
    reading.await.map_err(io::Error::other)?
}

/// What of it is in memory; `None`: the disk is needed, or the system does not say.
#[cfg(target_os = "linux")]
fn read_at_once(file: &File, first: u64, count: u64) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut place = Place::new();
    let mut room = [io::IoSliceMut::new(place.room(count))];
    let read = preadv2(file, &mut room, first, ReadWriteFlags::NOWAIT);
    place.length = read.ok().filter(|read| *read > 0)?;
    Some(Bytes::from_owner(place))
}

#[cfg(not(target_os = "linux"))]
fn read_at_once(_: &File, _: u64, _: u64) -> Option<Bytes> {
    None
}
