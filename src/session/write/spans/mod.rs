//! Parts that came again in their parents: their bytes are on the disk once, in the parent's chunk.
//!
//! `docs/design/low-latency.md`, "Parts and parents on the disk", has the steps and why a recorder may be killed between
//! any two of them. Nothing is believed that has not been compared byte for byte.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rusqlite::{Connection, Result, named_params};
use tokio::time::Instant;

use self::listed::Listing;
use self::places::Span;
use crate::clock;
use crate::session::files::chunk_dir::ChunkPath;
use crate::session::id::ExchangeId;
use crate::session::model::{Kind, NewExchange, Outcome};
use crate::session::write::store::Store;
use crate::session::{NewBody, is_success};

mod compare;
mod listed;
mod places;

/// Parts that are on their way when their parent has come have landed by then.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// Readers that have read a row before it changed have opened its file by then.
const REMOVE_AFTER: Duration = Duration::from_secs(5);
/// Looking takes no longer at once, and when the run ends.
const LONGEST: Duration = Duration::from_millis(50);
const LONGEST_AT_END: Duration = Duration::from_secs(2);
/// Parents that wait to be looked at; of more, parts stay files of their own.
const MOST_PARENTS: usize = 4096;
/// Of runs before, so many exchanges are looked through for parents.
const OF_RUNS_BEFORE: i64 = 2000;

/// What is to become a span, and files that are needed no more.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    /// Exchanges of segments that may have parts, and when each is looked at.
    parents: VecDeque<(Instant, ExchangeId)>,
    /// Compared, to be written with the next rows.
    found: Vec<Span>,
    /// Files whose bytes are in a parent, and when each goes.
    going: VecDeque<(Instant, String)>,
}

impl Spans {
    /// With the parents that a run before has left.
    pub(crate) fn of_session(db: &Connection) -> Result<Self> {
        let mut statement = db.prepare(LEFT)?;
        let left = statement.query_map([OF_RUNS_BEFORE], |row| row.get(0))?;
        let due = clock::instant() + LOOK_AFTER;
        let parents = left.map(|id| Ok((due, id?))).collect::<Result<_>>()?;
        Ok(Self {
            parents,
            ..Self::default()
        })
    }

    /// An exchange has been committed.
    pub(crate) fn note(&mut self, new: &NewExchange) {
        let is_good = new.outcome == Outcome::Complete && new.status.is_some_and(is_success);
        let is_segment = new.resource.kind == Kind::Segment;
        if !is_good || !is_segment || !matches!(new.body, NewBody::File { .. }) {
            return;
        }
        if self.parents.len() < MOST_PARENTS {
            let due = clock::instant() + LOOK_AFTER;
            self.parents.push_back((due, new.id));
        }
    }

    /// Compares parts with parents that have been there for a while; `all`: with all of them. What takes long is left for
    /// the next time, or the next run: the recording comes first.
    pub(crate) fn look(&mut self, store: &Store, all: bool) -> Result<()> {
        let now = clock::instant();
        let until = now + if all { LONGEST_AT_END } else { LONGEST };
        let mut listing = Listing::default();
        while let Some(id) = pop_due(&mut self.parents, now, all) {
            let found = places::find(store, id, &mut listing)?;
            self.found.extend(found.spans);
            self.leave(found.left_files);
            if clock::instant() >= until {
                break;
            }
        }
        Ok(())
    }

    /// Writes what was found, in the transaction of other rows. What was removed since then stays so.
    pub(crate) fn write(&self, db: &Connection) -> Result<()> {
        for span in &self.found {
            db.prepare_cached(BECOMES)?.execute(named_params! {
                ":body": span.body,
                ":path": span.path,
                ":chunk": span.chunk,
                ":first": span.first,
            })?;
        }
        Ok(())
    }

    /// That has been committed.
    pub(crate) fn written(&mut self) {
        let files = std::mem::take(&mut self.found);
        self.leave(files.into_iter().map(|span| span.path));
    }

    fn leave(&mut self, files: impl IntoIterator<Item = String>) {
        let due = clock::instant() + REMOVE_AFTER;
        self.going.extend(files.into_iter().map(|path| (due, path)));
    }

    /// Removes files that no row names any more; `all`: also those that a reader may just be about to open. To be called
    /// when all files that are in place have rows.
    pub(crate) fn remove(&mut self, store: &Store, all: bool) -> Result<()> {
        let now = clock::instant();
        while let Some(path) = pop_due(&mut self.going, now, all) {
            if has_row(&store.db, &path)? {
                continue;
            }
            let removed =
                ChunkPath::parse(&path).and_then(|path| store.chunks.remove(path.plain()));
            // Parts that are alike have one file: it is gone with the first of them.
            if let Err(error) = removed
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!("not removed: {error}");
            }
        }
        Ok(())
    }
}

/// The first, if it is due.
fn pop_due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant, all: bool) -> Option<T> {
    let is_due = queue.front().is_some_and(|(due, _)| all || *due <= now);
    match is_due {
        true => queue.pop_front().map(|(_, one)| one),
        false => None,
    }
}

fn has_row(db: &Connection, path: &str) -> Result<bool> {
    db.prepare_cached(HAS_ROW)?
        .query_row([path], |row| row.get(0))
}

const HAS_ROW: &str =
    "SELECT EXISTS (SELECT 1 FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL)";
/// What has a span itself becomes none: each is of a chunk that is a file.
const BECOMES: &str = "
    UPDATE body SET path = NULL, chunk_id = :chunk, chunk_first = :first
     WHERE id = :body AND path = :path AND id <> :chunk
       AND EXISTS (SELECT 1 FROM body c WHERE c.id = :chunk AND c.path IS NOT NULL AND c.size - :first >= body.size)
       AND NOT EXISTS (SELECT 1 FROM body s WHERE s.chunk_id = :body)";
const LEFT: &str = "
    SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id
     WHERE e.id > (SELECT max(id) FROM exchange) - ?1 AND r.kind IN ('segment', 'part') AND e.body_id IS NOT NULL
       AND e.outcome = 'complete' ORDER BY e.id";

#[cfg(test)]
mod tests;
