//! Whether a database is one that this program can read: application, encoding, schema, version.
//!
//! What SQLite keeps of tables, indexes and views is compared, byte for byte, with what it keeps of those of a landed
//! version. The version of a session is that of its tables. What is a user's own is left alone and never asked;
//! but nothing may be there that SQLite would run by itself as our rows are read or written.

use std::sync::OnceLock;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use crate::session::error::ReadError;
use crate::session::format::{self, APPLICATION_ID, FORMAT_VERSION};
use compare::{Difference, Entry, Landed, SYSTEM, differences};

mod compare;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

/// Texts of single statements that earlier builds of a version made: they differ in comments.
const ALSO: [(i32, &str); 1] = [(1, include_str!("../schema/v1-event.sql"))];

/// The path of a database that cannot be read and why, or SQLite's own error.
pub(crate) type Refusal = std::result::Result<ReadError, rusqlite::Error>;

/// What a database is that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schema {
    /// Of its tables.
    pub(crate) version: i32,
    /// Whether `user_version` says the same.
    pub(crate) is_marked: bool,
    /// Whether there are tables that are not ours. SQLite would ask them where they refer to ours.
    pub(crate) has_others: bool,
}

/// Compares a database, of which nothing has been asked yet.
pub(crate) fn check(db: &Connection, path: &str) -> std::result::Result<Schema, Refusal> {
    let altered = |what| {
        Err(Ok(ReadError::Altered {
            path: path.to_owned(),
            what,
        }))
    };
    let found = match look(db, path)? {
        Compared::Is(schema) => schema,
        Compared::Differs(differences) => return altered(sentences(&differences)),
    };
    let landed = landed(found.version).map_err(Err)?;
    if shape(db, &landed.landed).map_err(Err)? != landed.shape {
        return altered(format!(
            "its columns are not those of version {}",
            found.version
        ));
    }
    Ok(found)
}

/// What a repair drops, so that nothing is wrong with the schema: statements, and what each drops, in words.
/// `None`: more is wrong.
pub(crate) fn removable(
    db: &Connection,
    path: &str,
) -> std::result::Result<Option<Vec<(String, String)>>, Refusal> {
    let Compared::Differs(differences) = look(db, path)? else {
        return Ok(None);
    };
    if !differences.iter().all(Difference::is_removable) {
        return Ok(None);
    }
    let dropped = |difference: &Difference| Some((difference.removal()?, difference.to_string()));
    Ok(Some(differences.iter().filter_map(dropped).collect()))
}

/// The tables of a version.
pub(crate) fn tables(version: i32) -> Result<impl Iterator<Item = &'static str>> {
    Ok(landed(version)?.landed.names("table"))
}

enum Compared {
    Is(Schema),
    Differs(Vec<Difference>),
}

fn look(db: &Connection, path: &str) -> std::result::Result<Compared, Refusal> {
    let number = |pragma| -> Result<i32> { db.pragma_query_value(None, pragma, |row| row.get(0)) };
    if number("application_id").map_err(Err)? != APPLICATION_ID {
        return Err(Ok(ReadError::NotOurs(path.to_owned())));
    }
    let marked = number("user_version").map_err(Err)?;
    if marked > FORMAT_VERSION {
        return Err(Ok(ReadError::Newer {
            path: path.to_owned(),
            found: marked,
        }));
    }
    let altered = |what: String| {
        Err(Ok(ReadError::Altered {
            path: path.to_owned(),
            what,
        }))
    };
    if format::schema_of(marked).is_none() {
        return altered(format!("there is no format version {marked}"));
    }
    let encoding: String = db
        .pragma_query_value(None, "encoding", |row| row.get(0))
        .map_err(Err)?;
    if encoding != "UTF-8" {
        return altered(format!("its texts are in {encoding}, not in UTF-8"));
    }
    compared(db, marked).map_err(Err)
}

fn compared(db: &Connection, marked: i32) -> Result<Compared> {
    let here = entries(db)?;
    let indexes = indexes(db, landed(FORMAT_VERSION)?.landed.names("table"))?;
    let mut nearest = Vec::new();
    for version in std::iter::once(marked).chain((1..=FORMAT_VERSION).filter(|v| *v != marked)) {
        let landed = &landed(version)?.landed;
        let found = differences(&here, &indexes, landed);
        if found.is_empty() {
            return Ok(Compared::Is(Schema {
                version,
                is_marked: version == marked,
                has_others: landed.has_others(&here),
            }));
        }
        // What can be dropped is nearer than what cannot.
        let is_nearer = found.iter().all(Difference::is_removable)
            && !nearest.iter().all(Difference::is_removable);
        if version == marked || is_nearer {
            nearest = found;
        }
    }
    Ok(Compared::Differs(nearest))
}

/// What differs, for people: what cannot be mended comes first.
fn sentences(differences: &[Difference]) -> String {
    let is_mendable = differences.iter().all(Difference::is_removable);
    let mut told = differences
        .first()
        .map_or_else(String::new, Difference::to_string);
    if differences.len() > 1 {
        told.push_str(&format!(", and {} more", differences.len() - 1));
    }
    if is_mendable {
        told.push_str("; `issession repair SESSION` drops it");
    }
    told
}

/// Of the table itself, since whatever is kept beside it may say something else.
fn entries(db: &Connection) -> Result<Vec<Entry>> {
    db.prepare("SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema NOT INDEXED ORDER BY rowid")?
        .query_map([], |row| {
            let text = |at| Ok::<_, rusqlite::Error>(text(row.get_ref(at)?));
            Ok(Entry {
                kind: text(0)?.unwrap_or_default(),
                name: text(1)?.unwrap_or_default(),
                table: text(2)?.unwrap_or_default(),
                page: row.get_ref(3)?.as_i64_or_null().ok().flatten().unwrap_or(0),
                sql: text(4)?,
            })
        })?
        .collect()
}

/// What is neither text nor NULL is nothing that SQLite writes there.
fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => Some(char::REPLACEMENT_CHARACTER.to_string()),
    }
}

/// Indexes that SQLite keeps up (table, name): of our tables, and of its own.
fn indexes<'a>(
    db: &Connection,
    ours: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>> {
    let system = SYSTEM.iter().map(|(name, _)| *name);
    let tables = ours.chain(system);
    let mut found = Vec::new();
    for table in tables.chain(["sqlite_schema"]) {
        let mut statement = db.prepare(&format!("PRAGMA main.index_list(\"{table}\")"))?;
        let names = statement.query_map([], |row| row.get::<_, String>(1))?;
        for name in names {
            found.push((table.to_owned(), name?));
        }
    }
    Ok(found)
}

/// A landed version, and what SQLite makes of it.
#[derive(Debug)]
struct Known {
    landed: Landed,
    shape: Vec<Vec<Value>>,
}

/// Each version, the first one first; made once.
fn landed(version: i32) -> Result<&'static Known> {
    static ALL: OnceLock<Vec<Known>> = OnceLock::new();
    let all = match ALL.get() {
        Some(all) => all,
        None => {
            let made = (1..=FORMAT_VERSION)
                .map(landed_schema)
                .collect::<Result<_>>()?;
            ALL.get_or_init(|| made)
        }
    };
    let at = usize::try_from(version - 1).unwrap_or(usize::MAX);
    all.get(at).ok_or(rusqlite::Error::QueryReturnedNoRows)
}

fn landed_schema(version: i32) -> Result<Known> {
    let db = Connection::open_in_memory()?;
    db.execute_batch(format::schema_of(version).unwrap_or_default())?;
    let entries_here = entries(&db)?;
    let tables = entries_here.iter().filter(|entry| entry.kind == "table");
    let mut landed = Landed {
        indexes: indexes(&db, tables.map(|entry| entry.name.as_str()))?,
        entries: entries_here.clone(),
        also: std::collections::BTreeMap::new(),
    };
    for (_, sql) in ALSO.iter().filter(|(of, _)| *of == version) {
        let db = Connection::open_in_memory()?;
        db.execute_batch(sql)?;
        for entry in entries(&db)? {
            landed.also.entry(entry.name).or_default().extend(entry.sql);
        }
    }
    let shape = shape(&db, &landed)?;
    Ok(Known { landed, shape })
}

/// Columns of all tables and indexes, as SQLite understands them.
fn shape(db: &Connection, landed: &Landed) -> Result<Vec<Vec<Value>>> {
    let tables = landed.names("table").map(|name| ("table_xinfo", name));
    let indexes = landed.names("index").map(|name| ("index_xinfo", name));
    let mut shape = Vec::new();
    for (pragma, name) in tables.chain(indexes) {
        let mut statement = db.prepare(&format!("PRAGMA main.{pragma}(\"{name}\")"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values: Result<Vec<Value>> = (0..columns).map(|at| row.get(at)).collect();
            shape.push(values?);
        }
    }
    Ok(shape)
}

#[cfg(test)]
mod tests;
