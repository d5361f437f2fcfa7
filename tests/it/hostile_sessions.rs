//! Sessions from strangers: whatever is in the folder, readers answer or say what is wrong. They
//! never panic, never hang, and never give a byte from outside the folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::BodyExt as _;
use isrecorder::analysis::adjacent::{Search, Threshold};
use isrecorder::clock::Clock;
use isrecorder::replayer::{Faults, Options, Replay};
use isrecorder::session::{ReadError, Reader, Sessions, digest};
use isrecorder::upkeep::check;
use rusqlite::Connection;

use self::mutation::{loosened, mutate_row, mutated, tightened};
use super::support::made::{Life, Made, Questions};
use super::support::{Dice, rounds, seed};

mod mutation;
mod numbers;
mod pages;
mod paths;
mod schemas;

/// What must never be seen.
const CANARY: &[u8] = b"a canary from outside the session's folder";
/// What takes longer hangs: five seconds, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a body, more is not read.
const ENOUGH: usize = 1 << 20;

fn a_session(life: Life) -> Made {
    let made = Made::new(&mut Dice::new(seed()), life);
    fs::write(made.sessions().join("canary"), CANARY).unwrap();
    fs::create_dir(made.sessions().join("outside")).unwrap();
    fs::write(made.sessions().join("outside/seg.ts"), CANARY).unwrap();
    made
}

/// Opens a session in every way and asks it everything; whatever it says is right, but for the canary.
fn exercise(made: &Made, questions: &Questions, what: &str) {
    let began = now();
    let Ok(session) = Sessions::new(made.sessions()).find("s") else {
        return;
    };
    let _ = check(&session, true);
    let seen = format!("{:?}", digest(CANARY).to_vec());
    for answer in questions.answers(&session) {
        assert!(!answer.contains(&seen), "{what}: {answer}");
    }
    analyse(&session);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Waits and paces are over at once.
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(replay(&session, questions, what));
    assert!(now() - began < PATIENCE, "{what} took {:?}", now() - began);
}

fn analyse(session: &isrecorder::session::SessionFolder) {
    let Ok(reader) = Reader::open(session) else {
        return;
    };
    if let Ok(search) = Search::new(&reader, Threshold(None)) {
        let _ = search.outages(|outage| {
            let _ = search.cost(&outage);
            search.faults_of(&outage, |_, _| Ok::<_, ReadError>(()))
        });
    }
    for playlist in reader.media_playlists().unwrap_or_default() {
        let search = Search::new(&reader, Threshold(None));
        let _ = search.and_then(|search| search.gaps(&playlist, |_| Ok::<_, ReadError>(())));
        let _ = reader.listed_revisions(playlist.id, (i64::MIN, 0), 100);
    }
    let _ = reader.growing(1);
}

async fn replay(session: &isrecorder::session::SessionFolder, questions: &Questions, what: &str) {
    for faults in [Faults::Recorded, Faults::Healed] {
        let options = Options {
            offset: Duration::from_millis(20),
            faults,
            ..Options::default()
        };
        let Ok(replay) = Replay::open(session.clone(), Clock::start(), options) else {
            continue;
        };
        let replay = Arc::new(replay);
        let mut paths: Vec<String> = ["/", "/stream.m3u8", "/hall/stream.m3u8", "/hall/dvr.m3u8"]
            .map(str::to_owned)
            .into();
        paths.extend(["/hall/dump.ts", "/hall/stream.ts", "/exchange/3/x"].map(str::to_owned));
        paths.extend(questions.paths());
        for path in paths {
            let Ok(request) = Request::builder().uri(&path).body(()) else {
                continue;
            };
            let request = replay.receive(request.into_parts().0);
            let reply = replay.respond(&request).await;
            let Some(response) = reply.response else {
                continue;
            };
            let mut body = response.into_body();
            let mut bytes = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                if bytes.len() > ENOUGH {
                    break;
                }
            }
            let seen = bytes.windows(CANARY.len()).any(|part| part == CANARY);
            assert!(!seen, "{what}: {path}");
        }
    }
}

/// For deadlines.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn databases_of_chance_are_answered_from_or_refused() {
    let mut dice = Dice::new(seed());
    for life in [Life::Stopped, Life::Plain, Life::Resumed] {
        let made = a_session(life);
        let questions = Questions::of(&made);
        let database = made.file("session.db");
        let whole = fs::read(&database).unwrap();
        for round in 0..rounds(50, 3400) {
            let content = mutated(&whole, &mut dice);
            fs::write(&database, content).unwrap();
            exercise(
                &made,
                &questions,
                &format!("{life:?} {round}, seed {}", seed()),
            );
        }
    }
}

#[test]
fn rows_of_chance_are_answered_from_or_refused() {
    let mut dice = Dice::new(seed());
    for life in [Life::Stopped, Life::Plain] {
        let made = a_session(life);
        let canary = made.sessions().join("canary");
        symlink(made.sessions().join("outside"), made.file("chunks/link")).unwrap();
        symlink(&canary, made.file("chunks/link.ts")).unwrap();
        let questions = Questions::of(&made);
        let base = made.sessions().join("base.db");
        drop(loosened(&made, &base));
        let database = made.file("session.db");
        fs::remove_file(made.file("session.sum")).unwrap();
        for round in 0..rounds(75, 5000) {
            fs::copy(&base, &database).unwrap();
            let db = Connection::open(&database).unwrap();
            db.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; BEGIN")
                .unwrap();
            for _ in 0..10 {
                mutate_row(&db, &mut dice, &canary);
            }
            tightened(&db);
            db.execute_batch("COMMIT").unwrap();
            drop(db);
            exercise(
                &made,
                &questions,
                &format!("{life:?} {round}, seed {}", seed()),
            );
        }
    }
}

#[test]
fn rows_that_nobody_mutated_are_answered_from_as_ever() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    let before = questions.answers(&made.session());
    let base = made.sessions().join("base.db");
    tightened(&loosened(&made, &base));
    fs::copy(&base, made.file("session.db")).unwrap();
    fs::remove_file(made.file("session.sum")).unwrap();
    assert_eq!(questions.answers(&made.session()), before);
}

/// A tree of pages that is its own child: endless rows in a few kilobytes.
#[test]
fn rows_without_end_are_ended() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    without_end(&made);
    exercise(&made, &questions, "endless rows");
    let report = check(&made.session(), false);
    let is_told = |what: &str| what.contains("table \"event\"") && what.contains("2nd reference");
    assert!(
        report.problems.iter().any(|f| is_told(&f.what)),
        "{report:?}"
    );
}

fn without_end(made: &Made) {
    made.alter(
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         INSERT INTO event (id, at_us, kind, detail) SELECT i, 1, 'lost', '{\"body\":0}' FROM n",
    );
    let root: i64 = made.one("SELECT rootpage FROM sqlite_schema WHERE name = 'event'");
    again_and_again(made, root, 15);
}

/// All children of the root become one inner page, and all of its children the one before, so many times.
fn again_and_again(made: &Made, root: i64, levels: usize) {
    let database = made.file("session.db");
    let mut content = fs::read(&database).unwrap();
    let page = |number: usize| (number - 1) * 4096;
    let at = page(root as usize);
    assert_eq!(content[at], 5, "the root has children");
    let spare = content.len() / 4096 + 1;
    for level in 0..levels {
        let mut inner = content[at..at + 4096].to_vec();
        let next = if level + 1 < levels {
            spare + level + 1
        } else {
            0
        };
        point_all(&mut inner, next as u32);
        content.extend_from_slice(&inner);
    }
    let mut inner = content[at..at + 4096].to_vec();
    point_all(&mut inner, spare as u32);
    content[at..at + 4096].copy_from_slice(&inner);
    let pages = (content.len() / 4096) as u32;
    content[28..32].copy_from_slice(&pages.to_be_bytes());
    fs::write(&database, &content).unwrap();
}

/// Makes all children of an inner page one page; 0: they stay.
fn point_all(inner: &mut [u8], child: u32) {
    if child == 0 {
        return;
    }
    let cells = usize::from(u16::from_be_bytes([inner[3], inner[4]]));
    inner[8..12].copy_from_slice(&child.to_be_bytes());
    for cell in 0..cells {
        let at = 12 + 2 * cell;
        let at = usize::from(u16::from_be_bytes([inner[at], inner[at + 1]]));
        inner[at..at + 4].copy_from_slice(&child.to_be_bytes());
    }
}

/// Whether a program ends by itself, with which code, and what it says.
fn ends(program: &str, folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut child = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = now();
    while child.try_wait().unwrap().is_none() {
        if now() - began > PATIENCE {
            child.kill().unwrap();
            panic!("{program} {arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

const PROGRAMS: [(&str, &[&str]); 5] = [
    (
        env!("CARGO_BIN_EXE_isreplayer"),
        &["-f", ".", "--list", "s"],
    ),
    (
        env!("CARGO_BIN_EXE_issession"),
        &["-f", ".", "check", "s", "--hashes"],
    ),
    (
        env!("CARGO_BIN_EXE_adjacent-find"),
        &["-f", ".", "--faults", "s"],
    ),
    (
        env!("CARGO_BIN_EXE_isrecorder"),
        &["-o", ".", "--resume", "-s", "s", "--duration", "1ms"],
    ),
    (
        env!("CARGO_BIN_EXE_issession"),
        &["-f", ".", "info", "s", "--json"],
    ),
];

/// All programs refuse it in a sentence, and touch nothing.
#[track_caller]
fn refused(made: &Made, what: &str) {
    for (program, arguments) in PROGRAMS {
        let (code, said) = ends(program, made.sessions(), arguments);
        assert_eq!(code, 1, "{what}: {arguments:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.is_empty(),
            "{what}: {said}"
        );
    }
    assert_eq!(
        fs::read(made.sessions().join("canary")).unwrap(),
        CANARY,
        "{what}"
    );
    assert!(made.sessions().join("outside/seg.ts").exists(), "{what}");
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn what_is_no_file_in_place_of_the_database_is_refused() {
    type Damage = fn(&Path, &Path);
    let damages: [(&str, Damage); 4] = [
        ("a FIFO", |database, _| fifo(database)),
        ("a folder", |database, _| fs::create_dir(database).unwrap()),
        ("a device", |database, _| {
            symlink("/dev/zero", database).unwrap()
        }),
        ("a link", |database, elsewhere| {
            symlink(elsewhere, database).unwrap()
        }),
    ];
    for (what, damage) in damages {
        let made = a_session(Life::Stopped);
        let elsewhere = made.sessions().join("elsewhere.db");
        fs::rename(made.file("session.db"), &elsewhere).unwrap();
        damage(&made.file("session.db"), &elsewhere);
        refused(&made, what);
    }
    for beside in ["session.db-wal", "session.db-shm", "session.db-journal"] {
        let made = a_session(Life::Stopped);
        fs::remove_file(made.file("session.sum")).unwrap();
        fifo(&made.file(beside));
        refused(&made, beside);
    }
}

#[test]
fn views_and_triggers_in_place_of_tables_are_refused() {
    for sql in [
        "DROP TABLE line; CREATE VIEW line AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
           SELECT 1 AS resource_id, i AS number, 'x' AS text FROM n",
        "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM exchange; END",
        "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM exchange; END;
         PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET name = 'sqlite_t', sql = replace(sql, 'TRIGGER t', 'TRIGGER sqlite_t') WHERE name = 't'",
    ] {
        let made = a_session(Life::Stopped);
        made.alter(sql);
        refused(&made, sql);
    }
    let made = a_session(Life::Stopped);
    let long = "x".repeat(300_000);
    made.alter(&format!("CREATE VIEW long AS SELECT '{long}'"));
    refused(&made, "a statement of 300 KB");
}

#[test]
fn links_to_folders_elsewhere_are_not_followed() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    fs::rename(made.file("chunks"), made.sessions().join("moved")).unwrap();
    symlink("../outside", made.file("chunks")).unwrap();
    exercise(&made, &questions, "chunks is a link");
    assert!(!check(&made.session(), true).ok);
    let (code, said) = ends(PROGRAMS[3].0, made.sessions(), PROGRAMS[3].1);
    assert_eq!(code, 1, "{said}");
    fs::remove_file(made.file("chunks")).unwrap();
    fs::rename(made.sessions().join("moved"), made.file("chunks")).unwrap();
    // A resume clears what is left of downloads; it must be its own.
    symlink("../../outside", made.file("chunks/.tmp")).unwrap();
    let (code, said) = ends(PROGRAMS[3].0, made.sessions(), PROGRAMS[3].1);
    assert_eq!(code, 1, "{said}");
    assert!(made.sessions().join("outside/seg.ts").exists());
}

#[test]
fn a_fifo_and_a_hollow_file_in_place_of_a_chunk_hold_nobody_up() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    let path: String = made.one("SELECT path FROM body WHERE path IS NOT NULL ORDER BY id LIMIT 1");
    let chunk = made.file("chunks").join(&path);
    fs::remove_file(&chunk).unwrap();
    fifo(&chunk);
    exercise(&made, &questions, "a FIFO");
    fs::remove_file(&chunk).unwrap();
    let hollow: u64 = 1 << 40;
    fs::File::create(&chunk).unwrap().set_len(hollow).unwrap();
    made.alter(&format!(
        "UPDATE body SET size = {hollow} WHERE path = '{path}'"
    ));
    let report = check(&made.session(), true);
    let is_told = report
        .problems
        .iter()
        .any(|f| f.what.ends_with("is hollow and was not read"));
    assert!(is_told, "{:?}", report.problems);
}

#[test]
fn giant_values_are_not_read() {
    let made = a_session(Life::Stopped);
    let questions = Questions::of(&made);
    made.alter(
        "UPDATE body SET text = NULL, data = zeroblob(100000000), size = 100000000 WHERE id = 1",
    );
    exercise(&made, &questions, "a blob of zeros");
    assert!(!check(&made.session(), true).ok);
}
