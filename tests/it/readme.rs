//! What the README promises: its options exist, its queries run, the demo replays.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// `--long-options` of a text.
fn options(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 3 && !word.starts_with("---"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_option_is_in_the_readme_and_every_option_of_the_readme_exists() {
    let text = readme();
    let listed = text
        .split("```text")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let mut real = BTreeSet::new();
    let issession = env!("CARGO_BIN_EXE_issession");
    for (program, command) in [
        (env!("CARGO_BIN_EXE_isrecorder"), None),
        (env!("CARGO_BIN_EXE_isreplayer"), None),
        (env!("CARGO_BIN_EXE_adjacent-find"), None),
        (env!("CARGO_BIN_EXE_isreport"), None),
        (issession, Some("list")),
        (issession, Some("info")),
        (issession, Some("check")),
        (issession, Some("repair")),
        (issession, Some("redact")),
        (issession, Some("clip")),
        (issession, Some("archive")),
        (issession, Some("fetch")),
    ] {
        let help = Command::new(program)
            .args(command)
            .arg("-h")
            .output()
            .unwrap();
        assert!(help.status.success());
        real.extend(options(&String::from_utf8(help.stdout).unwrap()));
    }
    assert!(real.len() > 20, "{real:?}");
    assert_eq!(options(listed), real);
}

#[test]
fn the_report_of_the_readme_is_that_of_the_demo() {
    let text = readme();
    let at = text.find("localhost: 3 playlists").unwrap();
    let (shown, _) = text[at..].split_once("…\n").unwrap();
    let report = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .arg("demo")
        .current_dir(root())
        .output()
        .unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.starts_with(shown), "{report}");
}

#[test]
fn the_queries_of_the_readme_and_the_guide_run() {
    let demo = root().join("sessions/demo/session.db");
    let db = Connection::open_with_flags(demo, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let guide = std::fs::read_to_string(root().join("docs/GUIDE.md")).unwrap();
    let in_readme = readme()
        .split("```sql")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap()
        .to_owned();
    let in_guide: String = guide
        .split("\n\n")
        .filter(|part| part.starts_with("    SELECT"))
        .flat_map(|part| [part, ";\n"])
        .collect();
    let mut ran = 0;
    for query in [in_readme, in_guide]
        .concat()
        .split(';')
        .filter(|q| q.contains("SELECT"))
    {
        let mut statement = db.prepare(query).unwrap_or_else(|e| panic!("{query}: {e}"));
        statement.query([]).unwrap().next().unwrap();
        ran += 1;
    }
    assert!(ran >= 6, "{ran}");
}

#[test]
fn the_demo_is_small_whole_and_has_the_freeze_that_is_told_of() {
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-f", "sessions", "demo"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.matches("Find time difference 0:00:0").count(),
        2,
        "{text}"
    );

    let db = Connection::open_with_flags(
        root().join("sessions/demo/session.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let mut chunks = db
        .prepare("SELECT path, size FROM body WHERE path IS NOT NULL")
        .unwrap();
    let mut rows = chunks.query([]).unwrap();
    let mut bytes = 0;
    while let Some(row) = rows.next().unwrap() {
        let (path, size): (String, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let file = root().join("sessions/demo/chunks").join(&path);
        assert_eq!(file.metadata().unwrap().len() as i64, size, "{path}");
        bytes += size;
    }
    assert!((500_000..3_000_000).contains(&bytes), "{bytes}");
}
