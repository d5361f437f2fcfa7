//! Counts over time.

use serde::Serialize;

use super::asked::AskedSpan;
use super::index::{Cells, Index};
use super::view::View;
use crate::session::{ReadError, seconds};

#[derive(Serialize)]
pub(super) struct Overview {
    from: f64,
    to: f64,
    cell_seconds: f64,
    requests: Vec<u64>,
    faults: Vec<u64>,
    own: Vec<u64>,
    indexed_to: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    full: bool,
}

/// Where a span lies, in microseconds of Unix time.
pub(super) fn span_us(view: &View<'_>, span: AskedSpan) -> (i64, i64) {
    let known = view.known;
    let from_us = known.moment_us(span.from_us.unwrap_or(0));
    let until_us = span
        .to_us
        .map_or(known.end_us, |to_us| known.moment_us(to_us));
    (from_us, until_us.max(from_us.saturating_add(1)))
}

/// Until when an index is, in session seconds: to the end, where it is whole and has room; `so_far_us` otherwise (microseconds of Unix time).
pub(super) fn indexed_to(view: &View<'_>, index: &Index, so_far_us: Option<i64>) -> f64 {
    let known = view.known;
    known.at(match index.is_whole() && !index.is_full() {
        true => known.end_us.max(index.indexed_us().unwrap_or(i64::MIN)),
        false => so_far_us.unwrap_or(known.zero_us),
    })
}

/// `stream`: only of the stream of that name. `None`: there is none.
pub(super) fn overview(
    view: &View<'_>,
    span: AskedSpan,
    count: usize,
    stream: Option<&str>,
) -> Result<Option<Overview>, ReadError> {
    let stream = match stream.map(|name| view.known.stream_id(name)) {
        Some(None) => return Ok(None),
        found => found.flatten(),
    };
    let (from_us, until_us) = span_us(view, span);
    let cells = Cells::new(from_us, until_us, count);
    let mut index = view.index();
    index.go_on(view.reader)?;
    Ok(Some(Overview {
        from: view.known.at(from_us),
        to: view.known.at(cells.until_us()),
        cell_seconds: seconds(cells.width_us),
        requests: index.requests(cells, stream),
        faults: index.faults(cells, stream),
        own: index.own(cells, stream),
        indexed_to: indexed_to(view, &index, index.indexed_us()),
        full: index.is_full(),
    }))
}
