//! What bytes a thing has, as far as is known: windows are judged by them. Pure.

use crate::recorder::plan::items::content::Content;
use crate::recorder::plan::items::item::State;
use crate::recorder::plan::model::{Key, PlaylistId};
use crate::recorder::plan::state::Plan;

impl Plan {
    /// What bytes a thing has that a playlist lists, or listed of late.
    pub(crate) fn content(&self, playlist: PlaylistId, key: &Key) -> Content {
        let places = self
            .playlists
            .get(&playlist)
            .map(|playlist| &playlist.places);
        match places.and_then(|places| places.stands_for(key)) {
            Some(Ok(known)) => self.own_content(playlist, &known),
            Some(Err(())) => Content::ToCome,
            None => self.own_content(playlist, key),
        }
    }

    fn own_content(&self, playlist: PlaylistId, key: &Key) -> Content {
        let (state, sha256) = match self.items.get(key) {
            Some(item) => (item.state, item.sha256),
            None => {
                let departed = self.departed.get(playlist, key);
                (State::Done, departed.and_then(|left| left.sha256))
            }
        };
        match (state, sha256) {
            (State::Done, Some(sha256)) => Content::from_digest(sha256),
            (State::Done | State::GivenUp, _) => Content::Unknown,
            _ => Content::ToCome,
        }
    }
}
