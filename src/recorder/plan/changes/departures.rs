//! Things leave their playlists: those that have not been fetched yet are late, and still tried for a while. Pure.
//!
//! An origin has to keep a segment for its own duration and that of the longest playlist with it, from when it first
//! appeared (RFC 8216bis 6.2.2; from when it left, RFC 8216). So it is tried for so long after it left.

use std::time::Duration;

use tokio::time::Instant;

use crate::recorder::plan::items::item::{Item, State};
use crate::recorder::plan::left::departed::Departed;
use crate::recorder::plan::left::lateness::{LAST_TRY, Stay};
use crate::recorder::plan::listed::playlist::Playlist;
use crate::recorder::plan::listed::slot::Slot;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{
    Changes, DEPARTED_FOR, GivenUp, Key, Listing, PlaylistId, Rank, Turn, Wanted, WhyGivenUp,
};
use crate::recorder::plan::state::Plan;
use crate::recorder::schedule::retry_delay;
use crate::session::Kind;

impl Plan {
    /// It left a playlist: not forgotten at once, since an edge that lags behind still lists it.
    pub(super) fn depart(&mut self, key: &Key, update: &mut RevisionUpdate) {
        let listing = update.listing;
        if !self.unlist(key, listing.playlist) {
            return;
        }
        let stay = update.stay();
        let own = (listing.playlist, &mut update.playlist);
        let Some(item) = self.leave(key, stay, update.now, own) else {
            return;
        };
        if item.was_waiting() {
            update.changes.gone.push((key.clone(), item.kind));
        }
        if item.state == State::Done && !item.hinted && !listing.restarted() {
            let target = Duration::from_micros(listing.target_duration_us.unsigned_abs());
            let until = update.now + target * DEPARTED_FOR;
            let sequence = item.sequence;
            let left = Departed {
                sequence,
                sha256: item.sha256,
                until,
            };
            self.departed.insert(listing.playlist, key, left);
        }
    }

    /// Takes it out of one playlist's listing; whether no other lists it.
    pub(super) fn unlist(&mut self, key: &Key, from: PlaylistId) -> bool {
        let item = self.items.get_mut(key);
        item.is_some_and(|item| item.listed_by.remove(from).is_some() && item.listed_by.is_empty())
    }

    pub(super) fn is_late(&self, slot: Slot, key: &Key) -> bool {
        let item = self.items.item_at(slot, key);
        item.is_some_and(|item| item.late.is_some())
    }

    /// No playlist lists it any more. What has not come is late, if its name means what it meant (`stay`); all
    /// else is taken out and given back, so that it is fetched again should it return.
    pub(crate) fn leave(
        &mut self,
        key: &Key,
        stay: Option<Stay>,
        now: Instant,
        own: (PlaylistId, &mut Playlist),
    ) -> Option<Item> {
        let item = self.items.get_mut(key)?;
        let is_over = item.hinted || matches!(item.state, State::Done | State::GivenUp);
        let stay = stay.filter(|_| !is_over);
        let Some(stay) = stay else {
            return self.take_out(key, Some(own));
        };
        let late = item.lateness(stay, now);
        item.late = Some(late);
        let oldest = self.since.values().next();
        let oldest = oldest.filter(|_| item.state == State::Ready && item.asked.is_none());
        let under_way = self.since.len();
        item.no_room = self.has_no_room && (item.asked.is_none() || item.not_stored);
        item.no_turn = oldest.map(|since| (under_way, now.saturating_duration_since(*since)));
        let (rank, state, job, queued_by) = (item.rank, item.state, item.job, item.playlist);
        if state == State::Ready {
            self.unqueue(queued_by, key, rank, Some(own));
            self.late.ready.insert((rank, key.clone()));
        } else if state == State::InFlight {
            self.give_place_back(job, own);
        }
        self.late.add(key, late);
        while let Some(oldest) = self.late.too_many() {
            self.give_up(&oldest);
        }
        None
    }

    /// A request that is under way takes a place for what is late from now on, if there is one: what hangs holds
    /// up nothing that is listed then.
    fn give_place_back(&mut self, job: u64, (id, own): (PlaylistId, &mut Playlist)) {
        let place = self.under_way.get_mut(&job);
        let Some(place) = place.filter(|_| self.late.in_flight < self.most_late) else {
            return;
        };
        let Turn::Playlist(playlist) = *place else {
            return;
        };
        *place = Turn::Late;
        self.late.in_flight += 1;
        let playlist = match playlist == id {
            true => Some(own),
            false => self.playlists.get_mut(&playlist),
        };
        if let Some(playlist) = playlist {
            playlist.in_flight = playlist.in_flight.saturating_sub(1);
        }
    }

    /// It is not tried any more, and nobody waits for it.
    fn give_up(&mut self, key: &Key) {
        let Some(item) = self.take_out(key, None) else {
            return;
        };
        self.gone.push((key.clone(), item.kind));
        let is_unasked = item.asked.is_none();
        let why = match (item.asked, item.state, item.no_turn) {
            (None, State::Delayed(_), _) => WhyGivenUp::LeftAlone,
            _ if item.no_room || (is_unasked && self.has_no_room) => {
                // Until now there might have been room for it in time; a request says so itself.
                self.without_room += u64::from(is_unasked);
                WhyGivenUp::NoRoom
            }
            (.., Some((under_way, longest))) => WhyGivenUp::NoTurn { under_way, longest },
            _ => WhyGivenUp::Failed,
        };
        self.untold.push(GivenUp {
            key: key.clone(),
            kind: item.kind,
            playlist: item.playlist,
            sequence: item.sequence,
            why,
        });
    }

    /// What was given up since the last time.
    pub(crate) fn given_up(&mut self) -> Vec<GivenUp> {
        std::mem::take(&mut self.untold)
    }

    /// Gives up what could not be asked for in time.
    pub(crate) fn give_up_late(&mut self, now: Instant) {
        let is_over = |(until, _): &&(Instant, Key)| *until + LAST_TRY <= now;
        let over = self.late.by_end.iter().take_while(is_over);
        let is_waiting = |key: &Key| self.items.get(key).is_some_and(Item::was_waiting);
        let over: Vec<Key> = over
            .map(|(_, key)| key.clone())
            .filter(is_waiting)
            .collect();
        for key in over {
            self.give_up(&key);
        }
    }

    /// Whether there is room for what comes. Where there is none nothing is asked for; what is listed, or late, waits.
    /// How many things were given up for that reason since the last time, and never asked for.
    pub(crate) fn has_room(&mut self, has_room: bool, now: Instant) -> u64 {
        self.has_no_room = !has_room;
        if !has_room {
            self.give_up_late(now);
        }
        std::mem::take(&mut self.without_room)
    }

    /// Nothing that is late is tried any more. How many things were never asked for, since there was no room.
    pub(crate) fn forget_late(&mut self) -> (Changes, u64) {
        while let Some((_, key)) = self.late.by_end.first().cloned() {
            self.give_up(&key);
        }
        self.untold.clear();
        let changes = Changes {
            gone: std::mem::take(&mut self.gone),
            ..Changes::default()
        };
        (changes, std::mem::take(&mut self.without_room))
    }

    /// The next of what is late: beside all else, so that it holds up nothing that is listed.
    pub(crate) fn take_late(&mut self) -> Option<(PlaylistId, Key)> {
        if self.late.in_flight >= self.most_late {
            return None;
        }
        let (_, key) = self.late.ready.pop_last()?;
        Some((self.items.get(&key)?.playlist, key))
    }

    /// Something late has come, or never will.
    pub(crate) fn settle_late(&mut self, key: &Key, now: Instant) {
        let Some(item) = self.take_out(key, None) else {
            return;
        };
        if let (State::Done, Some(late)) = (item.state, item.late)
            && self.playlists.contains_key(&item.playlist)
        {
            let left = Departed {
                sequence: item.sequence,
                sha256: item.sha256,
                until: now + late.departed_for,
            };
            self.departed.insert(item.playlist, key, left);
        }
    }

    /// Something late could not be had: it is tried again, or given up.
    pub(crate) fn delay_late(&mut self, key: &Key, delay: Duration, now: Instant) {
        let item = self.items.get_mut(key);
        let Some((item, late)) = item.and_then(|item| item.late.map(|late| (item, late))) else {
            return;
        };
        match late.again(delay, now) {
            Some(at) => {
                item.state = State::Delayed(at);
                self.delayed.insert((at, key.clone()));
            }
            None => self.give_up(key),
        }
    }

    /// Something late is listed once more: by an edge that lags behind, or its name is used again.
    pub(crate) fn list_late(
        &mut self,
        slot: Slot,
        key: &Key,
        (wanted, rank): (&Wanted, Rank),
        update: &mut RevisionUpdate,
    ) {
        let Some(item) = self.items.at_mut(slot, key) else {
            return;
        };
        let Some(late) = item.late.take() else {
            return;
        };
        self.late.remove(key, late, item.rank);
        item.no_room = false;
        let listing: &Listing = update.listing;
        let is_segment = matches!(wanted.kind, Kind::Segment | Kind::Part);
        let is_same = is_segment && item.sequence == wanted.sequence && !listing.restarted();
        update.playlist.reuses_names |= is_segment && !is_same;
        item.newest_url = wanted.url.clone();
        item.sequence = wanted.sequence;
        item.listed_by.insert(listing.playlist, update.number);
        item.playlist = listing.playlist;
        if !is_same {
            if let State::Delayed(at) = item.state {
                self.delayed.remove(&(at, key.clone()));
            }
            item.list_anew(wanted, update, rank);
            update.changes.pending.push((key.clone(), wanted.kind));
        }
        if item.state == State::Ready {
            update.playlist.ready.insert((item.rank, key.clone()));
        }
    }
}

/// Delay before something is tried again that is there for so long: in its last quarter, too.
pub(crate) fn delay_within(failures: u32, available: Duration) -> Duration {
    let longest = (available / 4).max(retry_delay(1));
    retry_delay(failures).min(longest)
}
