//! Events: what several playlists of a stream have at once is told once.

use std::collections::HashMap;

use super::form::Shown;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::overview::Rendition;
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
        let findings = &self.judgement.findings;
        let grouped = self.grouped.get_or_init(|| self.group());
        let event = |numbers: &Vec<usize>| {
            let mut all = numbers.iter().filter_map(|n| findings.get(*n));
            Some(Event {
                judged: all.next()?,
                others: all.collect(),
            })
        };
        grouped.iter().filter_map(event).collect()
    }

    /// Which findings are one event, by their numbers.
    fn group(&self) -> Vec<Vec<usize>> {
        let mut events: Vec<(Event<'_>, Vec<usize>)> = Vec::new();
        let units = self.units();
        for (n, judged) in self.judgement.findings.iter().enumerate() {
            let (stream, playlist) = (&judged.finding.stream, &judged.finding.playlist);
            let unit_us = (playlist.as_ref()).and_then(|playlist| units.get(&(stream, playlist)));
            let together_us = unit_us.map_or(TOGETHER_US, |unit_us| TOGETHER_US.max(*unit_us));
            let mut latest = events.iter_mut().rev().take(MOST);
            match latest.find(|(event, _)| event.takes(judged, together_us)) {
                Some((event, numbers)) => {
                    event.others.push(judged);
                    numbers.push(n);
                }
                None => {
                    let others = Vec::new();
                    events.push((Event { judged, others }, vec![n]));
                }
            }
        }
        events.into_iter().map(|(_, numbers)| numbers).collect()
    }

    /// Within so many microseconds each poll of a playlist comes, by stream and name: playlists are not polled at the same moment.
    fn units(&self) -> HashMap<(&String, &String), i64> {
        let renditions = self.judgement.overview.renditions();
        let unit = |rendition: &Rendition| rendition.unit_us();
        let units = renditions.map(|(one, _)| ((&one.stream, &one.name), unit(one)));
        units.collect()
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
