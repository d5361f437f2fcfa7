//! `--check` and `--repair` of isrecorder and isreplayer: what is wrong with a session.

use clap::Args;

use super::durations::{clock_time, escaped};
use super::exit::{Failure, say};
use crate::session::{Report, SessionFolder, check, repair};

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

/// Checks a session, after a repair if that is wished; `false`: something is wrong.
pub(super) fn run(folder: &SessionFolder, options: CheckOptions) -> Result<bool, Failure> {
    let mut done = Vec::new();
    if options.repair {
        let mut tell = |what: String| {
            if !options.json {
                say(escaped(&what));
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
            say(escaped(&line));
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
    Ok(value.to_string())
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
