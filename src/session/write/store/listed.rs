//! What a revision lists: rows of what is going to be asked for, and of other URLs, as far as its stream may have them
//! (`allowance`).

use std::collections::BTreeMap;

use rusqlite::{Result, params};

use super::Store;
use super::allowance::{Allowance, ROWS_FACTOR};
use crate::session::availability;
use crate::session::model::{Kind, NewListing, Remark, ResourceKey};
use crate::session::spelling::Spelling;

/// How many bytes a row takes in its table and its indexes, its texts not counted.
const ROW: usize = 96;

impl Store {
    /// Notes what a revision lists: what is going to be asked for on its account, what left
    /// before it was, and other URLs.
    pub(crate) fn listed(&mut self, listing: &NewListing) -> Result<()> {
        let mut keys = listing
            .pending
            .iter()
            .chain(listing.aliases.iter().map(|(key, _)| key));
        if let Some(key) = keys.next() {
            self.allowance(key.stream_id).expects(listing.sent);
        }
        for key in &listing.gone {
            if let Some(resource_id) = self.known_resource(key)? {
                self.db
                    .prepare_cached("DELETE FROM pending WHERE resource_id = ?1")?
                    .execute([resource_id])?;
            }
        }
        let from_us = availability::listed_us(listing.from_us, self.zero_us);
        let mut left_out = BTreeMap::<i64, u64>::new();
        for key in &listing.pending {
            let Some(resource_id) = self.listed_resource(key)? else {
                *left_out.entry(key.stream_id).or_default() += 1;
                continue;
            };
            self.db
                .prepare_cached(
                    "INSERT INTO pending (resource_id, referrer_id, from_us) VALUES (?1,?2,?3)
                     ON CONFLICT (resource_id) DO UPDATE SET referrer_id = excluded.referrer_id, from_us = excluded.from_us",
                )?
                .execute(params![resource_id, listing.revision, from_us])?;
        }
        for (key, url) in &listing.aliases {
            let is_made = match listing.revision {
                0 => self.asked_as(key, url)?,
                _ => self.listed_alias(key, url)?,
            };
            if !is_made {
                *left_out.entry(key.stream_id).or_default() += 1;
            }
        }
        for (stream_id, count) in left_out {
            self.tell_of_left_out(stream_id, count, from_us)?;
        }
        Ok(())
    }

    pub(super) fn allowance(&mut self, stream_id: i64) -> &mut Allowance {
        self.cache.allowances.entry(stream_id).or_default()
    }

    /// The row of what is listed; `None`: there is none, and it would cost too much.
    fn listed_resource(&mut self, key: &ResourceKey) -> Result<Option<i64>> {
        if let Some(id) = self.known_resource(key)? {
            return Ok(Some(id));
        }
        let path = key.url.split('?').next().unwrap_or(&key.url);
        // Its URL and its path in the table and in an index each, and its name.
        let cost = 2 * key.url.len() + 3 * path.len() + ROW;
        // A part of a raw stream is under way: a reader finds it by its row.
        let is_asked = key.kind == Kind::Main;
        if !is_asked && !self.allowance(key.stream_id).grants_row(cost as u64) {
            return Ok(None);
        }
        let (id, noted) = self.new_resource(key)?;
        self.allowance(key.stream_id).costs_more(noted);
        Ok(Some(id))
    }

    /// Another URL of what is listed; `false`: there is no row of it, and it would cost too much.
    fn listed_alias(&mut self, key: &ResourceKey, url: &str) -> Result<bool> {
        let cost = (url.len() + ROW) as u64;
        if !self.allowance(key.stream_id).grants_alias(cost) {
            return Ok(false);
        }
        let Some(resource_id) = self.listed_resource(key)? else {
            return Ok(false);
        };
        let made = self.alias(resource_id, url)?;
        let allowance = self.allowance(key.stream_id);
        match made {
            Some(noted) => allowance.costs_more(noted),
            None => allowance.give_back(cost),
        }
        Ok(true)
    }

    /// Another URL, under which a resource was asked for.
    fn asked_as(&mut self, key: &ResourceKey, url: &str) -> Result<bool> {
        let resource_id = self.resource_id(key)?;
        self.alias(resource_id, url)?;
        Ok(true)
    }

    /// Another URL of a resource: what is noted of it beside that, in bytes. `None`: it was there.
    pub(super) fn alias(&mut self, resource_id: i64, url: &str) -> Result<Option<u64>> {
        let count = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO alias (url, resource_id) VALUES (?1,?2)")?
            .execute(params![url, resource_id])?;
        match count {
            0 => Ok(None),
            _ => self.note(url).map(Some),
        }
    }

    /// Notes other spellings of a URL; how many bytes that takes.
    pub(super) fn note(&mut self, url: &str) -> Result<u64> {
        let spelling = Spelling::of_url(url);
        let noted =
            match crate::session::database::spellings::note_spelling(&self.db, url, &spelling)? {
                0 => 0,
                bytes => (bytes + ROW) as u64,
            };
        let Some(names) = spelling.names() else {
            return Ok(noted);
        };
        let known = [spelling.host(), " ", &names].concat();
        if self.cache.names.get(&known).is_some() {
            return Ok(noted);
        }
        if crate::session::database::spellings::note_names(&self.db, spelling.host(), &names)? {
            self.cache.names.insert(known, ());
        } else if !std::mem::replace(&mut self.told_of_names, true) {
            tracing::warn!(
                "{url}: its host has URLs with more sets of names of query parameters than are kept; a replay finds \
                 them as they are, and not all with parameters that a player adds"
            );
        }
        Ok(noted)
    }

    /// From now on a stream gets no rows for what it only lists, but those that it pays for.
    #[cfg(test)]
    pub(crate) fn note_nothing(&mut self, stream_id: i64) {
        let nothing = Allowance::of_rows(0);
        self.cache.allowances.insert(stream_id, nothing);
    }

    /// Says that a stream lists more than may be noted, once as long as that is so.
    fn tell_of_left_out(&mut self, stream_id: i64, count: u64, at_us: i64) -> Result<()> {
        if !self.allowance(stream_id).is_news() {
            return Ok(());
        }
        let name: String = self
            .db
            .prepare_cached("SELECT name FROM stream WHERE id = ?1")?
            .query_row([stream_id], |row| row.get(0))?;
        let detail = format!(
            "{count} URLs that {name} lists, and more to come, have no rows of their own unless they are asked for: \
             they would cost more than {ROWS_FACTOR} times what its playlists sent"
        );
        tracing::warn!("{detail}");
        self.event(at_us, Remark::TooManySegments, &detail)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
