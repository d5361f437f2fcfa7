//! Chunks on their way into a store, and which of them are there for certain.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{self, Read};

use super::error::ArchiveError;
use super::names;
use crate::session::digest::RunningDigest;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile};
use crate::session::{Digest, ReadError, Reader, SessionFolder, digest};
use crate::store::Store;
use crate::upkeep::check::is_what_came;
use crate::upkeep::clip::copy::NamedChunk;

/// What is known of so many volumes of each stream: chunks are named again soon, or never.
const KNOWN: usize = 2;

/// Days of which is remembered that all that was sent is known: streams that are behind are at another one.
const DAYS: usize = 8;

/// Chunks that are in the store for certain: those of the last volumes of each stream.
#[derive(Debug, Default)]
pub(super) struct Sent {
    streams: HashMap<String, VecDeque<Known>>,
    stream: String,
    day: String,
    /// Days of which a volume went through without a failure. What was sent before, by an earlier run or by requests whose answers
    /// were lost, is not known: of other days it is asked for before it is sent.
    looked: BTreeSet<String>,
}

/// What is known of a volume.
#[derive(Debug)]
struct Known {
    from_us: i64,
    day: String,
    chunks: HashSet<Digest>,
}

impl Sent {
    /// What is sent next is of this volume.
    pub(super) fn begin(&mut self, stream: &str, from_us: i64, day: &str) {
        day.clone_into(&mut self.day);
        stream.clone_into(&mut self.stream);
        let volumes = self.streams.entry(self.stream.clone()).or_default();
        if volumes.back().is_none_or(|known| known.from_us != from_us) {
            volumes.push_back(Known {
                from_us,
                day: day.to_owned(),
                chunks: HashSet::new(),
            });
        }
        while volumes.len() > KNOWN {
            volumes.pop_front();
        }
    }

    /// Whether a chunk may be there that is not known.
    pub(super) fn looks(&self) -> bool {
        !self.looked.contains(&self.day)
    }

    /// All chunks of a volume were sent, or not.
    pub(super) fn looked(&mut self, all: bool) {
        match all {
            true => _ = self.looked.insert(self.day.clone()),
            false => _ = self.looked.remove(&self.day),
        }
        while self.looked.len() > DAYS {
            self.looked.pop_first();
        }
    }

    pub(super) fn has(&self, chunk: &Digest) -> bool {
        let mut volumes = self.streams.values().flatten();
        volumes.any(|known| known.day == self.day && known.chunks.contains(chunk))
    }

    pub(super) fn add(&mut self, chunk: Digest) {
        let volumes = self.streams.get_mut(&self.stream);
        if let Some(known) = volumes.and_then(VecDeque::back_mut) {
            known.chunks.insert(chunk);
        }
    }
}

/// A chunk of a session on its way.
pub(super) struct Chunk<'a> {
    pub(super) session: &'a SessionFolder,
    pub(super) chunks: &'a ChunkDir,
    pub(super) day: &'a str,
    pub(super) named: &'a NamedChunk,
}

impl Chunk<'_> {
    /// Puts it under its digest; `false`: it is lost, since its file is not there, or not what its row says.
    ///
    /// # Errors
    /// Of the store; or its file cannot be read for now, which is no loss.
    pub(super) async fn put(&self, store: &Store, looks: bool) -> Result<bool, ArchiveError> {
        let named = self.named;
        let key = names::chunk(self.day, &named.sha256);
        let asks = looks || named.size > store.piece();
        if asks && store.size(&key).await? == Some(named.size) {
            return Ok(true);
        }
        let Some(mut chunk) = self.open()? else {
            return Ok(false);
        };
        if named.size <= store.piece() {
            let mut content = Vec::new();
            let mut all = Read::by_ref(&mut chunk.file).take(named.size);
            let read = all.read_to_end(&mut content);
            read.map_err(|error| self.failed(&error))?;
            if digest(&content) != named.sha256 {
                return Ok(false);
            }
            store.put_new(&key, content.into()).await?;
            return Ok(true);
        }
        // Under a digest is nothing else, not even for a moment.
        let same = is_what_came(&mut chunk, &named.sha256);
        if !same.map_err(|error| self.failed(&error))? {
            return Ok(false);
        }
        chunk.rewind().map_err(|error| self.failed(&error))?;
        let mut same = Same {
            from: &mut chunk.file,
            left: named.size,
            running: RunningDigest::default(),
            sha256: &named.sha256,
        };
        store.put_large(&key, &mut same, named.size).await?;
        Ok(true)
    }

    /// Its file; `None`: it is lost.
    fn open(&self) -> Result<Option<ChunkFile>, ArchiveError> {
        if let Ok(file) = self.chunks.open(&self.named.path, self.named.size) {
            return Ok(Some(file));
        }
        // It may be a span of another file by now, or be refused for now; the session knows what is a loss.
        match Reader::open(self.session)?.chunk_of(self.named.body) {
            Ok(Some(file)) if file.size == self.named.size => Ok(Some(file)),
            Ok(_) | Err(ReadError::Lost(_)) => Ok(None),
            Err(ReadError::Io(error)) => Err(self.failed(&error)),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(&self, error: &io::Error) -> ArchiveError {
        let what = format!("chunks/{}: {error}", self.named.path);
        io::Error::new(error.kind(), what).into()
    }
}

/// A file that fails at its end where it is not what it was.
struct Same<'a, R> {
    from: &'a mut R,
    left: u64,
    running: RunningDigest,
    sha256: &'a Digest,
}

impl<R: Read> Read for Same<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.running.add(to.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(read as u64);
        match self.left == 0 && self.running.digest() != *self.sha256 {
            true => Err(io::Error::other("the chunk was changed while it was sent")),
            false => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_day_no_more_is_remembered_than_of_two_volumes_of_each_stream() {
        let mut sent = Sent::default();
        for volume in 0..5 {
            for (number, stream) in (0..).zip(["a", "b"]) {
                sent.begin(stream, volume, "2026-11-30");
                sent.begin(stream, volume, "2026-11-30");
                sent.add([volume as u8 * 2 + number; 32]);
            }
        }
        let known: Vec<u8> = (0..10).filter(|&of| sent.has(&[of; 32])).collect();
        assert_eq!(known, [6, 7, 8, 9]);
        sent.looked(true);
        sent.begin("a", 5, "2026-11-30");
        assert!(!sent.looks() && sent.has(&[8; 32]));
        sent.begin("a", 6, "2026-12-01");
        assert!(sent.looks() && !sent.has(&[8; 32]));
        // Another stream is still at the day before.
        sent.begin("b", 4, "2026-11-30");
        assert!(!sent.looks() && sent.has(&[9; 32]));
        sent.looked(false);
        assert!(sent.looks());
    }
}
