//! Databases whose pages are in two places, so that texts and rows have no end: what reads or writes all of one says so
//! and ends.

use super::schemas::{REDACT, REPAIR};
use super::*;

const PAGE: usize = 4096;
/// What the texts are made of that go round in a circle.
const ROUND: &str = "round and ";

fn u32_at(content: &[u8], at: usize) -> u32 {
    content[at..at + 4]
        .try_into()
        .map(u32::from_be_bytes)
        .unwrap()
}

/// Chains of pages that have nothing but such a text, each in its order.
fn chains(content: &[u8]) -> Vec<Vec<u32>> {
    let is_of_text = |page: &[u8]| {
        let start = &page[4..4 + 2 * ROUND.len()];
        start
            .windows(ROUND.len())
            .any(|part| part == ROUND.as_bytes())
    };
    let numbers: Vec<u32> = (1..)
        .zip(content.chunks(PAGE))
        .filter(|(_, page)| is_of_text(page))
        .map(|(number, _)| number)
        .collect();
    let next = |number: u32| u32_at(content, (number as usize - 1) * PAGE);
    let heads = numbers
        .iter()
        .filter(|n| !numbers.iter().any(|other| next(*other) == **n));
    let chain = |head: &u32| {
        std::iter::successors(Some(*head), |n| Some(next(*n)).filter(|n| *n != 0)).collect()
    };
    heads.map(chain).collect()
}

/// Every program that reads or writes all of it names the page and ends; nothing is changed, but where a repair makes an
/// index anew.
#[track_caller]
fn told_and_left_alone(made: &Made, place: &str) {
    let whole = fs::read(made.file("session.db")).unwrap();
    let (recorder, resume) = PROGRAMS[3];
    let keep: Vec<&str> = resume.iter().copied().chain(["--keep", "1ms"]).collect();
    for (program, arguments) in [PROGRAMS[1], REDACT, (recorder, resume), (recorder, &keep)] {
        let (code, said) = ends(program, made.sessions(), arguments);
        assert_eq!(code, 1, "{place}: {arguments:?}: {said}");
        let is_told = said.contains("2nd reference to page") && said.contains(place);
        assert!(is_told, "{place}: {arguments:?}: {said}");
        let is_same = fs::read(made.file("session.db")).unwrap() == whole;
        assert!(is_same, "{place}: {arguments:?}");
        assert!(!made.sessions().join("copy").exists(), "{place}");
    }
    for (program, arguments) in [PROGRAMS[0], PROGRAMS[2]] {
        let (_, said) = ends(program, made.sessions(), arguments);
        assert!(!said.contains("panicked"), "{place}: {said}");
    }
    let (code, said) = ends(REPAIR.0, made.sessions(), REPAIR.1);
    let is_same = fs::read(made.file("session.db")).unwrap() == whole;
    if !said.starts_with("rebuilt: the indexes") {
        assert!(code == 1 && is_same, "{place}: {said}");
        assert!(said.contains("nothing was touched"), "{place}: {said}");
    }
}

#[test]
fn texts_whose_pages_go_round_are_told_of_and_nothing_is_written_over_them() {
    let text = ROUND.repeat(2000);
    for (place, sql) in [
        ("table \"body\"", "UPDATE body SET text = '{}' WHERE id = 1"),
        (
            "table \"line\"",
            "INSERT INTO line VALUES (1, 1000000, '{}')",
        ),
        (
            "table \"event\"",
            "INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', '{}')",
        ),
        (
            "table \"exchange\"",
            "UPDATE exchange SET note = '{}' WHERE id = 2",
        ),
        ("resource", "UPDATE resource SET url = '{}' WHERE id = 1"),
        (
            "header_set",
            "INSERT INTO header_set (fields) VALUES ('{}')",
        ),
    ] {
        let made = a_session(Life::Stopped);
        made.alter(&sql.replace("{}", &text));
        let database = made.file("session.db");
        let whole = fs::read(&database).unwrap();
        let chains = chains(&whole);
        assert!(!chains.is_empty(), "{place}");
        for chain in chains {
            let (first, last) = (chain[0], chain[chain.len() - 1]);
            let at = (last as usize - 1) * PAGE;
            let mut content = whole.clone();
            content[at..at + 4].copy_from_slice(&first.to_be_bytes());
            fs::write(&database, &content).unwrap();
            told_and_left_alone(&made, place);
        }
    }
}

/// Beside tables of a user each of ours is looked at by itself.
#[test]
fn texts_whose_pages_go_round_are_told_of_beside_a_users_tables() {
    let made = a_session(Life::Stopped);
    let text = ROUND.repeat(2000);
    made.alter(&format!(
        "CREATE TABLE notes (a); INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', '{text}')"
    ));
    let database = made.file("session.db");
    let mut content = fs::read(&database).unwrap();
    let chain = chains(&content).remove(0);
    let at = (chain[chain.len() - 1] as usize - 1) * PAGE;
    content[at..at + 4].copy_from_slice(&chain[0].to_be_bytes());
    fs::write(&database, &content).unwrap();
    told_and_left_alone(&made, "table \"event\"");
}

/// Rows of which each is one page, again and again: what goes from row to row would never end.
#[test]
fn rows_without_end_are_told_of_and_nothing_is_made_of_them() {
    let made = a_session(Life::Stopped);
    without_end(&made);
    told_and_left_alone(&made, "table \"event\"");
}

/// A few kilobytes that are gigabytes, by the rows that name them.
#[test]
fn names_that_a_database_cannot_hold_are_not_gathered() {
    let made = a_session(Life::Stopped);
    let text = ROUND.repeat(100_000);
    made.alter(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1020)
         INSERT INTO stream SELECT i, 'stream-' || i, '{text}' FROM n"
    ));
    let root: i64 = made.one("SELECT rootpage FROM sqlite_schema WHERE name = 'stream'");
    again_and_again(&made, root, 10);
    let (code, said) = ends(PROGRAMS[0].0, made.sessions(), PROGRAMS[0].1);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("which it cannot hold"), "{said}");
}
