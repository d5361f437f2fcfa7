//! Numbers of rows behind which nothing can come.

use crate::session::error::ReadError;
use crate::session::read::reader::Reader;

/// Rows of these are numbered from 1 on; those that come go on behind the greatest.
const NUMBERED: [&str; 7] = [
    "run",
    "stream",
    "resource",
    "header_set",
    "body",
    "exchange",
    "event",
];
/// No session has so many rows.
const GREATEST: i64 = 1 << 62;

/// Whose lines are numbered; to look at all of them would take long.
const LINES: &str = "SELECT id FROM resource r WHERE kind NOT IN ('segment', 'init', 'part', 'key')
    AND (SELECT max(number) FROM line WHERE resource_id = r.id) > ?1 LIMIT 1";

/// The first row behind whose number there may be no room: its table and number; of lines that of the resource.
pub(crate) fn first_wrong(reader: &Reader) -> Result<Option<(String, i64)>, ReadError> {
    for table in NUMBERED {
        let sql = format!("SELECT id FROM {table} WHERE id > {GREATEST} ORDER BY id LIMIT 1");
        let found = reader.list(&sql, [], |row| row.get(0))?;
        if let Some(id) = found.first() {
            return Ok(Some((table.to_owned(), *id)));
        }
    }
    let found = reader.list(LINES, [GREATEST], |row| row.get(0))?;
    let of_line = |id: &i64| ("line of resource".to_owned(), *id);
    Ok(found.first().map(of_line))
}
