//! Sessions of earlier format versions: read as they are, upgraded when they are written.
//!
//! A reader sees the tables of an earlier version through temporary views that have the columns of the
//! present one, NULL where there was none. A session that is opened for writing is rebuilt in one transaction: what
//! `sqlite_schema` says of it is then what it says of a new one (`docs/design/session.md`, "Versions").

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Result};

use super::guarded::{self, Steps};
use super::schema::{self, Refusal};
use crate::session::format::{FORMAT_VERSION, SCHEMA, schema_of};

/// Names of tables, and the columns of each.
type Columns = BTreeMap<String, Vec<String>>;

/// Lets the tables of an earlier version, whose schema has been checked, be read like those of the present one.
pub(crate) fn read_as_present(db: &Connection, version: i32) -> Result<()> {
    if version == FORMAT_VERSION {
        return Ok(());
    }
    let here = columns(&memory(schema_of(version).unwrap_or(SCHEMA))?)?;
    for (table, wanted) in columns(&memory(SCHEMA)?)? {
        let there = here.get(&table);
        if there == Some(&wanted) {
            continue;
        }
        let column = |name: &String| match there.is_some_and(|there| there.contains(name)) {
            true => name.clone(),
            false => format!("NULL AS {name}"),
        };
        let list: Vec<String> = wanted.iter().map(column).collect();
        let from = match there {
            Some(_) => format!("FROM main.{table}"),
            None => "WHERE 0".to_owned(),
        };
        db.execute_batch(&format!(
            "CREATE TEMP VIEW {table} AS SELECT {} {from}",
            list.join(", ")
        ))?;
    }
    Ok(())
}

/// What became of a database that is to be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct TakenUp {
    /// It was of an earlier version.
    pub(crate) is_upgraded: bool,
    /// There are tables that are not ours.
    pub(crate) has_others: bool,
    /// What is written may take.
    pub(crate) steps: Steps,
}

/// Compares a database with what this program makes, once nobody else can write to it, and makes it one of the present
/// version, in the same transaction. Tables and views of users stay.
pub(crate) fn take_up(
    db: &mut Connection,
    database: &Path,
) -> std::result::Result<TakenUp, Refusal> {
    // References between tables stay as they are written while the tables are moved about.
    db.pragma_update(None, "foreign_keys", "OFF").map_err(Err)?;
    db.execute_batch("BEGIN IMMEDIATE").map_err(Err)?;
    let done = schema::check(db, &database.display().to_string()).and_then(|schema| {
        let steps = guarded::trust(db, database).map_err(Err)?;
        let is_upgraded = upgrade(db, schema.version).map_err(Err)?;
        if !schema.is_marked {
            db.pragma_update(None, "user_version", FORMAT_VERSION)
                .map_err(Err)?;
        }
        Ok(TakenUp {
            is_upgraded,
            has_others: schema.has_others,
            steps,
        })
    });
    let ended = db.execute_batch(match done {
        Ok(_) => "COMMIT",
        Err(_) => "ROLLBACK",
    });
    // What failed first says more.
    done.and_then(|done| ended.map(|()| done).map_err(Err))
}

/// Makes a session of an earlier version, whose schema has been compared, one of the present. Whether there was anything
/// to do. Nothing is renamed: SQLite would take all that is in the schema apart for it.
fn upgrade(db: &Connection, version: i32) -> Result<bool> {
    if version == FORMAT_VERSION {
        return Ok(false);
    }
    let (before, fresh) = (
        memory(schema_of(version).unwrap_or(SCHEMA))?,
        memory(SCHEMA)?,
    );
    let old = statements(&before)?;
    for kind in ["view", "index"] {
        for name in old.keys().filter(|(k, _)| k == kind).map(|(_, name)| name) {
            db.execute_batch(&format!("DROP {kind} main.{name}"))?;
        }
    }
    let (here, wanted) = (columns(&before)?, columns(&fresh)?);
    // Builds of one version differ in comments, and these are part of what SQLite keeps.
    let old = statements(db)?;
    let mut new: Vec<_> = statements(&fresh)?.into_iter().collect();
    // Views and indexes are on tables.
    new.sort_by_key(|((kind, _), _)| kind != "table");
    for (key, sql) in &new {
        let (kind, table) = key;
        let there = here.get(table);
        match (kind.as_str(), there) {
            ("table", Some(there)) if old.get(key) != Some(sql) => {
                let columns = wanted.get(table).into_iter().flatten();
                let common: Vec<&str> = columns
                    .filter(|name| there.contains(name))
                    .map(String::as_str)
                    .collect();
                replace(db, table, sql, &common.join(", "))?;
            }
            ("table", Some(_)) => {}
            _ => db.execute_batch(sql)?,
        }
    }
    super::spellings::note_all(db)?;
    db.pragma_update(None, "user_version", FORMAT_VERSION)?;
    Ok(true)
}

/// Makes a table anew, with the columns that it shares with the one before.
fn replace(db: &Connection, table: &str, sql: &str, common: &str) -> Result<()> {
    db.execute_batch(&format!(
        "CREATE TABLE main.isrecorder_before AS SELECT {common} FROM main.{table};
         DROP TABLE main.{table};
         {sql};
         INSERT INTO main.{table} ({common}) SELECT {common} FROM main.isrecorder_before;
         DROP TABLE main.isrecorder_before"
    ))
}

fn memory(schema: &str) -> Result<Connection> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(schema)?;
    Ok(db)
}

fn columns(db: &Connection) -> Result<Columns> {
    let mut columns = Columns::new();
    let mut statement = db.prepare(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY t.name, c.cid",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        columns.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(columns)
}

/// Statements of a schema, by type and name.
pub(crate) fn statements(db: &Connection) -> Result<BTreeMap<(String, String), String>> {
    db.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")?
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of an earlier version with a row that others refer to.
    fn earlier(version: i32) -> Connection {
        let db = memory(schema_of(version).unwrap()).unwrap();
        db.execute_batch(
            "INSERT INTO run (started_us, seen_us, program) VALUES (1, 2, 'p');
             INSERT INTO stream (name, url) VALUES ('s', 'http://h/');
             INSERT INTO resource (stream_id, kind, url, path_url, name) VALUES (1, 'main', 'http://h/', 'http://h/', '');
             INSERT INTO exchange (resource_id, from_us, requested_us, outcome, error) VALUES (1, 1, 1, 'reset', 'gone');
             INSERT INTO alias (url, resource_id) VALUES ('http://h/%7e?v=1', 1);
             INSERT INTO event (at_us, kind, detail) VALUES (1, 'left out', 'http://h/?w=1');
             CREATE TABLE mine (a); CREATE VIEW my_faults AS SELECT * FROM exchange WHERE error IS NOT NULL",
        )
        .unwrap();
        db.pragma_update(None, "user_version", version).unwrap();
        db.pragma_update(
            None,
            "application_id",
            crate::session::format::APPLICATION_ID,
        )
        .unwrap();
        db
    }

    #[test]
    fn each_earlier_version_becomes_what_a_new_session_is() {
        for version in 1..FORMAT_VERSION {
            let mut db = earlier(version);
            assert!(take_up(&mut db, Path::new("d")).unwrap().is_upgraded);
            let mut here = statements(&db).unwrap();
            for own in [("table", "mine"), ("view", "my_faults")] {
                let key = (own.0.to_owned(), own.1.to_owned());
                assert!(here.remove(&key).is_some(), "what is a user's stays");
            }
            assert_eq!(here, statements(&memory(SCHEMA).unwrap()).unwrap());
            let row: (String, String) = db
                .query_row("SELECT outcome, error FROM exchange", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .unwrap();
            assert_eq!(row, ("reset".to_owned(), "gone".to_owned()));
            assert!(
                !take_up(&mut db, Path::new("d")).unwrap().is_upgraded,
                "once"
            );
            let wrong: i64 = db
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(wrong, 0);
            let found = "SELECT group_concat(normal || ' ' || url) || ' ' || (SELECT group_concat(names) FROM query_names) FROM url_spelling";
            let found: String = db.query_row(found, [], |row| row.get(0)).unwrap();
            assert_eq!(found, "http://h/~?v=1 http://h/%7e?v=1 v=,w=");
        }
    }

    #[test]
    fn an_upgrade_that_fails_leaves_what_was_there() {
        let mut db = earlier(1);
        db.execute_batch("CREATE TABLE isrecorder_before (a)")
            .unwrap();
        let before = statements(&db).unwrap();
        assert!(take_up(&mut db, Path::new("d")).is_err());
        assert_eq!(statements(&db).unwrap(), before);
        let version: i32 = db
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        assert_eq!(version, 1);
    }

    #[test]
    fn each_earlier_version_is_read_with_the_columns_of_the_present() {
        for version in 1..FORMAT_VERSION {
            let db = earlier(version);
            read_as_present(&db, version).unwrap();
            for (table, columns) in columns(&memory(SCHEMA).unwrap()).unwrap() {
                let sql = format!("SELECT {} FROM {table}", columns.join(", "));
                db.prepare(&sql).unwrap();
            }
            let own: (String, Option<String>) = db
                .query_row("SELECT error, own_reason FROM exchange", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .unwrap();
            assert_eq!(own, ("gone".to_owned(), None));
        }
    }
}
