//! A span of a session as a session of its own (`docs/design/archive.md`, "Clip").
//!
//! First is found what a player can reach within the span, by indexes and in short read transactions, so that a session that is
//! being recorded can be clipped, too. Then rows and files are copied as they are, under their own numbers.

#[cfg(feature = "archive")]
use std::collections::HashSet;
use std::path::Path;

use self::copy::{Copy, Files, NamedChunk};
use self::outcome::{ClipError, Clipped};
use self::reach::Reach;
use crate::session::clip_of::ClipOf;
#[cfg(feature = "archive")]
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::{FolderError, SessionFolder, Sessions};
#[cfg(feature = "archive")]
use crate::session::model::Remark;
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
#[cfg(feature = "archive")]
use crate::session::write::rows::EventRow;
#[cfg(feature = "archive")]
use crate::upkeep::check::lost_bodies;
use crate::upkeep::check::{State, state_of};
use crate::upkeep::copied;

pub(crate) mod copy;
mod looks;
pub(crate) mod outcome;
mod reach;
pub(in crate::upkeep) mod rows;
pub(in crate::upkeep) mod span;
mod texts;

pub use self::span::Wanted;

/// Makes a clip of a session as a new session `name` in `sessions`.
///
/// # Errors
/// The session has no such span or cannot be read, the name is taken, or the disk is full. There is no clip then.
pub fn clip(
    source: &SessionFolder,
    sessions: &Sessions,
    name: &str,
    wanted: &Wanted,
) -> Result<Clipped, ClipError> {
    whole(source, sessions, name, wanted, |chunks| {
        Files::Copied(chunks)
    })
}

/// The same of a session that has rows only: `bring` has its chunks.
#[cfg(feature = "archive")]
pub(crate) fn clip_bringing(
    source: &SessionFolder,
    sessions: &Sessions,
    name: &str,
    wanted: &Wanted,
    bring: copy::Bring<'_>,
) -> Result<Clipped, ClipError> {
    whole(source, sessions, name, wanted, |chunks| {
        Files::Brought(chunks, bring)
    })
}

/// The rows of a clip, without files.
#[cfg(feature = "archive")]
#[derive(Debug)]
pub(crate) struct Rows {
    /// What it has.
    pub(crate) done: Clipped,
    /// Files that its rows name: each could be opened.
    pub(crate) chunks: Vec<NamedChunk>,
    /// What is listed by the end of the span and has not come: resources, and since when each is the answer.
    pub(crate) owed: Vec<(i64, i64)>,
    /// The earliest moment of what came within the span for one before it; `None`: nothing did.
    pub(crate) reaches_back_to_us: Option<i64>,
}

/// Makes the rows of a clip alone, as a database at `database`. `owed`: by the end of the span before; what has come of it since is in this
/// clip, with its own moment.
#[cfg(feature = "archive")]
pub(crate) fn clip_rows(
    source: &SessionFolder,
    database: &Path,
    wanted: &Wanted,
    owed: &[(i64, i64)],
) -> Result<Rows, ClipError> {
    let prepared = Prepared::new(source, wanted)?;
    // What lands from here on may be in this clip, and is in the next one.
    let still = span::owed(&prepared.reader, wanted)?;
    let mut done = prepared.done.clone();
    let files = Files::Named;
    let (chunks, reaches_back_to_us) =
        prepared.write(source, database, (wanted, owed), files, &mut done)?;
    Ok(Rows {
        done,
        chunks,
        owed: still,
        reaches_back_to_us,
    })
}

/// Says in the database of a clip that a body is not to be had.
#[cfg(feature = "archive")]
pub(crate) fn mark_lost(database: &Path, at_us: i64, lost: &[NamedChunk]) -> Result<(), ClipError> {
    let failed = |source| ClipError::Database {
        path: database.display().to_string(),
        source,
    };
    let mut db = rusqlite::Connection::open(database).map_err(failed)?;
    // A journal beside it would need room that a full disk has not.
    db.pragma_update(None, "journal_mode", "MEMORY")
        .map_err(failed)?;
    let all = db.transaction().map_err(failed)?;
    for chunk in lost {
        let event = EventRow {
            at_us,
            length_us: None,
            kind: Remark::Lost.into(),
            detail: &copy::lost_detail(chunk.body, &chunk.path),
        };
        event.insert(&all).map_err(failed)?;
    }
    all.commit().map_err(failed)?;
    db.close().map_err(|(_, source)| failed(source))
}

/// Files that the rows of a session name, but those that are lost: some at a time, since rows of a stranger have no end.
#[cfg(feature = "archive")]
#[derive(Debug)]
pub(crate) struct NamedChunks<'a> {
    reader: &'a Reader,
    lost: HashSet<i64>,
    behind: i64,
}

#[cfg(feature = "archive")]
impl<'a> NamedChunks<'a> {
    pub(crate) fn of(reader: &'a Reader) -> Result<Self, ReadError> {
        Ok(Self {
            lost: lost_bodies(reader)?,
            reader,
            behind: i64::MIN,
        })
    }

    /// The next; `None`: those were all.
    pub(crate) fn some(&mut self) -> Result<Option<Vec<NamedChunk>>, ReadError> {
        const SQL: &str = "SELECT id, path, size, sha256 FROM body
            WHERE path IS NOT NULL AND id > ?1 ORDER BY id LIMIT 1000";
        let mut named = self.reader.list(SQL, [self.behind], |row| {
            Ok(NamedChunk {
                body: row.get(0)?,
                path: row.get(1)?,
                size: row.get::<_, i64>(2)?.try_into().unwrap_or(u64::MAX),
                sha256: row.get(3)?,
            })
        })?;
        let Some(last) = named.last() else {
            return Ok(None);
        };
        self.behind = last.body;
        named.retain(|chunk| !self.lost.contains(&chunk.body));
        Ok(Some(named))
    }
}

/// Bytes that were received by requests since a moment, in microseconds of Unix time.
#[cfg(feature = "archive")]
pub(crate) fn bytes_since(session: &SessionFolder, since_us: i64) -> Result<u64, ReadError> {
    let reader = Reader::open(session)?;
    let first = looks::Looks(&reader).first_requested(since_us)?;
    let sql =
        "SELECT ifnull(sum(wire_bytes), 0) FROM exchange WHERE id >= ?1 AND requested_us >= ?2";
    let sum: Vec<i64> = reader.list(sql, [first, since_us], |row| row.get(0))?;
    Ok(sum.first().map_or(0, |bytes| bytes.unsigned_abs()))
}

fn whole<'f>(
    source: &SessionFolder,
    sessions: &Sessions,
    name: &str,
    wanted: &Wanted,
    files: impl FnOnce(ChunkDir) -> Files<'f>,
) -> Result<Clipped, ClipError> {
    let prepared = Prepared::new(source, wanted)?;
    let target = match sessions.create(Some(name)) {
        Err(FolderError::Exists { path, .. }) if copied::is_begun(&path) => {
            return Err(ClipError::Begun(path));
        }
        target => target?,
    };
    let mut done = prepared.done.clone();
    let written = || -> Result<(), ClipError> {
        let files = files(ChunkDir::of_session(target.path())?);
        let building = copied::building(&target);
        prepared.write(source, &building, (wanted, &[]), files, &mut done)?;
        copied::finish(source, &target)?;
        done.folder = target.path().to_owned();
        done.database_bytes = target.database_bytes()?;
        Ok(())
    };
    let written = written();
    if written.is_err() {
        copied::discard(&target);
    }
    written.map(|()| done)
}

/// A clip of which is known what it has.
struct Prepared {
    reader: Reader,
    done: Clipped,
}

impl Prepared {
    /// Waits for what has not landed yet.
    fn new(source: &SessionFolder, wanted: &Wanted) -> Result<Self, ClipError> {
        let reader = Reader::open(source)?;
        let recording = state_of(source, &reader.runs()?, false)? == State::Recording;
        span::check(&reader, wanted, recording)?;
        let mut done = Clipped::default();
        span::wait(&reader, wanted, recording, &mut done)?;
        Ok(Self { reader, done })
    }

    /// Writes the database; `done` gets what is in it. Gives its files where they stay where they are, and how far it reaches back.
    fn write(
        &self,
        source: &SessionFolder,
        database: &Path,
        (wanted, owed): (&Wanted, &[(i64, i64)]),
        files: Files<'_>,
        done: &mut Clipped,
    ) -> Result<(Vec<NamedChunk>, Option<i64>), ClipError> {
        let reader = &self.reader;
        let reach = Reach::of(reader, wanted, owed)?;
        let failed = |source| ClipError::Database {
            path: database.display().to_string(),
            source,
        };
        let db = copied::new_database(database).map_err(failed)?;
        // What a damaged session does not have the clip has not, either.
        db.pragma_update(None, "foreign_keys", false)
            .map_err(failed)?;
        db.execute_batch("BEGIN").map_err(failed)?;
        let runs = reader.runs()?;
        let origin = origin(source, reader, &runs, wanted)?;
        let (copied, named, reaches_back_to_us) = {
            let mut copy = Copy::new(source, reader, &db, files)?;
            copy.all(&reach, &span::runs(&runs, wanted), &origin, wanted)?;
            (copy.done, copy.named, copy.reaches_back_to_us)
        };
        crate::session::database::spellings::note_all(&db).map_err(failed)?;
        db.execute_batch("COMMIT").map_err(failed)?;
        db.close().map_err(|(_, source)| failed(source))?;
        // What went meanwhile was before that.
        if reader.kept_from_us()?.is_some_and(|us| us > wanted.from_us) {
            return Err(ClipError::Gone);
        }
        *done = Clipped {
            origin,
            not_landed: done.not_landed,
            growing: done.growing,
            ..copied
        };
        Ok((named, reaches_back_to_us))
    }
}

/// Where it comes from; of a clip of a clip, the first session.
fn origin(
    source: &SessionFolder,
    reader: &Reader,
    runs: &[Run],
    wanted: &Wanted,
) -> Result<String, ClipError> {
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let first = reader
        .clip_of()?
        .and_then(|text| ClipOf::origin(&text, zero_us));
    let (session, zero_us) = first.unwrap_or_else(|| (source.name(), zero_us));
    let clip = ClipOf {
        session,
        zero_us,
        from_us: wanted.from_us,
        to_us: wanted.to_us,
    };
    Ok(clip.text())
}

#[cfg(test)]
pub(crate) mod tests;
