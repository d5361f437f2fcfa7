//! Pictures of each rendition over the session, with its findings in them.

use std::collections::HashMap;

use maud::{Markup, PreEscaped, html};

use super::chart::{Chart, Drawn, Line, Look, draw};
use super::listed::Listed;
use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::overview::{Declared, RawStream, Rendition, Series, Stall};
use crate::cli::isreport::channel::{rate_words, viewer as viewer_words};
use crate::cli::isreport::form::{Shown, name_of};
use crate::session::seconds;
use crate::shown::{counted, escaped};

/// Renditions that are drawn, the first ones.
const MOST: usize = 16;
/// Findings that are marked in one picture, the worst ones.
const MOST_MARKS: usize = 60;

/// Pictures, and which findings are in them.
pub(super) struct Pictured {
    pub(super) markup: Markup,
    marks: Marks,
}

/// The first mark of each finding, by the number of its event and its playlist.
type Marks = HashMap<(usize, Option<String>), String>;

impl Pictured {
    /// Where a finding of an event is marked.
    pub(super) fn mark_of(&self, event: usize, judged: &Judged) -> Option<&str> {
        let mark = self.marks.get(&(event, judged.finding.playlist.clone()));
        mark.map(String::as_str)
    }
}

/// Draws all of them.
pub(super) fn pictures(shown: &Shown<'_>, listed: &Listed<'_>) -> Pictured {
    let mut marks = HashMap::new();
    let renditions: Vec<_> = shown.judgement.overview.renditions().collect();
    let drawn: Vec<Markup> = renditions
        .iter()
        .take(MOST)
        .map(|(rendition, declared)| one((shown, listed), rendition, *declared, &mut marks))
        .collect();
    let raw = shown.judgement.overview.raw.iter().take(MOST);
    let raw: Vec<Markup> = raw
        .map(|raw| one_raw((shown, listed), raw, &mut marks))
        .collect();
    let left_out = renditions.len().saturating_sub(MOST);
    let markup = html! {
        @for picture in drawn.iter().chain(&raw) { (picture) }
        @if left_out > 0 { p.soft { (counted(left_out as u64, "playlist")) " more: -p draws one of them." } }
    };
    Pictured { markup, marks }
}

/// What a picture is of.
struct Picture<'a> {
    id: String,
    title: &'static str,
    /// What it says, in words.
    says: String,
    unit: &'static str,
    scale: f64,
    lines: Vec<Line<'a>>,
    levels: Vec<(f64, &'static str)>,
    spans: Vec<(i64, i64)>,
}

fn one(
    (shown, listed): (&Shown<'_>, &Listed<'_>),
    rendition: &Rendition,
    declared: Option<&Declared>,
    marks: &mut Marks,
) -> Markup {
    let drawn = rendition.within(shown.span_us);
    let rendition = &drawn;
    let pictures = [
        advances(shown, rendition),
        durations(rendition),
        fetching(rendition),
        rates(shown, rendition, declared),
        edge(rendition),
    ];
    let found = found_in(listed, &rendition.stream, Some(&rendition.name));
    html! {
        section aria-label=(escaped(&rendition.name)) {
            h3 { (escaped(&name_of(shown, rendition, declared))) }
            @for (n, picture) in pictures.into_iter().flatten().enumerate() {
                (figure(shown, &picture, if n == 0 { &found } else { &[] }, marks))
            }
        }
    }
}

fn one_raw(
    (shown, listed): (&Shown<'_>, &Listed<'_>),
    raw: &RawStream,
    marks: &mut Marks,
) -> Markup {
    let series = raw.rates().within(shown.span_us);
    let picture = raw_rate(shown, raw, &series);
    let found = found_in(listed, &raw.name, None);
    html! {
        section aria-label=(escaped(&raw.name)) {
            h3 { (escaped(&raw.name)) " (raw stream)" }
            @if let Some(picture) = picture { (figure(shown, &picture, &found, marks)) }
            @else { p.soft { "Nothing of it came." } }
        }
    }
}

fn raw_rate<'a>(shown: &Shown<'_>, raw: &RawStream, series: &'a Series) -> Option<Picture<'a>> {
    let peak = series.largest()?;
    let silences = &raw.silences;
    let silent = match silences.count {
        0 => String::new(),
        count => format!(
            " No byte came {}{} ({:.1} s in all, red).",
            counted(count, "time"),
            shown.of_all(),
            seconds(silences.length_us)
        ),
    };
    let mean = raw.mean_rate().map_or_else(String::new, |mean| {
        format!("{} on average{}, ", rate_words(mean), shown.of_all())
    });
    Some(Picture {
        id: format!("r{}-rates", raw.id),
        title: "Bit rate",
        says: format!("{mean}{} at most.{silent}", rate_words(peak)),
        unit: if peak < 1e6 { "kbit/s" } else { "Mbit/s" },
        scale: if peak < 1e6 { 1e3 } else { 1e6 },
        lines: vec![line("as it came", Look::Bars, series)],
        levels: Vec::new(),
        spans: silences.spans.clone(),
    })
}

/// A finding that is in a picture.
struct Found<'a> {
    /// Of its event.
    number: usize,
    judged: &'a Judged,
}

impl Found<'_> {
    fn at_us(&self) -> i64 {
        self.judged.finding.first.at_us
    }
}

/// Findings of a stream: those of a playlist, and those of none.
fn found_in<'a>(listed: &Listed<'a>, stream: &str, playlist: Option<&str>) -> Vec<Found<'a>> {
    let is_in = |judged: &&Judged| {
        let name = judged.finding.playlist.as_deref();
        judged.finding.stream == stream && (name.is_none() || name == playlist)
    };
    let events = listed.events.iter();
    let found = events.filter_map(|(number, event)| {
        let judged = event.all().find(is_in)?;
        Some(Found {
            number: *number,
            judged,
        })
    });
    found.take(MOST_MARKS).collect()
}

fn figure(
    shown: &Shown<'_>,
    picture: &Picture<'_>,
    found: &[Found<'_>],
    marks: &mut Marks,
) -> Markup {
    let chart = Chart {
        span_us: shown.span_us,
        zero_us: shown.zero_us,
        unit: picture.unit,
        scale: picture.scale,
        lines: picture.lines.iter().map(|line| Line { ..*line }).collect(),
        levels: picture.levels.clone(),
        spans: &picture.spans,
    };
    let moments: Vec<i64> = found.iter().map(Found::at_us).collect();
    let Some(Drawn { svg, marks: places }) = draw(&chart, &moments) else {
        return html! {};
    };
    for found in found {
        let mark = format!("{}-f{}", picture.id, found.number);
        let playlist = found.judged.finding.playlist.clone();
        marks.entry((found.number, playlist)).or_insert(mark);
    }
    html! {
        figure {
            figcaption { strong { (picture.title) } " " span.soft { (legend(picture)) } }
            div.chart {
                div role="img" aria-label={ (picture.title) ". " (picture.says) } { (PreEscaped(svg)) }
                @for (found, place) in found.iter().zip(places) {
                    // A mouse finds it; a keyboard and a screen reader have the list below.
                    a class={ "mark " (found.judged.severity.as_str()) } href={ "#f" (found.number) } tabindex="-1" aria-hidden="true"
                        style={ "left:" (format!("{place:.2}")) "%" } data-rule=(found.judged.rule) {}
                }
            }
            @if !found.is_empty() {
                ul.marks aria-label="Findings in this picture" {
                    @for found in found {
                        li { a id={ (picture.id) "-f" (found.number) } href={ "#f" (found.number) } { (at_words(shown, found)) } }
                    }
                }
            }
            p.soft { (picture.says) }
        }
    }
}

/// A finding in a picture: its rule, how bad it is, and when it was.
fn at_words(shown: &Shown<'_>, found: &Found<'_>) -> String {
    let at_us = found.at_us().saturating_sub(shown.zero_us);
    format!(
        "{} {} at {:.1} s",
        found.judged.rule,
        found.judged.severity.as_str(),
        seconds(at_us)
    )
}

fn legend(picture: &Picture<'_>) -> String {
    let lines = picture
        .lines
        .iter()
        .map(|line| format!("{}: {}", line.look.word(), line.name));
    let levels = picture.levels.iter().map(|(level, name)| {
        format!(
            "grey: {name} ({:.2} {})",
            level / picture.scale,
            picture.unit
        )
    });
    lines.chain(levels).collect::<Vec<_>>().join("; ")
}

fn line<'a>(name: &'static str, look: Look, series: &'a Series) -> Line<'a> {
    Line {
        name,
        look,
        points: series.points(),
    }
}

fn advances<'a>(shown: &Shown<'_>, rendition: &'a Rendition) -> Option<Picture<'a>> {
    let open_us = rendition
        .open_us
        .map(|(from_us, until_us)| until_us.saturating_sub(from_us));
    let longest = (rendition.advances.largest()?).max(open_us.map_or(0.0, seconds));
    let expected = rendition.target_us.map(|us| us as f64 * 1.5 / 1e6);
    Some(Picture {
        id: format!("p{}-advances", rendition.id),
        title: "Time between advances",
        says: format!("The longest time without a new segment was {longest:.1} s. Gaps are red."),
        unit: "s",
        scale: 1.0,
        lines: vec![line(
            "since the advance before",
            Look::Bars,
            &rendition.advances,
        )],
        levels: expected
            .map(|level| (level, "1.5 target durations"))
            .into_iter()
            .collect(),
        spans: gaps(shown, rendition),
    })
}

/// Gaps of a playlist: from when to when.
fn gaps(shown: &Shown<'_>, rendition: &Rendition) -> Vec<(i64, i64)> {
    let findings = shown.findings().filter(|judged| {
        let finding = &judged.finding;
        judged.rule == "T07"
            && finding.stream == rendition.stream
            && finding.playlist.as_deref() == Some(&rendition.name)
    });
    findings
        .map(|judged| (judged.finding.first.at_us, judged.finding.last.at_us))
        .collect()
}

fn durations(rendition: &Rendition) -> Option<Picture<'_>> {
    let longest = rendition.told.largest()?;
    let measured = rendition.measured.largest();
    let says = match measured {
        Some(measured) => format!(
            "The longest segment is told as {longest:.3} s, and plays for {measured:.3} s at most by time stamps."
        ),
        None => format!("The longest segment is told as {longest:.3} s. Media were not measured."),
    };
    let mut lines = vec![line("told (EXTINF)", Look::Line, &rendition.told)];
    if measured.is_some() {
        lines.push(line(
            "measured by time stamps",
            Look::Crosses,
            &rendition.measured,
        ));
    }
    let target = rendition.target_us.map(|us| us as f64 / 1e6);
    Some(Picture {
        id: format!("p{}-durations", rendition.id),
        title: "Segment durations",
        says,
        unit: "s",
        scale: 1.0,
        lines,
        levels: target
            .map(|level| (level, "target duration"))
            .into_iter()
            .collect(),
        spans: Vec::new(),
    })
}

fn fetching(rendition: &Rendition) -> Option<Picture<'_>> {
    let longest = rendition.fetched.largest()?;
    let viewer = rendition.viewer.viewer();
    let told = viewer_words(rendition).map(|told| {
        let red = viewer.is_some_and(|viewer| viewer.count > 0);
        let red = if red { " (red)" } else { "" };
        format!(" A viewer, as this recorder got the segments: {told}{red}.")
    });
    let told = told.unwrap_or_default();
    let stalled = viewer.into_iter().flat_map(|viewer| &viewer.stalls);
    let span = |stall: &Stall| (stall.from_us, stall.from_us.saturating_add(stall.length_us));
    Some(Picture {
        id: format!("p{}-fetching", rendition.id),
        title: "Time to fetch a segment",
        says: format!("{longest:.2} s at most.{told}"),
        unit: "s",
        scale: 1.0,
        lines: vec![line(
            "from the request to the last byte",
            Look::Bars,
            &rendition.fetched,
        )],
        levels: rendition
            .told_us
            .map(|(shortest_us, _)| (shortest_us as f64 / 1e6, "shortest segment"))
            .into_iter()
            .collect(),
        spans: stalled.map(span).collect(),
    })
}

fn rates<'a>(
    shown: &Shown<'_>,
    rendition: &'a Rendition,
    declared: Option<&Declared>,
) -> Option<Picture<'a>> {
    let peak = rendition.rates.largest()?;
    let mean = rendition.mean_rate()?;
    let bandwidth = declared.and_then(|declared| declared.bandwidth);
    let average = declared.and_then(|declared| declared.average);
    let said = [(bandwidth, "BANDWIDTH"), (average, "AVERAGE-BANDWIDTH")];
    Some(Picture {
        id: format!("p{}-rates", rendition.id),
        title: "Bit rate",
        says: format!(
            "{} on average{}, {} at most.",
            rate_words(mean),
            shown.of_all(),
            rate_words(peak)
        ),
        unit: if peak < 1e6 { "kbit/s" } else { "Mbit/s" },
        scale: if peak < 1e6 { 1e3 } else { 1e6 },
        lines: vec![line("of each segment", Look::Bars, &rendition.rates)],
        levels: said
            .into_iter()
            .filter_map(|(value, name)| Some((value? as f64, name)))
            .collect(),
        spans: Vec::new(),
    })
}

fn edge(rendition: &Rendition) -> Option<Picture<'_>> {
    let furthest = rendition.edge.largest()?;
    Some(Picture {
        id: format!("p{}-edge", rendition.id),
        title: "Live edge behind EXT-X-PROGRAM-DATE-TIME",
        says: format!(
            "The end of the playlist was {furthest:.1} s behind the clock of the recorder at most."
        ),
        unit: "s",
        scale: 1.0,
        lines: vec![line(
            "end of the last segment, behind the clock",
            Look::Line,
            &rendition.edge,
        )],
        levels: Vec::new(),
        spans: Vec::new(),
    })
}
