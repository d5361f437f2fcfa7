//! The outages of a session, read request by request.

use super::cause::Cause;
use super::grouping::Grouping;
use super::outage::Outage;
use crate::analysis::adjacent::Search;
use crate::analysis::never_listed::NeverListed;
use crate::session::{AttemptEnd, Fault, Kind, ReadError};
use crate::spans::{self, Span};

/// Playlists of which it is looked up what they went on without.
const MOST_LOOKED_UP: usize = 64;

/// What an outage took beside its requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Segments that playlists went on without, each with the name of its playlist.
    pub never_listed: Vec<(String, NeverListed)>,
    /// When they did, and how many of them; by rows of `resource`.
    pub skips: Vec<Span>,
    /// For so long of it no recorder ran, in microseconds.
    pub not_running_us: i64,
    /// The stream is no playlist.
    pub is_raw: bool,
}

impl Cost {
    /// How many segments that is: playlists of a stream have the same programme.
    pub fn lost(&self) -> u64 {
        spans::sum(&spans::united(self.skips.clone())).lost
    }
}

impl Search<'_> {
    /// Calls `each` with the outages of a session, in the order in which they began; its first error is the end.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn outages<E: From<ReadError>>(
        &self,
        mut each: impl FnMut(Outage) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut grouping = Grouping::default();
        let mut behind = 0;
        loop {
            let attempts = self.reader().attempts_after(behind)?;
            let Some(last) = attempts.last() else { break };
            behind = last.exchange_id;
            for attempt in &attempts {
                let cause = match &attempt.end {
                    AttemptEnd::Failed(failed) => Some(self.cause(&failed.fault)),
                    AttemptEnd::Good | AttemptEnd::Redirected => None,
                };
                let over = grouping.next(attempt, cause);
                over.into_iter().try_for_each(&mut each)?;
            }
        }
        grouping.end().into_iter().try_for_each(each)
    }

    /// What an outage took beside its requests.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn cost(&self, outage: &Outage) -> Result<Cost, ReadError> {
        let reader = self.reader();
        let until_us = outage.good_us.unwrap_or(outage.last.at_us);
        let (mut never_listed, mut skips) = (Vec::new(), Vec::new());
        let playlists = outage.of(&[Kind::Main, Kind::Media]);
        let ids = playlists.iter().flat_map(|things| things.ids());
        for id in ids.take(MOST_LOOKED_UP) {
            let lost = self.never_listed_between(id, outage.first.at_us, outage.last.at_us)?;
            if let (false, Some(playlist)) = (lost.is_empty(), reader.resource_name(id)?) {
                for gap in lost {
                    let Some(lost) = gap.never_listed else {
                        continue;
                    };
                    never_listed.push((playlist.clone(), lost));
                    skips.push(Span {
                        of: id,
                        from_us: gap.from.seen_us,
                        until_us: gap.until_us,
                        lost: lost.count,
                    });
                }
            }
        }
        let has_main = outage.things.contains_key(&Kind::Main);
        Ok(Cost {
            never_listed,
            skips,
            not_running_us: self.not_running_us(outage.first.at_us, until_us),
            is_raw: has_main && reader.first_part(outage.key.stream_id)?.is_some(),
        })
    }

    /// Calls `each` with every fault of an outage, and with the moment of the next good answer of the same resource.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn faults_of<E: From<ReadError>>(
        &self,
        outage: &Outage,
        mut each: impl FnMut(Fault, Option<i64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = &outage.key;
        let first = outage.first.exchange.unwrap_or_default();
        let last = outage.last.exchange.unwrap_or_default();
        // Another outage of the same is over before, or begins behind.
        self.reader()
            .faults_between((first, last), |fault, again_us| {
                let is_of_it = fault.stream_id == key.stream_id
                    && fault.host() == key.host
                    && outage.is_for(&self.cause(&fault));
                match is_of_it {
                    true => each(fault, again_us),
                    false => Ok(()),
                }
            })
    }

    fn cause(&self, fault: &Fault) -> Cause {
        Cause::of(fault, |from_us, until_us| {
            self.stood_still(from_us, until_us)
        })
    }
}
