//! What a package has besides the programs is made of their own definitions.

use std::fs;
use std::path::Path;
use std::process::Command;

// Its `main` writes the files.
#[allow(dead_code)]
#[path = "../../examples/packaging.rs"]
mod writer;

#[test]
fn man_pages_and_completions_are_those_of_the_programs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let files = writer::files().unwrap();
    assert_eq!(
        files.len(),
        5 * 4 + if cfg!(feature = "archive") { 8 } else { 6 },
        "five programs, three shells and a page, and one for each command of issession"
    );
    for (file, content) in &files {
        let committed = fs::read(folder.join(file)).unwrap_or_default();
        assert!(
            committed == *content,
            "{} is out of date: cargo run --example packaging -- packaging",
            file.display()
        );
    }
    let there = ["completions", "man"].map(|name| fs::read_dir(folder.join(name)).unwrap().count());
    assert_eq!(
        there.iter().sum::<usize>(),
        files.len(),
        "nothing is left over"
    );
}

#[test]
fn bash_completes_what_was_begun() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    let completed = |program: &str, typed: &str| {
        let file = script.join(format!("{program}.bash"));
        let function = format!("_{}", program.replace('-', "__"));
        let line = format!(
            ". '{}'; COMP_WORDS=({program} {typed}); COMP_CWORD=1; \
             {function} {program} '{typed}' {program}; echo \"${{COMPREPLY[*]}}\"",
            file.display()
        );
        let output = Command::new("bash").args(["-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("isrecorder", "--metr"), "--metrics");
    assert_eq!(completed("isreplayer", "--at"), "--at-end");
    assert_eq!(completed("adjacent-find", "--fail"), "--fail-on-gap");
    assert_eq!(completed("issession", "rep"), "repair");
}
