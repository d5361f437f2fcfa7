//! Which parts a segment has, as the revision that listed it says, and which bodies these brought.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use url::Url;

use crate::hls::{self, ByteRange, Entry, EntryRole, Variables};
use crate::session::ExchangeId;
use crate::session::write::revisions::text_of;

/// Bodies of one part that are looked at, the last ones.
const MOST_BODIES: i64 = 4;
/// Parts of one segment that are looked at.
const MOST_PARTS: usize = 1024;
/// Parts are listed of the last segments only (RFC 8216bis 4.4.4.9).
const MOST_SEGMENTS: usize = 64;
/// Requests for bytes of a parent that are looked at.
const MOST_RANGES: i64 = 256;

/// A segment that came, and whose playlist lists parts.
#[derive(Debug)]
pub(super) struct Parent {
    /// Row of `resource`: of what was asked for, not of what that was redirected to.
    resource_id: i64,
    pub(super) url: String,
    stream_id: i64,
    /// Where in the resource its bytes begin.
    pub(super) first: u64,
    /// The revision that listed it.
    referrer_id: ExchangeId,
    pub(super) body: Held,
}

/// A body that is a file, or a span of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) id: i64,
    pub(super) size: u64,
    /// Under `chunks/`; `None`: it is a span.
    pub(super) path: Option<String>,
    /// The body whose span it is.
    pub(super) chunk: Option<i64>,
}

/// The revision that was read last: segments that came together were often listed together.
#[derive(Debug, Default)]
pub(super) struct Listing {
    revision: Option<ExchangeId>,
    entries: Vec<Entry>,
}

/// A part of a segment, in the order in which they are listed.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) url: Url,
    pub(super) range: Option<ByteRange>,
    /// What came when it was asked for; the newest first.
    pub(super) bodies: Vec<Held>,
}

/// `None`: it is no segment of a low-latency playlist, or is not there any more.
pub(super) fn parent(db: &Connection, exchange: ExchangeId) -> Result<Option<Parent>> {
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Parent {
            resource_id: row.get(0)?,
            url: row.get(1)?,
            stream_id: row.get(2)?,
            first: row.get::<_, i64>(3)?.unsigned_abs(),
            referrer_id: row.get(4)?,
            body: Held {
                id: row.get(5)?,
                size: row.get::<_, i64>(6)?.unsigned_abs(),
                path: row.get(7)?,
                chunk: None,
            },
        })
    };
    db.prepare_cached(PARENT)?
        .query_row([exchange], row)
        .optional()
}

/// Its parts, as far as the revision that listed it lists them.
pub(super) fn parts(db: &Connection, parent: &Parent, listing: &mut Listing) -> Result<Vec<Part>> {
    if listing.revision != Some(parent.referrer_id) {
        *listing = Listing {
            revision: Some(parent.referrer_id),
            entries: read(db, parent)?,
        };
    }
    let entries = &listing.entries;
    let Some(sequence) = sequence(db, parent, entries)? else {
        return Ok(Vec::new());
    };
    let own = entries
        .iter()
        .filter(|entry| entry.role == EntryRole::Part && entry.sequence == sequence);
    own.take(MOST_PARTS)
        .map(|entry| part(db, parent, entry))
        .collect()
}

/// What the revision lists.
fn read(db: &Connection, parent: &Parent) -> Result<Vec<Entry>> {
    let text = text_of(db, parent.referrer_id)?;
    let Some((base, text)) = text.and_then(|(url, text)| Some((Url::parse(&url).ok()?, text)))
    else {
        return Ok(Vec::new());
    };
    let imports = match hls::imports_variables(&text) {
        true => variables(db, parent)?,
        false => Variables::default(),
    };
    Ok(hls::read_media(&text, &base, &imports).entries)
}

/// The media sequence number of the parent.
fn sequence(db: &Connection, parent: &Parent, entries: &[Entry]) -> Result<Option<u64>> {
    let segments = entries
        .iter()
        .rev()
        .filter(|entry| entry.role == EntryRole::Segment);
    for entry in segments.take(MOST_SEGMENTS) {
        if is_parent(db, parent, entry)? {
            return Ok(Some(entry.sequence));
        }
    }
    Ok(None)
}

fn is_parent(db: &Connection, parent: &Parent, entry: &Entry) -> Result<bool> {
    if entry.range.map_or(0, |range| range.first) != parent.first {
        return Ok(false);
    }
    let url = entry.url.as_str();
    if url == parent.url {
        return Ok(true);
    }
    db.prepare_cached(IS_ALIAS)?
        .exists(params![url, parent.resource_id])
}

fn part(db: &Connection, parent: &Parent, entry: &Entry) -> Result<Part> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (first, length) = (
        entry.range.map(|range| number(range.first)),
        entry.range.map(|range| number(range.length)),
    );
    let mut bodies = Vec::new();
    for sql in [BY_URL, BY_ALIAS] {
        let mut statement = db.prepare_cached(sql)?;
        let values = params![entry.url.as_str(), parent.stream_id, first, length];
        let ids = statement.query_map(values, |row| row.get::<_, i64>(0))?;
        for id in ids {
            bodies.extend(brought(db, id?)?);
        }
    }
    Ok(Part {
        url: Url::clone(&entry.url),
        range: entry.range,
        bodies,
    })
}

/// The bodies that a resource brought; redirects are followed.
fn brought(db: &Connection, resource: i64) -> Result<Vec<Held>> {
    let mut statement = db.prepare_cached(BROUGHT)?;
    let bodies = statement.query_map([resource, MOST_BODIES], held)?;
    bodies.collect()
}

fn held(row: &rusqlite::Row<'_>) -> Result<Held> {
    Ok(Held {
        id: row.get(0)?,
        size: row.get::<_, i64>(1)?.unsigned_abs(),
        path: row.get(2)?,
        chunk: row.get(3)?,
    })
}

/// Bodies that are bytes of the parent's own URL, and where in it each begins.
pub(super) fn ranges(db: &Connection, parent: &Parent) -> Result<Vec<(u64, Held)>> {
    let mut statement = db.prepare_cached(RANGES)?;
    let values = params![parent.url, parent.stream_id, parent.body.id, MOST_RANGES];
    let bodies = statement.query_map(values, |row| {
        Ok((row.get::<_, i64>(4)?.unsigned_abs(), held(row)?))
    })?;
    bodies.collect()
}

/// Those of the multivariant playlist of the stream, as it was then.
fn variables(db: &Connection, parent: &Parent) -> Result<Variables> {
    let main: Option<ExchangeId> = db
        .prepare_cached(MAIN)?
        .query_row(params![parent.stream_id, parent.referrer_id], |row| {
            row.get(0)
        })
        .optional()?;
    let text = match main {
        Some(main) => text_of(db, main)?,
        None => None,
    };
    Ok(text
        .and_then(|(url, text)| {
            Some(hls::read_multivariant(&text, &Url::parse(&url).ok()?).variables)
        })
        .unwrap_or_default())
}

/// Hops of a redirect have the exchange that it began with.
const PARENT: &str = "
    SELECT r.id, r.url, r.stream_id, max(ifnull(r.range_first, 0), 0), h.referrer_id, b.id, max(b.size, 0), b.path
      FROM exchange e JOIN exchange h ON h.id = ifnull(e.head_id, e.id) JOIN resource r ON r.id = h.resource_id
      JOIN body b ON b.id = e.body_id JOIN revision v ON v.exchange_id = h.referrer_id
     WHERE e.id = ?1 AND e.body_encoding IS NULL AND b.path IS NOT NULL
       AND v.part_target_us IS NOT NULL";
const IS_ALIAS: &str = "SELECT 1 FROM alias WHERE url = ?1 AND resource_id = ?2";
const BY_URL: &str = "
    SELECT id FROM resource WHERE url = ?1 AND stream_id = ?2 AND kind = 'part'
       AND ifnull(range_first, -1) = ifnull(?3, -1) AND ifnull(range_length, -1) = ifnull(?4, -1)";
const BY_ALIAS: &str = "
    SELECT r.id FROM alias a JOIN resource r ON r.id = a.resource_id
     WHERE a.url = ?1 AND r.stream_id = ?2 AND r.kind = 'part'
       AND ifnull(r.range_first, -1) = ifnull(?3, -1) AND ifnull(r.range_length, -1) = ifnull(?4, -1) LIMIT 64";
/// Ids of the hops of a redirect are no further apart.
const BROUGHT: &str = "
    SELECT b.id, max(b.size, 0), b.path, b.chunk_id
      FROM (SELECT id, body_id, status FROM exchange WHERE resource_id = ?1 ORDER BY from_us DESC LIMIT ?2) h
      JOIN body b ON b.id = CASE WHEN h.status BETWEEN 300 AND 399
             THEN (SELECT e.body_id FROM exchange e WHERE e.id > h.id AND e.id < h.id + 20000 AND e.head_id = h.id
                      AND e.status BETWEEN 200 AND 299 LIMIT 1)
             ELSE h.body_id END
     WHERE b.path IS NOT NULL OR b.chunk_id IS NOT NULL";
const RANGES: &str = "
    SELECT b.id, max(b.size, 0), b.path, b.chunk_id, e.body_first
      FROM resource r CROSS JOIN exchange e ON e.resource_id = r.id CROSS JOIN body b ON b.id = e.body_id
     WHERE r.url = ?1 AND r.stream_id = ?2 AND e.status = 206 AND e.body_first >= 0 AND e.body_encoding IS NULL
       AND b.path IS NOT NULL AND b.id <> ?3 LIMIT ?4";
const MAIN: &str = "
    SELECT v.exchange_id FROM resource r CROSS JOIN exchange e ON e.resource_id = r.id
      CROSS JOIN revision v ON v.exchange_id = e.id
     WHERE r.stream_id = ?1 AND r.kind = 'main' AND e.id < ?2 ORDER BY v.exchange_id DESC LIMIT 1";
