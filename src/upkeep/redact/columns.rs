//! All columns of all tables, as the schema has them: which are read and which are searched is asked of SQLite,
//! so that none is forgotten, and no row either, whatever refers to it.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::secrets::places::Form;

/// A value is not looked at again where the row before has the same, up to so many bytes.
const LONGEST_REMEMBERED: usize = 4096;

/// Names of the tables that sessions have.
pub(super) fn tables() -> rusqlite::Result<Vec<String>> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(crate::session::SCHEMA)?;
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// What a column contains. `None`: it is read elsewhere, or is made anew in the copy.
pub(super) fn form(table: &str, column: &str) -> Option<Form<'static>> {
    match (table, column) {
        // In `bodies.rs`; a hash, and the coding in which the copy has it.
        ("body", "text" | "tail" | "data" | "sha256" | "coding") => None,
        // In `note.rs`, as the fields that they are.
        ("header_set", "fields") | ("exchange", "header_values") => None,
        // Made of the URLs of the copy.
        ("url_spelling" | "query_names", _) => None,
        ("stream", "url") | ("resource", "url" | "path_url" | "name") => Some(Form::Url),
        ("alias", "url") | ("body", "path") => Some(Form::Url),
        ("line", "text") => Some(Form::Playlist),
        ("exchange", "error" | "note") => Some(Form::Failure),
        _ => Some(Form::Text),
    }
}

/// Calls `then` with the texts and bytes of a table, and the name of the column, in those columns that `is_read`
/// says, until `then` says true. Whether it did.
pub(super) fn each(
    db: &Connection,
    table: &str,
    is_read: impl Fn(&str) -> bool,
    mut then: impl FnMut(&str, &[u8]) -> bool,
) -> rusqlite::Result<bool> {
    let all = db.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = all.column_names().filter(|name| is_read(name));
    let columns: Vec<&str> = columns.collect();
    if columns.is_empty() {
        return Ok(false);
    }
    let mut before = vec![Vec::new(); columns.len()];
    let mut statement = db.prepare(&format!("SELECT {} FROM {table}", columns.join(",")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, (name, before)) in columns.iter().zip(&mut before).enumerate() {
            let (ValueRef::Text(value) | ValueRef::Blob(value)) = row.get_ref(at)? else {
                continue;
            };
            if value == before.as_slice() {
                continue;
            }
            if then(name, value) {
                return Ok(true);
            }
            before.clear();
            if value.len() <= LONGEST_REMEMBERED {
                before.extend_from_slice(value);
            }
        }
    }
    Ok(false)
}
