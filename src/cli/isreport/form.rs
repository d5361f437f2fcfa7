//! In which form a report is written, and what all forms say.

use std::cell::OnceCell;

use clap::ValueEnum;

use crate::analysis::rules::findings::Judged;
use crate::analysis::rules::judge::Judgement;
use crate::analysis::rules::overview::{Declared, RawStream, Rendition};
use crate::analysis::rules::registry::Severity;
use crate::analysis::rules::selection::Selection;
use crate::analysis::times::both_clocks;
use crate::session::{StreamInfo, seconds};

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people
    Text,
    /// An object a line
    Json,
    /// One file to mail, with pictures; it needs no network and no scripts
    Html,
    /// For the CI of an encoder: a test case a rule
    Junit,
}

/// Exchanges that are named.
const MOST_EXCHANGES: usize = 6;
/// So long before it happens a replay begins that shows it.
const LEAD_US: i64 = 2_000_000;

/// A report, and what it is of.
pub(super) struct Shown<'a> {
    pub(super) judgement: &'a Judgement,
    pub(super) selection: &'a Selection,
    /// Its name.
    pub(super) name: String,
    /// How a shell names it to other programs.
    pub(super) session: String,
    pub(super) streams: Vec<StreamInfo>,
    /// Session zero, and the end, in microseconds of Unix time.
    pub(super) zero_us: i64,
    pub(super) end_us: i64,
    /// Before that session time nothing is kept, in microseconds.
    pub(super) kept_us: i64,
    /// Which span of which session it is a clip of, in a sentence.
    pub(super) clip_of: Option<String>,
    /// What is drawn of it, likewise.
    pub(super) span_us: (i64, i64),
    /// Its last recorder was killed.
    pub(super) was_killed: bool,
    /// The least that is shown.
    pub(super) least: Severity,
    /// Which findings are one event, once that is known.
    pub(super) grouped: OnceCell<Vec<Vec<usize>>>,
    /// How many bodies a repair has marked as lost.
    pub(super) lost: usize,
    /// Why nothing was recorded, in a sentence; `None`: something was.
    pub(super) nothing: Option<String>,
}

impl Shown<'_> {
    /// What is shown, the worst first.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Judged> {
        let findings = self.judgement.findings.iter();
        findings.filter(|judged| judged.severity <= self.least)
    }

    /// Behind a number that is of the whole session where a part of it is drawn.
    pub(super) fn of_all(&self) -> &'static str {
        match self.span_us == (self.zero_us, self.end_us) {
            true => "",
            false => " (of the whole session)",
        }
    }

    /// Where a replay begins that shows a finding: seconds of session time, inside what is kept of the session.
    pub(super) fn offset(&self, judged: &Judged) -> f64 {
        let after_us = judged.finding.first.at_us.saturating_sub(self.zero_us);
        let length_us = self.end_us.saturating_sub(self.zero_us);
        offset_seconds(after_us, self.kept_us, length_us)
    }

    /// The command of a replay that shows a finding.
    pub(super) fn command(&self, judged: &Judged) -> String {
        format!("isreplayer {} -o {}", self.session, self.offset(judged))
    }

    /// Where a finding was: the playlist, or the stream; it may hold what an origin said.
    pub(super) fn place(&self, judged: &Judged) -> String {
        let finding = &judged.finding;
        match (self.streams.len(), &finding.playlist) {
            (1, Some(playlist)) => playlist.clone(),
            (_, Some(playlist)) => format!("[{}] {playlist}", finding.stream),
            (_, None) => finding.stream.clone(),
        }
    }

    /// When it was, first and last, on both clocks.
    pub(super) fn when(&self, judged: &Judged) -> String {
        let finding = &judged.finding;
        let at = |us| both_clocks(us, self.zero_us);
        match finding.count {
            1 => format!("at {}", at(finding.first.at_us)),
            count => format!(
                "{count} times, from {} to {}",
                at(finding.first.at_us),
                at(finding.last.at_us)
            ),
        }
    }

    /// The path of a replay that shows it.
    pub(super) fn replay(&self, judged: &Judged) -> String {
        let stream = match self.streams.len() {
            1 => String::new(),
            _ => format!("{}/", judged.finding.stream),
        };
        let of_stream = |raw: &&RawStream| raw.name == judged.finding.stream;
        let raw = self.judgement.overview.raw.iter().find(of_stream);
        let extension = match raw.map(|raw| raw.extension.as_str()) {
            None | Some("") => "m3u8",
            Some(extension) => extension,
        };
        format!("/{stream}stream.{extension}?offset={}", self.offset(judged))
    }
}

/// Where a replay begins for what was so long after session zero, in seconds: a tenth that lies within what is kept and before the
/// end, where there is one.
fn offset_seconds(after_us: i64, kept_us: i64, length_us: i64) -> f64 {
    const TENTH_US: i64 = 100_000;
    let first = kept_us.max(0).saturating_add(TENTH_US - 1) / TENTH_US;
    let last = length_us.saturating_sub(1).max(0) / TENTH_US;
    let tenths = after_us.saturating_sub(LEAD_US).max(0) / TENTH_US;
    seconds(tenths.max(first).min(last).saturating_mul(TENTH_US))
}

/// Which exchanges show it, the first ones, behind something else.
pub(super) fn exchanges(judged: &Judged) -> String {
    let all = &judged.finding.exchanges;
    let shown = all.iter().take(MOST_EXCHANGES).map(i64::to_string);
    let shown: Vec<String> = shown.collect();
    let more = if all.len() > shown.len() { ", …" } else { "" };
    match shown.is_empty() {
        true => String::new(),
        false => format!("; exchange {}{more}", shown.join(", ")),
    }
}

/// What a playlist is called; it may hold what an origin said.
pub(super) fn name_of(
    shown: &Shown<'_>,
    rendition: &Rendition,
    declared: Option<&Declared>,
) -> String {
    let stream = match shown.streams.len() {
        1 => String::new(),
        _ => format!("[{}] ", rendition.stream),
    };
    match declared.map(|declared| declared.label.as_str()) {
        Some(label) if !label.is_empty() => format!("{stream}{} ({label})", rendition.name),
        _ => format!("{stream}{}", rendition.name),
    }
}

/// Where a section of a rule can be read.
pub(super) fn link(section: &str) -> Option<String> {
    let number = section
        .strip_prefix('§')
        .map(|rest| rest.split([',', '-']).next().unwrap_or(rest));
    if let Some(number) = number {
        let at = match number.starts_with(|c: char| c.is_ascii_digit()) {
            true => format!("section-{number}"),
            false => format!("appendix-{number}"),
        };
        return Some(format!(
            "https://datatracker.ietf.org/doc/html/draft-pantos-hls-rfc8216bis-22#{at}"
        ));
    }
    section.starts_with("A ").then(|| {
        "https://developer.apple.com/documentation/http-live-streaming/hls-authoring-specification-for-apple-devices".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_begins_where_there_is_something() {
        const S: i64 = 1_000_000;
        assert_eq!(offset_seconds(32_149_000, 0, 75 * S), 30.1);
        assert_eq!(offset_seconds(S, 0, 75 * S), 0.0);
        assert_eq!(offset_seconds(99 * S, 0, 75 * S), 74.9, "before the end");
        assert_eq!(offset_seconds(80 * S, 0, 75_006_934), 75.0);
        assert_eq!(
            offset_seconds(11 * S, 10_430_000, 75 * S),
            10.5,
            "what is kept"
        );
        assert_eq!(offset_seconds(0, 0, 0), 0.0);
    }

    #[test]
    fn sections_can_be_read() {
        let at = |section| link(section).unwrap_or_default();
        assert!(at("§6.2.1, 6.2.2").ends_with("-22#section-6.2.1"));
        assert!(at("§B.1").ends_with("-22#appendix-B.1"));
        assert!(at("A 8.4").starts_with("https://developer.apple.com/"));
        assert_eq!(link("seen in the field"), None);
    }
}
