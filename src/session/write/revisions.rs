//! Texts of revisions, out of the database that is written.

use rusqlite::{Connection, OptionalExtension, Result};

use crate::session::ExchangeId;
use crate::session::body::decode;

pub(crate) const TEXT: &str = "
    SELECT r.url, coalesce(CAST(t.text AS BLOB), b.data), b.coding, b.size
      FROM exchange e JOIN resource r ON r.id = e.resource_id
      JOIN body b ON b.id = e.body_id JOIN body_text t ON t.id = b.id
     WHERE e.id = ?1";

/// The URL that answered, and the text.
pub(crate) fn text_of(db: &Connection, revision: ExchangeId) -> Result<Option<(String, Vec<u8>)>> {
    type Columns = (String, Option<Vec<u8>>, Option<String>, i64);
    let row: Option<Columns> = db
        .prepare_cached(TEXT)?
        .query_row([revision], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    Ok(row.and_then(|(url, text, coding, size)| {
        // One that cannot be decoded lists nothing.
        let text = decode::decode_stored(text?, coding.as_deref(), size).ok()?;
        Some((url, text))
    }))
}
