//! From files to rows: every file under `chunks/` is somebody's.

use std::io;

use rusqlite::OptionalExtension as _;

use super::report::{Damage, Findings, State};
use crate::session::error::ReadError;
use crate::session::files::beneath::{PlainPath, Sort};
use crate::session::files::chunk_dir::{ChunkDir, is_temporary};
use crate::session::files::folder::SessionFolder;
use crate::session::read::reader::Reader;
use crate::session::write::disk::full::is_reserve;

/// Folders within folders; paths of chunks are less deep.
const DEEPEST: usize = 64;

const KNOWN: &str = "SELECT path FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL";

pub(super) fn check(
    folder: &SessionFolder,
    reader: &Reader,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let chunks = match &reader.chunks {
        Some(chunks) => chunks,
        None if is_missing(folder)? => {
            found.add("missing", "the folder chunks/ is missing".to_owned());
            return Ok(());
        }
        None => {
            found.add("file", "chunks is no folder".to_owned());
            return Ok(());
        }
    };
    let mut folders: Vec<Option<PlainPath>> = vec![None];
    while let Some(folder) = folders.pop() {
        let entries = match chunks.entries(folder.as_ref()) {
            Ok(entries) => entries,
            // A recorder that keeps its last hours removes folders.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.add("unreadable", error.to_string());
                continue;
            }
        };
        for (name, sort) in entries {
            let path = match &folder {
                Some(folder) => folder.child(&name),
                None => PlainPath::parse(&name),
            };
            match path {
                Some(path) if sort != Sort::Folder => file(reader, path, found)?,
                Some(path) if path.depth() <= DEEPEST => folders.push(Some(path)),
                _ => {
                    let within = folder.as_ref().map(ToString::to_string).unwrap_or_default();
                    let name = name.to_string_lossy();
                    found.add("stray", format!("chunks/{within}/{name} is too deep"));
                }
            }
        }
    }
    Ok(())
}

fn is_missing(folder: &SessionFolder) -> io::Result<bool> {
    match ChunkDir::of_session(folder.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        opened => opened.map(|_| false),
    }
}

fn file(reader: &Reader, path: PlainPath, found: &mut Findings) -> Result<(), ReadError> {
    if is_temporary(&path) {
        let name = path.name();
        if is_reserve(name) && path.depth() == 2 && found.state != State::Stopped {
            return Ok(());
        }
        let what = format!("chunks/{path} is a download that nobody ended");
        match found.state {
            State::Recording => {}
            State::Killed | State::DiskFull => found.note(what),
            State::Stopped => found.damaged("leftover", what, Damage::File(path)),
        }
        return Ok(());
    }
    if is_known(reader, &path)? {
        return Ok(());
    }
    let what = format!("chunks/{path} has no row");
    match (found.state, found.was_killed) {
        // Its row is committed right after it has come.
        (State::Recording, _) => {}
        (_, true) => found.note_leftover(
            format!("{what}: a recorder that is killed leaves such"),
            Damage::File(path),
        ),
        _ => found.damaged("stray", what, Damage::File(path)),
    }
    Ok(())
}

fn is_known(reader: &Reader, path: &PlainPath) -> Result<bool, ReadError> {
    let Some(path) = path.as_os_str().to_str() else {
        return Ok(false);
    };
    let known: Option<String> = reader
        .db
        .prepare_cached(KNOWN)
        .and_then(|mut statement| statement.query_row([path], |row| row.get(0)).optional())
        .map_err(|e| reader.failed(e))?;
    Ok(known.is_some_and(|known| known == path))
}
