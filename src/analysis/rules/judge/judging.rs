//! What is known while a session is read.

use std::collections::HashMap;
use std::rc::Rc;

use super::durations::Durations;
use super::held::Media;
use super::judgement::{LookedAt, ReadSoFar, Scope};
use super::passes::Passes;
use super::state::Room;
use super::twice::Twice;
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::damaged::NotJudged;
use crate::analysis::rules::across::{Family, Renditions};
use crate::analysis::rules::findings::{Findings, Wanted};
use crate::analysis::rules::http::Listed;
use crate::analysis::rules::overview::Overview;
use crate::session::{Damage, ExchangeId, Hole, ReadError, Reader, Run, holes};

/// What is known while a session is read.
pub(super) struct Judging<'a> {
    pub(super) reader: &'a Reader,
    pub(super) scope: &'a Scope,
    pub(super) findings: Findings,
    /// Rows that are not looked at.
    pub(super) damage: Rc<Damage>,
    /// Exchanges whose header fields could not be put together.
    pub(super) unreadable: u64,
    /// Session zero, in microseconds of Unix time.
    pub(super) zero_us: i64,
    /// Since then everything is kept, in microseconds of Unix time: what is left of before is left by chance.
    pub(super) kept_us: i64,
    /// By stream.
    pub(super) families: HashMap<i64, Family>,
    /// By stream.
    pub(super) renditions: HashMap<i64, Renditions>,
    pub(super) durations: Durations,
    /// When segments were listed.
    pub(super) listed: Listed,
    pub(super) twice: Twice,
    pub(super) passes: Passes,
    /// Whether any segment was asked for.
    pub(super) has_segments: bool,
    pub(super) media: Media,
    /// Room for the newest revisions, ...
    pub(super) room: Room,
    /// ... and how many had none.
    pub(super) left_out: u64,
    /// How long the longest playlist was, in microseconds.
    pub(super) longest_us: i64,
    /// PART-TARGET of low-latency playlists, by their rows, in microseconds.
    pub(super) part_targets: HashMap<i64, i64>,
    /// Whether a playlist was over in the end, by its row.
    pub(super) ended: HashMap<i64, bool>,
    pub(super) looked_at: LookedAt,
    pub(super) overview: Overview,
    /// Answers of a playlist, by its row, that came out of a cache: when, and for how long it had had them (microseconds).
    pub(super) copies: HashMap<i64, Vec<(i64, i64)>>,
    /// The origin's gaps, the first ones.
    pub(super) gaps: Vec<PlaylistGap>,
    pub(super) not_judged: Vec<NotJudged>,
    pub(super) progress: &'a mut dyn FnMut(ReadSoFar),
}

impl<'a> Judging<'a> {
    /// Nothing has been read.
    pub(super) fn new(
        reader: &'a Reader,
        wanted: Wanted,
        scope: &'a Scope,
        progress: &'a mut dyn FnMut(ReadSoFar),
    ) -> Result<Self, ReadError> {
        let runs = reader.runs()?;
        let kept_us = reader.kept_from_us()?.unwrap_or(i64::MIN);
        let mut passes = Passes::of(&wanted.selection);
        let has_segments = reader.has_segments()?;
        // Of a viewer nothing is known where no segment was asked for; how bad an outage is, is asked where there is one.
        passes.texts = passes.judges_texts
            || passes.texts
                && has_segments
                && (wanted.selection.has("H04")
                    || Search::new(reader, Threshold::default())?.has_outage_of_a_playlist()?);
        let damage = match scope.is_as_closed {
            true => Damage::default(),
            false => reader.damage()?,
        };
        Ok(Self {
            reader,
            scope,
            passes,
            has_segments,
            findings: Findings::new(wanted).without(damage.spans().to_vec()),
            damage: Rc::new(damage),
            unreadable: 0,
            zero_us: runs.first().map_or(0, |run| run.started_us),
            kept_us,
            families: HashMap::new(),
            renditions: HashMap::new(),
            durations: Durations::default(),
            listed: Listed::default(),
            twice: Twice::default(),
            media: Media::default(),
            room: Room::default(),
            left_out: 0,
            longest_us: 0,
            part_targets: HashMap::new(),
            ended: HashMap::new(),
            looked_at: LookedAt::default(),
            overview: Overview::new(holes_since(&runs, kept_us)),
            copies: HashMap::new(),
            gaps: Vec::new(),
            not_judged: Vec::new(),
            progress,
        })
    }
}

/// When no recorder ran, of the time of which everything is kept. In microseconds of Unix time.
pub(super) fn holes_since(runs: &[Run], kept_us: i64) -> Vec<Hole> {
    let kept = holes(runs).into_iter().map(|hole| Hole {
        from_us: hole.from_us.max(kept_us),
        ..hole
    });
    // One without any length is one all the same.
    kept.filter(|hole| hole.until_us > kept_us).collect()
}

/// A gap of a playlist, from when to when, in microseconds of Unix time.
pub(super) struct PlaylistGap {
    /// Row of `resource`.
    pub(super) playlist: i64,
    pub(super) from_us: i64,
    /// The advance that it began with.
    pub(super) from_exchange: Option<ExchangeId>,
    pub(super) to_us: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_before_what_is_kept_are_none() {
        let run = |started_us, stopped_us| Run {
            started_us,
            seen_us: stopped_us,
            stopped_us: Some(stopped_us),
            ended: None,
            program: String::new(),
        };
        let runs = [run(0, 10), run(20, 30), run(50, 60)];
        let since = |kept_us| -> Vec<_> {
            let holes = holes_since(&runs, kept_us).into_iter();
            holes.map(|hole| (hole.from_us, hole.until_us)).collect()
        };
        assert_eq!(since(i64::MIN), [(10, 20), (30, 50)]);
        assert_eq!(since(15), [(15, 20), (30, 50)]);
        assert_eq!(since(20), [(30, 50)]);
        assert_eq!(since(55), []);
    }
}
