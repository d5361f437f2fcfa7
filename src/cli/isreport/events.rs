//! Events: what several playlists of a stream have at once is told once.

use super::form::Shown;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::registry::Severity;

/// Rules that tell of something that happens to a channel, in other numbers for each playlist.
const HAPPEN: [&str; 3] = ["T07", "H01", "H04"];
/// What begins and ends at most so far apart is one, in microseconds, ...
const TOGETHER_US: i64 = 1_000_000;
/// ... and is looked for among so many events before it.
const MOST: usize = 64;

/// A finding, and the same of other playlists of its stream at the same time.
pub(super) struct Event<'a> {
    pub(super) judged: &'a Judged,
    pub(super) others: Vec<&'a Judged>,
}

impl Shown<'_> {
    /// All that was found, shown or not, the worst first.
    pub(super) fn events(&self) -> Vec<Event<'_>> {
        let mut events: Vec<Event<'_>> = Vec::new();
        for judged in &self.judgement.findings {
            let mut latest = events.iter_mut().rev().take(MOST);
            match latest.find(|event| event.takes(judged, self.together_us(judged))) {
                Some(event) => event.others.push(judged),
                None => events.push(Event {
                    judged,
                    others: Vec::new(),
                }),
            }
        }
        events
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

    /// Playlists are not polled at the same moment: within a target duration each is.
    fn together_us(&self, judged: &Judged) -> i64 {
        let renditions = self.judgement.overview.renditions();
        let mut renditions = renditions.map(|(rendition, _)| rendition);
        let finding = &judged.finding;
        let its = renditions.find(|rendition| {
            rendition.stream == finding.stream && Some(&rendition.name) == finding.playlist.as_ref()
        });
        its.map_or(0, |rendition| rendition.unit_us())
            .max(TOGETHER_US)
    }
}

impl<'a> Event<'a> {
    /// All of it.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Judged> {
        std::iter::once(self.judged).chain(self.others.iter().copied())
    }

    /// How often it happened: what several playlists have at once, once.
    pub(super) fn times(&self) -> u64 {
        let counts = self.all().map(|judged| judged.finding.count);
        counts.max().unwrap_or(0)
    }

    /// Whether a finding is of it.
    fn takes(&self, judged: &Judged, together_us: i64) -> bool {
        let (one, other) = (&self.judged.finding, &judged.finding);
        let is_near = |a: i64, b: i64| a.saturating_sub(b).saturating_abs() <= together_us;
        let is_same = one.text == other.text || HAPPEN.contains(&judged.rule);
        self.judged.rule == judged.rule
            && self.judged.severity == judged.severity
            && one.stream == other.stream
            && is_same
            && is_near(one.first.at_us, other.first.at_us)
            && is_near(one.last.at_us, other.last.at_us)
            && other.playlist.is_some()
            && self.all().all(|known| {
                known.finding.playlist.is_some() && known.finding.playlist != other.playlist
            })
    }
}
