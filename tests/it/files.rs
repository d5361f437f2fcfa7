//! Which files of `src` may touch files at all. What rows name is touched through `session/files/beneath.rs` alone: no other
//! file of the library has a call that takes a path, or joins one, but those that are listed here with their reason.

use std::fs;
use std::path::Path;

use super::layers::sources;

/// Who may, and which files these are: none of them is named by a row.
const MAY: [(&str, &str); 27] = [
    (
        "replayer/respond/page.rs",
        "the file of hls.js, which the user names",
    ),
    (
        "replayer/connection/opening/tls.rs",
        "certificate and key, which the user names",
    ),
    (
        "session/files/beneath.rs",
        "whatever is beneath a session, by handles",
    ),
    (
        "session/files/permission.rs",
        "what a user may not touch, and whose it is",
    ),
    (
        "session/files/folder.rs",
        "folders of sessions, which users name",
    ),
    (
        "session/database/guarded.rs",
        "session.db, and what SQLite has beside it",
    ),
    ("session/database/sum.rs", "session.sum"),
    ("session/write/run/begin.rs", "session.db"),
    ("session/write/disk/wal.rs", "session.db-wal"),
    ("session/database/holders.rs", "/proc"),
    (
        "upkeep/copied/mod.rs",
        "the folder and the database of a copy",
    ),
    (
        "upkeep/copied/modes.rs",
        "the folder and the database of a copy",
    ),
    ("upkeep/redact/search.rs", "the database of a copy"),
    ("session/write/disk/full.rs", "room for a file that is open"),
    ("recorder/http/client.rs", "certificates, which users name"),
    ("replayer/connection/socket.rs", "files that are open"),
    ("fuzzing.rs", "inputs of fuzzers"),
    (
        "store/mod.rs",
        "the folder of an archive, which the user names",
    ),
    ("store/aws.rs", "files of the AWS tools"),
    (
        "archive/cursor.rs",
        "archive.json beside session.db, and what is made on the way",
    ),
    ("archive/reserve.rs", "room for the database of a volume"),
    ("archive/volume.rs", "the database of a volume, on the way"),
    ("archive/unpack.rs", "the database of a volume, on the way"),
    ("archive/fetch.rs", "the database of a volume, on the way"),
    ("archive/check.rs", "the database of a volume, on the way"),
    (
        "archive/replay/cache.rs",
        "the cache, which the user names, but for chunks in it",
    ),
    (
        "archive/replay/opened.rs",
        "the database of a volume, on the way",
    ),
];
/// These ask whether there is a session.db-wal or a session.sum, and may do nothing else.
const MAY_ASK: [&str; 4] = [
    "session/read/reader.rs",
    "session/error.rs",
    "upkeep/check/mod.rs",
    "upkeep/repair.rs",
];
/// Arguments of programs.
const MAY_ALL: &str = "cli/";

/// What touches a file by its path, or makes a path of two.
const TOUCHES: [&str; 24] = [
    "File::open",
    "File::create",
    "File::options",
    "OpenOptions",
    "DirBuilder",
    "std::fs",
    "tokio::fs",
    "rustix::fs",
    "fs::read",
    "fs::write",
    "fs::copy",
    "fs::rename",
    "fs::remove",
    "fs::create",
    "fs::metadata",
    "fs::symlink",
    "fs::exists",
    "fs::canonicalize",
    ".chunks()",
    ".symlink_metadata()",
    ".exists()",
    ".try_exists()",
    ".is_file()",
    ".is_dir()",
];
/// These are about a file that is open already.
const ALLOWED: [&str; 5] = [
    "use std::fs::TryLockError;",
    "use std::fs::File;",
    "use std::fs::{File, Permissions};",
    "std::os::unix::fs::FileExt",
    "facts.is_file()",
];

/// What paths are joined with where that is none of a row: names that users give, that a folder has, or our own.
const OWN: [&str; 6] = [
    "TEMPORARY",
    "super::chunk_dir::TEMPORARY",
    "name)",
    "format!(\"session",
    "pid.to_string()",
    "&self.path)",
];

/// The code that runs: without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let text = text.split("\n    #[cfg(test)]").next().unwrap_or_default();
    let uncommented = |line| str::split(line, "//").next().unwrap_or_default();
    text.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

/// What a line joins paths with: strings are joined by a literal, and URLs where there are no files.
fn joined<'a>(path: &str, line: &'a str) -> Vec<&'a str> {
    if !path.starts_with("session/") && !path.starts_with("upkeep/") {
        return Vec::new();
    }
    let mut arguments = Vec::new();
    for call in [".join(", "Path::new(", "PathBuf::from("] {
        let after = line
            .match_indices(call)
            .map(|(at, _)| &line[at + call.len()..]);
        arguments.extend(after.filter(|argument| !argument.starts_with('"')));
    }
    arguments
}

/// Whether a line names something as a whole word.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        word.starts_with('.') || !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// What a file does and may not, as sentences.
fn violations(path: &str, text: &str) -> Vec<String> {
    let is_test =
        path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/testing.rs");
    if is_test || path.starts_with(MAY_ALL) || MAY.iter().any(|(may, _)| *may == path) {
        return Vec::new();
    }
    let code = code(text);
    let lines = (1..).zip(code.lines());
    let touching = lines.filter(|(_, line)| {
        let mut line = ALLOWED.iter().fold((*line).to_owned(), |line, allowed| {
            line.replace(allowed, "")
        });
        if MAY_ASK.contains(&path) {
            line = line
                .replace(".exists()", "")
                .replace("Path::new(&self.path)", "");
        }
        !joined(path, &line).is_empty() || TOUCHES.iter().any(|touch| names(&line, touch))
    });
    touching
        .map(|(number, line)| format!("src/{path}:{number}: {}", line.trim()))
        .collect()
}

#[test]
fn files_that_rows_name_are_touched_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&src, &mut paths);
    let mut found = Vec::new();
    for path in &paths {
        let relative = path.strip_prefix(&src).unwrap().to_str().unwrap();
        found.extend(violations(relative, &fs::read_to_string(path).unwrap()));
    }
    assert!(paths.len() > 100, "{paths:?}");
    assert!(
        found.is_empty(),
        "only session/files/beneath.rs may:\n{}",
        found.join("\n")
    );
    for (may, _) in MAY {
        assert!(
            src.join(may).exists(),
            "{may} is gone: take it out of the list"
        );
    }
}

/// Of those that may touch files of their own, none reads a path of a row.
#[test]
fn who_touches_files_by_their_paths_reads_no_paths_of_rows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = MAY
        .iter()
        .filter(|(path, _)| *path != "session/files/beneath.rs");
    for (path, _) in files {
        let code = code(&fs::read_to_string(src.join(path)).unwrap());
        for line in code.lines() {
            for argument in joined(path, line) {
                let is_own = OWN.iter().any(|own| argument.starts_with(own));
                assert!(is_own, "src/{path}: {}", line.trim());
            }
        }
    }
}

#[test]
fn another_place_that_touches_files_is_found() {
    for line in [
        "let file = chunks.join(path);",
        "let _ = std::fs::remove_file(x);",
        "let file = File::open(folder.chunks())?;",
        "if target.symlink_metadata().is_ok() {}",
        "let all = Path::new(path).ancestors();",
    ] {
        assert_eq!(
            violations("session/write/keep/remove.rs", line).len(),
            1,
            "{line}"
        );
    }
    let harmless = "use std::fs::File;\nlet said = names.join(\", \"); // std::fs::remove_file\nfor some in bytes.chunks(4) {}";
    assert_eq!(
        violations("session/write/keep/remove.rs", harmless),
        [""; 0]
    );
    let in_a_test = "#[cfg(test)]\nmod tests { fn f() { std::fs::remove_file(x); } }";
    assert_eq!(violations("session/write/store.rs", in_a_test), [""; 0]);
}
