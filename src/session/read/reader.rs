//! Reading a session, also one that is being recorded, also one from a stranger.
//! A reader never writes and keeps no transaction open for longer than a query.

use crate::session::error::ReadError;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, named_params};
use serde::Serialize;

use crate::session::body::decode;
use crate::session::database::guarded::{Guarded, HowFar, beside};
use crate::session::database::{schema, versions};
use crate::session::digest::digest;
use crate::session::files::chunk_dir::{ChunkDir, ChunkFile};
use crate::session::files::folder::SessionFolder;
use crate::session::format::FORMAT_VERSION;
use crate::session::headers::Headers;
use crate::session::id::ExchangeId;
use crate::session::model::KEPT_FROM;
use crate::session::model::{ByteRange, Kind, Outcome};
use crate::session::read::history::advances::ADVANCE;

/// The end of the year 9999, in microseconds of Unix time: no clock shows more.
const LATEST_US: u64 = 253_402_300_800_000_000;

/// One life of the recorder process. Times in microseconds of Unix time.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// When it began.
    pub started_us: i64,
    /// When it was last known alive.
    pub seen_us: i64,
    /// When it stopped; `None`: it records, or was killed.
    pub stopped_us: Option<i64>,
    /// Why it stopped, as in `schema.sql`; `None`: it records, or was killed and nobody went on.
    pub ended: Option<String>,
    /// Name and version.
    pub program: String,
}

impl Run {
    /// When it ended, as far as is known; of one that records, when it was last known alive.
    pub fn end_us(&self) -> i64 {
        self.stopped_us.unwrap_or(self.seen_us)
    }

    fn is_of_a_clock(&self) -> bool {
        let times = [self.started_us, self.seen_us, self.end_us()];
        times.iter().all(|us| us.unsigned_abs() <= LATEST_US)
    }
}

/// Between two runs: from when until when nothing was recorded, in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The end of a run.
    pub from_us: i64,
    /// The start of the next.
    pub until_us: i64,
}

/// The holes between runs, in order.
pub fn holes(runs: &[Run]) -> Vec<Hole> {
    let between = |pair: &[Run]| match pair {
        [before, after] => Some(Hole {
            from_us: before.end_us(),
            until_us: after.started_us,
        }),
        _ => None,
    };
    runs.windows(2).filter_map(between).collect()
}

/// An input of the session.
#[derive(Debug, Clone, Serialize)]
pub struct StreamInfo {
    /// Row of `stream`.
    #[serde(skip)]
    pub id: i64,
    /// Its name, safe in a URL path.
    pub name: String,
    /// What the user typed.
    pub url: String,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceInfo {
    /// Row of `resource`.
    pub id: i64,
    /// What it is.
    pub kind: Kind,
    /// Its absolute URL.
    pub url: String,
    /// Its byte range, if a playlist named one.
    pub range: Option<ByteRange>,
    /// Row of `stream`.
    pub stream_id: i64,
}

/// A media playlist that has revisions.
#[derive(Debug, Clone)]
pub struct PlaylistInfo {
    /// Row of `resource`.
    pub id: i64,
    /// Name of its stream.
    pub stream: String,
    /// URL path without the leading slash.
    pub name: String,
    /// Its absolute URL.
    pub url: String,
}

/// One exchange. Times in microseconds of Unix time, durations in microseconds.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Its number.
    pub id: ExchangeId,
    /// From when on it is the answer.
    pub from_us: i64,
    /// When it was requested.
    pub requested_us: i64,
    /// Requested to first byte of the response.
    pub wait_us: Option<i64>,
    /// First byte to last byte, or to the break.
    pub receive_us: Option<i64>,
    /// As in `schema.sql`; `None`: the body came at once.
    pub arrival: Option<String>,
    /// Without a response: requested to its end.
    pub failed_us: Option<i64>,
    /// HTTP status; `None`: there was no response.
    pub status: Option<u16>,
    /// Row of `header_set`.
    pub(crate) header_set_id: Option<i64>,
    pub(crate) header_values: Option<String>,
    /// Content-Length.
    pub announced_bytes: Option<u64>,
    /// Row of `body`.
    pub body_id: Option<i64>,
    /// Size of that body in bytes; 0: it has none.
    pub body_size: u64,
    /// SHA-256 of that body.
    pub body_sha256: Option<Vec<u8>>,
    /// Content codings that the body is still in.
    pub body_encoding: Option<String>,
    /// A 206: where in the resource the body begins.
    pub body_first: Option<u64>,
    /// A 206: the size of the whole, if the origin said.
    pub resource_bytes: Option<u64>,
    /// A 304: the exchange that it confirmed.
    pub confirms_id: Option<ExchangeId>,
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: Option<String>,
}

/// The content of a body.
#[derive(Debug)]
pub enum Body {
    /// Kept in the database.
    Bytes(Vec<u8>),
    /// Kept as a file.
    Chunk(ChunkFile),
}

/// An advance of a media playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// The exchange that brought it.
    pub exchange_id: ExchangeId,
    /// When its response began, in microseconds of Unix time.
    pub seen_us: i64,
    /// The target duration that it states, in microseconds.
    pub target_duration_us: Option<i64>,
    /// Whether it ends the playlist.
    pub ended: bool,
}

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
        ReadError::database(Path::new(&self.path), source)
    }

    /// Whether there is a log beside the database. Of a session whose last run is closed somebody is about to
    /// fold it in, or somebody prevents it.
    pub fn has_log(&self) -> bool {
        beside(Path::new(&self.path), "-wal").exists()
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

    /// From when on everything is kept, in microseconds of Unix time; `None`: all is.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn kept_from_us(&self) -> Result<Option<i64>, ReadError> {
        let row = self.list(
            "SELECT at_us FROM event WHERE id = ?1 AND kind = 'kept from'",
            [KEPT_FROM],
            |row| row.get(0),
        )?;
        Ok(row.first().copied())
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

    /// Media playlists that have revisions, in the order in which they were found.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn media_playlists(&self) -> Result<Vec<PlaylistInfo>, ReadError> {
        // `media_sequence` is NULL for multivariant ones; what the user typed may be either.
        self.list(
            // From one to the next in the index: a session has few playlists and many revisions.
            "WITH RECURSIVE p(id) AS (
               SELECT min(playlist_id) FROM revision
               UNION ALL SELECT (SELECT min(playlist_id) FROM revision WHERE playlist_id > p.id)
                 FROM p WHERE p.id IS NOT NULL)
             SELECT r.id, r.name, r.url, s.name FROM p JOIN resource r ON r.id = p.id
               JOIN stream s ON s.id = r.stream_id
              WHERE EXISTS (SELECT 1 FROM revision WHERE playlist_id = p.id AND media_sequence IS NOT NULL)
              ORDER BY r.id",
            [],
            |row| {
                Ok(PlaylistInfo {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    url: row.get(2)?,
                    stream: row.get(3)?,
                })
            },
        )
    }

    /// Advances of a media playlist behind one (its `seen_us` and exchange), in order; `most` of
    /// them.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn advances(
        &self,
        playlist_id: i64,
        behind: (i64, ExchangeId),
        most: usize,
    ) -> Result<Vec<Advance>, ReadError> {
        self.list(
            // An end may come without anything new before it.
            &format!(
                "SELECT v.exchange_id, v.seen_us, v.target_duration_us,
                    v.ended OR ifnull((SELECT n.ended AND NOT n.advance FROM revision n
                                        WHERE n.playlist_id = :playlist_id AND (n.seen_us, n.exchange_id) > (v.seen_us, v.exchange_id)
                                        ORDER BY n.seen_us, n.exchange_id LIMIT 1), 0)
               FROM revision v LEFT JOIN placement p ON p.exchange_id = v.exchange_id
              WHERE v.playlist_id = :playlist_id AND (v.seen_us, v.exchange_id) > (:seen_us, :exchange_id) AND {ADVANCE}
              ORDER BY v.seen_us, v.exchange_id LIMIT :most"
            ),
            named_params! {
                ":playlist_id": playlist_id,
                ":seen_us": behind.0,
                ":exchange_id": behind.1,
                ":most": most as i64,
            },
            |row| {
                Ok(Advance {
                    exchange_id: row.get(0)?,
                    seen_us: row.get(1)?,
                    target_duration_us: row.get(2)?,
                    ended: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
                })
            },
        )
    }

    /// Until when a playlist was known not to have this revision yet, in microseconds of Unix time; `None`: it
    /// is the first of a run.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn not_before_us(&self, revision: ExchangeId) -> Result<Option<i64>, ReadError> {
        self.db
            .prepare_cached("SELECT not_before_us FROM revision WHERE exchange_id = ?1")
            .and_then(|mut s| s.query_row([revision], |row| row.get(0)).optional())
            .map(Option::flatten)
            .map_err(|e| self.failed(e))
    }

    /// The body of an exchange; `None`: it has none.
    ///
    /// # Errors
    /// The database or a file is damaged.
    pub fn body_of(&self, exchange: ExchangeId) -> Result<Option<Body>, ReadError> {
        let body_id: Option<i64> = self
            .db
            .prepare_cached("SELECT body_id FROM exchange WHERE id = ?1")
            .and_then(|mut s| s.query_row([exchange], |row| row.get(0)).optional())
            .map_err(|e| self.failed(e))?
            .flatten();
        body_id.map(|id| self.body(id)).transpose()
    }

    /// A body, whole.
    ///
    /// # Errors
    /// The database or a file is damaged.
    pub fn body(&self, id: i64) -> Result<Body, ReadError> {
        type Columns = (
            i64,
            Option<Vec<u8>>,
            Option<String>,
            Option<String>,
            Vec<u8>,
            Option<String>,
        );
        let (size, data, path, text, sha256, coding): Columns = self
            .db
            .prepare_cached(
                "SELECT b.size, b.data, b.path, t.text, b.sha256, b.coding FROM body b JOIN body_text t ON t.id = b.id WHERE b.id = ?1",
            )
            .and_then(|mut s| s.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))))
            .map_err(|e| self.failed(e))?;
        let kept = |data| decode::kept(data, coding.as_deref(), size);
        let size = u64::try_from(size).unwrap_or(0);
        let bytes = match (data, path, text) {
            (Some(data), None, None) => {
                kept(data).map_err(|e| self.altered(&format!("body {id}: {e}")))?
            }
            (None, None, Some(text)) => text.into_bytes(),
            (None, Some(path), None) => return Ok(Body::Chunk(self.chunk(&path, size)?)),
            _ => {
                return Err(
                    self.altered(&format!("body {id} is neither text nor data nor a chunk"))
                );
            }
        };
        if bytes.len() as u64 != size {
            return Err(self.altered(&format!(
                "body {id} has {} bytes, its row says {size}",
                bytes.len()
            )));
        }
        if digest(&bytes).as_slice() != sha256 {
            return Err(self.altered(&format!("body {id} is not what came")));
        }
        Ok(Body::Bytes(bytes))
    }

    /// A body that is a file, opened; `None`: it is none.
    ///
    /// # Errors
    /// The database or the file is damaged.
    pub fn chunk_of(&self, body_id: i64) -> Result<Option<ChunkFile>, ReadError> {
        let (path, size): (Option<String>, i64) = self
            .db
            .prepare_cached("SELECT path, size FROM body WHERE id = ?1")
            .and_then(|mut s| s.query_row([body_id], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(|e| self.failed(e))?;
        let size = u64::try_from(size).unwrap_or(0);
        path.map(|path| self.chunk(&path, size)).transpose()
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

    fn chunk(&self, path: &str, size: u64) -> Result<ChunkFile, ReadError> {
        let Some(chunks) = &self.chunks else {
            return Err(self.altered("its folder chunks/ is missing, or is no folder"));
        };
        Ok(chunks.open(path, size)?)
    }

    /// Response header fields of an exchange, as they came.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn headers(&self, exchange: &Exchange) -> Result<Headers, ReadError> {
        let Some(set) = exchange.header_set_id else {
            return Ok(Headers::default());
        };
        let fields: String = self
            .db
            .prepare_cached("SELECT fields FROM header_set WHERE id = ?1")
            .and_then(|mut s| s.query_row([set], |row| row.get(0)))
            .map_err(|e| self.failed(e))?;
        Headers::join(&fields, exchange.header_values.as_deref())
            .ok_or_else(|| self.altered(&format!("the header fields of exchange {}", exchange.id)))
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
        let most = self.db.most_listed();
        let mut bytes = 0_u64;
        let mut is_too_much = false;
        let found = self.each(sql, params, |from| {
            bytes = bytes.saturating_add(size(from)?);
            is_too_much = bytes > most;
            match is_too_much {
                true => Err(rusqlite::Error::ExecuteReturnedResults),
                false => row(from),
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

pub(crate) fn resource_row(row: &Row<'_>) -> rusqlite::Result<ResourceInfo> {
    let range = match (row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(4)?) {
        (Some(first), Some(length)) => Some(ByteRange {
            first: to_u64(first),
            length: to_u64(length),
        }),
        _ => None,
    };
    let kind: String = row.get(1)?;
    Ok(ResourceInfo {
        id: row.get(0)?,
        kind: Kind::parse(&kind).unwrap_or(Kind::Data),
        url: row.get(2)?,
        range,
        stream_id: row.get(5)?,
    })
}

pub(super) fn to_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
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
