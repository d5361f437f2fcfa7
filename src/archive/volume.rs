//! One volume on its way into a store: its rows on this disk, then its objects in their order.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::ArchiveError;
use super::listing::{REQUESTS, read};
use super::manifest::{Chunks, Database, LARGEST_DATABASE, Manifest, ManifestRun};
use super::names::{self, VolumeName};
use super::windows::Window;
use crate::session::digest::RunningDigest;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile};
use crate::session::{Digest, Run, SessionFolder, digest};
use crate::store::{Error as StoreError, Kind, Put, Store};
use crate::upkeep::ClipWanted;
use crate::upkeep::clip::copy::NamedChunk;
use crate::upkeep::clip::{Rows, clip_rows, mark_lost};

/// What is sent in one request is no larger, in bytes.
const AT_ONCE: u64 = 8 * 1024 * 1024;
/// How databases are compressed.
const LEVEL: i32 = 3;
const STEP: usize = 256 * 1024;

/// Of which session.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    pub(super) session: &'a SessionFolder,
    pub(super) runs: &'a [Run],
}

/// A volume that is in the store.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) manifest: Manifest,
    /// Somebody had put it there before: an earlier run of this program.
    pub(super) was_there: bool,
}

/// A volume whose rows are on this disk.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) name: VolumeName,
    pub(super) window: Window,
    pub(super) rows: Rows,
    database: PathBuf,
    day: String,
    is_marked: bool,
}

impl Volume {
    /// Makes its rows in a folder that is empty. `owed`: what was listed by the end of the volume before and had not come.
    pub(super) fn make(
        source: &Source<'_>,
        name: VolumeName,
        window: Window,
        owed: &[(i64, i64)],
        work: &Path,
    ) -> Result<Self, ArchiveError> {
        let database = work.join("volume.db");
        let wanted = ClipWanted {
            from_us: window.from_us,
            to_us: window.to_us,
            stream: Some(name.stream.clone()),
        };
        let rows = clip_rows(source.session, &database, &wanted, owed)?;
        Ok(Self {
            day: names::day(window.from_us),
            name,
            window,
            rows,
            database,
            is_marked: false,
        })
    }

    /// Puts all of it into a store, the manifest last. What is there already stays as it is.
    pub(super) fn put(
        &mut self,
        source: &Source<'_>,
        store: &Store,
        sent: &mut Sent,
        missing_from_us: Option<i64>,
    ) -> Result<Outcome, ArchiveError> {
        let chunks = ChunkDir::of_session(source.session.path())?;
        let lost = self.put_chunks(&chunks, store, sent)?;
        if !lost.is_empty() && !self.is_marked {
            mark_lost(&self.database, self.window.to_us, &lost)?;
            self.is_marked = true;
        }
        let database = self.put_database(store)?;
        let kept: Vec<&NamedChunk> = self
            .rows
            .chunks
            .iter()
            .filter(|chunk| !lost.contains(chunk))
            .collect();
        let runs = source.runs.iter().filter(|run| {
            run.end_us() >= self.window.from_us && run.started_us <= self.window.to_us
        });
        let manifest = Manifest {
            format: Manifest::FORMAT,
            program: concat!("isrecorder ", env!("CARGO_PKG_VERSION")).to_owned(),
            writer: self.name.writer.to_string(),
            stream: self.name.stream.clone(),
            session: source.session.name(),
            zero_us: source.runs.first().map_or(0, |run| run.started_us),
            from_us: self.window.from_us,
            to_us: self.window.to_us,
            reaches_back_to_us: self.rows.reaches_back_to_us,
            missing_from_us,
            owed: self.rows.owed.clone(),
            runs: runs.map(ManifestRun::of).collect(),
            database,
            chunks: Chunks {
                day: self.day.clone(),
                count: kept.len() as u64,
                bytes: kept.iter().map(|chunk| chunk.size).sum(),
                lost: self.rows.done.lost + lost.len() as u64,
            },
        };
        let key = self.name.manifest();
        let text = manifest
            .text()
            .map_err(|why| ArchiveError::Volume(key.clone(), why))?;
        let put = store.wait(store.put_new(&key, text.into()))?;
        // One that is there is of an earlier run, which saw less of the session, maybe: what that one says holds.
        let stored = match put {
            Put::Made => None,
            Put::WasThere => Some(read(store, &self.name)?),
        };
        Ok(Outcome {
            was_there: stored.is_some(),
            manifest: stored.unwrap_or(manifest),
        })
    }

    /// Those whose files are not what their rows say.
    fn put_chunks(
        &self,
        chunks: &ChunkDir,
        store: &Store,
        sent: &mut Sent,
    ) -> Result<Vec<NamedChunk>, ArchiveError> {
        sent.begin(&self.day);
        let mut together = HashSet::new();
        let new = self
            .rows
            .chunks
            .iter()
            .filter(|chunk| !sent.has(&chunk.sha256) && together.insert(chunk.sha256));
        let (looks, day) = (sent.looks, self.day.as_str());
        let done = store.each(new, REQUESTS, |chunk| async move {
            let there = put_chunk(chunks, store, day, chunk, looks).await?;
            Ok((chunk, there))
        })?;
        let mut altered = HashSet::new();
        for (chunk, is_there) in done {
            match is_there {
                true => sent.add(chunk.sha256),
                false => _ = altered.insert(chunk.sha256),
            }
        }
        sent.looks = false;
        let lost = self
            .rows
            .chunks
            .iter()
            .filter(|chunk| altered.contains(&chunk.sha256));
        Ok(lost.cloned().collect())
    }

    fn put_database(&self, store: &Store) -> Result<Database, ArchiveError> {
        let packed = self.database.with_extension("db.zst");
        let unpacked_bytes = pack(&self.database, &packed)?;
        let mut file = File::open(&packed)?;
        let bytes = file.metadata()?.len();
        let sha256 = hash(&mut file, bytes)?;
        let sha256 = sha256.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        file.rewind()?;
        let key = self.name.database(&sha256);
        if bytes > LARGEST_DATABASE || unpacked_bytes > LARGEST_DATABASE {
            let why = format!(
                "the rows of one volume have {unpacked_bytes} bytes; a shorter --volume has fewer"
            );
            return Err(ArchiveError::Usage(why));
        }
        if bytes <= AT_ONCE {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            store.wait(store.put_new(&key, content.into()))?;
        } else if store.wait(store.size(&key))? != Some(bytes) {
            store.wait(store.put_large(&key, &mut file, |_| {}, bytes))?;
        }
        Ok(Database {
            key,
            bytes,
            sha256: names::hex(&sha256),
            unpacked_bytes,
        })
    }
}

/// Chunks of a day that are in the store for certain.
#[derive(Debug, Default)]
pub(super) struct Sent {
    day: String,
    chunks: HashSet<Digest>,
    /// What was sent by an earlier run is not known: it is asked for before it is sent.
    looks: bool,
}

impl Sent {
    fn begin(&mut self, day: &str) {
        if self.day != day {
            *self = Self {
                looks: true,
                day: day.to_owned(),
                chunks: HashSet::new(),
            };
        }
    }

    fn has(&self, chunk: &Digest) -> bool {
        self.chunks.contains(chunk)
    }

    fn add(&mut self, chunk: Digest) {
        self.chunks.insert(chunk);
    }
}

/// Puts a chunk under its digest; `false`: its file is not what the row says.
async fn put_chunk(
    chunks: &ChunkDir,
    store: &Store,
    day: &str,
    chunk: &NamedChunk,
    looks: bool,
) -> Result<bool, StoreError> {
    let key = names::chunk(day, &chunk.sha256);
    if (looks || chunk.size > AT_ONCE) && store.size(&key).await? == Some(chunk.size) {
        return Ok(true);
    }
    let Ok(ChunkFile { mut file, .. }) = chunks.open(&chunk.path, chunk.size) else {
        return Ok(false);
    };
    if chunk.size <= AT_ONCE {
        let mut content = Vec::new();
        let read = (&file)
            .take(chunk.size.saturating_add(1))
            .read_to_end(&mut content);
        if read.is_err() || digest(&content) != chunk.sha256 {
            return Ok(false);
        }
        store.put_new(&key, Bytes::from(content)).await?;
        return Ok(true);
    }
    // Under a digest is nothing else, not even for a moment.
    if !matches!(hash(&mut file, chunk.size), Ok(Some(found)) if found == chunk.sha256) {
        return Ok(false);
    }
    file.rewind()
        .map_err(|error| StoreError::of_io(&chunk.path, &error))?;
    let mut running = RunningDigest::default();
    store
        .put_large(&key, &mut file, |bytes| running.add(bytes), chunk.size)
        .await?;
    match running.digest() == chunk.sha256 {
        true => Ok(true),
        false => Err(StoreError::new(
            Kind::Wrong,
            key,
            "the chunk was changed while it was sent",
        )),
    }
}

/// The digest of a file of so many bytes; `None`: it has fewer.
fn hash(file: &mut File, size: u64) -> io::Result<Option<Digest>> {
    let mut running = RunningDigest::default();
    let (mut left, mut buffer) = (size, vec![0; STEP]);
    while left > 0 {
        let some = usize::try_from(left).unwrap_or(STEP).min(STEP);
        match file.read(&mut buffer[..some])? {
            0 => return Ok(None),
            read => {
                running.add(&buffer[..read]);
                left = left.saturating_sub(read as u64);
            }
        }
    }
    Ok(Some(running.digest()))
}

/// Compresses a file; how large it was.
fn pack(from: &Path, to: &Path) -> io::Result<u64> {
    let mut encoder = zstd::stream::write::Encoder::new(File::create(to)?, LEVEL)?;
    encoder.include_checksum(true)?;
    let bytes = io::copy(&mut File::open(from)?, &mut encoder)?;
    encoder.finish()?;
    Ok(bytes)
}
