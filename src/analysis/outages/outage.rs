//! One outage, and what it took. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::cause::{Cause, Own};
use crate::analysis::finding::{Evidence, MOST_EXCHANGES};
use crate::session::{ExchangeId, Failed, Kind};
use crate::shown::counted;

/// Different things that are told apart in an outage; what is more is not counted.
const MOST_TOLD_APART: usize = 8192;
/// Kinds of faults of one outage that are told apart, and that are named.
const MOST_KINDS: usize = 64;
const MOST_TOLD: usize = 4;
/// Names that are kept.
const MOST_NAMED: usize = 8;

/// Whose faults are one outage: those of one stream and one server, for a reason of the origin's or for one of the recorder's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Row of `stream`.
    pub stream_id: i64,
    /// Host and port.
    pub host: String,
    /// A reason of the recorder's own.
    pub own: Option<Own>,
}

/// What requests are for, as outages tell them apart: of each a good answer says that it is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Playlists, and raw streams.
    Playlist,
    /// Segments, their parts and initialization sections.
    Segment,
    /// Keys.
    Key,
    /// Everything else.
    Other,
}

impl Class {
    /// Of a kind of resource.
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Main | Kind::Media => Self::Playlist,
            Kind::Segment | Kind::Init | Kind::Part => Self::Segment,
            Kind::Key => Self::Key,
            Kind::Data | Kind::Steering | Kind::Assets => Self::Other,
        }
    }
}

/// Things that had faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Things {
    /// Rows of `resource`, [`MOST_TOLD_APART`] of them.
    ids: HashSet<i64>,
    /// Names of the first ones.
    pub names: Vec<String>,
    /// How many requests for them had faults.
    pub requests: u64,
    /// How many of them were not asked for again, of those that are not polled.
    pub never_good: u64,
}

impl Things {
    fn add(&mut self, id: i64, name: &str) {
        self.requests += 1;
        if self.ids.len() < MOST_TOLD_APART && self.ids.insert(id) && self.names.len() < MOST_NAMED
        {
            self.names.push(name.to_owned());
        }
    }

    /// How many there are; where they are very many, at least so many.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are more than are told apart.
    pub fn are_more(&self) -> bool {
        self.ids.len() >= MOST_TOLD_APART
    }

    /// Rows of `resource`, in order.
    pub fn ids(&self) -> BTreeSet<i64> {
        self.ids.iter().copied().collect()
    }
}

/// Faults that are one event. Times in microseconds of Unix time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Whose.
    pub key: Key,
    /// Name of the stream.
    pub stream: String,
    /// The first fault.
    pub first: Evidence,
    /// The last fault: it was not over before that.
    pub last: Evidence,
    /// The first good answer behind the last fault, for something that had one: it was over by then. `None`: there was none.
    pub good_us: Option<i64>,
    /// How many faults.
    pub faults: u64,
    /// The first exchanges of them.
    pub exchanges: Vec<ExchangeId>,
    /// What happened, in the order in which each came first: what ends in one way may have begun in another.
    pub whats: Vec<String>,
    /// What had them.
    pub things: BTreeMap<Kind, Things>,
    /// Until then it goes on, as far as is known: what had a fault was asked for again then.
    pub(super) until_us: i64,
    /// Classes of things that had a fault, and whether one of them has been good since the last.
    pub(super) classes: BTreeMap<Class, bool>,
    /// Playlists whose next request failed, too, in whatever way.
    pub(super) failing: HashSet<i64>,
}

impl Outage {
    pub(super) fn new(key: Key, what: &str, failed: &Failed) -> Self {
        let fault = &failed.fault;
        let evidence = Evidence {
            at_us: failed.fault.at_us,
            exchange: Some(fault.exchange_id),
        };
        let mut outage = Self {
            key,
            stream: fault.stream.clone(),
            first: evidence,
            last: evidence,
            good_us: None,
            faults: 0,
            exchanges: Vec::new(),
            things: BTreeMap::new(),
            until_us: i64::MIN,
            classes: BTreeMap::new(),
            failing: HashSet::new(),
            whats: Vec::new(),
        };
        outage.add(what, failed);
        outage
    }

    /// Takes in a fault of it, which was requested behind all others.
    pub(super) fn add(&mut self, what: &str, failed: &Failed) {
        let fault = &failed.fault;
        self.faults += 1;
        if !self.has(what) && self.whats.len() < MOST_KINDS {
            self.whats.push(what.to_owned());
        }
        self.follow(failed);
        if self.exchanges.len() < MOST_EXCHANGES {
            self.exchanges.push(fault.exchange_id);
        }
        let met_us = failed.fault.at_us;
        self.first.at_us = self.first.at_us.min(met_us);
        // What was not answered was bad until it was given up.
        let known_us = match fault.status {
            None => fault.over_us.max(met_us),
            Some(_) => met_us,
        };
        self.last = Evidence {
            at_us: self.last.at_us.max(known_us),
            exchange: Some(fault.exchange_id),
        };
        self.classes.insert(Class::of(fault.kind), false);
        let until_us = failed.next.map_or(fault.over_us, |next| next.at_us);
        self.until_us = self.until_us.max(until_us);
        let is_over = |us: &i64| *us >= self.last.at_us;
        self.good_us = self.good_us.filter(is_over);
        let good_us = failed.next.filter(|next| next.is_good);
        self.good_by(good_us.map(|next| next.at_us));
        let things = self.things.entry(fault.kind).or_default();
        let id = match Class::of(fault.kind) {
            Class::Playlist => failed.playlist_id,
            _ => failed.resource_id,
        };
        things.add(id, &fault.name);
        let is_polled = matches!(fault.kind, Kind::Main | Kind::Media | Kind::Steering);
        things.never_good += u64::from(!is_polled && failed.next.is_none());
    }

    /// What a playlist is to meet next is of it.
    fn follow(&mut self, failed: &Failed) {
        let is_playlist = Class::of(failed.fault.kind) == Class::Playlist;
        let fails_next = failed.next.is_some_and(|next| !next.is_good);
        match is_playlist && fails_next && self.failing.len() < MOST_TOLD_APART {
            true => self.failing.insert(failed.playlist_id),
            false => self.failing.remove(&failed.playlist_id),
        };
    }

    /// Whether faults of it were that.
    fn has(&self, what: &str) -> bool {
        self.whats.iter().any(|known| known == what)
    }

    /// Whether faults for that reason may be of it.
    pub(super) fn is_for(&self, cause: &Cause) -> bool {
        self.key.own == cause.own && self.has(&cause.what)
    }

    /// What happened: `response timeout, then refused`.
    pub fn what(&self) -> String {
        let told = self.whats.iter().take(MOST_TOLD).cloned();
        let told = told.collect::<Vec<_>>().join(", then ");
        match self.whats.len().saturating_sub(MOST_TOLD) {
            0 => told,
            more => format!("{told} and {}", counted(more, "other kind")),
        }
    }

    /// Something of a class was answered well, which was requested behind all of its faults.
    pub(super) fn good(&mut self, class: Class, at_us: i64) {
        let Some(is_good) = self.classes.get_mut(&class) else {
            return;
        };
        *is_good = true;
        // A playlist that is there says nothing of another one; one segment stands for all.
        if class != Class::Playlist {
            self.good_by(Some(at_us));
        }
    }

    fn good_by(&mut self, at_us: Option<i64>) {
        let at_us = at_us.filter(|at_us| *at_us >= self.last.at_us);
        self.good_us = self.good_us.into_iter().chain(at_us).min();
    }

    /// Whether a fault that is requested then, of that class, is one of it: it overlaps, or nothing was good in between.
    fn takes(&self, requested_us: i64, class: Class) -> bool {
        requested_us <= self.until_us || self.classes.get(&class) == Some(&false)
    }

    /// Whether a fault is one of it: for the same reason, or for another one of a playlist that has not been good in between.
    pub(super) fn goes_on_with(&self, failed: &Failed, what: &str, requested_us: i64) -> bool {
        let class = Class::of(failed.fault.kind);
        let is_followed = class == Class::Playlist && self.failing.contains(&failed.playlist_id);
        !failed.brought_part && (self.has(what) || is_followed) && self.takes(requested_us, class)
    }

    /// Whether nothing that is requested from then on is of it.
    pub(super) fn is_over(&self, requested_us: i64) -> bool {
        requested_us > self.until_us && self.classes.values().all(|is_good| *is_good)
    }

    /// What had faults, of some kinds.
    pub fn of(&self, kinds: &[Kind]) -> Vec<&Things> {
        kinds
            .iter()
            .filter_map(|kind| self.things.get(kind))
            .collect()
    }
}
