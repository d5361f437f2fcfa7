//! Events: a table of two columns, then each with its evidence, and with all playlists that had it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::evidence::{Evidence, Excerpt};
use super::listed::Listed;
use super::pictures::Pictured;
use crate::analysis::rules::events::Event;
use crate::analysis::rules::registry::{RuleInfo, Severity, rule_of};
use crate::cli::isreport::form::{Shown, exchanges, link};
use crate::shown::{counted, escaped};

/// The two columns: what must be fixed, and what should be, a row a rule.
pub(super) fn table(shown: &Shown<'_>) -> Markup {
    html! {
        div.columns {
            (column(shown, Severity::Must, "Must fix"))
            (column(shown, Severity::Should, "Should fix"))
            @if shown.least == Severity::Info { (column(shown, Severity::Info, "Worth knowing")) }
        }
    }
}

fn column(shown: &Shown<'_>, severity: Severity, title: &str) -> Markup {
    let mut rules: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for (n, event) in shown.shown_events() {
        if event.judged.severity == severity {
            let row = rules.entry(event.judged.rule).or_insert((0, n));
            row.0 += event.times();
        }
    }
    html! {
        section {
            h2 { (title) ": " (counted(rules.len() as u64, "rule")) }
            @if rules.is_empty() { p.soft { "Nothing was found." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Rule" } th scope="col" { "What" } th scope="col" { "Times" } } }
                    tbody {
                        @for (id, (times, first)) in &rules {
                            tr {
                                th scope="row" { a href={ "#f" (first) } { (id) } }
                                td { (rule_of(id).map_or("", |rule| rule.name)) }
                                td { (times) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the page does not show, and what was not judged.
pub(super) fn left_out(shown: &Shown<'_>, listed: &Listed<'_>) -> Markup {
    html! {
        @for (rule, count) in &listed.left_out {
            p {
                (rule) ": " (counted(*count, "finding")) " more; all of them: "
                code { "isreport " (escaped(&shown.session)) " --rules " (rule) }
            }
        }
        @for (rule, count) in &shown.judgement.left_out {
            p { (rule) ": " (counted(*count, "finding")) " more, too many to be told apart" }
        }
        @for not_judged in &shown.judgement.not_judged {
            p.soft { "Not judged: " (escaped(&not_judged.what)) " (" (escaped(&not_judged.why)) ")" }
        }
    }
}

/// An event with its evidence. `n`: its number, by which links know it.
pub(super) fn one(
    shown: &Shown<'_>,
    event: &Event<'_>,
    n: usize,
    evidence: &Evidence,
    pictured: &Pictured,
) -> Markup {
    let judged = event.judged;
    let finding = &judged.finding;
    let name = judged.info().map_or("", |rule| rule.name);
    let severity = judged.severity.as_str();
    html! {
        article class={ "finding " (severity) } id={ "f" (n) } {
            h3 { (severity.to_uppercase()) " " (judged.rule) " " (name) }
            p { (escaped(&finding.text)) }
            @for judged in event.all() {
                p.soft {
                    (escaped(&shown.place(judged))) ": " (shown.when(judged))
                    @if !std::ptr::eq(judged, event.judged) { (exchanges(judged)) }
                    @if let Some(mark) = pictured.mark_of(n, judged) { " · " a href={ "#" (mark) } { "in the picture" } }
                }
            }
            @if let Some(excerpt) = evidence.excerpt(judged) { (text(excerpt)) }
            p.soft { "See it: " code { (escaped(&shown.command(judged))) } (exchanges(judged)) }
            @if let Some(rule) = judged.info() { (rule_line(rule)) }
        }
    }
}

fn rule_line(rule: &RuleInfo) -> Markup {
    html! {
        p.soft {
            "Fires when " (rule.fires) ". "
            @match link(rule.section) {
                Some(link) => a href=(link) rel="noreferrer" { (rule.section) },
                None => (rule.section),
            }
        }
    }
}

/// The text that shows it, with its line marked.
fn text(excerpt: &Excerpt) -> Markup {
    html! {
        details open[excerpt.marked.is_some()] {
            summary { "The text of exchange " (excerpt.exchange) @if let Some(line) = excerpt.marked { ", line " (line) } }
            pre tabindex="0" {
                @for (number, line) in &excerpt.lines {
                    @if excerpt.marked == Some(*number) { mark { (format!("{number:>5}  {line}")) } "\n" }
                    @else { (format!("{number:>5}  {line}\n")) }
                }
            }
        }
    }
}
