//! The questions that a clip asks of its session: each finds its rows by an index.

use std::ops::ControlFlow;

use rusqlite::{OptionalExtension, Params, params};

use crate::hls::ByteRange;
use crate::session::error::ReadError;
use crate::session::id::ExchangeId;
use crate::session::keep::decide::{COLUMNS, Row, Standing};
use crate::session::keep::named;
use crate::session::read::answers::answer::IS_MET;
use crate::session::read::answers::find::ENDS_OF_PATH;
use crate::session::read::answers::heal::GOOD;
use crate::session::read::reader::Reader;

const SECOND_US: i64 = 1_000_000;
/// Numbers are in the order in which requests began, give or take so long.
const DISORDER_US: i64 = 10 * SECOND_US;
/// A revision is the answer from about when it was seen.
const NEAR_US: i64 = 10 * SECOND_US;
/// No request of a recorder goes unanswered for longer.
const LONGEST_US: i64 = 70 * SECOND_US;
/// Requests that are looked at in one view of the database.
const STEP: i64 = 1024;
/// So many answers are looked at for one that was not held (`Reader::plain_before`).
const MOST_HELD: i64 = 64;
/// Resources with one URL, of which one is enough to tell that it was recorded.
const MOST_OF_URL: i64 = 8;

/// Of a session.
#[derive(Clone, Copy)]
pub(super) struct Looks<'a>(pub(super) &'a Reader);

/// A revision of before the span that is reached from within.
pub(super) struct Revision {
    pub(super) id: ExchangeId,
    /// It is in the clip; of another one only what it lists is.
    pub(super) is_brought: bool,
}

/// A revision, as far as it matters here.
struct Seen {
    id: ExchangeId,
    from_us: i64,
    seen_us: i64,
    target_us: Option<i64>,
    can_skip_us: Option<i64>,
    is_met: bool,
}

impl Looks<'_> {
    /// The first row of a query.
    fn one(self, rest: &str, values: impl Params) -> Result<Option<Row>, ReadError> {
        let sql = format!("SELECT {COLUMNS} {rest}");
        let found = self.0.db.prepare_cached(&sql);
        let found = found.and_then(|mut s| s.query_row(values, Row::read).optional());
        found.map_err(|e| self.0.failed(e))
    }

    /// Rows of a query, until enough have been seen.
    fn until(
        self,
        rest: &str,
        values: impl Params,
        mut see: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let each = || -> rusqlite::Result<()> {
            let mut statement = self
                .0
                .db
                .prepare_cached(&format!("SELECT {COLUMNS} {rest}"))?;
            let mut rows = statement.query(values)?;
            while let Some(row) = rows.next()? {
                if see(Row::read(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        };
        each().map_err(|e| self.0.failed(e))
    }

    fn value(self, sql: &str, values: impl Params) -> Result<Option<(i64, i64)>, ReadError> {
        let found = self.0.db.prepare_cached(sql);
        let found = found.and_then(|mut s| {
            s.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        });
        found.map_err(|e| self.0.failed(e))
    }

    /// An exchange by its number.
    pub(super) fn row(self, id: ExchangeId) -> Result<Option<Row>, ReadError> {
        self.one(OF_ID, [id])
    }

    /// The number behind which everything is that was requested since a moment, or under way then.
    pub(super) fn first_requested(self, at_us: i64) -> Result<ExchangeId, ReadError> {
        let since_us = at_us.saturating_sub(LONGEST_US + DISORDER_US);
        let (mut low, mut high) = self.value(ENDS, [])?.unwrap_or_default();
        while low < high {
            let middle = ((i128::from(low) + i128::from(high)).div_euclid(2)) as i64;
            match self.value(NEXT, [middle])? {
                Some((id, requested_us)) if requested_us < since_us => low = id.saturating_add(1),
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Of the next exchanges those that were requested within a span, or were under way when it began, and where to go on;
    /// `None`: the others are behind it.
    pub(super) fn requested(
        self,
        next: ExchangeId,
        (from_us, to_us): (i64, i64),
    ) -> Result<(Vec<Row>, Option<ExchangeId>), ReadError> {
        type Request = (ExchangeId, i64, i64);
        let requests: Vec<Request> = self.0.list(REQUESTS, params![next, STEP], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let last = requests.last().copied();
        let within = |(_, requested_us, over_us): &Request| {
            *requested_us <= to_us && (*requested_us >= from_us || *over_us > from_us)
        };
        let ids: Vec<ExchangeId> = requests.iter().filter(|r| within(r)).map(|r| r.0).collect();
        let rows = self.0.together(|| {
            ids.iter()
                .map(|id| self.row(*id))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let is_over = requests.len() < STEP as usize;
        let goes_on = last.filter(|(_, requested_us, _)| {
            !is_over && *requested_us <= to_us.saturating_add(DISORDER_US)
        });
        let after = goes_on.map(|(id, _, _)| id.saturating_add(1));
        Ok((rows.into_iter().flatten().collect(), after))
    }

    /// What stays of a resource of the time before.
    pub(super) fn standing(self, id: i64, at_us: i64) -> Result<(Standing, Vec<Row>), ReadError> {
        let (mut standing, mut rows) = (Standing::default(), Vec::new());
        self.until(UNTIL, params![id, at_us], |row| {
            let is_known = standing.take(&row);
            if standing.ids().any(|id| id == row.id) {
                rows.push(row);
            }
            match is_known {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        Ok((standing, rows))
    }

    /// What a resource answers from within a span on.
    pub(super) fn within(
        self,
        id: i64,
        (from_us, to_us): (i64, i64),
    ) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        self.until(WITHIN, params![id, from_us, to_us], |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// The first exchange of a resource, whatever came of it.
    pub(super) fn first(self, id: i64) -> Result<Option<Row>, ReadError> {
        self.one(FIRST, [id])
    }

    /// The first good one.
    pub(super) fn first_good(self, id: i64) -> Result<Option<Row>, ReadError> {
        self.one(&first_good_sql(), [id])
    }

    /// The first good one on account of a listing.
    pub(super) fn first_good_of(
        self,
        id: i64,
        referrer_id: Option<ExchangeId>,
    ) -> Result<Option<Row>, ReadError> {
        self.one(&first_good_of_sql(), params![id, referrer_id])
    }

    /// The last revision that a resource itself brought.
    pub(super) fn last_revision_of(self, id: i64, at_us: i64) -> Result<Option<Row>, ReadError> {
        self.one(LAST_REVISION, params![id, at_us])
    }

    /// Requests without an answer that were given up after a moment.
    pub(super) fn met_later(self, id: i64, at_us: i64) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        self.until(
            MET_LATER,
            params![id, at_us.saturating_sub(LONGEST_US), at_us],
            |row| {
                rows.push(row);
                ControlFlow::Continue(())
            },
        )?;
        Ok(rows)
    }

    /// Of a playlist that requests are held for: what tells which of its answers was not (`Reader::plain_before`).
    pub(super) fn plain(self, id: i64, at_us: i64, known: &[Row]) -> Result<Vec<Row>, ReadError> {
        if !known.iter().any(|row| row.is_held) {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        self.until(LAST, params![id, at_us, MOST_HELD], |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        if let Some(plain) = self.0.plain_before(id, at_us)? {
            rows.extend(self.row(plain.id)?);
        }
        Ok(rows)
    }

    /// Revisions of a playlist that matter when a span begins: the one that holds, those from which date ranges may be skipped, and
    /// those that had ceased to hold a moment ago.
    pub(super) fn revisions(self, id: i64, at_us: i64) -> Result<Vec<Revision>, ReadError> {
        let mut seen: Vec<Seen> = Vec::new();
        let mut each = || -> rusqlite::Result<()> {
            let mut statement = self.0.db.prepare_cached(&revisions_sql())?;
            let mut rows = statement.query(params![id, at_us.saturating_add(NEAR_US)])?;
            while let Some(row) = rows.next()? {
                let is_behind = seen.last().is_some_and(|last| {
                    let targets = seen.iter().filter_map(|seen| seen.target_us);
                    let skip_us = seen.iter().filter_map(|seen| seen.can_skip_us).max();
                    let back_us = named::back_us(targets).max(skip_us.unwrap_or(0));
                    let since_us = at_us.saturating_sub(back_us);
                    last.from_us <= since_us
                        && last.seen_us <= since_us.saturating_sub(NEAR_US)
                        && last.is_met
                });
                if is_behind {
                    break;
                }
                seen.push(Seen {
                    id: row.get(0)?,
                    from_us: row.get(1)?,
                    seen_us: row.get(2)?,
                    target_us: row.get(3)?,
                    can_skip_us: row.get(4)?,
                    is_met: row.get(5)?,
                });
            }
            Ok(())
        };
        each().map_err(|e| self.0.failed(e))?;
        Ok(mattering(&seen, at_us))
    }

    /// Resources that a URL of a playlist is.
    pub(super) fn resolve(
        self,
        url: &str,
        range: Option<ByteRange>,
    ) -> Result<Vec<i64>, ReadError> {
        let resolved = named::resolve(self.0.db.connection(), url, range);
        let mut found = resolved.map_err(|e| self.0.failed(e))?.resources;
        if let Some(range) = range {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let (first, end) = (
                number(range.first),
                number(range.first.saturating_add(range.length)),
            );
            found.extend(self.0.list(OVERLAPPING, params![url, first, end], |row| {
                row.get::<_, i64>(0)
            })?);
        }
        Ok(found)
    }

    /// Resources of which a URL is another one.
    pub(super) fn aliases(self, url: &str) -> Result<Vec<i64>, ReadError> {
        self.0.list(ALIASES, [url], |row| row.get(0))
    }

    /// Resources with the first and the last URL of a path, and their streams.
    pub(super) fn ends_of_path(self, path: &str) -> Result<Vec<(i64, i64)>, ReadError> {
        let ends: Vec<String> = self.0.list(ENDS_OF_PATH, [path], |row| row.get(0))?;
        let mut found = Vec::new();
        for url in ends {
            let of_url = self.0.list(OF_URL, params![url, MOST_OF_URL], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            found.extend(of_url);
        }
        Ok(found)
    }
}

/// Of revisions, the last seen first.
fn mattering(seen: &[Seen], at_us: i64) -> Vec<Revision> {
    let mut in_order: Vec<&Seen> = seen.iter().filter(|seen| seen.from_us <= at_us).collect();
    in_order.sort_by_key(|seen| (seen.from_us, seen.id));
    let Some(held) = in_order.last() else {
        return Vec::new();
    };
    // By the moment at which they were seen it may be another one, and of those that a player could have met.
    let met = seen
        .iter()
        .find(|seen| seen.from_us <= at_us && seen.is_met);
    let by_sight = seen.iter().find(|seen| seen.seen_us <= at_us);
    let skip_us = in_order.iter().filter_map(|seen| seen.can_skip_us).max();
    let skipped_us = skip_us.map_or(i64::MAX, |back_us| at_us.saturating_sub(back_us));
    let targets = in_order.iter().filter_map(|seen| seen.target_us);
    let ceased_us = at_us.saturating_sub(named::back_us(targets));
    let mut mattering = Vec::new();
    for (at, seen) in in_order.iter().enumerate() {
        let until_us = in_order.get(at + 1).map_or(i64::MAX, |next| next.from_us);
        let is = |other: Option<&Seen>| other.is_some_and(|other| other.id == seen.id);
        let is_brought = seen.id == held.id || is(met) || is(by_sight) || until_us > skipped_us;
        if is_brought || until_us > ceased_us {
            mattering.push(Revision {
                id: seen.id,
                is_brought,
            });
        }
    }
    mattering
}

const OF_ID: &str = "WHERE e.id = ?1";
const UNTIL: &str =
    "WHERE e.resource_id = ?1 AND e.from_us <= ?2 ORDER BY e.from_us DESC, e.id DESC";
const WITHIN: &str = "WHERE e.resource_id = ?1 AND e.from_us > ?2 AND e.from_us <= ?3";
const FIRST: &str = "WHERE e.resource_id = ?1 ORDER BY e.from_us, e.id LIMIT 1";
const LAST_REVISION: &str =
    "WHERE e.resource_id = ?1 AND e.from_us <= ?2 AND v.playlist_id IS NOT NULL
             ORDER BY e.from_us DESC, e.id DESC LIMIT 1";
const MET_LATER: &str = "WHERE e.resource_id = ?1 AND e.from_us > ?2 AND e.from_us <= ?3
               AND e.wait_us IS NULL AND e.from_us + ifnull(e.failed_us, 0) > ?3";
const LAST: &str =
    "WHERE e.resource_id = ?1 AND e.from_us <= ?2 ORDER BY e.from_us DESC, e.id DESC LIMIT ?3";
const ENDS: &str =
    "SELECT ifnull(min(id), 0), ifnull((SELECT max(id) FROM exchange), 0) FROM exchange";
const NEXT: &str = "SELECT id, requested_us FROM exchange WHERE id >= ?1 ORDER BY id LIMIT 1";
const REQUESTS: &str = "
    SELECT id, requested_us, requested_us + ifnull(wait_us, 0) + ifnull(receive_us, 0) + ifnull(failed_us, 0)
      FROM exchange WHERE id >= ?1 ORDER BY id LIMIT ?2";
const OVERLAPPING: &str = "
    SELECT id FROM resource WHERE url = ?1 AND range_first < ?3 AND range_first + range_length > ?2 LIMIT 20000";
const ALIASES: &str = "SELECT resource_id FROM alias WHERE url = ?1";
const OF_URL: &str = "SELECT id, stream_id FROM resource WHERE url = ?1 LIMIT ?2";

fn revisions_sql() -> String {
    format!(
        "SELECT v.exchange_id, e.from_us, v.seen_us, v.target_duration_us, e.can_skip_us, {IS_MET}
           FROM revision v JOIN exchange e ON e.id = v.exchange_id
          WHERE v.playlist_id = ?1 AND v.seen_us <= ?2 ORDER BY v.seen_us DESC, v.exchange_id DESC"
    )
}

fn first_good_sql() -> String {
    format!("WHERE e.resource_id = ?1 AND {GOOD} ORDER BY e.from_us, e.id LIMIT 1")
}

fn first_good_of_sql() -> String {
    format!(
        "WHERE e.resource_id = ?1 AND e.referrer_id IS ?2 AND {GOOD} ORDER BY e.from_us, e.id LIMIT 1"
    )
}

/// All of them.
#[cfg(test)]
pub(super) fn queries() -> Vec<String> {
    let (good, good_of) = (first_good_sql(), first_good_of_sql());
    let of_rows = [
        OF_ID,
        UNTIL,
        WITHIN,
        FIRST,
        LAST_REVISION,
        MET_LATER,
        LAST,
        &good,
        &good_of,
    ];
    let of_rows = of_rows.map(|rest| format!("SELECT {COLUMNS} {rest}"));
    let others = [NEXT, REQUESTS, OVERLAPPING, ALIASES, OF_URL, ENDS_OF_PATH];
    let others = others.map(str::to_owned).into_iter();
    of_rows
        .into_iter()
        .chain(others)
        .chain([revisions_sql()])
        .collect()
}
