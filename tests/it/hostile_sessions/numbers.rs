//! Numbers at the ends of what a column can have, and what is no number, in each column that has one: readers answer or
//! say what is wrong, and who would go on with such a session does, or says why not.

use isrecorder::session::{Keep, SCHEMA, Writer, WriterError};
use isrecorder::upkeep::{ClipWanted, RedactRules, clip, redact};
use rusqlite::types::Value;

use super::*;

/// Tables and columns of the schema that have integers.
fn columns() -> Vec<(String, String)> {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    let sql = "SELECT s.name, c.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
                WHERE s.type = 'table' AND c.type = 'INTEGER'";
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// So many of them; the first ones always.
fn values(most: usize) -> Vec<Value> {
    let values = [
        Value::Integer(i64::MAX),
        Value::Integer(i64::MIN),
        Value::Text("x".to_owned()),
        Value::Integer(-1),
        Value::Integer(i64::MAX - 3),
        Value::Real(0.5),
        Value::Real(1e300),
    ];
    values.into_iter().take(rounds(most, 7)).collect()
}

/// A session with all tables, of which each value is tried in each column: in all rows, and in one.
struct Tried {
    made: Made,
    base: std::path::PathBuf,
}

impl Tried {
    fn new() -> Self {
        let made = a_session(Life::Resumed);
        let base = made.sessions().join("base.db");
        let db = loosened(&made, &base);
        db.execute_batch(
            "INSERT OR IGNORE INTO main.heartbeat SELECT * FROM own.heartbeat;
             INSERT INTO main.placement SELECT exchange_id, media_sequence, 'slid', NULL, NULL
               FROM main.revision WHERE media_sequence IS NOT NULL;
             INSERT OR IGNORE INTO main.heartbeat SELECT started_us, started_us, 5 FROM main.run;
             INSERT INTO main.url_spelling SELECT * FROM own.url_spelling;
             INSERT INTO main.query_names SELECT * FROM own.query_names;",
        )
        .unwrap();
        drop(db);
        fs::remove_file(made.file("session.sum")).unwrap();
        Self { made, base }
    }

    fn each(&self, most: usize, mut ask: impl FnMut(&Made, &str)) {
        let database = self.made.file("session.db");
        for (table, column) in columns() {
            for value in values(most) {
                for rows in ["", " LIMIT 1"].into_iter().take(rounds(1, 2)) {
                    for suffix in ["-wal", "-shm"] {
                        let _ = fs::remove_file(self.made.file(&format!("session.db{suffix}")));
                    }
                    let _ = fs::remove_file(self.made.file("session.sum"));
                    fs::copy(&self.base, &database).unwrap();
                    let db = Connection::open(&database).unwrap();
                    db.execute_batch(
                        "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON;
                         PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY",
                    )
                    .unwrap();
                    let set = format!(
                        "UPDATE OR IGNORE {table} SET {column} = ?1
                          WHERE {column} IS NULL OR {column} IN (SELECT {column} FROM {table}{rows})"
                    );
                    // A text is no key.
                    let changed = db.execute(&set, [&value]).unwrap_or(0);
                    tightened(&db);
                    drop(db);
                    if changed > 0 {
                        ask(&self.made, &format!("{table}.{column} = {value:?}{rows}"));
                    }
                }
            }
        }
    }
}

#[test]
fn absurd_numbers_are_answered_from_or_refused() {
    let tried = Tried::new();
    let questions = Questions::of(&tried.made);
    tried.each(1, |made, what| exercise(made, &questions, what));
}

#[test]
fn a_session_with_absurd_numbers_is_gone_on_with_or_it_is_said_why_not() {
    let tried = Tried::new();
    tried.each(2, |made, what| {
        let is_whole = check(&made.session(), false).ok;
        if let Some(cause) = goes_on(made) {
            assert!(
                !is_whole,
                "{what}: a check finds nothing, and then: {cause}"
            );
            assert!(
                cause.contains("session.db") || cause.contains("/s "),
                "{what}: {cause}"
            );
        }
    });
}

#[test]
fn a_session_with_absurd_numbers_is_redacted_or_it_is_said_why_not() {
    let tried = Tried::new();
    let mut turn = 0;
    tried.each(2, |made, what| {
        turn += 1;
        // Each copy is made durable, which takes a while.
        if turn % rounds(17, 1) != 0 {
            return;
        }
        let sessions = Sessions::new(made.sessions());
        let done = redact(&made.session(), &sessions, "copy", RedactRules::default());
        match done {
            Ok(done) => fs::remove_dir_all(done.folder).unwrap(),
            Err(error) => {
                assert!(!check(&made.session(), false).ok, "{what}: {error}");
                assert!(!made.sessions().join("copy").exists(), "{what}");
            }
        }
    });
}

#[test]
fn a_session_with_absurd_numbers_is_clipped_or_it_is_said_why_not() {
    let tried = Tried::new();
    let db = Connection::open(&tried.base).unwrap();
    let span = "SELECT started_us, ifnull(stopped_us, seen_us) FROM run WHERE id = 1";
    let span = db.query_row(span, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (from_us, to_us): (i64, i64) = span.unwrap();
    drop(db);
    let (mut turn, mut clipped) = (0, 0);
    tried.each(2, |made, what| {
        turn += 1;
        // Each clip is made durable, which takes a while.
        if turn % rounds(7, 1) != 0 {
            return;
        }
        let sessions = Sessions::new(made.sessions());
        let wanted = ClipWanted {
            from_us: from_us + (to_us - from_us) / 3,
            to_us,
            stream: None,
        };
        match clip(&made.session(), &sessions, "clip", &wanted) {
            Ok(done) => {
                clipped += 1;
                fs::remove_dir_all(done.folder).unwrap();
            }
            Err(_) => assert!(!made.sessions().join("clip").exists(), "{what}"),
        }
    });
    assert!(clipped > 0);
}

/// Begins another run that keeps nothing of those before; why not, or why it could not go on.
fn goes_on(made: &Made) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let begun = Writer::resume(&made.session(), Clock::start(), "test");
        let (writer, failure) = match begun {
            Ok(begun) => begun,
            Err(error) => return Some(error.to_string()),
        };
        let keep = Keep {
            time: Some(Duration::from_millis(1)),
            bytes: Some(1),
            held: None,
        };
        writer.keep(keep).await;
        let _ = writer.stream("other", "http://h.example/other.m3u8").await;
        match writer.finish("stopped").await {
            Ok(_) => None,
            Err(WriterError::Gone) => Some(failure.await.unwrap().to_string()),
            Err(error) => Some(error.to_string()),
        }
    })
}

/// What ends the writer is told, not that it has gone.
#[test]
fn who_waits_for_a_writer_that_ends_hears_why() {
    let made = a_session(Life::Resumed);
    let base = made.sessions().join("base.db");
    let db = loosened(&made, &base);
    db.execute_batch("UPDATE main.exchange SET requested_us = 'x'")
        .unwrap();
    tightened(&db);
    drop(db);
    fs::copy(&base, made.file("session.db")).unwrap();
    fs::remove_file(made.file("session.sum")).unwrap();
    let (program, arguments) = PROGRAMS[3];
    let keeping: Vec<&str> = arguments[..arguments.len() - 1]
        .iter()
        .copied()
        .chain(["20s", "--keep", "1ms"])
        .collect();
    let (code, said) = ends(program, made.sessions(), &keeping);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no such value as belongs there"), "{said}");
    assert!(said.contains("issession check SESSION"), "{said}");
    assert!(!said.contains("no longer being written"), "{said}");
}

/// SQLite adds sizes up, and stops at what no number can say.
#[test]
fn sizes_that_no_sum_can_have_hinder_nothing_that_is_kept_by_bytes() {
    let made = a_session(Life::Resumed);
    made.alter("UPDATE body SET size = 9223372036854775807");
    assert_eq!(goes_on(&made), None);
}

#[test]
fn where_no_number_is_left_a_session_is_not_gone_on_with() {
    let last = i64::MAX;
    for (sql, place) in [
        (
            format!("UPDATE exchange SET id = {last} WHERE id = 3"),
            "exchange",
        ),
        (
            format!("UPDATE event SET id = {last} WHERE id = (SELECT max(id) FROM event)"),
            "event",
        ),
        (format!("UPDATE body SET id = {last} WHERE id = 2"), "body"),
        (
            format!("INSERT INTO line VALUES (1, {last}, 'x')"),
            "line of resource 1",
        ),
    ] {
        let made = a_session(Life::Resumed);
        made.alter(&sql);
        let said = goes_on(&made).unwrap_or_default();
        assert!(
            said.contains(place) && said.contains("nothing can come behind"),
            "{sql}: {said}"
        );
        let report = check(&made.session(), false);
        let is_told =
            |what: &str| what.starts_with(place) && what.contains("nothing can come behind");
        assert!(
            report.problems.iter().any(|f| is_told(&f.what)),
            "{report:?}"
        );
    }
}
