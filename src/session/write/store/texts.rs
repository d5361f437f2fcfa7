//! Bodies that are kept in the database: as text, in lines, as bytes, or compressed as they came.

use super::logs::{MOST_REMEMBERED, NewText};

use rusqlite::{Result, params};

use super::Store;
use super::cache::RECENT_BODIES;
use super::logs::to_i64;
use crate::session::Digest;
use crate::session::body::lines::{LineLog, Pieces};
use crate::session::files::new_body::Coded;
use crate::session::write::rows::{BodyLines, BodyRow};

/// Playlists up to this size are kept as plain text: their head and the rows would cost as much.
const PLAIN_TEXT_BYTES: usize = 512;

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

    /// Writes a body in lines, where it has any.
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

    /// Writes a body in one piece.
    fn whole(&mut self, new: &NewText<'_>, text: Option<&str>) -> Result<i64> {
        if let Some(coded) = new.coded {
            let stream = self.cache.allowances.entry(new.stream_id).or_default();
            if !stream.grants(new.data.len() as u64, coded.data.len() as u64) {
                return self.insert_coded(new, coded);
            }
        }
        let data = text.is_none().then_some(new.data);
        BodyRow {
            text,
            data,
            ..new.row()
        }
        .insert(&self.db)
    }

    fn insert_coded(&self, new: &NewText<'_>, coded: &Coded) -> Result<i64> {
        let row = BodyRow {
            data: Some(&coded.data),
            coding: Some(&coded.codings),
            ..new.row()
        };
        row.insert(&self.db)
    }

    fn insert_pieces(&self, new: &NewText<'_>, owner: i64, pieces: &Pieces<'_>) -> Result<i64> {
        let mut line = self
            .db
            .prepare_cached("INSERT INTO line (resource_id, number, text) VALUES (?1,?2,?3)")?;
        let first_new = pieces.last_line + 1 - pieces.new.len() as i64;
        for (number, text) in (first_new..).zip(&pieces.new) {
            line.execute(params![owner, number, text])?;
        }
        let row = BodyRow {
            text: Some(pieces.head),
            lines: Some(BodyLines {
                owner,
                first: pieces.first_line,
                last: pieces.last_line,
                tail: pieces.tail,
            }),
            ..new.row()
        };
        row.insert(&self.db)
    }
}

impl NewText<'_> {
    /// Its row, without its content.
    fn row(&self) -> BodyRow<'_> {
        BodyRow {
            size: to_i64(self.data.len() as u64),
            sha256: &self.sha256,
            ..BodyRow::default()
        }
    }
}

#[cfg(test)]
mod tests;
