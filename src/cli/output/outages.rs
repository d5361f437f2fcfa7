//! Outages of a run that is over, in the words of `adjacent-find --faults`: the longest few, in the order in which they began;
//! of the others how many there were.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::next_steps;
use crate::analysis::adjacent::Search;
use crate::analysis::gaps::scan::Threshold;
use crate::analysis::outages::outage::Outage;
use crate::analysis::outages::told;
use crate::clock;
use crate::session::{Kind, ReadError, Reader, SessionFolder, seconds};
use crate::shown::{counted, escaped};

/// Outages that have a line each.
const MOST: usize = 8;
/// Nobody waits longer at the end than this, while requests are read.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is told of them.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    /// Those that are over, and those of segments that never came.
    pub(crate) lines: Vec<String>,
    /// Of streams whose playlists had no good answer when the recording ended, by name: what and since when.
    pub(crate) open: BTreeMap<String, String>,
}

impl Outages {
    /// Of a run that began then (in microseconds of Unix time). What cannot be read in time is left to `adjacent-find`.
    pub(crate) fn of_run(folder: &SessionFolder, began_us: i64) -> Self {
        let until = clock::instant() + PATIENCE;
        let go_on = || clock::instant() < until;
        let found = Reader::open(folder)
            .and_then(|reader| Self::read(&reader, folder.path(), began_us, go_on));
        found.unwrap_or_default()
    }

    /// As long as `go_on` says.
    fn read(
        reader: &Reader,
        path: &Path,
        began_us: i64,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, ReadError> {
        let search = Search::new(reader, Threshold::default())?;
        let zero_us = reader.runs()?.first().map_or(0, |run| run.started_us);
        let several = reader.streams()?.len() > 1;
        let mut longest = Longest::default();
        let done = search.outages_since(began_us, &go_on, |outage| {
            longest.take(outage);
            Ok::<(), ReadError>(())
        });
        let mut is_whole = matches!(done, Ok(true));
        let mut told = Self::default();
        for outage in &longest.kept {
            if !go_on() {
                is_whole = false;
                break;
            }
            let cost = search.cost(outage)?;
            let text = told::finding(outage, &cost, zero_us).text;
            let of = outage.of(&[Kind::Main, Kind::Media]);
            let is_open = outage.good_us.is_none() && outage.key.own.is_none() && !of.is_empty();
            match (is_open, several) {
                (true, _) if !told.open.contains_key(&outage.stream) => {
                    told.open.insert(outage.stream.clone(), text);
                }
                (_, true) => told.lines.push(format!("  [{}] {text}", outage.stream)),
                (_, false) => told.lines.push(format!("  {text}")),
            }
        }
        let see = format!("adjacent-find --faults {}", next_steps::arguments(path));
        if longest.more > 0 {
            let (more, all) = (
                counted(longest.more, "more outage"),
                seconds(longest.more_us),
            );
            told.lines
                .push(format!("  {more}, {all:.1} s in all: {see}"));
        }
        if !is_whole {
            told.lines
                .push(format!("  there may be more outages: {see}"));
        }
        Ok(told)
    }
}

impl Outages {
    /// Those that go on, and that no line says already.
    pub(crate) fn untold(&self, told: &[String]) -> Vec<String> {
        let is_told = |text: &String| told.iter().any(|line| line.contains(&escaped(text)));
        let untold = self.open.values().filter(|text| !is_told(text));
        untold.map(|text| format!("  {text}")).collect()
    }
}

/// The longest outages, in the order in which they began, and how many others there were.
#[derive(Debug, Default)]
struct Longest {
    kept: Vec<Outage>,
    more: u64,
    more_us: i64,
}

impl Longest {
    fn take(&mut self, outage: Outage) {
        self.kept.push(outage);
        if self.kept.len() <= MOST {
            return;
        }
        let all = self.kept.iter().enumerate();
        let shortest = all.min_by_key(|(_, outage)| length_us(outage));
        if let Some(place) = shortest.map(|(place, _)| place) {
            let outage = self.kept.remove(place);
            self.more += 1;
            self.more_us = self.more_us.saturating_add(length_us(&outage));
        }
    }
}

/// For how long at most, as far as is known.
fn length_us(outage: &Outage) -> i64 {
    let until_us = outage.good_us.unwrap_or(outage.last.at_us);
    until_us.saturating_sub(outage.first.at_us).max(0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::replayer::testing::{MAIN, Recording};

    /// What is told of a session with two outages, where time runs out after so many looks at the clock.
    fn told(folder: &SessionFolder, looks: u64) -> Vec<String> {
        let left = Cell::new(looks);
        let go_on = || left.replace(left.get().saturating_sub(1)) > 0;
        let reader = Reader::open(folder).unwrap();
        let outages = Outages::read(&reader, folder.path(), 0, go_on).unwrap();
        outages.lines
    }

    #[tokio::test]
    async fn nobody_waits_for_what_outages_took_either() {
        let recording = Recording::start().await;
        for (from_ms, status) in [
            (0, 200),
            (100, 404),
            (200, 200),
            (60_000, 404),
            (61_000, 200),
        ] {
            let mut exchange = recording.exchange(Kind::Main, MAIN, from_ms);
            exchange.status = Some(status);
            recording.add(exchange).await;
        }
        recording.finish().await;
        let all = told(&recording.folder, u64::MAX);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all.iter().all(|line| line.contains("HTTP 404")), "{all:?}");
        // As many looks as the search itself takes, and one more.
        let see = "  there may be more outages: adjacent-find --faults ";
        let searched = (0..).find(|looks| !told(&recording.folder, *looks)[0].starts_with(see));
        let some = told(&recording.folder, searched.unwrap());
        assert_eq!((some.len(), &some[0]), (2, &all[0]), "{some:?}");
        assert!(some[1].starts_with(see), "{some:?}");
    }
}
