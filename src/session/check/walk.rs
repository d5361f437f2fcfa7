//! From files to rows: every file under `chunks/` is somebody's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension as _;

use super::report::{Damage, Findings, State};
use crate::session::chunks::TEMPORARY;
use crate::session::disk::is_reserve;
use crate::session::folder::SessionFolder;
use crate::session::read::{ReadError, Reader};

/// Folders within folders; paths of chunks are less deep.
const DEEPEST: usize = 64;

const KNOWN: &str = "SELECT path FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL";

pub(super) fn check(
    folder: &SessionFolder,
    reader: &Reader,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let chunks = folder.chunks();
    match chunks.symlink_metadata() {
        Ok(facts) if facts.is_dir() => {}
        Ok(_) => {
            found.add("file", "chunks is no folder".to_owned());
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            found.add("missing", "the folder chunks/ is missing".to_owned());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let entries = match fs::read_dir(chunks.join(&relative)) {
            Ok(entries) => entries,
            // A recorder that keeps its last hours removes folders.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.add("unreadable", format!("{}: {error}", shown(&relative)));
                continue;
            }
        };
        for entry in entries {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if !kind.is_dir() => file(reader, &path, found)?,
                Ok(_) if path.components().count() > DEEPEST => {
                    found.add("stray", format!("{} is too deep", shown(&path)));
                }
                Ok(_) => folders.push(path),
                // It has just gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => found.add("unreadable", format!("{}: {error}", shown(&path))),
            }
        }
    }
    Ok(())
}

fn file(reader: &Reader, path: &Path, found: &mut Findings) -> Result<(), ReadError> {
    let text = path.to_string_lossy().into_owned();
    if path.starts_with(TEMPORARY) {
        if is_reserve(path) && found.state != State::Stopped {
            return Ok(());
        }
        let what = format!("{} is a download that nobody ended", shown(path));
        match found.state {
            State::Recording => {}
            State::Killed | State::DiskFull => found.note(what),
            State::Stopped => found.damaged("leftover", what, Damage::File(text)),
        }
        return Ok(());
    }
    if is_known(reader, path)? {
        return Ok(());
    }
    let what = format!("{} has no row", shown(path));
    match (found.state, found.was_killed) {
        // Its row is committed right after it has come.
        (State::Recording, _) => {}
        (_, true) => found.left(
            format!("{what}: a recorder that is killed leaves such"),
            Damage::File(text),
        ),
        _ => found.damaged("stray", what, Damage::File(text)),
    }
    Ok(())
}

fn is_known(reader: &Reader, path: &Path) -> Result<bool, ReadError> {
    let Some(path) = path.to_str() else {
        return Ok(false);
    };
    let known: Option<String> = reader
        .db
        .prepare_cached(KNOWN)
        .and_then(|mut statement| statement.query_row([path], |row| row.get(0)).optional())
        .map_err(|e| reader.failed(e))?;
    Ok(known.is_some_and(|known| known == path))
}

fn shown(path: &Path) -> String {
    format!("chunks/{}", path.display())
}
