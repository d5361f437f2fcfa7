//! Rows that no recorder writes: whatever a column holds, nothing of it is the origin's fault, and what is left of the session is
//! shown.

use std::path::Path;
use std::process::Command;

use isrecorder::session::{Reader, Sessions};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use super::clean;
use crate::replay::Replayer;

/// What a column of any type may be found to hold.
const VALUES: [&str; 8] = [
    "NULL",
    "'text'",
    "x'ff00fe'",
    "1.5e308",
    "9223372036854775807",
    "(-9223372036854775807 - 1)",
    "0",
    "-1",
];
/// Tables whose rows tell what an origin did, and when.
const TABLES: [&str; 6] = [
    "exchange",
    "revision",
    "placement",
    "body",
    "header_set",
    "event",
];

/// Modes of adjacent-find: their number divides that of the values by no whole number, so that each meets each.
const MODES: [&[&str]; 3] = [&[], &["--parts"], &["--faults"]];

/// The clean recording, in which the recorder once stood still.
fn recording() -> TempDir {
    let folder = TempDir::new().unwrap();
    clean().write(&folder);
    let db = Connection::open(folder.path().join("s/session.db")).unwrap();
    db.execute(
        "INSERT INTO event (at_us, length_us, kind, detail) SELECT started_us + 5000000, 1000, 'stalled', '' FROM run",
        [],
    )
    .unwrap();
    folder
}

/// A copy of a recording with rows changed, of which SQLite would have refused some.
fn changed(recording: &TempDir, sql: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let (from, to) = (recording.path().join("s"), folder.path().join("s"));
    let copied = Command::new("cp").arg("-r").arg(from).arg(&to).status();
    assert!(copied.unwrap().success());
    let open = || {
        let db = Connection::open(to.join("session.db")).unwrap();
        let settings = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON";
        db.execute_batch(settings).unwrap();
        db
    };
    let db = open();
    db.execute_batch(
        "CREATE TABLE before AS SELECT name, sql FROM sqlite_schema WHERE type = 'table';
         UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(sql, 'INTEGER NOT NULL', 'INTEGER'),
             'TEXT NOT NULL', 'TEXT'), 'BLOB NOT NULL', 'BLOB'), ') STRICT', ')'), 'CHECK (', 'CHECK (1 OR ')
          WHERE type = 'table' AND sql NOT LIKE '%WITHOUT ROWID%'",
    )
    .unwrap();
    let version: i64 = db
        .query_row("PRAGMA schema_version", [], |row| row.get(0))
        .unwrap();
    drop(db);
    let db = open();
    db.execute_batch(sql).unwrap();
    db.execute_batch(&format!(
        "UPDATE sqlite_schema SET sql = (SELECT b.sql FROM before b WHERE b.name = sqlite_schema.name)
          WHERE type = 'table' AND name IN (SELECT name FROM before);
         DROP TABLE before; PRAGMA schema_version = {}",
        version + 9
    ))
    .unwrap();
    folder
}

/// The columns of a table but for its number.
fn columns(recording: &TempDir, table: &str) -> Vec<String> {
    let db = Connection::open(recording.path().join("s/session.db")).unwrap();
    let mut statement = db
        .prepare("SELECT name FROM pragma_table_info(?1) WHERE pk = 0")
        .unwrap();
    let names = statement.query_map([table], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn is_seen(folder: &TempDir) -> bool {
    let found = Sessions::new(folder.path()).find("s").unwrap();
    let reader = Reader::open(&found).unwrap();
    reader.damage().unwrap().rows > 0
}

/// The rules that are told, and what is not judged.
fn told(folder: &TempDir, more: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut report = Command::new(env!("CARGO_BIN_EXE_isreport"));
    report.args(["--format", "json", "--severity", "info"]);
    let output = report
        .args(more)
        .arg(folder.path().join("s"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = |key: &str| {
        let values = lines.iter().filter_map(|line| line[key].as_str());
        values.map(str::to_owned).collect()
    };
    (all("rule"), all("not_judged"))
}

/// What adjacent-find tells in a mode, and what it says beside that.
fn found(folder: &TempDir, mode: &[&str]) -> (String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_adjacent-find"));
    let output = program
        .args(mode)
        .arg("--json")
        .arg(folder.path().join("s"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

#[test]
fn each_column_may_hold_anything_and_nothing_is_told_of_the_origin() {
    let recording = recording();
    assert_eq!(told(&recording, &[]).0, [""; 0]);
    assert!(!is_seen(&recording), "a recorder wrote it");
    for mode in MODES {
        assert_eq!(found(&recording, mode).0, "", "{mode:?}");
    }
    let mut runs = 0;
    for table in TABLES {
        let columns = columns(&recording, table);
        for value in VALUES {
            // A row each.
            let all = columns.iter().enumerate();
            let changes = all.map(|(n, column)| {
                format!(
                    "UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT rowid FROM {table} ORDER BY rowid
                        LIMIT 1 OFFSET (SELECT {n} * 7 % count(*) FROM {table}));"
                )
            });
            let damaged = changed(&recording, &changes.collect::<String>());
            assert!(is_seen(&damaged), "{table} {value}");
            let (rules, not_judged) = told(&damaged, &["--rules=-M*"]);
            assert_eq!(rules, [""; 0], "{table} {value}");
            assert!(
                not_judged.iter().any(|what| what.contains(" row")),
                "{table} {value}: {not_judged:?}"
            );
            let mode = MODES[runs % MODES.len()];
            runs += 1;
            let (told, said) = found(&damaged, mode);
            assert_eq!(told, "", "{table} {value} {mode:?}");
            let is_said = said.contains("Not judged: ")
                && said.contains("no recorder writes such rows: the session is damaged");
            assert!(is_said, "{table} {value} {mode:?}: {said}");
        }
    }
}

/// What may be so is no damage: then it is judged, and nothing is wrong with it.
#[test]
fn what_is_not_seen_to_be_damaged_is_no_fault_either() {
    let recording = recording();
    let mut unseen = 0;
    for table in TABLES {
        for column in columns(&recording, table) {
            for value in ["NULL", "0"] {
                let change = format!(
                    "UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT max(rowid) / 2 FROM {table})"
                );
                let damaged = changed(&recording, &change);
                if is_seen(&damaged) {
                    continue;
                }
                unseen += 1;
                let (rules, _) = told(&damaged, &["--rules=-M*"]);
                assert_eq!(rules, [""; 0], "{table} {column} {value}");
            }
        }
    }
    assert!(unseen > 5, "{unseen}");
}

#[test]
fn damage_is_of_its_time() {
    let recording = recording();
    let damaged = changed(
        &recording,
        "UPDATE exchange SET requested_us = NULL WHERE id = 1",
    );
    let found = Sessions::new(damaged.path()).find("s").unwrap();
    let reader = Reader::open(&found).unwrap();
    let zero_us = reader.runs().unwrap()[0].started_us;
    let damage = reader.damage().unwrap();
    let [(_, until_us)] = damage.spans() else {
        panic!("{damage:?}");
    };
    let lasts_us = until_us - zero_us;
    assert!((30_000_000..32_000_000).contains(&lasts_us), "{damage:?}");
    assert!(damage.has(1) && !damage.has(2));
}

#[test]
fn the_page_shows_the_rest_and_says_which_rows_are_damaged() {
    let recording = recording();
    for (table, column) in [
        ("exchange", "requested_us"),
        ("exchange", "status"),
        ("exchange", "outcome"),
        ("revision", "seen_us"),
        ("resource", "url"),
        ("body", "sha256"),
    ] {
        for value in ["NULL", "'text'", "x'ff00fe'", "-9223372036854775807"] {
            let change =
                format!("UPDATE OR IGNORE {table} SET {column} = {value} WHERE rowid % 3 = 0");
            let damaged = changed(&recording, &change);
            assert_shown(damaged.path(), &format!("{table}.{column} = {value}"));
        }
    }
}

fn assert_shown(folder: &Path, what: &str) {
    let replayer = Replayer::start(folder, &["-p", "0", "s"]);
    let mut shown = 0;
    for path in [
        "session",
        "overview",
        "lanes",
        "exchanges",
        "exchanges/3",
        "revisions/3",
        "findings",
    ] {
        let answer = replayer.get(&format!("/-/v1/{path}"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        assert!(matches!(status, "200" | "404"), "{what} {path}: {answer}");
        if path == "exchanges" {
            let table: Value = serde_json::from_str(body).unwrap();
            let rows = table["exchanges"].as_array().unwrap();
            let is_told = |row: &&Value| row["damaged"].is_null();
            shown = rows.iter().filter(is_told).count();
            let is_of_exchange = what.starts_with("exchange") && !what.contains("status = NULL");
            assert!(!is_of_exchange || shown < rows.len(), "{what}: {body}");
        }
    }
    assert!(shown > 10, "{what}: {shown}");
}
