//! A new revision is taken into the plan: what it lists stays, is new, or is listed anew. Pure.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::hls::steps::step;
use crate::recorder::plan::items::item::{Item, State, due_again};
use crate::recorder::plan::listed::entry::Listed;
use crate::recorder::plan::listed::playlist::Playlist;
use crate::recorder::plan::listed::previous::{PreviousListing, UnchangedEntries};
use crate::recorder::plan::listed::slot::Slot;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{Changes, Key, Listing, PlaylistId, Rank, Wanted};
use crate::recorder::plan::state::Plan;
use crate::session::Kind;

impl Plan {
    /// Takes in a new revision.
    pub(in crate::recorder) fn revision(&mut self, listing: &Listing, now: Instant) -> Changes {
        self.give_up_late(now);
        let known = self.playlists.get(&listing.playlist);
        let is_first = known.is_none_or(|known| !known.has_come);
        let before = self.playlists.remove(&listing.playlist).unwrap_or_default();
        let mut places = before.places;
        self.departed.forget_old(now);
        if listing.restarted() {
            places.begin_again();
            self.departed.forget(listing.playlist);
        }
        self.revisions += 1;
        self.bytes = self.bytes.saturating_sub(before.bytes);
        let newest = self.newest(&listing.wanted);
        let mut update = RevisionUpdate {
            listing,
            number: self.revisions,
            now,
            behind: duration(newest),
            playlist: Playlist {
                last_sequence: last_use(listing.wanted.iter().filter(|w| !w.hinted)),
                last_named: last_use(listing.wanted.iter()),
                hints: before.hints,
                lists_segments: listing.wanted.iter().any(|w| w.kind == Kind::Segment),
                lists_parts: listing.wanted.iter().any(|w| w.kind == Kind::Part),
                ended: listing.ended,
                has_come: true,
                on_demand: listing.ended && (is_first || before.on_demand),
                longest: before.longest.max(listing.duration),
                target_us: listing.target_duration_us,
                reuses_names: before.reuses_names,
                in_flight: before.in_flight,
                ready: before.ready,
                places,
                ..Playlist::default()
            },
            changes: Changes {
                too_many: listing.wanted.len() - newest.len(),
                ..Changes::default()
            },
            parts: OnceCell::new(),
        };
        let known = PreviousListing::new(&before.listed, before.last_named);
        let mut stayed = UnchangedEntries::new(&before.listed);
        for wanted in newest {
            step();
            if wanted.kind == Kind::Segment {
                update.behind = update.behind.saturating_sub(wanted.duration);
            }
            if !listing.restarted()
                && let Some(same) = stayed.next(wanted)
                && self.stays(same, &update)
            {
                update.playlist.bytes += same.bytes();
                update.playlist.listed.push(Arc::clone(same));
                continue;
            }
            let (key, twin) = self.identify(wanted, &known, &mut update);
            let slot = self.items.slot(&key);
            let listed = self.items.len().saturating_sub(self.late.len());
            if listed >= self.most && slot.is_none() {
                update.changes.too_many += 1;
                continue;
            }
            let anew = self.is_used_again(slot, &key, wanted, listing)
                || listing.restarted()
                || new_segments_use(wanted, before.last_sequence);
            let slot = match slot {
                Some(slot) if self.is_listed_by(slot, &key, &update) && !anew => slot,
                slot => self.list(slot, &key, wanted, anew, &mut update),
            };
            if let (Some(twin), Some(item)) = (twin, self.items.at_mut(slot, &key)) {
                item.twin = Some(twin);
            }
            let key = self.items.shared_key(slot, &key).cloned().unwrap_or(key);
            if wanted.kind == Kind::Segment {
                let places = &mut update.playlist.places;
                places.note(wanted.sequence, &key, newest.len(), now);
            }
            let mut wanted = wanted.clone();
            if wanted.url == key.url {
                wanted.url = Arc::clone(&key.url);
            }
            let listed = Listed { wanted, key, slot };
            update.playlist.bytes += listed.bytes();
            update.playlist.listed.push(Arc::new(listed));
        }
        for left in &before.listed {
            if self.is_listed_by(left.slot, &left.key, &update) {
                continue;
            }
            match self.is_announced_still(left, &update) {
                true => {
                    let named = &mut update.playlist.last_named;
                    *named = (*named).max(Some(left.wanted.last_use));
                    update.playlist.bytes += left.bytes();
                    update.playlist.listed.push(Arc::clone(left));
                }
                false => self.depart(&left.key, &mut update),
            }
        }
        self.bytes += update.playlist.bytes;
        self.playlists.insert(listing.playlist, update.playlist);
        update.changes.gone.append(&mut self.gone);
        update.changes
    }

    /// The last ones of what a playlist lists, as far as there is room.
    fn newest<'a>(&self, wanted: &'a [Wanted]) -> &'a [Wanted] {
        let mut left = self.most_bytes.saturating_sub(self.bytes);
        let fits = |one: &&Wanted| {
            let rest = left.checked_sub(one.bytes());
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let count = wanted.iter().rev().take(self.most).take_while(fits).count();
        wanted.get(wanted.len() - count..).unwrap_or(wanted)
    }

    /// How much one more revision of a playlist is compared with.
    pub(in crate::recorder) fn lists(&self, playlist: PlaylistId) -> usize {
        let known = self.playlists.get(&playlist);
        known.map_or(0, |playlist| playlist.listed.len())
    }

    /// Whether the revision has been found to list something.
    fn is_listed_by(&self, slot: Slot, key: &Key, update: &RevisionUpdate) -> bool {
        let item = self.items.item_at(slot, key);
        let number = item.and_then(|item| item.listed_by.get(update.listing.playlist));
        number == Some(update.number)
    }

    /// Notes that a segment is listed as it was; `false`: it is to be looked at like any other.
    fn stays(&mut self, same: &Listed, update: &RevisionUpdate) -> bool {
        let wanted = &same.wanted;
        let is_media = matches!(wanted.kind, Kind::Segment | Kind::Part);
        let is_itself = is_media && same.key.url == wanted.url;
        let item = self.items.at_mut(same.slot, &same.key);
        let Some(item) = item.filter(|_| is_itself) else {
            return false;
        };
        let playlist = update.listing.playlist;
        let is_first = item.listed_by.insert(playlist, update.number) != Some(update.number);
        if !is_first {
            item.sequence = item.sequence.max(wanted.sequence);
        } else {
            item.sequence = wanted.sequence;
            if item.newest_url != wanted.url {
                item.newest_url = Arc::clone(&wanted.url);
            }
        }
        true
    }

    fn rank(&mut self, wanted: &Wanted, update: &RevisionUpdate) -> Rank {
        let end = update.playlist.last_sequence.unwrap_or(0);
        let age = i64::try_from(end.saturating_sub(wanted.last_use)).unwrap_or(i64::MAX);
        self.counter += 1;
        // Parents come after the parts of the live edge: players have these first.
        let is_parent = update.playlist.lists_parts && wanted.kind == Kind::Segment;
        let age = age.saturating_add(i64::from(is_parent));
        let age_us = age.saturating_mul(update.listing.target_duration_us);
        (update.listing.from_us.saturating_sub(age_us), self.counter)
    }

    /// `slot`: where it is known.
    fn list(
        &mut self,
        slot: Option<Slot>,
        key: &Key,
        wanted: &Wanted,
        anew: bool,
        update: &mut RevisionUpdate,
    ) -> Slot {
        let rank = self.rank(wanted, update);
        let listing = update.listing;
        if wanted.hinted {
            return self.announce(slot, key, (wanted, rank), update);
        }
        let slot = slot.or_else(|| self.listed_of_rest(key));
        if let Some(slot) = slot.filter(|slot| self.is_hinted(*slot, key)) {
            self.list_hinted(slot, key, (wanted, rank), update);
            return slot;
        }
        if let Some(slot) = slot.filter(|slot| self.is_late(*slot, key)) {
            self.list_late(slot, key, (wanted, rank), update);
            return slot;
        }
        // Of a key that was had.
        let is_due = self.keys.is_due(key, update.now);
        let known = slot.and_then(|slot| Some((slot, self.items.at_mut(slot, key)?)));
        let Some((slot, item)) = known else {
            let left = self.departed.remove(listing.playlist, key);
            let is_back = left.is_some_and(|left| left.sequence == wanted.sequence)
                || wanted.kind == Kind::Key && self.keys.is_back(key, listing, update.now);
            let mut item = Item::new(wanted, update, rank, is_back);
            item.sha256 = left.and_then(|left| left.sha256).filter(|_| is_back);
            if !is_back {
                update.playlist.ready.insert((rank, key.clone()));
                update.changes.pending.push((key.clone(), wanted.kind));
            }
            return self.items.insert(key.clone(), item);
        };
        item.newest_url = Arc::clone(&wanted.url);
        item.sequence = wanted.sequence;
        item.listed_by.insert(listing.playlist, update.number);
        let due_again = || due_again(item, listing.target_duration_us, update.now);
        let due = match wanted.kind {
            _ if listing.restarted() => true,
            Kind::Key => is_due.unwrap_or_else(due_again),
            // Where another playlist has just had it fetched, that is for this one, too.
            Kind::Segment => item.playlist == listing.playlist || due_again(),
            _ => true,
        };
        if !(anew && due) {
            return slot;
        }
        if item.was_waiting() && wanted.kind != Kind::Segment {
            // It has not been asked for since; it will be.
            return slot;
        }
        let is_asked = item.state == State::InFlight;
        if is_asked && wanted.kind == Kind::Key && !listing.restarted() {
            // What is to come is for these segments, too.
            return slot;
        }
        let (state, queued) = (item.state, (item.playlist, item.rank));
        item.list_anew(wanted, update, rank);
        if item.state == State::Ready {
            self.unqueue_waiting(state, key, queued, update);
            update.playlist.ready.insert((rank, key.clone()));
        }
        update.changes.pending.push((key.clone(), wanted.kind));
        slot
    }

    /// A playlist that is no longer polled lists nothing.
    pub(in crate::recorder) fn remove(&mut self, playlist: PlaylistId, now: Instant) -> Changes {
        let mut changes = Changes::default();
        let Some(mut gone) = self.playlists.remove(&playlist) else {
            return changes;
        };
        self.bytes = self.bytes.saturating_sub(gone.bytes);
        self.departed.forget(playlist);
        let stay = (!gone.reuses_names).then(|| gone.stay(gone.target_us));
        for listed in std::mem::take(&mut gone.listed) {
            if self.unlist(&listed.key, playlist)
                && let Some(item) = self.leave(&listed.key, stay, now, (playlist, &mut gone))
                && item.was_waiting()
            {
                changes.gone.push((listed.key.clone(), item.kind));
            }
        }
        changes.gone.append(&mut self.gone);
        // Others may list what was queued on its account.
        for (rank, key) in gone.ready {
            self.make_ready(key, rank);
        }
        changes
    }

    /// Playlists that list nothing more: what they list is tried as if they had said so.
    pub(in crate::recorder) fn end(&mut self, playlists: &[PlaylistId]) {
        for id in playlists {
            if let Some(playlist) = self.playlists.get_mut(id) {
                playlist.ended = true;
            }
        }
    }
}

fn last_use<'a>(wanted: impl Iterator<Item = &'a Wanted>) -> Option<u64> {
    wanted.map(|one| one.last_use).max()
}

/// How long the segments are, together.
pub(in crate::recorder::plan) fn duration(wanted: &[Wanted]) -> Duration {
    let segments = wanted.iter().filter(|w| w.kind == Kind::Segment);
    segments.fold(Duration::ZERO, |sum, w| sum.saturating_add(w.duration))
}

/// A key whose URI stays may hold new bytes for new segments, and so may an initialization
/// section that is named again for new segments: it is asked for again with them.
fn new_segments_use(wanted: &Wanted, last_sequence: Option<u64>) -> bool {
    last_sequence.is_some_and(|last| match wanted.kind {
        Kind::Key => wanted.last_use > last,
        Kind::Init => wanted.sequence > last,
        _ => false,
    })
}
