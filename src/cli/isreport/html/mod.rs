//! A report to mail: one file of HTML without scripts that asks nothing of a network.
//!
//! | file | is |
//! | --- | --- |
//! | `findings` | the table of two columns, then each finding with its evidence |
//! | `evidence` | the texts that show it |
//! | `pictures` | each rendition over the session |
//! | `chart` | one chart |
//! | `channel` | what the channel is: renditions, hosts |
//!
//! What an origin said is text in it, and never markup: `maud` escapes whatever is not marked.

mod channel;
mod chart;
mod evidence;
mod findings;
mod pictures;

use std::collections::BTreeMap;
use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use self::evidence::Evidence;
use super::form::Shown;
use super::text::verdict;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::registry::Severity;
use crate::shown::escaped;

const STYLE: &str = include_str!("style.css");

/// Findings of a rule and a severity that the page shows, the first ones: a page of a hundred thousand is read by nobody.
const MOST_OF_RULE: usize = 200;

/// What the page shows of the findings.
struct Listed<'a> {
    /// Each with its number, by which links know it.
    findings: Vec<(usize, &'a Judged)>,
    /// How many of a rule are left out.
    left_out: BTreeMap<&'static str, u64>,
}

impl<'a> Listed<'a> {
    fn of(shown: &'a Shown<'_>) -> Self {
        let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
        let mut left_out = BTreeMap::new();
        let mut findings = Vec::new();
        for (number, judged) in shown.findings().enumerate() {
            let count = counts.entry((judged.rule, judged.severity)).or_default();
            *count += 1;
            match *count <= MOST_OF_RULE {
                true => findings.push((number, judged)),
                false => *left_out.entry(judged.rule).or_default() += 1,
            }
        }
        Self { findings, left_out }
    }
}

/// Written in pieces: none of them is larger than the pictures of a channel.
pub(super) fn write(
    shown: &Shown<'_>,
    evidence: &Evidence,
    out: &mut impl Write,
) -> io::Result<()> {
    let listed = Listed::of(shown);
    let pictured = pictures::pictures(shown, &listed);
    put(
        out,
        html! {
            (DOCTYPE)
            (PreEscaped("<html lang=\"en\">"))
            (head(shown))
            (PreEscaped("<body>"))
            header {
                h1 { (title(shown)) }
                @for line in verdict(shown) { p { (line) } }
            }
            (PreEscaped("<main>"))
            (findings::table(shown))
            h2 id="findings" { "Findings" }
        },
    )?;
    for (number, judged) in &listed.findings {
        put(
            out,
            findings::one(shown, judged, *number, evidence, &pictured),
        )?;
    }
    put(
        out,
        html! {
            (findings::left_out(shown, &listed))
            h2 id="channel" { "The channel" }
            (channel::channel(shown))
            h2 id="pictures" { "Pictures" }
            (pictured.markup)
            (PreEscaped("</main></body></html>"))
        },
    )
}

fn put(out: &mut impl Write, markup: Markup) -> io::Result<()> {
    out.write_all(markup.into_string().as_bytes())
}

fn title(shown: &Shown<'_>) -> String {
    format!("isreport {}", escaped(&shown.session))
}

fn head(shown: &Shown<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
            title { (title(shown)) }
            style { (PreEscaped(STYLE)) }
        }
    }
}
