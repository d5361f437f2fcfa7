//! A look into a session, and what must hold in every one of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use isrecorder::session::{Body, Found, Reader, Sessions, digest};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};
use tempfile::TempDir;

/// A session that is not being recorded any more.
pub struct Session {
    path: PathBuf,
    pub db: Connection,
    reader: Reader,
    /// Goes with it.
    _folder: Option<TempDir>,
}

impl Session {
    pub fn open(folder: TempDir, name: &str) -> Self {
        let session = Self::within(folder.path(), name);
        Self {
            _folder: Some(folder),
            ..session
        }
    }

    /// What a program says of it, given its path behind these arguments; the program succeeds.
    pub fn told_by(&self, program: &str, arguments: &[&str]) -> String {
        let output = std::process::Command::new(program)
            .args(arguments)
            .arg(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Of a folder that stays.
    pub fn within(folder: &Path, name: &str) -> Self {
        let sessions = Sessions::new(folder.join("sessions"));
        let found = sessions.find(name).unwrap();
        let reader = Reader::open(&found).unwrap();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(found.database(), flags).unwrap();
        Self {
            path: found.path().to_owned(),
            db,
            reader,
            _folder: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.one(sql)
    }

    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let value = self.db.query_row(sql, [], |row| row.get(0));
        value.unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    pub fn list<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        self.rows(sql, |row| row.get(0))
    }

    pub fn rows<T>(&self, sql: &str, row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.db.prepare(sql).unwrap();
        let rows = statement.query_map([], row).unwrap();
        rows.map(|r| r.unwrap_or_else(|e| panic!("{sql}: {e}")))
            .collect()
    }

    /// Bodies of the revisions of a playlist, by its name, in order.
    pub fn revisions(&self, name: &str) -> Vec<Vec<u8>> {
        let ids: Vec<i64> = self.list(&format!(
            "SELECT v.exchange_id FROM revision v JOIN resource r ON r.id = v.playlist_id
              WHERE r.name = '{name}' ORDER BY v.exchange_id"
        ));
        ids.into_iter().map(|id| self.body(id)).collect()
    }

    /// Status (0: none), outcome of each exchange for a name, in order.
    pub fn outcomes(&self, name: &str) -> Vec<(i64, String)> {
        self.rows(
            &format!(
                "SELECT ifnull(e.status, 0), e.outcome FROM exchange e
                   JOIN resource r ON r.id = e.resource_id
                  WHERE r.name = '{name}' ORDER BY e.id"
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// The body of an exchange, as a reader gives it.
    pub fn body(&self, exchange: i64) -> Vec<u8> {
        let body = self.reader.body_of(exchange).unwrap();
        bytes(body.unwrap_or_else(|| panic!("exchange {exchange} has no body")))
    }

    /// A response header field of an exchange.
    pub fn header(&self, exchange: i64, name: &str) -> Option<String> {
        let exchange = self.reader.exchange(exchange).unwrap().unwrap();
        let headers = self.reader.headers(&exchange).unwrap();
        headers.get(name).map(str::to_owned)
    }

    /// The body that is the answer for a URL when the exchange `when` is the answer for its own.
    pub fn answer_with(&self, url: &str, when: i64) -> Option<Vec<u8>> {
        let at_us = self.number(&format!("SELECT from_us FROM exchange WHERE id = {when}"));
        self.answer(url, at_us)
    }

    /// The body that is the answer for a URL at a moment of Unix time.
    pub fn answer(&self, url: &str, at_us: i64) -> Option<Vec<u8>> {
        match self.reader.answer(url, None, at_us, false).unwrap() {
            Found::Answer(answer) => Some(self.body(answer.exchange.id)),
            Found::Unknown | Found::NotYet(_) => None,
            other => panic!("{url}: {other:?}"),
        }
    }

    /// The parts that are known of a URL at a moment: first byte and body of each.
    pub fn parts(&self, url: &str, at_us: i64) -> Vec<(u64, Vec<u8>)> {
        match self.reader.answer(url, None, at_us, false).unwrap() {
            Found::Ranges(parts) => parts
                .iter()
                .map(|p| (p.first, self.body(p.answer.exchange.id)))
                .collect(),
            other => panic!("{url}: {other:?}"),
        }
    }

    /// Session zero, in Unix time.
    pub fn zero_us(&self) -> i64 {
        self.number("SELECT started_us FROM run WHERE id = 1")
    }

    /// The end, in Unix time.
    pub fn end_us(&self) -> i64 {
        self.number("SELECT max(seen_us) FROM run")
    }

    /// The last offset at which there is something, to the millisecond: whoever starts there is at the end.
    pub fn last_offset(&self) -> String {
        let last_ms = (self.end_us() - self.zero_us()) / 1000 - 1;
        format!("{}.{:03}", last_ms / 1000, last_ms % 1000)
    }

    /// Chunk files, with their content.
    pub fn chunk_files(&self) -> Vec<(String, Vec<u8>)> {
        let paths: Vec<String> =
            self.list("SELECT path FROM body WHERE path IS NOT NULL ORDER BY path");
        let read = |path: String| {
            let content = fs::read(self.path.join("chunks").join(&path)).unwrap();
            (path, content)
        };
        paths.into_iter().map(read).collect()
    }

    /// What `docs/design/session.md` promises, and item 5 of "has done its job".
    pub fn check_invariants(&self) {
        assert_eq!(self.one::<String>("PRAGMA integrity_check"), "ok");
        assert!(self.rows("PRAGMA foreign_key_check", |_| Ok(())).is_empty());
        self.check_bodies();
        self.check_rows();
        self.check_views();
    }

    fn check_bodies(&self) {
        let bodies: Vec<(i64, u64, Vec<u8>, Option<String>)> = self.rows(
            "SELECT id, size, sha256, path FROM body ORDER BY id",
            |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, i64>(1)? as u64,
                    row.get(2)?,
                    row.get(3)?,
                ))
            },
        );
        for (id, size, sha256, path) in bodies {
            if let Some(path) = &path {
                assert!(
                    Path::new(path)
                        .components()
                        .all(|c| matches!(c, std::path::Component::Normal(_))),
                    "{path}"
                );
                assert!(!path.starts_with('.'), "{path}");
                let file = self.path.join("chunks").join(path);
                let metadata =
                    fs::symlink_metadata(&file).unwrap_or_else(|e| panic!("{path}: {e}"));
                assert!(metadata.is_file(), "{path}");
            }
            let content = bytes(self.reader.body(id).unwrap());
            assert_eq!(content.len() as u64, size, "body {id} {path:?}");
            assert_eq!(digest(&content).as_slice(), sha256, "body {id} {path:?}");
        }
    }

    fn check_rows(&self) {
        for (what, sql) in NONE_OF_THESE {
            let found: Vec<i64> = self.list(sql);
            assert!(found.is_empty(), "{what}: exchanges {found:?}");
        }
    }

    fn check_views(&self) {
        for (view, columns) in VIEWS {
            let mut statement = self.db.prepare(&format!("SELECT * FROM {view}")).unwrap();
            assert_eq!(
                statement.column_names().collect::<Vec<_>>().join(", "),
                columns,
                "{view}"
            );
            let count = statement.column_count();
            let rows = statement
                .query_map([], |row| {
                    (0..count)
                        .map(|i| row.get::<_, Value>(i))
                        .collect::<Result<Vec<_>, _>>()
                })
                .unwrap();
            rows.for_each(|row| drop(row.unwrap_or_else(|e| panic!("{view}: {e}"))));
        }
    }
}

/// The views of the original, with their columns.
const VIEWS: [(&str, &str); 5] = [
    ("meta", "id, name, url, start, stop"),
    ("main_playlist", "id, date, body, error, error_code"),
    ("simple_playlist", "id, name, date, body, error, error_code"),
    ("segments", "id, name, date, path, error, error_code"),
    ("keys", "id, path, date, data, error, error_code"),
];

/// What never is, as queries for exchanges of which it is true. Of a session that keeps its last
/// hours only (`event` 0), what came first may be gone.
const NONE_OF_THESE: [(&str, &str); 9] = [
    (
        "a body that is not there",
        "SELECT id FROM exchange e WHERE body_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM body b WHERE b.id = e.body_id)",
    ),
    (
        "a revision without a body",
        "SELECT v.exchange_id FROM revision v LEFT JOIN exchange e ON e.id = v.exchange_id WHERE e.body_id IS NULL",
    ),
    (
        "a referrer that is not earlier, or not there",
        "SELECT id FROM exchange e WHERE referrer_id IS NOT NULL
           AND (referrer_id >= id OR NOT EXISTS (SELECT 1 FROM revision v WHERE v.exchange_id = e.referrer_id))
           AND (referrer_id >= id OR NOT EXISTS (SELECT 1 FROM exchange l JOIN resource r ON r.id = l.resource_id
                                                  JOIN exchange h ON h.id = ifnull(l.head_id, l.id)
                                                 WHERE l.id = e.referrer_id AND r.kind IN ('assets', 'media')
                                                   AND h.lag_us IS NULL))
           AND (referrer_id >= id OR NOT EXISTS (SELECT 1 FROM event WHERE id = 0 AND kind = 'kept from'))",
    ),
    (
        "a head that is not earlier, or not there",
        "SELECT id FROM exchange e WHERE head_id IS NOT NULL
           AND (head_id >= id OR NOT EXISTS (SELECT 1 FROM exchange h WHERE h.id = e.head_id))",
    ),
    (
        "a confirmation of what was no answer",
        "SELECT e.id FROM exchange e LEFT JOIN exchange c ON c.id = e.confirms_id
          WHERE e.confirms_id IS NOT NULL AND (e.status <> 304 OR c.body_id IS NULL OR c.id >= e.id)",
    ),
    (
        "an answer before session zero",
        "SELECT id FROM exchange WHERE from_us < (SELECT started_us FROM run WHERE id = 1)
           AND (SELECT started_us FROM run WHERE id = 1) IS NOT (SELECT at_us FROM event WHERE id = 0)",
    ),
    (
        "an answer that goes back",
        "SELECT e.id FROM exchange e JOIN exchange f ON f.resource_id = e.resource_id AND f.id < e.id
          WHERE f.from_us > e.from_us
            AND e.requested_us > f.requested_us + ifnull(f.wait_us, 0) + ifnull(f.receive_us, 0) + ifnull(f.failed_us, 0)",
    ),
    (
        "the first of a resource that is there later than its listing",
        "SELECT e.id FROM exchange e JOIN exchange l ON l.id = e.referrer_id
          WHERE e.from_us > l.from_us AND e.head_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM event WHERE id = 0 AND kind = 'kept from')
            AND NOT EXISTS (SELECT 1 FROM exchange b WHERE b.resource_id = e.resource_id
                             AND (b.id < e.id OR b.from_us <= e.from_us AND b.id > e.id))
            AND NOT EXISTS (SELECT 1 FROM resource r JOIN alias a ON a.url = r.url
                             WHERE r.id = e.resource_id AND r.kind = 'media')
            AND NOT EXISTS (SELECT 1 FROM resource r JOIN revision v ON v.exchange_id = l.id
                             WHERE r.id = e.resource_id AND r.kind IN ('part', 'init')
                               AND (e.from_us = e.requested_us + ifnull(e.wait_us, 0)
                                    OR EXISTS (SELECT 1 FROM revision w JOIN exchange x ON x.id = w.exchange_id
                                                WHERE w.playlist_id = v.playlist_id AND x.from_us = e.from_us
                                                  AND w.seen_us BETWEEN v.seen_us AND e.from_us + 10000000)))",
    ),
    (
        "a poll without a measure of its own lateness (assets are not polled)",
        "SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind IN ('main', 'media') AND e.head_id IS NULL AND e.lag_us IS NULL
            AND NOT EXISTS (SELECT 1 FROM event WHERE kind = 'date range')",
    ),
];

fn bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Bytes(bytes) => bytes,
        Body::Chunk(chunk) => read(chunk.file.take(chunk.size)),
    }
}

fn read(mut file: impl Read) -> Vec<u8> {
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    content
}
