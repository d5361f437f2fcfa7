//! What the session and its channel are, as JSON (`docs/ref/findings.md`): what text and page say at their beginning and end.

use std::collections::BTreeMap;

use serde::Serialize;

use super::form::Shown;
use crate::analysis::rules::overview::{Declared, Host, RawStream, Rendition, Silences, Watched};
use crate::analysis::rules::registry::Severity;
use crate::session::{Moment, seconds};

/// The last line of a report as JSON.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Summary<'a> {
    session: &'a str,
    recorded: Moment,
    length_seconds: f64,
    /// From when on it is kept; null: all of it is.
    kept_from: Option<Moment>,
    /// Which span of which session it is a clip of; null: it is none.
    clip_of: Option<&'a str>,
    /// Why nothing was recorded, in a sentence; null: something was.
    nothing_recorded: Option<&'a str>,
    /// Bodies that a repair has marked as lost.
    lost: usize,
    streams: Vec<&'a str>,
    playlists: usize,
    revisions: u64,
    exchanges: u64,
    /// All of them, whatever is shown, a line each.
    findings: Counts,
    /// What playlists have at once is one.
    events: Counts,
    longest_without_segment: Option<Longest<'a>>,
    longest_without_byte: Option<LongestSilence<'a>>,
    recorder: Recorder,
    left_alone: Vec<LeftAlone<'a>>,
    renditions: Vec<OfRendition<'a>>,
    raw_streams: Vec<OfRaw<'a>>,
    hosts: Vec<OfHost<'a>>,
}

#[derive(Serialize)]
struct Counts {
    must: usize,
    should: usize,
    info: usize,
}

#[derive(Serialize)]
struct Longest<'a> {
    seconds: f64,
    stream: &'a str,
    playlist: &'a str,
}

#[derive(Serialize)]
struct LongestSilence<'a> {
    seconds: f64,
    stream: &'a str,
}

#[derive(Serialize)]
struct Recorder {
    well: bool,
    killed: bool,
    /// Segments that it did not ask for.
    not_asked: u64,
    holes: usize,
    hole_seconds: f64,
    noticed: BTreeMap<&'static str, u64>,
    noticed_seconds: BTreeMap<&'static str, f64>,
}

/// A host that asked for patience.
#[derive(Serialize)]
struct LeftAlone<'a> {
    host: &'a str,
    times: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct OfRendition<'a> {
    stream: &'a str,
    playlist: &'a str,
    url: &'a str,
    label: Option<&'a str>,
    declared: Option<OfDeclared<'a>>,
    bit_rate: Option<Rate>,
    codecs: Vec<&'a str>,
    segments: OfSegments,
    key_frames: Option<Keys>,
    discontinuities: u64,
    /// Times without a new segment (T07); null: they were not looked for.
    gaps: Option<u64>,
    gap_tags: u64,
    encryption: Vec<&'a str>,
    ad_breaks: AdBreaks,
    viewer: Option<OfViewer>,
    /// Why there is none.
    viewer_not_judged: Option<&'static str>,
}

#[derive(Serialize)]
struct OfDeclared<'a> {
    bandwidth: Option<u64>,
    average_bandwidth: Option<u64>,
    codecs: Option<&'a str>,
    resolution: Option<&'a str>,
    frame_rate: Option<&'a str>,
}

/// Bits per second.
#[derive(Serialize)]
struct Rate {
    mean: f64,
    peak: f64,
}

#[derive(Serialize)]
struct OfSegments {
    count: u64,
    /// Asked for, and never got.
    never_came: u64,
    not_asked: u64,
    shortest_seconds: Option<f64>,
    longest_seconds: Option<f64>,
    target_seconds: Option<f64>,
    part_target_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Keys {
    distances: u64,
    min_seconds: f64,
    median_seconds: f64,
    max_seconds: f64,
}

#[derive(Serialize)]
struct AdBreaks {
    date_ranges: usize,
    texts_with_cues: u64,
    splices: u64,
}

#[derive(Serialize)]
struct OfViewer {
    stalls: u64,
    stalled_seconds: f64,
    missed_segments: u64,
    missed_seconds: f64,
    /// Segments of which nobody knows, since they were not asked for: it stalled for so long at least.
    not_asked_segments: u64,
    /// Of that time nothing is told.
    recorder_away_seconds: f64,
}

#[derive(Serialize)]
struct OfRaw<'a> {
    stream: &'a str,
    url: &'a str,
    format: &'a str,
    codecs: Vec<&'a str>,
    parts: u64,
    bytes: u64,
    bit_rate: Option<Rate>,
    first: Option<Moment>,
    last: Option<Moment>,
    recorded_seconds: f64,
    breaks: Vec<Break<'a>>,
    silences: OfSilences,
    own_silences: OfSilences,
}

#[derive(Serialize)]
struct Break<'a> {
    what: &'a str,
    times: u64,
}

#[derive(Serialize)]
struct OfSilences {
    count: u64,
    seconds: f64,
    longest_seconds: f64,
}

#[derive(Serialize)]
struct OfHost<'a> {
    host: &'a str,
    exchanges: u64,
    answers: &'a BTreeMap<String, u64>,
    /// Requests that had none when the recorder stopped.
    stopped: u64,
    first_byte: Option<Wait>,
    throughput: Option<Throughput>,
    cache_control: &'a BTreeMap<String, u64>,
    cached: u64,
    servers: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Wait {
    p50_seconds: f64,
    p99_seconds: f64,
}

/// Bits per second.
#[derive(Serialize)]
struct Throughput {
    p50: u64,
    /// One body of 100 came with that or less.
    p1: u64,
}

pub(super) fn summary<'a>(shown: &'a Shown<'_>) -> Line<'a> {
    let (looked_at, overview) = (&shown.judgement.looked_at, &shown.judgement.overview);
    let longest = looked_at.longest.as_ref();
    let silence = looked_at.longest_silence.as_ref();
    Line {
        summary: Summary {
            session: &shown.name,
            recorded: Moment::new(shown.zero_us, shown.zero_us),
            length_seconds: seconds(shown.end_us.saturating_sub(shown.zero_us)),
            kept_from: (shown.kept_us > 0).then(|| {
                let kept_us = shown.zero_us.saturating_add(shown.kept_us);
                Moment::new(kept_us, shown.zero_us)
            }),
            clip_of: shown.clip_of.as_deref(),
            nothing_recorded: shown.nothing.as_deref(),
            lost: shown.lost,
            streams: shown.streams.iter().map(|s| s.name.as_str()).collect(),
            playlists: looked_at.playlists,
            revisions: looked_at.revisions,
            exchanges: looked_at.exchanges,
            findings: counts(|severity| {
                let findings = shown.judgement.findings.iter();
                findings.filter(|one| one.severity == severity).count()
            }),
            events: counts(|severity| shown.count(severity)),
            longest_without_segment: longest.map(|longest| Longest {
                seconds: seconds(longest.length_us),
                stream: &longest.stream,
                playlist: &longest.playlist,
            }),
            longest_without_byte: silence.map(|(us, stream)| LongestSilence {
                seconds: seconds(*us),
                stream,
            }),
            recorder: recorder(shown),
            left_alone: (looked_at.hosts_left_alone().into_iter())
                .map(|(host, times, us)| LeftAlone {
                    host,
                    times,
                    seconds: seconds(us),
                })
                .collect(),
            renditions: overview.renditions().map(of_rendition).collect(),
            raw_streams: overview.raw.iter().map(|raw| of_raw(raw, shown)).collect(),
            hosts: overview.hosts.all().map(of_host).collect(),
        },
    }
}

fn counts(of: impl Fn(Severity) -> usize) -> Counts {
    Counts {
        must: of(Severity::Must),
        should: of(Severity::Should),
        info: of(Severity::Info),
    }
}

fn recorder(shown: &Shown<'_>) -> Recorder {
    let looked_at = &shown.judgement.looked_at;
    let (mut noticed, mut noticed_us) = (BTreeMap::new(), BTreeMap::<_, i64>::new());
    for notice in &looked_at.notices {
        *noticed.entry(notice.kind.as_str()).or_default() += 1;
        let length_us = noticed_us.entry(notice.kind.as_str()).or_default();
        *length_us = length_us.saturating_add(notice.length_us.unwrap_or(0).saturating_abs());
    }
    let (holes, hole_us) = looked_at.holes;
    let not_asked = shown.judgement.overview.not_asked();
    Recorder {
        well: holes == 0 && !shown.was_killed && noticed.is_empty() && not_asked == 0,
        killed: shown.was_killed,
        not_asked,
        holes,
        hole_seconds: seconds(hole_us),
        noticed,
        noticed_seconds: (noticed_us.into_iter())
            .map(|(kind, us)| (kind, seconds(us)))
            .collect(),
    }
}

fn of_rendition<'a>(
    (rendition, declared): (&'a Rendition, Option<&'a Declared>),
) -> OfRendition<'a> {
    let label = declared.map(|declared| declared.label.as_str());
    let peak = rendition.rates.largest();
    let told_us = rendition.told_us;
    OfRendition {
        stream: &rendition.stream,
        playlist: &rendition.name,
        url: &rendition.url,
        label: label.filter(|label| !label.is_empty()),
        declared: declared.map(of_declared),
        bit_rate: rendition.mean_rate().zip(peak).map(rate),
        codecs: rendition.codecs.keys().map(String::as_str).collect(),
        segments: OfSegments {
            count: rendition.segments,
            never_came: rendition.not_come.0,
            not_asked: rendition.not_come.1,
            shortest_seconds: told_us.map(|(us, _)| seconds(us)),
            longest_seconds: told_us.map(|(_, us)| seconds(us)),
            target_seconds: rendition.target_us.map(seconds),
            part_target_seconds: rendition.part_target_us.map(seconds),
        },
        key_frames: rendition.keys.told_us().map(|[least, middle, most]| Keys {
            distances: rendition.keys.count,
            min_seconds: seconds(least),
            median_seconds: seconds(middle),
            max_seconds: seconds(most),
        }),
        discontinuities: rendition.discontinuities,
        gaps: rendition.late,
        gap_tags: rendition.gaps,
        encryption: rendition.methods.iter().map(String::as_str).collect(),
        ad_breaks: AdBreaks {
            date_ranges: rendition.date_ranges.len(),
            texts_with_cues: rendition.cues,
            splices: rendition.splices,
        },
        viewer: rendition.viewer.viewer().map(|viewer| OfViewer {
            stalls: viewer.count,
            stalled_seconds: seconds(viewer.length_us),
            missed_segments: viewer.missed,
            missed_seconds: seconds(viewer.missed_us),
            not_asked_segments: viewer.not_asked,
            recorder_away_seconds: seconds(viewer.away_us),
        }),
        viewer_not_judged: match rendition.viewer {
            Watched::By(_) | Watched::NotKnown("") => None,
            Watched::NotKnown(why) => Some(why),
        },
    }
}

fn of_declared(declared: &Declared) -> OfDeclared<'_> {
    OfDeclared {
        bandwidth: declared.bandwidth,
        average_bandwidth: declared.average,
        codecs: declared.codecs.as_deref(),
        resolution: declared.resolution.as_deref(),
        frame_rate: declared.frame_rate.as_deref(),
    }
}

/// Bits, of which parts are no use to anybody.
fn rate((mean, peak): (f64, f64)) -> Rate {
    Rate {
        mean: mean.round(),
        peak: peak.round(),
    }
}

fn of_raw<'a>(raw: &'a RawStream, shown: &Shown<'_>) -> OfRaw<'a> {
    let moment = |us| Moment::new(us, shown.zero_us);
    let mean = raw.mean_rate();
    let peak = mean.map(|mean| raw.rates().largest().unwrap_or(mean).max(mean));
    OfRaw {
        stream: &raw.name,
        url: &raw.url,
        format: &raw.extension,
        codecs: raw.codecs.iter().map(String::as_str).collect(),
        parts: raw.parts,
        bytes: raw.bytes,
        bit_rate: mean.zip(peak).map(rate),
        first: raw.came_us.map(|(us, _)| moment(us)),
        last: raw.came_us.map(|(_, us)| moment(us)),
        recorded_seconds: seconds(raw.recorded_us),
        breaks: raw.breaks.iter().map(of_break).collect(),
        silences: of_silences(&raw.silences),
        own_silences: of_silences(&raw.own),
    }
}

fn of_break((what, times): &(String, u64)) -> Break<'_> {
    Break {
        what,
        times: *times,
    }
}

fn of_silences(silences: &Silences) -> OfSilences {
    OfSilences {
        count: silences.count,
        seconds: seconds(silences.length_us),
        longest_seconds: seconds(silences.longest_us),
    }
}

fn of_host<'a>((name, host): (&'a str, &'a Host)) -> OfHost<'a> {
    let wait = |percentile| host.wait_us(percentile).map(|us| us as f64 / 1e6);
    let wait = wait(50.0).zip(wait(99.0));
    let rate = host.rate(50.0).zip(host.rate(1.0));
    OfHost {
        host: name,
        exchanges: host.exchanges,
        answers: &host.answers,
        stopped: host.stopped,
        first_byte: wait.map(|(p50_seconds, p99_seconds)| Wait {
            p50_seconds,
            p99_seconds,
        }),
        throughput: rate.map(|(p50, p1)| Throughput { p50, p1 }),
        cache_control: &host.caching,
        cached: host.cached,
        servers: &host.servers,
    }
}
