//! Bodies of a session, as a redaction reads them: texts, keys, and what is copied as it is.

use super::outcome::LARGEST_TEXT;
use std::collections::HashMap;
use std::io::Read;

use super::outcome::RedactError;
use super::wrapped::{Wrapping, texts_in_gzip};
use crate::session::files::chunk_dir::ChunkFile;
use crate::session::read::facts::Body;
use crate::session::read::reader::Reader;
use crate::session::read::sound::spans::too_large;
use crate::upkeep::check::files::lost_bodies;
use crate::upkeep::redact::secrets::look::{is_key_data, is_text};
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

/// By so many bytes it is told whether a chunk is a text.
const HEAD: u64 = 64 * 1024;

/// A body on its way.
pub(super) struct BodyRow {
    pub(super) id: i64,
    pub(super) size: i64,
    pub(super) sha256: Vec<u8>,
    /// Its chunk; of a span that of which it is one.
    pub(super) path: Option<String>,
    /// Whether it is in the column `text`.
    pub(super) is_text: bool,
    /// Whether it is a text that is kept compressed.
    pub(super) is_coded: bool,
    /// Its first exchange.
    pub(super) first: Option<i64>,
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
    /// Bytes of a chunk that is copied as it is: of which body, and from which byte on.
    Span(i64, i64),
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
    if let Some(chunk) = too_large(reader)?.into_iter().next() {
        let what = format!("the spans of body {chunk} are many times as large as it is");
        return Err(reader.altered(&what).into());
    }
    let sql = "SELECT b.id, b.size, b.sha256, b.text, b.first_line, b.last_line, b.tail, b.line_owner, b.data, ifnull(b.path, c.path), b.coding,
            b.chunk_id, b.chunk_first FROM body b LEFT JOIN body c ON c.id = b.chunk_id ORDER BY b.id";
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
                row.get::<_, Option<i64>>(11)?.zip(row.get(12)?),
            ))
        };
        let (size, sha256, path, is_text, is_coded, pieces, span) = columns().map_err(read)?;
        let used = uses.get(&id).copied();
        let of_media = |(chunk, _): &(i64, i64)| {
            let used = uses.get(chunk).copied();
            let chunk = content(reader, rules, *chunk, path.as_deref(), used);
            matches!(chunk, Ok(Content::Media(_)))
        };
        let is_lost = lost.contains(&id);
        // Others are looked at by themselves.
        let is_plain = !is_lost && !used.is_some_and(|used| used.is_key || used.is_encoded);
        let content = match (pieces, span.filter(|span| is_plain && of_media(span))) {
            (Some(pieces), _) => pieces,
            (None, Some((chunk, first))) => Content::Span(chunk, first),
            (None, None) => match content(reader, rules, id, path.as_deref(), used) {
                Err(RedactError::Read(_)) if is_lost => Content::Lost,
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
            let head = chunk.size.min(HEAD);
            chunk.file.take(head).read_to_end(&mut bytes)?;
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
                .take(chunk.size.min(HEAD))
                .read_to_end(&mut head)?;
            let is_wrapped = !is_text(&head) && !is_encoded && Wrapping::recognise(&head).is_some();
            if !is_text(&head) && !is_wrapped {
                chunk.rewind()?;
                return Ok(else_blank(Content::Media(chunk)));
            }
            if chunk.size > LARGEST_TEXT {
                let (path, size) = (path.unwrap_or_default().to_owned(), chunk.size);
                return Err(RedactError::TooLarge { path, size });
            }
            let rest = chunk.size.saturating_sub(head.len() as u64);
            Read::by_ref(&mut chunk.file)
                .take(rest)
                .read_to_end(&mut head)?;
            let content = match is_text(&head) {
                true => Ok(Content::Text(head)),
                false => wrapped(head),
            };
            if let Ok(content) = content {
                return Ok(content);
            }
            chunk.rewind()?;
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
