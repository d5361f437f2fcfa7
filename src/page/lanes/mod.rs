//! What happened in each lane in a span of time: as single events where they fit, else in cells.

mod bodies;
mod listed;
mod marks;
mod ticks;

use serde::Serialize;

use self::bodies::Bodies;
use self::listed::{Budget, Listed, Requests};
use self::marks::Mark;
use self::ticks::{Advances, InCells};
use super::asked::{AskedSpan, Lane};
use super::index::Cells;
use super::overview::{indexed_to, span_us};
use super::view::View;
use crate::session::{PlaylistInfo, ReadError, RevisionRow, RevisionSpan};

/// Revisions whose segments are told apart, in all lanes together.
const MOST_REVISIONS: usize = 400;

#[derive(Serialize)]
pub(super) struct Lanes {
    from: f64,
    to: f64,
    indexed_to: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    full: bool,
    lanes: Vec<LaneEvents>,
}

#[derive(Serialize, Default)]
struct LaneEvents {
    id: String,
    before: Option<f64>,
    after: Option<f64>,
    advances: Option<Advances>,
    /// Of a multivariant playlist: its revisions.
    revisions: Option<Advances>,
    cells: Option<InCells>,
    segments: Option<Vec<Listed>>,
    /// So many more segments were listed before these.
    #[serde(skip_serializing_if = "is_zero")]
    segments_left_out: usize,
    parts: Option<Vec<Listed>>,
    marks: Option<Vec<Mark>>,
    bodies: Option<Bodies>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(super) fn lanes(view: &View<'_>, span: AskedSpan, width: usize) -> Result<Lanes, ReadError> {
    let (from_us, until_us) = span_us(view, span);
    let cells = Cells::new(from_us, until_us, width);
    let playlists = view.reader.media_playlists()?;
    let ticks = Ticks::new(view, (from_us, until_us), cells)?;
    let media: Vec<i64> = playlists.iter().map(|playlist| playlist.id).collect();
    let mut lanes = ticks.of(&media, true)?;
    let revisions = revisions_of(view, &playlists, (from_us, until_us))?;
    if let Some(revisions) = revisions {
        let first_us = revisions.of.iter().flatten().map(|row| row.seen_us).min();
        let since_us = first_us.unwrap_or(from_us).min(from_us);
        if let Some(requests) = Requests::read(view, since_us, until_us)? {
            let mut budget = Budget::new();
            for (lane, rows) in lanes.iter_mut().zip(&revisions.of) {
                let found = listed::listed(view, rows, (from_us, &requests), &mut budget)?;
                lane.segments_left_out = found.left_out;
                lane.segments = found.segments;
                lane.parts = found.parts.filter(|_| revisions.have_parts);
                lane.marks = Some(found.marks);
            }
        }
    }
    let all = view.reader.revised_playlists()?.into_iter();
    let others: Vec<i64> = all
        .map(|playlist| playlist.id)
        .filter(|id| !media.contains(id))
        .collect();
    lanes.extend(ticks.of(&others, false)?);
    for stream in view.reader.raw_streams()?.0 {
        lanes.push(LaneEvents {
            id: Lane::Raw(stream.id).to_string(),
            bodies: Some(bodies::bodies(view, stream.id, (from_us, until_us))?),
            ..LaneEvents::default()
        });
    }
    Ok(Lanes {
        from: view.known.at(from_us),
        to: view.known.at(until_us),
        indexed_to: ticks.indexed_to,
        full: ticks.full,
        lanes,
    })
}

/// When playlists advanced in a span: each time, where these are not too many.
struct Ticks<'a> {
    view: &'a View<'a>,
    span: (i64, i64),
    cells: Cells,
    /// Until when that is known.
    indexed_to: f64,
    full: bool,
}

impl<'a> Ticks<'a> {
    fn new(view: &'a View<'a>, span: (i64, i64), cells: Cells) -> Result<Self, ReadError> {
        let mut index = view.index();
        index.go_on(view.reader)?;
        Ok(Self {
            view,
            span,
            cells,
            // Playlists are read one after the other.
            indexed_to: indexed_to(view, &index, None),
            full: index.is_full(),
        })
    }

    /// Of playlists (rows of `resource`): media playlists, or multivariant ones, of which each revision is meant.
    fn of(&self, playlists: &[i64], is_media: bool) -> Result<Vec<LaneEvents>, ReadError> {
        let mut lanes = Vec::with_capacity(playlists.len());
        for id in playlists {
            let (mut lane, is_few) = self.counted(*id);
            if is_few {
                let each = Some(Advances::read(self.view, *id, self.span, is_media)?);
                match is_media {
                    true => lane.advances = each,
                    false => lane.revisions = each,
                }
            }
            lanes.push(lane);
        }
        Ok(lanes)
    }

    /// In cells, where they are too many to be told apart.
    fn counted(&self, id: i64) -> (LaneEvents, bool) {
        let index = self.view.index();
        let found = index.advances(id, self.span.0, self.span.1);
        let at = |us: i64| self.view.known.at(us);
        let is_few = found.inside.len() <= self.cells.count;
        let lane = LaneEvents {
            id: Lane::Playlist(id).to_string(),
            before: found.before.map(at),
            after: found.after.map(at),
            cells: (!is_few).then(|| InCells::new(self.view, &found, self.cells)),
            ..LaneEvents::default()
        };
        (lane, is_few)
    }
}

/// The revisions of each playlist that say what was listed in a span.
struct Revisions {
    of: Vec<Vec<RevisionRow>>,
    /// Whether they say it of parts, too: not where only advances are few enough.
    have_parts: bool,
}

/// `None`: they are too many.
fn revisions_of(
    view: &View<'_>,
    playlists: &[PlaylistInfo],
    span: (i64, i64),
) -> Result<Option<Revisions>, ReadError> {
    let mut known = Vec::with_capacity(playlists.len());
    for playlist in playlists {
        let before = view.reader.revision_before(playlist.id, span.0, false)?;
        // A window may begin before the first one.
        let has_parts = match &before {
            Some(row) => row.part_target_us.is_some(),
            None => view
                .reader
                .revision_before(playlist.id, span.1, false)?
                .is_some_and(|row| row.part_target_us.is_some()),
        };
        known.push((playlist.id, before, has_parts));
    }
    let is_low_latency = known.iter().any(|(_, _, has_parts)| *has_parts);
    for with_parts in [true, false] {
        if !with_parts && !is_low_latency {
            break;
        }
        if let Some(of) = rows_of(view, &known, span, with_parts)? {
            let have_parts = with_parts;
            return Ok(Some(Revisions { of, have_parts }));
        }
    }
    Ok(None)
}

/// Of each playlist, of which the revision before the span is known, and whether it has parts; `None`: they are too many.
fn rows_of(
    view: &View<'_>,
    playlists: &[(i64, Option<RevisionRow>, bool)],
    (from_us, until_us): (i64, i64),
    with_parts: bool,
) -> Result<Option<Vec<Vec<RevisionRow>>>, ReadError> {
    let mut all = Vec::with_capacity(playlists.len());
    let mut room = MOST_REVISIONS;
    for (playlist_id, before, has_parts) in playlists {
        let span = RevisionSpan {
            playlist_id: *playlist_id,
            behind: (begins_us(before.as_ref(), from_us), i64::MAX),
            until_us,
            // Parts come between advances.
            advances: !(with_parts && *has_parts),
        };
        let rows = view.reader.revision_rows(&span, room.saturating_add(1))?;
        match room.checked_sub(rows.len()) {
            Some(left) => room = left,
            None => return Ok(None),
        }
        all.push(rows);
    }
    Ok(Some(all))
}

/// From when on revisions say when the segments of this one were listed, in microseconds of Unix time: one window earlier,
/// but no longer than two minutes.
fn begins_us(before: Option<&RevisionRow>, from_us: i64) -> i64 {
    let window_us = before.map_or(0, |row| {
        let count = i64::try_from(row.count).unwrap_or(i64::MAX);
        count
            .saturating_mul(row.target_us.unwrap_or(0))
            .clamp(0, 120_000_000)
    });
    let seen_us = before.map_or(from_us, |row| row.seen_us);
    seen_us
        .min(from_us)
        .saturating_sub(window_us)
        .saturating_sub(1)
}
