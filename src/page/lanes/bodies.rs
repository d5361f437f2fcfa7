//! Parts of a raw stream.

use serde::Serialize;

use crate::page::view::View;
use crate::session::{ExchangeId, ReadError};

/// Parts that are told apart.
const MOST: usize = 2000;

#[derive(Serialize)]
pub(super) struct Bodies {
    parts: Vec<BodyInfo>,
    /// So many more lie in the span.
    left_out: usize,
}

#[derive(Serialize)]
struct BodyInfo {
    exchange: Option<ExchangeId>,
    from: f64,
    /// It is being recorded.
    to: Option<f64>,
    bytes: u64,
    outcome: Option<&'static str>,
    /// It goes on with the response of the one before.
    continues: bool,
}

pub(super) fn bodies(
    view: &View<'_>,
    stream_id: i64,
    (from_us, until_us): (i64, i64),
) -> Result<Bodies, ReadError> {
    let all = view.reader.parts_after(stream_id, 0)?;
    let inside = all
        .iter()
        .filter(|part| part.ended_us >= from_us && part.began_us <= until_us);
    let parts: Vec<BodyInfo> = inside
        .clone()
        .take(MOST)
        .map(|part| BodyInfo {
            exchange: Some(part.exchange_id),
            from: view.known.at(part.began_us),
            to: Some(view.known.at(part.ended_us)),
            bytes: part.size,
            outcome: Some(part.outcome.as_str()),
            continues: part.continues,
        })
        .collect();
    let left_out = inside.count().saturating_sub(parts.len());
    Ok(Bodies { parts, left_out })
}
