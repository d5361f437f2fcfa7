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

#[cfg(test)]
impl Media for &[u8] {
    fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let rest = self.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        Ok(rest[..count.min(rest.len())].to_vec())
    }
}
