//! What viewers saw: H04, and how bad an outage is.

use super::judging::{Judging, holes_since};
use crate::analysis::finding::Evidence;
use crate::analysis::noticed::host_of;
use crate::analysis::outages::outage::Outage;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::http::viewer;
use crate::analysis::rules::overview::{Rendition, Stall};
use crate::analysis::rules::registry::Severity;
use crate::session::{Notice, NoticeEvent, ReadError, Run};

/// Rules that tell of an outage, too: what broke is told as bad once.
const TELL_OF_OUTAGES: [&str; 3] = ["T07", "H01", "H03"];

impl Judging<'_> {
    /// What viewers saw, once all has passed.
    pub(super) fn viewers(&mut self) -> Result<(), ReadError> {
        if !(self.passes.texts && self.passes.exchanges) {
            return Ok(());
        }
        let runs = self.reader.runs()?;
        let end_us = runs.last().map_or(0, Run::end_us);
        // What was not over when its run ended was over then.
        let run_end_us = |at_us| {
            let run = runs.iter().rev().find(|run| run.started_us <= at_us);
            run.map_or(end_us, Run::end_us)
        };
        let span = |notice: &NoticeEvent| {
            let until_us = notice.until_us().min(run_end_us(notice.at_us));
            (notice.at_us, until_us.max(notice.at_us))
        };
        let is_away = |notice: &&NoticeEvent| is_away(notice.kind);
        let (away, unwell): (Vec<&NoticeEvent>, Vec<_>) =
            self.looked_at.notices.iter().partition(is_away);
        let away = away.into_iter().map(span);
        let holes = holes_since(&runs, self.kept_us).into_iter();
        let away = away.chain(holes.map(|hole| (hole.from_us, hole.until_us)));
        let (away, unwell) = (
            united(away.collect()),
            united(unwell.into_iter().map(span).collect()),
        );
        // While a host of its stream is left alone nobody knows what there is to play: hosts of one stream are all of a session's.
        let is_one = self.reader.streams()?.len() == 1;
        let alone: Vec<(&str, (i64, i64))> = (self.looked_at.left_alone.iter())
            .map(|notice| (&*notice.detail, span(notice)))
            .collect();
        let away_of = |url: &str| {
            let host = host_of(url);
            let is_its = |(one, _): &&(&str, _)| is_one || host.as_deref() == Some(*one);
            let alone = alone.iter().filter(is_its).map(|(_, span)| *span);
            united(away.iter().copied().chain(alone).collect())
        };
        let durations = &self.durations;
        self.overview
            .see(away_of, &unwell, |name| durations.measured(name));
        Ok(())
    }

    /// H04.
    pub(super) fn lags(&self, rendition: &Rendition) -> Vec<(Evidence, Broken)> {
        let viewer = rendition.viewer.viewer();
        let stalls = viewer.map_or_else(Vec::new, |viewer| viewer.stalls.clone());
        let wanted = |stall: &Stall| self.findings.wanted().has(stall.from_us);
        let stalls: Vec<_> = stalls.into_iter().filter(wanted).collect();
        let has_target = rendition.target_us.is_some();
        let told = stalls.iter().enumerate().map(|(index, stall)| {
            let at = Evidence {
                at_us: stall.from_us,
                exchange: None,
            };
            let so_far = stalls.get(..=index).unwrap_or_default();
            (at, viewer::judge(so_far, has_target))
        });
        told.collect()
    }

    /// How bad an outage is. Whoever plays a raw stream is cut off where it breaks, however soon it comes again; whoever plays a
    /// playlist sees what lasts longer than the buffer. What another rule tells as bad is told as bad once.
    pub(super) fn of_outage(&self, outage: &Outage) -> Severity {
        let span_us = (
            outage.first.at_us,
            outage.good_us.unwrap_or(outage.last.at_us),
        );
        let is_bad = match outage.is_raw {
            true => !self.is_silence(&outage.stream, span_us),
            false => {
                self.is_seen(&outage.stream, span_us)
                    && !self
                        .findings
                        .tells(&TELL_OF_OUTAGES, &outage.stream, span_us)
            }
        };
        match is_bad {
            true => Severity::Should,
            false => Severity::Info,
        }
    }

    /// Whether a viewer saw what was wrong with a stream between two moments: it stalled then or a buffer later, or that was longer
    /// than the buffer, where nobody knows.
    fn is_seen(&self, stream: &str, (from_us, until_us): (i64, i64)) -> bool {
        let renditions = self.overview.renditions().map(|(rendition, _)| rendition);
        let of_stream: Vec<&Rendition> = renditions
            .filter(|rendition| rendition.stream == stream)
            .collect();
        let has_stalled = |rendition: &&Rendition| {
            let buffer_us = rendition.unit_us().saturating_mul(3);
            let span_us = (from_us, until_us.saturating_add(buffer_us));
            let viewer = rendition.viewer.viewer();
            match viewer {
                Some(viewer) => viewer.stalls.iter().any(|stall| stall.is_within(span_us)),
                None => until_us.saturating_sub(from_us) > buffer_us && buffer_us > 0,
            }
        };
        of_stream.iter().any(has_stalled)
    }
}

/// Whether nothing is known of a time in which the recorder noticed that. While its disk is full it asks for playlists and is
/// late with segments.
fn is_away(kind: Notice) -> bool {
    matches!(kind, Notice::Stalled | Notice::Suspended)
}

/// Spans of time in order, of which those that overlap are one.
fn united(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    spans.dedup_by(|next, before| {
        let overlaps = next.0 <= before.1;
        if overlaps {
            before.1 = before.1.max(next.1);
        }
        overlaps
    });
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_whose_disk_was_full_did_not_stand_still() {
        assert!(is_away(Notice::Stalled) && is_away(Notice::Suspended));
        assert!(!is_away(Notice::DiskFull) && !is_away(Notice::Late));
    }

    #[test]
    fn spans_that_overlap_are_one() {
        let spans = vec![(9, 12), (1, 5), (2, 3), (5, 6), (8, 9)];
        assert_eq!(united(spans), [(1, 6), (8, 12)]);
    }
}
