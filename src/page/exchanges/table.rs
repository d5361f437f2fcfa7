//! A page of a table of requests.

use std::collections::HashMap;

use serde::Serialize;

use crate::page::asked::{AskedSpan, Lane};
use crate::page::filter::Filter;
use crate::page::overview::span_us;
use crate::page::view::View;
use crate::session::{ExchangeId, ExchangeRow, Kind, RawStreams, ReadError, seconds};
use crate::shown::escaped;

/// Rows that are read at once.
const ROWS: usize = 2000;
/// Rows that a filter may refuse before a page ends early.
const MOST_READ: usize = 50_000;

/// Which page.
pub(in crate::page) struct Page<'a> {
    pub(in crate::page) span: AskedSpan,
    pub(in crate::page) filter: &'a Filter,
    pub(in crate::page) after: ExchangeId,
    pub(in crate::page) limit: usize,
}

#[derive(Serialize)]
pub(in crate::page) struct Table {
    exchanges: Vec<Row>,
    next: Option<ExchangeId>,
}

/// A request; durations in seconds.
#[derive(Serialize)]
pub(super) struct Row {
    id: ExchangeId,
    at: f64,
    kind: &'static str,
    stream: String,
    name: String,
    lane: Option<String>,
    status: Option<u16>,
    outcome: &'static str,
    bytes: Option<i64>,
    wait: Option<f64>,
    receive: Option<f64>,
    failed: Option<f64>,
    own: Option<String>,
    fault: bool,
    error: Option<String>,
    directives: Option<String>,
    /// Why nothing else is told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<&'static str>,
}

impl Row {
    pub(super) fn new(
        view: &View<'_>,
        row: &ExchangeRow,
        lanes: &mut Lanes,
    ) -> Result<Self, ReadError> {
        let known = view.known;
        let lane = lanes.of(view, row)?;
        Ok(Self {
            id: row.id,
            at: known.at(row.requested_us),
            kind: row.kind.as_str(),
            stream: known.stream(row.stream_id).to_owned(),
            name: escaped(&row.name),
            lane: lane.map(|lane| lane.to_string()),
            status: row.status,
            outcome: row.outcome.as_str(),
            bytes: row.wire_bytes,
            wait: row.wait_us.map(seconds),
            receive: row.receive_us.map(seconds),
            failed: row.failed_us.map(seconds),
            own: row.own_reason.as_deref().map(escaped),
            fault: row.is_fault,
            error: row.error.as_deref().map(escaped),
            directives: row.directives.as_deref().map(escaped),
            damaged: row.damaged,
        })
    }
}

/// Which lane requests are of.
pub(super) struct Lanes {
    /// The streams that are no playlists.
    raw: RawStreams,
    /// The playlist of each resource that was polled.
    polled: HashMap<i64, i64>,
}

impl Lanes {
    pub(super) fn new(view: &View<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            raw: view.reader.raw_streams()?,
            polled: HashMap::new(),
        })
    }

    fn of(&mut self, view: &View<'_>, row: &ExchangeRow) -> Result<Option<Lane>, ReadError> {
        if !matches!(row.kind, Kind::Main | Kind::Media) {
            return Ok(row.listed_by.map(Lane::Playlist));
        }
        if self.raw.has(row.stream_id) {
            return Ok(Some(Lane::Raw(row.stream_id)));
        }
        let playlist = match self.polled.get(&row.resource_id) {
            Some(known) => *known,
            None => view.reader.playlist_polled(row.resource_id)?,
        };
        self.polled.insert(row.resource_id, playlist);
        Ok(Some(Lane::Playlist(playlist)))
    }
}

pub(in crate::page) fn table(view: &View<'_>, page: &Page<'_>) -> Result<Table, ReadError> {
    let (from_us, until_us) = span_us(view, page.span);
    let reader = view.reader;
    let mut lanes = Lanes::new(view)?;
    let first = reader.first_exchange_since(from_us)?;
    let end = reader.first_exchange_since(until_us.saturating_add(1))?;
    let mut table = Table {
        exchanges: Vec::new(),
        next: None,
    };
    let Some(first) = first else {
        return Ok(table);
    };
    let last = end.map_or(i64::MAX, |end| end.saturating_sub(1));
    let mut behind = page.after.max(first.saturating_sub(1));
    let mut read = 0;
    while behind < last {
        let rows = reader.exchange_rows((behind, last), ROWS)?;
        let is_end = rows.len() < ROWS;
        read += rows.len();
        for row in rows {
            if table.exchanges.len() == page.limit {
                table.next = Some(behind);
                return Ok(table);
            }
            behind = row.id;
            if page.filter.wants(&row, view.known.stream(row.stream_id)) {
                table.exchanges.push(Row::new(view, &row, &mut lanes)?);
            }
        }
        if is_end {
            break;
        }
        if read >= MOST_READ {
            table.next = Some(behind);
            break;
        }
    }
    Ok(table)
}
