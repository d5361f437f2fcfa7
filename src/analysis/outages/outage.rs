//! One outage, and what it took. Pure.

use std::collections::{BTreeMap, HashSet};

use super::cause::{Cause, Own, Sort};
use super::things::{Class, MOST_NAMED, MOST_TOLD_APART, Things};
use crate::analysis::finding::{Evidence, MOST_EXCHANGES};
use crate::analysis::noticed::host_of;
use crate::session::{Attempt, ExchangeId, Failed, Kind, Outcome, UNANSWERED_US};
use crate::shown::counted;

/// Kinds of faults of one outage that are told apart, and that are named.
const MOST_KINDS: usize = 64;
const MOST_TOLD: usize = 4;
/// What is bad on a server since about the same time is one event, in microseconds: playlists are polled in less.
const TOGETHER_US: i64 = 10_000_000;

/// Whose faults are one outage: those of one stream, for a reason of the origin's or for one of the recorder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Row of `stream`.
    pub stream_id: i64,
    /// A reason of the recorder's own.
    pub own: Option<Own>,
}

/// Faults that are one event. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub key: Key,
    /// Name of the stream.
    pub stream: String,
    /// The stream is no playlist.
    pub is_raw: bool,
    /// Who was asked: the first hosts, with their ports.
    pub hosts: Vec<String>,
    /// The same as events name them: with the ports of their schemes, where URLs name none.
    pub(super) hosts_of_events: Vec<String>,
    /// When the first of them was asked.
    pub(super) requested_us: i64,
    /// The last good answer of the playlist that had the first fault, before that: it had not begun by then. `None`: there was
    /// none, or it is not polled.
    pub good_before_us: Option<i64>,
    /// The first fault.
    pub first: Evidence,
    /// The last fault: it was not over before that.
    pub last: Evidence,
    /// The first good answer behind the last fault, for something that had one: it was over by then; of a raw stream the next
    /// byte. `None`: there was none.
    pub good_us: Option<i64>,
    /// How many faults.
    pub faults: u64,
    /// How many of them are none but that they had no answer for long.
    pub long_waits: u64,
    /// How many of these had one in the end.
    pub answered: u64,
    /// The last of them had no answer when the recorder stopped.
    pub is_broken_off: bool,
    /// The first exchanges of them.
    pub exchanges: Vec<ExchangeId>,
    /// What happened, in the order in which each came first: what ends in one way may have begun in another.
    pub whats: Vec<String>,
    /// What had them.
    pub things: BTreeMap<Kind, Things>,
    /// From which exchange to which all faults of its stream and reason are its own: other outages of these may go on beside it.
    pub spans: Vec<(ExchangeId, ExchangeId)>,
    /// How it began: what else is so is of it.
    pub(super) sort: Sort,
    /// When something had its first fault, last.
    joined_us: i64,
    /// Until then it goes on, as far as is known: what had a fault was asked for again then.
    until_us: i64,
    /// Classes of things that had a fault, and whether one of them has been good since the last.
    classes: BTreeMap<Class, bool>,
    /// Playlists that have not been good since their fault.
    failing: HashSet<i64>,
    /// Something that had a fault has been good since.
    recovers: bool,
    /// When something else of a class was good, behind the last fault.
    others_good_us: Option<i64>,
}

/// A fault, as it comes to be one of an outage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met<'a> {
    pub attempt: &'a Attempt,
    pub failed: &'a Failed,
    pub cause: &'a Cause,
}

impl Met<'_> {
    fn class(&self) -> Class {
        Class::of(self.failed.fault.kind)
    }

    /// The playlist, or the raw stream, that had it.
    pub(super) fn playlist(&self) -> Option<i64> {
        (self.class() == Class::Playlist).then_some(self.attempt.asked_id)
    }

    /// What had it.
    fn id(&self) -> i64 {
        self.playlist().unwrap_or(self.failed.resource_id)
    }
}

impl Outage {
    pub(super) fn new(key: Key, met: Met<'_>) -> Self {
        let fault = &met.failed.fault;
        let evidence = Evidence {
            at_us: fault.at_us,
            exchange: Some(fault.exchange_id),
        };
        let mut outage = Self {
            key,
            stream: fault.stream.clone(),
            is_raw: fault.is_raw,
            hosts: Vec::new(),
            hosts_of_events: Vec::new(),
            requested_us: fault.requested_us,
            good_before_us: None,
            first: evidence,
            last: evidence,
            good_us: None,
            faults: 0,
            long_waits: 0,
            answered: 0,
            is_broken_off: false,
            exchanges: Vec::new(),
            whats: Vec::new(),
            things: BTreeMap::new(),
            spans: Vec::new(),
            sort: Sort::of(met.cause),
            joined_us: i64::MIN,
            until_us: i64::MIN,
            classes: BTreeMap::new(),
            failing: HashSet::new(),
            recovers: false,
            others_good_us: None,
        };
        outage.add(met, false);
        outage
    }

    /// Takes in a fault of it, which was requested behind all others. `is_next`: so was the last fault of its stream and
    /// reason.
    pub(super) fn add(&mut self, met: Met<'_>, is_next: bool) {
        let Met { failed, cause, .. } = met;
        let fault = &failed.fault;
        self.faults += 1;
        self.long_waits += u64::from(fault.is_long_wait);
        self.answered += u64::from(fault.is_answered());
        self.recovers |= fault.is_answered();
        self.is_broken_off = fault.is_long_wait && !fault.is_answered();
        for what in cause.whats() {
            if !self.has(what) && self.whats.len() < MOST_KINDS {
                self.whats.push(what.to_owned());
            }
        }
        if self.exchanges.len() < MOST_EXCHANGES {
            self.exchanges.push(fault.exchange_id);
        }
        match self.spans.last_mut() {
            Some((_, last)) if is_next => *last = fault.exchange_id,
            _ => self.spans.push((fault.exchange_id, fault.exchange_id)),
        }
        if self.hosts.len() < MOST_NAMED && !self.hosts.contains(&met.attempt.host) {
            self.hosts.push(met.attempt.host.clone());
            self.hosts_of_events.extend(host_of(&fault.url));
        }
        self.classes.insert(met.class(), false);
        self.lasts(met);
        self.count(met);
    }

    /// From when, and until when it was bad, at least.
    fn lasts(&mut self, met: Met<'_>) {
        let (fault, next) = (&met.failed.fault, met.failed.next);
        self.first.at_us = self.first.at_us.min(fault.at_us);
        // What was not answered, or fell silent, was bad until it was given up, or answered badly.
        let known_us = match (fault.status, fault.outcome) {
            (None, _) | (_, Outcome::BodyTimeout) => fault.over_us.max(fault.at_us),
            _ => (fault.at_us).saturating_add(fault.unanswered_us.unwrap_or(0)),
        };
        self.last = Evidence {
            at_us: self.last.at_us.max(known_us),
            exchange: Some(fault.exchange_id),
        };
        let until_us = next.map_or(fault.over_us, |next| next.at_us);
        self.until_us = self.until_us.max(until_us);
        for good_us in [&mut self.good_us, &mut self.others_good_us] {
            *good_us = good_us.filter(|us| *us >= self.last.at_us);
        }
        if let Some(next) = next.filter(|next| next.is_good) {
            self.good_by(next.at_us);
        }
        if let Some(playlist) = met.playlist()
            && self.failing.len() < MOST_TOLD_APART
        {
            self.failing.insert(playlist);
        }
    }

    fn count(&mut self, met: Met<'_>) {
        let fault = &met.failed.fault;
        let id = met.id();
        let things = self.things.entry(fault.kind).or_default();
        if !things.has(id) {
            self.joined_us = self.joined_us.max(fault.requested_us);
        }
        things.add(id, fault.what().1);
        let is_polled = matches!(fault.kind, Kind::Main | Kind::Media | Kind::Steering);
        things.never_good += u64::from(!is_polled && met.failed.next.is_none());
    }

    /// Whether faults of it were that.
    fn has(&self, what: &str) -> bool {
        self.whats.iter().any(|known| known == what)
    }

    /// What happened: `unanswered, then refused`.
    pub fn what(&self) -> String {
        let told = self.whats.iter().take(MOST_TOLD).cloned();
        let told = told.collect::<Vec<_>>().join(", then ");
        match self.whats.len().saturating_sub(MOST_TOLD) {
            0 => told,
            more => format!("{told} and {}", counted(more, "other kind")),
        }
    }

    /// Something was answered well, which was requested behind all of its faults.
    pub(super) fn good(&mut self, attempt: &Attempt) {
        let class = Class::of(attempt.kind);
        if class == Class::Playlist && self.failing.remove(&attempt.asked_id) {
            match attempt.first_byte_us {
                Some(at_us) => self.comes_again(attempt.requested_us, at_us),
                None => self.good_by(attempt.at_us),
            }
        }
        let is_of_host = self.hosts.contains(&attempt.host);
        let Some(is_good) = self.classes.get_mut(&class).filter(|_| is_of_host) else {
            return;
        };
        *is_good = true;
        // A playlist that is there says nothing of another one.
        if class != Class::Playlist && attempt.at_us >= self.last.at_us {
            let others = self.others_good_us.into_iter().chain([attempt.at_us]);
            self.others_good_us = others.min();
        }
    }

    fn good_by(&mut self, at_us: i64) {
        self.recovers = true;
        if at_us >= self.last.at_us {
            self.good_us = Some(self.good_us.map_or(at_us, |us| us.min(at_us)));
        }
    }

    /// Bytes of its raw stream come again, of a request that was made then. Where that waited for them for long, none came
    /// until then, for certain; of the time before it nobody knows, since nobody asked.
    pub(super) fn comes_again(&mut self, requested_us: i64, at_us: i64) {
        self.good_by(at_us);
        if at_us.saturating_sub(requested_us) >= UNANSWERED_US {
            self.last.at_us = self.last.at_us.max(at_us);
        }
    }

    /// Nothing comes to it any more. One thing of a class that is not polled stands for all of it where some of it came in the
    /// end: what never came has no end. What the recorder was in is over when anything goes on.
    pub(super) fn ends(&mut self) {
        let has_playlists = self.classes.contains_key(&Class::Playlist);
        if self.key.own.is_some() || self.recovers && !has_playlists {
            let all = self.good_us.into_iter().chain(self.others_good_us);
            self.good_us = all.min();
        }
    }

    /// Whether a playlist, or raw stream, had a fault of it.
    pub(super) fn has_playlist(&self, id: i64) -> bool {
        let mut of = self.of(&[Kind::Main, Kind::Media]).into_iter();
        of.any(|things| things.has(id))
    }

    /// Rows of `resource` of the playlists that had faults of it.
    pub(super) fn playlists(&self) -> impl Iterator<Item = i64> {
        let of = self.of(&[Kind::Main, Kind::Media]).into_iter();
        of.flat_map(|things| things.ids.iter().copied())
    }

    /// Whether a fault of the same stream and reason goes on with it: its playlist has not been good since, or had a fault of
    /// what goes on; what is not polled had one, and was asked for again, however long its host wanted to be left alone.
    pub(super) fn goes_on_with(&self, met: Met<'_>) -> bool {
        match met.playlist() {
            Some(id) => self.failing.contains(&id) || self.has_playlist(id) && self.takes(met),
            None => {
                let things = self.things.get(&met.failed.fault.kind);
                things.is_some_and(|things| things.has(met.id())) && self.takes(met)
            }
        }
    }

    /// Whether it is of it as another thing that was bad on the same server meanwhile: in a like way, or since about the same time.
    pub(super) fn spreads_to(&self, met: Met<'_>) -> bool {
        let requested_us = met.attempt.requested_us;
        let is_soon = requested_us.saturating_sub(self.joined_us) <= TOGETHER_US;
        let is_alike = self.sort == Sort::of(met.cause);
        self.hosts.contains(&met.attempt.host) && (is_alike || is_soon) && self.takes(met)
    }

    /// Whether it had not ended, as far as is known: it overlaps, or nothing like it was good in between.
    fn takes(&self, met: Met<'_>) -> bool {
        let is_open = self.classes.get(&met.class()) == Some(&false);
        met.attempt.requested_us <= self.until_us || is_open
    }

    /// Whether nothing that is requested from then on is of it.
    pub(super) fn is_over(&self, requested_us: i64) -> bool {
        let is_good = self.classes.values().all(|is_good| *is_good);
        // Something that was asked for earlier was good before its last fault was over.
        let ends_open = self.good_us.or(self.others_good_us).is_none();
        let has_playlists = self.classes.contains_key(&Class::Playlist);
        let is_good = is_good && (has_playlists || !(self.recovers && ends_open));
        requested_us > self.until_us && is_good && self.failing.is_empty()
    }

    /// Whether what begins anew in the same way ends it.
    pub(super) fn is_ended_by(&self, met: Met<'_>) -> bool {
        let is_alike = self.sort == Sort::of(met.cause);
        let is_past = met.attempt.requested_us > self.until_us && self.failing.is_empty();
        is_alike && is_past && self.hosts.contains(&met.attempt.host)
    }

    /// What had faults, of some kinds.
    pub fn of(&self, kinds: &[Kind]) -> Vec<&Things> {
        kinds
            .iter()
            .filter_map(|kind| self.things.get(kind))
            .collect()
    }
}
