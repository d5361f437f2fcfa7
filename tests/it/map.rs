//! `docs/ARCHITECTURE.md` has a line for each file or folder of `src`, and none for what is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::layers::sources;

/// Begins the part of the page that is the map: paths below `src` in the first column.
const MAP: &str = "## The map";

/// Paths of the map: of files, and of folders with a slash at their end.
fn mapped(page: &str) -> BTreeSet<String> {
    let map = page.split(MAP).nth(1).unwrap();
    let map = map.split("\n## ").next().unwrap_or_default();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

/// What is wrong with a map of these files.
fn faults(files: &BTreeSet<String>, map: &BTreeSet<String>) -> Vec<String> {
    let covers = |entry: &str, file: &str| match entry.ends_with('/') {
        true => file.starts_with(entry),
        false => file == entry,
    };
    let missing = files
        .iter()
        .filter(|file| !map.iter().any(|entry| covers(entry, file)))
        .map(|file| format!("src/{file} is not on the map"));
    let gone = map
        .iter()
        .filter(|entry| !files.iter().any(|file| covers(entry, file)))
        .map(|entry| format!("src/{entry} is on the map and not there"));
    missing.chain(gone).collect()
}

#[test]
fn every_file_is_on_the_map_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ARCHITECTURE.md")).unwrap();
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    let relative = |path: &std::path::PathBuf| {
        let path = path.strip_prefix(root.join("src")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let is_test = |path: &String| path.ends_with("tests.rs") || path.contains("/tests/");
    let files = paths
        .iter()
        .map(relative)
        .filter(|path| !is_test(path))
        .collect();
    let found = faults(&files, &mapped(&page));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_file_that_is_missing_and_one_that_is_gone_are_found() {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    let map = mapped(
        "# Page\n| `x.rs` | no |\n## The map\n| path | is |\n| --- | --- |\n| `a/b.rs` | one |\n| `c/` | all |\n## Next\n| `y.rs` | no |\n",
    );
    assert_eq!(map, set(&["a/b.rs", "c/"]));
    assert_eq!(faults(&set(&["a/b.rs", "c/d.rs"]), &map), [""; 0]);
    assert_eq!(
        faults(&set(&["a/b.rs", "a/e.rs", "c/d.rs"]), &map),
        ["src/a/e.rs is not on the map"]
    );
    assert_eq!(
        faults(&set(&["a/b.rs"]), &map),
        ["src/c/ is on the map and not there"]
    );
}
