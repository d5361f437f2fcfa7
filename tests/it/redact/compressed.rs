//! Texts that are kept compressed: what is in them is sought and replaced, too.

use std::io::Write;

use rusqlite::Connection;

use super::pen::write;
use super::{TOKEN, copy, found};
use crate::support::session::Session;

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// As if all texts of a session had come compressed, in a coding over a coding, and been kept so.
fn compress(session: &std::path::Path) {
    let db = Connection::open(session.join("session.db")).unwrap();
    let mut statement = db
        .prepare("SELECT id, text FROM body WHERE text IS NOT NULL")
        .unwrap();
    let texts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let texts: Vec<(i64, String)> = texts.unwrap().map(Result::unwrap).collect();
    assert!(!texts.is_empty());
    for (id, text) in texts {
        let sql = "UPDATE body SET text = NULL, data = ?2, coding = 'br, GZIP' WHERE id = ?1";
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
        brotli.write_all(text.as_bytes()).unwrap();
        let coded = gzip(&brotli.into_inner());
        db.execute(sql, (id, coded)).unwrap();
    }
    std::fs::remove_file(session.join("session.sum")).unwrap();
}

#[test]
fn secrets_in_texts_that_are_kept_compressed_are_replaced_wherever_they_stand() {
    const TOLD_INSIDE: &str = "hunter2-of-the-inside";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        let url = |path: &str| format!("http://origin.example/{path}");
        let live = format!("#EXTM3U\n#EXTINF:1,\nseg.ts?token={TOKEN}\n");
        pen.text(&url("live.m3u8"), live.as_bytes());
        let data = format!("{{\"password\": \"{TOLD_INSIDE}\"}}");
        pen.text(&url("data.json"), data.as_bytes());
        // What is a secret there is one in a text of another kind.
        pen.chunk(
            &url("a.vtt"),
            format!("WEBVTT\n\n{TOKEN} {TOLD_INSIDE}\n").as_bytes(),
        );
    });
    compress(&folder.path().join("sessions/session1"));
    let secrets = [TOKEN, TOLD_INSIDE];
    assert_eq!(
        found(&folder.path().join("sessions/session1"), &secrets).len(),
        2
    );
    let (shared, _) = copy(folder.path(), &[]);
    assert_eq!(found(shared.path(), &secrets).len(), 0);
    let text = |url: &str| -> String {
        let id = format!(
            "SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.url LIKE '%/{url}'"
        );
        String::from_utf8(shared.body(shared.number(&id))).unwrap()
    };
    let live = text("live.m3u8");
    assert!(
        live.starts_with("#EXTM3U\n#EXTINF:1,\nseg.ts?token=redacted"),
        "{live}"
    );
    let pseudonym = live.split("token=").nth(1).unwrap().trim_end();
    assert!(text("a.vtt").contains(pseudonym));
    let data = text("data.json");
    assert!(
        data.starts_with("{\"password\": \"") && !data.contains(TOLD_INSIDE),
        "{data}"
    );
    stays_compressed(&shared);
}

fn stays_compressed(shared: &Session) {
    let codings: Vec<String> = shared.list("SELECT coding FROM body WHERE coding IS NOT NULL");
    assert_eq!(codings, ["gzip", "gzip"]);
}
