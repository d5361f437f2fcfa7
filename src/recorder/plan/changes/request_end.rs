//! A request has ended: the thing is had, tried again, or given up. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::departures::delay_within;
use crate::recorder::panics::MOST_PANICS;
use crate::recorder::plan::items::item::State;
use crate::recorder::plan::left::lateness::LONGEST;
use crate::recorder::plan::model::{Done, Job, Key, Turn};
use crate::recorder::plan::state::{Plan, are_over};
use crate::recorder::schedule::retry_delay;
use crate::recorder::settings::limits::TRIES_AFTER_END;
use crate::session::{Digest, Kind};

impl Plan {
    /// A request ended; `sha256`: of what it brought.
    pub(crate) fn done(&mut self, job: &Job, done: Done, sha256: Option<Digest>, now: Instant) {
        let listed = self.listed_as.remove(&job.number);
        let listed = listed.map(|key| Job { key, ..job.clone() });
        let is_short = |job: &Job| done == Done::Good && self.lacks_bytes(&job.key);
        let done = match listed.as_ref().is_some_and(is_short) {
            true => Done::Failed,
            false => done,
        };
        let job = listed.as_ref().unwrap_or(job);
        self.is_over(job);
        if job.hint.is_some() && self.hint_ended(job, done, sha256, now) {
            return;
        }
        self.compare(job, sha256.filter(|_| done == Done::Good));
        let key = &job.key;
        if job.kind == Kind::Key && done == Done::Good {
            self.keys.had(key, now);
        }
        let item = self.items.get_mut(key);
        // It may have left, come back, and been asked for again meanwhile.
        let Some(item) =
            item.filter(|item| item.state == State::InFlight && item.job == job.number)
        else {
            return;
        };
        let sha256 = sha256.filter(|_| done == Done::Good);
        if let (Some(new), Some(known)) = (sha256, item.sha256) {
            item.repeats.compared(new == known);
        }
        item.sha256 = sha256.or(item.sha256);
        if std::mem::take(&mut item.again) {
            item.failures = 0;
            item.state = State::Ready;
            let rank = item.rank;
            return self.make_ready(key.clone(), rank);
        }
        let delay = match done {
            Done::Good => {
                item.state = State::Done;
                None
            }
            Done::Refused => {
                item.state = State::GivenUp;
                None
            }
            Done::Held(until) => {
                let delay = until
                    .map(|at| at.saturating_duration_since(now) + self.returning.place(at, now));
                Some(delay.unwrap_or(retry_delay(1)))
            }
            Done::Failed | Done::NotStored => {
                item.failures = item.failures.saturating_add(1);
                if !job.is_too_late {
                    // The origin had it to give.
                    item.no_turn = None;
                    item.not_stored = done == Done::NotStored;
                }
                self.delay(key, now)
            }
            Done::Panicked => self.delay_panicked(key),
        };
        self.settle(key, delay, now);
    }

    /// Notes where the resource ends that something is a range of, if that is before the end of the range.
    pub(crate) fn ends(&mut self, job: &Job, end: Option<u64>, now: Instant) {
        if let Some(item) = self.items.get_mut(&job.key) {
            let before = item.ends.filter(|(known, _)| end == Some(*known));
            item.ends = before.or(end.map(|end| (end, now)));
        }
    }

    /// It is tried again after `delay`, or has come as far as it ever will.
    fn settle(&mut self, key: &Key, delay: Option<Duration>, now: Instant) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        match (delay, item.late.is_some()) {
            (Some(delay), true) => self.delay_late(key, delay, now),
            (Some(delay), false) => {
                item.state = State::Delayed(now + delay);
                self.delayed.insert((now + delay, key.clone()));
            }
            (None, true) => self.settle_late(key, now),
            (None, false) => {}
        }
    }

    /// A request takes no place any more.
    fn is_over(&mut self, job: &Job) {
        self.since.remove(&job.number);
        match self.under_way.remove(&job.number) {
            Some(Turn::Playlist(playlist)) => {
                if let Some(playlist) = self.playlists.get_mut(&playlist) {
                    playlist.in_flight = playlist.in_flight.saturating_sub(1);
                }
            }
            Some(Turn::Late) => self.late.in_flight = self.late.in_flight.saturating_sub(1),
            Some(Turn::Slow) => self.slow = self.slow.saturating_sub(1),
            Some(Turn::Hint) | None => {}
        }
    }

    /// After how long something that failed is tried again; `None`: it is given up.
    fn delay(&mut self, key: &Key, now: Instant) -> Option<Duration> {
        let all = &self.playlists;
        let item = self.items.get_mut(key)?;
        let longest = all.get(&item.playlist).map(|playlist| playlist.longest);
        let available = item.available(longest.unwrap_or_default());
        let are_over = std::cell::LazyCell::new(|| are_over(all));
        let lives = |id| {
            all.get(&id)
                .is_some_and(|playlist| playlist.may_still_grow(|| *are_over))
        };
        if item.late.is_some() || item.listed_by.any(lives) {
            return Some(delay_within(item.failures, available));
        }
        // What is there on demand has been there for long.
        let was_live = item.listed_by.any(|id| {
            let playlist = all.get(&id);
            playlist.is_some_and(|playlist| playlist.lists_segments && !playlist.on_demand)
        });
        let may_come = was_live && now < item.appeared + available.min(LONGEST);
        if item.failures >= TRIES_AFTER_END && !may_come {
            item.state = State::GivenUp;
            return None;
        }
        Some(retry_delay(item.failures))
    }

    /// After how long something is asked for again whose request panicked; `None`: it is given up.
    fn delay_panicked(&mut self, key: &Key) -> Option<Duration> {
        let item = self.items.get_mut(key)?;
        item.panics += 1;
        if item.panics < MOST_PANICS {
            return Some(retry_delay(item.panics));
        }
        item.state = State::GivenUp;
        self.gone.push((key.clone(), item.kind));
        None
    }

    /// Compares what was fetched under a new name with what is known under the one before.
    fn compare(&mut self, job: &Job, sha256: Option<Digest>) {
        let item = self.items.get_mut(&job.key);
        let Some(twin) = item.and_then(|item| item.twin.take()) else {
            return;
        };
        let Some(playlist) = self.playlists.get_mut(&job.playlist) else {
            return;
        };
        let departed = self.departed.get(job.playlist, &twin.key);
        let known = match self.items.get(&twin.key) {
            Some(item) => item.sha256,
            None => departed.and_then(|left| left.sha256),
        };
        playlist.places.compared(twin.pair, known, sha256);
    }
}
