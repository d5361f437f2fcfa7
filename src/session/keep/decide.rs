//! Which exchanges go where the last hours are kept, and what stays of a resource at a cutoff. Pure.
//!
//! Of each resource that is still listed, or polled, three things stay: the exchange that is
//! the answer at the cutoff, the last good one (which takes its place where faults are healed),
//! and whatever is the answer later. What these refer to stays with them.

use std::collections::{HashMap, HashSet};

use rusqlite::{Result, Row as SqlRow};

use crate::session::{ExchangeId, is_success};

/// What [`Row::read`] reads, in its order.
pub(crate) const COLUMNS: &str =
    "e.id, e.resource_id, r.kind, r.stream_id, e.referrer_id, e.head_id, e.confirms_id, e.from_us,
           e.status, e.outcome, v.playlist_id, v.target_duration_us,
           e.own_reason IS NOT NULL, e.directives IS NOT NULL
      FROM exchange e JOIN resource r ON r.id = e.resource_id
      LEFT JOIN revision v ON v.exchange_id = e.id";

/// An exchange, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub id: ExchangeId,
    pub resource_id: i64,
    pub is_playlist: bool,
    /// It is a list of assets.
    pub is_assets: bool,
    pub stream_id: i64,
    pub referrer_id: Option<ExchangeId>,
    pub head_id: Option<ExchangeId>,
    pub confirms_id: Option<ExchangeId>,
    pub from_us: i64,
    /// It may be the answer: it is not the recorder's own doing, and no fault that only a request met that was to be held.
    pub is_answer: bool,
    pub is_good: bool,
    /// It was asked for with directives, so that the origin might hold it.
    pub is_held: bool,
    /// Of a revision: the playlist that was polled.
    pub revises: Option<i64>,
    pub target_duration_us: Option<i64>,
}

impl Row {
    pub(crate) fn read(row: &SqlRow<'_>) -> Result<Self> {
        let kind: String = row.get(2)?;
        let outcome: String = row.get(9)?;
        let status: Option<i64> = row.get(8)?;
        let status = status.and_then(|status| u16::try_from(status).ok());
        let (is_own, is_held): (bool, bool) = (row.get(12)?, row.get(13)?);
        let confirms_id: Option<ExchangeId> = row.get(6)?;
        let is_good = match status {
            Some(301 | 302 | 303 | 307 | 308) => true,
            Some(304) => confirms_id.is_some(),
            status => status.is_some_and(is_success),
        };
        let is_met = !is_own && !matches!(outcome.as_str(), "aborted" | "disk" | "crossed");
        let has_come = outcome == "complete" && status.unwrap_or(0) < 400;
        Ok(Self {
            id: row.get(0)?,
            resource_id: row.get(1)?,
            is_playlist: matches!(kind.as_str(), "main" | "media"),
            is_assets: kind == "assets",
            stream_id: row.get(3)?,
            referrer_id: row.get(4)?,
            head_id: row.get(5)?,
            confirms_id,
            from_us: row.get(7)?,
            is_answer: is_met && (!is_held || has_come),
            is_good: is_good && !is_own && outcome == "complete",
            is_held,
            revises: row.get(10)?,
            target_duration_us: row.get(11)?,
        })
    }
}

impl Row {
    /// It may be what assets were asked for on account of: a list of them, or a playlist of one, whose
    /// revisions nobody follows.
    fn leads_to_assets(&self) -> bool {
        self.is_assets || (self.is_playlist && self.revises.is_none())
    }
}

/// Resources and revisions that are alive at the cutoff.
#[derive(Debug, Default)]
pub(crate) struct Living {
    /// Resources that are listed or polled.
    pub resources: HashSet<i64>,
    /// Revisions that hold at the cutoff.
    pub held: HashSet<ExchangeId>,
}

/// The exchanges that go, the newest first: so no part of them leaves one behind that refers to
/// what has gone.
pub(crate) fn doomed(rows: &[Row], cutoff_us: i64, living: &Living) -> Vec<ExchangeId> {
    let mut by_resource: HashMap<i64, Vec<&Row>> = HashMap::new();
    for row in rows {
        by_resource.entry(row.resource_id).or_default().push(row);
    }
    for of_one in by_resource.values_mut() {
        of_one.sort_by_key(|row| (row.from_us, row.id));
    }
    let stays = |resource_id: i64| {
        let of_one = by_resource.get(&resource_id).map_or(&[][..], Vec::as_slice);
        at_and_after(of_one, cutoff_us)
    };
    let later = rows.iter().filter(|row| row.from_us > cutoff_us);
    let mut kept: HashSet<ExchangeId> = later.map(|row| row.id).collect();
    kept.extend(&living.held);
    kept.extend(living.resources.iter().flat_map(|id| stays(*id)));
    // Where a chain of redirects leads is as alive as its head.
    let chains = rows
        .iter()
        .filter(|row| row.head_id.is_some_and(|head| kept.contains(&head)));
    let led_to: HashSet<i64> = chains.map(|row| row.resource_id).collect();
    kept.extend(led_to.into_iter().flat_map(stays));
    keep_assets(rows, &mut kept);
    close(rows, &mut kept);
    let gone = rows.iter().rev().map(|row| row.id);
    gone.filter(|id| !kept.contains(id)).collect()
}

/// What stays of a resource of the time before a cutoff.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The answer at the cutoff.
    pub answer: Option<ExchangeId>,
    /// The last good one.
    pub good: Option<ExchangeId>,
}

impl Standing {
    /// Takes the next exchange in, of those until the cutoff the latest first; whether all is known now.
    pub(crate) fn take(&mut self, row: &Row) -> bool {
        let found = |is_it: bool, before: Option<ExchangeId>| before.or(is_it.then_some(row.id));
        self.answer = found(row.is_answer, self.answer);
        self.good = found(row.is_good, self.good);
        self.answer.is_some() && self.good.is_some()
    }

    /// Those that stay.
    pub(crate) fn ids(self) -> impl Iterator<Item = ExchangeId> {
        self.answer.into_iter().chain(self.good)
    }
}

/// Of the exchanges of one resource: the answer at the cutoff, the last good one, those after.
fn at_and_after<'a>(
    of_one: &[&'a Row],
    cutoff_us: i64,
) -> impl Iterator<Item = ExchangeId> + use<'a> {
    let (until, after) = of_one.split_at(of_one.partition_point(|row| row.from_us <= cutoff_us));
    let mut standing = Standing::default();
    let _ = until.iter().rev().any(|row| standing.take(row));
    let after: Vec<ExchangeId> = after.iter().map(|row| row.id).collect();
    standing.ids().chain(after)
}

/// What a list of assets, or an asset's playlist, led to is as alive as that.
fn keep_assets(rows: &[Row], kept: &mut HashSet<ExchangeId>) {
    let leading = rows.iter().filter(|row| row.leads_to_assets());
    let leading: HashSet<ExchangeId> = leading.map(|row| row.id).collect();
    // What led to a row is older: one walk finds them all.
    for row in rows {
        let leads = |id: &ExchangeId| leading.contains(id) && kept.contains(id);
        if row.referrer_id.as_ref().is_some_and(leads) {
            kept.insert(row.id);
        }
    }
}

/// What is confirmed stays with what confirms it, a head with the hops of its chain.
fn close(rows: &[Row], kept: &mut HashSet<ExchangeId>) {
    // Both are older: one walk back finds them all.
    for row in rows.iter().rev() {
        if kept.contains(&row.id) {
            kept.extend(row.confirms_id);
            kept.extend(row.head_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::session::SCHEMA;

    fn row(values: &str) -> Row {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        db.execute_batch(&format!(
            "INSERT INTO stream VALUES (1, 's', 'http://h/a');
             INSERT INTO resource (id, stream_id, kind, url, path_url, name) VALUES (1, 1, 'media', 'http://h/a', 'http://h/a', 'a');
             INSERT INTO exchange (id, resource_id, from_us, requested_us, status, outcome, directives, own_reason)
             VALUES (1, 1, 0, 0, {values})"
        ))
        .unwrap();
        db.query_row(&format!("SELECT {COLUMNS}"), [], Row::read)
            .unwrap()
    }

    #[test]
    fn what_only_a_request_met_that_was_held_is_no_answer_to_others() {
        assert!(row("200, 'complete', '_HLS_msn=7', NULL").is_answer);
        assert!(row("503, 'complete', NULL, NULL").is_answer);
        assert!(!row("503, 'complete', '_HLS_msn=7', NULL").is_answer);
        assert!(!row("NULL, 'response timeout', '_HLS_msn=7', NULL").is_answer);
        assert!(!row("200, 'complete', NULL, 'probe'").is_answer);
    }
}
