//! Rows of exchanges and revisions.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::Connection;
use serde_json::Value as Json;

use super::outcome::RedactError;
use super::rows::{Row, table};
use crate::session::read::reader::Reader;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

/// Size of a body before and after, where that is another.
pub(super) type Sizes = HashMap<i64, (i64, i64)>;

/// Names of the fields that a header set leaves to the exchange, in order.
pub(super) type LeftOut = HashMap<i64, Vec<String>>;

pub(super) fn copy(
    reader: &Reader,
    db: &Connection,
    sizes: &Sizes,
    rules: &Rules,
    book: &mut Book,
) -> Result<(), RedactError> {
    let left_out = left_out(reader)?;
    table(reader, db, "exchange", "id", book, |row, book| {
        row.redact("error", Form::Failure, book);
        row.redact("note", Form::Failure, book);
        match row.text("remote_addr") {
            Some(address) if rules.hosts => row.set("remote_addr", remote(&address, book)),
            _ => row.redact("remote_addr", Form::Text, book),
        }
        let size = row.number("body_id").and_then(|id| sizes.get(&id)).copied();
        values(row, &left_out, size, book);
        if let Some((old, new)) = size {
            for column in ["announced_bytes", "wire_bytes"] {
                if row.number(column) == Some(old) {
                    row.set(column, new);
                }
            }
        }
        Ok(())
    })?;
    table(reader, db, "revision", "exchange_id", book, |_, _| Ok(()))?;
    table(reader, db, "placement", "exchange_id", book, |_, _| Ok(()))
}

/// Values of header fields that stand in the exchange.
fn values(row: &mut Row, left_out: &LeftOut, size: Option<(i64, i64)>, book: &mut Book) {
    let Some(text) = row.text("header_values") else {
        return;
    };
    let names = row.number("header_set_id").and_then(|id| left_out.get(&id));
    let (Some(names), Ok(mut values)) = (names, serde_json::from_str::<Vec<Json>>(&text)) else {
        row.redact("header_values", Form::Text, book);
        return;
    };
    for (at, value) in values.iter_mut().enumerate() {
        let Some(old) = text_of(value) else {
            continue;
        };
        let name = names.get(at).map(String::as_str);
        let is_size = |size: i64| name == Some("content-length") && old == size.to_string();
        let new = match size {
            Some((before, after)) if is_size(before) => after.to_string(),
            _ => book.redact_text(name.map_or(Form::Text, Form::Field), &old),
        };
        if new != old {
            *value = Json::String(new);
        }
    }
    row.set("header_values", Json::Array(values).to_string());
}

/// What the value of a header field says. None: it is a date. A recorder writes nothing but texts and dates; what else
/// is there is searched as it stands.
pub(super) fn text_of(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Number(_) | Json::Null | Json::Bool(_) => None,
        Json::Array(_) | Json::Object(_) => Some(Cow::Owned(value.to_string())),
    }
}

pub(super) fn left_out(reader: &Reader) -> Result<LeftOut, RedactError> {
    let sets = reader.list("SELECT id, fields FROM header_set", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let names = |fields: &str| {
        let fields: Vec<(String, Option<String>)> = serde_json::from_str(fields).ok()?;
        let without = fields.into_iter().filter(|(_, value)| value.is_none());
        Some(without.map(|(name, _)| name).collect())
    };
    Ok(sets
        .into_iter()
        .filter_map(|(id, fields)| Some((id, names(&fields)?)))
        .collect())
}

/// `127.0.0.1:8080`, `[::1]:8080`.
fn remote(address: &str, book: &mut Book) -> String {
    book.redact_text(Form::Url, &format!("//{address}"))
        .trim_start_matches('/')
        .to_owned()
}
