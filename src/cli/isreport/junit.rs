//! A report for the CI of an encoder: JUnit's XML, a test case a rule.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::form::Shown;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::registry::{RULES, RuleInfo};
use crate::shown::escaped;

pub(super) fn write(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let rules: Vec<&RuleInfo> = RULES
        .iter()
        .filter(|rule| shown.selection.has(rule.id))
        .collect();
    let broken = rules
        .iter()
        .filter(|rule| of_rule(shown, rule).next().is_some());
    let failures = broken.count().to_string();
    xml.create_element("testsuite")
        .with_attribute(("name", escaped(&shown.name).as_str()))
        .with_attribute(("tests", rules.len().to_string().as_str()))
        .with_attribute(("failures", failures.as_str()))
        .write_inner_content(|xml| {
            rules
                .iter()
                .try_for_each(|rule| test_case(shown, rule, xml))
        })?;
    writeln!(out)
}

/// Findings of a rule that are shown.
fn of_rule<'a>(shown: &'a Shown<'_>, rule: &RuleInfo) -> impl Iterator<Item = &'a Judged> {
    let id = rule.id;
    shown.findings().filter(move |judged| judged.rule == id)
}

fn test_case(shown: &Shown<'_>, rule: &RuleInfo, xml: &mut Writer<impl Write>) -> io::Result<()> {
    let name = format!("{} {}", rule.id, rule.name);
    let case = xml
        .create_element("testcase")
        .with_attribute(("classname", "isreport"))
        .with_attribute(("name", name.as_str()));
    let mut found = of_rule(shown, rule).peekable();
    if found.peek().is_none() {
        return case.write_empty().map(|_| ());
    }
    case.write_inner_content(|xml| {
        found.try_for_each(|judged| {
            let finding = &judged.finding;
            let text = format!(
                "{}{}, {} times, first at {} s; {}",
                finding
                    .playlist
                    .as_deref()
                    .map(|name| format!("{name}: "))
                    .unwrap_or_default(),
                finding.text,
                finding.count,
                shown.offset(judged),
                shown.replay(judged)
            );
            xml.create_element("failure")
                .with_attribute(("type", judged.severity.as_str()))
                .with_attribute(("message", escaped(&finding.text).as_str()))
                .write_text_content(BytesText::new(&escaped(&text)))
                .map(|_| ())
        })
    })
    .map(|_| ())
}
