//! `issession repair`: moves aside, marks, deletes nothing.

use std::fs;
use std::os::unix::fs::symlink;

use std::path::Path;
use std::process::{Command, Output};

use isrecorder::upkeep::{State, check};
use rusqlite::Connection;

use super::super::support::replayed::Replayed;
use super::{a_chunk, a_chunks_name, a_session, fill_page_of, issession, wrong};

#[test]
fn a_repair_moves_aside_and_marks_and_then_all_is_well() {
    let made = a_session();
    let (chunk, name) = (a_chunk(&made), a_chunks_name(&made));
    let content = fs::read(&chunk).unwrap();
    fs::write(&chunk, b"short").unwrap();
    fs::write(made.file("chunks/stray.ts"), b"stray").unwrap();
    let output = issession(&made, &["repair", "s", "--hashes"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains(&format!("moved aside: {name} to aside/{name}\n")),
        "{told}"
    );
    assert!(
        told.contains("moved aside: chunks/stray.ts to aside/chunks/stray.ts\n"),
        "{told}"
    );
    assert!(told.contains(&format!("note: {name} is lost\n")), "{told}");
    assert_eq!(
        fs::read(made.file(&format!("aside/{name}"))).unwrap(),
        b"short"
    );
    assert_eq!(
        fs::read(made.file("aside/chunks/stray.ts")).unwrap(),
        b"stray"
    );
    assert!(made.file("session.sum").exists());
    assert!(!made.file("chunks/.tmp").exists());
    // Who has it elsewhere can put it back.
    fs::write(&chunk, content).unwrap();
    assert!(check(&made.session(), true).ok);
    let again = issession(&made, &["repair", "s", "--hashes"]);
    let told = String::from_utf8(again.stdout).unwrap();
    assert_eq!(told.lines().count(), 1, "nothing was left to do: {told}");
}

#[test]
fn a_repair_closes_what_was_killed() {
    let made = a_session();
    made.alter("UPDATE run SET stopped_us = NULL, ended = NULL; PRAGMA journal_mode = WAL");
    fs::create_dir(made.file("chunks/.tmp")).unwrap();
    fs::write(made.file("chunks/.tmp/99"), b"half").unwrap();
    let report = check(&made.session(), true);
    assert!(report.ok, "{:?}", wrong(&report));
    assert_eq!(report.state, State::Killed);
    let output = issession(&made, &["repair", "s"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("closed: the run whose recorder was killed"),
        "{told}"
    );
    assert_eq!(
        fs::read(made.file("aside/chunks/.tmp/99")).unwrap(),
        b"half"
    );
    assert_eq!(made.one::<String>("SELECT ended FROM run"), "killed");
    let report = check(&made.session(), true);
    assert_eq!(
        (report.ok, report.state),
        (true, State::Stopped),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_repair_of_what_is_being_recorded_or_beyond_repair_touches_nothing() {
    let made = a_session();
    let locked = fs::File::open(made.file("chunks")).unwrap();
    locked.lock().unwrap();
    let output = issession(&made, &["repair", "s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("is being recorded by another isrecorder"),
        "{said}"
    );
    drop(locked);
    made.alter("DROP VIEW keys");
    fs::write(made.file("chunks/stray.ts"), b"stray").unwrap();
    let output = issession(&made, &["repair", "s"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(made.file("chunks/stray.ts").exists());
}

#[test]
fn a_repair_touches_nothing_where_the_database_is_damaged() {
    let made = a_session();
    fill_page_of(&made, "event");
    fs::write(made.file("chunks/stray.ts"), b"stray").unwrap();
    let output = issession(&made, &["repair", "s"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing was touched"), "{said}");
    assert!(made.file("chunks/stray.ts").exists());
    assert!(made.file("session.sum").exists());
}

#[test]
fn a_repair_moves_nothing_over_what_was_moved_before() {
    let made = a_session();
    for content in ["first", "second", "third"] {
        fs::write(made.file("chunks/stray.ts"), content).unwrap();
        let output = issession(&made, &["repair", "s"]);
        assert!(output.status.success(), "{output:?}");
    }
    let names = ["stray.ts", "stray.ts~2", "stray.ts~3"];
    let moved = names.map(|name| fs::read_to_string(made.file("aside/chunks").join(name)));
    assert_eq!(moved.map(Result::unwrap), ["first", "second", "third"]);
}

#[test]
fn a_repair_moves_nothing_that_is_no_chunk() {
    let made = a_session();
    fs::write(made.file("notes.txt"), b"mine").unwrap();
    made.alter(
        "UPDATE body SET path = '../notes.txt' WHERE id = (SELECT min(id) FROM body WHERE path IS NOT NULL)",
    );
    issession(&made, &["repair", "s"]);
    assert_eq!(fs::read(made.file("notes.txt")).unwrap(), b"mine");
}

#[test]
fn a_repair_moves_nothing_that_lies_outside() {
    let made = a_session();
    let outside = tempfile::tempdir().unwrap();
    let chunk = a_chunk(&made);
    let folder = chunk.parent().unwrap();
    let name = chunk.file_name().unwrap();
    fs::write(outside.path().join(name), b"somebody else's").unwrap();
    fs::rename(folder, made.sessions().join("elsewhere")).unwrap();
    symlink(outside.path(), folder).unwrap();
    issession(&made, &["repair", "s"]);
    assert!(outside.path().join(name).exists());
}

#[test]
fn a_sum_is_written_over_no_other_file() {
    let made = a_session();
    let other = made.sessions().join("other");
    fs::write(&other, "mine").unwrap();
    symlink(&other, made.file("session.sum.tmp")).unwrap();
    fs::write(a_chunk(&made).with_file_name("stray"), "x").unwrap();
    let output = issession(&made, &["repair", "s"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(&other).unwrap(), b"mine");
    assert!(
        made.file("session.sum")
            .symlink_metadata()
            .unwrap()
            .is_file()
    );
}

/// Makes a session one whose recorder was killed.
fn kill(session: &Path) {
    let db = Connection::open(session.join("session.db")).unwrap();
    db.execute_batch(
        "UPDATE run SET stopped_us = NULL, ended = NULL, seen_us = seen_us - 60000000, started_us = started_us - 60000000;
         UPDATE exchange SET requested_us = requested_us - 60000000, from_us = from_us - 60000000;
         UPDATE revision SET seen_us = seen_us - 60000000, not_before_us = not_before_us - 60000000;
         DELETE FROM heartbeat;
         PRAGMA journal_mode = WAL",
    )
    .unwrap();
    fs::remove_file(session.join("session.sum")).unwrap();
}

fn repair(session: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_issession"))
        .arg("repair")
        .arg(session)
        .output()
        .unwrap()
}

#[test]
fn what_was_killed_is_repaired_while_it_is_replayed() {
    let mut replayed = Replayed::start_after(kill);
    replayed.check();
    let session = replayed.folder().join("hostile");
    let output = repair(&session);
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}{said}");
    assert!(
        told.contains("closed: the run whose recorder was killed\n"),
        "{told}"
    );
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("ok: 1 run, "), "{told}{said}");
    assert!(session.join("session.sum").exists(), "{told}{said}");
    assert!(!session.join("session.db-wal").exists());
    replayed.check();
}

#[test]
fn a_repair_beside_a_program_that_keeps_the_database_open_says_so_and_ends_well() {
    let made = a_session();
    kill(&made.path());
    let held = Connection::open(made.file("session.db")).unwrap();
    let runs = "SELECT count(*) FROM run";
    held.query_row(runs, [], |row| row.get::<_, i64>(0))
        .unwrap();
    let output = repair(&made.path());
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let place = made.file("session.db").display().to_string();
    assert!(told.contains(&format!("has {place} open")), "{told}");
    assert!(told.lines().last().unwrap().starts_with("ok: "), "{told}");
    assert_eq!(made.one::<String>("SELECT ended FROM run"), "killed");
    assert!(!made.file("session.sum").exists());
    assert!(check(&made.session(), true).ok);
    drop(held);
    let output = repair(&made.path());
    assert!(output.status.success(), "{output:?}");
    assert!(made.file("session.sum").exists());
    assert!(!made.file("session.db-wal").exists());
}

#[test]
fn a_repair_touches_nothing_while_another_program_is_in_a_transaction() {
    let made = a_session();
    fs::write(made.file("chunks/stray.ts"), b"stray").unwrap();
    let held = Connection::open(made.file("session.db")).unwrap();
    held.execute_batch("BEGIN; SELECT count(*) FROM run")
        .unwrap();
    let output = repair(&made.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let place = made.file("session.db").display().to_string();
    assert!(said.contains(&format!("has {place} open")), "{said}");
    assert!(said.contains("nothing was touched"), "{said}");
    assert!(made.file("chunks/stray.ts").exists());
    assert!(made.file("session.sum").exists());
    assert!(!made.file("chunks/.tmp").exists());
    drop(held);
    assert!(repair(&made.path()).status.success());
    assert!(made.file("aside/chunks/stray.ts").exists());
}

/// A repair did all that there was to do: the database is one file.
fn is_whole(session: &Path, output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(!told.contains("not done"), "{told}");
    assert!(session.join("session.sum").exists(), "{told}");
    assert!(!session.join("session.db-wal").exists(), "{told}");
}

#[test]
fn a_replayer_lets_go_again_when_another_program_prevented_the_first_repair() {
    let mut replayed = Replayed::start_after(kill);
    replayed.check();
    let session = replayed.folder().join("hostile");
    let held = Connection::open(session.join("session.db")).unwrap();
    let runs = "SELECT count(*) FROM run";
    held.query_row(runs, [], |row| row.get::<_, i64>(0))
        .unwrap();
    let output = repair(&session);
    let told = String::from_utf8(output.stdout).unwrap();
    let own = format!("(process {})", std::process::id());
    let not_done = told.lines().find(|line| line.starts_with("not done: "));
    assert!(not_done.unwrap().contains(&own), "{told}");
    assert!(!told.contains("this program"), "{told}");
    assert!(!session.join("session.sum").exists());
    // It has seen the closed run for as long as that repair waited.
    replayed.check();
    drop(held);
    is_whole(&session, &repair(&session));
    replayed.check();
}

#[test]
fn a_replayer_that_found_the_log_of_a_closed_run_lets_go_of_it() {
    let mut held = None;
    let mut replayed = Replayed::start_after(|session| {
        kill(session);
        let db = Connection::open(session.join("session.db")).unwrap();
        db.execute_batch("UPDATE run SET stopped_us = seen_us, ended = 'killed'")
            .unwrap();
        held = Some(db);
    });
    replayed.check();
    let session = replayed.folder().join("hostile");
    assert!(session.join("session.db-wal").exists());
    drop(held);
    is_whole(&session, &repair(&session));
    replayed.check();
}

#[test]
fn who_writes_is_named_where_others_only_have_it_open() {
    let mut replayed = Replayed::start_after(kill);
    replayed.check();
    let session = replayed.folder().join("hostile");
    let reserve = session.join("chunks/.tmp/reserve");
    fs::create_dir_all(reserve.parent().unwrap()).unwrap();
    fs::write(&reserve, b"held").unwrap();
    let held = Connection::open(session.join("session.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let resume = || -> Output {
        Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .args(["--resume", "-s", "hostile", "-o"])
            .arg(replayed.folder())
            .output()
            .unwrap()
    };
    let own = format!("(process {}) has ", std::process::id());
    for output in [repair(&session), resume()] {
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&own), "{said}");
        assert!(said.contains("session.db open and locked"), "{said}");
        assert_eq!(said.matches("(process ").count(), 1, "{said}");
        assert!(!said.contains("this program"), "{said}");
        assert!(reserve.exists(), "nothing was touched: {said}");
    }
    drop(held);
    is_whole(&session, &repair(&session));
    assert!(!reserve.exists());
    assert!(
        !session.join("aside").exists(),
        "what was held for a full disk is no loss"
    );
    replayed.check();
}
