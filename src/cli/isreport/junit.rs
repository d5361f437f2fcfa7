//! A report for the CI of an encoder: JUnit's XML, a test case a rule, a failure an event.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event as XmlEvent};

use super::form::{Shown, exchanges};
use crate::analysis::rules::events::Event;
use crate::analysis::rules::registry::{RULES, RuleInfo};
use crate::shown::escaped;

pub(super) fn write(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(XmlEvent::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let rules: Vec<&RuleInfo> = RULES
        .iter()
        .filter(|rule| shown.selection.has(rule.id))
        .collect();
    let events: Vec<Event<'_>> = shown.shown_events().map(|(_, event)| event).collect();
    let broken = rules
        .iter()
        .filter(|rule| of_rule(&events, rule).next().is_some());
    let failures = broken.count() + usize::from(shown.nothing.is_some());
    let failures = failures.to_string();
    let tests = rules.len() + usize::from(shown.nothing.is_some());
    xml.create_element("testsuite")
        .with_attribute(("name", escaped(&shown.name).as_str()))
        .with_attribute(("tests", tests.to_string().as_str()))
        .with_attribute(("failures", failures.as_str()))
        .write_inner_content(|xml| {
            if let Some(nothing) = &shown.nothing {
                nothing_recorded(nothing, xml)?;
            }
            rules
                .iter()
                .try_for_each(|rule| test_case(shown, &events, rule, xml))
        })?;
    writeln!(out)
}

/// A case that fails: there was nothing to judge.
fn nothing_recorded(why: &str, xml: &mut Writer<impl Write>) -> io::Result<()> {
    xml.create_element("testcase")
        .with_attribute(("classname", "isreport"))
        .with_attribute(("name", "something was recorded"))
        .write_inner_content(|xml| {
            xml.create_element("failure")
                .with_attribute(("type", "must"))
                .with_attribute(("message", why))
                .write_empty()
                .map(|_| ())
        })
        .map(|_| ())
}

/// Events of a rule.
fn of_rule<'e, 'a>(
    events: &'e [Event<'a>],
    rule: &RuleInfo,
) -> impl Iterator<Item = &'e Event<'a>> {
    let id = rule.id;
    events.iter().filter(move |event| event.judged.rule == id)
}

fn test_case(
    shown: &Shown<'_>,
    events: &[Event<'_>],
    rule: &RuleInfo,
    xml: &mut Writer<impl Write>,
) -> io::Result<()> {
    let name = format!("{} {}", rule.id, rule.name);
    let case = xml
        .create_element("testcase")
        .with_attribute(("classname", "isreport"))
        .with_attribute(("name", name.as_str()));
    let mut found = of_rule(events, rule).peekable();
    if found.peek().is_none() {
        return case.write_empty().map(|_| ());
    }
    case.write_inner_content(|xml| {
        found.try_for_each(|event| {
            let judged = event.judged;
            xml.create_element("failure")
                .with_attribute(("type", judged.severity.as_str()))
                .with_attribute(("message", escaped(&judged.finding.text).as_str()))
                .write_text_content(BytesText::new(&failure(shown, event)))
                .map(|_| ())
        })
    })
    .map(|_| ())
}

/// What happened, where a replay shows it, and each other playlist that had it at the same time, a line each.
fn failure(shown: &Shown<'_>, event: &Event<'_>) -> String {
    let judged = event.judged;
    let finding = &judged.finding;
    let playlist = finding.playlist.as_deref();
    let text = format!(
        "{}{}; {}; {}",
        playlist.map(|name| format!("{name}: ")).unwrap_or_default(),
        finding.text,
        shown.when(judged),
        shown.replay(judged)
    );
    let others = event.others.iter().map(|other| {
        let (place, when) = (escaped(&shown.place(other)), shown.when(other));
        format!("\n{place}: {when}{}", exchanges(other))
    });
    let others: Vec<String> = others.collect();
    escaped(&text) + &others.concat()
}
