//! Removes exchanges and what only they used: one transaction, then the files. Of lines and other URLs as many go at once
//! as take little time (`leftovers`).

use super::leftovers::{self, Leftovers, MOST_ROWS};
use super::removed::Removed;
use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Result, named_params, params};

use super::Keeper;
use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::model::{KEPT_FROM, Remark};
use crate::session::write::store::Store;
use crate::session::{ExchangeId, Notice};

/// Events that a pass looks at.
const EVENTS: i64 = 64;

impl Keeper {
    /// Removes exchanges with all that only they used, and other URLs that are listed no more; some of what may be much.
    pub(super) fn remove(&mut self, store: &mut Store, going: &[ExchangeId]) -> Result<()> {
        // What nothing refers to is found by the counts of `uses`; SQLite would look for it in
        // all rows, for each row.
        let is_on = |row: &rusqlite::Row<'_>| row.get::<_, bool>(0);
        let enforced = store.db.pragma_query_value(None, "foreign_keys", is_on)?;
        store.db.pragma_update(None, "foreign_keys", "OFF")?;
        let aliases = self.lists.dropped_aliases().iter();
        let aliases: Vec<String> = aliases.take(MOST_ROWS).cloned().collect();
        let removed = self.in_transaction(store, going, &aliases);
        if removed.is_err() {
            // It fails where SQLite has rolled back by itself already.
            let _ = store.db.execute_batch("ROLLBACK");
        }
        store.db.pragma_update(None, "foreign_keys", enforced)?;
        let (removed, events_seen) = removed?;
        store.forget_names();
        self.events_seen = events_seen;
        self.leftovers.settle();
        self.lists.forget_dropped(aliases.len());
        if !removed.is_nothing() {
            store.forget_removed(&removed);
        }
        for path in &removed.paths {
            remove_file(&store.chunks, path);
        }
        Ok(())
    }

    fn in_transaction(
        &mut self,
        store: &Store,
        going: &[ExchangeId],
        aliases: &[String],
    ) -> Result<(Removed, i64)> {
        store.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut removed = store.remove_exchanges(going, &mut self.leftovers)?;
        self.leftovers.remove_some(&store.db, &mut removed)?;
        for url in aliases {
            store
                .db
                .prepare_cached("DELETE FROM alias WHERE url = ?1")?
                .execute([url])?;
        }
        let urls = removed.urls.iter().chain(aliases).map(String::as_str);
        crate::session::database::spellings::forget(&store.db, urls)?;
        let events_seen = store.remove_events(self.events_seen, self.cutoff_us)?;
        store
            .db
            .prepare_cached(OLD_HEARTBEATS)?
            .execute(params![self.cutoff_us, EVENTS])?;
        store
            .db
            .prepare_cached(
                "INSERT INTO event (id, at_us, kind, detail)
                 VALUES (:id, :at_us, :kind, 'everything since then is kept')
                 ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us",
            )?
            .execute(named_params! {
                ":id": KEPT_FROM,
                // Readers learn from the first on that something will go; until then all of the session is kept.
                ":at_us": self.cutoff_us.max(self.zero_us),
                ":kind": Remark::KeptFrom.as_str(),
            })?;
        store.db.execute_batch("COMMIT")?;
        Ok((removed, events_seen))
    }
}

impl Store {
    fn remove_exchanges(&self, going: &[ExchangeId], leftovers: &mut Leftovers) -> Result<Removed> {
        let mut removed = Removed::default();
        let (mut bodies, mut header_sets, mut resources) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut revision = self
            .db
            .prepare_cached("DELETE FROM revision WHERE exchange_id = ?1")?;
        let mut placement = self
            .db
            .prepare_cached("DELETE FROM placement WHERE exchange_id = ?1")?;
        let mut exchange = self.db.prepare_cached(
            "DELETE FROM exchange WHERE id = ?1 RETURNING body_id, header_set_id, resource_id",
        )?;
        for id in going {
            revision.execute([id])?;
            placement.execute([id])?;
            let used: Option<(Option<i64>, Option<i64>, i64)> = exchange
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            if let Some((body, header_set, resource)) = used {
                bodies.extend(body);
                header_sets.extend(header_set);
                resources.insert(resource);
            }
        }
        leftovers.extend(self.remove_bodies(bodies, &mut removed)?);
        for id in header_sets {
            if self.is_unused(UNUSED_HEADERS, id)? {
                self.delete("DELETE FROM header_set WHERE id = ?1", id)?;
                self.delete("DELETE FROM header_use WHERE id = ?1", id)?;
                removed.header_sets.insert(id);
            }
        }
        leftovers.extend(resources);
        Ok(removed)
    }

    /// Of which resources lines are left that nothing refers to.
    fn remove_bodies(
        &self,
        mut bodies: BTreeSet<i64>,
        removed: &mut Removed,
    ) -> Result<BTreeSet<i64>> {
        let mut owners = BTreeSet::new();
        while let Some(id) = bodies.pop_first() {
            if !self.is_unused(UNUSED_BODY, id)? {
                continue;
            }
            let (path, owner, chunk): (Option<String>, Option<i64>, Option<i64>) = self
                .db
                .prepare_cached(
                    "DELETE FROM body WHERE id = ?1 RETURNING path, line_owner, chunk_id",
                )?
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            self.delete("DELETE FROM body_use WHERE id = ?1", id)?;
            removed.bodies.insert(id);
            removed.paths.extend(path);
            owners.extend(owner);
            // A chunk stays as long as there are spans of it.
            bodies.extend(chunk);
        }
        for owner in &owners {
            // At once, whenever the rows go: no text that comes may refer to them.
            removed
                .lines
                .insert(*owner, leftovers::first_line(&self.db, *owner)?);
        }
        Ok(owners)
    }

    /// Those of the time before that say something about a moment; up to where no other is left
    /// to go later.
    fn remove_events(&self, after: i64, cutoff_us: i64) -> Result<i64> {
        let mut statement = self.db.prepare_cached(NEXT_EVENTS)?;
        let next: Vec<(i64, String, bool)> = statement
            .query_map(
                named_params! { ":after": after, ":most": EVENTS, ":cutoff_us": cutoff_us },
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?
            .collect::<Result<_>>()?;
        let says_when =
            |kind: &str| kind == Remark::RefusedUri.as_str() || Notice::parse(kind).is_some();
        for (id, kind, is_old) in &next {
            if *is_old && says_when(kind) {
                self.delete("DELETE FROM event WHERE id = ?1", *id)?;
            }
        }
        let seen = next.iter().take_while(|(_, _, is_old)| *is_old).last();
        Ok(seen.map_or(after, |(id, _, _)| *id))
    }

    fn delete(&self, sql: &str, id: i64) -> Result<()> {
        self.db.prepare_cached(sql)?.execute([id])?;
        Ok(())
    }

    fn is_unused(&self, sql: &str, id: i64) -> Result<bool> {
        self.db
            .prepare_cached(sql)?
            .query_row([id], |row| row.get(0))
    }
}

const UNUSED_BODY: &str = "SELECT NOT EXISTS (SELECT 1 FROM body_use WHERE id = ?1 AND uses > 0)";
const UNUSED_HEADERS: &str =
    "SELECT NOT EXISTS (SELECT 1 FROM header_use WHERE id = ?1 AND uses > 0)";
/// What goes on in this run is not over: the row waits for its length.
const NEXT_EVENTS: &str = "
    SELECT id, kind, over_us < :cutoff_us FROM
      (SELECT id, kind,
              CASE WHEN length_us IS NULL AND kind IN ('disk full', 'checkpoint held up')
                    AND at_us >= (SELECT started_us FROM run WHERE id = (SELECT max(id) FROM run))
                   THEN 9223372036854775807
                   ELSE at_us + max(ifnull(length_us, 0), 0) END AS over_us
         FROM event WHERE id > :after ORDER BY id LIMIT :most)";
/// The last one stays: how far the wall clock is ahead.
const OLD_HEARTBEATS: &str = "
    DELETE FROM heartbeat WHERE at_us IN
      (SELECT at_us FROM heartbeat
        WHERE at_us < ?1 AND at_us < (SELECT max(at_us) FROM heartbeat) ORDER BY at_us LIMIT ?2)";
/// And the folders that it leaves empty.
fn remove_file(chunks: &ChunkDir, path: &str) {
    let removed = ChunkPath::parse(path).and_then(|path| chunks.remove(path.plain()));
    // One that is gone already is removed.
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("not removed: {error}");
    }
}

/// Those of a removal that are more than a look at one row.
#[cfg(test)]
pub(super) const QUERIES: [&str; 6] = [
    crate::session::database::spellings::IS_IN_USE,
    crate::session::database::spellings::IS_HOST_IN_USE,
    UNUSED_BODY,
    UNUSED_HEADERS,
    NEXT_EVENTS,
    OLD_HEARTBEATS,
];

#[cfg(test)]
mod tests {
    use super::super::uses;
    use super::*;
    use crate::session::format::SCHEMA;
    use rusqlite::Connection;

    #[test]
    fn a_chunk_stays_as_long_as_there_is_a_span_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        db.execute_batch(
            "INSERT INTO stream VALUES (1, 's', 'http://h/');
             INSERT INTO resource (id, stream_id, kind, url, path_url, name)
               VALUES (1, 1, 'segment', 'http://h/s', 'http://h/s', 's');
             INSERT INTO body (id, size, sha256, path) VALUES (1, 9, zeroblob(32), 's'), (2, 4, zeroblob(32), 'p');
             UPDATE body SET path = NULL, chunk_id = 1, chunk_first = 5 WHERE id = 2;
             INSERT INTO exchange (id, resource_id, from_us, requested_us, body_id, outcome)
               VALUES (1, 1, 1, 1, 1, 'complete'), (2, 1, 1, 1, 2, 'complete');
             PRAGMA foreign_keys = OFF",
        )
        .unwrap();
        uses::count(&db).unwrap();
        let chunks = ChunkDir::open_folder(folder.path()).unwrap();
        let store = Store::new(db, chunks, 0, 1);
        let mut leftovers = Leftovers::of_session(&store.db).unwrap();
        let bodies = |store: &Store| -> i64 {
            let sql = "SELECT count(*) FROM body";
            store.db.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let removed = store.remove_exchanges(&[1], &mut leftovers).unwrap();
        assert_eq!((removed.paths.len(), bodies(&store)), (0, 2));
        assert_eq!(uses::chunk_bytes(&store.db).unwrap(), 9);
        let removed = store.remove_exchanges(&[2], &mut leftovers).unwrap();
        assert_eq!((removed.paths, bodies(&store)), (vec!["s".to_owned()], 0));
        assert_eq!(uses::chunk_bytes(&store.db).unwrap(), 0);
    }
}
