//! The first reading: everything that may say a secret is noted.

use crate::session::EventKind;
use serde_json::Value as Json;

use super::bodies::{self, Content};
use super::columns;
use super::exchanges::{left_out, text_of};
use super::outcome::RedactError;
use super::wrapped::texts_in_gzip;
use crate::session::read::reader::Reader;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::secrets::look::is_key_data;
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

/// Reads all of a session; twice, where URLs are made up of variables.
pub(super) fn note(reader: &Reader, rules: &Rules, book: &mut Book) -> Result<(), RedactError> {
    note_fixed(book)?;
    note_all(reader, rules, book)?;
    renewed(reader, book)?;
    match book.begin_expansions() {
        true => note_all(reader, rules, book),
        false => Ok(()),
    }
}

fn note_all(reader: &Reader, rules: &Rules, book: &mut Book) -> Result<(), RedactError> {
    note_bodies(reader, rules, book)?;
    for table in columns::tables().map_err(in_memory)? {
        let is_read = |column: &str| columns::form(&table, column).is_some();
        let note = |column: &str, value: &[u8]| {
            reader.db.fresh();
            if let Some(form) = columns::form(&table, column) {
                book.note(form, value);
            }
            if rules.hosts && (table.as_str(), column) == ("exchange", "remote_addr") {
                let address = String::from_utf8_lossy(value);
                let host = address.rsplit_once(':').map_or(&*address, |(host, _)| host);
                book.note_host(host);
            }
            false
        };
        columns::each(reader.db.connection(), &table, is_read, note)
            .map_err(|e| reader.failed(e))?;
    }
    headers(reader, book)
}

fn in_memory(source: rusqlite::Error) -> RedactError {
    RedactError::Database {
        path: "a database in memory".to_owned(),
        source,
    }
}

/// URLs of one resource: what differs in their paths are tokens.
fn renewed(reader: &Reader, book: &mut Book) -> Result<(), RedactError> {
    let mut each = || -> rusqlite::Result<()> {
        let sql = "SELECT r.url, a.url FROM alias a JOIN resource r ON r.id = a.resource_id";
        let mut statement = reader.db.connection().prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            reader.db.fresh();
            let (url, other): (String, String) = (row.get(0)?, row.get(1)?);
            book.note_renewed(&url, &other);
        }
        Ok(())
    };
    each().map_err(|e| reader.failed(e).into())
}

/// Words of playlists and header fields that are not secrets, wherever they stand.
const EVERYBODYS: &str = "no-cache no-store must-revalidate proxy-revalidate max-age s-maxage private public \
    immutable no-transform stale-while-revalidate stale-if-error Accept-Encoding accept-encoding User-Agent \
    keep-alive Keep-Alive chunked identity METHOD BANDWIDTH AVERAGE-BANDWIDTH RESOLUTION FRAME-RATE CODECS \
    GROUP-ID LANGUAGE DEFAULT AUTOSELECT FORCED CHANNELS DURATION INDEPENDENT KEYFORMAT BYTERANGE \
    SQLite format 3 sqlite_autoindex";

/// Ends of runs, and the rest that is in copies though no schema says it.
const OUR_WORDS: &str = "stopped finished duration failed killed disk full isrecorder \
    HTTP/1.0 HTTP/1.1 HTTP/2.0 HTTP/3.0 ICY gzip x-gzip deflate br zstd compress";

/// What the copy has as every session has it. Nothing in it is of this session.
fn note_fixed(book: &mut Book) -> Result<(), RedactError> {
    for text in [
        EVERYBODYS,
        FIELDS,
        OUR_WORDS,
        crate::session::format::SCHEMA,
    ] {
        book.note_fixed(text);
    }
    EventKind::all().for_each(|kind| book.note_fixed(kind.as_str()));
    let names = || -> rusqlite::Result<Vec<String>> {
        let db = rusqlite::Connection::open_in_memory()?;
        db.execute_batch(crate::session::format::SCHEMA)?;
        // As the pages of the database have it, one column behind the other.
        let sql = "SELECT type || name || tbl_name FROM sqlite_schema";
        db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let names = names().map_err(in_memory)?;
    names.iter().for_each(|text| book.note_fixed(text));
    Ok(())
}

/// Names of header fields that many origins send.
const FIELDS: &str = "accept-ranges access-control-allow-credentials access-control-allow-headers \
    access-control-allow-methods access-control-allow-origin access-control-expose-headers access-control-max-age \
    age allow alt-svc authorization cache-control cdn-cache-control connection content-disposition \
    content-encoding content-language content-length content-location content-range content-security-policy \
    content-type cookie cross-origin-resource-policy date etag expires keep-alive last-modified link location \
    permissions-policy pragma proxy-authenticate referrer-policy retry-after server server-timing set-cookie \
    strict-transport-security surrogate-control timing-allow-origin trailer transfer-encoding upgrade vary via \
    www-authenticate x-amz-cf-id x-amz-cf-pop x-amz-id-2 x-amz-request-id x-cache x-cache-hits \
    x-content-type-options x-frame-options x-powered-by x-request-id x-served-by x-timer x-xss-protection";

fn note_bodies(reader: &Reader, rules: &Rules, book: &mut Book) -> Result<(), RedactError> {
    bodies::each(reader, rules, |body| {
        match body.content {
            Content::Text(text) | Content::Wrapped { text, .. } => {
                let form = bodies::form(&text);
                book.note(form, &text);
            }
            Content::Pieces { head, tail, .. } => {
                book.note(Form::Playlist, head.as_bytes());
                book.note(Form::Playlist, tail.as_bytes());
            }
            Content::Dropped(key, is_certain) => note_key(&key, is_certain, book),
            Content::Key(_)
            | Content::Media(_)
            | Content::Span(..)
            | Content::Blank(_)
            | Content::Lost => {}
        }
        Ok(())
    })
}

/// A key that is to go; a page in its place may have one in it.
fn note_key(key: &[u8], is_certain: bool, book: &mut Book) {
    if !is_key_data(key) {
        return book.note(Form::Text, key);
    }
    book.note_key(key, is_certain);
    for plain in texts_in_gzip(key) {
        book.note_key(&plain, is_certain);
    }
}

fn headers(reader: &Reader, book: &mut Book) -> Result<(), RedactError> {
    let sets: Vec<String> = reader.list("SELECT fields FROM header_set", [], |row| row.get(0))?;
    for fields in sets {
        match serde_json::from_str::<Vec<(String, Option<String>)>>(&fields) {
            Ok(fields) => {
                for (name, value) in fields {
                    book.note(Form::Text, name.as_bytes());
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
                    for (at, value) in values.iter().enumerate() {
                        let form = names.get(at).map_or(Form::Text, |name| Form::Field(name));
                        book.note(form, text_of(value).unwrap_or_default().as_bytes());
                    }
                }
                _ => book.note(Form::Text, text.as_bytes()),
            }
        }
        Ok(())
    };
    each().map_err(|e| reader.failed(e).into())
}
