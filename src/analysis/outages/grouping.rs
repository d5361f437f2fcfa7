//! Which faults are one outage. Pure.
//!
//! Those of one stream, one server and one kind are, that overlap (something was bad all the while) or follow each other
//! without a good answer in between; and of a playlist all in a row, of whatever kind: a server that hangs, refuses and then is
//! busy was away once. Requests come in the order in which they began; what is over is given away at once, so
//! that memory depends on how many servers are in trouble in how many ways, not on how many faults there are.

use std::collections::BTreeMap;

use super::cause::Cause;
use super::outage::{Class, Key, Outage};
use crate::session::{Attempt, AttemptEnd, ExchangeId};

/// Outages that go on at once; of more, the one that was seen last the longest ago counts as over.
const MOST_OPEN: usize = 256;
/// Outages that wait for one that began before them, so that all come in order.
const MOST_WAITING: usize = 256;

/// Groups faults.
#[derive(Debug, Default)]
pub struct Grouping {
    open: Vec<Outage>,
    /// Those that are over, by their first exchange.
    over: BTreeMap<ExchangeId, Outage>,
}

impl Grouping {
    /// Takes in the next request; `cause`: why it failed, where it did. Gives what is known to be over, in the order in which it began.
    pub fn next(&mut self, attempt: &Attempt, cause: Option<Cause>) -> Vec<Outage> {
        match (&attempt.end, cause) {
            (AttemptEnd::Failed(failed), Some(cause)) => {
                let key = Key {
                    stream_id: attempt.stream_id,
                    host: attempt.host.clone(),
                    own: cause.own,
                };
                let mut open = self.open.iter_mut().filter(|one| one.key == key);
                let (what, requested_us) = (&cause.what, attempt.requested_us);
                match open.find(|one| one.goes_on_with(failed, what, requested_us)) {
                    Some(outage) => outage.add(what, failed),
                    None => self.begin(&cause, Outage::new(key, what, failed)),
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

    fn begin(&mut self, cause: &Cause, outage: Outage) {
        let key = &outage.key;
        self.close_those(|before| before.key == *key && before.is_for(cause));
        self.open.push(outage);
        if self.open.len() > MOST_OPEN {
            let longest_ago = self.open.iter().map(|one| one.last.exchange).min();
            self.close_those(|one| Some(one.last.exchange) == longest_ago);
        }
    }

    fn good(&mut self, attempt: &Attempt) {
        let class = Class::of(attempt.kind);
        self.close_those(|outage| {
            let key = &outage.key;
            let is_of_it = key.stream_id == attempt.stream_id && key.host == attempt.host;
            if is_of_it {
                outage.good(class, attempt.at_us);
            }
            is_of_it && outage.is_over(attempt.requested_us)
        });
    }

    fn close_those(&mut self, is_over: impl FnMut(&mut Outage) -> bool) {
        let over: Vec<Outage> = self.open.extract_if(.., is_over).collect();
        over.into_iter().for_each(|outage| self.close(outage));
    }

    fn close(&mut self, outage: Outage) {
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
