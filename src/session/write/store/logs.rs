//! Texts that come, and the lines of each resource that are remembered.

use super::cache::MOST;
use crate::session::Digest;
use crate::session::body::lines::LineLog;
use crate::session::files::new_body::Coded;
use std::collections::HashMap;

/// What is remembered of the lines of all playlists, at most, in bytes. Beyond that the largest go, of the stream that
/// has most: their next revision costs what it did when it was the first.
pub(super) const MOST_REMEMBERED: usize = 64 * 1024 * 1024;

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
    pub(super) fn text(&self) -> Option<&str> {
        let is_text = !self.binary && memchr::memchr(0, self.data).is_none();
        is_text.then(|| std::str::from_utf8(self.data).ok())?
    }
}

/// The lines of all playlists, each with its stream, and what they take of memory.
#[derive(Debug, Default)]
pub(super) struct Logs {
    pub(super) logs: HashMap<i64, (i64, LineLog)>,
    pub(super) bytes: usize,
}

impl Logs {
    pub(super) fn get_mut(&mut self, owner: i64) -> Option<&mut LineLog> {
        self.logs.get_mut(&owner).map(|(_, log)| log)
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(i64) -> bool) {
        self.logs.retain(|id, _| is_kept(*id));
        self.bytes = self.logs.values().map(|(_, log)| log.bytes()).sum();
    }

    pub(super) fn insert(&mut self, owner: i64, stream_id: i64, log: LineLog) {
        if self.logs.len() >= MOST {
            *self = Self::default();
        }
        self.logs.insert(owner, (stream_id, log));
    }

    /// One has grown, or become smaller, to what it is.
    pub(super) fn changed(&mut self, before: usize, after: usize, most: usize) {
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
    pub(super) fn largest(&self) -> Option<i64> {
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

pub(super) fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
