//! `issession check` finds what is wrong with a session, names it, and finds nothing in a good one.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isrecorder::upkeep::{Report, check};

use super::support::made::{Life, Made, Questions};
use super::support::{Dice, rounds, seed};

mod flips;
mod repairs;
mod rows;

fn a_session() -> Made {
    Made::new(&mut Dice::new(seed()), Life::Stopped)
}

/// The path of a chunk, under the session's folder.
fn a_chunk(made: &Made) -> PathBuf {
    let path: String = made.one("SELECT path FROM body WHERE path IS NOT NULL ORDER BY id LIMIT 1");
    made.file("chunks").join(path)
}

fn a_chunks_name(made: &Made) -> String {
    let chunk = a_chunk(made);
    let path = chunk.strip_prefix(made.path()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn flip(path: &Path, at: u64, bit: u8) {
    let mut content = fs::read(path).unwrap();
    content[at as usize] ^= 1 << bit;
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&content[at as usize..=at as usize]).unwrap();
}

/// Nothing is left of the page that a table begins with.
fn fill_page_of(made: &Made, table: &str) {
    let sql = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    let at = (made.one::<i64>(&sql) as usize - 1) * 4096;
    let mut content = fs::read(made.file("session.db")).unwrap();
    content[at..at + 200].fill(0xff);
    fs::write(made.file("session.db"), content).unwrap();
}

/// What is wrong, as kind and sentence.
fn wrong(report: &Report) -> Vec<(&str, &str)> {
    let finding = report.problems.iter();
    finding.map(|f| (f.kind, f.what.as_str())).collect()
}

#[track_caller]
fn finds(made: &Made, kind: &str, words: &str) {
    let report = check(&made.session(), true);
    let found = wrong(&report)
        .iter()
        .any(|(k, what)| *k == kind && what.contains(words));
    assert!(found, "{kind}: {words}: {:?}", wrong(&report));
    assert!(!report.ok);
}

#[test]
fn a_chunk_that_is_missing_or_of_another_size_or_content_is_found() {
    let made = a_session();
    let (chunk, name) = (a_chunk(&made), a_chunks_name(&made));
    let content = fs::read(&chunk).unwrap();
    let size = content.len();
    fs::write(&chunk, &content[..12]).unwrap();
    let says = format!("{name} has 12 bytes, its row says {size}");
    finds(&made, "size", &says);
    fs::write(&chunk, [&content[..], b"more"].concat()).unwrap();
    finds(&made, "size", &format!("{name} has {} bytes", size + 4));
    fs::write(&chunk, &content).unwrap();
    flip(&chunk, 77, 3);
    finds(&made, "hash", &format!("{name} is not what came"));
    assert!(check(&made.session(), false).ok, "only the hash shows it");
    fs::remove_file(&chunk).unwrap();
    finds(&made, "missing", &format!("{name} is missing"));
}

#[test]
fn what_is_no_file_in_place_of_a_chunk_is_found() {
    let made = a_session();
    let (chunk, name) = (a_chunk(&made), a_chunks_name(&made));
    let copy = made.sessions().join("copy");
    fs::rename(&chunk, &copy).unwrap();
    symlink(&copy, &chunk).unwrap();
    finds(&made, "file", &format!("{name} is no regular file"));
    fs::remove_file(&chunk).unwrap();
    fs::create_dir(&chunk).unwrap();
    finds(&made, "file", &format!("{name} is no regular file"));
}

#[test]
fn a_file_in_place_of_a_folder_is_found() {
    let made = a_session();
    let (chunk, name) = (a_chunk(&made), a_chunks_name(&made));
    let folder = chunk.parent().unwrap();
    fs::remove_dir_all(folder).unwrap();
    fs::write(folder, b"x").unwrap();
    finds(&made, "unreadable", &name);
    fs::remove_dir_all(made.file("chunks")).unwrap();
    finds(&made, "missing", "the folder chunks/ is missing");
    fs::write(made.file("chunks"), b"x").unwrap();
    finds(&made, "file", "chunks is no folder");
}

#[test]
fn folders_without_end_are_not_followed() {
    let made = a_session();
    let deep = made.file("chunks").join(["d"; 70].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("deepest"), b"x").unwrap();
    finds(&made, "stray", "is too deep");
    let report = check(&made.session(), false);
    assert!(
        wrong(&report)
            .iter()
            .all(|(_, what)| !what.contains("deepest"))
    );
}

#[test]
fn files_that_nobody_knows_are_found() {
    let made = a_session();
    fs::write(made.file("chunks/stray.ts"), b"x").unwrap();
    finds(&made, "stray", "chunks/stray.ts has no row");
    fs::create_dir(made.file("chunks/.tmp")).unwrap();
    fs::write(made.file("chunks/.tmp/7"), b"x").unwrap();
    finds(&made, "leftover", "chunks/.tmp/7 is a download");
}

#[test]
fn bodies_in_the_database_that_are_not_what_came_are_found() {
    let made = a_session();
    let key: i64 = made.one("SELECT max(id) FROM body WHERE data IS NOT NULL");
    made.alter(&format!(
        "UPDATE body SET data = zeroblob(16) WHERE id = {key}"
    ));
    finds(&made, "hash", &format!("body {key} is not what came"));
    let made = a_session();
    made.alter("UPDATE body SET text = replace(text, '#EXTM3U', '#EXTM4U') WHERE id = 1");
    finds(&made, "hash", "body 1 is not what came");
    made.alter("UPDATE body SET text = text || 'x' WHERE id = 1");
    finds(&made, "size", "body 1 has");
}

#[test]
fn a_line_of_a_large_playlist_that_is_another_or_gone_is_found() {
    let mut dice = Dice::new(seed());
    let large = |made: &Made| made.one::<i64>("SELECT count(*) FROM line") > 0;
    let made = (0..20)
        .map(|_| Made::new(&mut dice, Life::Stopped))
        .find(large)
        .unwrap();
    made.alter("UPDATE line SET text = replace(text, '.ts', '.tt') WHERE number = 9");
    finds(&made, "hash", "is not what came");
    made.alter("DELETE FROM line WHERE number = (SELECT max(number) FROM line)");
    finds(&made, "row", "lines of its text are not there");
}

#[test]
fn a_damaged_page_and_a_changed_bit_are_found() {
    let made = a_session();
    let database = made.file("session.db");
    let size = fs::metadata(&database).unwrap().len();
    flip(&database, size - 900, 2);
    let words = "session.db was changed after the recorder closed it";
    finds(&made, "sum", words);
    fill_page_of(&made, "body");
    let report = check(&made.session(), false);
    let kinds: Vec<&str> = wrong(&report).iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&"page"), "{:?}", wrong(&report));
}

#[test]
fn a_foreign_log_is_found_and_not_believed() {
    let made = a_session();
    fs::write(made.file("session.db-wal"), b"no log at all").unwrap();
    finds(&made, "schema", "session.db-wal");
    let output = isreplayer(&made, &["-p", "0", "s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("session.db-wal") && said.contains("move it away"),
        "{said}"
    );
}

#[test]
fn very_many_findings_are_counted_not_told() {
    let made = a_session();
    for n in 0..100 {
        fs::write(made.file(&format!("chunks/{n}.stray")), b"x").unwrap();
    }
    let output = issession(&made, &["check", "s"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), 22, "{told}");
    assert!(
        told.contains("wrong: 80 more of the kind stray\n"),
        "{told}"
    );
    assert!(told.ends_with("100 problems\n"), "{told}");
}

fn issession(made: &Made, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_issession"));
    command.arg("-f").arg(made.sessions()).args(arguments);
    command.output().unwrap()
}

fn isreplayer(made: &Made, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isreplayer"));
    command.arg("-f").arg(made.sessions()).args(arguments);
    command.output().unwrap()
}

#[test]
fn the_exit_code_of_a_check_says_how_it_is() {
    let made = a_session();
    let good = issession(&made, &["check", "s", "--hashes"]);
    let told = String::from_utf8(good.stdout).unwrap();
    assert!(
        told.starts_with("ok: 1 run, 7 revisions, 6 chunks, "),
        "{told}"
    );
    assert_eq!(good.status.code(), Some(0));
    assert_eq!(issession(&made, &["check", "s"]).status.code(), Some(0));
    fs::remove_file(a_chunk(&made)).unwrap();
    let bad = issession(&made, &["check", "s", "--json"]);
    assert_eq!(bad.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["counts"]["missing"], 1);
    let name = a_chunks_name(&made);
    assert_eq!(report["problems"][0]["what"], format!("{name} is missing"));
    for usage in [
        &["check", "none"][..],
        &["check", "--hashes"],
        &["check", "s", "http://h/"],
        &["--hashes"],
        &[],
    ] {
        assert_eq!(issession(&made, usage).status.code(), Some(2), "{usage:?}");
    }
}

#[test]
fn the_demo_is_whole() {
    let output = Command::new(env!("CARGO_BIN_EXE_issession"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["check", "demo", "--hashes"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "ok: 1 run, 71 revisions, 86 chunks, 0:01:15.006\n");
}

#[test]
fn sessions_of_chance_that_are_whole_are_found_whole() {
    let mut dice = Dice::new(seed());
    for round in 0..rounds(12, 100) {
        let life = Life::ALL[round % Life::ALL.len()];
        let made = Made::new(&mut dice, life);
        let report = check(&made.session(), true);
        let is_clean = report.ok && report.notes.is_empty();
        let seed = seed();
        assert!(
            is_clean,
            "{life:?}, seed {seed}: {:?} {:?}",
            wrong(&report),
            report.notes
        );
    }
}

#[test]
fn a_bit_of_chance_that_changes_an_answer_is_found() {
    let mut dice = Dice::new(seed());
    let mut changed = 0;
    let all = rounds(60, 1000);
    let mut made = a_session();
    let mut questions = Questions::of(&made);
    let mut before = questions.answers(&made.session());
    for round in 1..=all {
        if round % 30 == 0 {
            assert!(check(&made.session(), true).ok, "all is flipped back");
            made = Made::new(&mut dice, Life::ALL[round / 30 % Life::ALL.len()]);
            questions = Questions::of(&made);
            before = questions.answers(&made.session());
        }
        let file = match dice.below(4) {
            0 => a_chunk(&made),
            _ => made.file("session.db"),
        };
        let at = dice.below(fs::metadata(&file).unwrap().len());
        let bit = dice.below(8) as u8;
        flip(&file, at, bit);
        if questions.answers(&made.session()) != before {
            changed += 1;
            let report = check(&made.session(), true);
            assert!(
                !report.ok,
                "{}: byte {at}, bit {bit}, seed {}",
                file.display(),
                seed()
            );
        }
        flip(&file, at, bit);
    }
    assert!(changed * 4 > all, "{changed} of {all} changed an answer");
}

#[test]
fn as_many_polls_as_a_day_has_are_looked_at() {
    let made = a_session();
    made.alter(
        "CREATE TEMP TABLE poll AS
           SELECT e.* FROM exchange e JOIN resource r ON r.id = e.resource_id
            WHERE r.kind = 'media' AND e.outcome = 'complete' ORDER BY e.id DESC LIMIT 1;
         UPDATE temp.poll SET body_id = NULL, confirms_id = NULL, status = 503;
         CREATE TEMP TABLE n AS
           WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n;
         CREATE TEMP TABLE last AS SELECT max(id) AS id FROM exchange;
         UPDATE temp.poll SET id = 0;
         CREATE TEMP TABLE polls AS SELECT n.i, poll.* FROM temp.poll, temp.n;
         UPDATE temp.polls SET id = (SELECT id FROM temp.last) + i, from_us = from_us + i * 250000,
                requested_us = requested_us + i * 250000;
         ALTER TABLE temp.polls DROP COLUMN i;
         INSERT INTO exchange SELECT * FROM temp.polls;
         UPDATE run SET stopped_us = stopped_us + 6000000000, seen_us = seen_us + 6000000000
          WHERE id = (SELECT max(id) FROM run)",
    );
    let report = check(&made.session(), false);
    assert_eq!(wrong(&report), [("", ""); 0]);
}

#[test]
fn a_log_that_was_not_folded_in_is_told_and_folded_in() {
    let made = a_session();
    fs::remove_file(made.file("session.sum")).unwrap();
    // As a kill leaves it between the end of a run and the one file.
    let files =
        ["session.db", "session.db-wal"].map(|name| (made.file(name), made.sessions().join(name)));
    let db = rusqlite::Connection::open(made.file("session.db")).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.execute("UPDATE run SET seen_us = stopped_us", [])
        .unwrap();
    for (file, copy) in &files {
        fs::copy(file, copy).unwrap();
    }
    drop(db);
    for (file, copy) in &files {
        fs::copy(copy, file).unwrap();
    }
    let report = check(&made.session(), true);
    assert_eq!(wrong(&report), [("", ""); 0]);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("session.db-wal"))
    );
    let output = issession(&made, &["repair", "s"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!made.file("session.db-wal").exists());
    assert!(made.file("session.sum").exists());
    assert!(check(&made.session(), true).notes.is_empty());
}
