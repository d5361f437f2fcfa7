//! Gaps (T07) and outages (H14), by the code of adjacent-find; how the recorder was.

use super::judging::{Judging, PlaylistGap, holes_since};
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::finding::Finding;
use crate::analysis::gaps::gap::{Gap, Whose};
use crate::analysis::gaps::labels::Labels;
use crate::analysis::outages::told;
use crate::analysis::report;
use crate::analysis::rules::registry::Severity;
use crate::session::{Notice, NoticeEvent, ReadError, seconds};

/// Gaps that are compared with what other variants did meanwhile.
const MOST_GAPS: usize = 1000;

impl Judging<'_> {
    pub(super) fn gaps_and_outages(&mut self) -> Result<(), ReadError> {
        let search = Search::new(self.reader, Threshold::default())?;
        let zero_us = self.reader.runs()?.first().map_or(0, |run| run.started_us);
        if self.passes.gaps {
            self.gaps(&search, zero_us)?;
        }
        // An outage is of a server, and of no playlist.
        if self.passes.outages && self.scope.playlist.is_none() {
            self.outages(&search, zero_us)?;
        }
        Ok(())
    }

    /// How long no new segment had come when the recording ended.
    pub(super) fn at_the_end(&mut self) -> Result<(), ReadError> {
        let search = Search::new(self.reader, Threshold::default())?;
        for playlist in self.reader.media_playlists()? {
            let is_meant = (self.scope).means(&playlist.stream, &playlist.name, &playlist.url);
            let gap = match is_meant {
                true => search.at_the_end(playlist.id)?,
                false => None,
            };
            if let Some(gap) = gap.filter(|gap| gap.whose() == Whose::Origin) {
                let (from_us, until_us) = (gap.from.seen_us, gap.until_us);
                if self.findings.is_damaged(from_us, until_us) {
                    continue;
                }
                let name = (&*playlist.stream, &*playlist.name, &*playlist.url);
                self.longest(from_us, until_us, name);
                self.overview.ended(playlist.id, (from_us, until_us));
            }
        }
        Ok(())
    }

    fn gaps(&mut self, search: &Search<'_>, zero_us: i64) -> Result<(), ReadError> {
        let mut labels = Labels::new(self.reader);
        for playlist in self.reader.media_playlists()? {
            if !self
                .scope
                .means(&playlist.stream, &playlist.name, &playlist.url)
            {
                continue;
            }
            self.overview.late(playlist.id, 0);
            let label = labels.of(&playlist)?;
            search.gaps(&playlist, |gap| {
                if gap.is_origins_for_certain() {
                    let mut finding = report::finding(&playlist, label.as_deref(), &gap, zero_us);
                    for more in report::away(&gap).into_iter().chain(report::polled(&gap)) {
                        finding.text = format!("{}. {more}", finding.text);
                    }
                    self.out_of_a_cache(playlist.id, &gap, &mut finding);
                    self.overview.late(playlist.id, 1);
                    // Polls showed it, however long its host was left alone in between.
                    let from_us = gap.from.seen_us;
                    let until_us = from_us.saturating_add(gap.known_us());
                    let known_us = self.wanted_us(from_us, until_us);
                    self.is_longest(known_us, (&playlist.stream, &playlist.name));
                    if self.gaps.len() < MOST_GAPS {
                        self.gaps.push(PlaylistGap {
                            playlist: playlist.id,
                            from_us: finding.first.at_us,
                            from_exchange: finding.first.exchange,
                            to_us: finding.last.at_us,
                        });
                    }
                    self.findings.add_whole("T07", Severity::Must, finding);
                }
                Ok::<(), ReadError>(())
            })?;
        }
        Ok(())
    }

    /// A cache may be what stood still: its copy got as old as the gap is long.
    fn out_of_a_cache(&self, playlist: i64, gap: &Gap, finding: &mut Finding) {
        let (from_us, until_us) = (gap.from.seen_us, gap.until_us);
        let copies = self.copies.get(&playlist).into_iter().flatten();
        let meanwhile = copies.filter(|(at_us, _)| (from_us..=until_us).contains(at_us));
        let Some(age_us) = meanwhile.map(|(_, age_us)| *age_us).max() else {
            return;
        };
        // What it had was new at the beginning, or a segment before that.
        let target_us = gap.from.target_duration_us.unwrap_or(0);
        if age_us.saturating_add(target_us.saturating_mul(2)) < gap.length_us() {
            return;
        }
        let age = seconds(age_us);
        finding.text = format!(
            "{}, out of a cache that had had it for up to {age} s: the cache, not the encoder, may be behind",
            finding.text
        );
        finding
            .detail
            .insert("cache_age_seconds".to_owned(), age.into());
    }

    fn outages(&mut self, search: &Search<'_>, zero_us: i64) -> Result<(), ReadError> {
        search.outages(|outage| {
            let finding = told::finding(&outage, &search.cost(&outage)?, zero_us);
            if outage.key.own.is_none() && self.scope.has_stream(&finding.stream) {
                self.findings
                    .add_whole("H14", self.of_outage(&outage), finding);
            }
            Ok::<(), ReadError>(())
        })
    }

    pub(super) fn recorder(&mut self) -> Result<(), ReadError> {
        // An origin asked for that.
        let is_asked = |notice: &NoticeEvent| notice.kind == Notice::LeftAlone;
        (self.looked_at.left_alone, self.looked_at.notices) =
            self.reader.notices()?.into_iter().partition(is_asked);
        let holes = holes_since(&self.reader.runs()?, self.kept_us);
        let lengths = holes
            .iter()
            .map(|hole| hole.until_us.saturating_sub(hole.from_us));
        self.looked_at.holes = (holes.len(), lengths.fold(0, i64::saturating_add));
        Ok(())
    }
}
