//! Events: what several playlists of a stream have at once is told once. Pure.

use std::collections::HashMap;

use super::findings::Judged;
use super::overview::{Overview, Rendition};

/// Rules that tell of something that happens to a channel, in other numbers for each playlist.
const HAPPEN: [&str; 3] = ["T07", "H01", "H04"];
/// What begins and ends at most so far apart is one, in microseconds, ...
const TOGETHER_US: i64 = 1_000_000;
/// ... and is looked for among so many events before it.
const MOST: usize = 64;

/// A finding, and the same of other playlists of its stream at the same time.
#[derive(Debug)]
pub struct Event<'a> {
    /// The first one.
    pub judged: &'a Judged,
    /// The same of the others.
    pub others: Vec<&'a Judged>,
}

/// Which findings are one event, by their numbers: each event has them in their order, and events are in the order of their first
/// ones.
pub fn group(findings: &[Judged], overview: &Overview) -> Vec<Vec<usize>> {
    let mut events: Vec<(Event<'_>, Vec<usize>)> = Vec::new();
    let units = units(overview);
    for (n, judged) in findings.iter().enumerate() {
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
fn units(overview: &Overview) -> HashMap<(&String, &String), i64> {
    let renditions = overview.renditions();
    let unit = |rendition: &Rendition| rendition.unit_us();
    let units = renditions.map(|(one, _)| ((&one.stream, &one.name), unit(one)));
    units.collect()
}

impl<'a> Event<'a> {
    /// All of it.
    pub fn all(&self) -> impl Iterator<Item = &'a Judged> {
        std::iter::once(self.judged).chain(self.others.iter().copied())
    }

    /// How often it happened: what several playlists have at once, once.
    pub fn times(&self) -> u64 {
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
