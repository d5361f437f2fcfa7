//! Advances: each of them, or in cells.

use serde::Serialize;

use crate::page::index::{self, Cells};
use crate::page::view::View;
use crate::session::{ExchangeId, ReadError, RevisionSpan, seconds};

/// Advances in columns.
#[derive(Serialize, Default)]
pub(super) struct Advances {
    at: Vec<f64>,
    not_before: Vec<Option<f64>>,
    revision: Vec<ExchangeId>,
    last: Vec<Option<u64>>,
}

impl Advances {
    /// Those of a playlist in a span; `advances`: only revisions whose end is new.
    pub(super) fn read(
        view: &View<'_>,
        playlist_id: i64,
        (from_us, until_us): (i64, i64),
        advances: bool,
    ) -> Result<Self, ReadError> {
        let span = RevisionSpan {
            playlist_id,
            behind: (from_us.saturating_sub(1), i64::MAX),
            until_us,
            advances,
        };
        let mut columns = Self::default();
        for row in view
            .reader
            .revision_rows(&span, crate::page::asked::MOST_CELLS)?
        {
            columns.at.push(view.known.at(row.seen_us));
            columns
                .not_before
                .push(row.not_before_us.map(|us| view.known.at(us)));
            columns.revision.push(row.exchange_id);
            columns.last.push(row.last);
        }
        Ok(columns)
    }
}

/// Advances, counted.
#[derive(Serialize)]
pub(super) struct InCells {
    cell_seconds: f64,
    count: Vec<u64>,
    longest: Vec<Option<f64>>,
    /// When that was over, and the revision that ended it.
    until: Vec<Option<f64>>,
    revision: Vec<Option<ExchangeId>>,
}

impl InCells {
    pub(super) fn new(view: &View<'_>, advances: &index::Advances<'_>, cells: Cells) -> Self {
        let (count, longest) = advances.in_cells(cells);
        Self {
            cell_seconds: seconds(cells.width_us),
            count,
            longest: longest
                .iter()
                .map(|wait| Some(seconds((*wait)?.length_us)))
                .collect(),
            until: longest
                .iter()
                .map(|wait| Some(view.known.at((*wait)?.until_us)))
                .collect(),
            revision: longest.iter().map(|wait| Some((*wait)?.revision)).collect(),
        }
    }
}
