//! Bodies in files: how one comes to its place and its row.

use std::io;
use std::path::Path;

use rusqlite::{OptionalExtension, Result, params};

use super::Store;
use crate::session::chunks;
use crate::session::{Digest, NewBody, NewExchange};

impl Store {
    /// Steps 3 and 4. The inner error is the file system's: the body is lost, the exchange is not.
    pub(super) fn chunk(
        &mut self,
        new: &mut NewExchange,
        size: i64,
        sha256: &Digest,
    ) -> Result<io::Result<i64>> {
        let known: Option<(i64, String)> = self
            .db
            .prepare_cached(
                "SELECT id, path FROM body
                  WHERE sha256 = ?1 AND size = ?2 AND text IS NULL AND path IS NOT NULL",
            )?
            .query_row(params![sha256, size], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((id, path)) = known {
            return Ok(self.again(new, size, &path).map(|()| id));
        }
        let NewBody::File { temporary, .. } = &mut new.body else {
            return Ok(Err(io::ErrorKind::InvalidInput.into()));
        };
        let in_place = temporary
            .strip_prefix(&self.chunks)
            .ok()
            .filter(|relative| !relative.starts_with(chunks::TEMPORARY))
            .and_then(|relative| relative.to_str())
            .map(str::to_owned);
        let path = match in_place {
            Some(path) => path,
            None => {
                let wished = new.chunk_path.as_deref();
                let codings = new.body_encoding.as_deref();
                let path = self.free_path(&new.resource, wished, codings)?;
                let target = self.chunks.join(&path);
                match chunks::place(&self.chunks, temporary, &path, &mut self.changed) {
                    Ok(true) => *temporary = target,
                    Ok(false) => return Ok(Err(io::ErrorKind::AlreadyExists.into())),
                    Err(e) => return Ok(Err(e)),
                }
                path
            }
        };
        self.db
            .prepare_cached("INSERT INTO body (size, sha256, path) VALUES (?1,?2,?3)")?
            .insert(params![size, sha256, path])
            .map(Ok)
    }

    /// A body that is known came again: its file goes, unless the one that was kept is no longer
    /// what its row says.
    fn again(&mut self, new: &mut NewExchange, size: i64, path: &str) -> io::Result<()> {
        let NewBody::File { temporary, .. } = &mut new.body else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let target = self.chunks.join(path);
        if *temporary == target {
            // From a try before.
            return Ok(());
        }
        if is_file_of(&target, size) {
            // It stays behind at worst; the sweep at the stop takes it.
            let _ = std::fs::remove_file(&*temporary);
            return Ok(());
        }
        chunks::put_back(&self.chunks, temporary, path, &mut self.changed)?;
        tracing::warn!("{}: its content came again, and is back", target.display());
        *temporary = target;
        Ok(())
    }
}

fn is_file_of(path: &Path, size: i64) -> bool {
    path.symlink_metadata()
        .is_ok_and(|found| found.is_file() && u64::try_from(size) == Ok(found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Availability, ExchangeId, Kind, ResourceKey, SCHEMA, digest};
    use rusqlite::Connection;
    use std::fs;

    const BODY: &[u8] = b"a chunk";

    fn store(chunks: &Path) -> Store {
        fs::create_dir(chunks.join(chunks::TEMPORARY)).unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        let mut store = Store::new(db, chunks.to_owned(), 0, 1);
        store.stream("main", "http://h/main.m3u8").unwrap();
        store
    }

    fn came(store: &Store, id: ExchangeId) -> NewExchange {
        let temporary = store.chunks.join(chunks::TEMPORARY).join(id.to_string());
        fs::write(&temporary, BODY).unwrap();
        let resource = ResourceKey::whole(1, Kind::Segment, "http://h/live/a.ts".into());
        NewExchange {
            body: NewBody::File {
                temporary,
                size: BODY.len() as u64,
                sha256: digest(BODY),
            },
            ..NewExchange::requested(id, resource, Availability::Response, id)
        }
    }

    #[test]
    fn a_file_that_is_gone_or_cut_is_there_again_once_its_content_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path());
        store.exchange(&mut came(&store, 1)).unwrap();
        let path: String = store
            .db
            .query_row("SELECT path FROM body", [], |row| row.get(0))
            .unwrap();
        let kept = folder.path().join(&path);
        let harms: [fn(&Path); 3] = [
            |kept| fs::remove_dir_all(kept.parent().unwrap()).unwrap(),
            |kept| fs::write(kept, b"a").unwrap(),
            |_| {},
        ];
        for (id, harm) in (2..).zip(harms) {
            store.changed.clear();
            harm(&kept);
            let was_whole = is_file_of(&kept, BODY.len() as i64);
            store.db.execute_batch("SAVEPOINT a").unwrap();
            let mut new = came(&store, id);
            store.exchange(&mut new).unwrap();
            assert_eq!(fs::read(&kept).unwrap(), BODY);
            assert_eq!(store.changed.contains(kept.parent().unwrap()), !was_whole);
            // A second try must not take for another copy what it has put there itself.
            store.db.execute_batch("ROLLBACK TO a").unwrap();
            store.forget();
            store.exchange(&mut new).unwrap();
            store.db.execute_batch("RELEASE a").unwrap();
            assert_eq!(fs::read(&kept).unwrap(), BODY);
        }
        let rows: (i64, i64) = store
            .db
            .query_row(
                "SELECT (SELECT count(*) FROM body), (SELECT count(body_id) FROM exchange)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(rows, (1, 4));
        let left = fs::read_dir(folder.path().join(chunks::TEMPORARY)).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_path_that_leads_out_of_the_session_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = folder.path().join("chunks");
        fs::create_dir(&chunks).unwrap();
        let mut store = store(&chunks);
        store.exchange(&mut came(&store, 1)).unwrap();
        for path in ["../out.ts", "a/../../out.ts", ".tmp/out.ts"] {
            store
                .db
                .execute("UPDATE body SET path = ?1", [path])
                .unwrap();
            let mut new = came(&store, 9);
            let size = BODY.len() as i64;
            let done = store.chunk(&mut new, size, &digest(BODY)).unwrap();
            assert!(done.is_err(), "{path}");
        }
        assert!(!folder.path().join("out.ts").exists());
    }
}
