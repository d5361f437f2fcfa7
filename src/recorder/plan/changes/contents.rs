//! What bytes things have, for who judges windows by them; and what is known of a run before. Pure.

use crate::recorder::plan::items::content::{Before, Content};
use std::collections::HashMap;

use tokio::time::Instant;

use crate::recorder::plan::items::item::State;
use crate::recorder::plan::state::Plan;
use crate::recorder::plan::{Departed, Key, PlaylistId};
use crate::session::Digest;

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
            (State::Done, Some(sha256)) => Content::of(sha256),
            (State::Done | State::GivenUp, _) => Content::Unknown,
            _ => Content::ToCome,
        }
    }

    /// Takes up what the run before knew of a playlist that has not come in this one.
    pub(crate) fn take_up(&mut self, playlist: PlaylistId, before: Before, now: Instant) {
        for (key, ago, validators) in before.keys {
            self.keys.had(&key, now.checked_sub(ago).unwrap_or(now));
            self.keys.validate(&key, validators);
        }
        let known = self.playlists.entry(playlist).or_default();
        let count = before.listed.len();
        let until = now + before.known_for;
        let mut first: HashMap<u64, (Key, Digest)> = HashMap::new();
        for (place, key, sha256) in before.listed {
            known.places.note(place, &key, count, now);
            let (named, bytes) = first.entry(place).or_insert_with(|| (key.clone(), sha256));
            if *named != key {
                known.places.knew((&named.url, *bytes), (&key.url, sha256));
            }
            let left = Departed {
                sequence: place,
                sha256: Some(sha256),
                until,
            };
            if !before.known_for.is_zero() {
                self.departed.insert(playlist, &key, left);
            }
        }
    }
}
