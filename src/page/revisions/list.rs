//! Which revisions a playlist has.

use serde::Serialize;

use crate::page::asked::AskedSpan;
use crate::page::overview::span_us;
use crate::page::view::View;
use crate::session::{ExchangeId, ReadError, RevisionRow, RevisionSpan};

#[derive(Serialize)]
pub(in crate::page) struct Revisions {
    revisions: Vec<Revision>,
    next: Option<ExchangeId>,
}

#[derive(Serialize)]
pub(super) struct Revision {
    exchange: ExchangeId,
    at: f64,
    not_before: Option<f64>,
    advance: bool,
    first: Option<u64>,
    last: Option<u64>,
    step: Option<&'static str>,
}

/// What is known of one, by when it was seen and its exchange.
pub(super) fn revision_of(
    view: &View<'_>,
    playlist_id: i64,
    (seen_us, id): (i64, ExchangeId),
) -> Result<Option<Revision>, ReadError> {
    let asked = RevisionSpan {
        playlist_id,
        behind: (seen_us, id.saturating_sub(1)),
        until_us: seen_us,
        advances: false,
    };
    let rows = view.reader.revision_rows(&asked, 1)?;
    Ok(rows.first().map(|row| revision(view, row)))
}

fn revision(view: &View<'_>, row: &RevisionRow) -> Revision {
    Revision {
        exchange: row.exchange_id,
        at: view.known.at(row.seen_us),
        not_before: row.not_before_us.map(|us| view.known.at(us)),
        advance: row.is_advance,
        first: row.first,
        last: row.last,
        step: row.step.map(|step| step.as_str()),
    }
}

/// The one that had been seen by a moment of the session, in microseconds; the first one, where that is before all.
pub(in crate::page) fn at(
    view: &View<'_>,
    playlist_id: i64,
    at_us: i64,
) -> Result<Revisions, ReadError> {
    let at_us = view.known.moment_us(at_us);
    let before = view.reader.revision_before(playlist_id, at_us, false)?;
    let found = match before {
        Some(row) => Some(row),
        None => view.reader.revision_after(playlist_id, at_us, false)?,
    };
    Ok(Revisions {
        revisions: found.iter().map(|row| revision(view, row)).collect(),
        next: None,
    })
}

pub(in crate::page) fn list(
    view: &View<'_>,
    playlist_id: i64,
    span: AskedSpan,
    (after, limit): (ExchangeId, usize),
) -> Result<Revisions, ReadError> {
    let (from_us, until_us) = span_us(view, span);
    let behind = match view.reader.revision_place(after)? {
        Some(place) if place.playlist_id == playlist_id => (place.seen_us, after),
        _ => (from_us.saturating_sub(1), i64::MAX),
    };
    let asked = RevisionSpan {
        playlist_id,
        behind,
        until_us,
        advances: false,
    };
    let mut rows = view.reader.revision_rows(&asked, limit.saturating_add(1))?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(Revisions {
        next: rows.last().filter(|_| has_more).map(|row| row.exchange_id),
        revisions: rows.iter().map(|row| revision(view, row)).collect(),
    })
}
