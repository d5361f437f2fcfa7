//! Rows that no recorder writes: a value of another type, none where there is one, a time at which nobody recorded. What such a
//! session shows may be the damage, and nothing that its origin did.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;

use super::columns::{self, Clock};
use crate::session::error::ReadError;
use crate::session::headers::HeaderSet;
use crate::session::id::ExchangeId;
use crate::session::model::Notice;
use crate::session::read::reader::Reader;

/// Rows that are told apart; where there are more, all of the session is damaged.
const MOST: usize = 10_000;
/// A damaged row is told of as of so much time around it, in microseconds: a request is made again within that, a window is listed
/// again.
const AROUND_US: i64 = 30_000_000;
/// Exchanges that are so close are damaged together.
const TOGETHER: i64 = 64;

/// What is damaged of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Rows that are damaged; there may be more, where there are very many.
    pub rows: u64,
    exchanges: BTreeSet<ExchangeId>,
    /// When they were, in order, in microseconds of Unix time: nothing is known for certain of these times.
    spans: Vec<(i64, i64)>,
}

impl Damage {
    /// Whether the row of an exchange, or one that belongs to it, is damaged.
    pub fn has(&self, exchange: ExchangeId) -> bool {
        self.exchanges.contains(&exchange)
    }

    /// The times of which nothing is known for certain, in order, in microseconds of Unix time.
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.spans
    }

    /// Whether nothing is known for certain of some time between two moments, in microseconds of Unix time.
    pub fn touches(&self, from_us: i64, until_us: i64) -> bool {
        let next = self.spans.partition_point(|span| span.1 < from_us);
        self.spans.get(next).is_some_and(|span| span.0 <= until_us)
    }

    fn take(&mut self, span: (i64, i64)) {
        self.spans.push(span);
    }

    /// Times that touch are one.
    fn as_few_spans(&mut self) {
        self.spans.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (from_us, until_us) in std::mem::take(&mut self.spans) {
            match joined.last_mut() {
                Some(last) if from_us <= last.1 => last.1 = last.1.max(until_us),
                _ => joined.push((from_us, until_us)),
            }
        }
        self.spans = joined;
    }
}

impl Reader {
    /// What is damaged. Each row of exchanges, revisions, bodies and events is looked at once: a second or two for a million.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn damage(&self) -> Result<Damage, ReadError> {
        let runs = self.runs()?;
        let clock = Clock::of(&runs);
        let mut damage = Damage::default();
        let mut is_everywhere = self.damaged_exchanges(&clock, &mut damage)?;
        is_everywhere |= self.damaged_events(&clock, &mut damage)?;
        if is_everywhere || damage.exchanges.len() >= MOST {
            damage.spans = vec![(i64::MIN, i64::MAX)];
            return Ok(damage);
        }
        self.when(&clock, &mut damage)?;
        damage.as_few_spans();
        Ok(damage)
    }

    /// Whether there are more than are told apart, or one is damaged of which nobody knows where it belongs.
    fn damaged_exchanges(&self, clock: &Clock, damage: &mut Damage) -> Result<bool, ReadError> {
        let mut is_everywhere = false;
        for table in columns::BY_EXCHANGE {
            let found = self.numbers(&columns::damaged(&table, clock))?;
            damage.rows = damage.rows.saturating_add(found.len() as u64);
            damage.exchanges.extend(found);
        }
        for (table, by) in columns::SHARED {
            let mut found = self.numbers(&columns::damaged(&table, clock))?;
            if table.name == "header_set" {
                found.extend(self.unreadable_headers()?);
            }
            if found.is_empty() {
                continue;
            }
            damage.rows = damage.rows.saturating_add(found.len() as u64);
            is_everywhere |= found.len() >= MOST;
            let ids: Vec<String> = found.iter().map(i64::to_string).collect();
            let ids = ids.join(",");
            let sql = format!(
                "SELECT id FROM exchange WHERE {by} IN (SELECT value FROM json_each('[{ids}]')) LIMIT {MOST}"
            );
            damage.exchanges.extend(self.numbers(&sql)?);
        }
        Ok(is_everywhere)
    }

    /// Header sets whose text is none.
    fn unreadable_headers(&self) -> Result<Vec<i64>, ReadError> {
        let sql = "SELECT id, fields FROM header_set";
        let found = self.each(sql, [], |row| {
            self.db.fresh();
            let id: i64 = row.get(0)?;
            let is_one = match row.get_ref(1)? {
                ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(HeaderSet::read),
                _ => None,
            };
            Ok(is_one.is_none().then_some(id))
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What the recorder noticed of itself: what it did while such a row lasts may look as if the origin had.
    fn damaged_events(&self, clock: &Clock, damage: &mut Damage) -> Result<bool, ReadError> {
        let sql = columns::damaged(&columns::EVENT, clock);
        let ids = self.numbers(&sql)?;
        damage.rows = damage.rows.saturating_add(ids.len() as u64);
        for id in &ids {
            let sql = "SELECT kind, at_us, length_us FROM event WHERE id = ?1";
            let found = self.each(sql, [id], |row| {
                let kind = row.get_ref(0)?.as_str().ok().and_then(Notice::parse);
                let at_us = row.get_ref(1)?.as_i64().ok();
                let length_us = row.get_ref(2)?.as_i64().ok();
                Ok((kind, at_us.filter(|us| clock.has(*us)), length_us))
            })?;
            match found.first() {
                Some((Some(_), Some(at_us), Some(length_us))) if clock.lasts(*length_us) => {
                    damage.take((
                        at_us.saturating_sub(AROUND_US),
                        at_us.saturating_add(*length_us).saturating_add(AROUND_US),
                    ));
                }
                // It may have lasted for ever.
                Some((Some(_), Some(at_us), _)) => {
                    damage.take((at_us.saturating_sub(AROUND_US), i64::MAX));
                }
                _ => return Ok(true),
            }
        }
        Ok(ids.len() >= MOST)
    }

    /// When damaged exchanges were: between those before and behind them that are none.
    fn when(&self, clock: &Clock, damage: &mut Damage) -> Result<(), ReadError> {
        let mut ids = damage.exchanges.iter().copied().peekable();
        let mut spans = Vec::new();
        while let Some(first) = ids.next() {
            let mut last = first;
            while let Some(next) = ids.next_if(|next| next.saturating_sub(last) <= TOGETHER) {
                last = next;
            }
            let before = self.requested(first, ("<", "DESC"), clock)?;
            let behind = self.requested(last, (">", "ASC"), clock)?;
            spans.push((
                before.map_or(i64::MIN, |us| us.saturating_sub(AROUND_US)),
                behind.map_or(i64::MAX, |us| us.saturating_add(AROUND_US)),
            ));
        }
        spans.into_iter().for_each(|span| damage.take(span));
        Ok(())
    }

    /// When the next exchange beside one was requested.
    fn requested(
        &self,
        id: ExchangeId,
        (side, order): (&str, &str),
        clock: &Clock,
    ) -> Result<Option<i64>, ReadError> {
        let moment = columns::moment("requested_us", clock);
        let sql = format!(
            "SELECT requested_us FROM exchange WHERE id {side} ?1 AND {moment} ORDER BY id {order} LIMIT 1"
        );
        Ok(self.sound(&sql, [id], |row| row.get(0))?.pop())
    }

    fn numbers(&self, sql: &str) -> Result<Vec<i64>, ReadError> {
        self.sound(sql, [], |row| row.get(0))
    }
}
