//! What is judged of each rendition when all of the session has passed: X10, X12, H04.

use super::judging::Judging;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::across::{alone, codecs};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::findings::Place;
use crate::analysis::rules::overview::{Declared, Rendition};
use crate::session::{ReadError, Run};

impl Judging<'_> {
    pub(super) fn renditions(&mut self) -> Result<(), ReadError> {
        let end_us = self.reader.runs()?.last().map_or(0, Run::end_us);
        let mut found = Vec::new();
        for (rendition, declared) in self.overview.renditions() {
            let mut at = |at: Evidence, broken| found.push((Where::of(rendition), at, broken));
            let when = |at_us| Evidence {
                at_us,
                exchange: None,
            };
            if let Some(declared) = declared.filter(|declared| declared.bandwidth.is_some()) {
                let mut out = Vec::new();
                codecs::judge(
                    declared,
                    &rendition.codecs.keys().cloned().collect(),
                    &mut out,
                );
                for broken in out {
                    let shown = shown_by(&broken, rendition, declared);
                    at(shown.unwrap_or(when(end_us)), broken);
                }
                for (shown, broken) in self.alone(rendition) {
                    at(shown, broken);
                }
            }
            for (shown, broken) in self.lags(rendition) {
                at(shown, broken);
            }
        }
        for (place, at, broken) in found {
            place.add(self, at, broken);
        }
        Ok(())
    }

    /// Gaps of a variant in which others went on.
    fn alone(&self, rendition: &Rendition) -> Vec<(Evidence, Broken)> {
        let is_other = |(other, declared): &(&Rendition, Option<&Declared>)| {
            let is_variant = declared.is_some_and(|declared| declared.bandwidth.is_some());
            is_variant && other.stream == rendition.stream && other.id != rendition.id
        };
        let gaps = self.gaps.iter().filter(|gap| gap.playlist == rendition.id);
        gaps.flat_map(|gap| {
            let others = self.overview.renditions().filter(is_other);
            let others = others.map(|(other, _)| (other.name.as_str(), other.advances.points()));
            let mut out = Vec::new();
            alone::judge((gap.from_us, gap.to_us), others, &mut out);
            let from = Evidence {
                at_us: gap.from_us,
                exchange: gap.from_exchange,
            };
            out.into_iter().map(move |broken| (from, broken))
        })
        .collect()
    }
}

/// What shows that a declaration is wrong: the first segment that is otherwise; where something is missing in it, its text.
fn shown_by(broken: &Broken, rendition: &Rendition, declared: &Declared) -> Option<Evidence> {
    let codec = broken.detail.get("codec").and_then(|codec| codec.as_str());
    let segment = codec.and_then(|codec| rendition.codecs.get(codec));
    segment.copied().or(declared.said)
}

/// Where something was found.
struct Where {
    stream: String,
    name: String,
    id: i64,
}

impl Where {
    fn of(rendition: &Rendition) -> Self {
        Self {
            stream: rendition.stream.clone(),
            name: rendition.name.clone(),
            id: rendition.id,
        }
    }

    fn add(&self, session: &mut Judging<'_>, at: Evidence, broken: Broken) {
        let place = Place {
            stream: &self.stream,
            playlist: Some(&self.name),
            id: self.id,
            at,
        };
        session.findings.add(&place, broken);
    }
}
