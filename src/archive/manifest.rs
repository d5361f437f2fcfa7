//! The manifest of a volume: a small object of JSON that is there only if all that it names is. Pure.

use serde::{Deserialize, Serialize};

use super::names::{VolumeName, Writer};
use crate::session::{Digest, Run};

/// The form that is written, and the only one that is read.
const FORMAT: u32 = 1;
/// A manifest is no larger, in bytes.
pub(crate) const LARGEST: u64 = 4 * 1024 * 1024;
/// A database of a volume is no larger, unpacked, in bytes.
pub(crate) const LARGEST_DATABASE: u64 = 2 * 1024 * 1024 * 1024;

/// What had not come by the end of a volume is no more than so much.
const MOST_OWED: usize = 50_000;
/// A volume names no more chunks.
const MOST_CHUNKS: u64 = 10_000_000;

/// What a volume is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The program that wrote it.
    pub(crate) program: String,
    pub(crate) writer: String,
    pub(crate) stream: String,
    /// The name of the session.
    pub(crate) session: String,
    /// Session zero of that, in microseconds of Unix time, as all moments here.
    pub(crate) zero_us: i64,
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
    /// The earliest moment of what came within the volume for one before it; none: nothing did.
    #[serde(default)]
    pub(crate) reaches_back_to_us: Option<i64>,
    /// Nothing is archived of what was recorded between this and `from_us`; none: nothing is missing there.
    #[serde(default)]
    pub(crate) missing_from_us: Option<i64>,
    /// What was listed by its end and had not come: rows of `resource`, and since when each is the answer. They are in a later volume.
    #[serde(default)]
    pub(crate) owed: Vec<(i64, i64)>,
    /// Lives of the recorder that touch it, not cut to it.
    pub(crate) runs: Vec<ManifestRun>,
    pub(crate) database: Database,
    pub(crate) chunks: Chunks,
}

/// A life of the recorder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ManifestRun {
    pub(crate) started_us: i64,
    /// Its end; of one that went on: until when it was seen alive.
    pub(crate) until_us: i64,
    /// Why it ended; none: it went on.
    pub(crate) ended: Option<String>,
    pub(crate) program: String,
}

/// The database of a volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Database {
    /// Its object.
    pub(crate) key: String,
    /// Bytes of that, and their SHA-256 in hex.
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Bytes when it is unpacked.
    pub(crate) unpacked_bytes: u64,
}

/// What a volume has of chunks: the database names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chunks {
    /// The day under which they are.
    pub(crate) day: String,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// How many the session had lost.
    #[serde(default)]
    pub(crate) lost: u64,
}

impl ManifestRun {
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            started_us: run.started_us,
            until_us: run.end_us(),
            ended: run.stopped_us.and(run.ended.clone()),
            program: run.program.clone(),
        }
    }

    /// As a session that nobody records has it.
    pub(crate) fn closed(&self) -> Run {
        Run {
            started_us: self.started_us,
            seen_us: self.until_us,
            stopped_us: Some(self.until_us),
            ended: Some(self.ended.clone().unwrap_or_else(|| "stopped".to_owned())),
            program: self.program.clone(),
        }
    }
}

impl Manifest {
    pub(crate) const FORMAT: u32 = FORMAT;

    /// As it is stored.
    ///
    /// # Errors
    /// Nobody would read it: a sentence.
    pub(crate) fn text(&self) -> Result<Vec<u8>, String> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        text.push(b'\n');
        let (owed, count) = (self.owed.len(), self.chunks.count);
        if text.len() as u64 > LARGEST || owed > MOST_OWED || count > MOST_CHUNKS {
            return Err(format!(
                "one volume names {count} chunks and waits for {owed} more; a shorter --volume has fewer"
            ));
        }
        Ok(text)
    }

    /// Reads the manifest of this name.
    ///
    /// # Errors
    /// It is none, or of another volume: a sentence.
    pub(crate) fn read(name: &VolumeName, text: &[u8]) -> Result<Self, String> {
        let own: Self =
            serde_json::from_slice(text).map_err(|error| format!("is no manifest: {error}"))?;
        if own.format != FORMAT {
            return Err(format!(
                "is of format {}, and this program reads {FORMAT}",
                own.format
            ));
        }
        let same = own.stream == name.stream
            && own.from_us == name.from_us
            && own.writer == name.writer.as_str();
        if !same {
            return Err("is that of another volume".to_owned());
        }
        own.is_sound()
            .then_some(own)
            .ok_or_else(|| "has moments, sizes or names that no volume has".to_owned())
    }

    fn is_sound(&self) -> bool {
        let of_a_clock = |us: i64| (0..1_i64 << 60).contains(&us);
        let runs = self.runs.iter().all(|run| {
            of_a_clock(run.started_us) && run.started_us <= run.until_us && of_a_clock(run.until_us)
        });
        let prefix = self.name().map(|name| name.manifest());
        let stem = prefix
            .as_deref()
            .and_then(|key| key.strip_suffix("json"))
            .unwrap_or("/");
        runs && of_a_clock(self.zero_us)
            && of_a_clock(self.from_us)
            && self.from_us < self.to_us
            && of_a_clock(self.to_us)
            && self.database.key.starts_with(stem)
            && self.database.bytes <= LARGEST_DATABASE
            && self.database.unpacked_bytes <= LARGEST_DATABASE
            && self.owed.len() <= MOST_OWED
            && self.chunks.count <= MOST_CHUNKS
            && self.chunks.day == super::names::day(self.from_us)
    }

    /// Its name; `None`: what it says of its writer is none.
    fn name(&self) -> Option<VolumeName> {
        Some(VolumeName {
            stream: self.stream.clone(),
            from_us: self.from_us,
            writer: self.writer.parse::<Writer>().ok()?,
        })
    }

    /// Whether these are the bytes of its database.
    pub(crate) fn is_database(&self, packed: &Digest) -> bool {
        self.database.sha256 == super::names::hex(packed)
    }
}
