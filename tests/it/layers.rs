//! The layering of `src/lib.rs`, held against the paths in `src`: arrows point down only,
//! and each library that is somebody's own is named by nobody else.

use std::fs;
use std::path::{Path, PathBuf};

/// A module, and the modules that it may name. `lib.rs` names all of them.
const LAYERS: [(&str, &[&str]); 8] = [
    ("bin", &["cli"]),
    (
        "cli",
        &[
            "recorder", "replayer", "analysis", "session", "hls", "clock",
        ],
    ),
    ("recorder", &["session", "hls", "clock"]),
    ("replayer", &["session", "hls", "clock"]),
    ("analysis", &["session", "hls", "clock"]),
    ("session", &["hls", "clock"]),
    ("hls", &[]),
    ("clock", &[]),
];

/// What only some files may name: a path (of a library, or a reading of time) and where.
const OWNED: [(&str, &[&str]); 16] = [
    ("reqwest", &["recorder/"]),
    ("hyper", &["recorder/classify.rs", "replayer/serve.rs"]),
    ("hyper_util", &["replayer/serve.rs"]),
    ("rustls", &["recorder/client.rs", "recorder/classify.rs"]),
    ("rusqlite", &["session/"]),
    ("cap_std", &["session/"]),
    ("sha2", &["session/"]),
    ("m3u8_rs", &["hls/"]),
    ("flate2", &["recorder/decode.rs"]),
    ("brotli", &["recorder/decode.rs"]),
    ("zstd", &["recorder/decode.rs"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("anyhow", &["cli/"]),
    ("Instant::now", &["clock.rs"]),
    ("SystemTime", &["clock.rs"]),
];

/// A file of `src`: its path there, and its text.
struct Source<'a> {
    path: &'a str,
    text: &'a str,
}

impl Source<'_> {
    /// The module that it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Lines of code, with their numbers; comments are left out.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = |line| str::split(line, "//").next().unwrap_or_default();
        self.text
            .lines()
            .map(code)
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// What it names and may not, as sentences.
    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (number, line) in self.lines() {
            let at = format!("src/{}:{number}", self.path);
            for named in modules_named(line) {
                if !self.may_import(named) {
                    found.push(format!("{at}: {} may not name {named}", self.module()));
                }
            }
            for (owned, owners) in OWNED {
                let is_owner = owners.iter().any(|owner| self.path.starts_with(owner));
                if !is_owner && names(line, owned) {
                    found.push(format!("{at}: only {} may name {owned}", owners.join(", ")));
                }
            }
        }
        found
    }

    fn may_import(&self, named: &str) -> bool {
        let own = self.module();
        let allowed = LAYERS.iter().find(|(module, _)| *module == own);
        own == named || own == "lib" || allowed.is_some_and(|(_, below)| below.contains(&named))
    }
}

/// Modules of the crate that a line names as `crate::module` or `isrecorder::module`.
fn modules_named(line: &str) -> impl Iterator<Item = &str> {
    let after = |root: &'static str| line.match_indices(root).map(move |(at, _)| at + root.len());
    after("crate::")
        .chain(after("isrecorder::"))
        .filter_map(move |at| {
            let rest = line.get(at..)?.trim_start_matches("{");
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let name = rest.get(..end)?;
            LAYERS
                .iter()
                .any(|(module, _)| *module == name)
                .then_some(name)
        })
}

/// Whether a line names a path: as a whole word that a path goes on from, or that `use` ends in.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + path.len()..];
        let is_word = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"');
        let is_path =
            path.contains(char::is_uppercase) || after.starts_with("::") || after.starts_with(';');
        is_word && is_path && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    })
}

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

#[test]
fn arrows_point_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&src, &mut paths);
    let mut violations = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        let relative = path.strip_prefix(&src).unwrap().to_str().unwrap();
        let source = Source {
            path: relative,
            text: &text,
        };
        let module = source.module();
        let is_known = module == "lib" || LAYERS.iter().any(|(known, _)| *known == module);
        assert!(is_known, "src/{relative}: which layer is {module}?");
        violations.extend(source.violations());
    }
    assert!(paths.len() > 30, "{paths:?}");
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let violations = |path, text| Source { path, text }.violations();
    assert_eq!(
        violations(
            "hls/scan.rs",
            "//! crate::session is above\nuse crate::session::Reader;"
        ),
        ["src/hls/scan.rs:2: hls may not name session"]
    );
    assert_eq!(
        violations("recorder/run.rs", "let x = crate::replayer::serve();"),
        ["src/recorder/run.rs:1: recorder may not name replayer"]
    );
    assert_eq!(
        violations("bin/isrecorder.rs", "isrecorder::session::Reader::open()"),
        ["src/bin/isrecorder.rs:1: bin may not name session"]
    );
    assert_eq!(
        violations(
            "cli/mod.rs",
            "use crate::session::Reader; use crate::cli::exit;"
        ),
        [""; 0]
    );
}

#[test]
fn a_library_in_the_wrong_place_is_found() {
    let violations = |path, text| Source { path, text }.violations();
    assert_eq!(
        violations("replayer/respond.rs", "use rusqlite::Connection;"),
        ["src/replayer/respond.rs:1: only session/ may name rusqlite"]
    );
    assert_eq!(
        violations("recorder/poll.rs", "let now = tokio::time::Instant::now();"),
        ["src/recorder/poll.rs:1: only clock.rs may name Instant::now"]
    );
    let harmless =
        "use http::header; // reqwest::Client\nlet hyper = 1; my_clap::parse(); say(\"clap\")";
    assert_eq!(violations("recorder/fetch.rs", harmless), [""; 0]);
}
