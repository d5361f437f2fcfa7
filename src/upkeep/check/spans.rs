//! Spans of chunks: each is within the file of its chunk.

use std::io::{self, Read};

use super::files::lost_bodies;
use super::report::{Damage, Findings};
use crate::session::digest::digest_of;
use crate::session::error::ReadError;
use crate::session::files::chunk_dir::{ChunkFile, ChunkPath};
use crate::session::read::reader::Reader;
use crate::session::read::sound::spans::too_large;

/// Rows of one transaction.
const SOME: i64 = 1000;
/// What is no span by its row is told by its row.
const SPANS: &str = "
    SELECT b.id, b.chunk_first, b.size, b.sha256, c.path, c.id FROM body b JOIN body c ON c.id = b.chunk_id
     WHERE b.chunk_first >= 0 AND b.size >= 0 AND c.path IS NOT NULL AND b.id > ?1 ORDER BY b.id LIMIT ?2";
const STILL_THERE: &str =
    "SELECT 1 FROM body b JOIN body c ON c.id = b.chunk_id WHERE b.id = ?1 AND c.path = ?2";

struct Span {
    id: i64,
    first: u64,
    size: u64,
    sha256: Vec<u8>,
    /// As it is shown.
    path: String,
    /// Whether it is one beneath `chunks/`: where it is not, its chunk is wrong.
    is_path: bool,
    chunk: i64,
}

pub(super) fn check(reader: &Reader, hashes: bool, found: &mut Findings) -> Result<(), ReadError> {
    let (lost, too_large) = (lost_bodies(reader)?, too_large(reader)?);
    let mut after = i64::MIN;
    loop {
        let rows = reader.list(SPANS, [after, SOME], |row| {
            let path = row.get_ref(4)?.as_bytes_or_null()?.unwrap_or_default();
            Ok(Span {
                id: row.get(0)?,
                first: row.get::<_, i64>(1)?.unsigned_abs(),
                size: row.get::<_, i64>(2)?.unsigned_abs(),
                sha256: row.get(3)?,
                path: String::from_utf8_lossy(path).into_owned(),
                is_path: ChunkPath::of_row(path).is_ok(),
                chunk: row.get(5)?,
            })
        })?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for span in rows {
            found.totals.chunks += 1;
            // Told by its row; to read all of them might take for ever.
            let hashes = hashes && !too_large.contains(&span.chunk);
            let Some((kind, what)) = wrong(reader, &span, hashes) else {
                continue;
            };
            if lost.contains(&span.id) {
                found.note(format!("body {} is lost: {what}", span.id));
            } else if is_still_there(reader, &span)? {
                found.damaged(
                    kind,
                    format!("body {}: {what}", span.id),
                    Damage::Span(span.id),
                );
            }
        }
    }
}

/// A recorder may have removed it meanwhile.
fn is_still_there(reader: &Reader, span: &Span) -> Result<bool, ReadError> {
    let values = rusqlite::params![span.id, span.path];
    let found = reader.list(STILL_THERE, values, |_| Ok(()))?;
    Ok(!found.is_empty())
}

fn wrong(reader: &Reader, span: &Span, hashes: bool) -> Option<(&'static str, String)> {
    let path = &span.path;
    let gone = || Some(("missing", format!("chunks/{path} is missing")));
    let Some(chunks) = reader.chunks.as_ref().filter(|_| span.is_path) else {
        return gone();
    };
    let mut chunk = match chunks.open_span(path, span.first, span.size) {
        Ok(chunk) => chunk,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return gone(),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Some(("size", error.to_string()));
        }
        Err(error) => return Some(("unreadable", error.to_string())),
    };
    let facts = ChunkPath::parse(path).and_then(|path| chunks.facts(path.plain()));
    // Of a hollow file its chunk is told.
    if !hashes || facts.is_ok_and(|facts| facts.is_hollow()) {
        return None;
    }
    match is_what_came(&mut chunk, &span.sha256) {
        Ok(true) => None,
        Ok(false) => {
            let (first, size) = (span.first, span.size);
            let what = format!(
                "{size} bytes of chunks/{path} from byte {first} on are not what came: their SHA-256 is another"
            );
            Some(("hash", what))
        }
        Err(error) => Some(("unreadable", format!("chunks/{path}: {error}"))),
    }
}

/// Whether an opened chunk has this hash.
pub(crate) fn is_what_came(chunk: &mut ChunkFile, sha256: &[u8]) -> io::Result<bool> {
    let mut rest = Read::by_ref(&mut chunk.file).take(chunk.size);
    Ok(digest_of(&mut rest)?.as_slice() == sha256)
}
