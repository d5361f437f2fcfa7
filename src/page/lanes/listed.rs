//! Segments and parts as boxes: from when until when each was listed, and what became of the first request for it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use url::Url;

use super::marks::{Fresh, Mark, Marks, shown};
use crate::hls::{self, EntryRole, Step, Variables, read_media};
use crate::page::view::View;
use crate::session::{Body, ByteRange, ExchangeId, ExchangeRow, Kind, ReadError, RevisionRow};

/// Segments, and parts, of one lane.
const MOST: usize = 2000;
/// Those of the first text, the last ones.
const MOST_AT_FIRST: usize = 1000;
/// Requests that are read for all lanes.
const MOST_REQUESTS: usize = 8000;

/// A segment or a part.
#[derive(Serialize, Debug, Clone)]
pub(super) struct Listed {
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u64>,
    name: String,
    /// Null: it was listed before the texts that were read.
    from: Option<f64>,
    /// Null: it is still listed.
    to: Option<f64>,
    duration: f64,
    gap: bool,
    #[serde(flatten)]
    request: Option<Request>,
}

/// The first request for it.
#[derive(Serialize, Debug, Clone)]
struct Request {
    exchange: ExchangeId,
    requested: f64,
    first_byte: Option<f64>,
    done: Option<f64>,
    status: Option<u16>,
    outcome: &'static str,
    bytes: Option<i64>,
    fault: bool,
    /// Where the first one was a fault: the first good one.
    good: Option<Good>,
}

/// A request that was good in the end.
#[derive(Serialize, Debug, Clone, Copy)]
struct Good {
    exchange: ExchangeId,
    requested: f64,
    done: Option<f64>,
}

/// What was found of a lane.
#[derive(Default)]
pub(super) struct Found {
    /// `None`: they are too many, or their texts too large, to be told apart.
    pub(super) segments: Option<Vec<Listed>>,
    pub(super) parts: Option<Vec<Listed>>,
    /// Segments of the first text before those that are told.
    pub(super) left_out: usize,
    pub(super) marks: Vec<Mark>,
}

/// Bytes of texts that are read for one answer: a pan must not wait, and an origin may list what it likes.
const MOST_TEXT: usize = 24 * 1024 * 1024;

/// What is left of them.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MOST_TEXT)
    }

    /// Whether there is room for a text of so many bytes.
    fn take(&mut self, bytes: usize) -> bool {
        self.0 = self.0.saturating_sub(bytes);
        self.0 > 0
    }
}

type Asked = (String, Option<ByteRange>);

/// The first request for each URL in a span, and the first good one behind it, where it was a fault.
pub(super) struct Requests(HashMap<Asked, (ExchangeRow, Option<Good>)>);

impl Requests {
    /// `None`: they are too many.
    pub(super) fn read(
        view: &View<'_>,
        from_us: i64,
        until_us: i64,
    ) -> Result<Option<Self>, ReadError> {
        let reader = view.reader;
        let Some(first) = reader.first_exchange_since(from_us)? else {
            return Ok(Some(Self(HashMap::new())));
        };
        // What was listed at the end was asked for a little later.
        let end = reader.first_exchange_since(until_us.saturating_add(10_000_000))?;
        let last = end.map_or(i64::MAX, |end| end.saturating_sub(1));
        let rows = reader.exchange_rows((first.saturating_sub(1), last), MOST_REQUESTS + 1)?;
        if rows.len() > MOST_REQUESTS {
            return Ok(None);
        }
        let mut requests = HashMap::new();
        for row in rows {
            if matches!(row.kind, Kind::Segment | Kind::Part) {
                match requests.entry((row.url.clone(), row.range)) {
                    Entry::Vacant(first) => {
                        first.insert((row, None));
                    }
                    Entry::Occupied(mut known) => {
                        let (first, good): &mut (ExchangeRow, Option<Good>) = known.get_mut();
                        if first.is_fault && good.is_none() && is_good(&row) {
                            *good = Some(Good {
                                exchange: row.id,
                                requested: view.known.at(row.requested_us),
                                done: row.over_us().map(|us| view.known.at(us)),
                            });
                        }
                    }
                }
            }
        }
        Ok(Some(Self(requests)))
    }

    fn of(&self, view: &View<'_>, entry: &hls::Entry) -> Option<Request> {
        let (row, good) = self.0.get(&(entry.url.as_str().to_owned(), entry.range))?;
        let known = view.known;
        let first_us = row.wait_us.map(|us| row.requested_us.saturating_add(us));
        Some(Request {
            exchange: row.id,
            requested: known.at(row.requested_us),
            first_byte: first_us.map(|us| known.at(us)),
            done: row.over_us().map(|us| known.at(us)),
            status: row.status,
            outcome: row.outcome.as_str(),
            bytes: row.wire_bytes,
            fault: row.is_fault,
            good: *good,
        })
    }
}

/// What a lane listed: revisions from one before the span on, in order.
pub(super) fn listed(
    view: &View<'_>,
    rows: &[RevisionRow],
    (from_us, requests): (i64, &Requests),
    budget: &mut Budget,
) -> Result<Found, ReadError> {
    let mut lane = LaneReader {
        view,
        requests,
        url: None,
        segments: Boxes::default(),
        parts: Boxes::default(),
        marks: Marks::default(),
        known_to: None,
        left_out: 0,
        has_room: true,
        budget,
    };
    for row in rows {
        lane.revision(row)?;
    }
    let is_told = lane.has_room && !lane.segments.is_full && !lane.parts.is_full;
    let from = view.known.at(from_us);
    let is_seen = |one: &Listed| one.to.is_none_or(|to| to >= from);
    let seen = |boxes: Boxes| -> Vec<Listed> { boxes.all.into_iter().filter(is_seen).collect() };
    Ok(Found {
        segments: is_told.then(|| seen(lane.segments)),
        parts: is_told.then(|| seen(lane.parts)),
        left_out: lane.left_out,
        marks: lane
            .marks
            .found
            .into_iter()
            .filter(|mark| mark.to.unwrap_or(mark.at) >= from)
            .collect(),
    })
}

/// Boxes, and which of them are listed just now: by place, and part.
#[derive(Default)]
struct Boxes {
    all: Vec<Listed>,
    open: BTreeMap<(u64, u64), usize>,
    is_full: bool,
}

impl Boxes {
    fn open(&mut self, at: (u64, u64), listed: Listed) {
        if self.open.contains_key(&at) {
            return;
        }
        if self.all.len() >= MOST {
            self.is_full = true;
            return;
        }
        self.open.insert(at, self.all.len());
        self.all.push(listed);
    }

    /// All before a place are gone.
    fn close_before(&mut self, place: u64, at: f64) {
        let left = self.open.split_off(&(place, 0));
        for index in std::mem::replace(&mut self.open, left).into_values() {
            if let Some(listed) = self.all.get_mut(index) {
                listed.to = Some(at);
            }
        }
    }

    /// Those that are none of these are gone.
    fn close_others(&mut self, listed_now: &BTreeMap<(u64, u64), ()>, at: f64) {
        let all = &mut self.all;
        self.open.retain(|place, index| {
            let is_there = listed_now.contains_key(place);
            if let (false, Some(listed)) = (is_there, all.get_mut(*index)) {
                listed.to = Some(at);
            }
            is_there
        });
    }
}

struct LaneReader<'a> {
    view: &'a View<'a>,
    requests: &'a Requests,
    /// The URL of the last revision: that of a playlist may become another one (a token, another server), and so do those of its segments.
    url: Option<String>,
    segments: Boxes,
    parts: Boxes,
    marks: Marks,
    /// The place behind the last segment that is known.
    known_to: Option<u64>,
    /// Segments of the first text that are not told.
    left_out: usize,
    has_room: bool,
    budget: &'a mut Budget,
}

impl LaneReader<'_> {
    fn revision(&mut self, row: &RevisionRow) -> Result<(), ReadError> {
        self.ask_url(row)?;
        let (Some(place), Some(first)) = (row.place, row.first) else {
            return Ok(());
        };
        let at = self.view.known.at(row.seen_us);
        match row.step {
            // An older state: of an edge that lags behind.
            Some(Step::Behind) => return Ok(()),
            Some(Step::Restarted) => {
                self.segments.close_before(u64::MAX, at);
                self.parts.close_before(u64::MAX, at);
                self.marks
                    .add(at, "restart", "the sequence began again", row.exchange_id);
                self.known_to = None;
            }
            _ => {}
        }
        self.segments.close_before(place, at);
        self.parts.close_before(place, at);
        let known_to = self.known_to.unwrap_or(place).max(place);
        let has_parts = row.part_target_us.is_some();
        if place.saturating_add(row.count) > known_to || has_parts || self.known_to.is_none() {
            self.text(row, (place, first), known_to, at)?;
        }
        if row.ended {
            self.marks.add(at, "end", "#EXT-X-ENDLIST", row.exchange_id);
        }
        self.known_to = Some(place.saturating_add(row.count).max(known_to));
        Ok(())
    }

    /// The URL of a revision, and where it is another one than before.
    fn ask_url(&mut self, row: &RevisionRow) -> Result<(), ReadError> {
        let Some(asked) = self.view.reader.resource_asked(row.exchange_id)? else {
            return Ok(());
        };
        if self.url.as_ref().is_some_and(|url| *url != asked.url) {
            let at = self.view.known.at(row.seen_us);
            self.marks
                .add(at, "url", &shown(asked.url.as_bytes()), row.exchange_id);
        }
        self.url = Some(asked.url);
        Ok(())
    }

    fn text(
        &mut self,
        row: &RevisionRow,
        (place, first): (u64, u64),
        known_to: u64,
        at: f64,
    ) -> Result<(), ReadError> {
        let reader = self.view.reader;
        let text = match reader.together(|| reader.body_of(row.exchange_id)) {
            Ok(Some(Body::Bytes(text))) => text,
            // What is damaged is told by `issession check`.
            Ok(_) | Err(ReadError::Altered { .. } | ReadError::Lost(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.has_room &= self.budget.take(text.len());
        let url = self.url.as_deref().filter(|_| self.has_room);
        let Some(base) = url.and_then(|url| Url::parse(url).ok()) else {
            return Ok(());
        };
        let media = read_media(&text, &base, &Variables::default());
        let is_first = self.known_to.is_none();
        // Of a very long window what is near its end.
        let listed = media
            .entries
            .iter()
            .filter(|entry| entry.role == EntryRole::Segment)
            .count();
        if is_first {
            self.left_out = listed.saturating_sub(MOST_AT_FIRST);
        }
        let fresh = match is_first {
            true => place.saturating_add(self.left_out as u64),
            false => known_to,
        };
        let mut parts_now = BTreeMap::new();
        for entry in &media.entries {
            let at_place = place.saturating_add(entry.sequence.wrapping_sub(first));
            let is_part = entry.role == EntryRole::Part;
            if is_part {
                parts_now.insert((at_place, entry.part), ());
            }
            let is_segment = entry.role == EntryRole::Segment && at_place >= fresh;
            if !is_part && !is_segment {
                continue;
            }
            let listed = Listed {
                sequence: entry.sequence,
                part: is_part.then_some(entry.part),
                name: name_of(&entry.url),
                from: (!is_first).then_some(at),
                to: None,
                duration: entry.duration.as_secs_f64(),
                gap: entry.gap,
                request: self.requests.of(self.view, entry),
            };
            match is_part {
                true => self.parts.open((at_place, entry.part), listed),
                false => self.segments.open((at_place, 0), listed),
            }
        }
        self.parts.close_others(&parts_now, at);
        self.marks.take(&Fresh {
            text: &text,
            at,
            revision: row.exchange_id,
            first,
            fresh: known_to.saturating_sub(place),
            is_first,
        });
        Ok(())
    }
}

/// Whether a player got what it asked for.
fn is_good(row: &ExchangeRow) -> bool {
    !row.is_fault && row.own_reason.is_none() && row.status.is_some_and(|status| status < 300)
}

/// The last component of a path.
fn name_of(url: &Url) -> String {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    last.chars().take(200).collect()
}
