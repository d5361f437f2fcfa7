//! One bit of the database of a killed session is another, wherever it is: that is found or does no harm, and a repair
//! mends it or says that it cannot.

use std::fs;
use std::ops::Range;
use std::path::Path;

use isrecorder::upkeep::{check, repair};
use rusqlite::Connection;

use super::super::support::made::{Life, Made, Questions};
use super::super::support::{Dice, rounds, seed};

const PAGE: usize = 4096;

/// A session whose recorder was killed, without any log beside its database.
fn killed() -> Made {
    let made = Made::new(&mut Dice::new(seed()), Life::Resumed);
    made.alter(
        "UPDATE run SET stopped_us = NULL, ended = NULL WHERE id = (SELECT max(id) FROM run);
         PRAGMA journal_mode = WAL",
    );
    assert!(!made.file("session.db-wal").exists());
    made
}

/// All that is in a folder, by its path there.
fn files(folder: &Path, within: &Path, all: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder.join(within)).unwrap() {
        let entry = entry.unwrap();
        let path = within.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => files(folder, &path, all),
            false => all.push((path, fs::read(entry.path()).unwrap())),
        }
    }
}

/// Puts a session back as it was.
fn put_back(made: &Made, all: &[(std::path::PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(made.path()).unwrap();
    for (path, content) in all {
        let place = made.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }
}

/// The bytes of pages that indexes have, and nothing else.
fn pages_of_indexes(made: &Made) -> Vec<Range<usize>> {
    let db = Connection::open(made.file("session.db")).unwrap();
    let mut statement = db
        .prepare(
            "SELECT pageno FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE type = 'index') ORDER BY pageno",
        )
        .unwrap();
    let pages = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    let range = |page: i64| (page as usize - 1) * PAGE..page as usize * PAGE;
    pages.map(|page| range(page.unwrap())).collect()
}

/// How often what happened.
#[derive(Debug, Default)]
struct Tally {
    found: u32,
    mended: u32,
    harmless: u32,
    /// In rows that no sum is over: the documented limit.
    unseen: u32,
}

/// Flips one bit and looks what comes of it. `strict`: it is a page of an index.
fn flip(
    made: &Made,
    questions: &Questions,
    (before, closed): (&[String], &[String]),
    at: (usize, u8),
    strict: bool,
    tally: &mut Tally,
) {
    let what = format!("bit {} of byte {}, seed {}", at.1, at.0, seed());
    let database = made.file("session.db");
    let mut content = fs::read(&database).unwrap();
    content[at.0] ^= 1 << at.1;
    fs::write(&database, content).unwrap();
    let report = check(&made.session(), true);
    if report.ok {
        match questions.answers(&made.session()) == before {
            true => tally.harmless += 1,
            false if strict => panic!("{what}: not found, and answers are others"),
            false => tally.unseen += 1,
        }
        return;
    }
    tally.found += 1;
    let counts = &report.counts;
    if repair(&made.session(), true, &mut |_| ()).is_err() {
        // It says so, and no sum says otherwise.
        assert!(!made.file("session.sum").exists(), "{what}: {counts:?}");
        return;
    }
    // What a sum is over was whole then.
    let report = check(&made.session(), true);
    let is_sound = ["database", "schema", "page", "index", "sum"]
        .iter()
        .all(|kind| !report.counts.contains_key(kind));
    assert!(is_sound, "{what}: {counts:?}, then {:?}", report.problems);
    let db = Connection::open(&database).unwrap();
    let said: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    // A value that no recorder writes stays in its row, and is told of.
    let is_told = said.starts_with("CHECK constraint failed") && report.counts.contains_key("row");
    assert!(said == "ok" || is_told, "{what}: {said}");
    drop(db);
    tally.mended += 1;
    if strict {
        assert!(report.ok, "{what}: {:?}", report.problems);
        assert!(
            questions.answers(&made.session()) == closed,
            "{what}: other answers"
        );
    }
}

#[test]
fn a_bit_of_an_index_that_is_another_is_found_and_mended_or_does_no_harm() {
    let made = killed();
    let pages = pages_of_indexes(&made);
    let (questions, mut dice, mut tally) =
        (Questions::of(&made), Dice::new(seed()), Tally::default());
    let before = questions.answers(&made.session());
    let mut all = Vec::new();
    files(&made.path(), Path::new(""), &mut all);
    // Nothing but the end of its last run is another after a repair.
    repair(&made.session(), true, &mut |_| ()).unwrap();
    let closed = questions.answers(&made.session());
    put_back(&made, &all);
    assert!(pages.len() > 5, "{pages:?}");
    for round in 0..rounds(40, 4000) {
        let page = &pages[round % pages.len()];
        // The head and the first pointers, or the cells.
        let within = match dice.below(2) {
            0 => dice.below(64) as usize,
            _ => PAGE - 1 - dice.below(600) as usize,
        };
        flip(
            &made,
            &questions,
            (&before, &closed),
            (page.start + within, dice.below(8) as u8),
            true,
            &mut tally,
        );
        put_back(&made, &all);
    }
    assert!(tally.found > 0 && tally.mended > 0, "{tally:?}");
}

#[test]
fn a_bit_of_the_database_that_is_another_is_found_and_mended_or_said_not_to_be() {
    let made = killed();
    let (questions, mut dice, mut tally) =
        (Questions::of(&made), Dice::new(seed()), Tally::default());
    let before = questions.answers(&made.session());
    let mut all = Vec::new();
    files(&made.path(), Path::new(""), &mut all);
    // Nothing but the end of its last run is another after a repair.
    repair(&made.session(), true, &mut |_| ()).unwrap();
    let closed = questions.answers(&made.session());
    put_back(&made, &all);
    let size = fs::metadata(made.file("session.db")).unwrap().len();
    for _ in 0..rounds(40, 4000) {
        let at = (dice.below(size) as usize, dice.below(8) as u8);
        flip(&made, &questions, (&before, &closed), at, false, &mut tally);
        put_back(&made, &all);
    }
    assert!(tally.found > 0 && tally.harmless > 0, "{tally:?}");
}

#[test]
fn no_sum_is_written_over_an_index_that_nobody_checked() {
    let made = killed();
    // The rows say another thing than the index, as a bit that changed in it would.
    let db = Connection::open(made.file("session.db")).unwrap();
    let (root, sql): (i64, String) = db
        .query_row(
            "SELECT rootpage, sql FROM sqlite_schema WHERE name = 'exchange_answer'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert!(root > 1 && sql.contains("from_us"));
    drop(db);
    let mut content = fs::read(made.file("session.db")).unwrap();
    // The last byte of a key of the index: the number of its row.
    let page = (root as usize - 1) * PAGE;
    content[page + PAGE - 1] ^= 2;
    fs::write(made.file("session.db"), content).unwrap();
    assert!(check(&made.session(), true).counts.contains_key("index"));
    let mut told = Vec::new();
    repair(&made.session(), false, &mut |line| told.push(line)).unwrap();
    assert!(
        told.iter().any(|line| line.starts_with("rebuilt: ")),
        "{told:?}"
    );
    assert!(made.file("session.sum").exists());
    assert!(check(&made.session(), true).ok);
    let marked = "SELECT count(*) FROM event WHERE kind = 'changed'";
    assert_eq!(made.one::<i64>(marked), 1);
}
