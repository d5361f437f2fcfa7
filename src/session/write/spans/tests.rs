use super::*;
use crate::session::digest;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::format::SCHEMA;
use std::fs;
use std::path::Path;

const PARENT: &[u8] = b"0123456789";

/// A session in which segment `s.mp4` came as exchange 2, after its playlist.
fn store(chunks: &Path, playlist: &str) -> Store {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db.execute_batch(
        "INSERT INTO stream VALUES (1, 's', 'http://h/main.m3u8');
         INSERT INTO resource (id, stream_id, kind, url, path_url, name) VALUES
           (1, 1, 'media', 'http://h/l.m3u8', 'http://h/l.m3u8', 'l.m3u8'),
           (2, 1, 'segment', 'http://h/s.mp4', 'http://h/s.mp4', 's.mp4');",
    )
    .unwrap();
    let text = "INSERT INTO body (id, size, sha256, text) VALUES (1, ?1, zeroblob(32), ?2)";
    db.execute(text, (playlist.len() as i64, playlist)).unwrap();
    let store = Store::new(db, ChunkDir::open_folder(chunks).unwrap(), 0, 1);
    answer(&store, 1, 1, (200, None), 1);
    let revision = "INSERT INTO revision (exchange_id, playlist_id, seen_us, advance, part_target_us) VALUES (1, 1, 1, 1, 500000)";
    store.db.execute_batch(revision).unwrap();
    body(&store, 2, "s.mp4", PARENT);
    answer(&store, 2, 2, (200, None), 2);
    store
}

fn body(store: &Store, id: i64, path: &str, bytes: &[u8]) {
    fs::write(store.chunks.shown().join(path), bytes).unwrap();
    let sql = "INSERT INTO body (id, size, sha256, path) VALUES (?1, ?2, ?3, ?4)";
    let values = (id, bytes.len() as i64, digest(bytes).to_vec(), path);
    store.db.execute(sql, values).unwrap();
}

fn answer(store: &Store, id: i64, resource: i64, (status, first): (i64, Option<i64>), body: i64) {
    let sql = "INSERT INTO exchange (id, resource_id, referrer_id, from_us, requested_us, status, body_first, body_id, outcome)
        VALUES (?1, ?2, nullif(1, ?1), 1, 1, ?3, ?4, ?5, 'complete')";
    let values = (id, resource, status, first, body);
    store.db.execute(sql, values).unwrap();
}

/// Bodies that became spans, and where they begin.
fn spans(store: &Store) -> Vec<(i64, i64)> {
    let sql = "SELECT id, chunk_first FROM body WHERE chunk_id = 2 ORDER BY id";
    let mut statement = store.db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

fn all_at_once(store: &Store) {
    let mut spans = Spans::of_session(&store.db).unwrap();
    spans.look(store, true).unwrap();
    spans.write(&store.db).unwrap();
    spans.written();
    spans.remove(store, true).unwrap();
}

#[test]
fn what_came_of_a_hint_is_bytes_of_its_parent_wherever_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let playlist =
        "#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"s.mp4\",BYTERANGE=\"4@0\"\n#EXTINF:2,\ns.mp4\n";
    let store = store(folder.path(), playlist);
    // To the end of what there was by then; the last one is of other bytes.
    for (id, first, bytes) in [(3, 4, "456789"), (4, 0, "0123"), (5, 8, "8x")] {
        body(&store, id, &format!("hint{id}"), bytes.as_bytes());
        answer(&store, id, 2, (206, Some(first)), id);
    }
    all_at_once(&store);
    assert_eq!(spans(&store), [(3, 4), (4, 0)]);
    let there = |name: &str| folder.path().join(name).exists();
    assert_eq!(
        ["hint3", "hint4", "hint5", "s.mp4"].map(there),
        [false, false, true, true]
    );
}

#[test]
fn names_of_parts_may_be_made_with_variables_of_the_multivariant_playlist() {
    let folder = tempfile::tempdir().unwrap();
    let playlist = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"v\"\n#EXT-X-PART:DURATION=1,URI=\"{$v}.mp4\"\n#EXTINF:2,\ns.mp4\n";
    let store = store(folder.path(), playlist);
    let main =
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"part\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nl.m3u8\n";
    store
        .db
        .execute_batch(
            "INSERT INTO resource (id, stream_id, kind, url, path_url, name) VALUES
               (3, 1, 'main', 'http://h/main.m3u8', 'http://h/main.m3u8', 'main.m3u8'),
               (4, 1, 'part', 'http://h/part.mp4', 'http://h/part.mp4', 'part.mp4');",
        )
        .unwrap();
    let text = "INSERT INTO body (id, size, sha256, text) VALUES (9, ?1, zeroblob(32), ?2)";
    store.db.execute(text, (main.len() as i64, main)).unwrap();
    answer(&store, 0, 3, (200, None), 9);
    let revision =
        "INSERT INTO revision (exchange_id, playlist_id, seen_us, advance) VALUES (0, 3, 1, 1)";
    store.db.execute_batch(revision).unwrap();
    body(&store, 3, "part.mp4", b"01");
    answer(&store, 3, 4, (200, None), 3);
    all_at_once(&store);
    assert_eq!(spans(&store), [(3, 0)]);
}

#[test]
fn a_body_that_has_spans_does_not_become_one_and_neither_does_what_has_changed_since() {
    let folder = tempfile::tempdir().unwrap();
    let playlist = "#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"p.mp4\"\n#EXTINF:2,\ns.mp4\n";
    let store = store(folder.path(), playlist);
    let part = "INSERT INTO resource (id, stream_id, kind, url, path_url, name) VALUES
        (4, 1, 'part', 'http://h/p.mp4', 'http://h/p.mp4', 'p.mp4')";
    store.db.execute_batch(part).unwrap();
    body(&store, 3, "p.mp4", b"012");
    body(&store, 4, "q.mp4", b"12");
    answer(&store, 3, 4, (200, None), 3);
    let of_part = "UPDATE body SET path = NULL, chunk_id = 3, chunk_first = 1 WHERE id = 4";
    store.db.execute_batch(of_part).unwrap();
    all_at_once(&store);
    assert_eq!(spans(&store), []);
    assert!(folder.path().join("p.mp4").exists());
    store
        .db
        .execute_batch("DELETE FROM body WHERE id = 4")
        .unwrap();
    let mut found = Spans::of_session(&store.db).unwrap();
    found.look(&store, true).unwrap();
    // Its file is another one's by now.
    store
        .db
        .execute_batch("UPDATE body SET path = 'r.mp4' WHERE id = 3")
        .unwrap();
    found.write(&store.db).unwrap();
    assert_eq!(spans(&store), []);
}
