//! Bodies in files: how one comes to its place and its row.

use std::io;

use rusqlite::{OptionalExtension, Result, params};

use super::Store;
use crate::session::files::beneath::Sort;
use crate::session::files::chunk_dir::{ChunkPath, Place};
use crate::session::files::chunks::is_out_of_descriptors;
use crate::session::write::rows::BodyRow;
use crate::session::{Availability, Digest, NewBody, NewExchange, ResourceKey};

impl Store {
    /// Steps 3 and 4. The inner error is the file system's: the body is lost, the exchange is not.
    pub(super) fn chunk(
        &mut self,
        new: &mut NewExchange,
        size: i64,
        sha256: &Digest,
    ) -> Result<io::Result<i64>> {
        let known: Option<(i64, Option<String>)> = self
            .db
            .prepare_cached(
                "SELECT id, path FROM body
                  WHERE sha256 = ?1 AND size = ?2 AND text IS NULL AND (path IS NOT NULL OR chunk_id IS NOT NULL)",
            )?
            .query_row(params![sha256, size], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match known {
            Some((id, Some(path))) => {
                return passing(self.again(new, size, &path).map(|()| id));
            }
            Some((id, None)) => return self.span_again(new, id),
            None => {}
        }
        let path = match passing(self.placed(new)?)? {
            Ok(path) => path,
            Err(error) => return Ok(Err(error)),
        };
        let row = BodyRow {
            size,
            sha256,
            path: Some(&path),
            ..BodyRow::default()
        };
        row.insert(&self.db).map(Ok)
    }

    /// Where a new body is from now on.
    fn placed(&mut self, new: &mut NewExchange) -> Result<io::Result<String>> {
        let NewBody::File { file, .. } = &mut new.body else {
            return Ok(Err(io::ErrorKind::InvalidInput.into()));
        };
        if let Place::Chunk(_, path) = &file.place {
            return Ok(Ok(path.clone()));
        }
        let wished = new.chunk_path.as_deref();
        let codings = new.body_encoding.as_deref();
        let path = self.free_path(&new.resource, wished, codings)?;
        let mut place = || -> io::Result<ChunkPath> {
            let target = ChunkPath::parse(&path)?;
            match self.chunks.place(&file.place, &target, &mut self.changed)? {
                true => Ok(target),
                false => Err(io::ErrorKind::AlreadyExists.into()),
            }
        };
        Ok(place().map(|target| {
            file.place = Place::Chunk(target, path.clone());
            path
        }))
    }

    /// A body that is known came again: its file goes, unless the one that was kept is no longer
    /// what its row says.
    fn again(&mut self, new: &mut NewExchange, size: i64, path: &str) -> io::Result<()> {
        let NewBody::File { file, .. } = &mut new.body else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        // A row of a session that somebody else made may name any path.
        let target = ChunkPath::parse(path)?;
        if matches!(&file.place, Place::Chunk(place, _) if *place == target) {
            // An earlier try of this transaction has placed the file.
            return Ok(());
        }
        if self.is_file_of(&target, size) {
            file.discard();
            return Ok(());
        }
        self.chunks
            .put_back(&file.place, &target, &mut self.changed)?;
        tracing::warn!("chunks/{path}: its content came again, and is back");
        file.place = Place::Chunk(target, path.to_owned());
        Ok(())
    }

    /// As [`Self::again`], of a span: where its chunk is no longer whole it is a file of its own from now on.
    fn span_again(&mut self, new: &mut NewExchange, id: i64) -> Result<io::Result<i64>> {
        let (path, whole): (Option<String>, i64) = self
            .db
            .prepare_cached(
                "SELECT c.path, c.size FROM body b JOIN body c ON c.id = b.chunk_id WHERE b.id = ?1",
            )?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let chunk = path.and_then(|path| ChunkPath::parse(&path).ok());
        let is_placed = matches!(&new.body, NewBody::File { file, .. } if matches!(file.place, Place::Chunk(..)));
        if !is_placed && chunk.is_some_and(|chunk| self.is_file_of(&chunk, whole)) {
            if let NewBody::File { file, .. } = &new.body {
                file.discard();
            }
            return Ok(Ok(id));
        }
        let path = match passing(self.placed(new)?)? {
            Ok(path) => path,
            Err(error) => return Ok(Err(error)),
        };
        self.own_file(id, &path)?;
        tracing::warn!("chunks/{path}: its content came again, and is back");
        Ok(Ok(id))
    }

    /// A span whose chunk is damaged, copied out of it, becomes a file of its own: its path.
    pub(crate) fn saved(
        &mut self,
        body: i64,
        resource: ResourceKey,
        file: NewBody,
    ) -> Result<io::Result<String>> {
        let mut new = NewExchange {
            body: file,
            ..NewExchange::requested(0, resource, Availability::Response, 0)
        };
        let placed = self.placed(&mut new)?;
        if let Ok(path) = &placed {
            self.own_file(body, path)?;
        }
        Ok(placed)
    }

    /// A span becomes a file of its own.
    pub(crate) fn own_file(&self, body: i64, path: &str) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE body SET path = ?2, chunk_id = NULL, chunk_first = NULL WHERE id = ?1",
            )?
            .execute(params![body, path])
            .map(|_| ())
    }

    fn is_file_of(&self, path: &ChunkPath, size: i64) -> bool {
        let found = self.chunks.facts(path.plain());
        found.is_ok_and(|f| f.sort == Sort::File && u64::try_from(size) == Ok(f.size))
    }
}

/// A body is not lost for want of a descriptor: the transaction is tried again, as for want of one to sync with.
pub(super) fn passing<T>(done: io::Result<T>) -> Result<io::Result<T>> {
    match done {
        Err(error) if is_out_of_descriptors(&error) => {
            Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
        }
        done => Ok(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::beneath::PlainPath;
    use crate::session::files::chunk_dir::{BodyFile, ChunkDir, TEMPORARY, TemporaryName};
    use crate::session::format::SCHEMA;
    use crate::session::{ExchangeId, Kind, digest};
    use rusqlite::Connection;
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;

    const BODY: &[u8] = b"a chunk";

    fn store(chunks: &Path) -> Store {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        let mut store = Store::new(db, ChunkDir::open_folder(chunks).unwrap(), 0, 1);
        store.stream("main", "http://h/main.m3u8").unwrap();
        store
    }

    fn came(store: &Store, id: ExchangeId) -> NewExchange {
        let name = TemporaryName::for_exchange(id);
        let mut file = store.chunks.create_temporary(&name).unwrap();
        file.write_all(BODY).unwrap();
        let resource = ResourceKey::whole(1, Kind::Segment, "http://h/live/a.ts".into());
        NewExchange {
            body: NewBody::File {
                file: BodyFile::downloaded(store.chunks.clone(), name),
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
            let chunk = ChunkPath::parse(&path).unwrap();
            let was_whole = store.is_file_of(&chunk, BODY.len() as i64);
            store.db.execute_batch("SAVEPOINT a").unwrap();
            let mut new = came(&store, id);
            store.exchange(&mut new).unwrap();
            assert_eq!(fs::read(&kept).unwrap(), BODY);
            let parent = PlainPath::parse(&path).unwrap().folder();
            assert_eq!(store.changed.contains(&parent), !was_whole);
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
        let left = fs::read_dir(folder.path().join(TEMPORARY)).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_path_that_leads_out_of_the_session_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let chunks = folder.path().join("chunks");
        fs::create_dir(&chunks).unwrap();
        let mut store = store(&chunks);
        store.exchange(&mut came(&store, 1)).unwrap();
        for (id, path) in (9..).zip(["../out.ts", "a/../../out.ts", ".tmp/out.ts"]) {
            store
                .db
                .execute("UPDATE body SET path = ?1", [path])
                .unwrap();
            let mut new = came(&store, id);
            let size = BODY.len() as i64;
            let done = store.chunk(&mut new, size, &digest(BODY)).unwrap();
            assert!(done.is_err(), "{path}");
        }
        assert!(!folder.path().join("out.ts").exists());
    }
}
