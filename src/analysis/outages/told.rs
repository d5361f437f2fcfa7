//! An outage as a finding. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::outage::Outage;
use super::search::Cost;
use super::sentences::{hole_text, text};
use super::things::Things;
use crate::analysis::finding::{Evidence, Finding, Rule};
use crate::analysis::never_listed::NeverListed;
use crate::session::{Kind, Moment, seconds};

/// What an outage has beside what every finding has (`docs/ref/findings.md`).
#[derive(Serialize)]
struct Detail<'a> {
    what: String,
    own: Option<&'static str>,
    host: &'a str,
    hosts: &'a [String],
    open: bool,
    good_before: Option<Moment>,
    not_before: Moment,
    good: Option<Moment>,
    long_waits: u64,
    answered: u64,
    polls: u64,
    playlists: Vec<&'a str>,
    resources: BTreeMap<&'static str, Counts>,
    never_listed: Vec<Lost<'a>>,
    not_asked_for: usize,
    later_tries: u64,
    not_running_seconds: f64,
    stood_still_seconds: f64,
}

#[derive(Serialize)]
struct Counts {
    count: usize,
    requests: u64,
    never_good: u64,
}

impl From<&Things> for Counts {
    fn from(things: &Things) -> Self {
        Self {
            count: things.count(),
            requests: things.requests,
            never_good: things.never_good,
        }
    }
}

#[derive(Serialize)]
struct Lost<'a> {
    playlist: &'a str,
    #[serde(flatten)]
    numbers: NeverListed,
}

/// An outage as a finding. `zero_us`: session zero.
pub fn finding(outage: &Outage, cost: &Cost, zero_us: i64) -> Finding {
    let detail = Detail::new(outage, cost, zero_us);
    let is_of_one = outage.things.len() == 1 && detail.playlists.len() == 1;
    Finding {
        rule: match outage.key.own {
            Some(_) => Rule::Recorder,
            None => Rule::Faults,
        },
        own: outage.key.own.is_some(),
        stream: outage.stream.clone(),
        playlist: (is_of_one && !outage.is_raw).then(|| detail.playlists.concat()),
        count: outage.faults,
        first: outage.first,
        last: outage.last,
        exchanges: outage.exchanges.clone(),
        text: text(outage, cost, zero_us),
        detail: match serde_json::to_value(&detail) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        },
    }
}

/// A time in which the recorder's disk was full, and the segments of a stream that it did not ask for then, as a finding.
/// `zero_us`: session zero.
pub fn disk_hole(
    stream: &str,
    (from_us, until_us): (i64, i64),
    names: &[String],
    zero_us: i64,
) -> Finding {
    let at = |at_us| Evidence {
        at_us,
        exchange: None,
    };
    Finding {
        rule: Rule::Recorder,
        own: true,
        stream: stream.to_owned(),
        playlist: None,
        count: names.len() as u64,
        first: at(from_us),
        last: at(until_us),
        exchanges: Vec::new(),
        text: hole_text((from_us, until_us), names, zero_us),
        detail: Map::from_iter([("not_asked_for".to_owned(), names.len().into())]),
    }
}

impl<'a> Detail<'a> {
    fn new(outage: &'a Outage, cost: &'a Cost, zero_us: i64) -> Self {
        let playlists = outage.of(&[Kind::Main, Kind::Media]);
        let names = playlists.iter().flat_map(|things| &things.names);
        let resources = |(kind, things): (&Kind, &Things)| (kind.as_str(), Counts::from(things));
        let lost = cost.never_listed.iter();
        Self {
            what: outage.what(),
            own: outage.key.own.map(|own| own.words()),
            host: outage.hosts.first().map_or("", String::as_str),
            hosts: &outage.hosts,
            open: outage.good_us.is_none(),
            good_before: outage.good_before_us.map(|us| Moment::new(us, zero_us)),
            not_before: Moment::new(outage.last.at_us, zero_us),
            good: outage.good_us.map(|us| Moment::new(us, zero_us)),
            long_waits: outage.long_waits,
            answered: outage.answered,
            polls: playlists.iter().map(|things| things.requests).sum(),
            playlists: names.map(String::as_str).collect(),
            resources: outage.things.iter().map(resources).collect(),
            never_listed: lost
                .map(|(playlist, numbers)| Lost {
                    playlist,
                    numbers: *numbers,
                })
                .collect(),
            not_asked_for: cost.not_asked_for.len(),
            later_tries: cost.later_tries,
            not_running_seconds: seconds(cost.not_running_us),
            stood_still_seconds: seconds(cost.stood_still_us),
        }
    }
}

#[cfg(test)]
mod tests;
