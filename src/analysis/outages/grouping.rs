//! Which faults are one outage. Pure.
//!
//! Those of one stream, one server and one kind are, that overlap (something was bad all the while) or follow each other
//! without a good answer in between. Requests come in the order in which they began; what is over is given away at once, so
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
    open: BTreeMap<Key, Outage>,
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
                    cause,
                };
                let class = Class::of(attempt.kind);
                match self.open.get_mut(&key) {
                    Some(outage)
                        if !failed.brought_part && outage.takes(attempt.requested_us, class) =>
                    {
                        outage.add(failed);
                    }
                    _ => self.begin(key.clone(), Outage::new(key, failed)),
                }
            }
            (AttemptEnd::Good, _) => self.good(attempt),
            (AttemptEnd::Redirected | AttemptEnd::Failed(_), _) => {}
        }
        self.give()
    }

    /// Nothing comes any more.
    pub fn end(mut self) -> Vec<Outage> {
        while let Some((_, outage)) = self.open.pop_first() {
            self.close(outage);
        }
        self.over.into_values().collect()
    }

    fn begin(&mut self, key: Key, outage: Outage) {
        if let Some(before) = self.open.insert(key, outage) {
            self.close(before);
        }
        if self.open.len() > MOST_OPEN {
            let longest_ago = self.open.iter().min_by_key(|(_, one)| one.last.exchange);
            let key = longest_ago.map(|(key, _)| key.clone());
            let outage = key.and_then(|key| self.open.remove(&key));
            outage.into_iter().for_each(|outage| self.close(outage));
        }
    }

    fn good(&mut self, attempt: &Attempt) {
        let class = Class::of(attempt.kind);
        let mut over = Vec::new();
        for (key, outage) in &mut self.open {
            if key.stream_id == attempt.stream_id && key.host == attempt.host {
                outage.good(class, attempt.at_us);
                if outage.is_over(attempt.requested_us) {
                    over.push(key.clone());
                }
            }
        }
        for key in over {
            let outage = self.open.remove(&key);
            outage.into_iter().for_each(|outage| self.close(outage));
        }
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
        let firsts = self.open.values().filter_map(|one| one.exchanges.first());
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
