//! Rows of the small tables: streams, resources, aliases, header sets, lines, events.

use std::collections::HashSet;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::outcome::{RedactError, Redacted};
use crate::hls::{resource_name, stream_name};
use crate::session::read::reader::Reader;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::secrets::places::Form;

/// A row on its way, by the names of its columns.
pub(super) struct Row {
    names: Vec<String>,
    values: Vec<Value>,
    /// Which of them were looked at.
    seen: Vec<bool>,
}

impl Row {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|n| n == name)?;
        self.values.get(at)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let at = self.names.iter().position(|n| n == name);
        if let Some(old) = at.and_then(|at| self.values.get_mut(at)) {
            *old = value.into();
        }
        self.see(name);
    }

    /// Marks a column whose value stays as it is.
    fn see(&mut self, name: &str) {
        let at = self.names.iter().position(|n| n == name);
        if let Some(seen) = at.and_then(|at| self.seen.get_mut(at)) {
            *seen = true;
        }
    }

    /// Text in any other column is text that may say anything.
    fn redact_others(&mut self, book: &mut Book) {
        for (value, seen) in self.values.iter_mut().zip(&mut self.seen) {
            match (&mut *value, std::mem::take(seen)) {
                (Value::Text(text), false) => *text = book.redact_text(Form::Text, text),
                (Value::Blob(bytes), false) => {
                    if let Some(new) = book.redact(Form::Text, bytes) {
                        *bytes = new;
                    }
                }
                _ => {}
            }
        }
    }

    /// Puts pseudonyms into a column of text.
    pub(super) fn redact(&mut self, name: &str, form: Form<'_>, book: &mut Book) {
        if let Some(text) = self.text(name) {
            self.set(name, book.redact_text(form, &text));
        }
    }
}

/// Copies a table row by row.
pub(super) fn table(
    reader: &Reader,
    db: &Connection,
    name: &str,
    order: &str,
    book: &mut Book,
    mut change: impl FnMut(&mut Row, &mut Book) -> Result<(), RedactError>,
) -> Result<(), RedactError> {
    let read = |e| RedactError::Read(reader.failed(e));
    let written = |source| RedactError::Database {
        path: "the copy's session.db".to_owned(),
        source,
    };
    let select = format!("SELECT * FROM {name} ORDER BY {order}");
    let mut statement = reader.db.connection().prepare(&select).map_err(read)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let places = vec!["?"; names.len()].join(",");
    let insert = format!("INSERT INTO {name} ({}) VALUES ({places})", names.join(","));
    let mut insert = db.prepare(&insert).map_err(written)?;
    let mut rows = statement.query([]).map_err(read)?;
    let mut row = Row {
        names,
        values: Vec::new(),
        seen: Vec::new(),
    };
    while let Some(from) = rows.next().map_err(read)? {
        reader.db.fresh();
        let values: rusqlite::Result<Vec<Value>> =
            (0..row.names.len()).map(|at| from.get(at)).collect();
        row.values = values.map_err(read)?;
        row.seen = vec![false; row.names.len()];
        change(&mut row, book)?;
        row.redact_others(book);
        insert
            .execute(rusqlite::params_from_iter(&row.values))
            .map_err(written)?;
    }
    Ok(())
}

/// All but bodies, exchanges and revisions.
pub(super) fn copy(
    reader: &Reader,
    db: &Connection,
    book: &mut Book,
    done: &mut Redacted,
) -> Result<(), RedactError> {
    table(reader, db, "run", "id", book, |row, _| {
        // Nobody records the copy: a recorder that was killed is noted as --resume would.
        if row.number("stopped_us").is_none() {
            let seen_us = row.number("seen_us").unwrap_or_default();
            row.set("stopped_us", seen_us);
            row.set("ended", "killed".to_owned());
        }
        Ok(())
    })?;
    done.unfinished = unfinished(reader)?;
    let mut taken = HashSet::new();
    table(reader, db, "stream", "id", book, |row, book| {
        let url = row.text("url").unwrap_or_default();
        let new_url = book.redact_text(Form::Url, &url);
        let name = row.text("name").unwrap_or_default();
        row.set("name", stream(&name, &url, &new_url, book, &mut taken));
        row.set("url", new_url);
        Ok(())
    })?;
    table(reader, db, "resource", "id", book, |row, book| {
        row.redact("url", Form::Url, book);
        let url = row.text("url").unwrap_or_default();
        row.set("path_url", url.split('?').next().unwrap_or(&url).to_owned());
        book.note_kept_folders(&url);
        if let Ok(parsed) = url::Url::parse(&url) {
            row.set("name", resource_name(&parsed));
        } else {
            row.redact("name", Form::Text, book);
        }
        Ok(())
    })?;
    table(
        reader,
        db,
        "alias",
        "url, resource_id",
        book,
        |row, book| {
            row.redact("url", Form::Url, book);
            Ok(())
        },
    )?;
    table(reader, db, "header_set", "id", book, |row, book| {
        let fields = row.text("fields").unwrap_or_default();
        row.set("fields", header_fields(&fields, book));
        Ok(())
    })?;
    table(
        reader,
        db,
        "line",
        "resource_id, number",
        book,
        |row, book| {
            row.redact("text", Form::Playlist, book);
            Ok(())
        },
    )?;
    table(reader, db, "heartbeat", "at_us", book, |_, _| Ok(()))?;
    table(reader, db, "event", "id", book, |row, book| {
        row.redact("detail", Form::Text, book);
        Ok(())
    })
}

/// A name that was made of a URL is made again; any other is a text.
fn stream(
    name: &str,
    url: &str,
    new_url: &str,
    book: &mut Book,
    taken: &mut HashSet<String>,
) -> String {
    let made = |url: &str| url::Url::parse(url).ok().map(|url| stream_name(&url));
    let suffix = made(url).and_then(|own| Some(name.strip_prefix(own.as_str())?.to_owned()));
    let is_suffix = |suffix: &String| {
        let number = suffix.strip_prefix('_');
        suffix.is_empty() || number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    };
    let new = match (suffix.filter(is_suffix), made(new_url)) {
        (Some(suffix), Some(new)) if made(url) != Some(new.clone()) => new + &suffix,
        _ => book.redact_text(Form::Text, name),
    };
    let mut free = new.clone();
    let mut number = 2;
    while !taken.insert(free.to_ascii_lowercase()) {
        free = format!("{new}_{number}");
        number += 1;
    }
    free
}

/// Fields of a header set; those that are no such JSON are searched as text.
fn header_fields(fields: &str, book: &mut Book) -> String {
    let Ok(parsed) = serde_json::from_str::<Vec<(String, Option<String>)>>(fields) else {
        return book.redact_text(Form::Text, fields);
    };
    let fields = parsed.into_iter().map(|(name, value)| {
        let value = value.map(|value| book.redact_text(Form::Field(&name), &value));
        (book.redact_text(Form::Text, &name), value)
    });
    let fields: Vec<_> = fields.collect();
    serde_json::to_string(&fields).unwrap_or_default()
}

/// Parts of raw streams that were growing when the recorder was killed.
fn unfinished(reader: &Reader) -> Result<u64, RedactError> {
    let sql = "SELECT count(*) FROM pending p JOIN resource r ON r.id = p.resource_id WHERE r.kind = 'main'";
    let count: i64 = reader
        .db
        .connection()
        .query_row(sql, [], |row| row.get(0))
        .map_err(|e| reader.failed(e))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
