//! One volume on its way into a store: its rows on this disk, then its objects in their order.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};

use super::error::ArchiveError;
use super::listing::{REQUESTS, read};
use super::manifest::{Chunks, Database, LARGEST_DATABASE, Manifest, ManifestRun};
use super::names::{self, VolumeName};
use super::reserve;
use super::sent::{Chunk, Sent};
use super::windows::Window;
use crate::session::digest::digest_of;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::{Run, SessionFolder};
use crate::store::{Put, Store};
use crate::upkeep::ClipWanted;
use crate::upkeep::clip::copy::NamedChunk;
use crate::upkeep::clip::{Rows, clip_rows, mark_lost};

/// How databases are compressed.
const LEVEL: i32 = 3;

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
    /// Bodies whose files are not what their rows say: its database says so. What was lost once stays lost.
    lost: HashSet<i64>,
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
        let database = work.join(reserve::ROWS);
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
            lost: HashSet::new(),
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
        let lost = self.put_chunks((source.session, &chunks), store, sent)?;
        if !lost.is_empty() {
            mark_lost(&self.database, self.window.to_us, &lost)?;
            self.lost.extend(lost.iter().map(|chunk| chunk.body));
        }
        let database = self.put_database(store)?;
        let kept: Vec<&NamedChunk> = self
            .rows
            .chunks
            .iter()
            .filter(|chunk| !self.lost.contains(&chunk.body))
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
                lost: self.rows.done.lost + self.lost.len() as u64,
            },
        };
        let key = self.name.manifest();
        let text = manifest.text().map_err(ArchiveError::TooLarge)?;
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

    /// Those whose files are not what their rows say, and that were not lost before.
    fn put_chunks(
        &self,
        (session, chunks): (&SessionFolder, &ChunkDir),
        store: &Store,
        sent: &mut Sent,
    ) -> Result<Vec<NamedChunk>, ArchiveError> {
        sent.begin(&self.name.stream, self.name.from_us, &self.day);
        let mut together = HashSet::new();
        let new = self.rows.chunks.iter().filter(|chunk| {
            let is_done = self.lost.contains(&chunk.body) || sent.has(&chunk.sha256);
            !is_done && together.insert(chunk.sha256)
        });
        let new: Vec<&NamedChunk> = new.collect();
        let (looks, day) = (sent.looks(), self.day.as_str());
        // What came through counts, whatever becomes of the others.
        let sent = RefCell::new(sent);
        let done = store.each(new, REQUESTS, |named| {
            let sent = &sent;
            async move {
                let chunk = Chunk {
                    session,
                    chunks,
                    day,
                    named,
                };
                let there = chunk.put(store, looks).await?;
                if there {
                    sent.borrow_mut().add(named.sha256);
                }
                Ok::<_, ArchiveError>((!there).then_some(named.sha256))
            }
        });
        sent.borrow_mut().looked(done.is_ok());
        let altered: HashSet<_> = done?.into_iter().flatten().collect();
        let lost =
            self.rows.chunks.iter().filter(|chunk| {
                altered.contains(&chunk.sha256) && !self.lost.contains(&chunk.body)
            });
        Ok(lost.cloned().collect())
    }

    fn put_database(&self, store: &Store) -> Result<Database, ArchiveError> {
        let packed = self.database.with_file_name(reserve::PACKED);
        let unpacked_bytes = pack(&self.database, &packed)?;
        let mut file = File::open(&packed)?;
        let bytes = file.metadata()?.len();
        let sha256 = digest_of(&mut file)?;
        file.rewind()?;
        let key = self.name.database(&sha256);
        if bytes > LARGEST_DATABASE || unpacked_bytes > LARGEST_DATABASE {
            let why = format!(
                "the rows of one volume have {unpacked_bytes} bytes; a shorter --volume has fewer"
            );
            return Err(ArchiveError::TooLarge(why));
        }
        if bytes <= store.piece() {
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            store.wait(store.put_new(&key, content.into()))?;
        } else if store.wait(store.size(&key))? != Some(bytes) {
            store.wait(store.put_large(&key, &mut file, bytes))?;
        }
        Ok(Database {
            key,
            bytes,
            sha256: names::hex(&sha256),
            unpacked_bytes,
        })
    }
}

/// Compresses a file into one that has its room already; how large it was.
fn pack(from: &Path, to: &Path) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    let to = options.write(true).create(true).truncate(false).open(to)?;
    let mut encoder = zstd::stream::write::Encoder::new(to, LEVEL)?;
    encoder.include_checksum(true)?;
    let bytes = io::copy(&mut File::open(from)?, &mut encoder)?;
    let mut to = encoder.finish()?;
    let end = to.stream_position()?;
    to.set_len(end)?;
    Ok(bytes)
}
