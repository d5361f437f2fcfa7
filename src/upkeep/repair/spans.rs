//! Spans of a chunk that is moved aside: those that are whole become files of their own.

use std::collections::HashSet;
use std::io::{self, Read as _, Seek as _};

use crate::session::error::ReadError;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::chunks::DownloadFile;
use crate::session::files::room::Room;
use crate::session::read::reader::Reader;
use crate::session::read::sound::spans::too_large;
use crate::session::{ByteRange, ChunkFile, ExchangeId, Kind, NewBody, ResourceKey};
use crate::upkeep::check::{Damage, is_what_came, lost_bodies};

/// Bytes that are copied at a time.
const STEP: usize = 256 * 1024;
/// Numbers that no request has; parts of raw streams have those above.
const FIRST_NUMBER: ExchangeId = ExchangeId::MAX / 2;

/// A span that is whole, copied.
pub(super) struct Saved {
    pub(super) body: i64,
    /// What it came from first.
    pub(super) resource: ResourceKey,
    pub(super) file: NewBody,
}

/// A row of `body`.
struct Span {
    id: i64,
    first: u64,
    size: u64,
    sha256: Vec<u8>,
}

const SPANS: &str =
    "SELECT id, chunk_first, size, sha256 FROM body WHERE chunk_id = ?1 ORDER BY chunk_first, id";
const RESOURCE: &str = "
    SELECT r.stream_id, r.kind, r.url, r.range_first, r.range_length
      FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE e.body_id = ?1 ORDER BY e.id LIMIT 1";

/// Copies what is whole of the chunks that are damaged; what is not is damage, too.
pub(super) fn save(
    reader: &Reader,
    chunks: &ChunkDir,
    damages: &mut Vec<Damage>,
) -> Result<Vec<Saved>, ReadError> {
    let mut known = lost_bodies(reader)?;
    known.extend(damages.iter().filter_map(|damage| match damage {
        Damage::Span(id) => Some(*id),
        _ => None,
    }));
    let too_large = too_large(reader)?;
    let (mut saved, mut lost) = (Vec::new(), Vec::new());
    for damage in damages.iter() {
        let Damage::Chunk(chunk, path) = damage else {
            continue;
        };
        for span in spans(reader, *chunk, &known)? {
            let number = FIRST_NUMBER.saturating_add(saved.len() as i64);
            let copy = match too_large.contains(chunk) {
                true => None,
                false => copied(reader, chunks, (path, &span), number)?,
            };
            match (copy, resource(reader, span.id)?) {
                (Some(file), Some(resource)) => saved.push(Saved {
                    body: span.id,
                    resource,
                    file,
                }),
                _ => lost.push(Damage::Span(span.id)),
            }
        }
    }
    damages.extend(lost);
    Ok(saved)
}

fn spans(reader: &Reader, chunk: i64, known: &HashSet<i64>) -> Result<Vec<Span>, ReadError> {
    let mut spans = reader.list(SPANS, [chunk], |row| {
        let number = |n: i64| u64::try_from(n).unwrap_or(u64::MAX);
        Ok(Span {
            id: row.get(0)?,
            first: number(row.get(1)?),
            size: number(row.get(2)?),
            sha256: row.get(3)?,
        })
    })?;
    spans.retain(|span| !known.contains(&span.id));
    Ok(spans)
}

fn resource(reader: &Reader, body: i64) -> Result<Option<ResourceKey>, ReadError> {
    let found = reader.list(RESOURCE, [body], |row| {
        let kind: String = row.get(1)?;
        let range: Option<(i64, i64)> = row.get::<_, Option<i64>>(3)?.zip(row.get(4)?);
        Ok(ResourceKey {
            stream_id: row.get(0)?,
            kind: Kind::parse(&kind).unwrap_or(Kind::Part),
            url: row.get(2)?,
            range: range.map(|(first, length)| ByteRange {
                first: first.unsigned_abs(),
                length: length.unsigned_abs(),
            }),
        })
    })?;
    Ok(found.into_iter().next())
}

/// `None`: it is not whole.
fn copied(
    reader: &Reader,
    chunks: &ChunkDir,
    (path, span): (&str, &Span),
    number: ExchangeId,
) -> io::Result<Option<NewBody>> {
    let opened = reader
        .chunks
        .as_ref()
        .map(|chunks| chunks.open_span(path, span.first, span.size));
    let Some(Ok(mut chunk)) = opened else {
        return Ok(None);
    };
    if !is_what_came(&mut chunk, &span.sha256)? {
        return Ok(None);
    }
    let ChunkFile {
        mut file,
        first,
        size,
    } = chunk;
    file.seek(io::SeekFrom::Start(first))?;
    let mut copy = DownloadFile::create_in(chunks, number, &Room::default())?;
    let (mut from, mut buffer) = (file.take(size), vec![0; STEP]);
    loop {
        let read = from.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => copy.write(bytes)?,
            _ => return copy.finish().map(Some),
        }
    }
}
