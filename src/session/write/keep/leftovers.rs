//! What removals leave for later: lines of playlists, and other URLs of what goes. One playlist may have millions of either,
//! so that each pass removes some, and the recording goes on between.

use std::collections::BTreeSet;

use rusqlite::{Connection, Result, params};

use super::removed::Removed;

/// Rows that a pass removes. Tests see each removal in pieces.
pub(super) const MOST_ROWS: usize = if cfg!(test) { 25 } else { 10_000 };

/// Resources of which something may be left that nothing needs.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    resources: BTreeSet<i64>,
    /// Of these nothing is left once the transaction is committed.
    done: BTreeSet<i64>,
}

impl Leftovers {
    /// The leftovers of a run that ended before all of them were removed.
    pub(super) fn of_session(db: &Connection) -> Result<Self> {
        let mut found = Self::default();
        let mut after = i64::MIN;
        let mut next = db.prepare(NEXT_OWNER)?;
        loop {
            let owner: Option<(i64, i64)> = next
                .query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?
                .next()
                .transpose()?;
            let Some((owner, number)) = owner else {
                return Ok(found);
            };
            if number < first_line(db, owner)? {
                found.resources.insert(owner);
            }
            match owner.checked_add(1) {
                Some(next) => after = next,
                None => return Ok(found),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Of these something may be left.
    pub(super) fn extend(&mut self, resources: BTreeSet<i64>) {
        self.resources.extend(resources);
    }

    /// Removes some, within a transaction.
    pub(super) fn remove_some(&mut self, db: &Connection, removed: &mut Removed) -> Result<()> {
        self.done.clear();
        let mut left = MOST_ROWS;
        for id in &self.resources {
            if left == 0 {
                break;
            }
            if remove(db, *id, &mut left, removed)? {
                self.done.insert(*id);
            }
        }
        Ok(())
    }

    /// The transaction has been committed.
    pub(super) fn settle(&mut self) {
        for id in std::mem::take(&mut self.done) {
            self.resources.remove(&id);
        }
    }
}

/// The first line of a resource that a body refers to; its lines before that are needed no more.
pub(super) fn first_line(db: &Connection, owner: i64) -> Result<i64> {
    let first: Option<i64> = db
        .prepare_cached(FIRST_LINE)?
        .query_row([owner], |row| row.get(0))?;
    Ok(first.unwrap_or(i64::MAX))
}

/// Removes what nothing needs of a resource, and the resource itself where nothing needs it; whether that is all of it.
/// `left`: so many rows may go.
fn remove(db: &Connection, id: i64, left: &mut usize, removed: &mut Removed) -> Result<bool> {
    let first = first_line(db, id)?;
    let lines = db
        .prepare_cached(REMOVE_LINES)?
        .execute(params![id, first, *left as i64])?;
    *left -= lines.min(*left);
    if *left == 0 {
        return Ok(false);
    }
    let is_unused: bool = db
        .prepare_cached(UNUSED_RESOURCE)?
        .query_row([id], |row| row.get(0))?;
    if !is_unused {
        return Ok(true);
    }
    let before = removed.urls.len();
    let mut aliases = db.prepare_cached(REMOVE_ALIASES)?;
    let urls = aliases.query_map(params![id, *left as i64], |row| row.get(0))?;
    removed.urls.extend(urls.collect::<Result<Vec<String>>>()?);
    *left -= (removed.urls.len() - before).min(*left);
    if *left == 0 {
        return Ok(false);
    }
    let mut resource = db.prepare_cached("DELETE FROM resource WHERE id = ?1 RETURNING url")?;
    let urls = resource.query_map([id], |row| row.get(0))?;
    removed.urls.extend(urls.collect::<Result<Vec<String>>>()?);
    removed.resources.insert(id);
    *left -= 1;
    Ok(true)
}

const NEXT_OWNER: &str = "SELECT resource_id, number FROM line WHERE resource_id >= ?1 ORDER BY resource_id, number LIMIT 1";
const FIRST_LINE: &str = "SELECT min(first_line) FROM body_lines WHERE owner = ?1";
const REMOVE_LINES: &str = "
    DELETE FROM line WHERE resource_id = ?1 AND number IN
      (SELECT number FROM line WHERE resource_id = ?1 AND number < ?2 ORDER BY number LIMIT ?3)";
const REMOVE_ALIASES: &str = "
    DELETE FROM alias WHERE (url, resource_id) IN
      (SELECT url, resource_id FROM alias_of WHERE resource_id = ?1 LIMIT ?2) RETURNING url";
/// What a user typed stays, and what is about to be asked for.
const UNUSED_RESOURCE: &str = "
    SELECT NOT EXISTS (SELECT 1 FROM exchange WHERE resource_id = ?1)
       AND NOT EXISTS (SELECT 1 FROM revision WHERE playlist_id = ?1)
       AND NOT EXISTS (SELECT 1 FROM pending WHERE resource_id = ?1)
       AND NOT EXISTS (SELECT 1 FROM body_lines WHERE owner = ?1)
       AND NOT EXISTS (SELECT 1 FROM resource r JOIN stream s ON s.id = r.stream_id AND s.url = r.url
                        WHERE r.id = ?1)";

/// Those that are more than a look at one row.
#[cfg(test)]
pub(super) const QUERIES: [&str; 5] = [
    NEXT_OWNER,
    FIRST_LINE,
    REMOVE_LINES,
    REMOVE_ALIASES,
    UNUSED_RESOURCE,
];
