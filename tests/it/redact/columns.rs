//! Every place of a session that may have a secret in it, one by one.

use std::collections::BTreeSet;
use std::process::Output;

use rusqlite::Connection;
use tempfile::TempDir;

use super::pen::write;
use super::{TOKEN, found, issession, said};
use crate::support::session::Session;

/// What no text has in it.
const CODED: &[u8] = b"\x00\xff\x01\xfe\x02";

/// A session of which something was changed, as if it had been recorded so; `TOKEN` in `sql` is the token.
fn altered(sql: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        let url = |path: &str| format!("http://origin.example/{path}");
        pen.text(&url(&format!("live.m3u8?t={TOKEN}")), b"#EXTM3U\n");
        for n in 0..4 {
            let echo = format!("{n} {TOKEN}").into_bytes();
            pen.fields.push(("x-echo".to_owned(), echo));
            pen.chunk(&url(&format!("seg{n}.ts")), &[0, n]);
        }
        pen.chunk(&url(&format!("{TOKEN}/x.ts")), CODED);
        pen.text(&url("key"), TOKEN.as_bytes());
        pen.text(&url("coded"), CODED);
    });
    let session = folder.path().join("sessions/session1");
    let db = Connection::open(session.join("session.db")).unwrap();
    db.execute_batch(&sql.replace("TOKEN", TOKEN)).unwrap();
    std::fs::remove_file(session.join("session.sum")).unwrap();
    folder
}

fn redact(folder: &TempDir) -> Output {
    issession(folder.path(), &["redact", "session1", "new"])
}

fn redacted(sql: &str) -> Session {
    let folder = altered(sql);
    let output = redact(&folder);
    assert!(output.status.success(), "{sql}: {}", said(&output));
    Session::open(folder, "new")
}

#[test]
fn a_secret_in_any_column_is_replaced() {
    for sql in [
        "",
        "INSERT INTO alias SELECT 'http://origin.example/a?t=TOKEN', id FROM resource LIMIT 1",
        "INSERT INTO event (at_us, kind, detail) SELECT seen_us, 'refused uri', 'skd://x?t=TOKEN' FROM run",
        "UPDATE exchange SET error = 'http://origin.example/?t=TOKEN' WHERE id = 1",
        "UPDATE stream SET name = 'TOKEN'",
        "UPDATE resource SET kind = 'key' WHERE url LIKE '%/key'",
    ] {
        let new = redacted(sql);
        assert_eq!(found(new.path(), &[TOKEN]), BTreeSet::new(), "{sql}");
        let left_out = "SELECT count(*) FROM exchange WHERE header_values LIKE '%redacted%'";
        assert!(new.number(left_out) > 0, "{sql}");
    }
}

#[test]
fn a_secret_in_a_column_that_nobody_thought_of_is_replaced() {
    let new = redacted("UPDATE exchange SET arrival = '[[0,\"TOKEN\"]]' WHERE id = 1");
    assert_eq!(found(new.path(), &[TOKEN]), BTreeSet::new());
}

/// A body that was lost keeps the hash that it had, whatever that is.
#[test]
fn a_secret_that_is_left_is_found_and_no_copy_is_left() {
    let folder = altered(
        "UPDATE body SET sha256 = CAST('0123456789' || 'TOKEN' AS BLOB) WHERE path LIKE '%seg0.ts';
         INSERT INTO event (at_us, kind, detail)
         SELECT 1, 'lost', json_object('body', id, 'path', path) FROM body WHERE path LIKE '%seg0.ts'",
    );
    let session = folder.path().join("sessions/session1");
    std::fs::remove_file(session.join("chunks/seg0.ts")).unwrap();
    let output = redact(&folder);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("a secret was left in the database"), "{said}");
    assert!(!folder.path().join("sessions/new").exists());
}

#[test]
fn what_is_in_a_content_coding_becomes_zeros() {
    let new = redacted("UPDATE exchange SET body_encoding = 'br'");
    let zeros = vec![0; CODED.len()];
    let in_database = "SELECT b.data FROM body b JOIN exchange e ON e.body_id = b.id
        JOIN resource r ON r.id = e.resource_id WHERE r.url LIKE '%/coded'";
    assert_eq!(new.one::<Vec<u8>>(in_database), zeros);
    let files = new.chunk_files();
    let chunk = files.iter().find(|(path, _)| path.contains("/x.ts"));
    assert_eq!(chunk.unwrap().1, zeros);
}

#[test]
fn a_copy_is_that_of_a_recorder_that_was_stopped() {
    let new = redacted("UPDATE run SET stopped_us = NULL, ended = NULL");
    assert_eq!(new.one::<String>("SELECT ended FROM run"), "killed");
    assert!(new.one::<bool>("SELECT stopped_us = seen_us FROM run"));
    assert!(new.path().join("session.sum").exists());
}

#[test]
fn a_text_that_is_too_large_to_be_searched_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        let large = vec![b'x'; 64 * 1024 * 1024 + 1];
        pen.chunk("http://origin.example/large.vtt", &large);
    });
    let output = redact(&folder);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("large.vtt has 67108865 bytes"), "{said}");
}
