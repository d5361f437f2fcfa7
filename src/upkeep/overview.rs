//! What is in a session, at a glance: streams, runs, counts, faults, keys, sizes. Nothing is judged.

use std::io;
use std::time::Duration;

use rusqlite::types::ValueRef;
use serde::Serialize;

use super::check::{State, lost_bodies, state_of};
use crate::clock;
use crate::session::error::ReadError;
use crate::session::files::beneath::{Facts, PlainPath, Sort};
use crate::session::files::chunk_dir::{ChunkDir, TEMPORARY};
use crate::session::files::folder::SessionFolder;
use crate::session::notices::NoticeEvent;
use crate::session::read::facts::{Run, StreamInfo};
use crate::session::read::reader::Reader;
use crate::session::read::trouble::faults::FaultCount;
use crate::session::write::disk::full::is_reserve;

/// Folders within folders; paths of chunks are less deep.
const DEEPEST: usize = 64;
/// A key is not larger, in bytes: those of AES-128 have 16.
const LARGEST_KEY: i64 = 1024;

/// What is in a session.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The format version of its database.
    pub format_version: i32,
    /// Whether somebody records it.
    pub state: State,
    /// Lives of the recorder, in order; at least one.
    pub runs: Vec<Run>,
    /// From when on everything is kept, in microseconds of Unix time; `None`: all is.
    pub kept_from_us: Option<i64>,
    /// Which span of which session it is a clip of, in a sentence; `None`: it is none.
    pub clip_of: Option<String>,
    /// Its inputs.
    pub streams: Vec<StreamInfo>,
    /// How much there is.
    pub counts: Counts,
    /// Keys that were recorded.
    pub keys: Keys,
    /// Faults that are alike, the most first.
    pub faults: Vec<FaultCount>,
    /// How many bodies a repair has marked as lost.
    pub lost: usize,
    /// What the recorder noticed about itself and its machine.
    pub notices: Vec<NoticeEvent>,
    /// How large its files are.
    pub sizes: Sizes,
}

/// How much there is in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests and what came of them.
    pub exchanges: i64,
    /// Media playlists that have revisions.
    pub playlists: usize,
    /// New contents of playlists.
    pub revisions: i64,
    /// Bodies that are files.
    pub chunks: i64,
}

/// Keys that were recorded. Those in `data:` URIs of playlists are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// Different ones.
    pub count: usize,
    /// Of these, those that are nothing but zeros: a redacted copy has them so.
    pub zeros: usize,
}

/// How large the files of a session are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sizes {
    /// `session.db`, with its log.
    pub database_bytes: u64,
    /// Chunks.
    pub chunks_bytes: u64,
    /// How many files these are.
    pub chunks_files: u64,
    /// Of what is being downloaded, or was when its recorder was killed.
    pub unfinished_bytes: u64,
    /// How many files these are.
    pub unfinished_files: u64,
}

/// How it stands with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether somebody records it.
    pub state: State,
    /// How its last run ended, as in `schema.sql`; `None`: it goes on, or was killed.
    pub ended: Option<String>,
}

impl Standing {
    /// Of a session.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(folder: &SessionFolder) -> Result<Self, ReadError> {
        let runs = Reader::open(folder)?.runs()?;
        let ended = runs.last().and_then(|run| run.ended.clone());
        let state = state_of(folder, &runs, false)?;
        Ok(Self { state, ended })
    }
}

impl Overview {
    /// Reads it.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn read(folder: &SessionFolder) -> Result<Self, ReadError> {
        let reader = Reader::open(folder)?;
        let runs = reader.runs()?;
        Ok(Self {
            format_version: reader.version,
            state: state_of(folder, &runs, false)?,
            kept_from_us: reader.kept_from_us()?,
            clip_of: reader.clip_of()?,
            streams: reader.streams()?,
            counts: Counts::read(&reader)?,
            keys: Keys::read(&reader)?,
            faults: reader.fault_counts()?,
            lost: lost_bodies(&reader)?.len(),
            notices: reader.notices()?,
            sizes: Sizes::measure(folder, reader.chunks.as_ref())?,
            runs,
        })
    }
}

impl Counts {
    fn read(reader: &Reader) -> Result<Self, ReadError> {
        // `count(*)` would be one step of SQLite's machine, whose end nothing bounds in a damaged tree.
        let count = |sql: &str| -> Result<i64, ReadError> {
            let counted = reader.list(sql, [], |row| row.get(0))?;
            Ok(counted.first().copied().unwrap_or(0))
        };
        Ok(Self {
            exchanges: count("SELECT count(id) FROM exchange")?,
            playlists: reader.media_playlists()?.len(),
            revisions: count("SELECT count(exchange_id) FROM revision")?,
            chunks: count(
                "SELECT count(id) FROM body WHERE path IS NOT NULL OR chunk_id IS NOT NULL",
            )?,
        })
    }
}

impl Keys {
    fn read(reader: &Reader) -> Result<Self, ReadError> {
        let zeros = reader.list(
            "SELECT DISTINCT b.id, CASE WHEN length(b.data) <= ?1 THEN b.data END
               FROM resource r JOIN exchange e ON e.resource_id = r.id JOIN body b ON b.id = e.body_id
              WHERE r.kind = 'key' AND e.status BETWEEN 200 AND 299",
            [LARGEST_KEY],
            |row| {
                Ok(match row.get_ref(1)? {
                    ValueRef::Blob(key) => key.iter().all(|byte| *byte == 0),
                    _ => false,
                })
            },
        )?;
        Ok(Self {
            count: zeros.len(),
            zeros: zeros.into_iter().filter(|is_zero| *is_zero).count(),
        })
    }
}

impl Sizes {
    fn measure(folder: &SessionFolder, chunks: Option<&ChunkDir>) -> io::Result<Self> {
        let mut sizes = Self {
            database_bytes: folder.database_bytes()?,
            ..Self::default()
        };
        if let Some(chunks) = chunks {
            sizes.add(chunks, || false)?;
        }
        Ok(sizes)
    }

    /// As far as they can be measured within some time; whether these are all.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn within(folder: &SessionFolder, time: Duration) -> io::Result<(Self, bool)> {
        let until = clock::instant() + time;
        let mut sizes = Self::measure(folder, None)?;
        let chunks = ChunkDir::of_session(folder.path())?;
        let is_whole = sizes.add(&chunks, || clock::instant() >= until)?;
        Ok((sizes, is_whole))
    }

    /// A file that is made to look endless takes no more than what is on the disk.
    fn add_file(&mut self, facts: Facts, is_unfinished: bool) {
        let bytes = match facts.is_hollow() {
            true => facts.on_disk,
            false => facts.size,
        };
        let (all_bytes, files) = match is_unfinished {
            true => (&mut self.unfinished_bytes, &mut self.unfinished_files),
            false => (&mut self.chunks_bytes, &mut self.chunks_files),
        };
        *all_bytes = all_bytes.saturating_add(bytes);
        *files += 1;
    }

    /// A recorder may add and remove files meanwhile. Whether all were added before it was `enough`.
    fn add(&mut self, chunks: &ChunkDir, enough: impl Fn() -> bool) -> io::Result<bool> {
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let mut folders: Vec<Option<PlainPath>> = vec![None];
        while let Some(folder) = folders.pop() {
            let entries = match chunks.entries(folder.as_ref()) {
                Err(error) if is_gone(&error) => continue,
                entries => entries?,
            };
            for (name, sort) in entries {
                if enough() {
                    return Ok(false);
                }
                let path = match &folder {
                    Some(folder) => folder.child(&name),
                    None => PlainPath::parse(&name),
                };
                let Some(path) = path else { continue };
                match sort {
                    Sort::Folder if path.depth() <= DEEPEST => folders.push(Some(path)),
                    // The room that a recorder keeps for itself is no download.
                    Sort::File if is_temporary(&path) && is_reserve(&name) => {}
                    Sort::File => match chunks.facts(&path) {
                        Err(error) if is_gone(&error) => {}
                        facts => self.add_file(facts?, is_temporary(&path)),
                    },
                    _ => {}
                }
            }
        }
        Ok(true)
    }
}

/// Whether a file is no chunk, but one that is being downloaded.
fn is_temporary(path: &PlainPath) -> bool {
    path.first_name().eq_ignore_ascii_case(TEMPORARY.as_bytes())
}
