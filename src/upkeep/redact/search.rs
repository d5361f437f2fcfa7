//! The search of the copy: nothing that was replaced may be left in it.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags};

use super::book::dictionary::Dictionary;
use super::book::pseudonyms::Book;
use super::columns;
use super::outcome::LARGEST_TEXT;
use super::outcome::RedactError;
use super::wrapped::{self, Wrapping, texts_in_gzip};
use crate::session::body::decode;
use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::files::folder::SessionFolder;

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
        let is_left = match look(&file)? {
            Look::Media => continue,
            Look::Text => is_in_file(file, book.dictionary())?,
            Look::Wrapped => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                match wrapped::text_in(&bytes) {
                    // It was media then, and so it was said.
                    None => continue,
                    Some(text) => book.dictionary().is_in(&bytes) || book.dictionary().is_in(&text),
                }
            }
        };
        if is_left {
            return left(format!("chunks/{path}"));
        }
    }
    if coded(database, book)? {
        return left("a text that is kept compressed".to_owned());
    }
    texts(database, book)
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
            let plain = decode::decode_stored(row.get(0)?, Some(&coding), row.get(2)?);
            let failed = |error| FromSqlConversionFailure(0, Type::Blob, Box::new(error));
            if book.dictionary().is_in(&plain.map_err(failed)?) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    found().map_err(|source| failed(database, source))
}

/// Each text and all bytes of each table: what lies on more than one page is not found by bytes. And large playlists,
/// whole.
fn texts(database: &Path, book: &Book) -> Result<(), RedactError> {
    let found = || -> rusqlite::Result<Option<String>> {
        let db = open(database)?;
        let is_left =
            |_: &str, value: &[u8]| book.dictionary().is_in(value) || is_wrapped_in(value, book);
        for table in columns::tables()? {
            // The texts of bodies follow.
            let is_read = |column: &str| (table.as_str(), column) != ("body", "text");
            if columns::each(&db, &table, is_read, is_left)? {
                return Ok(Some(table));
            }
        }
        let is_whole = columns::each(&db, "body_text", |name| name == "text", is_left)?;
        Ok(is_whole.then(|| "body_text".to_owned()))
    };
    match found().map_err(|source| failed(database, source))? {
        None => Ok(()),
        Some(table) => Err(RedactError::Left {
            place: format!("table {table}"),
        }),
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

/// What a file is.
enum Look {
    Text,
    Wrapped,
    Media,
}

/// What a file looks like; it is read from its beginning again.
fn look(mut file: &File) -> io::Result<Look> {
    let mut head = Vec::new();
    file.take(WINDOW as u64).read_to_end(&mut head)?;
    file.rewind()?;
    let is_small = file.metadata()?.len() <= LARGEST_TEXT;
    Ok(match super::secrets::look::is_text(&head) {
        true => Look::Text,
        false if is_small && Wrapping::recognise(&head).is_some() => Look::Wrapped,
        false => Look::Media,
    })
}

/// Whether anything is in a text that is kept in other bytes.
fn is_wrapped_in(bytes: &[u8], book: &Book) -> bool {
    wrapped::text_in(bytes).is_some_and(|text| book.dictionary().is_in(&text))
}

/// Whether anything that is sought is in a database or any other file.
pub(super) fn is_in(file: impl Read, dictionary: &Dictionary) -> io::Result<bool> {
    windows(file, dictionary, |window| dictionary.is_in(window))
}

/// As [`is_in`], also in what stands in gzip in a chunk.
pub(super) fn is_in_file(file: impl Read, dictionary: &Dictionary) -> io::Result<bool> {
    windows(file, dictionary, |window| {
        let mut texts = texts_in_gzip(window).into_iter();
        dictionary.is_in(window) || texts.any(|text| dictionary.is_in(&text))
    })
}

/// Whether it is in one of the windows of a file.
fn windows(
    mut file: impl Read,
    dictionary: &Dictionary,
    is_in: impl Fn(&[u8]) -> bool,
) -> io::Result<bool> {
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
        if is_in(&window) {
            return Ok(true);
        }
        let kept = window.len().saturating_sub(overlap);
        window.drain(..kept);
    }
}
