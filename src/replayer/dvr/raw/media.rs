//! A part of a raw stream as it is looked into: bytes at places, never more at once than there is a buffer for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that can be read at places.
pub(super) trait Media {
    /// Reads at a place; fewer bytes than asked for only at the end.
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>>;
}

impl Media for File {
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            let place = at.saturating_add(filled as u64);
            match self.read_at(bytes.get_mut(filled..).unwrap_or_default(), place) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// Some of the bytes of a part, as if there were no others.
pub(super) struct Piece<'a, M> {
    pub media: &'a M,
    /// Where it begins, in bytes.
    pub first: u64,
    /// In bytes.
    pub size: u64,
}

impl<M: Media> Media for Piece<'_, M> {
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let rest = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        self.media
            .read(self.first.saturating_add(at), count.min(rest))
    }
}

#[cfg(test)]
impl Media for &[u8] {
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let rest = self.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        Ok(rest[..count.min(rest.len())].to_vec())
    }
}
