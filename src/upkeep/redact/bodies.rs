//! Bodies and chunk files: texts are redacted, everything else is copied as it is.

use super::outcome::LARGEST_TEXT;
use crate::session::write::rows;
use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, Write};

use rusqlite::Connection;

use super::exchanges::Sizes;
use super::outcome::{RedactError, Redacted};
use super::wrapped::{Wrapping, texts_in_gzip};
use super::{modes, search};
use crate::hls::{ByteRange, chunk_path, encoded_chunk_path, ranged_chunk_path, with_suffix};
use crate::session::body::decode::gzip;
use crate::session::files::beneath::PlainPath;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile, ChunkPath};
use crate::session::files::folder::SessionFolder;
use crate::session::read::facts::Body;
use crate::session::read::reader::Reader;
use crate::session::write::store::around_files;
use crate::upkeep::check::files::lost_bodies;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::book::starts::Marked;
use crate::upkeep::redact::secrets::look::{is_key_data, is_text};
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

/// By so many bytes it is told whether a chunk is a text.
const HEAD: u64 = 64 * 1024;

/// A body on its way.
pub(super) struct BodyRow {
    id: i64,
    size: i64,
    sha256: Vec<u8>,
    /// Its chunk.
    path: Option<String>,
    /// Whether it is in the column `text`.
    is_text: bool,
    /// Whether it is a text that is kept compressed.
    is_coded: bool,
    /// Its first exchange.
    first: Option<i64>,
    pub(super) content: Content,
}

/// How a body is copied.
pub(super) enum Content {
    /// What is no chunk, or can be read by people; whole.
    Text(Vec<u8>),
    /// A text in other bytes, and these.
    Wrapped {
        text: Vec<u8>,
        wrapping: Wrapping,
        bytes: Vec<u8>,
    },
    /// A large playlist that shares its lines.
    Pieces {
        head: String,
        tail: String,
        lines: (i64, i64),
        owner: i64,
    },
    /// A key.
    Key(Vec<u8>),
    /// A key that becomes zeros; whether it came without an error.
    Dropped(Vec<u8>, bool),
    /// A chunk that is no text.
    Media(ChunkFile),
    /// It becomes zeros.
    Blank(Why),
    /// A chunk that a repair has marked as lost: it is not there to be copied.
    Lost,
}

/// Why a body becomes zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Encoded,
    /// There is a text in gzip behind other bytes.
    HasGzip,
}

/// How exchanges use a body.
#[derive(Debug, Clone, Copy)]
struct Use {
    first: i64,
    is_key: bool,
    /// It came where a key is, whatever the status was.
    is_at_key: bool,
    is_encoded: bool,
}

/// Whether a body is a playlist or any other text.
pub(super) fn form(text: &[u8]) -> Form<'static> {
    let start = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    match start.trim_ascii_start().starts_with(b"#EXTM3U") {
        true => Form::Playlist,
        false => Form::Text,
    }
}

/// Calls `then` with all bodies, in order.
pub(super) fn each(
    reader: &Reader,
    rules: &Rules,
    mut then: impl FnMut(BodyRow) -> Result<(), RedactError>,
) -> Result<(), RedactError> {
    let read = |e| RedactError::Read(reader.failed(e));
    let uses = uses(reader)?;
    let lost = lost_bodies(reader)?;
    let sql = "SELECT id, size, sha256, text, first_line, last_line, tail, line_owner, data, path, coding FROM body ORDER BY id";
    let mut statement = reader.db.connection().prepare(sql).map_err(read)?;
    let mut rows = statement.query([]).map_err(read)?;
    while let Some(row) = rows.next().map_err(read)? {
        reader.db.fresh();
        let id: i64 = row.get(0).map_err(read)?;
        let columns = || -> rusqlite::Result<_> {
            let lines: Option<(i64, i64)> = row.get::<_, Option<i64>>(4)?.zip(row.get(5)?);
            let head: Option<String> = row.get(3)?;
            let (tail, owner): (Option<String>, Option<i64>) = (row.get(6)?, row.get(7)?);
            let pieces = head.zip(lines).zip(owner);
            let pieces = pieces.map(|((head, lines), owner)| Content::Pieces {
                head,
                tail: tail.unwrap_or_default(),
                lines,
                owner,
            });
            let path: Option<String> = row.get(9)?;
            Ok((
                row.get(1)?,
                row.get(2)?,
                path,
                row.get::<_, Option<String>>(3)?.is_some(),
                row.get::<_, Option<String>>(10)?.is_some(),
                pieces,
            ))
        };
        let (size, sha256, path, is_text, is_coded, pieces) = columns().map_err(read)?;
        let used = uses.get(&id).copied();
        let content = match pieces {
            Some(pieces) => pieces,
            None => match content(reader, rules, id, path.as_deref(), used) {
                Err(RedactError::Read(_)) if lost.contains(&id) => Content::Lost,
                content => content?,
            },
        };
        then(BodyRow {
            id,
            size,
            sha256,
            path,
            is_text,
            is_coded,
            first: used.map(|used| used.first),
            content,
        })?;
    }
    Ok(())
}

fn uses(reader: &Reader) -> Result<HashMap<i64, Use>, RedactError> {
    let rows = reader.list(
        "SELECT e.body_id, min(e.id), max(r.kind = 'key' AND ifnull(e.status, 0) BETWEEN 200 AND 299),
                max(r.kind = 'key'), max(e.body_encoding IS NOT NULL)
           FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE e.body_id IS NOT NULL GROUP BY e.body_id",
        [],
        |row| {
            let used = Use {
                first: row.get(1)?,
                is_key: row.get(2)?,
                is_at_key: row.get(3)?,
                is_encoded: row.get(4)?,
            };
            Ok((row.get::<_, i64>(0)?, used))
        },
    )?;
    Ok(rows.into_iter().collect())
}

fn content(
    reader: &Reader,
    rules: &Rules,
    id: i64,
    path: Option<&str>,
    used: Option<Use>,
) -> Result<Content, RedactError> {
    let is_key = used.is_some_and(|used| used.is_key);
    let is_at_key = used.is_some_and(|used| used.is_at_key);
    let is_encoded = used.is_some_and(|used| used.is_encoded);
    let else_blank = |content| match is_encoded {
        true => Content::Blank(Why::Encoded),
        false => content,
    };
    match reader.body(id)? {
        Body::Bytes(bytes) if rules.drop_keys && (is_key || is_at_key && is_key_data(&bytes)) => {
            Ok(Content::Dropped(bytes, is_key))
        }
        Body::Chunk(chunk) if rules.drop_keys && is_key => {
            let mut bytes = Vec::new();
            chunk.file.take(HEAD).read_to_end(&mut bytes)?;
            Ok(Content::Dropped(bytes, is_key))
        }
        // Sixteen bytes of a key may look like words; a page in place of a key is longer.
        Body::Bytes(bytes) if is_key && is_key_data(&bytes) => Ok(Content::Key(bytes)),
        Body::Bytes(bytes) if is_encoded && !is_text(&bytes) => Ok(Content::Blank(Why::Encoded)),
        Body::Bytes(bytes) => Ok(match wrapped(bytes) {
            Ok(content) => content,
            Err(bytes) if !is_text(&bytes) && !texts_in_gzip(&bytes).is_empty() => {
                Content::Blank(Why::HasGzip)
            }
            Err(bytes) => Content::Text(bytes),
        }),
        Body::Chunk(mut chunk) => {
            let mut head = Vec::new();
            Read::by_ref(&mut chunk.file)
                .take(HEAD)
                .read_to_end(&mut head)?;
            let is_wrapped = !is_text(&head) && !is_encoded && Wrapping::recognise(&head).is_some();
            if !is_text(&head) && !is_wrapped {
                chunk.file.rewind()?;
                return Ok(else_blank(Content::Media(chunk)));
            }
            if chunk.size > LARGEST_TEXT {
                let (path, size) = (path.unwrap_or_default().to_owned(), chunk.size);
                return Err(RedactError::TooLarge { path, size });
            }
            chunk.file.read_to_end(&mut head)?;
            let content = match is_text(&head) {
                true => Ok(Content::Text(head)),
                false => wrapped(head),
            };
            if let Ok(content) = content {
                return Ok(content);
            }
            chunk.file.rewind()?;
            Ok(else_blank(Content::Media(chunk)))
        }
    }
}

/// A text in other bytes; these, where they are none. What was compressed and cannot be read becomes zeros.
fn wrapped(bytes: Vec<u8>) -> Result<Content, Vec<u8>> {
    let wrapping = Wrapping::recognise(&bytes).filter(|_| !is_text(&bytes));
    let Some(wrapping) = wrapping else {
        return Err(bytes);
    };
    match wrapping.open(&bytes) {
        Some(text) => Ok(Content::Wrapped {
            text,
            wrapping,
            bytes,
        }),
        None if wrapping == Wrapping::Gzip => Ok(Content::Blank(Why::Encoded)),
        None => Err(bytes),
    }
}

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
        if body.path.is_some() {
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
        let mut from = &chunk.file;
        let copied = io::copy(&mut from, &mut to).map_err(|e| with_chunk_path(path, &e))?;
        if copied != chunk.size {
            return Err(with_chunk_path(path, &io::ErrorKind::UnexpectedEof.into()).into());
        }
        from.rewind()?;
        Ok(search::is_in_file(from, book.dictionary())?)
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
        };
        row.insert(self.db)?;
        Ok(())
    }
}

fn with_chunk_path(path: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("chunks/{path} of the copy: {error}"))
}
