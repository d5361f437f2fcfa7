//! `issession check` and `issession repair`: what is wrong with a session, or an archive, and what is mended of a session.

use std::path::Path;

use clap::Args;

use super::session::SessionArgument;
use crate::cli::arguments::durations::clock_time;
use crate::cli::exit::{Failure, say};
use crate::session::SessionFolder;
use crate::shown;
use crate::upkeep::{Report, check, repair};

/// Which session is looked at, and how closely.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Read everything and compare the SHA-256 of each playlist, chunk and key
    #[arg(long)]
    hashes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    session: SessionArgument,
}

impl CheckArguments {
    /// Reads only; `false`: something is wrong with the session.
    pub(super) fn check(&self, folder: &Path) -> Result<bool, Failure> {
        #[cfg(feature = "archive")]
        if crate::store::StoreUrl::is_one(&self.session.session) {
            return self.or_json(super::archive::check(
                &self.session.session,
                self.hashes,
                self.json,
            ));
        }
        self.look(folder, |_| Ok(Vec::new()))
    }

    /// Repairs, then checks; `false`: something is wrong still.
    pub(super) fn repair(&self, folder: &Path) -> Result<bool, Failure> {
        self.look(folder, |folder| {
            let mut done = Vec::new();
            let mut tell = |what: String| {
                if !self.json {
                    say(&what);
                }
                done.push(what);
            };
            repair(folder, self.hashes, &mut tell).map_err(Failure::failed)?;
            Ok(done)
        })
    }

    /// Where it cannot even begin, JSON says that, too.
    fn look(
        &self,
        folder: &Path,
        repair: impl FnOnce(&SessionFolder) -> Result<Vec<String>, Failure>,
    ) -> Result<bool, Failure> {
        let done = self.session.find(folder).and_then(|folder| {
            let done = repair(&folder)?;
            self.tell(&check(&folder, self.hashes), &done)
        });
        self.or_json(done)
    }

    fn or_json(&self, done: Result<bool, Failure>) -> Result<bool, Failure> {
        if let (true, Err(failure)) = (self.json, &done) {
            let told = serde_json::json!({ "ok": false, "error": failure.message() });
            say(json_line(&told)?);
        }
        done
    }

    fn tell(&self, report: &Report, done: &[String]) -> Result<bool, Failure> {
        if self.json {
            say(json(report, done)?);
        } else {
            lines(report).iter().for_each(say);
        }
        Ok(report.ok)
    }
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
    let problems = i64::try_from(report.problem_count()).unwrap_or(i64::MAX);
    if problems > 0 {
        return shown::counted(problems, "problem");
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
        shown::counted(totals.runs, "run"),
        shown::counted(totals.revisions, "revision"),
        shown::counted(chunks, "chunk"),
    )
}
