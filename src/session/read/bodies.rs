//! Bodies and header fields of exchanges.

use std::io;

use rusqlite::OptionalExtension;

use super::facts::{Body, Exchange};
use super::reader::Reader;
use crate::session::body::decode;
use crate::session::digest::digest;
use crate::session::error::ReadError;
use crate::session::files::beneath::Sort;
use crate::session::files::chunk_dir::{ChunkFile, ChunkPath};
use crate::session::headers::Headers;
use crate::session::id::ExchangeId;
use crate::session::source::ChunkName;

impl Reader {
    /// The body of an exchange; `None`: it has none.
    ///
    /// # Errors
    /// The database or a file is damaged.
    pub fn body_of(&self, exchange: ExchangeId) -> Result<Option<Body>, ReadError> {
        let body_id: Option<i64> = self
            .db
            .prepare_cached("SELECT body_id FROM exchange WHERE id = ?1")
            .and_then(|mut s| s.query_row([exchange], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?
            .flatten();
        body_id.map(|id| self.body(id)).transpose()
    }

    /// A body, whole.
    ///
    /// # Errors
    /// The database or a file is damaged.
    pub fn body(&self, id: i64) -> Result<Body, ReadError> {
        type Columns = (
            Option<KeptFile>,
            i64,
            Option<Vec<u8>>,
            Option<String>,
            Vec<u8>,
            Option<String>,
        );
        // Of a file the rest is nothing, and costs nothing.
        let (file, size, data, text, sha256, coding): Columns = self
            .db
            .prepare_cached(BODY)
            .and_then(|mut s| {
                s.query_row([id], |row| {
                    let file = KeptFile::of_columns(row, 0)?;
                    Ok((
                        file,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                        row.get(6)?,
                    ))
                })
            })
            .map_err(|e| self.failed(e))?;
        if let Some(file) = file {
            return self.open_as_kept(id, &file).map(Body::Chunk);
        }
        let kept = |data| decode::decode_stored(data, coding.as_deref(), size);
        let size = u64::try_from(size).unwrap_or(0);
        let bytes = match (data, text) {
            (Some(data), None) => {
                kept(data).map_err(|e| self.altered(&format!("body {id}: {e}")))?
            }
            (None, Some(text)) => text.into_bytes(),
            _ => {
                return Err(
                    self.altered(&format!("body {id} is neither text nor data nor a chunk"))
                );
            }
        };
        if bytes.len() as u64 != size {
            return Err(self.altered(&format!(
                "body {id} has {} bytes, its row says {size}",
                bytes.len()
            )));
        }
        if digest(&bytes).as_slice() != sha256 {
            return Err(self.altered(&format!("body {id} is not what came")));
        }
        Ok(Body::Bytes(bytes))
    }

    /// A body that is a file, or bytes of one, opened; `None`: it is none.
    ///
    /// # Errors
    /// The database or the file is damaged.
    pub fn chunk_of(&self, body_id: i64) -> Result<Option<ChunkFile>, ReadError> {
        match self.kept(body_id)? {
            Some(kept) => self.open_as_kept(body_id, &kept).map(Some),
            None => Ok(None),
        }
    }

    /// The file of a body, or the one that it is a span of, as rows name it; `None`: it is no file.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn chunk_name(&self, body_id: i64) -> Result<Option<ChunkName>, ReadError> {
        let named: Option<(String, i64, Vec<u8>)> = self
            .db
            .prepare_cached(NAMED)
            .and_then(|mut s| {
                s.query_row([body_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .map_err(|e| self.failed(e))?;
        let Some((path, size, sha256)) = named else {
            return Ok(None);
        };
        let (Ok(size), Ok(sha256)) = (u64::try_from(size), sha256.try_into()) else {
            return Err(self.altered(&format!("the file of body {body_id}")));
        };
        Ok(Some(ChunkName { path, size, sha256 }))
    }

    /// Opens the file of a body, whose row said so.
    fn open_as_kept(&self, body_id: i64, kept: &KeptFile) -> Result<ChunkFile, ReadError> {
        match self.open_kept(kept) {
            // A recorder may have made it a span of another chunk since its row was read.
            Err(ReadError::Lost(lost)) => match self.kept(body_id)? {
                Some(now) if now != *kept => self.open_kept(&now),
                _ => Err(ReadError::Lost(lost)),
            },
            opened => opened,
        }
    }

    fn kept(&self, body_id: i64) -> Result<Option<KeptFile>, ReadError> {
        let row = |row: &rusqlite::Row<'_>| KeptFile::of_columns(row, 0);
        self.db
            .prepare_cached(KEPT)
            .and_then(|mut s| s.query_row([body_id], row).optional())
            .map(Option::flatten)
            .map_err(|e| self.failed(e))
    }

    fn open_kept(&self, kept: &KeptFile) -> Result<ChunkFile, ReadError> {
        let Some(chunks) = &self.chunks else {
            let what = "the folder chunks/ is missing, or is no folder";
            return Err(ReadError::Lost(what.to_owned()));
        };
        let opened = match kept.first {
            None => chunks.open(&kept.path, kept.size),
            Some(first) => chunks.open_span(&kept.path, first, kept.size),
        };
        opened.map_err(|error| match shows_loss(&error) {
            true => ReadError::Lost(error.to_string()),
            false => error.into(),
        })
    }

    /// Whether a file is missing, or is none of this size.
    pub(crate) fn is_file_lost(&self, kept: &KeptFile) -> bool {
        let Some(chunks) = &self.chunks else {
            return true;
        };
        let facts = ChunkPath::parse(&kept.path).and_then(|path| chunks.facts(path.plain()));
        match facts {
            Ok(facts) => facts.sort != Sort::File || !kept.is_in(facts.size),
            Err(error) => shows_loss(&error),
        }
    }

    /// Whether a body is a file that is missing, or has another size.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn is_body_lost(&self, body_id: i64) -> Result<bool, ReadError> {
        match self.kept(body_id)? {
            // As in `chunk_of`.
            Some(kept) if self.is_file_lost(&kept) => {
                let now = self.kept(body_id)?;
                Ok(now.is_some_and(|now| self.is_file_lost(&now)))
            }
            _ => Ok(false),
        }
    }

    /// Response header fields of an exchange, as they came.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn headers(&self, exchange: &Exchange) -> Result<Headers, ReadError> {
        let Some(set) = exchange.header_set_id else {
            return Ok(Headers::default());
        };
        let fields: String = self
            .db
            .prepare_cached("SELECT fields FROM header_set WHERE id = ?1")
            .and_then(|mut s| s.query_row([set], |row| row.get(0)))
            .map_err(|e| self.failed(e))?;
        Headers::join(&fields, exchange.header_values.as_deref())
            .ok_or_else(|| self.altered(&format!("the header fields of exchange {}", exchange.id)))
    }
}

/// The file that a body is, or is a span of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptFile {
    path: String,
    /// Of a span: where it begins.
    first: Option<u64>,
    size: u64,
}

const KEPT: &str = "SELECT ifnull(b.path, c.path), b.chunk_first, b.size
    FROM body b LEFT JOIN body c ON c.id = b.chunk_id WHERE b.id = ?1";

const NAMED: &str = "SELECT f.path, f.size, f.sha256
    FROM body b JOIN body f ON f.id = ifnull(b.chunk_id, b.id) WHERE b.id = ?1 AND f.path IS NOT NULL";

/// As [`KEPT`], and what is in the database.
const BODY: &str = "SELECT ifnull(b.path, c.path), b.chunk_first, b.size, b.data, t.text, b.sha256, b.coding
    FROM body b LEFT JOIN body c ON c.id = b.chunk_id JOIN body_text t ON t.id = b.id WHERE b.id = ?1";

impl KeptFile {
    /// Out of columns as those of [`KEPT`], of which `at` is the first; `None`: it is no file.
    pub(crate) fn of_columns(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Self>> {
        let path: Option<String> = row.get(at)?;
        let first: Option<i64> = row.get(at + 1)?;
        let size: Option<i64> = row.get(at + 2)?;
        Ok(path.map(|path| Self {
            path,
            // What no file has.
            first: first.map(|first| u64::try_from(first).unwrap_or(u64::MAX)),
            size: size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        }))
    }

    /// Whether a file of this size has it.
    fn is_in(&self, size: u64) -> bool {
        match self.first {
            None => size == self.size,
            Some(first) => first.checked_add(self.size).is_some_and(|end| end <= size),
        }
    }
}

/// Whether the file of a row is not there. Where the file system refuses for another reason, it may be.
fn shows_loss(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
    )
}
