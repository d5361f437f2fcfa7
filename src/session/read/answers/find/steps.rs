//! What a look-up costs, in steps of SQLite's machine: as many in a session of twenty thousand rows as in a small one.

use crate::session::database::spellings::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::clock::Clock;
use crate::session::{Sessions, Writer};

/// Where a request is one of many of a path, so many rows have it.
const ROWS: i64 = 20_000;

/// A session with rows of its own.
struct Made {
    _folder: tempfile::TempDir,
    reader: Reader,
    steps: Arc<AtomicU64>,
}

impl Made {
    async fn with(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let session = Sessions::new(folder.path()).create(Some("s")).unwrap();
        let (writer, _) = Writer::create(&session, Clock::start(), "test").unwrap();
        writer.stream("ch1", "http://h/live.ts").await.unwrap();
        writer.finish("stopped").await.unwrap();
        let db = Connection::open(session.database()).unwrap();
        db.execute_batch(&format!("BEGIN; {sql}; COMMIT")).unwrap();
        note_all(&db).unwrap();
        drop(db);
        let mut reader = Reader::open(&session).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let count = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        let db = reader.db.connection_mut();
        db.progress_handler(1, Some(count)).unwrap();
        Self {
            _folder: folder,
            reader,
            steps,
        }
    }

    /// The resources that are found, and the steps that it took to know all that an answer needs of it.
    fn look(&self, url: &str) -> (usize, u64) {
        self.steps.store(0, Ordering::Relaxed);
        let found = self.reader.resources(url).unwrap().len();
        if found == 0 {
            assert!(!self.reader.is_left_out(url).unwrap());
            assert!(self.reader.growing_from(url).unwrap().is_none());
        }
        (found, self.steps.load(Ordering::Relaxed))
    }
}

/// Rows of one URL, each a byte range of its own.
fn ranges(url: &str, count: i64) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
         INSERT INTO resource (stream_id, kind, url, path_url, name, range_first, range_length)
         SELECT 1, 'segment', '{url}', '{}', '', i, 1 FROM n;",
        url.split('?').next().unwrap()
    )
}

/// Rows of as many URLs.
fn urls(path_url: &str, count: i64) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
         INSERT INTO resource (stream_id, kind, url, path_url, name)
         SELECT 1, 'segment', '{path_url}?n=' || i, '{path_url}', '' FROM n;"
    )
}

/// A playlist with as many other URLs.
fn aliases(path_url: &str, count: i64) -> String {
    format!(
        "INSERT INTO resource (stream_id, kind, url, path_url, name)
         VALUES (1, 'media', '{path_url}?t=0', '{path_url}', ''), (1, 'media', '{path_url}?u=0', '{path_url}', '');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO alias SELECT '{path_url}?t=' || i, (SELECT id FROM resource WHERE url = '{path_url}?t=0') FROM n;"
    )
}

fn session(rows: i64) -> String {
    [
        ranges("http://h/file.mp4?a=1", rows),
        ranges("http://h/file.mp4?b=2", rows),
        ranges("http://h/spelt.mp4?v=%7e", rows),
        ranges("http://h/spelt.mp4?v=%7E&v=1", rows),
        urls("http://h/many.ts", rows),
        aliases("http://h/live.m3u8", rows),
        ranges("http://h/only.mp4?a=1", 3),
        "INSERT OR IGNORE INTO resource (stream_id, kind, url, path_url, name)
         VALUES (1, 'main', 'http://h/live.ts', 'http://h/live.ts', '');
         INSERT INTO pending SELECT id, 0, 0 FROM resource WHERE path_url = 'http://h/many.ts'"
            .to_owned(),
    ]
    .concat()
}

#[tokio::test]
async fn that_nothing_has_a_query_is_known_without_reading_all_that_has_the_path() {
    let (large, small) = (
        Made::with(&session(ROWS)).await,
        Made::with(&session(30)).await,
    );
    for (url, found) in [
        ("http://h/file.mp4?x=1", 0),
        ("http://h/file.mp4", 0),
        ("http://h/file.mp4?a=1&b=2", 0),
        ("http://h/file.mp4?b=2&a=1&x=3", 0),
        ("http://h/spelt.mp4?x=~", 0),
        ("http://h/many.ts?x=1", 0),
        ("http://h/many.ts?n=-1", 0),
        ("http://h/live.m3u8?x=1", 0),
        ("http://h/live.m3u8?t=7&u=0", 0),
        ("http://h/nothing?x=1", 0),
        ("http://h/live.ts?x=1", 1),
        ("http://h/only.mp4?x=1", 3),
        ("http://h/live.m3u8?t=7&x=1", 1),
        ("http://h/many.ts?n=%37&x=1", 1),
    ] {
        let (count, steps) = large.look(url);
        assert_eq!(count, found, "{url}");
        assert_eq!(small.look(url).0, found, "{url}");
        assert!(steps < 4_000, "{url}: {steps} steps");
    }
}

#[tokio::test]
async fn a_request_with_every_name_that_a_host_knows_costs_no_more_than_so_many_tries() {
    let all = (0..MOST_SETS - 1)
        .map(|n| urls(&format!("http://h/{n}"), 1).replace("?n=", &format!("?n{n}=")));
    let made = Made::with(&all.collect::<String>()).await;
    let query: Vec<String> = (0..MOST_SETS).map(|n| format!("n{n}=5")).collect();
    let (found, steps) = made.look(&format!("http://h/0?{}", query.join("&")));
    assert_eq!(found, 1, "all of the path has one URL");
    assert!(steps < 7_000, "{steps} steps");
}

#[tokio::test]
async fn two_spellings_of_a_file_are_one_however_many_ranges_it_has() {
    let both = [
        ranges("http://h/a%7e.mp4", 300),
        ranges("http://h/a%7E.mp4", 300),
    ];
    let made = Made::with(&both.concat()).await;
    let (found, steps) = made.look("http://h/a~.mp4?x=1");
    assert_eq!(found, 600);
    assert!(steps < 60_000, "{steps} steps");
}
