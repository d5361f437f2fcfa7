//! Whether a database is one that this program can read: application, version, schema.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::read::ReadError;
use super::{APPLICATION_ID, FORMAT_VERSION, versions};

/// The format version of a database that can be read; `Err(Err(e))`: SQLite's own error.
pub(super) fn check(
    db: &Connection,
    path: &str,
) -> Result<i32, Result<ReadError, rusqlite::Error>> {
    let ours = || -> rusqlite::Result<(i32, i32)> {
        let application = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((application, version))
    };
    let (application, version) = ours().map_err(Err)?;
    if application != APPLICATION_ID {
        return Err(Ok(ReadError::NotOurs(path.to_owned())));
    }
    if version > FORMAT_VERSION {
        return Err(Ok(ReadError::Newer {
            path: path.to_owned(),
            found: version,
        }));
    }
    let altered = |what| {
        Err(Ok(ReadError::Altered {
            path: path.to_owned(),
            what,
        }))
    };
    let Some(schema) = versions::schema(version) else {
        return altered(format!("there is no format version {version}"));
    };
    let here = schema_of(db).map_err(Err)?;
    let wanted = Connection::open_in_memory()
        .and_then(|fresh| {
            fresh.execute_batch(schema)?;
            schema_of(&fresh)
        })
        .map_err(Err)?;
    match first_difference(&here, &wanted) {
        None => Ok(version),
        Some(name) => altered(format!("{name:?} is not as this program makes it")),
    }
}

type SchemaTexts = BTreeMap<(String, String), String>;

fn schema_of(db: &Connection) -> rusqlite::Result<SchemaTexts> {
    // Tables that ANALYZE or a user's shell leaves behind do no harm: they are never asked.
    db.prepare(
        "SELECT type, name, ifnull(sql, '') FROM sqlite_schema
          WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR type NOT IN ('table', 'index')",
    )?
    .query_map([], |row| {
        let sql: String = row.get(2)?;
        Ok(((row.get(0)?, row.get(1)?), meaning(&sql)))
    })?
    .collect()
}

fn first_difference(here: &SchemaTexts, wanted: &SchemaTexts) -> Option<String> {
    let missing = wanted
        .iter()
        .find(|(key, sql)| here.get(*key) != Some(*sql));
    let added = || {
        here.iter().find(|((kind, name), _)| {
            kind == "trigger" || wanted.keys().any(|(k, n)| n == name && k != kind)
        })
    };
    missing.or_else(added).map(|((_, name), _)| name.clone())
}

/// Without comments and layout, which say nothing to SQLite.
fn meaning(sql: &str) -> String {
    let lines = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line));
    lines
        .flat_map(str::split_whitespace)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
