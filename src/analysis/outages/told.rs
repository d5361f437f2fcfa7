//! An outage as a finding. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::outage::Outage;
use super::search::Cost;
use super::things::Things;
use crate::analysis::finding::{Finding, Rule};
use crate::analysis::never_listed::{NeverListed, counted};
use crate::analysis::times::{between_us, both_clocks, length};
use crate::session::{Kind, Moment, seconds};

/// Playlists whose segments are named, where those of several were never listed.
const MOST_NAMED: usize = 8;

/// What an outage has beside what every finding has (`docs/ref/findings.md`).
#[derive(Serialize)]
struct Detail<'a> {
    what: String,
    own: Option<&'static str>,
    host: &'a str,
    hosts: &'a [String],
    open: bool,
    not_before: Moment,
    good: Option<Moment>,
    long_waits: u64,
    answered: u64,
    polls: u64,
    playlists: Vec<&'a str>,
    resources: BTreeMap<&'static str, Counts>,
    never_listed: Vec<Lost<'a>>,
    not_running_seconds: f64,
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
    let playlists = outage.of(&[Kind::Main, Kind::Media]);
    let names: Vec<&str> = playlists
        .iter()
        .flat_map(|things| &things.names)
        .map(String::as_str)
        .collect();
    let resources = |(kind, things): (&Kind, &Things)| (kind.as_str(), Counts::from(things));
    let lost = cost.never_listed.iter();
    let detail = Detail {
        what: outage.what(),
        own: outage.key.own.map(|own| own.words()),
        host: outage.hosts.first().map_or("", String::as_str),
        hosts: &outage.hosts,
        open: outage.good_us.is_none(),
        not_before: Moment::new(outage.last.at_us, zero_us),
        good: outage.good_us.map(|us| Moment::new(us, zero_us)),
        long_waits: outage.long_waits,
        answered: outage.answered,
        polls: playlists.iter().map(|things| things.requests).sum(),
        playlists: names.clone(),
        resources: outage.things.iter().map(resources).collect(),
        never_listed: lost
            .map(|(playlist, numbers)| Lost {
                playlist,
                numbers: *numbers,
            })
            .collect(),
        not_running_seconds: seconds(cost.not_running_us),
    };
    let is_of_one = outage.things.len() == 1 && names.len() == 1;
    Finding {
        rule: match outage.key.own {
            Some(_) => Rule::Recorder,
            None => Rule::Faults,
        },
        own: outage.key.own.is_some(),
        stream: outage.stream.clone(),
        playlist: (is_of_one && !outage.is_raw).then(|| names.concat()),
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

fn text(outage: &Outage, cost: &Cost, zero_us: i64) -> String {
    let at = |us: i64| both_clocks(us, zero_us);
    let what = match outage.key.own {
        Some(own) => format!("{} ({})", own.words(), outage.what()),
        None => outage.what(),
    };
    let (from, last) = (at(outage.first.at_us), at(outage.last.at_us));
    let lasted = |until_us| length(between_us(outage.first.at_us, until_us));
    let least = lasted(outage.last.at_us);
    let span = match outage.good_us {
        Some(good_us) => {
            let (good, most) = (at(good_us), lasted(good_us));
            let then = match outage.answered == outage.faults {
                true => ", then answered",
                false => "",
            };
            match least == most {
                true => format!("for {most}, from {from} to {good}{then}"),
                false => format!(
                    "for {} to {most}, from {from} to between {last} and {good}{then}",
                    least.trim_end_matches(" s")
                ),
            }
        }
        None if outage.first == outage.last => format!("at {from}, not good again"),
        None if outage.long_waits > outage.answered => {
            format!("for {least} at least, from {from} to {last}, when the recorder stopped")
        }
        None => format!("for {least} at least, from {from} to {last}, not good again"),
    };
    let mut parts = vec![whose(outage)];
    if (1..outage.faults).contains(&outage.answered) {
        parts.push(format!("{} answered in the end", outage.answered));
    }
    parts.extend(lost(cost));
    if cost.not_running_us > 0 {
        let length = length(cost.not_running_us);
        parts.push(format!("no recorder ran for {length} of it"));
    }
    let hosts = if outage.hosts.len() == 1 {
        "host"
    } else {
        "hosts"
    };
    parts.push(format!("{hosts} {}", outage.hosts.join(", ")));
    format!("{what} {span}: {}", parts.join("; "))
}

/// `3 playlists, 20 polls, segment seg1.ts, 2 requests`.
fn whose(outage: &Outage) -> String {
    let mut parts = Vec::new();
    let playlists = outage.of(&[Kind::Main, Kind::Media]);
    match outage.is_raw {
        true => parts.extend(
            playlists
                .iter()
                .map(|main| told(&[main], "raw stream", "request")),
        ),
        false if playlists.is_empty() => {}
        false => parts.push(told(&playlists, "playlist", "poll")),
    }
    let others = outage.things.iter();
    parts.extend(others.filter_map(|(kind, things)| {
        let one = match kind {
            Kind::Main | Kind::Media => return None,
            kind => kind.noun(false),
        };
        Some(told(&[things], one, "request"))
    }));
    parts.join(", ")
}

/// How many things of a sort, how many requests for them had faults, and how many never came; the name of a single one.
fn told(things: &[&Things], one: &str, request: &str) -> String {
    let count: usize = things.iter().map(|things| things.count()).sum();
    let requests: u64 = things.iter().map(|things| things.requests).sum();
    let names = things.iter().flat_map(|things| &things.names).next();
    let which = match (count, names) {
        (1, Some(name)) => format!("{one} {name}"),
        _ if things.iter().any(|things| things.are_more()) => {
            format!("more than {}", several(count, one))
        }
        _ => several(count, one),
    };
    let plural = if requests == 1 { "" } else { "s" };
    let never_good: u64 = things.iter().map(|things| things.never_good).sum();
    let never_good = match (count, never_good) {
        (_, 0) => String::new(),
        (1, _) => ", never good".to_owned(),
        (_, times) => format!(", {times} of them never good"),
    };
    format!("{which}, {requests} {request}{plural}{never_good}")
}

/// `3 segments`, `2 lists of assets`.
fn several(count: usize, one: &str) -> String {
    match (one, one.split_once(" of ")) {
        ("session data", _) => format!("{count} items of session data"),
        (_, Some((one, of))) => format!("{count} {one}s of {of}"),
        _ => format!("{count} {one}s"),
    }
}

/// `1 segment never listed: 81`; where they are of several playlists, of which.
fn lost(cost: &Cost) -> Option<String> {
    let never_listed = &cost.never_listed;
    let (first, others) = never_listed.split_first()?;
    let is_of_one = others.iter().all(|(playlist, _)| *playlist == first.0);
    let is_alike = others.iter().all(|(_, lost)| *lost == first.1);
    let which = if is_of_one {
        let numbers = never_listed.iter().take(MOST_NAMED);
        numbers
            .map(|(_, lost)| lost.numbers())
            .collect::<Vec<_>>()
            .join(", ")
    } else if is_alike {
        format!(
            "{} of each of {} playlists",
            first.1.numbers(),
            never_listed.len()
        )
    } else {
        let named = never_listed.iter().take(MOST_NAMED);
        let named = named.map(|(playlist, lost)| format!("{} of {playlist}", lost.numbers()));
        named.collect::<Vec<_>>().join(", ")
    };
    let more = match (is_of_one || !is_alike) && never_listed.len() > MOST_NAMED {
        true => ", …",
        false => "",
    };
    Some(format!("{}: {which}{more}", counted(cost.lost())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::finding::Evidence;
    use crate::analysis::outages::cause::{Cause, Own};
    use crate::analysis::outages::outage::{Key, Met};
    use crate::session::{Attempt, AttemptEnd, Failed, Fault, Outcome};
    use crate::spans::Span;

    const ZERO_US: i64 = 1_796_003_472_760_000;

    fn failed(id: i64, at_s: f64, kind: Kind, resource_id: i64) -> Failed {
        let at_us = ZERO_US + (at_s * 1e6) as i64;
        Failed {
            fault: Fault {
                exchange_id: id,
                requested_us: at_us,
                at_us,
                over_us: at_us,
                lag_us: None,
                stream_id: 1,
                stream: "hall".to_owned(),
                is_raw: false,
                kind,
                name: format!("{resource_id}.m3u8"),
                url: "http://h:8080/x".to_owned(),
                status: None,
                outcome: Outcome::Refused,
                error: None,
                unanswered_us: None,
                is_long_wait: false,
            },
            resource_id,
            next: None,
        }
    }

    fn outage(own: Option<Own>, all: &[Failed]) -> Outage {
        let key = Key { stream_id: 1, own };
        let mut outage = None;
        for failed in all {
            add(&mut outage, key, "refused", failed);
        }
        outage.unwrap()
    }

    fn add(outage: &mut Option<Outage>, key: Key, what: &str, failed: &Failed) {
        let cause = Cause {
            what: what.to_owned(),
            was_unanswered: false,
            is_away: true,
            own: key.own,
        };
        let fault = &failed.fault;
        let attempt = Attempt {
            exchange_id: fault.exchange_id,
            requested_us: fault.requested_us,
            at_us: fault.at_us,
            stream_id: 1,
            kind: fault.kind,
            asked_id: failed.resource_id,
            first_byte_us: None,
            host: "h:8080".to_owned(),
            end: AttemptEnd::Failed(Box::new(failed.clone())),
        };
        let met = Met {
            attempt: &attempt,
            failed,
            cause: &cause,
        };
        match outage {
            Some(outage) => outage.add(met, true),
            None => *outage = Some(Outage::new(key, met)),
        }
    }

    fn lost(first: u64, last: u64) -> NeverListed {
        NeverListed {
            count: last - first + 1,
            first,
            last,
        }
    }

    fn told_of(outage: &Outage, cost: &Cost) -> String {
        finding(outage, cost, ZERO_US).text
    }

    fn down() -> Outage {
        let polls = [(1, 14.0, 7), (2, 14.2, 8), (3, 20.0, 7), (4, 24.04, 8)];
        let polls = polls.map(|(id, at, of)| failed(id, at, Kind::Media, of));
        let mut outage = outage(None, &polls);
        outage.good_us = Some(ZERO_US + 24_450_000);
        outage
    }

    #[test]
    fn an_outage_of_several_kinds_names_them_in_their_order() {
        let mut outage = Some(down());
        let key = outage.as_ref().unwrap().key;
        let more = failed(5, 24.1, Kind::Media, 7);
        for what in ["unanswered", "refused", "unanswered"] {
            add(&mut outage, key, what, &more);
        }
        let told = told_of(outage.as_ref().unwrap(), &Cost::default());
        let begins = "refused, then unanswered for ";
        assert!(told.starts_with(begins), "{told}");
        for status in 400..405 {
            add(&mut outage, key, &format!("HTTP {status}"), &more);
        }
        let outage = outage.unwrap();
        let what = "refused, then unanswered, then HTTP 400, then HTTP 401 and 3 other kinds";
        assert_eq!(outage.what(), what);
    }

    #[test]
    fn an_outage_is_told_from_when_to_between_which_moments_and_what_it_took() {
        let cost = Cost {
            never_listed: vec![("7.m3u8".to_owned(), lost(81, 81))],
            skips: vec![skip(7, 0, 1)],
            ..Cost::default()
        };
        assert_eq!(
            told_of(&down(), &cost),
            "refused for 10.040 to 10.450 s, from 0:00:14.000 (01:51:26.760Z) to between \
             0:00:24.040 (01:51:36.800Z) and 0:00:24.450 (01:51:37.210Z): \
             2 playlists, 4 polls; 1 segment never listed: 81; host h:8080"
        );
        let json = finding(&down(), &cost, ZERO_US);
        assert_eq!(
            (json.rule, json.count, json.playlist),
            (Rule::Faults, 4, None)
        );
        assert_eq!(
            json.last,
            Evidence {
                at_us: ZERO_US + 24_040_000,
                exchange: Some(4)
            }
        );
        assert_eq!(json.detail["good"]["session_time"], 24.45);
        assert_eq!(json.detail["not_before"]["session_time"], 24.04);
        assert_eq!(json.detail["polls"], 4);
        let wanted = serde_json::json!({"media": {"count": 2, "requests": 4, "never_good": 0}});
        assert_eq!(json.detail["resources"], wanted);
        let wanted =
            serde_json::json!([{"playlist": "7.m3u8", "count": 1, "first": 81, "last": 81}]);
        assert_eq!(json.detail["never_listed"], wanted);
        assert_eq!((json.own, &json.detail["own"]), (false, &Value::Null));
    }

    #[test]
    fn a_single_thing_is_named_and_what_never_came_is_told() {
        let alone = outage(None, &[failed(9, 3.5, Kind::Segment, 5)]);
        assert_eq!(
            told_of(&alone, &Cost::default()),
            "refused at 0:00:03.500 (01:51:16.260Z), not good again: \
             segment 5.m3u8, 1 request, never good; host h:8080"
        );
        let mut raw = failed(9, 3.5, Kind::Main, 5);
        raw.fault.is_raw = true;
        let raw = outage(None, &[raw]);
        let cost = Cost {
            not_running_us: 2_000_000,
            ..Cost::default()
        };
        let told = told_of(&raw, &cost);
        let wanted = ": raw stream hall, 1 request; no recorder ran for 2.000 s of it; host h:8080";
        assert!(told.ends_with(wanted), "{told}");
        assert_eq!(finding(&raw, &cost, ZERO_US).playlist, None);
        let playlist = outage(None, &[failed(9, 3.5, Kind::Main, 5)]);
        let json = finding(&playlist, &Cost::default(), ZERO_US);
        assert_eq!(json.playlist.as_deref(), Some("5.m3u8"));
        assert_eq!(json.detail["open"], true);
    }

    #[test]
    fn what_is_the_recorders_is_said_to_be() {
        let own = outage(Some(Own::Disk), &[failed(9, 3.5, Kind::Segment, 5)]);
        let told = told_of(&own, &Cost::default());
        assert!(
            told.starts_with("the recorder's disk was full (refused) at "),
            "{told}"
        );
        let json = finding(&own, &Cost::default(), ZERO_US);
        assert_eq!((json.rule, json.own), (Rule::Recorder, true));
        assert_eq!(json.detail["own"], "the recorder's disk was full");
    }

    fn skip(of: i64, at_us: i64, lost: u64) -> Span {
        Span {
            of,
            from_us: at_us,
            until_us: at_us + 1,
            lost,
        }
    }

    #[test]
    fn segments_that_were_never_listed_are_told_of_which_playlist_where_that_matters() {
        let of = |all: &[(&str, u64, u64)]| {
            let named = all
                .iter()
                .map(|(name, first, last)| ((*name).to_owned(), lost(*first, *last)));
            let skips = all.iter().zip(0..).map(|((name, first, last), n)| {
                let at_us = if *name == "b" { 0 } else { n };
                skip(i64::from(*name == "b"), at_us, last - first + 1)
            });
            super::lost(&Cost {
                never_listed: named.collect(),
                skips: skips.collect(),
                ..Cost::default()
            })
        };
        assert_eq!(of(&[]), None);
        let told = |all| of(all).unwrap();
        assert_eq!(told(&[("a", 81, 84)]), "4 segments never listed: 81-84");
        assert_eq!(
            told(&[("a", 81, 81), ("a", 90, 91)]),
            "3 segments never listed: 81, 90-91"
        );
        assert_eq!(
            told(&[("a", 81, 81), ("b", 81, 81)]),
            "1 segment never listed: 81 of each of 2 playlists"
        );
        assert_eq!(
            told(&[("a", 81, 81), ("b", 40, 41)]),
            "2 segments never listed: 81 of a, 40-41 of b"
        );
        let many: Vec<_> = (0..20).map(|n| ("a", 2 * n, 2 * n)).collect();
        assert!(told(&many).ends_with(", 14, …"), "{}", told(&many));
    }
}
