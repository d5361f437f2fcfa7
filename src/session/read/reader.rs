//! Reading a session, also one that is being recorded, also one from a stranger.
//! A reader never writes and keeps no transaction open for longer than a query.

use super::facts::{Run, StreamInfo};
use crate::session::clip_of::ClipOf;
use crate::session::error::{ReadError, is_of_a_row, said_of_row};
use std::path::Path;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::session::database::guarded::{Guarded, HowFar, path_beside};
use crate::session::database::{schema, sum, versions};
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::folder::SessionFolder;
use crate::session::format::FORMAT_VERSION;
use crate::session::model::KEPT_FROM;

/// A session opened for reading.
#[derive(Debug)]
pub struct Reader {
    pub(crate) db: Guarded,
    pub(crate) chunks: Option<ChunkDir>,
    /// The format version of its tables.
    pub(crate) version: i32,
    /// Whether there are tables that are not ours.
    pub(crate) has_others: bool,
    path: String,
}

/// Whether the database of a session is as its recorder closed it (`session.sum`): no row of it is damaged. One of more than a
/// gigabyte is not looked at. Not to be called while this process reads it in a transaction.
pub fn is_as_closed(folder: &SessionFolder) -> bool {
    sum::covers(folder)
}

impl Reader {
    /// Opens a session and checks that it is one that this program can read.
    ///
    /// # Errors
    /// Another program's database, a newer version's, an altered or damaged one.
    pub fn open(folder: &SessionFolder) -> Result<Self, ReadError> {
        let database = folder.database();
        let path = database.display().to_string();
        let mut db = Guarded::open(folder)?;
        let failed = |source| ReadError::database(&database, source);
        let view = db.transaction().map_err(failed)?;
        let schema = schema::check(&view, &path).map_err(|e| e.unwrap_or_else(failed))?;
        drop(view);
        let tables = schema::tables(FORMAT_VERSION).map_err(failed)?.collect();
        db.schema_is_ours(tables, |db| versions::read_as_present(db, schema.version))
            .map_err(failed)?;
        let chunks = ChunkDir::of_session(folder.path()).ok();
        Ok(Self {
            db,
            chunks,
            version: schema.version,
            has_others: schema.has_others,
            path,
        })
    }

    /// An error of SQLite, with the database's name.
    pub(crate) fn failed(&self, source: rusqlite::Error) -> ReadError {
        if let Some(what) = said_of_row(&source) {
            // What it said is lost, and the rest of the session is not.
            return ReadError::Lost(format!(
                "{what}: {} is damaged, `issession check` says where",
                self.path
            ));
        }
        ReadError::database(Path::new(&self.path), source)
    }

    /// Whether there is a log beside the database. Of a session whose last run is closed somebody is about to
    /// fold it in, or somebody prevents it.
    pub fn has_log(&self) -> bool {
        path_beside(Path::new(&self.path), "-wal").exists()
    }

    /// Whether nobody records the session, as its lock says; false as well where there are no locks.
    pub fn is_left(&self) -> bool {
        let is_locked = self.chunks.as_ref().map(ChunkDir::is_locked);
        matches!(is_locked, Some(Ok(false)))
    }

    /// Lives of the recorder, in order. There is at least one.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn runs(&self) -> Result<Vec<Run>, ReadError> {
        let runs = self.list(
            "SELECT started_us, seen_us, stopped_us, ended, program FROM run ORDER BY id",
            [],
            |row| {
                Ok(Run {
                    started_us: row.get(0)?,
                    seen_us: row.get(1)?,
                    stopped_us: row.get(2)?,
                    ended: row.get(3)?,
                    program: row.get(4)?,
                })
            },
        )?;
        if runs.is_empty() {
            return Err(self.altered("it has no run"));
        }
        // A run that goes on begins behind them: at the end of all numbers time would stand still.
        if !runs.iter().all(Run::is_of_a_clock) {
            return Err(self.altered("its runs are at times that no clock shows"));
        }
        Ok(runs)
    }

    /// From when on everything is kept, in microseconds of Unix time; `None`: all is, and nothing of it will go. Session zero:
    /// nothing has gone yet, or it is a clip. Earlier recorders wrote moments before that.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn kept_from_us(&self) -> Result<Option<i64>, ReadError> {
        let row = self.list(
            "SELECT max(at_us, ifnull((SELECT started_us FROM run ORDER BY id LIMIT 1), at_us))
               FROM event WHERE id = ?1 AND kind = 'kept from'",
            [KEPT_FROM],
            |row| row.get(0),
        )?;
        Ok(row.first().copied())
    }

    /// Which span of which session it is a clip of, in a sentence; `None`: it is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn clip_of(&self) -> Result<Option<String>, ReadError> {
        let row: Vec<String> = self.list(
            "SELECT detail FROM event WHERE id = ?1 AND kind = 'kept from'",
            [KEPT_FROM],
            |row| row.get(0),
        )?;
        Ok(row.into_iter().find(|text| ClipOf::is_text(text)))
    }

    /// From when until when it is, in microseconds of Unix time, where it is a clip: responses of raw streams that it has may
    /// have begun before and gone on behind.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn clip_span(&self) -> Result<Option<(i64, i64)>, ReadError> {
        if self.clip_of()?.is_none() {
            return Ok(None);
        }
        let runs = self.runs()?;
        let span = runs.first().zip(runs.last());
        Ok(span.map(|(first, last)| (first.started_us, last.end_us())))
    }

    /// Whether the session has decryption keys, as far as its first resources tell: what is listed first is
    /// fetched first, and there is no index of kinds.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn has_keys(&self) -> Result<bool, ReadError> {
        let sql = "SELECT 1 FROM resource r JOIN exchange e ON e.resource_id = r.id
                    WHERE r.id <= 10000 AND r.kind = 'key' AND e.body_id IS NOT NULL LIMIT 1";
        Ok(!self.list(sql, [], |_| Ok(()))?.is_empty())
    }

    /// Whether any segment was asked for.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn has_segments(&self) -> Result<bool, ReadError> {
        let sql = "SELECT 1 FROM resource WHERE kind = 'segment' LIMIT 1";
        Ok(!self.list(sql, [], |_| Ok(()))?.is_empty())
    }

    /// Inputs of the session, in order.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn streams(&self) -> Result<Vec<StreamInfo>, ReadError> {
        self.list("SELECT id, name, url FROM stream ORDER BY id", [], |row| {
            Ok(StreamInfo {
                id: row.get(0)?,
                name: row.get(1)?,
                url: row.get(2)?,
            })
        })
    }

    /// When the first playlist of a stream came, in microseconds of Unix time; `None`: none did.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn first_revision_us(&self, stream_id: i64) -> Result<Option<i64>, ReadError> {
        let row: Vec<i64> = self.list(
            // In the order of exchanges, of which the first ones will do: no index is to be sorted.
            "SELECT v.seen_us FROM revision v
              WHERE +v.playlist_id IN (SELECT id FROM resource WHERE stream_id = ?1)
              ORDER BY v.exchange_id LIMIT 1",
            [stream_id],
            |row| row.get(0),
        )?;
        Ok(row.first().copied())
    }

    /// Another number than at the last call of this reader, if anything was committed since.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn data_version(&self) -> Result<i64, ReadError> {
        self.db
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// Does many small queries in one transaction, which is several times as fast. It must be
    /// over in milliseconds: the recorder's log grows meanwhile.
    ///
    /// # Errors
    /// Those of the job; the database is damaged.
    pub fn together<T>(&self, job: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
        let transaction = self.db.transaction().map_err(|e| self.failed(e))?;
        let done = job();
        transaction.finish().map_err(|e| self.failed(e))?;
        done
    }

    /// Refuses a database that has a page in two places, so that nothing bounds what is read of it, and what is written
    /// would destroy more.
    ///
    /// # Errors
    /// It has one, or it cannot be read.
    pub(crate) fn refuse_shared_pages(&mut self, how_far: HowFar) -> Result<(), ReadError> {
        match self.fault_of_pages(how_far)? {
            Some(fault) => Err(self.altered(&format!(
                "{fault}; nothing was done with it: `issession repair` mends indexes, `sqlite3 session.db .recover` may save a part of tables"
            ))),
            None => Ok(()),
        }
    }

    /// A page that is in two places, in a sentence.
    pub(crate) fn fault_of_pages(&mut self, how_far: HowFar) -> Result<Option<String>, ReadError> {
        let tables = schema::tables(self.version).map_err(|e| self.failed(e))?;
        // Of a user's tables nothing is asked.
        let tables = self.has_others.then(|| tables.collect());
        let found = self.db.fault_of_pages(tables, how_far);
        found.map_err(|e| self.failed(e))
    }

    /// What `row` makes of each row of a query.
    pub(crate) fn list<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        self.measured(sql, params, |from, _| row(from))
    }

    /// As [`Self::list`], without the rows that hold something else than their columns do, or texts that no recorder writes:
    /// one damaged row is no reason to show nothing of the others. [`Self::damage`] tells of them.
    pub(crate) fn sound<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        let found = self.measured(sql, params, |from, bytes| match bytes {
            ..=MOST_OF_ROW => if_sound(row(from)),
            _ => Ok(None),
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// As [`Self::list`], of rows and their bytes.
    fn measured<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        mut row: impl FnMut(&Row<'_>, u64) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        let most = self.db.most_listed();
        let mut bytes = 0_u64;
        let mut is_too_much = false;
        let found = self.each(sql, params, |from| {
            let of_row = size(from)?;
            bytes = bytes.saturating_add(of_row);
            is_too_much = bytes > most;
            match is_too_much {
                true => Err(rusqlite::Error::ExecuteReturnedResults),
                false => row(from, of_row),
            }
        });
        match is_too_much {
            true => Err(self.altered(&format!(
                "its rows have more than {most} bytes in it, which it cannot hold"
            ))),
            false => found,
        }
    }

    /// As [`Self::list`], where little is kept of rows that may be large.
    pub(crate) fn each<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, row)?.collect())
            .map_err(|e| self.failed(e))
    }

    pub(crate) fn altered(&self, what: &str) -> ReadError {
        ReadError::Altered {
            path: self.path.clone(),
            what: what.to_owned(),
        }
    }
}

/// A text of a row that is no body, as SQL: where it is longer than any that a recorder writes it is left in the database, and
/// the row has none.
macro_rules! short {
    ($column:literal) => {
        concat!(
            "iif(octet_length(",
            $column,
            ") <= 65536, ",
            $column,
            ", NULL)"
        )
    };
}
pub(crate) use short;

/// Whether all texts of a resource `r` are as short as those that a recorder writes, as SQL that reads none of them. Many exchanges
/// are of one resource: longer ones would be read for each. Earlier versions have no `path_url`.
pub(crate) const IS_SHORT_RESOURCE: &str =
    "(octet_length(r.kind) <= 16 AND octet_length(r.url) <= 65536
    AND ifnull(octet_length(r.path_url), 0) <= 65536 AND octet_length(r.name) <= 65536)";
/// The same of a stream `s`.
pub(crate) const IS_SHORT_STREAM: &str = "(octet_length(s.name) <= 65536)";

/// Bytes of the texts of a row, where these are no bodies: URLs have 8 KiB, header fields 400.
const MOST_OF_ROW: u64 = 2 * 1024 * 1024;

/// What was read of a row; `None`: it holds something else than its columns do.
pub(crate) fn if_sound<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match read {
        Err(error) if is_of_a_row(&error) => Ok(None),
        read => read.map(Some),
    }
}

/// Bytes of the texts and blobs of a row.
fn size(row: &Row<'_>) -> rusqlite::Result<u64> {
    let columns = row.as_ref().column_count();
    let sizes = (0..columns).map(|at| {
        Ok(match row.get_ref(at)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
            _ => 0,
        })
    });
    sizes.sum()
}
