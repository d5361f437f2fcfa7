//! `--check` and `--repair` of isrecorder and isreplayer: what is wrong with a session.

use clap::Args;

use super::exit::{Failure, say};
use crate::cli::arguments::durations::clock_time;
use crate::session::{FolderError, SessionFolder};
use crate::shown;
use crate::upkeep::{Report, check, repair};

/// How a session is checked.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct CheckOptions {
    /// With --check: read everything and compare the SHA-256 of each playlist, chunk and key
    #[arg(long, requires = "check")]
    hashes: bool,
    /// With --check: move aside and mark what is wrong, close what was killed; nothing is deleted
    #[arg(long, requires = "check")]
    repair: bool,
    /// With --check: print one JSON object
    #[arg(long, requires = "check")]
    json: bool,
}

impl CheckOptions {
    /// One that was given without --check. clap does not ask for what is excluded by the arguments
    /// beside it.
    pub(super) fn given(self) -> Option<&'static str> {
        let all = [
            (self.hashes, "--hashes"),
            (self.repair, "--repair"),
            (self.json, "--json"),
        ];
        all.into_iter().find(|(is, _)| *is).map(|(_, name)| name)
    }
}

/// Checks a session, after a repair if that is wished; `false`: something is wrong. Where it cannot
/// even begin, JSON says that, too.
pub(super) fn run(
    folder: Result<SessionFolder, FolderError>,
    options: CheckOptions,
) -> Result<bool, Failure> {
    let done = folder.map_err(Failure::from);
    let done = done.and_then(|folder| check_folder(&folder, options));
    if let (true, Err(failure)) = (options.json, &done) {
        let told = serde_json::json!({ "ok": false, "error": failure.message() });
        say(json_line(&told)?);
    }
    done
}

fn check_folder(folder: &SessionFolder, options: CheckOptions) -> Result<bool, Failure> {
    let mut done = Vec::new();
    if options.repair {
        let mut tell = |what: String| {
            if !options.json {
                say(&what);
            }
            done.push(what);
        };
        repair(folder, options.hashes, &mut tell).map_err(Failure::failed)?;
    }
    let report = check(folder, options.hashes);
    if options.json {
        say(json(&report, &done)?);
    } else {
        for line in lines(&report) {
            say(line);
        }
    }
    Ok(report.ok)
}

/// `docs/ref/check.md` describes it.
fn json(report: &Report, done: &[String]) -> Result<String, Failure> {
    let mut value = serde_json::to_value(report).map_err(Failure::failed)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("repaired".to_owned(), done.into());
    }
    json_line(&value)
}

fn json_line(value: &serde_json::Value) -> Result<String, Failure> {
    shown::json(value).map_err(Failure::failed)
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let wrong = report.problems.iter();
    lines.extend(wrong.map(|finding| format!("wrong: {}", finding.what)));
    for (kind, more) in report.left_out() {
        lines.push(format!("wrong: {more} more of the kind {kind}"));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    if report.more_notes > 0 {
        lines.push(format!("note: and {} more", report.more_notes));
    }
    lines.push(summary(report));
    lines
}

fn summary(report: &Report) -> String {
    let number = |count: i64, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let problems = i64::try_from(report.problem_count()).unwrap_or(i64::MAX);
    if problems > 0 {
        return number(problems, "problem");
    }
    let totals = report.totals;
    let chunks = i64::try_from(totals.chunks).unwrap_or(i64::MAX);
    let length = u64::try_from(totals.length_us).unwrap_or(0);
    let length = clock_time(std::time::Duration::from_micros(length));
    let hashes = if report.hashes {
        ""
    } else {
        ", hashes not compared"
    };
    format!(
        "ok: {}, {}, {}, {length}{hashes}",
        number(totals.runs, "run"),
        number(totals.revisions, "revision"),
        number(chunks, "chunk"),
    )
}
