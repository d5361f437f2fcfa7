//! A target for fuzzers: entries of a schema as a stranger may have written them.

use rusqlite::{Connection, params};

use super::{check, landed};
use crate::session::format::{APPLICATION_ID, FORMAT_VERSION, SCHEMA};

/// Changes, each ended by a NUL: `e`, the number of an entry, a place in its text, and what stands there instead of as
/// many bytes; or `a`, then kind, name, table, page and text of an entry that is added; fields are apart by a tab.
pub(crate) fn entries(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(db) = changed(&text) else {
        return;
    };
    if check(&db, "d").is_ok() {
        is_ours(&db);
    }
}

fn changed(text: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(SCHEMA)?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", FORMAT_VERSION)?;
    db.execute_batch(
        "CREATE TABLE mine (a); CREATE VIEW own AS SELECT 1; PRAGMA writable_schema=ON",
    )?;
    for change in text.split_terminator('\0') {
        let fields: Vec<&str> = change.split('\t').collect();
        match fields[..] {
            ["e", number, at, piece] => {
                let number: i64 = number.parse().unwrap_or(0);
                let at: i64 = at.parse().unwrap_or(0);
                db.execute(
                    "UPDATE sqlite_schema SET sql = substr(sql, 1, ?2) || ?3 || substr(sql, ?2 + length(?3) + 1)
                      WHERE rowid = ?1",
                    params![number, at, piece],
                )?;
            }
            ["a", kind, name, table, page, sql] => {
                db.execute(
                    "INSERT INTO sqlite_schema VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![kind, name, table, page.parse().unwrap_or(0), sql],
                )?;
            }
            _ => {}
        }
    }
    // Reads it all again.
    db.pragma_update(None, "writable_schema", "RESET")?;
    Ok(db)
}

/// What was taken has our texts, no trigger, and no index of anybody's on our tables.
fn is_ours(db: &Connection) {
    let Ok(known) = landed(FORMAT_VERSION) else {
        return;
    };
    for wanted in &known.landed.entries {
        let same: Option<i64> = db
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE type = ?1 AND name = ?2 AND sql IS ?3",
                params![wanted.kind, wanted.name, wanted.sql],
                |row| row.get(0),
            )
            .ok();
        assert_eq!(same, Some(1), "{}", wanted.name);
    }
    let triggers: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' OR sql LIKE 'create trigger%'",
            [],
            |row| row.get(0),
        )
        .unwrap_or(-1);
    assert_eq!(triggers, 0);
    for table in known.landed.names("table") {
        let wanted = known.landed.indexes.iter().filter(|(of, _)| of == table);
        let there: Option<i64> = db
            .query_row(
                "SELECT count(*) FROM pragma_index_list(?1)",
                [table],
                |row| row.get(0),
            )
            .ok();
        assert_eq!(there, i64::try_from(wanted.count()).ok(), "{table}");
        let all = format!("SELECT * FROM main.{table}");
        assert!(db.prepare(&all).is_ok(), "{table}");
    }
}
