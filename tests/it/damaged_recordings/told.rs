//! What all of `isreport` tells of a recording.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::tape::Tape;

/// A damage: the rule that tells it, those that have to tell it as well, and what is done.
pub type Damage = (&'static str, &'static [&'static str], fn(&mut Tape));

/// The rules that are told of a recording, and all that is said.
pub fn told(tape: &Tape) -> (BTreeSet<String>, String) {
    let folder = TempDir::new().unwrap();
    tape.write(&folder);
    let mut report = Command::new(env!("CARGO_BIN_EXE_isreport"));
    report
        .args(["--format", "json", "--severity", "info"])
        .arg(folder.path().join("s"));
    let output = report.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let rule = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["rule"].as_str().map(str::to_owned)
    };
    let rules = said.lines().filter_map(rule).collect();
    let lines = said
        .lines()
        .filter(|line| line.contains("\"rule\"") || line.contains("not_judged"));
    (rules, lines.map(|line| format!("  {line}\n")).collect())
}

/// Of which playlists a rule is told.
pub fn playlists(tape: &Tape, rule: &str) -> BTreeSet<String> {
    let (_, said) = told(tape);
    let lines = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line.trim()).unwrap());
    let of = lines.filter(|line| line["rule"] == rule);
    of.filter_map(|line| line["playlist"].as_str().map(str::to_owned))
        .collect()
}

/// A recording is clean, and of each damage its rules are told.
pub fn assert_told(clean: &Tape, damages: &[Damage]) {
    let (rules, said) = told(clean);
    assert!(rules.is_empty(), "nothing was damaged:\n{said}");
    let mut wrong = Vec::new();
    for (n, (rule, more, damage)) in damages.iter().enumerate() {
        let mut tape = clean.clone();
        damage(&mut tape);
        let (rules, said) = told(&tape);
        let wanted: BTreeSet<String> = [rule]
            .into_iter()
            .chain(*more)
            .map(|rule| (*rule).to_owned())
            .collect();
        if rules != wanted {
            wrong.push(format!(
                "{n}: {wanted:?}, and what is told is {rules:?}:\n{said}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
