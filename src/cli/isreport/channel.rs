//! What the channel is, in words that all forms share: its renditions, and who answered.

use super::form::{Shown, name_of};
use crate::analysis::rules::overview::{
    Declared, Host, RawStream, Rendition, Silences, Watched, buffer_words,
};
use crate::cli::arguments::durations::bytes;
use crate::shown::counted;

/// A name, and what is known of it: what, and a value. Values may hold what an origin said.
pub(super) type Row = (String, Vec<(&'static str, String)>);

/// Each media playlist.
pub(super) fn rendition_rows(shown: &Shown<'_>) -> Vec<Row> {
    let renditions = shown.judgement.overview.renditions();
    renditions
        .map(|(rendition, declared)| {
            let name = name_of(shown, rendition, declared);
            (name, rendition_facts(rendition, declared))
        })
        .collect()
}

fn rendition_facts(
    rendition: &Rendition,
    declared: Option<&Declared>,
) -> Vec<(&'static str, String)> {
    let facts = [
        ("declared", declared.and_then(said)),
        ("bit rate", rate(rendition)),
        ("media", joined(rendition.codecs.keys())),
        ("segments", segments(rendition)),
        ("key frames", keys(rendition)),
        ("discontinuities", some(rendition.discontinuities)),
        ("gaps (EXT-X-GAP)", some(rendition.gaps)),
        ("encryption", joined(rendition.methods.iter())),
        ("ad breaks and dates", breaks(rendition)),
        ("a viewer", viewer(rendition)),
    ];
    facts
        .into_iter()
        .filter_map(|(what, value)| Some((what, value?)))
        .collect()
}

fn said(declared: &Declared) -> Option<String> {
    let rate = |name: &str, bits: Option<u64>| Some(format!("{name} {}", rate_words(bits? as f64)));
    let facts = [
        declared.resolution.clone(),
        declared
            .frame_rate
            .as_ref()
            .map(|rate| format!("{rate} frames/s")),
        declared.codecs.clone(),
        rate("BANDWIDTH", declared.bandwidth),
        rate("AVERAGE-BANDWIDTH", declared.average),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    (!facts.is_empty()).then(|| facts.join(", "))
}

fn rate(rendition: &Rendition) -> Option<String> {
    let (mean, peak) = (rendition.mean_rate()?, rendition.rates.largest()?);
    Some(format!(
        "{} on average, {} at most",
        rate_words(mean),
        rate_words(peak)
    ))
}

fn segments(rendition: &Rendition) -> Option<String> {
    let (shortest_us, longest_us) = rendition.told_us?;
    let target = rendition
        .target_us
        .map(|us| format!(", target duration {} s", seconds(us)))
        .unwrap_or_default();
    let parts = rendition
        .part_target_us
        .map(|us| format!(", parts of {} s", seconds(us)))
        .unwrap_or_default();
    let (shortest, longest) = (seconds(shortest_us), seconds(longest_us));
    let lengths = match shortest == longest {
        true => format!("{shortest} s"),
        false => format!("{shortest} to {longest} s"),
    };
    let lost = [
        (rendition.not_come.0, "never came"),
        (
            rendition.not_come.1,
            "not asked for or not kept by the recorder",
        ),
    ];
    let lost: Vec<String> = lost
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    Some(format!(
        "{} of {lengths}{target}{parts}{}",
        rendition.segments,
        lost.concat()
    ))
}

/// How far apart pictures are that decoding can begin with.
fn keys(rendition: &Rendition) -> Option<String> {
    let [shortest, median, longest] = rendition.keys.told_us()?.map(seconds);
    let distances = counted(rendition.keys.count, "distance");
    Some(match shortest == longest {
        true => format!("{shortest} s apart ({distances})"),
        false => format!("{shortest} to {longest} s apart, median {median} s ({distances})"),
    })
}

fn breaks(rendition: &Rendition) -> Option<String> {
    let dates = rendition.date_ranges.len() as u64;
    let facts = [
        (dates, "date range"),
        (rendition.cues, "text with cues"),
        (rendition.splices, "splice in the media (SCTE-35)"),
    ];
    let told: Vec<String> = facts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| match what {
            "date range" => counted(count, what),
            what => format!("{what}: {count}"),
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What a viewer would have seen, or why that is not known.
pub(super) fn viewer(rendition: &Rendition) -> Option<String> {
    let viewer = match &rendition.viewer {
        Watched::By(viewer) => viewer,
        Watched::NotKnown("") => return None,
        Watched::NotKnown(_) if rendition.segments == 0 => return None,
        Watched::NotKnown(why) => return Some(format!("not judged ({why})")),
    };
    let least = match viewer.not_asked {
        0 => "",
        _ => " at least",
    };
    let stalls = match viewer.count {
        0 if viewer.not_asked > 0 || viewer.away_us > 0 => {
            "not have stalled, as far as is known".to_owned()
        }
        0 => "not have stalled".to_owned(),
        count => format!(
            "have stalled {}, {} s in all{least}",
            counted(count, "time"),
            seconds(viewer.length_us)
        ),
    };
    let missed = (viewer.missed > 0).then(|| {
        let segments = counted(viewer.missed, "segment");
        format!(", and missed {segments} ({} s)", seconds(viewer.missed_us))
    });
    let not_asked = (viewer.not_asked > 0).then(|| {
        let segments = counted(viewer.not_asked, "segment");
        let (were, count) = match viewer.not_asked {
            1 => ("was", "counts as if it had come"),
            _ => ("were", "count as if they had come"),
        };
        format!(
            "; {segments} {were} not asked for or not kept by the recorder, which {count} at once: the viewer may have waited longer"
        )
    });
    let away = (viewer.away_us > 0).then(|| {
        let away = seconds(viewer.away_us);
        format!("; of {away} s in which the recorder stood still, did not run, or left a host alone that had asked for patience, nothing is known")
    });
    let more: Vec<String> = [missed, not_asked, away].into_iter().flatten().collect();
    let buffer = buffer_words(rendition.target_us.is_some());
    Some(format!("with {buffer} would {stalls}{}", more.concat()))
}

/// Each raw stream.
pub(super) fn raw_rows(shown: &Shown<'_>) -> Vec<Row> {
    let streams = shown.judgement.overview.raw.iter();
    streams
        .map(|raw| (format!("{} (raw stream)", raw.name), raw_facts(raw)))
        .collect()
}

fn raw_facts(raw: &RawStream) -> Vec<(&'static str, String)> {
    let length = raw.came_us.map(|(first_us, last_us)| {
        let whole_us = last_us.saturating_sub(first_us);
        format!(
            "{} s from its first byte to its last one, {} s of it in responses",
            seconds(whole_us),
            seconds(raw.recorded_us)
        )
    });
    let rate = raw.mean_rate().map(|mean| {
        let peak = raw.rates().largest().unwrap_or(mean);
        format!(
            "{} on average, {} at most",
            rate_words(mean),
            rate_words(peak.max(mean))
        )
    });
    let breaks = raw.breaks.iter();
    let facts = [
        ("format", Some(format_words(&raw.extension).to_owned())),
        ("media", joined(raw.codecs.iter())),
        (
            "bytes",
            Some(format!(
                "{} in {}",
                bytes(raw.bytes),
                counted(raw.parts, "part")
            )),
        ),
        ("bit rate", rate),
        ("length", length),
        (
            "breaks",
            joined(breaks.map(|(what, times)| format!("{what} x {times}"))),
        ),
        ("silences", silences(&raw.silences)),
        ("silences of the recorder's own", silences(&raw.own)),
    ];
    facts
        .into_iter()
        .filter_map(|(what, value)| Some((what, value?)))
        .collect()
}

fn silences(silences: &Silences) -> Option<String> {
    (silences.count > 0).then(|| {
        format!(
            "{}, {} s in all, the longest {} s",
            silences.count,
            seconds(silences.length_us),
            seconds(silences.longest_us)
        )
    })
}

/// A format as people call it, by the extension of its files.
pub(super) fn format_words(extension: &str) -> &str {
    match extension {
        "ts" => "MPEG-TS",
        "mp3" => "MP3",
        "aac" => "AAC (ADTS)",
        "mp4" => "fragmented MP4",
        "flv" => "FLV",
        "ogg" => "Ogg",
        "webm" => "WebM",
        "mkv" => "Matroska",
        "asf" => "ASF",
        "" => "not known: nothing was kept",
        other => other,
    }
}

/// Each host.
pub(super) fn host_rows(shown: &Shown<'_>) -> Vec<Row> {
    let hosts = shown.judgement.overview.hosts.all();
    hosts
        .map(|(name, host)| (name.to_owned(), host_facts(host)))
        .collect()
}

fn host_facts(host: &Host) -> Vec<(&'static str, String)> {
    let each = |values: &std::collections::BTreeMap<String, u64>| {
        joined(
            values
                .iter()
                .map(|(value, times)| format!("{value}: {times}")),
        )
    };
    let ms = |percentile| Some(host.wait_us(percentile)? as f64 / 1e3);
    let wait = || Some(format!("p50 {:.1} ms, p99 {:.1} ms", ms(50.0)?, ms(99.0)?));
    let fast = |percentile| Some(rate_words(host.rate(percentile)? as f64));
    // The slowest are those that matter: one of 100 came with that rate or less.
    let rate = || {
        Some(format!(
            "p50 {}, slowest of 100 {}",
            fast(50.0)?,
            fast(1.0)?
        ))
    };
    let facts = [
        ("answers", each(&host.answers)),
        ("unanswered when the recorder stopped", some(host.stopped)),
        ("first byte", wait()),
        ("throughput", rate()),
        ("Cache-Control", each(&host.caching)),
        ("out of a cache", some(host.cached)),
        ("Server", each(&host.servers)),
    ];
    facts
        .into_iter()
        .filter_map(|(what, value)| Some((what, value?)))
        .collect()
}

fn some(count: u64) -> Option<String> {
    (count > 0).then(|| count.to_string())
}

fn joined<T: ToString>(values: impl Iterator<Item = T>) -> Option<String> {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// As the field says it.
pub(super) fn rate_words(bits: f64) -> String {
    match bits < 1e6 {
        true => format!("{:.0} kbit/s", bits / 1e3),
        false => format!("{:.2} Mbit/s", bits / 1e6),
    }
}

fn seconds(us: i64) -> String {
    let text = format!("{:.3}", us as f64 / 1e6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(seconds(2_000_000), "2");
        assert_eq!(seconds(2_040_000), "2.04");
        assert_eq!(rate_words(2_449_900.0), "2.45 Mbit/s");
        assert_eq!(rate_words(81_400.0), "81 kbit/s");
    }
}
