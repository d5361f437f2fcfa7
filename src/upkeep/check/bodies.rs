//! Bodies that are in the database: playlists and keys.

use rusqlite::types::ValueRef;

use super::report::{Damage, Findings};
use crate::session::body::decode;
use crate::session::digest::digest;
use crate::session::error::ReadError;
use crate::session::read::reader::Reader;

/// Bodies of one transaction; large playlists are put together for each.
const SOME: i64 = 100;

const SIZES: &str = "
    SELECT id, size, sha256, ifnull(data, text), coding FROM body
     WHERE path IS NULL AND chunk_id IS NULL AND first_line IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
const WHOLE: &str = "
    SELECT b.id, b.size, b.sha256, ifnull(b.data, t.text), b.coding FROM body b JOIN body_text t ON t.id = b.id
     WHERE b.path IS NULL AND b.chunk_id IS NULL AND b.id > ?1 ORDER BY b.id LIMIT ?2";

/// A row, as it is compared.
struct Kept {
    id: i64,
    wrong: Option<(&'static str, String)>,
}

/// Sizes; with `hashes` also content, of large playlists too.
pub(super) fn check(reader: &Reader, hashes: bool, found: &mut Findings) -> Result<(), ReadError> {
    let lost = super::lost_bodies(reader)?;
    let sql = if hashes { WHOLE } else { SIZES };
    let mut after = i64::MIN;
    loop {
        let rows = reader.each(sql, [after, SOME], |row| {
            let size: i64 = row.get(1)?;
            let content = match row.get_ref(3)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
                _ => None,
            };
            let sha256 = row.get_ref(2)?.as_blob().unwrap_or_default();
            let coding: Option<String> = row.get(4)?;
            let wrong = match (content, coding) {
                // What it comes to is known only when it has been decoded, which takes as long as a hash.
                (Some(_), Some(_)) if !hashes => None,
                (Some(content), Some(coding)) => {
                    match decode::decode_stored(content.to_vec(), Some(&coding), size) {
                        Ok(plain) => wrong(Some(&plain), size, sha256, hashes),
                        Err(error) => Some(("hash", format!("is not what came: {error}"))),
                    }
                }
                (content, _) => wrong(content, size, sha256, hashes),
            };
            Ok(Kept {
                id: row.get(0)?,
                wrong,
            })
        })?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for Kept { id, wrong } in rows {
            match wrong {
                Some((_, what)) if lost.contains(&id) => found.note(format!("body {id} {what}")),
                Some((kind, what)) => {
                    found.damaged(kind, format!("body {id} {what}"), Damage::Content(id));
                }
                None => {}
            }
        }
    }
}

fn wrong(
    content: Option<&[u8]>,
    size: i64,
    sha256: &[u8],
    hashes: bool,
) -> Option<(&'static str, String)> {
    let Some(content) = content else {
        return Some(("row", "has no content".to_owned()));
    };
    if i64::try_from(content.len()) != Ok(size) {
        let what = format!("has {} bytes, its row says {size}", content.len());
        return Some(("size", what));
    }
    let is_other = hashes && digest(content).as_slice() != sha256;
    is_other.then(|| {
        (
            "hash",
            "is not what came: its SHA-256 is another".to_owned(),
        )
    })
}
