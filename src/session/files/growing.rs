//! A part of a raw stream while it is recorded: its file grows under `chunks/.tmp`, and
//! beside it one that says what it is and how its bytes come, for readers.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chunk_dir::{ChunkDir, TemporaryName};
use super::chunks::DownloadFile;
use super::new_body::NewBody;
use super::room::Room;
use crate::session::id::ExchangeId;

/// How its bytes come is noted so often, in microseconds.
const NOTE_EVERY_US: i64 = 250_000;
/// No more of the notes is read: a week of them.
const MOST_NOTES: u64 = 64 * 1024 * 1024;

/// What a reader has to know of a part before its row is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowingFacts {
    /// When its first byte came, in microseconds of Unix time.
    pub began_us: i64,
    /// It goes on with the response of the part before.
    pub continues: bool,
    /// The extension of its file.
    pub extension: String,
    /// It is kept if it gets so large, in bytes.
    pub kept_from: u64,
}

/// A part that is being written. Dropped unfinished, it takes its files with it.
#[derive(Debug)]
pub struct GrowingFile {
    body: DownloadFile,
    notes: Notes,
    noted_us: i64,
}

#[derive(Debug)]
struct Notes {
    file: File,
    chunks: ChunkDir,
    name: TemporaryName,
}

impl GrowingFile {
    /// Creates the files.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(chunks: &Path, id: ExchangeId, facts: &GrowingFacts) -> io::Result<Self> {
        Self::create_in(&ChunkDir::open_folder(chunks)?, id, facts, &Room::default())
    }

    /// As [`Self::create`], where there is room.
    pub(crate) fn create_in(
        chunks: &ChunkDir,
        id: ExchangeId,
        facts: &GrowingFacts,
        room: &Room,
    ) -> io::Result<Self> {
        room.admit().inspect_err(|error| room.refused(error, 0))?;
        let name = TemporaryName::notes_of(id);
        let mut notes = Notes {
            file: chunks.create_temporary(&name)?,
            chunks: chunks.clone(),
            name,
        };
        serde_json::to_writer(&mut notes.file, facts)?;
        notes.file.write_all(b"\n")?;
        Ok(Self {
            body: DownloadFile::create_in(chunks, id, room)?,
            notes,
            noted_us: i64::MIN,
        })
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.body.size()
    }

    /// Appends what came, `at_us` after the first byte.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&mut self, bytes: &[u8], at_us: i64) -> io::Result<()> {
        self.body.write(bytes)?;
        if at_us.saturating_sub(self.noted_us) >= NOTE_EVERY_US {
            self.noted_us = at_us;
            let line = format!("[{at_us},{}]\n", self.size());
            self.notes.file.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// Syncs the body, for the writer to put in its place.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn finish(mut self) -> io::Result<NewBody> {
        self.body.cut()?;
        self.body.finish()
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // One that stays behind is swept with `.tmp` at the next stop.
        let _ = self.chunks.remove_temporary(&self.name);
    }
}

/// A part that is being recorded, opened for reading.
#[derive(Debug)]
pub struct Growing {
    /// The exchange that it will be.
    pub exchange_id: ExchangeId,
    /// From when on that is the answer, in microseconds of Unix time.
    pub from_us: i64,
    /// What it is.
    pub facts: GrowingFacts,
    /// How it came so far: microseconds after its first byte, and bytes.
    pub points: Vec<(i64, u64)>,
    /// Its bytes so far, and those to come.
    pub file: Arc<File>,
    /// Its bytes are on no disk.
    pub(crate) is_hollow: bool,
    notes: File,
    /// A line that was not whole.
    begun: String,
}

impl Growing {
    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Whether it will be kept, whatever comes.
    pub fn is_kept(&self) -> bool {
        self.size() >= self.facts.kept_from
    }

    /// What came since the last look: points as in `points`.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn more(&mut self) -> io::Result<Vec<(i64, u64)>> {
        Ok(self
            .lines()?
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut bytes = Vec::new();
        (&self.notes).take(MOST_NOTES).read_to_end(&mut bytes)?;
        self.begun.push_str(&String::from_utf8_lossy(&bytes));
        let whole = self.begun.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.begun.split_off(whole);
        let whole = std::mem::replace(&mut self.begun, rest);
        Ok(whole.lines().map(str::to_owned).collect())
    }
}

/// Opens a part; `None`: it does not grow any more.
pub(crate) fn open(chunks: &ChunkDir, id: ExchangeId, from_us: i64) -> io::Result<Option<Growing>> {
    let opened = chunks
        .open_temporary(&TemporaryName::notes_of(id))
        .and_then(|notes| {
            Ok((
                notes,
                chunks.open_temporary(&TemporaryName::for_exchange(id))?,
            ))
        });
    let ((notes, _), (body, facts)) = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut growing = Growing {
        exchange_id: id,
        from_us,
        facts: GrowingFacts::default(),
        points: Vec::new(),
        file: Arc::new(body),
        is_hollow: facts.is_hollow(),
        notes,
        begun: String::new(),
    };
    let lines = growing.lines()?;
    let mut lines = lines.iter();
    let Some(facts) = lines
        .next()
        .and_then(|line| serde_json::from_str(line).ok())
    else {
        return Ok(None);
    };
    growing.facts = facts;
    growing.points = lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    Ok(Some(growing))
}
