//! One outage, and what it took. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::cause::Cause;
use crate::analysis::finding::{Evidence, MOST_EXCHANGES};
use crate::session::{ExchangeId, Failed, Kind};

/// Different things that are told apart in an outage; what is more is not counted.
const MOST_TOLD_APART: usize = 8192;
/// Names that are kept.
const MOST_NAMED: usize = 8;

/// Whose faults are one outage: those of one stream, one server, one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Row of `stream`.
    pub stream_id: i64,
    /// Host and port.
    pub host: String,
    /// Why.
    pub cause: Cause,
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
    /// What had them.
    pub things: BTreeMap<Kind, Things>,
    /// Until then it goes on, as far as is known: what had a fault was asked for again then.
    pub(super) until_us: i64,
    /// Classes of things that had a fault, and whether one of them has been good since the last.
    pub(super) classes: BTreeMap<Class, bool>,
}

impl Outage {
    pub(super) fn new(key: Key, failed: &Failed) -> Self {
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
        };
        outage.add(failed);
        outage
    }

    /// Takes in a fault of it, which was requested behind all others.
    pub(super) fn add(&mut self, failed: &Failed) {
        let fault = &failed.fault;
        self.faults += 1;
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
    pub(super) fn takes(&self, requested_us: i64, class: Class) -> bool {
        requested_us <= self.until_us || self.classes.get(&class) == Some(&false)
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
