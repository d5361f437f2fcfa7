//! What to fetch next, out of what the playlists of a stream list. Pure.
//!
//! Decides what makes two URLs one resource while a recording goes on (DESIGN: tokens,
//! queries that matter, names used again, slates), in which order things are fetched
//! (newest first, then backwards through a long window), and when a failed one is tried
//! again. Asking is `downloads`' business, judging playlists `poll`'s.

use self::listed::entry::{LISTED_BYTES, Listed};
use self::listed::playlist::Playlist;
use self::listed::update::Taking;
use self::model::DEPARTED_FOR;
use self::state::Plan;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

mod changes;
mod items;
mod left;
mod listed;
pub(crate) mod model;
pub(crate) mod state;

pub(super) use self::items::content::{Before, Content};
use self::items::host_returns::Returning;
use self::items::item::{Item, State, due_again};
use self::items::keys::Keys;
use self::items::table::Items;
use self::left::departed::{Departed, DepartedItems};
use self::left::late_items::LateItems;
use self::listed::places::{Renamed, Twin};
use self::listed::previous::{Known, Stayed};
use self::listed::slot::Slot;
use self::model::Rank;
pub(super) use self::model::{Changes, Job, Key, Listing, PlaylistId, Wanted};

use crate::hls::steps::step;
use crate::recorder::http::validators::Validators;
use crate::recorder::settings::limits::Limits;
use crate::session::{Availability, Kind};

/// So many things are looked at until others have their turn: of a host that wants to be left alone there may be
/// very many.
const AT_ONE_GO: usize = 1024;

/// Where nothing new is listed for so many target durations, under names that are new all the same, their bytes are
/// compared; then after twice as long, and so on.
const DOUBTED_AFTER: u32 = 3;

impl Wanted {
    /// What it takes to be known, in bytes.
    fn bytes(&self) -> usize {
        LISTED_BYTES + self.url.as_str().len()
    }
}

/// Whether all playlists that list segments have ended.
fn are_over(all: &BTreeMap<PlaylistId, Playlist>) -> bool {
    let mut others = all.values().filter(|p| p.lists_segments).peekable();
    let is_over = |p: &Playlist| {
        step();
        p.ended
    };
    others.peek().is_some() && others.all(is_over)
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Good,
    /// To be tried again.
    Failed,
    /// It does not count: to be asked for again, then or soon.
    Held(Option<Instant>),
    /// It was never made, and never will be.
    Refused,
    /// The recorder's own doing, and nothing of it is recorded: to be tried again, a few times.
    Panicked,
}

impl Plan {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.listed,
            most_bytes: limits.listed_bytes(),
            bytes: 0,
            most_in_flight: limits.downloads_per_playlist,
            most_late: (limits.downloads / 4).clamp(1, limits.downloads_per_playlist.max(1)),
            items: Items::default(),
            keys: Keys::default(),
            late: LateItems::default(),
            departed: DepartedItems::default(),
            under_way: HashMap::new(),
            gone: Vec::new(),
            untold: Vec::new(),
            playlists: BTreeMap::new(),
            delayed: BTreeSet::new(),
            returning: Returning::default(),
            counter: 0,
            revisions: 0,
            has_more: None,
        }
    }

    /// Takes in a new revision.
    pub(super) fn revision(&mut self, listing: &Listing, now: Instant) -> Changes {
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
        let mut taking = Taking {
            listing,
            number: self.revisions,
            now,
            behind: duration(newest),
            playlist: Playlist {
                last_sequence: listing.wanted.iter().map(|w| w.last_use).max(),
                lists_segments: listing.wanted.iter().any(|w| w.kind == Kind::Segment),
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
        };
        let known = Known::new(&before.listed, before.last_sequence);
        let mut stayed = Stayed::new(&before.listed);
        for wanted in newest {
            step();
            if wanted.kind == Kind::Segment {
                taking.behind = taking.behind.saturating_sub(wanted.duration);
            }
            if !listing.restarted()
                && let Some(same) = stayed.next(wanted)
                && self.stays(same, &taking)
            {
                taking.playlist.bytes += same.bytes();
                taking.playlist.listed.push(Arc::clone(same));
                continue;
            }
            let (key, twin) = self.identify(wanted, &known, &mut taking);
            let slot = self.items.slot(&key);
            let listed = self.items.len().saturating_sub(self.late.len());
            if listed >= self.most && slot.is_none() {
                taking.changes.too_many += 1;
                continue;
            }
            let anew = listing.restarted() || new_segments_use(wanted, before.last_sequence);
            let slot = match slot {
                Some(slot) if self.is_listed_by(slot, &key, &taking) && !anew => slot,
                slot => self.list(slot, &key, wanted, anew, &mut taking),
            };
            if let (Some(twin), Some(item)) = (twin, self.items.at_mut(slot, &key)) {
                item.twin = Some(twin);
            }
            let key = self.items.kept(slot, &key).cloned().unwrap_or(key);
            if wanted.kind == Kind::Segment {
                let places = &mut taking.playlist.places;
                places.note(wanted.sequence, &key, newest.len(), now);
            }
            let mut wanted = wanted.clone();
            if wanted.url == key.url {
                wanted.url = Arc::clone(&key.url);
            }
            let listed = Listed { wanted, key, slot };
            taking.playlist.bytes += listed.bytes();
            taking.playlist.listed.push(Arc::new(listed));
        }
        for left in &before.listed {
            if !self.is_listed_by(left.slot, &left.key, &taking) {
                self.depart(&left.key, &mut taking);
            }
        }
        self.bytes += taking.playlist.bytes;
        self.playlists.insert(listing.playlist, taking.playlist);
        taking.changes.gone.append(&mut self.gone);
        taking.changes
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
    pub(super) fn lists(&self, playlist: PlaylistId) -> usize {
        let known = self.playlists.get(&playlist);
        known.map_or(0, |playlist| playlist.listed.len())
    }

    /// Whether the revision has been found to list something.
    fn is_listed_by(&self, slot: Slot, key: &Key, taking: &Taking) -> bool {
        let item = self.items.at(slot, key);
        let number = item.and_then(|item| item.listed_by.get(taking.listing.playlist));
        number == Some(taking.number)
    }

    /// Notes that a segment is listed as it was; `false`: it is to be looked at like any other.
    fn stays(&mut self, same: &Listed, taking: &Taking) -> bool {
        let wanted = &same.wanted;
        let is_itself = wanted.kind == Kind::Segment && same.key.url == wanted.url;
        let item = self.items.at_mut(same.slot, &same.key);
        let Some(item) = item.filter(|_| is_itself) else {
            return false;
        };
        let playlist = taking.listing.playlist;
        if item.listed_by.insert(playlist, taking.number) != Some(taking.number) {
            item.sequence = wanted.sequence;
            if item.newest_url != wanted.url {
                item.newest_url = Arc::clone(&wanted.url);
            }
        }
        true
    }

    /// What is meant: at the same place, the same path with another query is the same, and so is another
    /// path, unless its bytes are known to differ. With it, what it is to be compared with.
    fn identify(&self, wanted: &Wanted, known: &Known, taking: &mut Taking) -> (Key, Option<Twin>) {
        let key = Key {
            url: Arc::clone(&wanted.url),
            range: wanted.range,
        };
        if self.items.slot(&key).is_some() {
            return (key, None);
        }
        let left = self.departed.get(taking.listing.playlist, &key);
        if left.is_some_and(|left| left.sequence == wanted.sequence) {
            return (key, None);
        }
        let of_before = known.same(wanted);
        let old = match of_before {
            Some(old) if self.items.get(old).is_some() => old.clone(),
            _ => match self.renamed(wanted, &key, taking) {
                Some((old, None)) => old,
                Some((_, twin)) => return (key, twin),
                None => return (key, None),
            },
        };
        let newest_url = self.items.get(&old).map(|item| &item.newest_url);
        if newest_url != Some(&wanted.url) {
            let alias = (old.clone(), wanted.kind, Arc::clone(&wanted.url));
            taking.changes.aliases.push(alias);
        }
        (old, None)
    }

    /// What had the place of a segment under another path; with what that is to be compared with, where
    /// it is to be fetched. `None`: nothing had, or it is something else.
    fn renamed(
        &self,
        wanted: &Wanted,
        key: &Key,
        taking: &mut Taking,
    ) -> Option<(Key, Option<Twin>)> {
        if wanted.kind != Kind::Segment || taking.listing.restarted() {
            return None;
        }
        let old = taking.playlist.places.get(wanted.sequence)?;
        let departed = || self.departed.get(taking.listing.playlist, &old);
        let is_known = self.items.get(&old).is_some() || departed().is_some();
        let playlist = &mut taking.playlist;
        if old == *key || old.range != key.range || !is_known {
            return None;
        }
        let target = Duration::from_micros(taking.listing.target_duration_us.unsigned_abs());
        let patience = target.saturating_mul(DOUBTED_AFTER);
        let places = &mut playlist.places;
        let mut renamed = places.renamed(&old.url, &key.url, wanted.sequence);
        if renamed == Renamed::Alias && places.is_doubted(wanted.sequence, patience, taking.now) {
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

    fn rank(&mut self, wanted: &Wanted, taking: &Taking) -> Rank {
        let end = taking.playlist.last_sequence.unwrap_or(0);
        let age = i64::try_from(end.saturating_sub(wanted.last_use)).unwrap_or(i64::MAX);
        self.counter += 1;
        let age_us = age.saturating_mul(taking.listing.target_duration_us);
        (taking.listing.from_us.saturating_sub(age_us), self.counter)
    }

    /// `slot`: where it is known.
    fn list(
        &mut self,
        slot: Option<Slot>,
        key: &Key,
        wanted: &Wanted,
        anew: bool,
        taking: &mut Taking,
    ) -> Slot {
        let rank = self.rank(wanted, taking);
        let listing = taking.listing;
        if let Some(slot) = slot.filter(|slot| self.is_late(*slot, key)) {
            self.list_late(slot, key, (wanted, rank), taking);
            return slot;
        }
        // Of a key that was had.
        let is_due = self.keys.is_due(key, taking.now);
        let known = slot.and_then(|slot| Some((slot, self.items.at_mut(slot, key)?)));
        let Some((slot, item)) = known else {
            let left = self.departed.remove(listing.playlist, key);
            let is_back = left.is_some_and(|left| left.sequence == wanted.sequence)
                || wanted.kind == Kind::Key && self.keys.is_back(key, listing, taking.now);
            let mut item = Item::new(wanted, taking, rank, is_back);
            item.sha256 = left.and_then(|left| left.sha256).filter(|_| is_back);
            if !is_back {
                taking.playlist.ready.insert((rank, key.clone()));
                taking.changes.pending.push((key.clone(), wanted.kind));
            }
            return self.items.insert(key.clone(), item);
        };
        item.newest_url = Arc::clone(&wanted.url);
        item.sequence = wanted.sequence;
        item.listed_by.insert(listing.playlist, taking.number);
        let due = wanted.kind != Kind::Key
            || listing.restarted()
            || is_due.unwrap_or_else(|| due_again(item, listing.target_duration_us, taking.now));
        if !(anew && due) {
            return slot;
        }
        if item.was_waiting() {
            // It has not been asked for since; it will be.
            return slot;
        }
        let is_asked = item.state == State::InFlight;
        if is_asked && wanted.kind == Kind::Key && !listing.restarted() {
            // What is to come is for these segments, too.
            return slot;
        }
        item.list_anew(wanted, taking, rank);
        if item.state == State::Ready {
            taking.playlist.ready.insert((rank, key.clone()));
        }
        taking.changes.pending.push((key.clone(), wanted.kind));
        slot
    }

    /// It left a playlist: not forgotten at once, since an edge that lags behind still lists it.
    fn depart(&mut self, key: &Key, taking: &mut Taking) {
        let listing = taking.listing;
        if !self.unlist(key, listing.playlist) {
            return;
        }
        let stay = taking.stay();
        let own = (listing.playlist, &mut taking.playlist);
        let Some(item) = self.leave(key, stay, taking.now, own) else {
            return;
        };
        if item.was_waiting() {
            taking.changes.gone.push((key.clone(), item.kind));
        }
        if item.state == State::Done && !listing.restarted() {
            let target = Duration::from_micros(listing.target_duration_us.unsigned_abs());
            let until = taking.now + target * DEPARTED_FOR;
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
    fn unlist(&mut self, key: &Key, from: PlaylistId) -> bool {
        let item = self.items.get_mut(key);
        item.is_some_and(|item| item.listed_by.remove(from).is_some() && item.listed_by.is_empty())
    }

    /// Takes something out of the plan.
    ///
    /// `own`: a playlist that is not in `playlists` at the moment.
    fn take_out(&mut self, key: &Key, own: Option<(PlaylistId, &mut Playlist)>) -> Option<Item> {
        let item = self.items.remove(key)?;
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

    fn unqueue(
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

    fn is_late(&self, slot: Slot, key: &Key) -> bool {
        let item = self.items.at(slot, key);
        item.is_some_and(|item| item.late.is_some())
    }

    /// A playlist that is no longer polled lists nothing.
    pub(super) fn remove(&mut self, playlist: PlaylistId, now: Instant) -> Changes {
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
    pub(super) fn end(&mut self, playlists: &[PlaylistId]) {
        for id in playlists {
            if let Some(playlist) = self.playlists.get_mut(id) {
                playlist.ended = true;
            }
        }
    }

    /// The next thing to fetch; counted as under way from now on. `is_held`: nothing may be asked for on account of
    /// this playlist; `not_before`: until when nothing may be asked of the host of a URL.
    pub(super) fn next(
        &mut self,
        now: Instant,
        is_held: impl Fn(PlaylistId) -> bool,
        not_before: impl Fn(&Url, Instant) -> Option<Instant>,
    ) -> Option<Job> {
        self.give_up_late(now);
        self.has_more = None;
        self.wake(now);
        let mut queues = self.queues(is_held);
        for _ in 0..AT_ONE_GO {
            step();
            let newest = self.take_newest(&mut queues);
            let (id, key) = newest.or_else(|| self.take_late())?;
            let Some(item) = self.items.get_mut(&key) else {
                continue;
            };
            match not_before(&item.newest_url, now) {
                Some(until) => {
                    let until = item
                        .late
                        .map_or(until, |late| until.min(late.given_up_at()));
                    let at = until + self.returning.place(until, now);
                    item.state = State::Delayed(at);
                    self.delayed.insert((at, key));
                }
                None => return self.job(id, key, now),
            }
        }
        self.has_more = Some(now);
        None
    }

    /// Playlists that may ask for more, by what they would ask for first.
    fn queues(&self, is_held: impl Fn(PlaylistId) -> bool) -> BinaryHeap<(Rank, PlaylistId)> {
        let playlists = self.playlists.iter();
        let may_ask =
            playlists.filter(|(id, p)| p.in_flight < self.most_in_flight && !is_held(**id));
        may_ask
            .inspect(|_| step())
            .filter_map(|(id, p)| Some((p.ready.last()?.0, *id)))
            .collect()
    }

    /// Takes what was published last out of the queue of a playlist that may ask for more.
    fn take_newest(
        &mut self,
        queues: &mut BinaryHeap<(Rank, PlaylistId)>,
    ) -> Option<(PlaylistId, Key)> {
        let (_, id) = queues.pop()?;
        let ready = &mut self.playlists.get_mut(&id)?.ready;
        let (_, key) = ready.pop_last()?;
        queues.extend(ready.last().map(|(rank, _)| (*rank, id)));
        Some((id, key))
    }

    fn job(&mut self, id: PlaylistId, key: Key, now: Instant) -> Option<Job> {
        let item = self.items.get_mut(&key)?;
        match item.late {
            Some(_) => self.late.in_flight += 1,
            None => self.playlists.get_mut(&id)?.in_flight += 1,
        }
        self.counter += 1;
        item.job = self.counter;
        let place = item.late.is_none().then_some(id);
        self.under_way.insert(item.job, place);
        item.state = State::InFlight;
        item.asked = Some(now);
        Some(Job {
            url: Arc::clone(&item.newest_url),
            kind: item.kind,
            playlist: id,
            referrer: item.referrer,
            availability: Availability::download(item.from_us, item.failures),
            number: item.job,
            is_too_late: item.late.is_some_and(|late| late.is_too_late(now)),
            known_end: item.known_end(now),
            is_known: item.kind == Kind::Key && self.keys.is_known(&key),
            validators: self.keys.validators(&key),
            key,
        })
    }

    /// When something that was delayed is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        [self.has_more, delayed].into_iter().flatten().min()
    }

    /// How much is to be fetched, now or later.
    pub(super) fn waiting(&self) -> usize {
        let ready = self.playlists.values().map(|playlist| playlist.ready.len());
        ready.sum::<usize>() + self.late.ready.len() + self.delayed.len()
    }

    /// What the newest answer for a key said of its version.
    pub(super) fn validate(&mut self, key: &Key, validators: Option<Validators>) {
        self.keys.validate(key, validators);
    }

    /// Whether everything that is listed was fetched or given up.
    pub(super) fn is_idle(&self) -> bool {
        self.delayed.is_empty()
            && self.late.ready.is_empty()
            && self.under_way.is_empty()
            && self.playlists.values().all(|p| p.ready.is_empty())
    }

    fn wake(&mut self, now: Instant) {
        for _ in 0..AT_ONE_GO {
            step();
            let first = self.delayed.first().filter(|(at, _)| *at <= now);
            let Some((_, key)) = first.cloned() else {
                return;
            };
            self.delayed.pop_first();
            if let Some(item) = self.items.get_mut(&key) {
                item.state = State::Ready;
                let rank = item.rank;
                self.make_ready(key, rank);
            }
        }
    }

    /// Into the queue of a playlist that lists it: the one it was planned for may have dropped it.
    fn make_ready(&mut self, key: Key, rank: Rank) {
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

/// How long the segments are, together.
fn duration(wanted: &[Wanted]) -> Duration {
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

#[cfg(test)]
mod growth;
#[cfg(test)]
mod tests;
