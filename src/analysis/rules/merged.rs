//! The revisions of all playlists of a session in the order of time: renditions are compared with what the others showed then.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::session::{ExchangeId, ReadError, Reader, RevisedPlaylist, SeenRevision};

/// Rows of revisions that are held at once, of all playlists together.
const HELD: usize = 8192;
/// Of one playlist at least.
const LEAST: usize = 4;

/// Revisions, in order.
pub(super) struct Merged<'a> {
    reader: &'a Reader,
    playlists: Vec<Cursor>,
    /// The next revision of each playlist: when it was seen, its exchange, the index of its playlist.
    next: BinaryHeap<Reverse<(i64, ExchangeId, usize)>>,
    batch: usize,
}

struct Cursor {
    id: i64,
    rows: VecDeque<SeenRevision>,
}

impl<'a> Merged<'a> {
    /// Of playlists.
    pub(super) fn new(
        reader: &'a Reader,
        playlists: &[RevisedPlaylist],
    ) -> Result<Self, ReadError> {
        let mut merged = Self {
            reader,
            playlists: Vec::with_capacity(playlists.len()),
            next: BinaryHeap::with_capacity(playlists.len()),
            batch: (HELD / playlists.len().max(1)).clamp(LEAST, 512),
        };
        for (index, playlist) in playlists.iter().enumerate() {
            merged.playlists.push(Cursor {
                id: playlist.id,
                rows: VecDeque::new(),
            });
            merged.fill(index, (i64::MIN, i64::MIN))?;
        }
        Ok(merged)
    }

    fn fill(&mut self, index: usize, behind: (i64, ExchangeId)) -> Result<(), ReadError> {
        let Some(cursor) = self.playlists.get_mut(index) else {
            return Ok(());
        };
        if cursor.rows.is_empty() {
            cursor.rows = self
                .reader
                .revisions_behind(cursor.id, behind, self.batch)?
                .into();
        }
        if let Some(row) = cursor.rows.front() {
            self.next
                .push(Reverse((row.seen_us, row.exchange_id, index)));
        }
        Ok(())
    }

    /// The next one, and the index of its playlist.
    pub(super) fn next(&mut self) -> Result<Option<(usize, SeenRevision)>, ReadError> {
        let Some(Reverse((_, _, index))) = self.next.pop() else {
            return Ok(None);
        };
        let row = self
            .playlists
            .get_mut(index)
            .and_then(|cursor| cursor.rows.pop_front());
        let Some(row) = row else { return Ok(None) };
        self.fill(index, (row.seen_us, row.exchange_id))?;
        Ok(Some((index, row)))
    }
}
