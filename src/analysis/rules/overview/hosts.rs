//! Who answered: hosts with their status codes, how long their answers took, what they told caches. Pure.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::analysis::faults::in_short;
use crate::session::{Headers, Outcome, SeenExchange, host_as_named};

/// Hosts that are told apart.
const MOST_HOSTS: usize = 256;
/// Values that are told apart, of each host and kind.
const MOST_VALUES: usize = 12;
/// Longer values are cut, in characters.
const LONGEST: usize = 120;
/// The longest time that is told from longer ones.
const LONGEST_US: u64 = 3_600_000_000;
/// The highest rate that is told from higher ones, in bits per second.
const HIGHEST: u64 = 1_000_000_000_000;
/// Smaller bodies do not tell how fast a server is, ...
const SMALLEST: u64 = 64 * 1024;
/// ... but for those that came for so long, in microseconds.
const LONG_US: i64 = 1_000_000;

/// Who answered, by host and port.
#[derive(Debug, Default)]
pub struct Hosts {
    hosts: BTreeMap<String, Host>,
    /// Exchanges with hosts behind the first 256.
    pub left_out: u64,
}

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Exchanges.
    pub exchanges: u64,
    /// How many of each status, with how those broke that did; or how those without one ended, in the words of all programs.
    pub answers: BTreeMap<String, u64>,
    /// Requests that had no answer when the recorder stopped.
    pub stopped: u64,
    /// Requested to first byte, in microseconds.
    wait: Histogram<u32>,
    /// Bits per second, of bodies of 64 KiB or more, and of what came for a second or longer, whole or not.
    rate: Histogram<u32>,
    /// Values of Cache-Control, and how often each.
    pub caching: BTreeMap<String, u64>,
    /// Answers that came out of a cache, as Age or X-Cache say.
    pub cached: u64,
    /// What it calls itself: Server, and how often.
    pub servers: BTreeMap<String, u64>,
}

impl Hosts {
    /// Takes in an exchange. `is_paced`: its body came no faster than it is played, as that of a raw stream.
    pub fn take(&mut self, row: &SeenExchange, headers: &Headers, is_paced: bool) {
        let name = host_as_named(&row.url);
        if !self.hosts.contains_key(name) {
            if self.hosts.len() >= MOST_HOSTS {
                self.left_out += 1;
                return;
            }
            let Some(host) = Host::new() else { return };
            self.hosts.insert(name.to_owned(), host);
        }
        if let Some(host) = self.hosts.get_mut(name) {
            host.take(row, headers, is_paced);
        }
    }

    /// Each with its name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Host)> {
        self.hosts.iter().map(|(name, host)| (name.as_str(), host))
    }
}

impl Host {
    fn new() -> Option<Self> {
        Some(Self {
            exchanges: 0,
            answers: BTreeMap::new(),
            stopped: 0,
            wait: Histogram::new_with_bounds(1, LONGEST_US, 2).ok()?,
            rate: Histogram::new_with_bounds(1, HIGHEST, 2).ok()?,
            caching: BTreeMap::new(),
            cached: 0,
            servers: BTreeMap::new(),
        })
    }

    fn take(&mut self, row: &SeenExchange, headers: &Headers, is_paced: bool) {
        self.exchanges += 1;
        match row.status {
            Some(status) if is_broken(row.outcome) => {
                let how = in_short(row.status, row.outcome, None);
                count(&mut self.answers, &format!("{status} ({how})"));
            }
            Some(status) => count(&mut self.answers, &status.to_string()),
            None if row.outcome == Outcome::Aborted => self.stopped += 1,
            None => count(&mut self.answers, &in_short(None, row.outcome, None)),
        }
        // A request that was held says nothing of how fast a server is.
        if let Some(wait_us) = row.wait_us.filter(|_| row.directives_met.is_none()) {
            self.wait.saturating_record(positive(wait_us));
        }
        if !is_paced
            && let Some(receive_us) = row.receive_us
            && tells_rate(row, receive_us)
        {
            let bits = u128::from(row.wire_bytes) * 8_000_000;
            let rate = bits / u128::from(positive(receive_us));
            self.rate
                .saturating_record(u64::try_from(rate).unwrap_or(HIGHEST));
        }
        if let Some(value) = headers.get("cache-control") {
            count(&mut self.caching, value);
        }
        if let Some(value) = headers.get("server") {
            count(&mut self.servers, value);
        }
        let is_aged = headers
            .get("age")
            .is_some_and(|age| age.trim().parse::<u64>().is_ok_and(|age| age > 0));
        let is_hit = headers
            .get("x-cache")
            .is_some_and(|value| value.to_ascii_lowercase().contains("hit"));
        self.cached += u64::from(is_aged || is_hit);
    }

    /// So many of 100 answers began within that time, in microseconds; `None`: there was no answer.
    pub fn wait_us(&self, percentile: f64) -> Option<u64> {
        (!self.wait.is_empty()).then(|| self.wait.value_at_percentile(percentile))
    }

    /// So many of 100 bodies came with that rate or less, in bits per second; `None`: none was large enough to tell.
    pub fn rate(&self, percentile: f64) -> Option<u64> {
        (!self.rate.is_empty()).then(|| self.rate.value_at_percentile(percentile))
    }
}

/// Whether an answer broke in its middle.
fn is_broken(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Reset
            | Outcome::Short
            | Outcome::Long
            | Outcome::BodyTimeout
            | Outcome::ResponseTimeout
            | Outcome::Protocol
            | Outcome::Encoding
    )
}

/// Whether a body tells how fast a server is: a large one, or one that came for long, whole or not.
fn tells_rate(row: &SeenExchange, receive_us: i64) -> bool {
    let is_large = row.outcome == Outcome::Complete && row.wire_bytes >= SMALLEST;
    is_large || receive_us >= LONG_US && row.wire_bytes > 0
}

fn positive(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0).max(1)
}

fn count(values: &mut BTreeMap<String, u64>, value: &str) {
    let value: String = value.chars().take(LONGEST).collect();
    if values.len() < MOST_VALUES || values.contains_key(&value) {
        *values.entry(value).or_default() += 1;
    } else {
        *values.entry("others".to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::good;
    use crate::session::Kind;

    #[test]
    fn what_came_slowly_and_never_whole_tells_how_fast_a_server_is() {
        let fast = good(Kind::Segment, "http://localhost/s1.ts");
        let cut = SeenExchange {
            outcome: Outcome::Aborted,
            wire_bytes: 43_000,
            receive_us: Some(43_000_000),
            ..good(Kind::Segment, "http://localhost/s2.ts")
        };
        let stopped = SeenExchange {
            outcome: Outcome::Aborted,
            status: None,
            wait_us: None,
            receive_us: None,
            ..good(Kind::Segment, "http://localhost/s3.ts")
        };
        let mut hosts = Hosts::default();
        for row in [fast, cut, stopped] {
            hosts.take(&row, &Headers::default(), false);
        }
        let (_, host) = hosts.all().next().unwrap();
        let slowest = host.rate(1.0).unwrap();
        assert!((7_900..8_100).contains(&slowest), "{slowest}");
        assert_eq!((host.answers.get("200"), host.stopped), (Some(&2), 1));
        assert_eq!(host.answers.len(), 1);
    }

    #[test]
    fn answers_that_broke_are_told_apart() {
        let mut hosts = Hosts::default();
        let row = |status, outcome| SeenExchange {
            status,
            outcome,
            ..good(Kind::Segment, "http://localhost/s1.ts")
        };
        for (status, outcome) in [
            (Some(200), Outcome::Complete),
            (Some(200), Outcome::Reset),
            (Some(200), Outcome::Reset),
            (Some(206), Outcome::BodyTimeout),
            // The recorder's own.
            (Some(200), Outcome::Disk),
            (None, Outcome::ResponseTimeout),
            (None, Outcome::Refused),
            (None, Outcome::Disk),
        ] {
            hosts.take(&row(status, outcome), &Headers::default(), false);
        }
        let (_, host) = hosts.all().next().unwrap();
        let told: Vec<String> = host
            .answers
            .iter()
            .map(|(what, times)| format!("{what}: {times}"))
            .collect();
        let silent = in_short(Some(206), Outcome::BodyTimeout, None);
        assert_eq!(
            told,
            [
                "200: 2".to_owned(),
                "200 (reset): 2".to_owned(),
                format!("206 ({silent}): 1"),
                "disk, the recorder's own: 1".to_owned(),
                "refused: 1".to_owned(),
                "unanswered: 1".to_owned()
            ]
        );
    }

    #[test]
    fn of_many_values_the_rest_is_counted() {
        let mut values = BTreeMap::new();
        for n in 0..100 {
            count(&mut values, &n.to_string());
        }
        assert_eq!(values.get("others"), Some(&(100 - MOST_VALUES as u64)));
    }
}
