//! What `isreport` says, in its own keys: the first of it, or what it says of a span of time and of a lane.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::asked::{AskedSpan, Lane};
use super::judging::{Known, Stage};
use super::overview::span_us;
use super::view::View;
use crate::analysis::rules::findings::{Judged, JudgedLine};
use crate::analysis::rules::registry::Severity;
use crate::session::{Kind, ReadError, RevisedPlaylist, StreamInfo};

/// Findings that are shown of each severity: the page has a filter, and isreport has all of them.
const MOST: usize = 1000;
/// Requests of an outage whose lanes are looked up.
const MOST_LOOKED_AT: usize = 8;

#[derive(Serialize)]
pub(super) struct Findings<'a> {
    state: &'static str,
    judged_to: Option<f64>,
    failed: Option<&'a str>,
    counts: Counts,
    findings: Vec<Found<'a>>,
    not_sent: BTreeMap<&'static str, usize>,
    /// How many events these are of which no finding is sent.
    events_not_sent: BTreeMap<&'static str, usize>,
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
    /// Of an outage that is of no single playlist: the lanes of its first requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lanes: Vec<String>,
    line_number: Option<u64>,
    /// Findings that several playlists of a stream have at once have the same number.
    event: usize,
}

#[derive(Serialize)]
struct NotJudged<'a> {
    what: &'a str,
    why: &'a str,
}

/// Those that touch a span, and are of a lane, where one is meant.
pub(super) fn findings<'a>(
    view: &View<'_>,
    known: Option<&'a Known>,
    span: AskedSpan,
    lane: Option<Lane>,
) -> Result<Findings<'a>, ReadError> {
    let Some(known) = known else {
        return Ok(nothing());
    };
    let playlists = view.reader.revised_playlists()?;
    let lanes = Lanes::new(&playlists, &view.known.streams);
    let judgement = &known.judgement;
    let is_all = span.from_us.is_none() && span.to_us.is_none();
    let (from_us, until_us) = span_us(view, span);
    let is_wanted = |judged: &Judged| {
        let finding = &judged.finding;
        let touches = is_all || (finding.first.at_us <= until_us && finding.last.at_us >= from_us);
        touches && lane.is_none_or(|lane| lanes.of(judged) == Some(lane))
    };
    let mut counts = Counts::default();
    let mut wanted = Vec::new();
    let mut sent = Vec::new();
    for (severity, count) in [
        (Severity::Must, &mut counts.must),
        (Severity::Should, &mut counts.should),
        (Severity::Info, &mut counts.info),
    ] {
        let of_it = judgement.findings.iter().zip(known.events.iter().copied());
        let of_it: Vec<(&Judged, usize)> = of_it
            .filter(|(one, _)| one.severity == severity)
            .filter(|(one, _)| is_wanted(one))
            .collect();
        let its_events: HashSet<usize> = of_it.iter().map(|(_, event)| *event).collect();
        *count = its_events.len();
        wanted.extend(of_it.iter().map(|(one, event)| (one.rule, *event)));
        sent.extend(evenly(of_it, MOST));
    }
    let (not_sent, events_not_sent) = left(&wanted, &sent);
    let not_judged = judgement.not_judged.iter().map(|one| NotJudged {
        what: &one.what,
        why: &one.why,
    });
    let mut told = Vec::with_capacity(sent.len());
    for (judged, event) in sent {
        let mut found = found((judged, event), lanes.of(judged), view.known.zero_us);
        if judged.rule == "H14" && found.lane.is_none() {
            found.lanes = lanes_of_outage(view, judged)?;
        }
        told.push(found);
    }
    Ok(Findings {
        state: known.stage.as_str(),
        judged_to: Some(view.known.at(known.until_us)),
        failed: known.failed.as_deref(),
        counts,
        findings: told,
        not_sent,
        events_not_sent,
        left_out: judgement.left_out.clone(),
        not_judged: not_judged.collect(),
    })
}

fn nothing<'a>() -> Findings<'a> {
    Findings {
        state: Stage::Begun.as_str(),
        judged_to: None,
        failed: None,
        counts: Counts::default(),
        findings: Vec::new(),
        not_sent: BTreeMap::new(),
        events_not_sent: BTreeMap::new(),
        left_out: BTreeMap::new(),
        not_judged: Vec::new(),
    }
}

/// How many findings are wanted and not sent, by rule; and how many events of which none is sent.
fn left(
    wanted: &[(&'static str, usize)],
    sent: &[(&Judged, usize)],
) -> (BTreeMap<&'static str, usize>, BTreeMap<&'static str, usize>) {
    let mut findings = BTreeMap::new();
    for (rule, _) in wanted {
        *findings.entry(*rule).or_insert(0) += 1;
    }
    for (judged, _) in sent {
        if let Some(many) = findings.get_mut(judged.rule) {
            *many -= 1;
        }
    }
    findings.retain(|_, many| *many > 0);
    let known: HashSet<usize> = sent.iter().map(|(_, event)| *event).collect();
    let others = wanted.iter().filter(|(_, event)| !known.contains(event));
    let mut events = BTreeMap::new();
    for (rule, _) in others.collect::<BTreeSet<_>>() {
        *events.entry(*rule).or_insert(0) += 1;
    }
    (findings, events)
}

/// Which lane a finding is of.
struct Lanes<'a> {
    playlists: HashMap<(&'a str, &'a str), i64>,
    /// Streams that have playlists.
    streams: HashSet<&'a str>,
    ids: HashMap<&'a str, i64>,
}

impl<'a> Lanes<'a> {
    fn new(playlists: &'a [RevisedPlaylist], streams: &'a [StreamInfo]) -> Self {
        let name = |one: &'a RevisedPlaylist| (one.stream.as_str(), one.name.as_str());
        Self {
            // Of two of one name it is the first one.
            playlists: playlists
                .iter()
                .rev()
                .map(|one| (name(one), one.id))
                .collect(),
            streams: playlists.iter().map(|one| one.stream.as_str()).collect(),
            ids: streams
                .iter()
                .map(|one| (one.name.as_str(), one.id))
                .collect(),
        }
    }

    fn of(&self, judged: &Judged) -> Option<Lane> {
        let stream = judged.finding.stream.as_str();
        match judged.finding.playlist.as_deref() {
            Some(name) => self
                .playlists
                .get(&(stream, name))
                .copied()
                .map(Lane::Playlist),
            // A raw stream has no playlist.
            None if self.streams.contains(stream) => None,
            None => self.ids.get(stream).copied().map(Lane::Raw),
        }
    }
}

/// So many of them, in their order: of each rule and playlist as many as of the others, as far as it has them, so that one that
/// is broken all day leaves room for the rest.
fn evenly(all: Vec<(&Judged, usize)>, most: usize) -> Vec<(&Judged, usize)> {
    let mut sizes: BTreeMap<_, usize> = BTreeMap::new();
    for (judged, _) in &all {
        *sizes.entry(alike(judged)).or_default() += 1;
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
    for (judged, event) in all {
        let taken = taken.entry(alike(judged)).or_default();
        *taken += 1;
        if *taken <= each {
            even.push((judged, event));
        }
    }
    even
}

/// What findings are alike by: rule, stream and playlist.
fn alike(judged: &Judged) -> (&'static str, &str, Option<&str>) {
    let finding = &judged.finding;
    (judged.rule, &finding.stream, finding.playlist.as_deref())
}

/// The lanes of the first requests of an outage: it is of a server, and what it touched is seen in them.
fn lanes_of_outage(view: &View<'_>, judged: &Judged) -> Result<Vec<String>, ReadError> {
    let mut lanes = BTreeSet::new();
    for id in judged.finding.exchanges.iter().take(MOST_LOOKED_AT) {
        let rows = view.reader.exchange_rows((id.saturating_sub(1), *id), 1)?;
        let Some(row) = rows.first() else {
            continue;
        };
        lanes.extend(match row.kind {
            Kind::Main | Kind::Media => Some(view.reader.playlist_polled(row.resource_id)?),
            _ => row.listed_by,
        });
    }
    let lanes = lanes.into_iter().map(Lane::Playlist);
    Ok(lanes.map(|lane| lane.to_string()).collect())
}

fn found((judged, event): (&Judged, usize), lane: Option<Lane>, zero_us: i64) -> Found<'_> {
    let line_number = judged.finding.detail.get("line");
    Found {
        line: judged.line(zero_us),
        lane: lane.map(|lane| lane.to_string()),
        lanes: Vec::new(),
        line_number: line_number.and_then(serde_json::Value::as_u64),
        event,
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
    fn what_is_not_sent_is_counted_as_findings_and_as_events() {
        let wanted = [("T07", 0), ("T07", 0), ("T07", 1), ("T07", 1), ("P06", 2)];
        let one = judged("T07", "high");
        let (findings, events) = left(&wanted, &[(&one, 0)]);
        assert_eq!(findings, BTreeMap::from([("T07", 3), ("P06", 1)]));
        assert_eq!(events, BTreeMap::from([("T07", 1), ("P06", 1)]));
    }

    #[test]
    fn what_is_broken_all_day_leaves_room_for_the_rest() {
        let of = |rule, playlist, count| (0..count).map(move |_| judged(rule, playlist));
        let all: Vec<Judged> = of("T07", "high", 50)
            .chain(of("T07", "low", 50))
            .chain(of("P06", "low", 3))
            .collect();
        let shown = |most| {
            let shown = evenly(all.iter().map(|one| (one, 0)).collect(), most);
            let count = |rule, playlist| {
                let is_one =
                    |(one, _): &&(&Judged, usize)| alike(one) == (rule, "hall1", Some(playlist));
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
