//! Chunk files: how they come to be under `chunks/`.
//!
//! The steps are those of `docs/design/session.md`; the writer calls them in that order.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::beneath::raw_error;
use super::chunk_dir::{BodyFile, ChunkDir, TemporaryName};
use super::new_body::NewBody;
use super::room::Room;
use crate::session::digest::Digest;
use crate::session::id::ExchangeId;

/// A download under way: a file of its own under `chunks/.tmp`, hashed as it grows.
///
/// Dropped unfinished, it takes its file with it.
#[derive(Debug)]
pub struct DownloadFile {
    file: File,
    chunks: ChunkDir,
    name: TemporaryName,
    hash: Sha256,
    size: u64,
    finished: bool,
    room: Room,
}

impl DownloadFile {
    /// Step 1: creates the file exclusively.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn create(chunks: &Path, id: ExchangeId) -> io::Result<Self> {
        Self::create_in(&ChunkDir::open_folder(chunks)?, id, &Room::default())
    }

    /// As [`Self::create`], where there is room.
    pub(crate) fn create_in(chunks: &ChunkDir, id: ExchangeId, room: &Room) -> io::Result<Self> {
        Self::create_as(chunks, TemporaryName::for_exchange(id), room)
    }

    /// Beside a download: it without its content codings.
    pub(crate) fn create_plain(chunks: &ChunkDir, id: ExchangeId, room: &Room) -> io::Result<Self> {
        Self::create_as(chunks, TemporaryName::plain_of(id), room)
    }

    fn create_as(chunks: &ChunkDir, name: TemporaryName, room: &Room) -> io::Result<Self> {
        let created = room.admit().and_then(|()| chunks.create_temporary(&name));
        let file = created.inspect_err(|error| room.refused(error, 0))?;
        Ok(Self {
            room: room.clone(),
            file,
            chunks: chunks.clone(),
            name,
            hash: Sha256::new(),
            size: 0,
            finished: false,
        })
    }

    /// Appends what came.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self
            .room
            .admit()
            .and_then(|()| self.file.write_all(bytes).map_err(|e| self.failed(&e)));
        let size = self.size.saturating_add(bytes.len() as u64);
        written.inspect_err(|error| self.room.refused(error, size))?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Gives up what a write that failed may have left behind the bytes so far.
    pub(crate) fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.size).map_err(|e| self.failed(&e))
    }

    /// Step 2: syncs the data. A file that could not be synced is dropped, never synced again.
    ///
    /// # Errors
    /// Whatever the file system says, with the path.
    pub fn finish(mut self) -> io::Result<NewBody> {
        // Some file systems have found room only now.
        let synced = self.file.sync_data().map_err(|e| self.failed(&e));
        synced.inspect_err(|error| self.room.refused(error, self.size))?;
        self.finished = true;
        Ok(NewBody::File {
            file: BodyFile::downloaded(self.chunks.clone(), self.name.clone()),
            size: self.size,
            sha256: self.sha256(),
        })
    }

    /// What the file system said, and of what.
    fn failed(&self, error: &io::Error) -> io::Error {
        let name = self.name.as_str();
        io::Error::new(error.kind(), format!("chunks/.tmp/{name}: {error}"))
    }

    fn sha256(&mut self) -> Digest {
        self.hash.finalize_reset().into()
    }
}

impl Drop for DownloadFile {
    fn drop(&mut self) {
        if !self.finished {
            // The file is ours alone; one that stays behind is swept with `.tmp` at the next stop.
            let _ = self.chunks.remove_temporary(&self.name);
        }
    }
}

/// Whether there were no descriptors left, which passes: somebody else closes some.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(raw_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::chunk_dir::TEMPORARY;

    #[test]
    fn an_unfinished_download_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut download = DownloadFile::create(folder.path(), 7).unwrap();
        download.write(b"half").unwrap();
        let there = || {
            let entries = std::fs::read_dir(folder.path().join(TEMPORARY));
            entries.unwrap().count()
        };
        assert_eq!(there(), 1);
        drop(download);
        assert_eq!(there(), 0);
    }
}
