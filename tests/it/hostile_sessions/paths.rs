//! Rows that name files elsewhere, in a session that somebody is to go on with: nothing of the user's is touched.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use isrecorder::upkeep::check;
use rusqlite::Connection;

use super::super::support::made::{Life, Made, Questions};
use super::{CANARY, PROGRAMS, a_session, ends, exercise, fifo};

/// What a row says, and how; `%` is the folder of sessions.
const ELSEWHERE: [&str; 12] = [
    "../../canary",
    "%/canary",
    "//canary",
    "live/../../../canary",
    "./canary",
    "live//canary",
    "canary/",
    "",
    ".",
    "..",
    ".tmp/reserve",
    ".TMP/1",
];

/// The number of the first body that is a chunk.
fn a_body(made: &Made) -> i64 {
    made.one("SELECT min(id) FROM body WHERE path IS NOT NULL")
}

/// Gives the path of a row other bytes.
fn name(made: &Made, path: &[u8]) -> i64 {
    let id = a_body(made);
    let db = Connection::open(made.file("session.db")).unwrap();
    let path: Vec<u8> = path.to_vec();
    db.execute(
        "UPDATE body SET path = CAST(?1 AS TEXT) WHERE id = ?2",
        (path, id),
    )
    .unwrap();
    drop(db);
    let _ = fs::remove_file(made.file("session.sum"));
    id
}

/// `--resume --keep`, which removes what is too old.
fn resume(made: &Made) -> (i32, String) {
    let arguments = [
        "-o",
        ".",
        "--resume",
        "-s",
        "s",
        "--keep",
        "1s",
        "--duration",
        "1ms",
    ];
    ends(PROGRAMS[3].0, made.sessions(), &arguments)
}

fn repair(made: &Made) -> (i32, String) {
    ends(PROGRAMS[1].0, made.sessions(), &["-f", ".", "repair", "s"])
}

fn assert_untouched(made: &Made, what: &str) {
    let canary = fs::read(made.sessions().join("canary")).unwrap();
    let other = fs::read(made.sessions().join("outside/seg.ts")).unwrap();
    assert!(canary == CANARY && other == CANARY, "{what}");
}

/// It is not gone on with as it is, and after a repair it is, without that one body.
fn assert_mended(made: &Made, id: i64, what: &str) {
    let bodies: i64 = made.one("SELECT count(*) FROM body");
    let (code, said) = resume(made);
    assert_eq!(code, 1, "{what}: {said}");
    let wanted = [format!("body {id} "), "issession repair ".to_owned()];
    assert!(wanted.iter().all(|w| said.contains(w)), "{what}: {said}");
    assert!(!made.file("chunks/.tmp").exists(), "{what}");
    let report = check(&made.session(), true);
    assert!(report.counts.contains_key("path"), "{what}: {report:?}");
    let (code, said) = repair(made);
    assert_eq!(code, 0, "{what}: {said}");
    assert_untouched(made, what);
    assert_eq!(
        made.one::<i64>("SELECT count(*) FROM body"),
        bodies,
        "{what}"
    );
    let marked = format!(
        "SELECT count(*) FROM event WHERE kind = 'lost' AND json_extract(detail, '$.body') = {id}"
    );
    assert_eq!(made.one::<i64>(&marked), 1, "{what}");
    let report = check(&made.session(), true);
    assert!(report.ok, "{what}: {:?}", report.problems);
    let (code, said) = resume(made);
    assert!(
        !said.contains("is not gone on with"),
        "{what}: {code} {said}"
    );
    assert_untouched(made, what);
}

#[test]
fn a_session_whose_rows_name_files_elsewhere_is_gone_on_with_only_after_a_repair() {
    for path in ELSEWHERE {
        let made = a_session(Life::Stopped);
        let folder = made.sessions().display().to_string();
        let path = path.replace('%', &folder);
        let id = name(&made, path.as_bytes());
        assert_mended(&made, id, &path);
    }
}

#[test]
fn bytes_that_are_no_text_in_a_path_are_no_path() {
    for path in [
        &b"live/\xff.ts"[..],
        b"live/a\0b.ts",
        b"\xc0\xae\xc0\xae/canary",
    ] {
        let made = a_session(Life::Stopped);
        let id = name(&made, path);
        assert_mended(&made, id, &format!("{path:?}"));
    }
}

#[test]
fn odd_names_that_stay_beneath_the_chunks_are_names() {
    for path in [
        "...",
        "..live/a.ts",
        "-rf",
        "a\u{202e}b/\u{1b}[31m.ts",
        "live/ ",
    ] {
        let made = a_session(Life::Stopped);
        let before: String = made.one("SELECT path FROM body WHERE path IS NOT NULL ORDER BY id");
        name(&made, path.as_bytes());
        let place = made.file("chunks").join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::rename(made.file("chunks").join(before), place).unwrap();
        let report = check(&made.session(), true);
        assert!(report.ok, "{path:?}: {:?}", report.problems);
    }
}

#[test]
fn a_folder_of_chunks_that_is_a_link_is_not_gone_through() {
    let made = a_session(Life::Stopped);
    let path: String = made.one("SELECT path FROM body WHERE path IS NOT NULL ORDER BY id LIMIT 1");
    let folder = path.split('/').next().unwrap().to_owned();
    let id = a_body(&made);
    let elsewhere = made.sessions().join("elsewhere");
    fs::rename(made.file("chunks").join(&folder), &elsewhere).unwrap();
    symlink("../../elsewhere", made.file("chunks").join(&folder)).unwrap();
    let there = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&elsewhere).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let before = there();
    exercise(&made, &Questions::of(&made), "a linked folder");
    let (code, said) = resume(&made);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains(&format!("body {id} ")) && said.contains("through a link"),
        "{said}"
    );
    let (code, said) = repair(&made);
    assert_eq!(code, 0, "{said}");
    // The link goes aside; what it led to stays what and where it was.
    let aside = made.file("aside/chunks").join(&folder);
    assert!(aside.symlink_metadata().unwrap().is_symlink(), "{said}");
    let (_, said) = resume(&made);
    assert!(!said.contains("is not gone on with"), "{said}");
    assert_eq!(there(), before);
}

/// Whatever is in the place of what a recorder makes by itself: it is removed as it is, or refused, never followed.
#[test]
fn links_and_pipes_in_the_place_of_a_recorders_own_files_lead_nowhere() {
    type Put = fn(&std::path::Path, &std::path::Path);
    let puts: [(&str, Put); 4] = [
        ("a link", |place, canary| symlink(canary, place).unwrap()),
        ("a second name", |place, canary| {
            fs::hard_link(canary, place).unwrap()
        }),
        ("a FIFO", |place, _| fifo(place)),
        ("a device", |place, _| symlink("/dev/zero", place).unwrap()),
    ];
    for (what, put) in puts {
        for own in [
            "chunks/.tmp/reserve",
            "chunks/.tmp/probe",
            "chunks/.tmp/1",
            "chunks/.tmp/1.notes",
            "session.sum.tmp",
            "aside",
        ] {
            let made = a_session(Life::Stopped);
            fs::create_dir_all(made.file("chunks/.tmp")).unwrap();
            put(&made.file(own), &made.sessions().join("canary"));
            fs::write(made.file("chunks/stray.ts"), "x").unwrap();
            let what = format!("{what} as {own}");
            let (code, said) = ends(PROGRAMS[1].0, made.sessions(), PROGRAMS[1].1);
            assert_eq!(code, 1, "{what}: {said}");
            let (code, said) = repair(&made);
            assert_eq!(code, 0, "{what}: {said}");
            assert_untouched(&made, &what);
            let (_, said) = resume(&made);
            assert!(!said.contains("panicked"), "{what}: {said}");
            assert_untouched(&made, &what);
        }
    }
}

/// What has no name in any text is moved aside like everything else that no row names.
#[test]
fn a_stray_file_whose_name_is_no_text_is_moved_aside() {
    let made = a_session(Life::Stopped);
    let name = std::ffi::OsStr::from_bytes(b"stray\xff.ts");
    fs::write(made.file("chunks").join(name), "x").unwrap();
    let (code, said) = repair(&made);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        fs::read(made.file("aside/chunks").join(name)).unwrap(),
        b"x"
    );
}
