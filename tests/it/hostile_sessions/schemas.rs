//! Schemas that are almost ours: each is refused in words that name what differs, or is a user's own and left alone.
//! Whatever such a schema would have SQLite compute takes hours: who ends has not computed it.

use std::fs;

use rusqlite::Connection;

use super::{PROGRAMS, a_session, ends, point_all, refused};
use crate::support::made::{Life, Made, Questions};

/// One step of SQLite's machine that takes hours.
const HOURS: &str = "instr(zeroblob(60000000), zeroblob(30000000) || x'01')";

pub(super) const REDACT: (&str, &[&str]) = (
    env!("CARGO_BIN_EXE_issession"),
    &["-f", ".", "redact", "s", "copy"],
);
pub(super) const REPAIR: (&str, &[&str]) =
    (env!("CARGO_BIN_EXE_issession"), &["-f", ".", "repair", "s"]);

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The text of an entry with something else in the place of a part of it.
fn forged(name: &str, part: &str, other: &str) -> String {
    format!(
        "PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = replace(sql, {}, {}) WHERE name = '{name}'",
        quoted(part),
        quoted(other)
    )
}

/// All programs refuse it and name what differs; nothing of it was changed.
#[track_caller]
fn refused_for(sql: &str, words: &str) {
    let made = a_session(Life::Stopped);
    made.alter(sql);
    let before = fs::read(made.file("session.db")).unwrap();
    refused(&made, sql);
    for (program, arguments) in [
        PROGRAMS[0],
        PROGRAMS[1],
        PROGRAMS[3],
        PROGRAMS[4],
        REDACT,
        REPAIR,
    ] {
        let (code, said) = ends(program, made.sessions(), arguments);
        assert_eq!(code, 1, "{sql}: {arguments:?}: {said}");
        assert!(said.contains(words), "{sql}: {arguments:?}: {said}");
    }
    assert!(
        before == fs::read(made.file("session.db")).unwrap(),
        "{sql}"
    );
}

#[test]
fn a_table_that_computes_is_no_table_of_ours() {
    let in_a_string = format!(
        "'session --')) GENERATED ALWAYS AS ({HOURS}) VIRTUAL, more TEXT CHECK (more IN (\n'key',"
    );
    for (name, part, other) in [
        ("resource", "'key',", in_a_string.as_str()),
        (
            "event",
            "detail    TEXT NOT NULL",
            "detail    TEXT NOT NULL DEFAULT (hex(randomblob(9)))",
        ),
        (
            "run",
            "program     TEXT NOT NULL",
            "program     TEXT NOT NULL CHECK (program <> hex(id))",
        ),
        (
            "alias",
            "url          TEXT NOT NULL",
            "url          TEXT NOT NULL COLLATE NOCASE",
        ),
        ("body", "-- bytes", "-- octets"),
    ] {
        refused_for(
            &forged(name, part, other),
            &format!("the table \"{name}\" is not as this program makes it"),
        );
    }
    let computed = forged(
        "revision_playlist",
        "seen_us",
        &format!("seen_us, ({HOURS})"),
    );
    refused_for(&computed, "the index \"revision_playlist\" is not as");
    let endless = "DROP VIEW segments; CREATE VIEW segments AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    refused_for(endless, "the view \"segments\" is not as");
}

#[test]
fn entries_that_say_something_else_than_they_make_are_refused() {
    // SQLite says so by itself.
    let other = "CREATE TABLE mine (a); PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET sql = 'CREATE TABLE other(a)' WHERE name = 'mine'";
    refused_for(other, "malformed database schema (mine)");
    // A trigger, as a view.
    let trigger = "CREATE VIEW quiet AS SELECT 1; PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET sql = 'CREATE TRIGGER quiet AFTER INSERT ON run BEGIN DELETE FROM exchange; END'
         WHERE name = 'quiet'";
    refused_for(trigger, "malformed database schema (quiet)");
    // What is kept beside the schema itself would be believed in its place.
    let of_schema = "CREATE TABLE mine (a); CREATE INDEX aside ON mine(a); PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET sql = 'CREATE INDEX aside ON sqlite_schema(type, name, tbl_name, rootpage, sql)'
         WHERE name = 'aside'";
    refused_for(of_schema, "malformed database schema (aside)");
    let pages = "CREATE TABLE mine (a); PRAGMA writable_schema=ON;
        UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'exchange')
         WHERE name = 'mine'";
    refused_for(
        pages,
        "the rows of \"mine\" are on a page of something else",
    );
}

/// SQLite reads statistics before anything else can be asked.
#[test]
fn statistics_that_compute_are_not_waited_for() {
    // What fits into a value while a schema is loaded takes long by its number only.
    let long = "instr(zeroblob(30000), zeroblob(15000) || idx)";
    for computed in [HOURS, long] {
        let made = a_session(Life::Stopped);
        let sql = format!("CREATE TABLE sqlite_stat1(tbl, idx, stat AS ({computed}))");
        let sql = quoted(&sql);
        made.alter(&format!(
            "ANALYZE;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO sqlite_stat1 SELECT 'exchange', 'i' || i, '1' FROM n;
             PRAGMA writable_schema=ON;
             UPDATE sqlite_schema SET sql = {sql} WHERE name = 'sqlite_stat1'"
        ));
        refused(&made, computed);
    }
}

#[test]
fn a_schema_of_a_hundred_thousand_tables_is_not_read_to_its_end() {
    let made = a_session(Life::Stopped);
    made.alter(
        "CREATE TABLE mine (a); PRAGMA writable_schema=ON;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO sqlite_schema SELECT 'table', 't' || i, 't' || i,
           (SELECT rootpage FROM sqlite_schema WHERE name = 'mine'), 'CREATE TABLE t' || i || '(a)' FROM n",
    );
    refused(&made, "many tables");
    let (_, said) = ends(PROGRAMS[0].0, made.sessions(), PROGRAMS[0].1);
    assert!(said.contains("too many schema objects"), "{said}");
}

#[test]
fn texts_in_utf_16_are_refused() {
    let made = a_session(Life::Stopped);
    let schema: Vec<String> = {
        let db = Connection::open(made.file("session.db")).unwrap();
        let mut all = db
            .prepare(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'view', rowid",
            )
            .unwrap();
        let all = all.query_map([], |row| row.get(0)).unwrap();
        all.map(Result::unwrap).collect()
    };
    for beside in ["session.db", "session.sum"] {
        fs::remove_file(made.file(beside)).unwrap();
    }
    made.alter(&format!(
        "PRAGMA encoding='UTF-16le'; PRAGMA application_id={}; PRAGMA user_version=2; {}",
        0x6973_7263,
        schema.join(";")
    ));
    refused(&made, "UTF-16");
    let (_, said) = ends(PROGRAMS[0].0, made.sessions(), PROGRAMS[0].1);
    assert!(said.contains("its texts are in UTF-16le"), "{said}");
}

/// A trigger, and indexes that take hours for each row.
const ADDED: &str = "
    CREATE TRIGGER \"in order\" AFTER INSERT ON run BEGIN DELETE FROM exchange; END;
    CREATE TRIGGER into_view INSTEAD OF INSERT ON keys BEGIN DELETE FROM exchange; END;
    CREATE INDEX by_start ON run(started_us + 1);
    CREATE INDEX by_url ON resource(url) WHERE kind = 'segment';
    PRAGMA writable_schema=ON;";

fn added() -> String {
    let slow = |name: &str, part: &str, other: &str| {
        format!(
            "UPDATE sqlite_schema SET sql = replace(sql, '{part}', {}) WHERE name = '{name}';",
            quoted(other)
        )
    };
    let by_start = slow("by_start", "+ 1", &format!("+ {HOURS}"));
    let by_url = slow("by_url", "= ''segment''", &format!("= {HOURS}"));
    format!("{ADDED}{by_start}{by_url}")
}

#[test]
fn what_somebody_added_is_refused_and_a_repair_drops_it_without_running_it() {
    for life in [Life::Stopped, Life::Resumed] {
        let made = a_session(life);
        if life == Life::Resumed {
            made.alter("UPDATE run SET stopped_us = NULL, ended = NULL WHERE id = 2");
        }
        let runs: i64 = made.one("SELECT count(*) FROM run");
        let exchanges: i64 = made.one("SELECT count(*) FROM exchange");
        made.alter(&added());
        refused(&made, "triggers and indexes");
        let (_, said) = ends(PROGRAMS[1].0, made.sessions(), PROGRAMS[1].1);
        assert!(
            said.contains("it has a trigger, \"in order\", and 3 more"),
            "{said}"
        );
        assert!(said.contains("issession repair SESSION"), "{said}");
        let (code, said) = ends(REPAIR.0, made.sessions(), REPAIR.1);
        assert_eq!(code, 0, "{said}");
        for dropped in [
            "\"in order\"",
            "\"into_view\"",
            "\"by_start\" on the table \"run\"",
            "\"by_url\"",
        ] {
            assert!(said.contains(dropped), "{said}");
        }
        let _ = ends(PROGRAMS[3].0, made.sessions(), PROGRAMS[3].1);
        assert_eq!(made.one::<i64>("SELECT count(*) FROM run"), runs + 1);
        assert!(made.one::<i64>("SELECT count(*) FROM exchange") >= exchanges);
        let (code, said) = ends(PROGRAMS[1].0, made.sessions(), PROGRAMS[1].1);
        assert_eq!(code, 0, "{said}");
    }
}

#[test]
fn a_users_own_tables_are_never_asked_and_stay() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    let before = questions.answers(&made.session());
    // Where references are enforced, `waits` fails each statement that takes rows out of `pending`.
    made.alter(
        "CREATE TABLE notes (
           id INTEGER PRIMARY KEY AUTOINCREMENT,
           exchange_id INTEGER REFERENCES exchange(id) ON DELETE CASCADE,
           of_it AS (1) NOT NULL,
           CHECK (of_it > 0));
         CREATE INDEX of_notes ON notes(id + 1);
         CREATE TABLE waits (from_us INTEGER REFERENCES pending(from_us));
         INSERT INTO notes (exchange_id) SELECT id FROM exchange;
         CREATE VIRTUAL TABLE words USING fts5(word);
         CREATE VIEW late AS SELECT 1 AS ms;",
    );
    let slow = |part: &str, other: &str, name: &str| made.alter(&forged(name, part, other));
    slow("AS (1)", &format!("AS ({HOURS})"), "notes");
    slow("+ 1", &format!("+ {HOURS}"), "of_notes");
    slow("AS SELECT 1", &format!("AS SELECT {HOURS}"), "late");
    slow("fts5(word)", "nobody(word)", "words");
    let (code, said) = ends(PROGRAMS[1].0, made.sessions(), PROGRAMS[1].1);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("none of this program's are not looked at"),
        "{said}"
    );
    for (program, arguments) in [PROGRAMS[0], PROGRAMS[2], REDACT, REPAIR] {
        let (code, said) = ends(program, made.sessions(), arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
    }
    let keeping: Vec<&str> = PROGRAMS[3]
        .1
        .iter()
        .copied()
        .chain(["--keep", "1ms"])
        .collect();
    let _ = ends(PROGRAMS[3].0, made.sessions(), &keeping);
    assert_eq!(made.one::<i64>("SELECT count(*) FROM run"), 2);
    let own = "SELECT count(*) FROM sqlite_schema WHERE name IN ('notes', 'of_notes', 'words', 'late', 'waits')";
    assert_eq!(made.one::<i64>(own), 5);
    assert_eq!(questions.answers(&made.session()).len(), before.len());
}

#[test]
fn a_session_is_of_the_version_that_its_tables_are() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    let before = questions.answers(&made.session());
    made.alter("PRAGMA user_version=1");
    assert_eq!(questions.answers(&made.session()), before);
    let (code, said) = ends(PROGRAMS[1].0, made.sessions(), PROGRAMS[1].1);
    assert_eq!(code, 0, "{said}");
    let _ = ends(PROGRAMS[3].0, made.sessions(), PROGRAMS[3].1);
    assert_eq!(made.one::<i64>("SELECT count(*) FROM run"), 2);
    assert_eq!(made.one::<i64>("PRAGMA user_version"), 4);
}

/// As SQLite brings in a journal of changes to several databases, it removes the file that this names.
#[test]
fn a_journal_that_names_a_file_outside_removes_nothing() {
    let made = a_session(Life::Stopped);
    fs::remove_file(made.file("session.sum")).unwrap();
    let canary = made.sessions().join("canary");
    let name = canary.to_str().unwrap().as_bytes();
    let size = fs::metadata(made.file("session.db")).unwrap().len();
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let pages = u32::try_from(size / 4096).unwrap();
    for number in [0, 1, pages, 512, 4096] {
        journal.extend_from_slice(&u32::to_be_bytes(number));
    }
    journal.resize(512, 0);
    let locked = 0x4000_0000 / 4096 + 1;
    journal.extend_from_slice(&u32::to_be_bytes(locked));
    journal.extend_from_slice(name);
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    journal.extend_from_slice(&u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend_from_slice(&sum.to_be_bytes());
    journal.extend_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(made.file("session.db-journal"), journal).unwrap();
    refused(&made, "a journal");
    let (code, said) = ends(REPAIR.0, made.sessions(), REPAIR.1);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("names a file that would be removed"),
        "{said}"
    );
    assert!(canary.exists());
}

/// Counting them is one step for SQLite.
#[test]
fn exchanges_without_end_are_not_counted() {
    let made = a_session(Life::Stopped);
    made.alter(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
         INSERT INTO exchange (id, resource_id, from_us, requested_us, outcome, note)
         SELECT i, 1, from_us, requested_us, 'reset', hex(zeroblob(40)) FROM n, exchange WHERE exchange.id = 1",
    );
    let root: i64 = made.one("SELECT rootpage FROM sqlite_schema WHERE name = 'exchange'");
    let database = made.file("session.db");
    let mut content = fs::read(&database).unwrap();
    let at = (usize::try_from(root).unwrap() - 1) * 4096;
    assert_eq!(content[at], 5, "the root has children");
    let spare = content.len() / 4096 + 1;
    for level in 0..15 {
        let mut inner = content[at..at + 4096].to_vec();
        let next = if level < 14 { spare + level + 1 } else { 0 };
        point_all(&mut inner, u32::try_from(next).unwrap());
        content.extend_from_slice(&inner);
    }
    let mut inner = content[at..at + 4096].to_vec();
    point_all(&mut inner, u32::try_from(spare).unwrap());
    content[at..at + 4096].copy_from_slice(&inner);
    let pages = u32::try_from(content.len() / 4096).unwrap();
    content[28..32].copy_from_slice(&pages.to_be_bytes());
    fs::write(&database, &content).unwrap();
    let keeping: Vec<&str> = PROGRAMS[3]
        .1
        .iter()
        .copied()
        .chain(["--keep", "1h"])
        .collect();
    for (program, arguments) in [
        PROGRAMS[1],
        PROGRAMS[3],
        PROGRAMS[4],
        (PROGRAMS[3].0, &keeping),
    ] {
        let (_, said) = ends(program, made.sessions(), arguments);
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Any change of a text that SQLite keeps is refused, or it is no change.
#[test]
fn by_chance_changed_texts_of_a_schema_are_refused() {
    use crate::support::{Dice, rounds, seed};
    let mut dice = Dice::new(seed());
    let made: Made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    let before = questions.answers(&made.session());
    let whole = fs::read(made.file("session.db")).unwrap();
    for round in 0..rounds(60, 5000) {
        fs::write(made.file("session.db"), &whole).unwrap();
        let db = Connection::open(made.file("session.db")).unwrap();
        let number = dice.below(45);
        let find = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL LIMIT 1 OFFSET ?1";
        let Ok((name, sql)) = db.query_row(find, [number as i64], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        }) else {
            continue;
        };
        let at = dice.below(sql.len() as u64) as usize;
        let piece = ["--", "'", " ", "\n", ")", ",", "1", "/*", ""][dice.below(9) as usize];
        let Some((start, end)) = sql.split_at_checked(at) else {
            continue;
        };
        let skipped = dice.below(2) as usize;
        let other = format!("{start}{piece}{}", end.get(skipped..).unwrap_or_default());
        db.execute_batch("PRAGMA writable_schema=ON").unwrap();
        db.execute(
            "UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1",
            [&name, &other],
        )
        .unwrap();
        drop(db);
        let _ = fs::remove_file(made.file("session.sum"));
        match isrecorder::session::Reader::open(&made.session()) {
            Ok(_) => {
                assert_eq!(sql, other, "round {round}, seed {}: {name}", seed());
                assert_eq!(questions.answers(&made.session()), before);
            }
            Err(error) => {
                assert_ne!(sql, other, "{error}");
            }
        }
    }
}
