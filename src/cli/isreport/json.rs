//! A report as JSON, an object a line: findings in the keys of all programs, what isreport adds, and a summary of the session in
//! the last line (`docs/ref/findings.md`).

use std::io::{self, Write};

use serde::Serialize;

use super::form::Shown;
use super::summary::summary;
use crate::analysis::rules::findings::JudgedLine;
use crate::shown;

#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    line: JudgedLine<'a>,
    /// Which event it is of: what several playlists have at once is one.
    event: usize,
    replay: String,
}

#[derive(Serialize)]
struct NotJudged<'a> {
    not_judged: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct LeftOut<'a> {
    left_out: &'a str,
    count: u64,
}

pub(super) fn write(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    for (number, event) in shown.shown_events() {
        for judged in event.all() {
            let found = Found {
                line: judged.line(shown.zero_us),
                event: number + 1,
                replay: shown.replay(judged),
            };
            writeln!(out, "{}", shown::json(&found)?)?;
        }
    }
    for (rule, count) in &shown.judgement.left_out {
        let left_out = LeftOut {
            left_out: rule,
            count: *count,
        };
        writeln!(out, "{}", shown::json(&left_out)?)?;
    }
    for not_judged in &shown.judgement.not_judged {
        let line = NotJudged {
            not_judged: &not_judged.what,
            why: &not_judged.why,
        };
        writeln!(out, "{}", shown::json(&line)?)?;
    }
    writeln!(out, "{}", shown::json(&summary(shown))?)?;
    Ok(())
}
