//! An outage in a sentence. Pure.

use super::cause::Own;
use super::outage::Outage;
use super::search::Cost;
use super::things::Things;
use crate::analysis::never_listed::counted;
use crate::analysis::times::{between_us, both_clocks, length};
use crate::session::{Kind, SLOW};

/// Playlists whose segments are named, where those of several were never listed; segments that were not asked for.
const MOST_NAMED: usize = 8;

/// What happened, from when to when, and what it took.
pub(super) fn text(outage: &Outage, cost: &Cost, zero_us: i64) -> String {
    let what = match outage.key.own {
        Some(own) => format!("{} ({})", own.words(), outage.what()),
        None => outage.what(),
    };
    let mut parts = vec![whose(outage)];
    if (1..outage.faults).contains(&outage.answered) {
        parts.push(format!("{} answered in the end", outage.answered));
    }
    match cost.later_tries {
        0 => {}
        1 => parts.push("and 1 later try, when no playlist listed it any more".to_owned()),
        tries => parts.push(format!(
            "and {tries} later tries, when no playlist listed it any more"
        )),
    }
    parts.extend(lost(cost));
    parts.extend(not_asked_for(&cost.not_asked_for));
    if cost.not_running_us > 0 {
        let length = length(cost.not_running_us);
        parts.push(format!("no recorder ran for {length} of it"));
    }
    if cost.stood_still_us > 0 {
        let length = length(cost.stood_still_us);
        parts.push(format!("the recorder stood still for {length} of it"));
    }
    // `silent for 20 s` has a length of its own.
    let what = match what.ends_with(" s") {
        true => format!("{what}, in all"),
        false => what,
    };
    let hosts = match outage.hosts.len() {
        1 => "host",
        _ => "hosts",
    };
    parts.push(format!("{hosts} {}", outage.hosts.join(", ")));
    let span = span(outage, zero_us);
    format!("{what} {span}: {}", parts.join("; "))
}

/// How long it was, from when to between which moments.
fn span(outage: &Outage, zero_us: i64) -> String {
    let at = |us: i64| both_clocks(us, zero_us);
    let (mut from, last) = (at(outage.first.at_us), at(outage.last.at_us));
    let lasted = |until_us| length(between_us(outage.first.at_us, until_us));
    let least = lasted(outage.last.at_us);
    let Some(good_us) = outage.good_us else {
        let least = format!("for {least} at least, from {from} to {last}");
        return match outage.first == outage.last {
            true => format!("at {from}, not good again"),
            false if outage.is_broken_off => format!("{least}, when the recorder stopped"),
            false => format!("{least}, not good again"),
        };
    };
    // It began behind the last good answer.
    let begun_us = outage.good_before_us.unwrap_or(outage.first.at_us);
    let earlier_us = between_us(begun_us, outage.first.at_us);
    if earlier_us > 0 {
        from = format!("{from} or up to {} earlier", length(earlier_us));
    }
    let (good, most) = (at(good_us), length(between_us(begun_us, good_us)));
    let then = match outage.answered == outage.faults {
        true if outage.what() == SLOW => ", then all came",
        true => ", then answered",
        false => "",
    };
    match least == most {
        true => format!("for {most}, from {from} to {good}{then}"),
        false if outage.last.at_us == good_us => format!(
            "for {} to {most}, from {from} to {good}{then}",
            least.trim_end_matches(" s")
        ),
        false => format!(
            "for {} to {most}, from {from} to between {last} and {good}{then}",
            least.trim_end_matches(" s")
        ),
    }
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
        // What a host has at its root has no name.
        (1, Some(name)) if name.is_empty() => format!("1 {one}"),
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
        (1, _) => ", never came".to_owned(),
        (_, times) => format!(", {times} of them never came"),
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

/// Of a time in which the recorder's disk was full.
pub(super) fn hole_text((from_us, until_us): (i64, i64), names: &[String], zero_us: i64) -> String {
    let (from, until) = (
        both_clocks(from_us, zero_us),
        both_clocks(until_us, zero_us),
    );
    let (what, lasted) = (Own::Disk.words(), length(between_us(from_us, until_us)));
    let segments = not_asked_for(names).unwrap_or_default();
    format!("{what} for {lasted}, from {from} to {until}: {segments}")
}

/// `3 segments not asked for: seg41.ts, seg42.ts, seg43.ts`.
fn not_asked_for(names: &[String]) -> Option<String> {
    let segments = match names.len() {
        0 => return None,
        1 => "1 segment".to_owned(),
        count => format!("{count} segments"),
    };
    let named = names.iter().take(MOST_NAMED).cloned();
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match names.len() > MOST_NAMED {
        true => ", …",
        false => "",
    };
    Some(format!("{segments} not asked for: {named}{more}"))
}

/// `1 segment never listed: 81`; where they are of several playlists, of which.
pub(super) fn lost(cost: &Cost) -> Option<String> {
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
