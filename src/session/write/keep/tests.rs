//! Random histories, cut off at random moments: inside the window nothing changes, outside of
//! it nothing is left over.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use rusqlite::Connection;

use self::answers::answers;
use self::history::*;
use super::*;
use crate::clock::Clock;
use crate::session::body::decode::gzip;
use crate::session::files::chunk_dir::ChunkDir;
use crate::session::files::room::Room;
use crate::session::notices::Tallies;
use crate::session::{Heartbeat, Notice, NoticeEvent};

mod answers;
pub(crate) mod history;

fn none(db: &Connection, what: &str, sql: &str) {
    let found: i64 = db
        .query_row(&format!("SELECT count(*) FROM ({sql})"), [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(found, 0, "{what}");
}

/// What nobody may find: what it is, and how to look for it.
const NEVER: &[(&str, &str)] = &[
    (
        "an exchange without its body",
        "SELECT 1 FROM exchange WHERE body_id NOT IN (SELECT id FROM body)",
    ),
    (
        "a body of nobody",
        "SELECT 1 FROM body WHERE id NOT IN (SELECT body_id FROM exchange WHERE body_id IS NOT NULL)",
    ),
    (
        "header fields of nobody",
        "SELECT 1 FROM header_set WHERE id NOT IN (SELECT header_set_id FROM exchange WHERE header_set_id IS NOT NULL)",
    ),
    (
        "a hop without its head",
        "SELECT 1 FROM exchange WHERE head_id NOT IN (SELECT id FROM exchange)",
    ),
    (
        "a confirmation of nothing",
        "SELECT 1 FROM exchange WHERE confirms_id NOT IN (SELECT id FROM exchange)",
    ),
    (
        "a revision without its exchange",
        "SELECT 1 FROM revision WHERE exchange_id NOT IN (SELECT id FROM exchange)",
    ),
    (
        "an alias of nothing",
        "SELECT 1 FROM alias WHERE resource_id NOT IN (SELECT id FROM resource)",
    ),
    (
        "a spelling of nothing",
        "SELECT 1 FROM url_spelling WHERE url NOT IN (SELECT url FROM resource UNION SELECT url FROM alias)",
    ),
    (
        "a URL without its spelling",
        "SELECT 1 FROM alias WHERE url LIKE '%\\%7e%' ESCAPE '\\' AND url NOT IN (SELECT url FROM url_spelling)",
    ),
    (
        "lines of nobody",
        "SELECT 1 FROM line l WHERE number < (SELECT min(first_line) FROM body WHERE line_owner = l.resource_id)",
    ),
    ("foreign keys", "SELECT 1 FROM pragma_foreign_key_check"),
    (
        "counts that are wrong",
        "SELECT id, uses FROM body_use WHERE uses > 0 EXCEPT SELECT body_id, count(*) FROM exchange GROUP BY body_id",
    ),
    (
        "a sum that is wrong",
        "SELECT total FROM chunk_bytes EXCEPT SELECT ifnull(sum(size), 0) FROM body WHERE path IS NOT NULL",
    ),
];

/// Nothing refers to what is gone, and nothing is there that nothing refers to.
fn is_whole(history: &History) {
    let db = &history.store.db;
    for (what, sql) in NEVER {
        none(db, what, sql);
    }
    let mut statement = db
        .prepare("SELECT path FROM body WHERE path IS NOT NULL")
        .unwrap();
    let named: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut there = BTreeSet::new();
    let mut folders = vec![history.folder.chunks()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let path = entry.path();
                    let relative = path.strip_prefix(history.folder.chunks()).unwrap();
                    there.insert(relative.to_str().unwrap().to_owned());
                }
            }
        }
    }
    there.retain(|path| !path.starts_with(".tmp"));
    assert_eq!(there, named);
}

/// As if all texts had been kept compressed.
fn compress(history: &mut History) {
    let db = &history.store.db;
    let sql =
        "SELECT b.id, t.text FROM body b JOIN body_text t ON t.id = b.id WHERE b.text IS NOT NULL";
    let mut statement = db.prepare(sql).unwrap();
    let texts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let texts: Vec<(i64, String)> = texts.unwrap().map(Result::unwrap).collect();
    for (id, text) in texts {
        let sql =
            "UPDATE body SET text = NULL, first_line = NULL, last_line = NULL, line_owner = NULL,
                     tail = NULL, data = ?2, coding = 'gzip' WHERE id = ?1";
        db.execute(sql, (id, gzip(text.as_bytes()).unwrap()))
            .unwrap();
    }
    drop(statement);
    db.execute("DELETE FROM line", []).unwrap();
    history.store.forget();
}

fn keeper(history: &History) -> Keeper {
    let keep = Keep {
        time: Some(Duration::from_secs(1)),
        ..Keep::default()
    };
    Keeper::new(keep, &history.store).unwrap()
}

#[test]
fn what_is_listed_by_a_url_without_a_row_stays_as_long_as_it_is_listed() {
    let channel = Channel {
        window: 5,
        tokens: true,
        ..Channel::default()
    };
    let mut history = History::new(channel);
    history.store.note_nothing(history.stream_id);
    for _ in 0..24 {
        history.poll(Poll::Advance(1));
    }
    let aliases = "SELECT count(*) FROM alias";
    let aliases: i64 = history
        .store
        .db
        .query_row(aliases, [], |row| row.get(0))
        .unwrap();
    assert_eq!(aliases, 0);
    let length = history.now_us - history.zero_us;
    let mut own = keeper(&history);
    for percent in [30, 60, 90] {
        let cutoff_us = history.zero_us + length * percent / 100;
        let before = answers(&history, cutoff_us);
        history.keep_from(&mut own, cutoff_us);
        assert_eq!(answers(&history, cutoff_us), before);
        is_whole(&history);
    }
}

#[test]
fn a_long_playlist_is_read_between_batches_and_nothing_goes_before_all_of_it_is_known() {
    let mut history = History::new(Channel {
        window: 40,
        tokens: true,
        ..Channel::default()
    });
    for _ in 0..6 {
        history.poll(Poll::Advance(8));
    }
    let exchanges = |history: &History| -> i64 {
        let sql = "SELECT count(*) FROM exchange";
        history
            .store
            .db
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    let before = exchanges(&history);
    let mut own = keeper(&history);
    let now_us = history.now_us + 1_000_000;
    let mut passes = 0;
    loop {
        own.pass(&mut history.store, now_us, true).unwrap();
        passes += 1;
        if !own.is_behind {
            break;
        }
        assert_eq!(exchanges(&history), before);
        assert!(passes < 1000, "it comes to no end");
    }
    // A playlist of forty segments, 25 URLs at a time, for each revision.
    assert!(passes >= 6 * 40 / 25, "{passes}");
    assert_eq!(own.looks, 2, "rows are looked at before and behind it");
    history.keep_from(&mut own, history.now_us);
    assert!(exchanges(&history) < before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn inside_the_window_nothing_changes(
        channel in channel(),
        polls in prop::collection::vec(poll(), 8..32),
        cutoffs in prop::collection::vec(0..100_u8, 1..5),
        again in any::<bool>(),
        compressed in any::<bool>(),
    ) {
        let mut history = History::new(channel);
        for poll in polls {
            history.poll(poll);
        }
        let length = history.now_us - history.zero_us;
        let mut cutoffs: Vec<i64> = cutoffs.iter().map(|c| history.zero_us + length * i64::from(*c) / 100).collect();
        cutoffs.sort_unstable();
        if compressed {
            compress(&mut history);
        }
        let mut own = keeper(&history);
        for cutoff_us in cutoffs {
            let before = answers(&history, cutoff_us);
            history.keep_from(&mut own, cutoff_us);
            prop_assert_eq!(&answers(&history, cutoff_us), &before);
            is_whole(&history);
            if again {
                // As a later run would begin: without what this one remembers.
                history.forget_keeper();
                own = keeper(&history);
            }
        }
        // And recording goes on.
        for _ in 0..3 {
            history.poll(Poll::Advance(1));
        }
        is_whole(&history);
    }
}

#[test]
fn lines_that_only_left_revisions_had_go_with_them() {
    let mut history = History::new(Channel {
        window: 61,
        redirected: true,
        large: true,
        ..Channel::default()
    });
    for poll in [
        Poll::Unchanged,
        Poll::Advance(1),
        Poll::Behind,
        Poll::Advance(1),
        Poll::Advance(1),
        Poll::Advance(1),
        Poll::Advance(2),
        Poll::Behind,
        Poll::Unchanged,
    ] {
        history.poll(poll);
    }
    let length = history.now_us - history.zero_us;
    let mut keeper = keeper(&history);
    let cutoff_us = history.zero_us + length * 92 / 100;
    history.keep_from(&mut keeper, cutoff_us);
    is_whole(&history);
    for _ in 0..3 {
        history.poll(Poll::Advance(1));
        is_whole(&history);
    }
}

#[test]
fn lines_go_some_at_a_time_and_the_next_run_removes_what_one_left() {
    let mut history = History::new(Channel {
        window: 61,
        large: true,
        ..Channel::default()
    });
    for _ in 0..6 {
        // Nothing of the windows before is in it.
        history.poll(Poll::Advance(61));
    }
    let lines = |history: &History| -> usize {
        let sql = "SELECT count(*) FROM line";
        let count = history
            .store
            .db
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        count.unwrap() as usize
    };
    let all = lines(&history);
    let now_us = history.now_us + 1_000_000;
    let mut passes = 0;
    let mut own = keeper(&history);
    while lines(&history) > all / 2 {
        let before = lines(&history);
        own.pass(&mut history.store, now_us, true).unwrap();
        assert!(before - lines(&history) <= leftovers::MOST_ROWS);
        passes += 1;
        assert!(passes < 1000, "it comes to no end");
    }
    assert!(!own.leftovers.is_empty());
    // The run ends there.
    history.forget_keeper();
    let mut next = keeper(&history);
    history.keep_from(&mut next, history.now_us);
    assert!(lines(&history) < all / 2, "{}", lines(&history));
    is_whole(&history);
}

/// A plain channel that has advanced ten times.
fn after_ten_advances() -> History {
    let mut history = History::new(Channel::default());
    for _ in 0..10 {
        history.poll(Poll::Advance(1));
    }
    history
}

/// As rows of a session may be that somebody else made: a removal takes nothing that is elsewhere.
#[test]
fn what_a_row_names_outside_of_the_chunks_is_not_removed_with_it() {
    let mut history = after_ten_advances();
    let outside = tempfile::tempdir().unwrap();
    let mine = ["relative", "absolute", "dotted", "linked"].map(|name| outside.path().join(name));
    for file in &mine {
        fs::write(file, "mine").unwrap();
    }
    let chunks = history.folder.chunks();
    std::os::unix::fs::symlink(outside.path(), chunks.join("way")).unwrap();
    fs::create_dir_all(chunks.join("deep")).unwrap();
    let up = "../".repeat(chunks.components().count() - 1);
    let outside = outside.path().display();
    let names = [
        format!("{up}{outside}/relative").replace("//", "/"),
        format!("{outside}/absolute"),
        format!("deep/../{up}{outside}/dotted").replace("//", "/"),
        "way/linked".to_owned(),
        "../session.db".to_owned(),
    ];
    let db = &history.store.db;
    let first = "SELECT min(id) FROM body WHERE path IS NOT NULL";
    let first: i64 = db.query_row(first, [], |row| row.get(0)).unwrap();
    let next =
        "SELECT id FROM body WHERE path IS NOT NULL AND id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    for (name, nth) in names.iter().zip(0..) {
        assert!(chunks.join(name).exists(), "{name} leads there");
        let id: i64 = db.query_row(next, [first, nth], |row| row.get(0)).unwrap();
        let sql = "UPDATE body SET path = ?1 WHERE id = ?2";
        assert_eq!(db.execute(sql, (name, id)).unwrap(), 1);
    }
    let mut keeper = keeper(&history);
    let cutoff_us = history.now_us;
    history.keep_from(&mut keeper, cutoff_us);
    let named = "SELECT count(*) FROM body WHERE path LIKE '%/relative' OR path LIKE '%/absolute' OR path LIKE '%/dotted'
                  OR path LIKE '%linked' OR path LIKE '../%'";
    let left: i64 = history
        .store
        .db
        .query_row(named, [], |row| row.get(0))
        .unwrap();
    assert!(left < 5, "some are gone, and were to be removed");
    for file in &mine {
        assert!(file.exists(), "{} was removed", file.display());
    }
    assert!(history.folder.database().exists());
}

#[test]
fn what_was_noticed_before_the_window_goes_and_what_reaches_into_it_stays() {
    let mut history = after_ten_advances();
    let mut keeper = keeper(&history);
    let cutoff_us = history.now_us;
    let event = |kind, seconds: i64, length: Option<i64>| NoticeEvent {
        kind,
        at_us: cutoff_us + seconds * SECOND,
        length_us: length.map(|length| length * SECOND),
        detail: String::new(),
    };
    for event in [
        event(Notice::Stalled, -9, Some(3)),
        event(Notice::DiskFull, -8, Some(9)),
        event(Notice::ClockStep, -7, Some(-3600)),
        event(Notice::Stalled, 1, Some(1)),
    ] {
        history.store.notice(&event).unwrap();
    }
    for seconds in [-30, -20, -10, 10] {
        let at_us = cutoff_us + seconds * SECOND;
        let beat = Heartbeat {
            at_us,
            wall_us: at_us,
            boot_us: None,
        };
        history.store.heartbeat(beat).unwrap();
    }
    history.keep_from(&mut keeper, cutoff_us);
    let left = |sql: &str| -> i64 {
        history
            .store
            .db
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(left("SELECT count(*) FROM heartbeat"), 1);
    assert_eq!(left("SELECT count(*) FROM event WHERE id > 0"), 2);
    let both = "SELECT count(*) FROM event WHERE kind = 'disk full' OR (kind = 'stalled' AND length_us = 1000000)";
    assert_eq!(left(both), 2);

    // Where nothing new comes, the last one says how far the clock is ahead.
    history.keep_from(&mut keeper, cutoff_us + 60 * SECOND);
    let left = "SELECT count(*) FROM heartbeat";
    let left: i64 = history
        .store
        .db
        .query_row(left, [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 1);
}

#[test]
fn what_goes_on_keeps_its_row_until_it_is_over_and_then_goes() {
    let mut history = after_ten_advances();
    let event = |kind, at_us| NoticeEvent {
        kind,
        at_us,
        length_us: None,
        detail: String::new(),
    };
    let began_us = history.zero_us + SECOND;
    for event in [
        event(Notice::DiskFull, history.zero_us - SECOND),
        event(Notice::DiskFull, began_us),
        event(Notice::HeldUp, began_us),
        event(Notice::Stalled, began_us),
    ] {
        history.store.notice(&event).unwrap();
    }
    let left = |history: &History| -> Vec<(String, i64)> {
        let sql = "SELECT kind, at_us FROM event WHERE id > 0 ORDER BY id";
        let mut statement = history.store.db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    let mut first = keeper(&history);
    let cutoff_us = history.now_us;
    history.keep_from(&mut first, cutoff_us);
    let going_on = ["disk full", "checkpoint held up"].map(|kind| (kind.to_owned(), began_us));
    assert_eq!(left(&history), going_on);

    let over = "UPDATE event SET length_us = 1 WHERE id > 0";
    history.store.db.execute(over, []).unwrap();
    history.keep_from(&mut first, cutoff_us + SECOND);
    assert_eq!(left(&history), []);
}

#[test]
fn a_cutoff_before_the_session_is_its_beginning() {
    let mut history = History::new(Channel::default());
    history.poll(Poll::Advance(1));
    let kept_from = |history: &History| -> i64 {
        let sql = "SELECT at_us FROM event WHERE id = 0";
        let at = history.store.db.query_row(sql, [], |row| row.get(0));
        at.unwrap()
    };
    let mut first = keeper(&history);
    let before_us = history.zero_us - 35 * SECOND;
    history.keep_from(&mut first, before_us);
    assert_eq!(kept_from(&history), history.zero_us);
    // Earlier recorders wrote it as it was.
    let earlier = "UPDATE event SET at_us = ?1 WHERE id = 0";
    history.store.db.execute(earlier, [before_us]).unwrap();
    history.forget_keeper();
    let mut second = keeper(&history);
    history.keep_from(&mut second, before_us + SECOND);
    assert_eq!(kept_from(&history), history.zero_us);
    let later_us = history.zero_us + 1;
    history.keep_from(&mut second, later_us);
    assert_eq!(kept_from(&history), later_us);
}

#[test]
fn what_is_long_gone_leaves_nothing() {
    for large in [false, true] {
        let channel = Channel {
            window: if large { 80 } else { 3 },
            tokens: !large,
            redirected: true,
            large,
            ..Channel::default()
        };
        let mut history = History::new(channel);
        let mut keeper = keeper(&history);
        let mut sizes = Vec::new();
        for round in 0..60 {
            for _ in 0..10 {
                history.poll(Poll::Advance(1));
            }
            let cutoff_us = history.now_us - 20 * SECOND;
            history.keep_from(&mut keeper, cutoff_us);
            if round >= 10 {
                let rows = |table: &str| -> i64 {
                    let sql = format!("SELECT count(*) FROM {table}");
                    history
                        .store
                        .db
                        .query_row(&sql, [], |row| row.get(0))
                        .unwrap()
                };
                let tables = [
                    "exchange",
                    "revision",
                    "body",
                    "resource",
                    "alias",
                    "line",
                    "header_set",
                    "event",
                    "body_use",
                    "body_lines",
                    "alias_of",
                ];
                sizes.push(tables.map(rows));
            }
        }
        is_whole(&history);
        let first = sizes[0];
        for later in &sizes {
            for (one, other) in first.iter().zip(later) {
                assert!(
                    one.abs_diff(*other) <= 2 + one.unsigned_abs() / 10,
                    "{first:?} {later:?}"
                );
            }
        }
    }
}

#[test]
fn no_query_of_a_pass_looks_at_all_rows() {
    let history = History::new(Channel {
        window: 1,
        ..Channel::default()
    });
    let _keeper = keeper(&history);
    let rows = rows_sql();
    let queries = [
        &lists::QUERIES[..],
        &remove::QUERIES[..],
        &leftovers::QUERIES[..],
        &[NEXT, &rows],
    ]
    .concat();
    for sql in queries {
        let mut plan = history
            .store
            .db
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let count = plan.parameter_count();
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter((0..count).map(|_| 1)), |row| {
                row.get(3)
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        // A session has few streams; what a subquery gives is as short as its own limits.
        let scans = steps.iter().filter(|s| {
            s.starts_with("SCAN ") && *s != "SCAN s" && !s.contains("subquery") && *s != "SCAN l"
        });
        let scans: Vec<&String> = scans.filter(|s| *s != "SCAN CONSTANT ROW").collect();
        assert!(scans.is_empty(), "{sql}: {steps:?}");
    }
}

#[test]
fn a_full_disk_is_borne_by_whatever_name_sqlite_calls_it() {
    use rusqlite::ffi;
    let folder = tempfile::tempdir().unwrap();
    let room = Room::new(Clock::start());
    let disk = Disk::new(
        ChunkDir::open_folder(folder.path()).unwrap(),
        room.clone(),
        Tallies::default(),
    );
    room.close();
    let refused = |code| Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    for code in [
        ffi::SQLITE_FULL,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_SHMSIZE,
    ] {
        assert_eq!(or_later(refused(code), &disk), Ok(EVERY), "{code}");
    }
    assert!(or_later(refused(ffi::SQLITE_IOERR_READ), &disk).is_err());
    assert!(or_later(refused(ffi::SQLITE_CORRUPT), &disk).is_err());
    assert_eq!(or_later(Ok(SOON), &disk), Ok(SOON));
}

#[test]
fn what_is_held_stays_whatever_is_to_be_kept() {
    let mut history = History::new(Channel::default());
    for _ in 0..20 {
        history.poll(Poll::Advance(1));
    }
    let mut own = keeper(&history);
    let held = Held::new(false);
    own.keep.held = Some(held.clone());
    let first = |history: &History| -> i64 {
        let first = "SELECT min(requested_us) FROM exchange WHERE resource_id = (SELECT max(resource_id) FROM exchange
                      WHERE resource_id IN (SELECT id FROM resource WHERE kind = 'media'))";
        history
            .store
            .db
            .query_row(first, [], |row| row.get(0))
            .unwrap()
    };
    let begun_us = first(&history);
    for _ in 0..50 {
        own.pass(&mut history.store, history.now_us, false).unwrap();
    }
    assert_eq!(first(&history), begun_us);
    let let_go_us = begun_us + 5 * SECOND;
    held.let_go_before(let_go_us);
    for _ in 0..50 {
        own.pass(&mut history.store, history.now_us, false).unwrap();
    }
    assert_eq!(own.cutoff_us, let_go_us);
    assert!(first(&history) > begun_us);
}

#[test]
fn where_the_disk_is_full_what_is_held_stays_and_is_told_or_goes_and_how_far_is_known() {
    for gives_way in [false, true] {
        let mut history = History::new(Channel::default());
        for _ in 0..20 {
            history.poll(Poll::Advance(1));
        }
        let mut own = keeper(&history);
        let held = Held::new(gives_way);
        own.keep.held = Some(held.clone());
        own.is_full = true;
        let before_us = own.cutoff_us;
        for _ in 0..50 {
            own.pass(&mut history.store, history.now_us, false).unwrap();
        }
        assert_eq!(own.said, !gives_way);
        assert_eq!(own.cutoff_us > before_us, gives_way);
        let dropped = gives_way.then_some(own.cutoff_us);
        assert_eq!(held.dropped_until_us(), dropped);
    }
}
