//! The layering of `src/lib.rs`, held against the paths in `src`: arrows point down only,
//! and each library that is somebody's own is named by nobody else.

use std::fs;
use std::path::{Path, PathBuf};

use super::arrows::{Arrows, Crate, circles, describe};

/// A module, and the modules that it may name. `lib.rs` names all of them.
const LAYERS: [(&str, &[&str]); 16] = [
    ("bin", &["cli"]),
    (
        "fuzzing",
        &[
            "cli", "recorder", "replayer", "upkeep", "session", "hls", "media",
        ],
    ),
    (
        "cli",
        &[
            "recorder", "replayer", "analysis", "archive", "store", "upkeep", "session", "hls",
            "clock", "shown", "spans",
        ],
    ),
    ("recorder", &["session", "hls", "media", "clock", "spans"]),
    (
        "replayer",
        &["page", "session", "hls", "media", "clock", "shown"],
    ),
    (
        "page",
        &["analysis", "session", "hls", "media", "clock", "shown"],
    ),
    (
        "analysis",
        &["session", "hls", "media", "clock", "shown", "spans"],
    ),
    ("archive", &["store", "upkeep", "session", "clock"]),
    ("store", &["clock"]),
    ("upkeep", &["session", "hls", "clock"]),
    ("session", &["hls", "clock"]),
    ("hls", &["shown"]),
    ("media", &[]),
    ("clock", &[]),
    ("shown", &[]),
    ("spans", &[]),
];

/// Files and folders inside a module, upper ones first: none may name one that stands before it. Those in one row know
/// nothing of each other.
const ORDERS: [(&str, &[&[&str]]); 11] = [
    (
        "cli",
        &[
            &[
                "isrecorder",
                "isreplayer",
                "isreport",
                "issession",
                "fuzzing",
            ],
            &["adjacent_find", "output"],
            &["archiving", "beside"],
            &["arguments"],
            &["descriptors", "exit", "listen", "signals"],
            &["outlet"],
        ],
    ),
    (
        "recorder",
        &[
            &["recording", "fuzzing"],
            &["poll"],
            &["beside", "raw"],
            &["context"],
            &["downloads"],
            &["playlists", "earlier_run"],
            &["plan"],
            &["http"],
            &["admission"],
            &["memory"],
            &["clocks", "settings"],
            &["formats", "schedule", "stats", "panics", "words"],
        ],
    ),
    (
        "recorder/poll",
        &[
            &["rhythms", "playlist_loop"],
            &["restart", "request", "revision"],
            &["exchanges"],
            &["poller"],
            &["state"],
        ],
    ),
    (
        "recorder/plan",
        &[
            &["growth"],
            &["changes"],
            &["state"],
            &["items"],
            &["listed"],
            &["left"],
            &["model"],
        ],
    ),
    (
        "replayer",
        &[
            &["connection", "fuzzing"],
            &["volumes"],
            &["respond"],
            &["raw"],
            &["replay"],
            &["cache", "dvr", "inject", "page"],
            &["response"],
            &["content"],
            &["request"],
            &["body", "memory"],
            &["header"],
        ],
    ),
    (
        "analysis",
        &[
            &["rules"],
            &["report", "summary"],
            &["raw"],
            &["outages"],
            &["faults"],
            &["adjacent", "silences"],
            &["gaps"],
            &["never_listed", "noticed"],
            &["damaged", "finding", "times"],
        ],
    ),
    (
        "upkeep",
        &[
            &["overview", "merge", "redact", "repair"],
            &["clip"],
            &["check", "copied"],
        ],
    ),
    (
        "archive",
        &[
            &["replay", "tail"],
            &["archiver", "check", "fetch"],
            &["unpack", "volume"],
            &["listing", "sent", "state", "trouble"],
            &["error"],
            &["cursor", "manifest", "windows"],
            &["names", "reserve"],
        ],
    ),
    (
        "store",
        &[
            &["large"],
            &["aws"],
            &["connect", "profile"],
            &["deadline", "error", "place"],
        ],
    ),
    (
        "session",
        &[
            &["write", "fuzzing"],
            &["keep"],
            &["read"],
            &["database", "model", "source"],
            &["clip_of", "error", "files"],
            &[
                "availability",
                "body",
                "digest",
                "format",
                "headers",
                "id",
                "moment",
                "notices",
                "spelling",
            ],
        ],
    ),
    (
        "hls",
        &[
            &["windows", "fuzzing"],
            &["playlist"],
            &["names", "rewrite"],
            &["text"],
            &["steps"],
        ],
    ),
];

/// What only some files may name: a path (of a library, or a reading of time) and where.
const OWNED: [(&str, &[&str]); 27] = [
    // What object_store connects with follows redirects, unless it is another client.
    ("reqwest", &["recorder/", "store/connect.rs"]),
    // reqwest lets nobody see the bytes of a connection.
    (
        "hyper",
        &[
            "recorder/http/classify.rs",
            "recorder/http/shoutcast.rs",
            "replayer/connection/",
        ],
    ),
    (
        "hyper_util",
        &[
            "recorder/http/classify.rs",
            "recorder/admission/reach.rs",
            "recorder/http/shoutcast.rs",
            "replayer/connection/",
        ],
    ),
    (
        "h2",
        &["recorder/http/classify.rs", "replayer/connection/http2/"],
    ),
    ("tokio_rustls", &["replayer/connection/"]),
    (
        "quick_xml",
        &["hls/playlist/list/forms.rs", "cli/isreport/junit.rs"],
    ),
    (
        "prometheus_client",
        &["recorder/stats/load.rs", "cli/output/metrics/"],
    ),
    (
        "rustls",
        &[
            "recorder/http/client.rs",
            "recorder/http/classify.rs",
            "recorder/http/tls.rs",
            "replayer/connection/opening/tls.rs",
            "store/connect.rs",
        ],
    ),
    ("object_store", &["store/"]),
    ("configparser", &["store/profile.rs"]),
    ("rusqlite", &["session/", "upkeep/"]),
    ("sha2", &["session/", "upkeep/"]),
    ("mp4_atom", &["media/"]),
    ("aes", &["media/cipher.rs"]),
    ("cbc", &["media/cipher.rs"]),
    ("aho_corasick", &["upkeep/redact/"]),
    ("getrandom", &["archive/cursor.rs", "upkeep/redact/"]),
    ("m3u8_rs", &["hls/"]),
    (
        "flate2",
        &[
            "session/body/decode.rs",
            "replayer/memory/",
            "replayer/tests/",
        ],
    ),
    ("brotli", &["session/body/decode.rs"]),
    ("zstd", &["archive/", "session/body/decode.rs"]),
    ("clap", &["cli/"]),
    ("indicatif", &["cli/"]),
    ("anyhow", &["cli/"]),
    ("sd_notify", &["cli/output/service.rs"]),
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

    /// Its code: comments are left out, lines stay where they are.
    fn code(&self) -> String {
        let code = |line| str::split(line, "//").next().unwrap_or_default();
        self.text.lines().map(code).collect::<Vec<_>>().join("\n")
    }

    /// What it names and may not, as sentences.
    fn violations(&self) -> Vec<String> {
        let code = self.code();
        let mut found = Vec::new();
        for (at, named) in modules_named(&code, self.root()) {
            if !self.may_import(named) {
                let number = 1 + code[..at].matches('\n').count();
                let own = self.module();
                found.push(format!(
                    "src/{}:{number}: {own} may not name {named}",
                    self.path
                ));
            }
        }
        for (number, line) in (1..).zip(code.lines()) {
            for (owned, owners) in OWNED {
                let is_owner = owners.iter().any(|owner| self.path.starts_with(owner));
                if !is_owner && names(line, owned) {
                    let owners = owners.join(", ");
                    found.push(format!(
                        "src/{}:{number}: only {owners} may name {owned}",
                        self.path
                    ));
                }
            }
        }
        found
    }

    /// How it gets to the root of the crate without naming it.
    fn root(&self) -> &'static str {
        let nested = self.path.matches('/').count();
        match nested + usize::from(!self.path.ends_with("mod.rs")) {
            0 | 1 => "super::",
            2 => "super::super::",
            _ => "super::super::super::",
        }
    }

    fn may_import(&self, named: &str) -> bool {
        let own = self.module();
        let allowed = LAYERS.iter().find(|(module, _)| *module == own);
        own == named || own == "lib" || allowed.is_some_and(|(_, below)| below.contains(&named))
    }
}

/// Modules of the crate that code names by `crate::`, `isrecorder::` or `root`, and where.
fn modules_named<'a>(code: &'a str, root: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let after = |root: &'a str| code.match_indices(root).map(move |(at, _)| at + root.len());
    let all = after("crate::")
        .chain(after("isrecorder::"))
        .chain(after(root));
    all.flat_map(move |at| {
        let rest = &code[at..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split("};").next().unwrap_or(list),
            None => rest.split([',', ';', ' ', '\n']).next().unwrap_or(rest),
        };
        list.split(',')
            .filter_map(move |path| Some((at, module_at(path)?)))
    })
}

/// The module that a path below the root begins with.
fn module_at(path: &str) -> Option<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = path.trim().split(|c| !is_name(c)).next()?;
    LAYERS
        .iter()
        .any(|(module, _)| *module == name)
        .then_some(name)
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

pub fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
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
            "hls/text/scan.rs",
            "//! crate::session is above\nuse crate::session::Reader;"
        ),
        ["src/hls/text/scan.rs:2: hls may not name session"]
    );
    assert_eq!(
        violations(
            "recorder/recording/run.rs",
            "let x = crate::replayer::serve();"
        ),
        ["src/recorder/recording/run.rs:1: recorder may not name replayer"]
    );
    assert_eq!(
        violations("bin/isrecorder.rs", "isrecorder::session::Reader::open()"),
        ["src/bin/isrecorder.rs:1: bin may not name session"]
    );
    let twice = violations(
        "hls/mod.rs",
        "use super::{\n    clock::{Clock, instant},\n    session::Reader,\n    scan,\n};",
    );
    assert_eq!(twice.len(), 2, "{twice:?}");
    assert_eq!(
        violations(
            "session/read/reader.rs",
            "use super::super::super::recorder::Ended;"
        )
        .len(),
        1
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
        violations("replayer/respond/mod.rs", "use rusqlite::Connection;"),
        ["src/replayer/respond/mod.rs:1: only session/, upkeep/ may name rusqlite"]
    );
    assert_eq!(
        violations(
            "recorder/poll/mod.rs",
            "let now = tokio::time::Instant::now();"
        ),
        ["src/recorder/poll/mod.rs:1: only clock.rs may name Instant::now"]
    );
    let harmless =
        "use http::header; // reqwest::Client\nlet hyper = 1; my_clap::parse(); say(\"clap\")";
    assert_eq!(violations("recorder/http/fetch.rs", harmless), [""; 0]);
}

/// All files of `src` but those of programs, and their texts.
fn library() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&src, &mut paths);
    let text = |path: PathBuf| {
        let relative = path.strip_prefix(&src).unwrap().to_str().unwrap();
        (relative.to_owned(), fs::read_to_string(&path).unwrap())
    };
    let files = paths.into_iter().map(text);
    files
        .filter(|(path, _)| !path.starts_with("bin/"))
        .collect()
}

fn arrows_of(files: &[(String, String)]) -> Arrows {
    let files = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    Crate::read(files).arrows()
}

/// Arrows inside a module that point up, or to a neighbour.
fn out_of_order(arrows: &Arrows, module: &str, rows: &[&[&str]]) -> Vec<String> {
    let row_of = |path: &str| {
        let inside = path.strip_prefix(module)?.strip_prefix('/')?;
        let name = inside.split('/').next()?.trim_end_matches(".rs");
        let row = rows.iter().position(|row| row.contains(&name));
        (name != "mod").then(|| (name.to_owned(), row))
    };
    let wrong = |((from, to), names): (&(String, String), &_)| {
        let ((own, from_row), (other, to_row)) = (row_of(from)?, row_of(to)?);
        let is_down = from_row.is_some() && from_row < to_row;
        (own != other && !is_down).then(|| format!("src/{from} names {names:?} of src/{to}"))
    };
    arrows.iter().filter_map(wrong).collect()
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let arrows = arrows_of(&library());
    assert!(arrows.len() > 1000, "{}", arrows.len());
    let circles = circles(&arrows);
    let found: Vec<_> = circles
        .iter()
        .map(|circle| describe(circle, &arrows))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn folders_inside_a_module_stand_in_their_order() {
    let arrows = arrows_of(&library());
    let wrong = ORDERS
        .iter()
        .flat_map(|(module, rows)| out_of_order(&arrows, module, rows));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_of_files_is_found_through_re_exports_macros_and_relative_paths() {
    let files = |text: &str| {
        vec![
            ("lib.rs".to_owned(), "pub mod a;".to_owned()),
            (
                "a/mod.rs".to_owned(),
                "mod b; mod c; pub use b::B;".to_owned(),
            ),
            (
                "a/b.rs".to_owned(),
                "pub struct B; fn f() { super::c::g() }".to_owned(),
            ),
            ("a/c.rs".to_owned(), text.to_owned()),
        ]
    };
    for text in [
        "use super::B; pub fn g() {}",
        "use crate::a::{self, B}; pub fn g() {}",
        "use crate::a; pub fn g() { println!(\"{}\", a::B::x()) }",
        "pub fn g(_: impl Fn(super::b::B)) {}",
    ] {
        let arrows = arrows_of(&files(text));
        assert_eq!(circles(&arrows).len(), 1, "{text}: {arrows:?}");
    }
    for text in [
        "pub fn g() {}",
        "pub fn g() {} #[cfg(test)] mod tests { use crate::a::B; }",
        "/// [`super::B`]\npub fn g() {}",
    ] {
        assert_eq!(circles(&arrows_of(&files(text))).len(), 0, "{text}");
    }
    // A function and a module that is imported have one name.
    let namesakes = [
        ("lib.rs", "mod x; mod y;"),
        ("x.rs", "use crate::y; pub fn y() { y::f() }"),
        ("y.rs", "use crate::x; pub fn f() { x::y() }"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(circles(&arrows_of(&namesakes)).len(), 1);
    let arrows = arrows_of(&files("pub fn g() {}"));
    assert_eq!(out_of_order(&arrows, "a", &[&["c"], &["b"]]).len(), 1);
    assert_eq!(out_of_order(&arrows, "a", &[&["b"], &["c"]]), [""; 0]);
}
