//! A span of a session as a session of its own (`docs/design/archive.md`, "Clip").
//!
//! First is found what a player can reach within the span, by indexes and in short read transactions, so that a session that is
//! being recorded can be clipped, too. Then rows and files are copied as they are, under their own numbers.

use self::copy::Copy;
use self::outcome::{ClipError, Clipped};
use self::reach::Reach;
use crate::session::clip_of::ClipOf;
use crate::session::files::folder::{FolderError, SessionFolder, Sessions};
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;
use crate::upkeep::check::{State, state_of};
use crate::upkeep::copied;

mod copy;
mod looks;
pub(crate) mod outcome;
mod reach;
mod rows;
mod span;
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
    let reader = Reader::open(source)?;
    let recording = state_of(source, &reader.runs()?, false)? == State::Recording;
    span::check(&reader, wanted, recording)?;
    let mut done = Clipped::default();
    span::wait(&reader, wanted, recording, &mut done)?;
    let reach = Reach::of(&reader, wanted)?;
    let target = match sessions.create(Some(name)) {
        Err(FolderError::Exists { path, .. }) if copied::is_begun(&path) => {
            return Err(ClipError::Begun(path));
        }
        target => target?,
    };
    let written = write(source, &reader, &target, wanted, &reach, &mut done);
    if written.is_err() {
        copied::discard(&target);
    }
    written.map(|()| done)
}

fn write(
    source: &SessionFolder,
    reader: &Reader,
    target: &SessionFolder,
    wanted: &Wanted,
    reach: &Reach<'_>,
    done: &mut Clipped,
) -> Result<(), ClipError> {
    let building = copied::building(target);
    let failed = |source| ClipError::Database {
        path: building.display().to_string(),
        source,
    };
    let db = copied::new_database(&building).map_err(failed)?;
    // What a damaged session does not have the clip has not, either.
    db.pragma_update(None, "foreign_keys", false)
        .map_err(failed)?;
    db.execute_batch("BEGIN").map_err(failed)?;
    let runs = reader.runs()?;
    let origin = origin(source, reader, &runs, wanted)?;
    let copied = {
        let mut copy = Copy::new(source, reader, &db, target)?;
        copy.all(reach, &span::runs(&runs, wanted), &origin, wanted)?;
        copy.done
    };
    crate::session::database::spellings::note_all(&db).map_err(failed)?;
    db.execute_batch("COMMIT").map_err(failed)?;
    db.close().map_err(|(_, source)| failed(source))?;
    // What went meanwhile was before that.
    if reader.kept_from_us()?.is_some_and(|us| us > wanted.from_us) {
        return Err(ClipError::Gone);
    }
    copied::finish(source, target)?;
    *done = Clipped {
        folder: target.path().to_owned(),
        origin,
        database_bytes: target.database_bytes()?,
        not_landed: done.not_landed,
        growing: done.growing,
        ..copied
    };
    Ok(())
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
mod tests;
