//! Bodies that are kept in the database: as text, in lines, as bytes, or compressed as they came.

use std::collections::HashMap;

use rusqlite::{Result, params};

use super::cache::MOST;
use super::{RECENT_BODIES, Store, to_i64};
use crate::session::Digest;
use crate::session::body::lines::{LineLog, Pieces};
use crate::session::model::Coded;

/// Playlists up to this size are kept as plain text: their head and the rows would cost as much.
const PLAIN_TEXT_BYTES: usize = 512;

/// What is remembered of the lines of all playlists, at most, in bytes. Beyond that the largest go, of the stream that
/// has most: their next revision costs what it did when it was the first.
const MOST_REMEMBERED: usize = 128 * 1024 * 1024;

/// A body on its way to the database.
pub(super) struct NewText<'a> {
    pub data: &'a [u8],
    pub sha256: Digest,
    /// It is no text, whatever it looks like.
    pub binary: bool,
    /// As it came, where that is much smaller.
    pub coded: Option<&'a Coded>,
    pub stream_id: i64,
    /// Whose lines; `None`: it is no playlist.
    pub owner: Option<i64>,
}

impl NewText<'_> {
    fn text(&self) -> Option<&str> {
        let is_text = !self.binary && memchr::memchr(0, self.data).is_none();
        is_text.then(|| std::str::from_utf8(self.data).ok())?
    }
}

/// The lines of all playlists, each with its stream, and what they take of memory.
#[derive(Debug, Default)]
pub(super) struct Logs {
    logs: HashMap<i64, (i64, LineLog)>,
    bytes: usize,
}

impl Logs {
    pub(super) fn get_mut(&mut self, owner: i64) -> Option<&mut LineLog> {
        self.logs.get_mut(&owner).map(|(_, log)| log)
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(i64) -> bool) {
        self.logs.retain(|id, _| is_kept(*id));
        self.bytes = self.logs.values().map(|(_, log)| log.bytes()).sum();
    }

    fn insert(&mut self, owner: i64, stream_id: i64, log: LineLog) {
        if self.logs.len() >= MOST {
            *self = Self::default();
        }
        self.logs.insert(owner, (stream_id, log));
    }

    /// One has grown, or become smaller, to what it is.
    fn changed(&mut self, before: usize, after: usize, most: usize) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
        while self.bytes > most {
            let Some(largest) = self.largest() else {
                return;
            };
            let gone = self.logs.remove(&largest);
            let gone = gone.map_or(0, |(_, log)| log.bytes());
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }

    /// Of the stream that has most.
    fn largest(&self) -> Option<i64> {
        let mut streams: HashMap<i64, usize> = HashMap::new();
        for (stream_id, log) in self.logs.values() {
            *streams.entry(*stream_id).or_default() += log.bytes();
        }
        let (stream_id, _) = streams.into_iter().max_by_key(|(_, bytes)| *bytes)?;
        let own = self.logs.iter().filter(|(_, (id, _))| *id == stream_id);
        own.max_by_key(|(_, (_, log))| log.bytes())
            .map(|(owner, _)| *owner)
    }
}

impl Store {
    /// The row of a body; made where it is not one of late.
    pub(super) fn bytes(&mut self, new: &NewText<'_>) -> Result<i64> {
        let seen = |r: &&(Digest, bool, i64)| r.0 == new.sha256 && r.1 == new.binary;
        if let Some((_, _, id)) = self.cache.recent.iter().find(seen) {
            return Ok(*id);
        }
        let id = match (new.text(), new.owner) {
            (Some(text), Some(owner)) if text.len() > PLAIN_TEXT_BYTES => {
                self.large_text(new, text, owner)?
            }
            (text, _) => self.whole(new, text)?,
        };
        if self.cache.recent.len() >= RECENT_BODIES {
            self.cache.recent.pop_front();
        }
        self.cache.recent.push_back((new.sha256, new.binary, id));
        Ok(id)
    }

    /// In lines, where it has any.
    fn large_text(&mut self, new: &NewText<'_>, text: &str, owner: i64) -> Result<i64> {
        if self.cache.lines.get_mut(owner).is_none() {
            let next: i64 = self
                .db
                .prepare_cached(
                    "SELECT ifnull(max(number) + 1, 0) FROM line WHERE resource_id = ?1",
                )?
                .query_row([owner], |row| row.get(0))?;
            let log = LineLog::starting_at(next);
            self.cache.lines.insert(owner, new.stream_id, log);
        }
        let log = self.cache.lines.get_mut(owner);
        let Some((log, split)) = log.and_then(|log| log.split(text).map(|split| (log, split)))
        else {
            return self.whole(new, Some(text));
        };
        if let Some(coded) = new.coded
            && !self
                .cache
                .allowances
                .entry(new.stream_id)
                .or_default()
                .grants(split.cost(), coded.data.len() as u64)
        {
            return self.insert_coded(new, coded);
        }
        let before = log.bytes();
        log.keep(&split);
        let after = log.bytes();
        self.cache.lines.changed(before, after, MOST_REMEMBERED);
        self.insert_pieces(new, owner, &split.pieces)
    }

    /// In one piece.
    fn whole(&mut self, new: &NewText<'_>, text: Option<&str>) -> Result<i64> {
        if let Some(coded) = new.coded {
            let stream = self.cache.allowances.entry(new.stream_id).or_default();
            if !stream.grants(new.data.len() as u64, coded.data.len() as u64) {
                return self.insert_coded(new, coded);
            }
        }
        let data = text.is_none().then_some(new.data);
        self.db
            .prepare_cached("INSERT INTO body (size, sha256, text, data) VALUES (?1,?2,?3,?4)")?
            .insert(params![
                to_i64(new.data.len() as u64),
                new.sha256,
                text,
                data
            ])
    }

    fn insert_coded(&self, new: &NewText<'_>, coded: &Coded) -> Result<i64> {
        self.db
            .prepare_cached("INSERT INTO body (size, sha256, data, coding) VALUES (?1,?2,?3,?4)")?
            .insert(params![
                to_i64(new.data.len() as u64),
                new.sha256,
                &coded.data[..],
                coded.codings
            ])
    }

    fn insert_pieces(&self, new: &NewText<'_>, owner: i64, pieces: &Pieces<'_>) -> Result<i64> {
        let mut line = self
            .db
            .prepare_cached("INSERT INTO line (resource_id, number, text) VALUES (?1,?2,?3)")?;
        let first_new = pieces.last_line + 1 - pieces.new.len() as i64;
        for (number, text) in (first_new..).zip(&pieces.new) {
            line.execute(params![owner, number, text])?;
        }
        self.db
            .prepare_cached(
                "INSERT INTO body (size, sha256, text, first_line, last_line, tail, line_owner)
                 VALUES (?1,?2,?3,?4,?5,?6,?7)",
            )?
            .insert(params![
                to_i64(new.data.len() as u64),
                new.sha256,
                pieces.head,
                pieces.first_line,
                pieces.last_line,
                pieces.tail,
                owner
            ])
    }
}

#[cfg(test)]
mod tests;
