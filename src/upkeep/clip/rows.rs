//! Rows on their way from a session to its clip, as they are.

use std::rc::Rc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Params, params_from_iter};

use super::outcome::ClipError;
use crate::session::digest::Digest;
use crate::session::read::reader::Reader;

/// A clip has no more bytes in its rows than the session has in its files, and so many: whose pages go round in a circle
/// cost nobody a full disk.
const SLACK: u64 = 64 * 1024 * 1024;

/// A row, by the names of its columns.
pub(in crate::upkeep) struct Row {
    names: Rc<[String]>,
    pub(in crate::upkeep) values: Vec<Value>,
}

impl Row {
    fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|n| n == name)?;
        self.values.get(at)
    }

    pub(in crate::upkeep) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(in crate::upkeep) fn digest(&self, name: &str) -> Option<Digest> {
        match self.get(name) {
            Some(Value::Blob(bytes)) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    pub(in crate::upkeep) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Copies rows of tables.
pub(in crate::upkeep) struct RowCopier<'a> {
    reader: &'a Reader,
    db: &'a Connection,
    /// Bytes that may still be copied.
    left: u64,
}

impl<'a> RowCopier<'a> {
    /// `size`: of the files of the session's database, in bytes.
    pub(in crate::upkeep) fn new(reader: &'a Reader, db: &'a Connection, size: u64) -> Self {
        Self {
            reader,
            db,
            left: size.saturating_add(SLACK),
        }
    }

    /// Copies the rows of a table for which `condition` holds, and hands them over.
    pub(in crate::upkeep) fn copy(
        &mut self,
        table: &'static str,
        condition: &str,
        values: impl Params,
    ) -> Result<Vec<Row>, ClipError> {
        let mut copied = Vec::new();
        self.each(table, condition, values, |row| copied.push(row))?;
        Ok(copied)
    }

    /// Copies the rows of a table for which `condition` holds, and shows each.
    pub(in crate::upkeep) fn each(
        &mut self,
        table: &'static str,
        condition: &str,
        values: impl Params,
        mut see: impl FnMut(Row),
    ) -> Result<(), ClipError> {
        let failed = |e| self.reader.failed(e);
        let select = format!("SELECT * FROM {table} WHERE {condition}");
        let mut statement = self.reader.db.prepare_cached(&select).map_err(failed)?;
        let names: Rc<[String]> = statement.column_names().map(str::to_owned).collect();
        let places = vec!["?"; names.len()].join(",");
        let insert = format!(
            "INSERT OR IGNORE INTO {table} ({}) VALUES ({places})",
            names.join(",")
        );
        let mut rows = statement.query(values).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            self.reader.db.fresh();
            let mut values = Vec::with_capacity(names.len());
            for at in 0..names.len() {
                let value = row.get_ref(at).map_err(failed)?;
                self.left = self.left.checked_sub(size(value)).ok_or_else(|| {
                    self.reader
                        .altered("its rows have more bytes in them than its file")
                })?;
                values.push(row.get(at).map_err(failed)?);
            }
            let written = self.db.prepare_cached(&insert);
            let written = written.and_then(|mut s| s.execute(params_from_iter(&values)));
            written.map_err(not_written)?;
            let names = Rc::clone(&names);
            see(Row { names, values });
        }
        Ok(())
    }
}

pub(in crate::upkeep) fn not_written(source: rusqlite::Error) -> ClipError {
    ClipError::Database {
        path: "the clip's session.db".to_owned(),
        source,
    }
}

fn size(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 8,
    }
}
