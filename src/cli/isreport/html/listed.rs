//! Which events the page shows.

use std::collections::BTreeMap;

use crate::analysis::rules::events::Event;
use crate::analysis::rules::registry::Severity;
use crate::cli::isreport::form::Shown;

/// Events of a rule and a severity that the page shows, the first ones: a page of a hundred thousand is read by nobody.
const MOST_OF_RULE: usize = 200;

/// What the page shows of what was found.
pub(super) struct Listed<'a> {
    /// Each with its number, by which links know it.
    pub(super) events: Vec<(usize, Event<'a>)>,
    /// How many findings of a rule are left out.
    pub(super) left_out: BTreeMap<&'static str, u64>,
}

impl<'a> Listed<'a> {
    /// Of what is shown at all.
    pub(super) fn of(shown: &'a Shown<'_>) -> Self {
        let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
        let mut left_out = BTreeMap::new();
        let mut events = Vec::new();
        for (number, event) in shown.shown_events() {
            let judged = event.judged;
            let count = counts.entry((judged.rule, judged.severity)).or_default();
            *count += 1;
            match *count <= MOST_OF_RULE {
                true => events.push((number, event)),
                false => *left_out.entry(judged.rule).or_default() += event.all().count() as u64,
            }
        }
        Self { events, left_out }
    }
}
