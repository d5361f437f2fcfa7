//! A plan is put in order after a panic. Pure.

use crate::recorder::plan::items::item::State;
use crate::recorder::plan::listed::playlist::Playlist;
use crate::recorder::plan::model::{PlaylistId, Turn};
use crate::recorder::plan::state::Plan;
use crate::session::ExchangeId;

impl Plan {
    /// A revision was taken in, and will never be in the session: what is to be fetched on its account is taken out, and
    /// is new once more to the next revision that lists it.
    pub(crate) fn withdraw(&mut self, playlist: PlaylistId, revision: ExchangeId) {
        // What was not taken in to its end has left nothing that says what the playlist lists.
        let is_lost = !self.playlists.contains_key(&playlist);
        for key in self.items.keys() {
            let Some(item) = self.items.get_mut(&key) else {
                continue;
            };
            let is_on_its_account = item.referrer == revision;
            let is_unlisted =
                is_lost && item.listed_by.remove(playlist).is_some() && item.listed_by.is_empty();
            if (is_on_its_account || is_unlisted)
                && let Some(item) = self.take_out(&key, None)
                && item.was_waiting()
            {
                self.gone.push((key, item.kind));
            }
        }
        let items = &self.items;
        let known = self.playlists.entry(playlist).or_insert_with(|| Playlist {
            in_flight: self
                .under_way
                .values()
                .filter(|of| **of == Turn::Playlist(playlist))
                .count(),
            ..Playlist::default()
        });
        let bytes = known.bytes;
        known
            .listed
            .retain(|listed| items.item_at(listed.slot, &listed.key).is_some());
        known.bytes = known.listed.iter().map(|listed| listed.bytes()).sum();
        self.bytes = self.bytes.saturating_sub(bytes) + known.bytes;
        self.requeue();
    }

    /// What waits for its turn is in a queue, whatever was interrupted.
    pub(crate) fn requeue(&mut self) {
        for key in self.items.keys() {
            let item = self.items.get(&key);
            let ready = item.filter(|item| item.state == State::Ready && !item.hinted);
            if let Some(rank) = ready.map(|item| item.rank) {
                self.make_ready(key, rank);
            }
        }
    }
}
