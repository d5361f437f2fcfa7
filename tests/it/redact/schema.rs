//! Each column of text or bytes of each table, as the schema of a new session has them: one that is added to it
//! is tried here, too.

use std::path::Path;
use std::process::Output;

use isrecorder::session::digest;
use rusqlite::Connection;
use tempfile::TempDir;

use super::pen::write;
use super::{found, issession, said};

/// Told by its look.
const CHANCE: &str = "Tw5Rk9Lq2Zx8Bn4Hv7Jd3Ms6";
/// Told by a cookie and by the name before it in an event: one of them is left, whichever is overwritten.
const TOLD: &str = "open-sesame-42";

/// Rows to which no other refers, of each table.
const ALONE: &str = "
    INSERT INTO stream (name, url) VALUES ('alone', 'http://origin.example/alone.m3u8');
    INSERT INTO resource (stream_id, kind, url, path_url, name)
      VALUES (1, 'data', 'http://origin.example/alone', 'http://origin.example/alone', 'alone');
    INSERT INTO alias SELECT 'http://origin.example/other', max(id) FROM resource;
    INSERT INTO header_set (fields) VALUES ('[[\"x-alone\",\"1\"]]');
    INSERT INTO body (size, sha256, text) VALUES (5, zeroblob(32), 'alone');
    INSERT INTO body (size, sha256, data) VALUES (3, zeroblob(32), x'ff00fe');
    INSERT INTO body (size, sha256, text, first_line, last_line, tail, line_owner)
      SELECT 8, zeroblob(32), 'a', 9000, 9000, 'a', max(id) FROM resource;
    INSERT INTO line SELECT max(id), 9000, 'a line' FROM resource;
    INSERT INTO line SELECT max(id), 9001, 'alone' FROM resource;
    INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', 'alone');
    INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', 'password=open-sesame-42');
    INSERT INTO url_spelling VALUES ('http://origin.example/Alone', 'http://origin.example/alone');
    INSERT INTO query_names VALUES ('http://origin.example', 'alone=');
    INSERT OR IGNORE INTO placement SELECT exchange_id, 0, 'first', 0, 'first' FROM revision;
    UPDATE placement SET corrected_place = 0, corrected_step = 'first';";

/// Not by their look: hashes. And the list of what is refused: words of which there are a few only, and a coding that
/// nobody knows.
const HASH: (&str, &str) = ("body", "sha256");
const REFUSED: [(&str, &str); 7] = [
    ("body", "coding"),
    ("event", "kind"),
    ("exchange", "outcome"),
    ("exchange", "own_reason"),
    ("placement", "corrected_step"),
    ("placement", "step"),
    ("resource", "kind"),
];

fn session() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        let url = |path: &str| format!("http://origin.example/{path}");
        let lines: String = (0..80)
            .map(|n| format!("#EXTINF:1,\nseg-{n:05}.ts\n"))
            .collect();
        pen.text(&url("live.m3u8"), format!("#EXTM3U\n{lines}").as_bytes());
        let cookie = format!("a={TOLD}; Path=/").into_bytes();
        pen.fields.push(("set-cookie".to_owned(), cookie));
        pen.text(&url("page"), b"a page");
        for n in 0..3 {
            pen.fields.push(("x-changes".to_owned(), vec![b'a' + n]));
            pen.chunk(&url(&format!("seg{n}.ts")), &[0, n]);
        }
    });
    let db = Connection::open(database(folder.path(), "session1")).unwrap();
    db.execute_batch(ALONE).unwrap();
    let data = super::compressed::gzip(b"more");
    let coded = "INSERT INTO body (size, sha256, data, coding) VALUES (4, ?2, ?1, 'gzip')";
    db.execute(coded, (data, digest(b"more").to_vec())).unwrap();
    settle(&db);
    std::fs::remove_file(folder.path().join("sessions/session1/session.sum")).unwrap();
    folder
}

fn database(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join("sessions").join(name).join("session.db")
}

/// Tables, columns, and whether these have bytes.
fn columns(folder: &Path) -> Vec<(String, String, bool)> {
    let db = Connection::open(database(folder, "session1")).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = db.prepare(tables).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut all = Vec::new();
    for table in tables.map(Result::unwrap) {
        db.pragma(None, "table_info", &table, |row| {
            let kind: String = row.get("type")?;
            if kind != "INTEGER" {
                all.push((table.clone(), row.get("name")?, kind == "BLOB"));
            }
            Ok(())
        })
        .unwrap();
    }
    all
}

/// Puts a secret into all values of a column, whatever the schema says of them.
fn plant(folder: &Path, (table, column, is_bytes): &(String, String, bool), secret: &str) {
    let db = Connection::open(database(folder, "session1")).unwrap();
    db.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    let value = match (table.as_str(), column.as_str()) {
        ("body", "sha256") => format!("substr('{secret}' || hex({column}), 1, 32)"),
        // The bytes of these are not text, or they are a key.
        ("body", "data") => format!("'a {secret} b'"),
        _ => format!(
            "CASE WHEN {column} LIKE 'http%' THEN replace({column}, '.example/', '.example/{secret}/')
                  ELSE '{secret} ' || ifnull({column}, '') END"
        ),
    };
    let value = match is_bytes {
        true => format!("CAST({value} AS BLOB)"),
        false => value,
    };
    let paths = |db: &Connection| -> Vec<String> {
        let sql = "SELECT path FROM body WHERE path IS NOT NULL ORDER BY id";
        let mut statement = db.prepare(sql).unwrap();
        let paths = statement.query_map([], |row| row.get(0)).unwrap();
        paths.map(Result::unwrap).collect()
    };
    let old = paths(&db);
    let update = format!("UPDATE {table} SET {column} = {value}");
    let not_coded = "coding IS NULL AND";
    let only = match (table.as_str(), column.as_str()) {
        ("body", "data") => not_coded,
        _ => "",
    };
    let changed = db
        .execute(&format!("{update} WHERE {only} {column} IS NOT NULL"), [])
        .unwrap();
    if changed == 0 {
        assert!(db.execute(&update, []).unwrap() > 0, "{table}.{column}");
    }
    if (table.as_str(), column.as_str()) != HASH {
        settle(&db);
    }
    let chunks = folder.join("sessions/session1/chunks");
    for (old, new) in old.iter().zip(paths(&db)).filter(|(old, new)| *old != new) {
        let new = chunks.join(new);
        std::fs::create_dir_all(new.parent().unwrap()).unwrap();
        std::fs::rename(chunks.join(old), new).unwrap();
    }
}

/// Sizes and hashes of the bodies in a database are those of what is there.
fn settle(db: &Connection) {
    let sql = "SELECT b.id, CAST(ifnull(t.text, b.data) AS BLOB) FROM body b JOIN body_text t ON t.id = b.id
                WHERE b.path IS NULL AND b.coding IS NULL";
    let mut statement = db.prepare(sql).unwrap();
    let bodies = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let bodies: Vec<(i64, Vec<u8>)> = bodies.unwrap().map(Result::unwrap).collect();
    for (id, content) in bodies {
        let (size, sha256) = (content.len() as i64, digest(&content).to_vec());
        let sql = "UPDATE body SET size = ?2, sha256 = ?3 WHERE id = ?1";
        db.execute(sql, (id, size, sha256)).unwrap();
    }
}

fn redact(folder: &Path) -> Output {
    issession(folder, &["redact", "session1", "new"])
}

/// Whether there is a copy; nothing is left in it.
fn is_copied(folder: &Path, column: &(String, String, bool), secret: &str) -> bool {
    let output = redact(folder);
    let said = said(&output);
    let new = folder.join("sessions/new");
    if output.status.code() == Some(1) {
        assert!(!new.exists(), "{column:?}");
        return false;
    }
    assert!(output.status.success(), "{column:?}: {said}");
    assert!(!said.contains(secret), "{column:?}: {said}");
    let left = found(&new, &[secret]);
    assert!(left.is_empty(), "{column:?}: {left:?}");
    true
}

#[test]
fn a_secret_in_any_column_of_the_schema_is_not_in_the_copy() {
    let whole = session();
    let output = redact(whole.path());
    assert!(output.status.success(), "{}", said(&output));
    let all = columns(whole.path());
    assert!(all.len() > 30, "{all:?}");
    let mut refused = Vec::new();
    for column in &all {
        let name = (column.0.as_str(), column.1.as_str());
        for secret in [CHANCE, TOLD] {
            if (name, secret) == (HASH, CHANCE) {
                continue;
            }
            let folder = session();
            plant(folder.path(), column, secret);
            if !is_copied(folder.path(), column, secret) {
                refused.push(name);
            }
        }
    }
    refused.sort_unstable();
    refused.dedup();
    let mut expected = REFUSED.to_vec();
    expected.push(HASH);
    expected.sort_unstable();
    assert_eq!(refused, expected);
}
