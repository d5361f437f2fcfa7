//! Writes bodies and chunk files of the copy: texts are redacted, everything else is copied as it is.

use super::bodies::{BodyRow, Content, Why, each, form};
use super::outcome::LARGEST_TEXT;
use crate::session::write::rows;
use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Seek as _, Write};

use rusqlite::Connection;

use super::exchanges::Sizes;
use super::outcome::{RedactError, Redacted};
use super::search;
use crate::hls::{ByteRange, chunk_path, encoded_chunk_path, ranged_chunk_path, with_suffix};
use crate::session::body::decode::gzip;
use crate::session::files::beneath::PlainPath;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile, ChunkPath};
use crate::session::files::folder::SessionFolder;
use crate::session::read::facts::Body;
use crate::session::read::reader::Reader;
use crate::session::write::store::around_files;
use crate::upkeep::copied::modes;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::book::starts::Marked;
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

/// Writes all bodies and chunk files of the copy.
pub(super) fn copy(
    reader: &Reader,
    db: &Connection,
    target: &SessionFolder,
    rules: &Rules,
    book: &mut Book,
    done: &mut Redacted,
) -> Result<Sizes, RedactError> {
    let mut writer = BodyWriter {
        reader,
        db,
        target,
        chunks: ChunkDir::of_session(target.path())?,
        streams: renamed_streams(reader, db)?,
        taken: Marked::default(),
        suffixes: HashMap::new(),
        sizes: Sizes::new(),
    };
    // A span may come before the body of which it is one.
    db.pragma_update(None, "defer_foreign_keys", true)
        .map_err(|source| RedactError::Database {
            path: target.database().display().to_string(),
            source,
        })?;
    each(reader, rules, |body| writer.write(body, book, done))?;
    Ok(writer.sizes)
}

/// Old and new names of streams: raw streams have folders of their own.
fn renamed_streams(
    reader: &Reader,
    db: &Connection,
) -> Result<HashMap<String, String>, RedactError> {
    let streams = reader.streams()?;
    let new = |id: i64| -> rusqlite::Result<String> {
        db.query_row("SELECT name FROM stream WHERE id = ?1", [id], |row| {
            row.get(0)
        })
    };
    let named = streams
        .into_iter()
        .map(|stream| Ok((stream.name, new(stream.id)?)));
    named
        .collect::<rusqlite::Result<_>>()
        .map_err(|e| reader.failed(e).into())
}

struct BodyWriter<'a> {
    reader: &'a Reader,
    db: &'a Connection,
    target: &'a SessionFolder,
    chunks: ChunkDir,
    streams: HashMap<String, String>,
    /// Paths of the copy, in lower case.
    taken: Marked,
    /// The next suffix of a path that is taken.
    suffixes: HashMap<String, u32>,
    sizes: Sizes,
}

/// The row of a body in the copy.
#[derive(Default)]
struct NewRow {
    size: i64,
    sha256: Vec<u8>,
    text: Option<String>,
    pieces: Option<((i64, i64), String, i64)>,
    data: Option<Vec<u8>>,
    coding: Option<&'static str>,
    path: Option<String>,
    span: Option<(i64, i64)>,
}

impl BodyWriter<'_> {
    fn write(
        &mut self,
        body: BodyRow,
        book: &mut Book,
        done: &mut Redacted,
    ) -> Result<(), RedactError> {
        let mut new = NewRow {
            size: body.size,
            sha256: body.sha256.clone(),
            ..NewRow::default()
        };
        if body.path.is_some() && !matches!(body.content, Content::Span(..)) {
            new.path = Some(self.new_path(&body, book)?);
        }
        match &body.content {
            Content::Text(text) => {
                let redacted = book.redact(form(text), text);
                done.texts += u64::from(body.path.is_some());
                self.bytes(&body, redacted.as_deref().unwrap_or(text), &mut new)?;
            }
            Content::Wrapped {
                text,
                wrapping,
                bytes,
            } => {
                let redacted = book.redact(form(text), text);
                done.texts += u64::from(body.path.is_some());
                let redacted = redacted.map(|text| wrapping.close(&text)).transpose()?;
                self.bytes(&body, redacted.as_deref().unwrap_or(bytes), &mut new)?;
            }
            Content::Key(key) => {
                done.kept_keys += 1;
                let redacted = book.redact(Form::Plain, key);
                self.bytes(&body, redacted.as_deref().unwrap_or(key), &mut new)?;
            }
            Content::Dropped(..) => {
                done.keys += 1;
                self.blank(&body, &mut new)?;
            }
            Content::Blank(Why::Encoded | Why::HasGzip) => {
                done.encoded += 1;
                self.blank(&body, &mut new)?;
            }
            Content::Pieces { .. } => self.pieces(&body, book, &mut new)?,
            Content::Lost => {}
            Content::Span(chunk, first) => {
                done.media += 1;
                new.span = Some((*chunk, *first));
            }
            Content::Media(chunk) => {
                let path = new.path.clone().unwrap_or_default();
                done.media += 1;
                if self.media(chunk, &path, book)? {
                    done.media_with_secrets.0 += 1;
                    done.media_with_secrets.1.get_or_insert(path);
                }
            }
        }
        if new.size != body.size {
            self.sizes.insert(body.id, (body.size, new.size));
        }
        self.insert(body.id, &new)
            .map_err(|e| RedactError::Database {
                path: self.target.database().display().to_string(),
                source: e,
            })
    }

    fn blank(&self, body: &BodyRow, new: &mut NewRow) -> Result<(), RedactError> {
        let size = u64::try_from(body.size).unwrap_or(0);
        if size > LARGEST_TEXT {
            let path = body.path.clone().unwrap_or_default();
            return Err(RedactError::TooLarge { path, size });
        }
        let zeros = vec![0; usize::try_from(size).unwrap_or(0)];
        self.bytes(body, &zeros, new)
    }

    /// Lines are rows of their own; here are the head, the tail, and what the whole comes to.
    fn pieces(&self, body: &BodyRow, book: &mut Book, new: &mut NewRow) -> Result<(), RedactError> {
        let Content::Pieces {
            head,
            tail,
            lines,
            owner,
        } = &body.content
        else {
            return Ok(());
        };
        if let Body::Bytes(whole) = self.reader.body(body.id)?
            && let Some(redacted) = book.redact(Form::Playlist, &whole)
        {
            new.size = redacted.len() as i64;
            new.sha256 = crate::session::digest(&redacted).to_vec();
        }
        new.text = Some(book.redact_text(Form::Playlist, head));
        let tail = book.redact_text(Form::Playlist, tail);
        new.pieces = Some((*lines, tail, *owner));
        Ok(())
    }

    /// Content that is in memory goes to where it was.
    fn bytes(&self, body: &BodyRow, bytes: &[u8], new: &mut NewRow) -> Result<(), RedactError> {
        new.size = bytes.len() as i64;
        new.sha256 = crate::session::digest(bytes).to_vec();
        if let Some(path) = &new.path {
            let mut file = self.create(path, self.mode_of(body))?;
            return file
                .write_all(bytes)
                .map_err(|e| with_chunk_path(path, &e).into());
        }
        if body.is_coded {
            new.data = Some(gzip(bytes)?);
            new.coding = Some("gzip");
            return Ok(());
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if body.is_text && !bytes.contains(&0) => new.text = Some(text.to_owned()),
            _ => new.data = Some(bytes.to_vec()),
        }
        Ok(())
    }

    /// Copies a chunk; whether a secret is in it.
    fn media(&self, chunk: &ChunkFile, path: &str, book: &Book) -> Result<bool, RedactError> {
        let mut to = self.create(path, modes::mode_of(&chunk.file))?;
        // The system's own copy where it has one, so that blocks may be shared.
        let mut from = (&chunk.file).take(chunk.size);
        let copied = io::copy(&mut from, &mut to).map_err(|e| with_chunk_path(path, &e))?;
        if copied != chunk.size {
            return Err(with_chunk_path(path, &io::ErrorKind::UnexpectedEof.into()).into());
        }
        let mut again = &chunk.file;
        again.seek(io::SeekFrom::Start(chunk.first))?;
        Ok(search::is_in_file(
            again.take(chunk.size),
            book.dictionary(),
        )?)
    }

    fn create(&self, path: &str, mode: Option<Permissions>) -> Result<File, RedactError> {
        let created = ChunkPath::parse(path).and_then(|path| self.chunks.create(&path));
        let file = created.map_err(|e| with_chunk_path(path, &e))?;
        if let Some(mode) = mode {
            // Where that cannot be it is the file of whoever makes the copy.
            let _ = file.set_permissions(mode);
        }
        Ok(file)
    }

    /// The mode of the chunk of a body.
    fn mode_of(&self, body: &BodyRow) -> Option<Permissions> {
        let path = ChunkPath::parse(body.path.as_deref()?).ok()?;
        let (file, _) = self.reader.chunks.as_ref()?.open_any(&path).ok()?;
        modes::mode_of(&file)
    }

    /// Where a chunk goes: made of its redacted URL, where that says something else than before.
    fn new_path(&mut self, body: &BodyRow, book: &mut Book) -> Result<String, RedactError> {
        let old = body.path.clone().unwrap_or_default();
        // A lost body may name anything.
        let old = match ChunkPath::parse(&old) {
            Ok(_) => old,
            Err(_) => format!("lost/{}", body.id),
        };
        let own = match body.first {
            Some(first) => self.own_path(first, &old)?,
            None => None,
        };
        let wished = own.unwrap_or_else(|| old.clone());
        let form = match wished == old {
            true => Form::Url,
            false => Form::Plain,
        };
        let wished = book.redact_text(form, &wished);
        let wished = around_files(&self.chunks, &wished);
        let mut path = wished.clone();
        let mut number = self.suffixes.get(&wished).copied().unwrap_or(2);
        while !self.is_free(&path) {
            path = with_suffix(&wished, number);
            number += 1;
        }
        if path != wished {
            self.suffixes.insert(wished, number);
        }
        self.taken.insert(path.to_lowercase().as_bytes());
        Ok(path)
    }

    /// The path that the URL of an exchange gives in the copy; `None`: the old one.
    fn own_path(&self, exchange: i64, old: &str) -> Result<Option<String>, RedactError> {
        let sql = "SELECT r.kind, r.url, r.range_first, r.range_length, r.id, s.name, e.body_encoding FROM exchange e
                     JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id WHERE e.id = ?1";
        let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<_> {
            let range: Option<(i64, i64)> = row.get::<_, Option<i64>>(2)?.zip(row.get(3)?);
            let (kind, url): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((
                kind,
                url,
                range,
                row.get::<_, i64>(4)?,
                row.get::<_, String>(5)?,
                row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            ))
        };
        let found = self.reader.db.prepare_cached(sql);
        let found = found.and_then(|mut s| s.query_row([exchange], row));
        let (kind, url, range, id, stream, codings) = found.map_err(|e| self.reader.failed(e))?;
        if kind == "main" {
            let inside = old
                .strip_prefix(&stream)
                .filter(|rest| rest.starts_with('/'));
            let renamed = inside.zip(self.streams.get(&stream));
            return Ok(renamed.map(|(inside, new)| format!("{new}{inside}")));
        }
        let new: rusqlite::Result<String> = self
            .db
            .prepare_cached("SELECT url FROM resource WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], |row| row.get(0)));
        let new = new.map_err(|e| self.reader.failed(e))?;
        let (Ok(url), Ok(new)) = (url::Url::parse(&url), url::Url::parse(&new)) else {
            return Ok(None);
        };
        let range = range.and_then(|(first, length)| {
            Some(ByteRange {
                first: u64::try_from(first).ok()?,
                length: u64::try_from(length).ok()?,
            })
        });
        let path = |url: &url::Url| {
            let path = match range {
                Some(range) => ranged_chunk_path(url, range),
                None => chunk_path(url),
            };
            encoded_chunk_path(&path, &codings)
        };
        Ok((path(&url) != path(&new)).then(|| path(&new)))
    }

    fn is_free(&self, path: &str) -> bool {
        let facts = PlainPath::parse(path).map(|path| self.chunks.facts(&path));
        !self.taken.contains(path.to_lowercase().as_bytes())
            && facts.is_none_or(|facts| facts.is_err())
    }

    fn insert(&self, id: i64, new: &NewRow) -> rusqlite::Result<()> {
        let lines = new.pieces.as_ref();
        let row = rows::BodyRow {
            id: Some(id),
            size: new.size,
            sha256: &new.sha256,
            text: new.text.as_deref(),
            lines: lines.map(|((first, last), tail, owner)| rows::BodyLines {
                owner: *owner,
                first: *first,
                last: *last,
                tail,
            }),
            data: new.data.as_deref(),
            coding: new.coding,
            path: new.path.as_deref(),
            span: new.span,
        };
        row.insert(self.db)?;
        Ok(())
    }
}

fn with_chunk_path(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("chunks/{path} of the copy: {error}"))
}
