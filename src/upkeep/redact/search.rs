//! The search of the copy: nothing that was replaced may be left in it.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags};

use super::RedactError;
use crate::session::body::decode;
use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::files::folder::SessionFolder;
use crate::upkeep::redact::book::dictionary::Dictionary;
use crate::upkeep::redact::book::pseudonyms::Book;

/// Read at once, in bytes.
const WINDOW: usize = 1024 * 1024;

/// Searches the bytes of the database, free pages included, its texts (names of files are among them), and
/// chunk files that are texts.
pub(super) fn search(
    database: &Path,
    target: &SessionFolder,
    book: &Book,
) -> Result<(), RedactError> {
    let left = |place: String| Err(RedactError::Left { place });
    if is_in(File::open(database)?, book.dictionary())? {
        return left("the database".to_owned());
    }
    let chunks = ChunkDir::of_session(target.path())?;
    let db = open(database).map_err(|source| failed(database, source))?;
    let paths = "SELECT path FROM body WHERE path IS NOT NULL";
    let mut paths = db
        .prepare(paths)
        .map_err(|source| failed(database, source))?;
    let mut paths = paths.query([]).map_err(|source| failed(database, source))?;
    while let Some(row) = paths.next().map_err(|source| failed(database, source))? {
        let path: String = row.get(0).map_err(|source| failed(database, source))?;
        let mut file = match chunks.open_any(&ChunkPath::parse(&path)?) {
            Ok((file, _)) => file,
            // Lost before, and marked so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        // Of media it was said already.
        if !is_text(&file)? {
            continue;
        }
        file.rewind()?;
        if is_in(file, book.dictionary())? {
            return left(format!("chunks/{path}"));
        }
    }
    texts(database, book)?;
    match coded(database, book)? {
        true => left("a text that is kept compressed".to_owned()),
        false => Ok(()),
    }
}

/// Whether anything is in the texts that are kept compressed.
fn coded(database: &Path, book: &Book) -> Result<bool, RedactError> {
    let found = || -> rusqlite::Result<bool> {
        let db = open(database)?;
        let mut statement =
            db.prepare("SELECT data, coding, size FROM body WHERE coding IS NOT NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let coding: String = row.get(1)?;
            let plain = decode::kept(row.get(0)?, Some(&coding), row.get(2)?);
            let failed = |error| FromSqlConversionFailure(0, Type::Blob, Box::new(error));
            if book.dictionary().is_in(&plain.map_err(failed)?) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    found().map_err(|source| failed(database, source))
}

/// What lies on more than one page is not found by bytes.
fn texts(database: &Path, book: &Book) -> Result<(), RedactError> {
    const TEXTS: [&str; 12] = [
        "SELECT url || ' ' || name FROM stream",
        "SELECT url || ' ' || name FROM resource",
        "SELECT url FROM alias",
        "SELECT normal || ' ' || url FROM url_spelling",
        "SELECT host || ' ' || names FROM query_names",
        "SELECT fields FROM header_set",
        "SELECT text FROM body_text WHERE text IS NOT NULL",
        "SELECT data FROM body WHERE data IS NOT NULL",
        "SELECT text FROM line",
        "SELECT ifnull(error, '') || ' ' || ifnull(header_values, '') || ' ' || ifnull(remote_addr, '') || ' ' || ifnull(note, '') || ' ' || ifnull(arrival, '') FROM exchange",
        "SELECT kind || ' ' || detail FROM event",
        "SELECT path FROM body WHERE path IS NOT NULL",
    ];
    let found = || -> rusqlite::Result<Option<&str>> {
        let db = open(database)?;
        for sql in TEXTS {
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let value = row.get_ref(0)?;
                let text = value.as_bytes().unwrap_or_default();
                if book.dictionary().is_in(text) {
                    return Ok(Some(sql));
                }
            }
        }
        Ok(None)
    };
    match found().map_err(|source| failed(database, source))? {
        None => Ok(()),
        Some(sql) => {
            let table = sql.rsplit("FROM ").next().unwrap_or(sql);
            let table = table.split(' ').next().unwrap_or(table).to_owned();
            Err(RedactError::Left {
                place: format!("table {table}"),
            })
        }
    }
}

fn open(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn failed(database: &Path, source: rusqlite::Error) -> RedactError {
    RedactError::Database {
        path: database.display().to_string(),
        source,
    }
}

fn is_text(file: &File) -> io::Result<bool> {
    let mut head = Vec::new();
    file.take(WINDOW as u64).read_to_end(&mut head)?;
    Ok(crate::upkeep::redact::secrets::look::is_text(&head))
}

/// Whether anything that is sought is in a file.
pub(super) fn is_in(mut file: impl Read, dictionary: &Dictionary) -> io::Result<bool> {
    // Across the border between windows, too.
    let overlap = dictionary.longest();
    let mut window = Vec::with_capacity(WINDOW + overlap);
    loop {
        let read = Read::by_ref(&mut file)
            .take(WINDOW as u64)
            .read_to_end(&mut window)?;
        if read == 0 {
            return Ok(false);
        }
        if dictionary.is_in(&window) {
            return Ok(true);
        }
        let kept = window.len().saturating_sub(overlap);
        window.drain(..kept);
    }
}
