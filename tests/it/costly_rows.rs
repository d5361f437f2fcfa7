//! Sessions whose rows have far larger texts than any recorder writes, and many requests that each row is of: what looks at the
//! requests does not read such a text for each of them. And what is not read since nobody asks for it.

use std::path::Path;
use std::process::{Command, Output};

use rusqlite::Connection;
use tempfile::TempDir;

/// No program may have more address space, in KiB: one that reads the large texts for some hundred requests at once needs gigabytes.
const MOST_SPACE: usize = 1_500_000;
/// Of a text, in bytes.
const LARGE: usize = 12 * 1024 * 1024;

/// A copy of the demo, altered.
fn demo(alter: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo");
    let to = folder.path().join("s");
    let copied = Command::new("cp").arg("-r").arg(demo).arg(&to).status();
    assert!(copied.unwrap().success());
    let db = Connection::open(to.join("session.db")).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF;",
    )
    .unwrap();
    db.execute_batch(alter).unwrap();
    // The sum would say that something is wrong in any case.
    std::fs::remove_file(to.join("session.sum")).unwrap();
    folder
}

fn run(program: &str, arguments: &[&str], folder: &TempDir) -> Output {
    let limited = format!("ulimit -v {MOST_SPACE}; exec \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited, "sh", program]).args(arguments);
    shell.arg("s").current_dir(folder.path());
    shell.env("RUST_BACKTRACE", "0").output().unwrap()
}

#[test]
fn a_large_text_of_a_row_is_not_read_for_each_request_of_it() {
    for (table, column) in [
        ("stream", "name"),
        ("stream", "url"),
        ("resource", "kind"),
        ("resource", "url"),
        ("resource", "path_url"),
        ("resource", "name"),
    ] {
        let folder = demo(&format!(
            "UPDATE {table} SET {column} = printf('%d%.*c', rowid, {LARGE}, 'x') WHERE id <= 4;
             UPDATE exchange SET outcome = 'reset', status = NULL WHERE id > 100;"
        ));
        for arguments in [&["-f", ".", "--faults", "-v"][..], &["-f", "."]] {
            let output = run(env!("CARGO_BIN_EXE_adjacent-find"), arguments, &folder);
            let said = String::from_utf8_lossy(&output.stderr);
            let ended = output.status.code();
            assert!(
                ended.is_some_and(|code| code < 2),
                "{table}.{column}: {said}"
            );
            assert!(!said.contains("panicked"), "{table}.{column}: {said}");
            assert!(output.stdout.len() < LARGE, "{table}.{column}");
        }
    }
}

#[test]
fn outages_read_no_text_where_there_is_none() {
    // A text that is not what came: who reads it says so.
    let folder = demo("UPDATE body SET sha256 = zeroblob(32) WHERE text LIKE '%EXTINF%'");
    let report = |rules: &str| {
        let arguments = ["-f", ".", "--format", "json", "--rules", rules];
        let output = run(env!("CARGO_BIN_EXE_isreport"), &arguments, &folder);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let reads_them = |rules: &str| report(rules).contains("is not what came");
    assert!(reads_them("P06") && reads_them("H04"));
    for rules in ["H14", "T07,H14", "H*,-H04", "S01"] {
        assert!(!reads_them(rules), "{rules}");
    }
}
