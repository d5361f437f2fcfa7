//! Events of a report: what several playlists of a stream have at once is told once.

use super::form::Shown;
use crate::analysis::rules::events::{Event, group};
use crate::analysis::rules::registry::Severity;

impl Shown<'_> {
    /// All that was found, shown or not, the worst first.
    pub(super) fn events(&self) -> Vec<Event<'_>> {
        let findings = &self.judgement.findings;
        let grouped = self
            .grouped
            .get_or_init(|| group(findings, &self.judgement.overview));
        let event = |numbers: &Vec<usize>| {
            let mut all = numbers.iter().filter_map(|n| findings.get(*n));
            Some(Event {
                judged: all.next()?,
                others: all.collect(),
            })
        };
        grouped.iter().filter_map(event).collect()
    }

    /// Those that are shown, the worst first, each with its number, by which all forms know it.
    pub(super) fn shown_events(&self) -> impl Iterator<Item = (usize, Event<'_>)> {
        let events = self.events().into_iter().enumerate();
        events.filter(|(_, event)| event.judged.severity <= self.least)
    }

    /// How many events there are of a severity.
    pub(super) fn count(&self, severity: Severity) -> usize {
        let events = self.events().into_iter();
        events
            .filter(|event| event.judged.severity == severity)
            .count()
    }
}
