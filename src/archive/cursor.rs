//! `archive.json` beside `session.db`: who writes, and how far each stream has come in which archive. A cursor and no truth.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::names::Writer;
use super::reserve;
use crate::session::SessionFolder;
use crate::session::files::room::is_full;

const FORMAT: u32 = 1;
/// It is no larger, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Beside `session.db`: what is made on the way, and locked by whoever archives.
const WORK: &str = "archive.tmp";

/// What is known of a session and its archives.
#[derive(Debug, Serialize, Deserialize)]
struct Text {
    format: u32,
    archives: Vec<Place>,
}

/// One archive of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    url: String,
    writer: String,
    volume_us: i64,
    streams: BTreeMap<String, StreamCursor>,
    /// Something was recorded that no volume has, and none will.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lacks: bool,
}

/// How far a stream has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamCursor {
    /// The end of the last volume that is complete, in microseconds of Unix time.
    pub(crate) until_us: i64,
    /// What was listed by then and had not come: each with the moment from which on it is the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owed: Vec<(i64, i64)>,
    /// Since when volumes could not be made, up to the next one; none: all could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skipped_from_us: Option<i64>,
}

/// The cursor of one archive of a session; nobody else has it meanwhile.
#[derive(Debug)]
pub(crate) struct Cursor {
    folder: PathBuf,
    others: Vec<Place>,
    own: Place,
    writer: Writer,
    /// Bytes of the largest rows of a volume so far.
    largest: u64,
    /// The folder of what is made on the way, locked.
    _lock: File,
}

/// Why there is no cursor.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Somebody else archives the session.
    #[error("another program is archiving this session; wait until it is done")]
    Taken,
    /// It was archived in other volumes.
    #[error("this session is archived there in volumes of {0} s; --volume cannot be another")]
    Volume(i64),
    /// A file or folder beside the session's database.
    #[error("{path}: {why}", path = .0.display(), why = .1)]
    File(PathBuf, String),
}

impl Cursor {
    /// That of a session and a store; drawn and written where there is none yet: before the first request, so that nobody else is
    /// ever this writer.
    pub(crate) fn open(
        session: &SessionFolder,
        url: &str,
        volume_us: i64,
    ) -> Result<Self, CursorError> {
        let folder = session.path().to_owned();
        let lock = lock(&folder.join(WORK))?;
        let mut others = read(&folder)?;
        let known = others.iter().position(|place| place.url == url);
        let known = known.map(|at| others.remove(at));
        let failed = |why: String| CursorError::File(folder.join("archive.json"), why);
        let is_new = known.is_none();
        let own = match known {
            Some(own) if own.volume_us != volume_us => {
                return Err(CursorError::Volume(own.volume_us.div_euclid(1_000_000)));
            }
            Some(own) => own,
            None => Place {
                url: url.to_owned(),
                writer: draw().map_err(failed)?.to_string(),
                volume_us,
                streams: BTreeMap::new(),
                lacks: false,
            },
        };
        let writer = own.writer.parse().map_err(failed)?;
        let mut cursor = Self {
            folder,
            others,
            own,
            writer,
            largest: 0,
            _lock: lock,
        };
        // Where the disk is full there may be no room for it, and what it says is known.
        if is_new {
            let written = cursor.write();
            written.map_err(|error| cursor.failed(&error))?;
        }
        cursor.work()?;
        Ok(cursor)
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Where a stream is; `None`: nothing of it is there yet.
    pub(crate) fn of(&self, stream: &str) -> Option<&StreamCursor> {
        self.own.streams.get(stream)
    }

    /// Something was recorded that no volume has, and none will.
    pub(crate) fn lacks(&self) -> bool {
        self.own.lacks
    }

    /// Notes that; it is written as the next volume is complete.
    pub(crate) fn note_lack(&mut self) {
        self.own.lacks = true;
    }

    /// Whether a stream has come to anything.
    pub(crate) fn has_begun(&self) -> bool {
        !self.own.streams.is_empty()
    }

    /// A volume of a stream is complete. Where the disk is full that is written later: the bucket knows it as well.
    pub(crate) fn advance(&mut self, stream: &str, to: StreamCursor) -> Result<(), CursorError> {
        self.own.streams.insert(stream.to_owned(), to);
        match self.write() {
            Err(error) if !is_full(&error) => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    /// A folder for what is made on the way: it has the files of [`reserve`], empty, and nothing else.
    pub(crate) fn work(&mut self) -> Result<PathBuf, CursorError> {
        let work = self.folder.join(WORK);
        let failed = |error: io::Error| CursorError::File(work.clone(), error.to_string());
        clear(&work, &reserve::FILES).map_err(failed)?;
        let rows = fs::metadata(work.join(reserve::ROWS));
        self.largest = self.largest.max(rows.map_or(0, |file| file.len()));
        reserve::take(&work, self.largest).map_err(failed)?;
        Ok(work)
    }

    fn failed(&self, error: &io::Error) -> CursorError {
        CursorError::File(self.folder.join("archive.json"), error.to_string())
    }

    fn write(&self) -> io::Result<()> {
        let path = self.folder.join("archive.json");
        let text = Text {
            format: FORMAT,
            archives: self.others.iter().chain([&self.own]).cloned().collect(),
        };
        let text = serde_json::to_vec_pretty(&text)?;
        let begun = self.folder.join(WORK).join("archive.json");
        let mut file = File::create(&begun)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&begun, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // What stays behind is removed by whoever archives next.
        let _ = clear(&self.folder.join(WORK), &[]);
    }
}

/// Removes what is in a folder, but for some files.
fn clear(work: &Path, but: &[&str]) -> io::Result<()> {
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        let stays = but.iter().any(|name| entry.file_name() == *name);
        match (is_folder, stays) {
            (true, _) => fs::remove_dir_all(entry.path())?,
            (false, false) => fs::remove_file(entry.path())?,
            (false, true) => {}
        }
    }
    Ok(())
}

fn draw() -> Result<Writer, String> {
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn).map_err(|error| error.to_string())?;
    Ok(Writer::new(drawn))
}

/// Makes and locks the folder of what is made on the way; who dies lets go of its lock.
fn lock(work: &Path) -> Result<File, CursorError> {
    let failed = |error: io::Error| CursorError::File(work.to_owned(), error.to_string());
    match fs::create_dir(work) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    if !fs::symlink_metadata(work).map_err(failed)?.is_dir() {
        return Err(CursorError::File(
            work.to_owned(),
            "is no folder".to_owned(),
        ));
    }
    let lock = File::open(work).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(CursorError::Taken),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn read(folder: &Path) -> Result<Vec<Place>, CursorError> {
    let path = folder.join("archive.json");
    let failed = |why: String| CursorError::File(path.clone(), why);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut text = Vec::new();
    let read = file.take(LARGEST).read_to_end(&mut text);
    read.map_err(|error| failed(error.to_string()))?;
    let text: Text = serde_json::from_slice(&text)
        .map_err(|error| failed(format!("is not as it was written: {error}")))?;
    match text.format {
        FORMAT => Ok(text.archives),
        other => Err(failed(format!(
            "is of format {other}, and this program reads {FORMAT}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Sessions;

    #[test]
    fn a_writer_is_drawn_once_for_each_archive_and_one_program_has_it_at_a_time() {
        let temporary = tempfile::tempdir().unwrap();
        let session = Sessions::new(temporary.path())
            .create(Some("hall"))
            .unwrap();
        let open = |url, volume_us| Cursor::open(&session, url, volume_us);
        let mut first = open("s3://media/tv", 600_000_000).unwrap();
        assert!(matches!(
            open("s3://media/tv", 600_000_000),
            Err(CursorError::Taken)
        ));
        let to = StreamCursor {
            until_us: 7,
            owed: vec![(3, 5)],
            skipped_from_us: None,
        };
        first.advance("hall1", to.clone()).unwrap();
        let writer = first.writer().clone();
        drop(first);
        let again = open("s3://media/tv", 600_000_000).unwrap();
        assert_eq!((again.writer(), again.of("hall1")), (&writer, Some(&to)));
        assert_eq!(again.of("hall2"), None);
        drop(again);
        let other = open("s3://media/other", 60_000_000).unwrap();
        assert_ne!(*other.writer(), writer);
        drop(other);
        assert!(matches!(
            open("s3://media/tv", 60_000_000),
            Err(CursorError::Volume(600))
        ));
        assert_eq!(
            *open("s3://media/tv", 600_000_000).unwrap().writer(),
            writer
        );
    }
}
