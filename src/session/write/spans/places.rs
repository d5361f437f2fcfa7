//! Where in a parent its parts are.

use std::fs::File;

use rusqlite::Result;

use super::compare;
use super::listed::{self, Held, Listing, Parent, Part};
use crate::hls::{chunk_path, ranged_chunk_path};
use crate::session::files::beneath::Sort;
use crate::session::files::chunk_dir::ChunkPath;
use crate::session::id::ExchangeId;
use crate::session::write::store::Store;

/// The body of a part, and where in which chunk its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) body: i64,
    /// The file of its own, under `chunks/`.
    pub(super) path: String,
    /// The body of the parent.
    pub(super) chunk: i64,
    pub(super) first: i64,
}

/// What became of a parent's parts.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files that are bytes of it.
    pub(super) spans: Vec<Span>,
    /// Files of what is a span already: a recorder was killed before it removed them.
    pub(super) left_files: Vec<String>,
}

/// Compares the parts of a segment with its bytes. Whatever cannot be read stays as it is.
pub(super) fn find(store: &Store, exchange: ExchangeId, listing: &mut Listing) -> Result<Found> {
    let mut found = Found::default();
    let Some(parent) = listed::parent(&store.db, exchange)? else {
        return Ok(found);
    };
    let path = parent.body.path.as_deref().unwrap_or_default();
    let Ok(whole) = store.chunks.open(path, parent.body.size) else {
        return Ok(found);
    };
    let look = Look {
        store,
        parent: &parent,
        whole: &whole.file,
    };
    let parts = listed::parts(&store.db, &parent, listing)?;
    look.parts(&parts, &mut found);
    for (at, body) in listed::ranges(&store.db, &parent)? {
        let is_new = found.spans.iter().all(|span| span.body != body.id);
        if let Some(first) = at.checked_sub(parent.first).filter(|_| is_new) {
            look.at(&body, first, &mut found);
        }
    }
    Ok(found)
}

/// A parent that is looked at.
struct Look<'a> {
    store: &'a Store,
    parent: &'a Parent,
    whole: &'a File,
}

impl Look<'_> {
    /// From the first part on as far as each place is known, then from the last one back.
    fn parts(&self, parts: &[Part], found: &mut Found) {
        let mut first = Some(0);
        let mut placed = 0;
        for part in parts {
            let Some((_, end)) = self.part(part, first, None, found) else {
                break;
            };
            (first, placed) = (Some(end), placed + 1);
        }
        let mut end = Some(self.parent.body.size);
        for part in parts.get(placed..).unwrap_or_default().iter().rev() {
            let before = self.part(part, None, end, found);
            end = before.map(|(first, _)| first);
        }
    }

    /// Where a part begins and ends that begins or ends there; `None`: it is not known.
    fn part(
        &self,
        part: &Part,
        first: Option<u64>,
        end: Option<u64>,
        found: &mut Found,
    ) -> Option<(u64, u64)> {
        // A range of the parent says itself where it is.
        let own = part
            .range
            .filter(|_| part.url.as_str() == self.parent.url)
            .and_then(|range| range.first.checked_sub(self.parent.first));
        let begins = |size: u64| own.or(first).or_else(|| end?.checked_sub(size));
        for body in &part.bodies {
            if let Some(begins) = begins(body.size)
                && self.at(body, begins, found)
            {
                if body.chunk == Some(self.parent.body.id) {
                    found.left_files.extend(self.left_file(part, body, begins));
                }
                return Some((begins, begins + body.size));
            }
        }
        // One that did not come has its place all the same.
        let length = part.range?.length;
        let begins = begins(length)?;
        Some((begins, begins.checked_add(length)?))
    }

    /// Whether a body is these bytes of the parent. A file of its own becomes a span.
    fn at(&self, body: &Held, first: u64, found: &mut Found) -> bool {
        let end = first.checked_add(body.size);
        if body.size == 0 || end.is_none_or(|end| end > self.parent.body.size) {
            return false;
        }
        let Some(path) = &body.path else {
            return body.chunk == Some(self.parent.body.id);
        };
        if body.id == self.parent.body.id {
            return first == 0;
        }
        if !self.is_same(path, body.size, first) {
            return false;
        }
        found.spans.push(Span {
            body: body.id,
            path: path.clone(),
            chunk: self.parent.body.id,
            first: i64::try_from(first).unwrap_or(i64::MAX),
        });
        true
    }

    fn is_same(&self, path: &str, size: u64, first: u64) -> bool {
        let part = self.store.chunks.open(path, size);
        part.is_ok_and(|part| compare::is_at(self.whole, first, &part.file, size).unwrap_or(false))
    }

    /// The file that such a part had, where it is still there.
    fn left_file(&self, part: &Part, body: &Held, first: u64) -> Option<String> {
        let path = match part.range {
            Some(range) => ranged_chunk_path(&part.url, range),
            None => chunk_path(&part.url),
        };
        let chunk = ChunkPath::parse(&path).ok()?;
        let facts = self.store.chunks.facts(chunk.plain()).ok()?;
        let is_left = facts.sort == Sort::File && facts.size == body.size;
        (is_left && self.is_same(&path, body.size, first)).then_some(path)
    }
}
