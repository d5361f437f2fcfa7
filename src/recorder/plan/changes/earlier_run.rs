//! What the run before knew of a playlist is taken into the plan of this one. Pure.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::recorder::plan::items::content::EarlierRun;
use crate::recorder::plan::left::departed::Departed;
use crate::recorder::plan::model::{Key, PlaylistId};
use crate::recorder::plan::state::Plan;
use crate::session::Digest;

impl Plan {
    /// Takes up what the run before knew of a playlist that has not come in this one.
    pub(crate) fn take_up(&mut self, playlist: PlaylistId, before: EarlierRun, now: Instant) {
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
