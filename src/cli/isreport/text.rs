//! A report for people: a verdict of three lines, a paragraph for each finding, what the channel is.

use std::io::{self, Write};

use super::channel::{host_rows, raw_rows, rendition_rows};
use super::form::{Shown, exchanges, link};
use crate::analysis::rules::events::Event;
use crate::analysis::rules::judge::LookedAt;
use crate::analysis::rules::registry::Severity;
use crate::analysis::times::timedelta;
use crate::session::{NoticeEvent, seconds};
use crate::shown::{counted, escaped};

pub(super) fn write(shown: &Shown<'_>, out: &mut impl Write) -> io::Result<()> {
    for line in verdict(shown) {
        writeln!(out, "{line}")?;
    }
    for (_, event) in shown.shown_events() {
        writeln!(out)?;
        paragraph(shown, &event, out)?;
    }
    for (rule, count) in &shown.judgement.left_out {
        writeln!(out, "\n{rule}: {} more", counted(*count, "finding"))?;
    }
    for not_judged in &shown.judgement.not_judged {
        let (what, why) = (escaped(&not_judged.what), escaped(&not_judged.why));
        writeln!(out, "\nNot judged: {what} ({why})")?;
    }
    let (renditions, raw) = (rendition_rows(shown), raw_rows(shown));
    for (name, facts) in renditions.iter().chain(&raw).chain(&host_rows(shown)) {
        writeln!(out, "\n{}", escaped(name))?;
        for (what, value) in facts {
            writeln!(out, "  {what}: {}", escaped(value))?;
        }
    }
    Ok(())
}

/// Hosts that asked for patience and are named.
const MOST_HOSTS: usize = 4;

/// What it all comes to, in three lines.
pub(super) fn verdict(shown: &Shown<'_>) -> [String; 3] {
    let looked_at = &shown.judgement.looked_at;
    let streams: Vec<String> = shown
        .streams
        .iter()
        .map(|stream| escaped(&stream.name))
        .collect();
    let length_us = shown.end_us.saturating_sub(shown.zero_us);
    let kept = match shown.kept_us {
        ..=0 => String::new(),
        kept_us => format!(
            ", of which is kept what came from {} on",
            timedelta(kept_us)
        ),
    };
    let clip_of = match &shown.clip_of {
        Some(clip_of) => format!("; {}", escaped(clip_of)),
        None => String::new(),
    };
    let span = format!(
        "{}: {} in {} from {}{kept}{clip_of}",
        streams.join(", "),
        what_there_is(looked_at),
        timedelta(length_us),
        crate::replayer::request::timeline::format_utc(shown.zero_us),
    );
    let longest = match &looked_at.longest {
        Some(longest) => {
            let stream = match shown.streams.len() {
                1 => String::new(),
                _ => format!("[{}] ", escaped(&longest.stream)),
            };
            let (seconds, playlist) = (seconds(longest.length_us), escaped(&longest.playlist));
            format!("; longest time without a new segment {seconds:.1} s ({stream}{playlist})")
        }
        None => String::new(),
    };
    let silent = match &looked_at.longest_silence {
        Some((length_us, stream)) => format!(
            "; longest time without a byte {:.1} s ({})",
            seconds(*length_us),
            escaped(stream)
        ),
        None => String::new(),
    };
    let [must, should, info] =
        [Severity::Must, Severity::Should, Severity::Info].map(|severity| shown.count(severity));
    let hidden = if info > 0 && shown.least < Severity::Info {
        " (--severity info)"
    } else {
        ""
    };
    let has_several = shown.events().iter().any(|event| !event.others.is_empty());
    let once = match has_several {
        true => "; what playlists have at once is counted once",
        false => "",
    };
    let counts =
        format!("must fix {must}, should fix {should}, info {info}{hidden}{once}{longest}{silent}");
    let counts = match &shown.nothing {
        // It is escaped where it is made.
        Some(nothing) => format!("{nothing}; there is nothing to judge"),
        None => counts,
    };
    [span, counts, recorder(shown)]
}

/// What was looked at; a session of raw streams alone has no playlists to count.
fn what_there_is(looked_at: &LookedAt) -> String {
    let playlists = (looked_at.playlists > 0 || looked_at.raw_streams == 0).then(|| {
        let revisions = counted(looked_at.revisions, "revision");
        format!(
            "{}, {revisions}",
            counted(looked_at.playlists as u64, "playlist")
        )
    });
    let raw =
        (looked_at.raw_streams > 0).then(|| counted(looked_at.raw_streams as u64, "raw stream"));
    let all: Vec<String> = playlists.into_iter().chain(raw).collect();
    all.join(", ")
}

/// Whether the recorder itself was well.
fn recorder(shown: &Shown<'_>) -> String {
    let looked_at = &shown.judgement.looked_at;
    let mut troubles = Vec::new();
    if looked_at.holes.0 > 0 {
        let (times, length_us) = looked_at.holes;
        troubles.push(format!(
            "did not run {} ({:.1} s)",
            counted(times as u64, "time"),
            seconds(length_us)
        ));
    }
    if shown.was_killed {
        troubles.push("was killed, and nobody went on".to_owned());
    }
    // Not asked for, or not stored.
    let missing = shown.judgement.overview.not_asked();
    if missing > 0 {
        let segments = counted(missing, "segment");
        troubles.push(format!("lacks {segments} by its own doing"));
    }
    let mut kinds: Vec<&NoticeEvent> = looked_at.notices.iter().collect();
    kinds.sort_by_key(|notice| notice.kind);
    for of_kind in kinds.chunk_by(|one, other| one.kind == other.kind) {
        let Some(first) = of_kind.first() else {
            continue;
        };
        let times = counted(of_kind.len() as u64, "time");
        let lengths_us = of_kind.iter().filter_map(|notice| notice.length_us);
        let length_us = lengths_us.fold(0, |sum: i64, us| sum.saturating_add(us.saturating_abs()));
        troubles.push(format!(
            "{} {times} ({:.1} s)",
            first.kind.words(),
            seconds(length_us)
        ));
    }
    let told = match troubles.is_empty() {
        true => "The recorder was well.".to_owned(),
        false => format!("The recorder: {}.", troubles.join("; ")),
    };
    let lost = match shown.lost {
        0 => String::new(),
        1 => " Since then 1 body is lost (issession check names what).".to_owned(),
        lost => format!(" Since then {lost} bodies are lost (issession check names what)."),
    };
    told + &lost + &left_alone(looked_at)
}

/// Hosts that asked for patience: of that time nothing is known.
fn left_alone(looked_at: &LookedAt) -> String {
    let hosts = looked_at.hosts_left_alone();
    let told = hosts.iter().take(MOST_HOSTS).map(|(host, times, us)| {
        let (times, seconds) = (counted(*times, "time"), seconds(*us));
        let host = escaped(host);
        format!(
            " {host} asked for patience (Retry-After) {times}: of {seconds:.1} s in which it was left alone, nothing is known."
        )
    });
    let more = hosts.len().saturating_sub(MOST_HOSTS);
    let more = (more > 0).then(|| format!(" So did {}.", counted(more as u64, "other host")));
    told.chain(more).collect()
}

fn paragraph(shown: &Shown<'_>, event: &Event<'_>, out: &mut impl Write) -> io::Result<()> {
    let judged = event.judged;
    let finding = &judged.finding;
    let (name, section) = judged
        .info()
        .map_or(("", ""), |rule| (rule.name, rule.section));
    writeln!(
        out,
        "{} {} {name}: {}",
        judged.severity.as_str().to_uppercase(),
        judged.rule,
        escaped(&finding.text)
    )?;
    writeln!(
        out,
        "  {}: {}",
        escaped(&shown.place(judged)),
        shown.when(judged)
    )?;
    for other in &event.others {
        let (place, when) = (escaped(&shown.place(other)), shown.when(other));
        writeln!(out, "  {place}: {when}{}", exchanges(other))?;
    }
    let (command, exchanges) = (escaped(&shown.command(judged)), exchanges(judged));
    writeln!(out, "  see it: {command}{exchanges}")?;
    match link(section) {
        Some(link) => writeln!(out, "  {section}: {link}"),
        None => writeln!(out, "  {section}"),
    }
}
