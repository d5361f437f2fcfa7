//! What `isreport` says, in its own keys.

use std::collections::BTreeMap;

use serde::Serialize;

use super::asked::Lane;
use super::judging::{Known, Stage};
use super::view::View;
use crate::analysis::finding::Line;
use crate::analysis::rules::findings::Judged;
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
    line: Line<'a>,
    name: &'static str,
    severity: &'static str,
    section: &'static str,
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
        let of_it = judgement
            .findings
            .iter()
            .filter(|one| one.severity == severity);
        let shown = of_it
            .take(MOST)
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
    let (name, section) = judged
        .info()
        .map_or(("", ""), |rule| (rule.name, rule.section));
    Found {
        line: finding.line(zero_us),
        name,
        severity: judged.severity.as_str(),
        section,
        lane: lane.map(|lane| lane.to_string()),
        line_number: finding
            .detail
            .get("line")
            .and_then(serde_json::Value::as_u64),
    }
}
