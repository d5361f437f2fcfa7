//! Altered sessions.

use super::*;
use crate::session::format::SCHEMA;

/// A database of a version, with more done to it.
fn database(version: i32, sql: &str) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(format::schema_of(version).unwrap())
        .unwrap();
    db.pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    db.pragma_update(None, "user_version", version).unwrap();
    db.execute_batch(sql).unwrap();
    db.pragma_update(None, "writable_schema", "RESET").unwrap();
    db
}

/// What is wrong with it.
fn wrong(sql: &str) -> Option<String> {
    match check(&database(FORMAT_VERSION, sql), "d") {
        Ok(_) => None,
        Err(Ok(error)) => Some(
            error
                .to_string()
                .split_once("program: ")
                .unwrap()
                .1
                .to_owned(),
        ),
        Err(Err(error)) => Some(error.to_string()),
    }
}

/// The text of an entry with another one in place of a part of it.
fn forged(name: &str, part: &str, other: &str) -> String {
    assert!(SCHEMA.contains(part), "{part}");
    let quoted = |text: &str| text.replace('\'', "''");
    format!(
        "PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = replace(sql, '{}', '{}') WHERE name = '{name}'",
        quoted(part),
        quoted(other)
    )
}

#[test]
fn what_is_a_users_own_is_no_alteration() {
    assert_eq!(wrong(""), None);
    for own in [
        "CREATE TABLE mine (a UNIQUE, b AS (hex(a))); CREATE INDEX of_mine ON mine(b); CREATE VIEW faults AS SELECT 1",
        "CREATE TABLE counted (a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO run VALUES (1, 1, 1, 1, 'stopped', 'p'); ANALYZE",
    ] {
        assert_eq!(wrong(own), None, "{own}");
    }
}

#[test]
fn a_comment_or_a_blank_more_is_another_table() {
    let table = "the table \"exchange\" is not as this program makes it";
    let of_exchange = |part, other| wrong(&forged("exchange", part, other));
    for (part, other) in [
        ("'too large',", "'too  large',"),
        ("-- too many", "-- too much"),
        ("'too large',", "'too large', 'x --',"),
        (
            "'short', 'long',",
            "'short --')) GENERATED ALWAYS AS (hex(1)) VIRTUAL, x TEXT CHECK (x IN ('\n', 'long',",
        ),
        (
            "from_us       INTEGER NOT NULL",
            "from_us       INTEGER NOT NULL DEFAULT (1)",
        ),
        (
            "from_us       INTEGER NOT NULL",
            "from_us       INT NOT NULL",
        ),
        (
            "wait_us       INTEGER",
            "wait_us       INTEGER CHECK (hex(1))",
        ),
    ] {
        assert_eq!(of_exchange(part, other).as_deref(), Some(table), "{other}");
    }
    let index = forged("exchange_answer", "from_us)", "from_us COLLATE NOCASE)");
    assert!(wrong(&index).unwrap().contains("exchange_answer"));
    let without = forged("body_sha256", " WHERE text IS NULL", "");
    assert!(wrong(&without).unwrap().contains("body_sha256"));
}

#[test]
fn what_is_missing_or_in_the_place_of_another_is_named() {
    let is_told = |sql: &str, what: &str| {
        let told = wrong(sql).unwrap();
        assert!(told.starts_with(what), "{told}");
    };
    is_told("DROP VIEW keys", "the view \"keys\" is missing");
    is_told("DROP INDEX body_path", "the index \"body_path\" is missing");
    is_told(
        "DROP TABLE line; CREATE VIEW line AS SELECT 1 resource_id, 1 number, 'x' text",
        "the view \"line\" is not",
    );
    is_told(
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END",
        "it has a trigger, \"t\"; `issession repair SESSION` drops it",
    );
    is_told(
        "CREATE VIEW v AS SELECT 1; CREATE TRIGGER keys2 INSTEAD OF INSERT ON keys BEGIN SELECT 1; END",
        "it has a trigger, \"keys2\"",
    );
    is_told(
        "CREATE INDEX own ON exchange(hex(status))",
        "it has an index \"own\" on the table \"exchange\"",
    );
}

#[test]
fn an_index_is_found_whatever_table_its_entry_names() {
    let mine = "CREATE TABLE mine (a); CREATE INDEX of_mine ON mine(a); PRAGMA writable_schema=ON;";
    for table in ["run", "exchange", "sqlite_schema", "sqlite_master"] {
        let sql = format!(
            "{mine} UPDATE sqlite_schema SET sql = 'CREATE INDEX of_mine ON {table}(rootpage)' WHERE name = 'of_mine'"
        );
        let sql = match table {
            "run" | "exchange" => sql.replace("rootpage", "hex(id)"),
            _ => sql,
        };
        assert!(wrong(&sql).is_some(), "{table}");
    }
}

#[test]
fn the_version_is_that_of_the_tables() {
    for of_tables in 1..=FORMAT_VERSION {
        for marked in 1..=FORMAT_VERSION {
            let db = database(of_tables, "");
            db.pragma_update(None, "user_version", marked).unwrap();
            let found = check(&db, "d").unwrap();
            let wanted = (of_tables, of_tables == marked);
            assert_eq!((found.version, found.is_marked), wanted);
        }
        for never in [0, -1, FORMAT_VERSION + 1] {
            let db = database(of_tables, "");
            db.pragma_update(None, "user_version", never).unwrap();
            assert!(check(&db, "d").is_err(), "{never}");
        }
    }
}

#[test]
fn texts_that_are_not_in_utf_8_are_refused() {
    let db = Connection::open_in_memory().unwrap();
    db.pragma_update(None, "encoding", "UTF-16le").unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db.pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    db.pragma_update(None, "user_version", FORMAT_VERSION)
        .unwrap();
    let told = check(&db, "d").unwrap_err().unwrap().to_string();
    assert!(
        told.ends_with("its texts are in UTF-16le, not in UTF-8"),
        "{told}"
    );
}

#[test]
fn only_what_can_be_dropped_alone_is_dropped() {
    let added = "CREATE TRIGGER \"a b\" AFTER INSERT ON run BEGIN DELETE FROM event; END;
                 CREATE INDEX own ON exchange(status);";
    let db = database(FORMAT_VERSION, added);
    let removable = removable(&db, "d").unwrap().unwrap();
    for (statement, _) in &removable {
        db.execute_batch(statement).unwrap();
    }
    assert_eq!(removable.len(), 2);
    assert!(check(&db, "d").is_ok());
    let more = format!("{added} DROP VIEW keys");
    let db = database(FORMAT_VERSION, &more);
    assert_eq!(super::removable(&db, "d").unwrap(), None);
    assert_eq!(
        super::removable(&database(FORMAT_VERSION, ""), "d").unwrap(),
        None
    );
}
