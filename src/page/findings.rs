//! What `isreport` says, in its own keys.

use std::collections::BTreeMap;

use serde::Serialize;

use super::asked::Lane;
use super::judging::{Known, Stage};
use super::view::View;
use crate::analysis::rules::findings::{Judged, JudgedLine};
use crate::analysis::rules::registry::Severity;
use crate::session::{ReadError, RevisedPlaylist, StreamInfo};

/// Findings that are shown of each severity: the page has a filter, and isreport has all of them.
const MOST: usize = 1000;

#[derive(Serialize)]
pub(super) struct Findings<'a> {
    state: &'static str,
    judged_to: Option<f64>,
    failed: Option<&'a str>,
    counts: Counts,
    findings: Vec<Found<'a>>,
    left_out: BTreeMap<&'static str, u64>,
    not_judged: Vec<NotJudged<'a>>,
}

#[derive(Serialize, Default)]
struct Counts {
    must: usize,
    should: usize,
    info: usize,
}

#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    line: JudgedLine<'a>,
    lane: Option<String>,
    line_number: Option<u64>,
}

#[derive(Serialize)]
struct NotJudged<'a> {
    what: &'a str,
    why: &'a str,
}

pub(super) fn findings<'a>(
    view: &View<'_>,
    known: Option<&'a Known>,
) -> Result<Findings<'a>, ReadError> {
    let Some(known) = known else {
        return Ok(Findings {
            state: Stage::Begun.as_str(),
            judged_to: None,
            failed: None,
            counts: Counts::default(),
            findings: Vec::new(),
            left_out: BTreeMap::new(),
            not_judged: Vec::new(),
        });
    };
    let playlists = view.reader.revised_playlists()?;
    let streams = &view.known.streams;
    let judgement = &known.judgement;
    let count = |severity| {
        judgement
            .findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let mut findings = Vec::new();
    for severity in [Severity::Must, Severity::Should, Severity::Info] {
        let of_it = judgement.findings.iter();
        let of_it = evenly(of_it.filter(|one| one.severity == severity).collect(), MOST);
        let shown = of_it
            .into_iter()
            .map(|judged| found(judged, &playlists, streams, view.known.zero_us));
        findings.extend(shown);
    }
    let not_judged = judgement.not_judged.iter().map(|one| NotJudged {
        what: &one.what,
        why: &one.why,
    });
    Ok(Findings {
        state: known.stage.as_str(),
        judged_to: Some(view.known.at(known.until_us)),
        failed: known.failed.as_deref(),
        counts: Counts {
            must: count(Severity::Must),
            should: count(Severity::Should),
            info: count(Severity::Info),
        },
        findings,
        left_out: judgement.left_out.clone(),
        not_judged: not_judged.collect(),
    })
}

/// So many of them, in their order: of each rule and playlist as many as of the others, as far as it has them, so that one that
/// is broken all day leaves room for the rest.
fn evenly(all: Vec<&Judged>, most: usize) -> Vec<&Judged> {
    let mut sizes: BTreeMap<_, usize> = BTreeMap::new();
    for judged in &all {
        *sizes.entry(group(judged)).or_default() += 1;
    }
    let mut ascending: Vec<usize> = sizes.into_values().collect();
    ascending.sort_unstable();
    let (mut room, mut left, mut each) = (most, ascending.len(), usize::MAX);
    for size in ascending {
        let share = room / left;
        if size > share {
            each = share;
            break;
        }
        (room, left) = (room - size, left - 1);
    }
    let mut taken: BTreeMap<_, usize> = BTreeMap::new();
    let mut even = Vec::new();
    for judged in all {
        let taken = taken.entry(group(judged)).or_default();
        *taken += 1;
        if *taken <= each {
            even.push(judged);
        }
    }
    even
}

/// What findings are alike by: rule, stream and playlist.
fn group(judged: &Judged) -> (&'static str, &str, Option<&str>) {
    let finding = &judged.finding;
    (judged.rule, &finding.stream, finding.playlist.as_deref())
}

fn found<'a>(
    judged: &'a Judged,
    playlists: &[RevisedPlaylist],
    streams: &[StreamInfo],
    zero_us: i64,
) -> Found<'a> {
    let finding = &judged.finding;
    let playlist = finding.playlist.as_deref().and_then(|name| {
        playlists
            .iter()
            .find(|playlist| playlist.stream == finding.stream && playlist.name == name)
    });
    let lane = match (playlist, &finding.playlist) {
        (Some(playlist), _) => Some(Lane::Playlist(playlist.id)),
        (None, None) => {
            // A raw stream has no playlist.
            let has_playlist = playlists
                .iter()
                .any(|playlist| playlist.stream == finding.stream);
            let stream = streams.iter().find(|stream| stream.name == finding.stream);
            stream
                .filter(|_| !has_playlist)
                .map(|stream| Lane::Raw(stream.id))
        }
        (None, Some(_)) => None,
    };
    Found {
        line: judged.line(zero_us),
        lane: lane.map(|lane| lane.to_string()),
        line_number: finding
            .detail
            .get("line")
            .and_then(serde_json::Value::as_u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::finding::{Evidence, Finding, Rule};

    fn judged(rule: &'static str, playlist: &str) -> Judged {
        let at = Evidence {
            at_us: 0,
            exchange: None,
        };
        Judged {
            rule,
            severity: Severity::Must,
            finding: Finding {
                rule: Rule::Of(rule),
                own: false,
                stream: "hall1".to_owned(),
                playlist: Some(playlist.to_owned()),
                count: 1,
                first: at,
                last: at,
                exchanges: Vec::new(),
                text: String::new(),
                detail: serde_json::Map::new(),
            },
        }
    }

    #[test]
    fn what_is_broken_all_day_leaves_room_for_the_rest() {
        let of = |rule, playlist, count| (0..count).map(move |_| judged(rule, playlist));
        let all: Vec<Judged> = of("T07", "high", 50)
            .chain(of("T07", "low", 50))
            .chain(of("P06", "low", 3))
            .collect();
        let shown = |most| {
            let shown = evenly(all.iter().collect(), most);
            let count = |rule, playlist| {
                let is_one = |one: &&&Judged| group(one) == (rule, "hall1", Some(playlist));
                shown.iter().filter(is_one).count()
            };
            [
                count("T07", "high"),
                count("T07", "low"),
                count("P06", "low"),
            ]
        };
        assert_eq!(shown(23), [10, 10, 3]);
        assert_eq!(shown(3), [1, 1, 1]);
        assert_eq!(shown(1000), [50, 50, 3]);
        assert_eq!(shown(0), [0, 0, 0]);
    }
}
