//! The first reading: everything that may say a secret is noted.

use serde_json::Value as Json;

use super::RedactError;
use super::bodies::{self, Content};
use super::book::Book;
use super::exchanges::left_out;
use super::places::Form;
use super::secret::Rules;
use crate::session::read::Reader;

/// Reads all of a session.
pub(super) fn note(reader: &Reader, rules: &Rules, book: &mut Book) -> Result<(), RedactError> {
    note_fixed(reader, book)?;
    note_bodies(reader, rules, book)?;
    texts(reader, "SELECT text FROM line", Form::Playlist, book)?;
    for sql in [
        "SELECT url FROM stream",
        "SELECT url FROM resource",
        "SELECT url FROM alias",
    ] {
        texts(reader, sql, Form::Url, book)?;
    }
    let errors = "SELECT error FROM exchange WHERE error IS NOT NULL";
    texts(reader, errors, Form::Failure, book)?;
    texts(reader, "SELECT detail FROM event", Form::Text, book)?;
    if rules.hosts {
        let addresses: Vec<String> = reader.list(
            "SELECT DISTINCT remote_addr FROM exchange WHERE remote_addr IS NOT NULL",
            [],
            |row| row.get(0),
        )?;
        for address in addresses {
            let host = address
                .rsplit_once(':')
                .map_or(address.as_str(), |(host, _)| host);
            book.note_host(host);
        }
    }
    headers(reader, book)
}

/// Words of playlists and header fields that are nobody's secret, wherever they stand.
const EVERYBODYS: &str = "no-cache no-store must-revalidate proxy-revalidate max-age s-maxage private public \
    immutable no-transform stale-while-revalidate stale-if-error Accept-Encoding accept-encoding User-Agent \
    keep-alive Keep-Alive chunked identity METHOD BANDWIDTH AVERAGE-BANDWIDTH RESOLUTION FRAME-RATE CODECS \
    GROUP-ID LANGUAGE DEFAULT AUTOSELECT FORCED CHANNELS DURATION INDEPENDENT KEYFORMAT BYTERANGE \
    SQLite format 3 sqlite_autoindex";

/// What the copy has as the session has it.
fn note_fixed(reader: &Reader, book: &mut Book) -> Result<(), RedactError> {
    book.note_fixed(EVERYBODYS);
    book.note_fixed(crate::session::SCHEMA);
    for sql in [
        // As the pages of the database have it, one column behind the other.
        "SELECT type || name || tbl_name FROM sqlite_schema",
        "SELECT ifnull(ended, '') || program FROM run",
        "SELECT DISTINCT kind FROM event",
        "SELECT DISTINCT kind FROM resource",
        "SELECT DISTINCT outcome FROM exchange",
        "SELECT DISTINCT ifnull(http_version, '') || ifnull(body_encoding, '') FROM exchange",
    ] {
        let texts: Vec<String> = reader.list(sql, [], |row| row.get(0))?;
        texts.iter().for_each(|text| book.note_fixed(text));
    }
    Ok(())
}

fn note_bodies(reader: &Reader, rules: &Rules, book: &mut Book) -> Result<(), RedactError> {
    bodies::each(reader, rules, |body| {
        match body.content {
            Content::Text(text) => {
                let form = bodies::form(&text);
                book.note(form, &text);
            }
            Content::Pieces { head, tail, .. } => {
                book.note(Form::Playlist, head.as_bytes());
                book.note(Form::Playlist, tail.as_bytes());
            }
            Content::Key(_) | Content::Media(_) | Content::Blank(_) | Content::Lost => {}
        }
        Ok(())
    })
}

fn texts(reader: &Reader, sql: &str, form: Form<'_>, book: &mut Book) -> Result<(), RedactError> {
    let mut each = || -> rusqlite::Result<()> {
        let mut statement = reader.db.connection().prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            reader.db.fresh();
            let text: String = row.get(0)?;
            book.note(form, text.as_bytes());
        }
        Ok(())
    };
    each().map_err(|e| reader.failed(e).into())
}

fn headers(reader: &Reader, book: &mut Book) -> Result<(), RedactError> {
    let sets: Vec<String> = reader.list("SELECT fields FROM header_set", [], |row| row.get(0))?;
    for fields in sets {
        match serde_json::from_str::<Vec<(String, Option<String>)>>(&fields) {
            Ok(fields) => {
                for (name, value) in fields {
                    book.note_fixed(&name);
                    book.note(Form::Field(&name), value.unwrap_or_default().as_bytes());
                }
            }
            Err(_) => book.note(Form::Text, fields.as_bytes()),
        }
    }
    let left_out = left_out(reader)?;
    let mut each = || -> rusqlite::Result<()> {
        let sql =
            "SELECT header_set_id, header_values FROM exchange WHERE header_values IS NOT NULL";
        let mut statement = reader.db.connection().prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            reader.db.fresh();
            let (set, text): (Option<i64>, String) = (row.get(0)?, row.get(1)?);
            let names = set.and_then(|id| left_out.get(&id));
            match (names, serde_json::from_str::<Vec<Json>>(&text)) {
                (Some(names), Ok(values)) => {
                    for (name, value) in names.iter().zip(&values) {
                        let value = value.as_str().unwrap_or_default();
                        book.note(Form::Field(name), value.as_bytes());
                    }
                }
                _ => book.note(Form::Text, text.as_bytes()),
            }
        }
        Ok(())
    };
    each().map_err(|e| reader.failed(e).into())
}
