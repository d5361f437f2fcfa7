//! Names of segments that are listed at a new place while they are listed still: as players do, the recorder fetches them
//! again. Pure.

use crate::recorder::plan::items::item::State;
use crate::recorder::plan::listed::slot::Slot;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{Key, Listing, PlaylistId, Rank, Wanted};
use crate::recorder::plan::state::Plan;
use crate::session::Kind;

impl Plan {
    /// Whether a segment that is listed has the name of another that is listed still: players fetch that name again.
    pub(super) fn is_used_again(
        &mut self,
        slot: Option<Slot>,
        key: &Key,
        wanted: &Wanted,
        listing: &Listing,
    ) -> bool {
        if wanted.kind != Kind::Segment || wanted.hinted {
            return false;
        }
        let item = slot.and_then(|slot| self.items.at_mut(slot, key));
        item.is_some_and(|item| item.is_used_again(wanted, listing))
    }

    /// What was waiting for its turn, or to be tried again, is to be asked for on account of another listing.
    pub(super) fn unqueue_waiting(
        &mut self,
        state: State,
        key: &Key,
        (queued_by, rank): (PlaylistId, Rank),
        update: &mut RevisionUpdate,
    ) {
        match state {
            State::Ready => {
                let own = (update.listing.playlist, &mut update.playlist);
                self.unqueue(queued_by, key, rank, Some(own));
            }
            State::Delayed(at) => {
                self.delayed.remove(&(at, key.clone()));
            }
            _ => {}
        }
    }
}
