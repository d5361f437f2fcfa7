//! Which resource a URL of a new revision stands for: one that is known, under another name, or a new one. Pure.

use std::sync::Arc;
use std::time::Duration;

use crate::recorder::plan::listed::places::{Renamed, Twin};
use crate::recorder::plan::listed::previous::PreviousListing;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{Key, Wanted};
use crate::recorder::plan::state::Plan;
use crate::session::Kind;

/// Where nothing new is listed for so many target durations, under names that are new all the same, their bytes are
/// compared; then after twice as long, and so on.
const DOUBTED_AFTER: u32 = 3;

impl Plan {
    /// What is meant: at the same place, the same path with another query is the same, and so is another
    /// path, unless its bytes are known to differ. With it, what it is to be compared with.
    pub(super) fn identify(
        &self,
        wanted: &Wanted,
        known: &PreviousListing,
        update: &mut RevisionUpdate,
    ) -> (Key, Option<Twin>) {
        let key = wanted.key();
        if self.items.slot(&key).is_some() {
            return (key, None);
        }
        let left = self.departed.get(update.listing.playlist, &key);
        if left.is_some_and(|left| left.sequence == wanted.sequence) {
            return (key, None);
        }
        let of_before = known.same(wanted);
        let old = match of_before {
            // Where the first parts of a segment are listed no more, another stands at the place of one that is still there.
            Some(old)
                if self
                    .items
                    .get(old)
                    .is_some_and(|item| item.may_be(&old.url, wanted))
                    && !(wanted.kind == Kind::Part && update.lists_part(old)) =>
            {
                old.clone()
            }
            _ => match self.renamed(wanted, &key, update) {
                Some((old, None)) => old,
                Some((_, twin)) => return (key, twin),
                None => return (key, None),
            },
        };
        let newest_url = self.items.get(&old).map(|item| &item.newest_url);
        if newest_url != Some(&wanted.url) {
            let alias = (old.clone(), wanted.kind, Arc::clone(&wanted.url));
            update.changes.aliases.push(alias);
        }
        (old, None)
    }

    /// What had the place of a segment under another path; with what that is to be compared with, where
    /// it is to be fetched. `None`: nothing had, or it is something else.
    fn renamed(
        &self,
        wanted: &Wanted,
        key: &Key,
        update: &mut RevisionUpdate,
    ) -> Option<(Key, Option<Twin>)> {
        if wanted.kind != Kind::Segment || update.listing.restarted() {
            return None;
        }
        let old = update.playlist.places.get(wanted.sequence)?;
        let departed = || self.departed.get(update.listing.playlist, &old);
        let is_known = self.items.get(&old).is_some() || departed().is_some();
        let playlist = &mut update.playlist;
        if old == *key || old.range != key.range || !is_known {
            return None;
        }
        let target = Duration::from_micros(update.listing.target_duration_us.unsigned_abs());
        let patience = target.saturating_mul(DOUBTED_AFTER);
        let places = &mut playlist.places;
        let mut renamed = places.renamed(&old.url, &key.url, wanted.sequence);
        if renamed == Renamed::Alias && places.is_doubted(wanted.sequence, patience, update.now) {
            renamed = places.compare_again(&old.url, &key.url);
        }
        match renamed {
            Renamed::Alias => {
                places.alias(key, &old);
                Some((old, None))
            }
            Renamed::Compare(pair) => {
                let twin = Twin {
                    key: old.clone(),
                    pair,
                };
                Some((old, Some(twin)))
            }
            Renamed::Other => {
                places.replace(wanted.sequence, key);
                None
            }
        }
    }
}
