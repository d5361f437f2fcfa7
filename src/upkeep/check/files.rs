//! From rows to files: every body that has a path has its file there.

use std::collections::HashSet;
use std::io;

use super::report::{Damage, Findings};
use crate::session::database::sum;
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::ChunkPath;
use crate::session::read::reader::Reader;
use crate::session::read::sound::paths::Folders;

/// Rows of one transaction.
const SOME: i64 = 1000;
const PATHS: &str = "
    SELECT id, path, size, sha256 FROM body WHERE path IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2";
const STILL_THERE: &str = "SELECT 1 FROM body WHERE id = ?1 AND path = ?2";

struct Row {
    id: i64,
    /// As it is shown.
    path: String,
    /// An error: it is no path beneath `chunks/`.
    place: io::Result<ChunkPath>,
    size: i64,
    sha256: Vec<u8>,
}

/// Bodies that a repair has marked as lost.
pub(crate) fn lost_bodies(reader: &Reader) -> Result<HashSet<i64>, ReadError> {
    let ids = reader.list(
        "SELECT json_extract(detail, '$.body') FROM event WHERE kind = 'lost' AND json_valid(detail)",
        [],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    Ok(ids.into_iter().flatten().collect())
}

pub(super) fn check(reader: &Reader, hashes: bool, found: &mut Findings) -> Result<(), ReadError> {
    let lost = lost_bodies(reader)?;
    let mut folders = Folders::default();
    let mut after = i64::MIN;
    loop {
        let rows = reader.list(PATHS, [after, SOME], |row| {
            let path = row.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default();
            Ok(Row {
                id: row.get(0)?,
                path: String::from_utf8_lossy(path).into_owned(),
                place: ChunkPath::of_row(path),
                size: row.get(2)?,
                sha256: row.get(3)?,
            })
        })?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for row in rows {
            found.totals.chunks += 1;
            let place = match &row.place {
                Ok(place) => place,
                // Told also of a body that is marked as lost, since readers and writers must not touch such a path.
                Err(error) => {
                    let what = format!("body {}: {error}", row.id);
                    found.damaged("path", what, Damage::Path(row.id, row.path));
                    continue;
                }
            };
            let fault = folders.fault(reader.chunks.as_ref(), place);
            let fault = fault.map(|what| ("path", format!("body {}: {what}", row.id)));
            let Some((kind, what)) = fault.or_else(|| wrong(reader, &row, place, hashes)) else {
                continue;
            };
            if lost.contains(&row.id) {
                found.note(format!("chunks/{} is lost", row.path));
            } else if is_still_there(reader, &row)? {
                let damage = Damage::Chunk(row.id, row.path);
                found.damaged(kind, what, damage);
            }
        }
    }
}

/// A recorder that keeps its last hours may have removed it meanwhile.
fn is_still_there(reader: &Reader, row: &Row) -> Result<bool, ReadError> {
    let values = rusqlite::params![row.id, row.path];
    let found = reader.list(STILL_THERE, values, |_| Ok(()))?;
    Ok(!found.is_empty())
}

fn wrong(
    reader: &Reader,
    row: &Row,
    place: &ChunkPath,
    hashes: bool,
) -> Option<(&'static str, String)> {
    let path = &row.path;
    let Some(folder) = &reader.chunks else {
        return Some(("missing", format!("chunks/{path} is missing")));
    };
    let (mut file, facts) = match folder.open_any(place) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(("missing", format!("chunks/{path} is missing")));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Some(("file", error.to_string()));
        }
        Err(error) => return Some(("unreadable", error.to_string())),
    };
    if i64::try_from(facts.size) != Ok(row.size) {
        let (size, said) = (facts.size, row.size);
        let what = format!("chunks/{path} has {size} bytes, its row says {said}");
        return Some(("size", what));
    }
    if !hashes {
        return None;
    }
    if facts.is_hollow() {
        return Some(("hash", format!("chunks/{path} is hollow and was not read")));
    }
    match sum::hash(&mut file) {
        Ok(hash) if hash.as_slice() == row.sha256 => None,
        Ok(_) => {
            let what = format!("chunks/{path} is not what came: its SHA-256 is another");
            Some(("hash", what))
        }
        Err(error) => Some(("unreadable", format!("chunks/{path}: {error}"))),
    }
}
