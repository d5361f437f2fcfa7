use super::super::allowance::Allowance;
use super::*;
use crate::session::body::decode::gzip;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::format::SCHEMA;
use crate::session::write::store::logs::Logs;
use crate::session::{Availability, Kind, NewBody, NewExchange, ResourceKey, digest};
use proptest::prelude::*;
use rusqlite::Connection;

const KIB: usize = 1024;

/// A store where each of two streams has so much to begin with, in bytes.
fn store_with(spare: usize) -> Store {
    let mut store = store();
    store.stream("other", "http://h/other.m3u8").unwrap();
    for stream_id in 1..=2 {
        let allowance = Allowance::with_spare(spare as u64);
        store.cache.allowances.insert(stream_id, allowance);
    }
    store
}

fn store() -> Store {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chunks = ChunkDir::open_folder(folder.path()).unwrap();
    let mut store = Store::new(db, chunks, 0, 1);
    store.stream("main", "http://h/main.m3u8").unwrap();
    store
}

/// Writes what came of a playlist, compressed or not.
fn write_text(
    store: &mut Store,
    id: i64,
    (stream_id, name): (i64, &str),
    text: &[u8],
    is_coded: bool,
) {
    let resource = ResourceKey::whole(stream_id, Kind::Media, format!("http://h/{name}"));
    let coded = is_coded.then(|| Coded {
        data: gzip(text).unwrap().into(),
        codings: "gzip".to_owned(),
    });
    let mut new = NewExchange {
        body: NewBody::Bytes {
            sha256: digest(text),
            data: text.to_vec().into(),
            binary: false,
        },
        coded,
        ..NewExchange::requested(id, resource, Availability::Response, id)
    };
    store.exchange(&mut new).unwrap();
}

/// The body of an exchange, and whether it is kept compressed.
fn stored_text(store: &Store, exchange: i64) -> (Vec<u8>, bool) {
    let sql = "SELECT coalesce(CAST(t.text AS BLOB), b.data), b.coding, b.size FROM exchange e
                 JOIN body b ON b.id = e.body_id JOIN body_text t ON t.id = b.id WHERE e.id = ?1";
    let row = store.db.query_row(sql, [exchange], |row| {
        Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get(2)?))
    });
    let (data, coding, size) = row.unwrap();
    let plain = crate::session::body::decode::decode_stored(data, coding.as_deref(), size);
    (plain.unwrap(), coding.is_some())
}

/// Bytes of the database.
fn size(store: &Store) -> usize {
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes: i64 = store.db.query_row(sql, [], |row| row.get(0)).unwrap();
    bytes as usize
}

/// A large text with a number in its first lines, which is little in gzip.
fn hostile(number: i64) -> Vec<u8> {
    let head = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{number}\n#EXTINF:1,\nx.ts\n");
    (head + &format!("#{}\n", "x".repeat(1000)).repeat(200)).into_bytes()
}

fn window(first: usize, count: usize) -> Vec<u8> {
    let segments = (first..first + count).map(|n| format!("#EXTINF:6.0,\nlive/segment{n}.ts\n"));
    let head = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    (head + &segments.collect::<String>()).into_bytes()
}

#[test]
fn what_is_sent_small_and_means_much_costs_about_what_was_sent() {
    let mut store = store_with(500 * KIB);
    let mut sent = 0;
    for id in 1..=100 {
        let text = hostile(id);
        sent += gzip(&text).unwrap().len();
        write_text(&mut store, id, (1, "p.m3u8"), &text, true);
        assert_eq!(stored_text(&store, id).0, text, "{id}");
    }
    let meant = 100 * hostile(1).len();
    // What a stream begins with, twice what was sent, sixteen times the first KiB of each, and rows.
    let most = 500 * KIB + 2 * sent + 100 * 16 * 1280;
    assert!(size(&store) < most, "{} of {meant}", size(&store));
    assert!(meant > 6 * most, "{meant}");
}

#[test]
fn ordinary_playlists_are_kept_as_they_are_without_a_coding() {
    for count in [3, 20, 1000] {
        let (mut plain, mut coded) = (store(), store());
        for id in 1..=20 {
            let text = window(id as usize, count);
            write_text(&mut plain, id, (1, "p.m3u8"), &text, false);
            write_text(&mut coded, id, (1, "p.m3u8"), &text, true);
            assert_eq!(stored_text(&coded, id), (text, false), "{id}");
        }
        assert_eq!(size(&plain), size(&coded));
    }
}

#[test]
fn a_playlist_that_is_too_large_at_first_is_in_lines_once_its_stream_has_paid_for_that() {
    let mut store = store_with(50 * KIB);
    let mut id = 0;
    let mut is_coded = |store: &mut Store, n: usize| {
        id += 1;
        write_text(store, id, (1, "dvr.m3u8"), &window(0, 4000 + n), true);
        stored_text(store, id).1
    };
    assert!(
        is_coded(&mut store, 0),
        "it is more than a stream begins with"
    );
    let in_lines = (1..).find(|n| !is_coded(&mut store, *n)).unwrap();
    assert!(in_lines < 30, "{in_lines}");
    let before = size(&store);
    assert!((1..5).all(|more| !is_coded(&mut store, in_lines + more)));
    assert!(size(&store) - before < 20 * KIB, "only what is new");
}

#[test]
fn one_stream_takes_nothing_of_what_another_may() {
    let mut store = store_with(500 * KIB);
    for id in 1..20 {
        write_text(&mut store, id, (1, "p.m3u8"), &hostile(id), true);
    }
    assert!(stored_text(&store, 19).1);
    write_text(&mut store, 20, (2, "q.m3u8"), &window(0, 10_000), true);
    assert!(!stored_text(&store, 20).1);
}

#[test]
fn what_is_no_text_or_has_no_lines_is_kept_compressed_too() {
    let line = format!("#EXTM3U {}", "x".repeat(100 * KIB));
    for end in [&b""[..], b"\0", b"\xff"] {
        let mut store = store_with(250 * KIB);
        for id in 1..=5 {
            let text = [line.as_bytes(), end, id.to_string().as_bytes()].concat();
            write_text(&mut store, id, (1, "p.m3u8"), &text, true);
            assert_eq!(stored_text(&store, id), (text, id > 2));
        }
    }
}

#[test]
fn of_many_large_windows_so_much_is_remembered_and_small_ones_stay() {
    let mut logs = Logs::default();
    let log = |count: usize| {
        let mut log = LineLog::starting_at(0);
        let text = String::from_utf8(window(0, count)).unwrap();
        let split = log.split(&text).unwrap();
        log.keep(&split);
        log
    };
    let most = 20 * log(1000).bytes();
    let mut insert = |owner: i64, stream_id: i64, count: usize| {
        let log = log(count);
        let bytes = log.bytes();
        logs.insert(owner, stream_id, log);
        logs.changed(0, bytes, most);
        let all = logs
            .logs
            .values()
            .map(|(_, log)| log.bytes())
            .sum::<usize>();
        assert_eq!(all, logs.bytes);
        assert!(all <= most);
        logs.logs.contains_key(&1)
    };
    assert!(insert(1, 1, 2000));
    for owner in 2..60 {
        let stays = insert(owner, 2, 500 + owner as usize * 20);
        assert!(stays, "{owner}: another stream has more");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whichever way they are kept.
    #[test]
    fn every_body_comes_back(
        bodies in prop::collection::vec(
            ("((#EXTINF:1,|#x|a|b|c|é|\0|)\r?\n){0,24}(a|#e)?", 0..40_000_usize, any::<bool>(), 0..3_u8),
            1..12,
        ),
        spare in 0..200_000_u64,
    ) {
        let mut store = store();
        store.cache.allowances.insert(1, Allowance::with_spare(spare));
        for (id, (text, times, is_coded, name)) in (1..).zip(bodies) {
            let times = 1 + times / text.len().max(1);
            let text = text.repeat(times).into_bytes();
            write_text(&mut store, id, (1, &format!("{name}.m3u8")), &text, is_coded);
            prop_assert_eq!(stored_text(&store, id).0, text);
        }
    }
}
