//! Which faults are one outage. Pure.
//!
//! All faults of a playlist in a row are, of whatever kind and of whatever server: one that hangs, refuses and then is busy was away
//! once. So is what was bad on the same server meanwhile, in a like way (a server that is away refuses some, resets others and
//! says 503 to the next) or since about the same time. A playlist that is not to be had for hours takes in nothing else: others fail
//! beside it and are told apart. A raw stream has one from the moment at which it breaks until its next byte.
//!
//! Requests come in the order in which they began; what is over is given away at once, so that memory depends on how much is in
//! trouble in how many ways and how often that takes turns, not on how many faults there are.

use std::collections::{BTreeMap, HashMap};

use super::cause::{Cause, Own};
use super::outage::{Key, Met, Outage};
use super::things::Class;
use crate::session::{Attempt, AttemptEnd, ExchangeId};

/// Outages that go on at once; of more, the one that was seen last the longest ago counts as over.
const MOST_OPEN: usize = 256;
/// Outages that wait for one that began before them, so that all come in order.
const MOST_WAITING: usize = 256;
/// Playlists of which it is known when their last outage was.
const MOST_PLAYLISTS: usize = 8192;

/// Groups faults.
#[derive(Debug, Default)]
pub struct Grouping {
    open: Vec<Outage>,
    /// Those that are over, by their first exchange.
    over: BTreeMap<ExchangeId, Outage>,
    /// The last fault of a stream and reason.
    last: HashMap<Key, ExchangeId>,
    /// Until when the last outage was that a playlist had a fault of, and that is over: microseconds of Unix time.
    had: HashMap<i64, i64>,
    /// When a playlist had its last good answer, likewise.
    good_us: HashMap<i64, i64>,
}

impl Grouping {
    /// Takes in the next request; `cause`: why it failed, where it did. Gives what is known to be over, in the order in which it began.
    pub fn next(&mut self, attempt: &Attempt, cause: Option<Cause>) -> Vec<Outage> {
        if attempt.first_byte_us.is_some() {
            self.comes(attempt);
        }
        match (&attempt.end, cause) {
            (AttemptEnd::Failed(failed), Some(cause)) => {
                let cause = &cause;
                self.fails(Met {
                    attempt,
                    failed,
                    cause,
                });
                if failed.is_answered_well() {
                    self.good(attempt);
                }
            }
            (AttemptEnd::Good, _) => self.good(attempt),
            (AttemptEnd::Redirected | AttemptEnd::Failed(_), _) => {}
        }
        self.give()
    }

    /// Nothing comes any more.
    pub fn end(mut self) -> Vec<Outage> {
        self.close_those(|_| true);
        self.over.into_values().collect()
    }

    fn fails(&mut self, met: Met<'_>) {
        self.own_is_over(met);
        let key = Key {
            stream_id: met.attempt.stream_id,
            own: met.cause.own,
        };
        let last = self.last.insert(key, met.failed.fault.exchange_id);
        // A part of a raw stream was good until it broke.
        let found = match met.attempt.first_byte_us {
            Some(_) => None,
            None => self.find(key, met),
        };
        match found.and_then(|place| self.open.get_mut(place)) {
            Some(outage) => {
                let is_next = last.is_some() && outage.last.exchange == last;
                outage.add(met, is_next);
            }
            None => self.begin(key, met),
        }
    }

    /// What a recorder that was late met ends where the origin says itself that it is away: no time is told twice.
    fn own_is_over(&mut self, met: Met<'_>) {
        let (stream_id, own) = (met.attempt.stream_id, met.cause.own);
        let Some(playlist) = met.playlist().filter(|_| own.is_none()) else {
            return;
        };
        let late = Some(Own::Late);
        self.close_those(|one| {
            let is_it = one.key.stream_id == stream_id && one.key.own == late;
            let is_over = is_it && one.has_playlist(playlist);
            if is_over {
                one.good_us = Some(met.attempt.requested_us.max(one.last.at_us));
            }
            is_over
        });
    }

    /// Which open one a fault is of.
    fn find(&mut self, key: Key, met: Met<'_>) -> Option<usize> {
        let goes_on = |one: &Outage| one.key == key && one.goes_on_with(met);
        if let Some(place) = self.open.iter().position(goes_on) {
            return Some(place);
        }
        // Two of one playlist never overlap.
        let playlist = met.playlist();
        let has_it = |one: &Outage| playlist.is_some_and(|id| one.has_playlist(id));
        self.close_those(|one| one.key == key && has_it(one));
        let had_us = playlist.and_then(|id| self.had.get(&id)).copied();
        let is_free = |one: &Outage| had_us.is_none_or(|until_us| one.first.at_us > until_us);
        let spreads = |one: &Outage| one.key == key && is_free(one) && one.spreads_to(met);
        self.open.iter().position(spreads)
    }

    fn begin(&mut self, key: Key, met: Met<'_>) {
        self.close_those(|before| before.key == key && before.is_ended_by(met));
        let mut outage = Outage::new(key, met);
        let good_us = met.playlist().and_then(|id| self.good_us.get(&id));
        outage.good_before_us = good_us.copied().filter(|us| *us <= outage.first.at_us);
        self.open.push(outage);
        if self.open.len() > MOST_OPEN {
            let longest_ago = self.open.iter().map(|one| one.last.exchange).min();
            self.close_those(|one| Some(one.last.exchange) == longest_ago);
        }
    }

    fn good(&mut self, attempt: &Attempt) {
        let is_raw = attempt.first_byte_us.is_some();
        if Class::of(attempt.kind) == Class::Playlist && !is_raw {
            if self.good_us.len() > MOST_PLAYLISTS {
                self.good_us.clear();
            }
            self.good_us.insert(attempt.asked_id, attempt.at_us);
        }
        self.close_those(|outage| {
            let is_of_it = outage.key.stream_id == attempt.stream_id;
            if is_of_it {
                outage.good(attempt);
            }
            is_of_it && outage.is_over(attempt.requested_us)
        });
    }

    /// Bytes of a raw stream come: what it had is over.
    fn comes(&mut self, attempt: &Attempt) {
        self.close_those(|outage| {
            let is_of_it =
                outage.key.stream_id == attempt.stream_id && outage.has_playlist(attempt.asked_id);
            if is_of_it {
                outage.good(attempt);
            }
            is_of_it
        });
    }

    fn close_those(&mut self, is_over: impl FnMut(&mut Outage) -> bool) {
        let over: Vec<Outage> = self.open.extract_if(.., is_over).collect();
        over.into_iter().for_each(|outage| self.close(outage));
    }

    fn close(&mut self, mut outage: Outage) {
        outage.ends();
        if self.had.len() > MOST_PLAYLISTS {
            self.had.clear();
        }
        let until_us = outage.last.at_us;
        self.had.extend(outage.playlists().map(|id| (id, until_us)));
        let first = outage.exchanges.first().copied().unwrap_or_default();
        self.over.insert(first, outage);
    }

    /// What no open one began before.
    fn give(&mut self) -> Vec<Outage> {
        let mut given = Vec::new();
        if self.over.is_empty() {
            return given;
        }
        let firsts = self.open.iter().filter_map(|one| one.exchanges.first());
        let open_since = firsts.min().copied().unwrap_or(ExchangeId::MAX);
        while let Some(first) = self.over.first_key_value().map(|(first, _)| *first) {
            if first > open_since && self.over.len() <= MOST_WAITING {
                break;
            }
            given.extend(self.over.remove(&first));
        }
        given
    }
}

#[cfg(test)]
mod tests;
