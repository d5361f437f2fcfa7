//! The queues of a plan: what goes into them, and what is taken out of the plan as a whole. Pure.

use crate::recorder::plan::items::item::{Item, State};
use crate::recorder::plan::listed::playlist::Playlist;
use crate::recorder::plan::model::{Key, PlaylistId, Rank, Turn};
use crate::recorder::plan::state::Plan;
use crate::session::Kind;

impl Plan {
    /// Takes something out of the plan.
    ///
    /// `own`: a playlist that is not in `playlists` at the moment.
    pub(super) fn take_out(
        &mut self,
        key: &Key,
        own: Option<(PlaylistId, &mut Playlist)>,
    ) -> Option<Item> {
        let item = self.items.remove(key)?;
        if item.hinted {
            self.hint_is_gone(key, &item);
            return Some(item);
        }
        if let Some(late) = item.late {
            self.late.remove(key, late, item.rank);
        }
        let mut own = own;
        if let Some(twin) = &item.twin {
            // Nothing comes that could be compared: the next name is.
            let playlist = match &mut own {
                Some((id, own)) if *id == item.playlist => Some(&mut **own),
                _ => self.playlists.get_mut(&item.playlist),
            };
            if let Some(playlist) = playlist {
                playlist.places.compared(twin.pair, None, None);
            }
        }
        match item.state {
            State::Ready if item.late.is_none() => {
                self.unqueue(item.playlist, key, item.rank, own);
            }
            State::Delayed(at) => {
                self.delayed.remove(&(at, key.clone()));
            }
            _ => {}
        }
        Some(item)
    }

    /// A request under way is slow: it gives its place to another one, if not too many have.
    pub(crate) fn is_slow(&mut self, job: u64) {
        let Some(turn) = self.under_way.get_mut(&job) else {
            return;
        };
        if self.slow >= self.most_slow {
            return;
        }
        match std::mem::replace(turn, Turn::Slow) {
            Turn::Playlist(playlist) => {
                if let Some(playlist) = self.playlists.get_mut(&playlist) {
                    playlist.in_flight = playlist.in_flight.saturating_sub(1);
                }
            }
            Turn::Late => self.late.in_flight = self.late.in_flight.saturating_sub(1),
            before @ (Turn::Slow | Turn::Hint) => {
                *turn = before;
                return;
            }
        }
        self.slow += 1;
    }

    /// How many requests under way take no place, as they are slow.
    pub(crate) fn slow(&self) -> usize {
        self.slow
    }

    /// Segments that are listed, or late, and that nobody has asked for in vain: by playlist and media sequence number, and
    /// whether each left while there was no room for it.
    pub(crate) fn segments_waiting(&self) -> Vec<(PlaylistId, u64, bool)> {
        let keys = self.items.keys().into_iter();
        let items = keys.filter_map(|key| self.items.get(&key));
        let waiting = items.filter(|item| item.kind == Kind::Segment && item.was_waiting());
        let told = |item: &Item| (item.playlist, item.sequence, item.no_room);
        waiting.map(told).collect()
    }

    pub(super) fn unqueue(
        &mut self,
        queued_by: PlaylistId,
        key: &Key,
        rank: Rank,
        own: Option<(PlaylistId, &mut Playlist)>,
    ) {
        let queue = match own {
            Some((id, own)) if id == queued_by => Some(own),
            _ => self.playlists.get_mut(&queued_by),
        };
        if let Some(queue) = queue {
            queue.ready.remove(&(rank, key.clone()));
        }
    }

    /// Into the queue of a playlist that lists it: the one it was planned for may have dropped it.
    pub(super) fn make_ready(&mut self, key: Key, rank: Rank) {
        let Some(item) = self.items.get_mut(&key) else {
            return;
        };
        if item.late.is_some() {
            self.late.ready.insert((rank, key));
            return;
        }
        if item.listed_by.get(item.playlist).is_none()
            && let Some(other) = item.listed_by.first()
        {
            item.playlist = other;
        }
        if let Some(playlist) = self.playlists.get_mut(&item.playlist) {
            playlist.ready.insert((rank, key));
        }
    }
}
