//! What a playlist announces before it lists it (`EXT-X-PRELOAD-HINT`, RFC 8216bis 6.3.8): asked for once, and then what is
//! listed, or nothing. Pure.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::hls::Step;
use crate::recorder::plan::items::item::{Item, State};
use crate::recorder::plan::listed::entry::Listed;
use crate::recorder::plan::listed::slot::Slot;
use crate::recorder::plan::listed::update::RevisionUpdate;
use crate::recorder::plan::model::{Done, Fate, Job, Key, PlaylistId, Rank, Turn, Wanted};
use crate::recorder::plan::state::Plan;
use crate::session::{Availability, ByteRange, Digest};

/// Requests for what a playlist announces that are under way at once: what it announces next is asked for while what it
/// announced before still comes.
const MOST_OF_PLAYLIST: usize = 4;
/// The same of a stream. They take no turns of others: each is a connection that waits.
const MOST: usize = 256;
/// Where such requests fail again and again one is made in so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Three target durations are no longer than that.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

impl Plan {
    /// It is announced: asked for, unless it is known.
    pub(super) fn announce(
        &mut self,
        slot: Option<Slot>,
        key: &Key,
        (wanted, rank): (&Wanted, Rank),
        update: &mut RevisionUpdate,
    ) -> Slot {
        let id = update.listing.playlist;
        if let Some((slot, item)) =
            slot.and_then(|slot| Some((slot, self.items.at_mut(slot, key)?)))
        {
            if item.late.is_none() {
                item.listed_by.insert(id, update.number);
            }
            if item.hinted {
                item.newest_url = Arc::clone(&wanted.url);
            }
            return slot;
        }
        let left = self.departed.get(id, key);
        let is_back = left.is_some_and(|left| left.sequence == wanted.sequence);
        let mut item = Item::new(wanted, update, rank, is_back);
        let pause = update.playlist.hints.until;
        if is_back || pause.is_some_and(|until| update.now < until) {
            // It is asked for when it is listed, if then.
            item.state = if is_back { State::Done } else { State::GivenUp };
        } else {
            self.hints.push((id, key.clone()));
        }
        self.items.insert(key.clone(), item)
    }

    pub(super) fn is_hinted(&self, slot: Slot, key: &Key) -> bool {
        let item = self.items.item_at(slot, key);
        item.is_some_and(|item| item.hinted)
    }

    /// Whether an edge that lags behind says nothing of what another has announced.
    pub(super) fn is_announced_still(&mut self, left: &Listed, update: &RevisionUpdate) -> bool {
        let id = update.listing.playlist;
        let item = self.items.at_mut(left.slot, &left.key);
        let Some(item) = item.filter(|item| item.hinted && update.listing.step == Step::Behind)
        else {
            return false;
        };
        item.listed_by.insert(id, update.number);
        true
    }

    /// What was announced is listed: what was asked for is that; what was not, or was not had, is asked for now.
    pub(super) fn list_hinted(
        &mut self,
        slot: Slot,
        key: &Key,
        (wanted, rank): (&Wanted, Rank),
        update: &mut RevisionUpdate,
    ) {
        let Some(item) = self.items.at_mut(slot, key) else {
            return;
        };
        let listing = update.listing;
        item.hinted = false;
        item.newest_url = Arc::clone(&wanted.url);
        item.sequence = wanted.sequence;
        item.listed_by.insert(listing.playlist, update.number);
        item.playlist = listing.playlist;
        if item.job == 0 {
            // What was asked for was asked for on account of its hint, and so is what is asked for again.
            item.referrer = listing.exchange;
        }
        (item.from_us, item.rank) = (listing.from_us, rank);
        (item.appeared, item.duration) = (update.appeared(), wanted.duration);
        // What is had is written from now on, and may land after the revision.
        update.changes.pending.push((key.clone(), wanted.kind));
        match item.state {
            State::InFlight => {
                self.under_way.insert(item.job, Turn::Hint);
            }
            State::Done => {}
            _ => {
                item.state = State::Ready;
                update.playlist.ready.insert((rank, key.clone()));
            }
        }
        let job = item.job;
        self.tell_fate(job, Fate::Listed(listing.from_us, key.range));
        self.forget_hint(key);
    }

    /// What is listed begins where the rest of its resource was announced: from now on that is known by its range.
    pub(super) fn listed_of_rest(&mut self, key: &Key) -> Option<Slot> {
        let range = key.range.filter(|range| !range.is_rest())?;
        // What begins at 0 need not be announced as a range.
        let whole = (range.first == 0).then_some(None);
        let ranges = [Some(ByteRange::rest(range.first)), whole];
        let rests = ranges.into_iter().flatten().map(|range| Key {
            url: Arc::clone(&key.url),
            range,
        });
        let is_announced = |rest: &Key| self.items.get(rest).is_some_and(|item| item.hinted);
        let rest = rests.into_iter().find(is_announced)?;
        let mut item = self.items.remove(&rest)?;
        self.forget_hint(&rest);
        match item.state {
            State::InFlight => {
                self.listed_as.insert(item.job, key.clone());
            }
            State::Done if item.came < range.length => item.state = State::GivenUp,
            _ => {}
        }
        Some(self.items.insert(key.clone(), item))
    }

    /// How much came of what may be the rest of a resource.
    pub(in crate::recorder) fn came_of_rest(&mut self, job: &Job, bytes: u64) {
        let key = self.listed_as.get(&job.number).unwrap_or(&job.key);
        if let Some(item) = self.items.get_mut(key) {
            item.came = bytes;
        }
    }

    /// Whether less came of the rest of a resource than is listed of it.
    pub(super) fn lacks_bytes(&self, key: &Key) -> bool {
        let came = self.items.get(key).map_or(0, |item| item.came);
        key.range.is_some_and(|range| came < range.length)
    }

    /// It is neither announced nor listed any more, or not by anybody who is asked.
    pub(super) fn hint_is_gone(&mut self, key: &Key, item: &Item) {
        self.tell_fate(item.job, Fate::Withdrawn);
        self.forget_hint(key);
    }

    /// `job`: 0, where it has not been asked for.
    fn tell_fate(&mut self, job: u64, fate: Fate) {
        if job != 0 {
            self.fates.push((job, fate));
        }
    }

    fn forget_hint(&mut self, key: &Key) {
        self.hints.retain(|(_, hint)| hint != key);
    }

    /// The next thing to ask for that is announced; for the parameters see [`Self::next`].
    pub(in crate::recorder) fn next_hint(
        &mut self,
        now: Instant,
        is_held: impl Fn(PlaylistId) -> bool,
        not_before: impl Fn(&Url, Instant) -> Option<Instant>,
    ) -> Option<Job> {
        loop {
            let at = self.hints.iter().position(|(id, _)| !is_held(*id))?;
            let (id, key) = self.hints.remove(at);
            let of_playlist = self.hinted.values().filter(|of| **of == id).count();
            let has_room = self.hinted.len() < MOST && of_playlist < MOST_OF_PLAYLIST;
            let target_us = self.playlists.get(&id).map_or(0, |known| known.target_us);
            let item = self.items.get_mut(&key);
            let Some(item) = item.filter(|item| item.hinted && item.state == State::Ready) else {
                continue;
            };
            if !has_room || not_before(&item.newest_url, now).is_some() {
                item.state = State::GivenUp;
                continue;
            }
            self.counter += 1;
            (item.job, item.state, item.asked) = (self.counter, State::InFlight, Some(now));
            self.hinted.insert(item.job, id);
            let target = Duration::from_micros(target_us.unsigned_abs());
            return Some(Job {
                url: Arc::clone(&item.newest_url),
                kind: item.kind,
                playlist: id,
                sequence: item.sequence,
                referrer: item.referrer,
                availability: Availability::Listed(item.from_us),
                number: item.job,
                is_too_late: false,
                known_end: None,
                is_known: false,
                validators: None,
                hint: Some(target.saturating_mul(3).min(LONGEST_HOLD)),
                key,
            });
        }
    }

    /// A request for what was announced has ended; whether that is all there is to it: what is listed by now and was had is
    /// like anything else.
    pub(super) fn hint_ended(
        &mut self,
        job: &Job,
        done: Done,
        sha256: Option<Digest>,
        now: Instant,
    ) -> bool {
        self.hinted.remove(&job.number);
        let item = self.items.get_mut(&job.key);
        let is_its = |item: &&mut Item| item.state == State::InFlight && item.job == job.number;
        let Some(item) = item.filter(is_its) else {
            return true;
        };
        let is_good = done == Done::Good;
        let is_refused = done == Done::Refused;
        if item.hinted {
            item.state = if is_good { State::Done } else { State::GivenUp };
            item.sha256 = sha256.filter(|_| is_good);
        } else if !is_good && !is_refused {
            // It is asked for as if it had not been.
            item.state = State::Ready;
            let rank = item.rank;
            self.make_ready(job.key.clone(), rank);
        }
        if let Some(playlist) = self.playlists.get_mut(&job.playlist) {
            let pause = &mut playlist.hints;
            if is_good {
                (pause.failures, pause.until) = (0, None);
            } else {
                let times = 2_u32.saturating_pow(pause.failures.min(16));
                let target = Duration::from_micros(playlist.target_us.unsigned_abs());
                let long = target.saturating_mul(times).min(LONGEST_PAUSE);
                pause.failures = pause.failures.saturating_add(1);
                pause.until = Some(now + long);
            }
        }
        // What is listed and was had or refused ends as any request.
        !(is_good || is_refused) || self.is_only_hinted(&job.key)
    }

    fn is_only_hinted(&self, key: &Key) -> bool {
        self.items.get(key).is_some_and(|item| item.hinted)
    }

    /// What became of what was announced, since the last time.
    pub(in crate::recorder) fn take_fates(&mut self) -> Vec<(u64, Fate)> {
        std::mem::take(&mut self.fates)
    }
}
