//! The outages of a session, read request by request.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cause::{AtStake, Cause, Own};
use super::grouping::Grouping;
use super::outage::Outage;
use crate::analysis::adjacent::{Gap, Search};
use crate::analysis::never_listed::NeverListed;
use crate::session::{AttemptEnd, ExchangeId, Fault, Kind, KnownPlaylists, RawStreams, ReadError};
use crate::spans::{self, Span};

/// Playlists of which it is looked up what they went on without, and segments that were asked for again.
const MOST_LOOKED_UP: usize = 64;

/// What an outage took beside its requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Segments that playlists went on without, each with the name of its playlist.
    pub never_listed: Vec<(String, NeverListed)>,
    /// When they did, and how many of them; by rows of `resource`.
    pub skips: Vec<Span>,
    /// Segments that were listed and not asked for meanwhile, as the host wanted to be left alone, or as the recorder had no
    /// room: their names.
    pub not_asked_for: Vec<String>,
    /// How often what had faults was asked for in vain when no playlist listed it any more, which are no faults.
    pub later_tries: u64,
    /// For so long of it no recorder ran, in microseconds.
    pub not_running_us: i64,
    /// For so long of it the recorder stood still, in microseconds.
    pub stood_still_us: i64,
}

impl Cost {
    /// How many segments that is: playlists of a stream have the same programme.
    pub fn lost(&self) -> u64 {
        spans::sum(&spans::united(self.skips.clone())).lost
    }
}

/// Requests that were no faults and waited for long, and are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitCount {
    /// What was asked for: `media`.
    pub kind: &'static str,
    /// The same as people call it: `media playlist`.
    #[serde(skip)]
    pub noun: &'static str,
    /// What was the matter: `slow`, `unanswered`.
    pub what: String,
    /// How many they are.
    pub times: u64,
}

impl Search<'_> {
    /// Calls `each` with the outages of a session, in the order in which they began; its first error is the end.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn outages<E: From<ReadError>>(
        &self,
        each: impl FnMut(Outage) -> Result<(), E>,
    ) -> Result<(), E> {
        let all = self.outages_since(i64::MIN, || true, each)?;
        debug_assert!(all, "nothing stops it");
        Ok(())
    }

    /// The same with requests from a moment on, in microseconds of Unix time, as long as `go_on` says; whether that was to the
    /// end.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn outages_since<E: From<ReadError>>(
        &self,
        since_us: i64,
        go_on: impl Fn() -> bool,
        mut each: impl FnMut(Outage) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut each = |outage: Outage| match self.is_before_kept(outage.good_us, outage.last.at_us)
        {
            true => Ok(()),
            false if self.leaves_out(outage.first.at_us, outage.last.at_us) => Ok(()),
            false => each(outage),
        };
        let reader = self.reader();
        let mut grouping = Grouping::default();
        let mut behind = reader.last_before(since_us)?;
        let mut is_whole = true;
        let raw = reader.raw_streams()?;
        let growing = self.growing(&raw)?;
        let mut known = KnownPlaylists::default();
        loop {
            if !go_on() {
                is_whole = false;
                break;
            }
            let mut attempts = reader.attempts_after(behind, &raw, &mut known)?;
            let Some(last) = attempts.last() else { break };
            behind = last.exchange_id;
            for attempt in &mut attempts {
                let cause = match &mut attempt.end {
                    AttemptEnd::Failed(failed) => Some(self.cause(&mut failed.fault)),
                    AttemptEnd::Good | AttemptEnd::Redirected => None,
                };
                // Who stood still took the answer late.
                if cause.as_ref().is_some_and(|cause| cause.own.is_some()) {
                    attempt.end.without_own_wait();
                }
                let over = grouping.next(attempt, cause);
                over.into_iter().try_for_each(&mut each)?;
            }
        }
        let rest = grouping.end().into_iter();
        rest.map(|outage| is_growing(outage, &growing))
            .try_for_each(each)?;
        Ok(is_whole)
    }

    /// How many requests were no faults, but had no answer for long or came far too slowly, without those of which the recorder's own
    /// lateness may be the reason; by what was asked for and what was the matter, the most first.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn long_waits(&self) -> Result<Vec<WaitCount>, ReadError> {
        let mut counts: BTreeMap<(&'static str, &'static str, String), u64> = BTreeMap::new();
        let raw = self.reader().raw_streams()?;
        self.reader().long_waits(&raw, |mut fault| {
            let cause = self.cause(&mut fault);
            let is_before_kept = self.is_before_kept(Some(fault.over_us), fault.at_us);
            if cause.own.is_none() && !is_before_kept {
                *counts
                    .entry((fault.kind.as_str(), fault.what().0, cause.what))
                    .or_default() += 1;
            }
            Ok::<(), ReadError>(())
        })?;
        let mut counts: Vec<WaitCount> = counts
            .into_iter()
            .map(|((kind, noun, what), times)| WaitCount {
                kind,
                noun,
                what,
                times,
            })
            .collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.times));
        Ok(counts)
    }

    /// Whether a playlist had an outage that is no doing of the recorder's.
    ///
    /// # Errors
    /// The session is damaged.
    pub fn has_outage_of_a_playlist(&self) -> Result<bool, ReadError> {
        // The first one is the end.
        let first = self.outages(|outage| match outage.key.own.is_none() && !outage.is_raw {
            true => Err(None),
            false => Ok(()),
        });
        match first {
            Ok(()) => Ok(false),
            Err(None) => Ok(true),
            Err(Some(error)) => Err(error),
        }
    }

    /// The raw streams that are being recorded. Before the requests: what ends meanwhile is one of them.
    fn growing(&self, raw: &RawStreams) -> Result<Vec<Growing>, ReadError> {
        let mut all = Vec::new();
        for stream in &raw.0 {
            let Some(growing) = self.reader().growing(stream.id)? else {
                continue;
            };
            if let Some((after_us, _)) = growing.points.first() {
                let began_us = growing.facts.began_us;
                all.push(Growing {
                    stream_id: stream.id,
                    exchange: growing.exchange_id,
                    began_us,
                    first_us: began_us.saturating_add(*after_us),
                });
            }
        }
        Ok(all)
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
                // A playlist that stood still for longer went on without more than the outage cost.
                let is_of_it = |gap: &Gap| outage.good_us.is_none_or(|us| gap.ends_with(us));
                for gap in lost.into_iter().filter(is_of_it) {
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
        Ok(Cost {
            never_listed,
            skips,
            not_asked_for: self.not_asked_for(outage, until_us)?,
            later_tries: self.later_tries(outage)?,
            not_running_us: self.not_running_us(outage.first.at_us, until_us),
            stood_still_us: self.stood_still_us(outage.first.at_us, until_us),
        })
    }

    /// How often its segments were asked for when it was too late for them.
    fn later_tries(&self, outage: &Outage) -> Result<u64, ReadError> {
        let things = outage.of(&[Kind::Segment, Kind::Part, Kind::Init, Kind::Key]);
        let ids = things.iter().flat_map(|things| things.ids());
        let tries = ids
            .take(MOST_LOOKED_UP)
            .map(|id| self.reader().later_tries(id));
        tries.sum()
    }

    /// Segments that were not asked for in an outage, where there was a reason for that.
    fn not_asked_for(&self, outage: &Outage, until_us: i64) -> Result<Vec<String>, ReadError> {
        let from_us = outage.first.at_us;
        let is_left_alone = || self.is_left_alone(&outage.hosts_of_events, from_us, until_us);
        let has_reason = match outage.key.own {
            Some(own) => own == Own::Disk,
            None => is_left_alone(),
        };
        let first = outage
            .first
            .exchange
            .filter(|_| has_reason && !outage.is_raw);
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        let stream_id = outage.key.stream_id;
        self.reader()
            .segments_not_asked_for(stream_id, first, (outage.requested_us, until_us))
    }

    /// Calls `each` with the times in which the recorder's disk was full, from when to when, with a stream and with the segments of
    /// it that were not asked for then; those of `told` are told by an outage (row of `stream`, from, until). In microseconds of
    /// Unix time.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn disk_holes<E: From<ReadError>>(
        &self,
        told: &[(i64, i64, i64)],
        mut each: impl FnMut(&str, (i64, i64), Vec<String>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (from_us, until_us) in self.disk_was_full() {
            for stream in self.reader().streams()? {
                let is_it = |one: &&(i64, i64, i64)| {
                    one.0 == stream.id && one.1 <= until_us && from_us <= one.2
                };
                if told.iter().any(|one| is_it(&one)) {
                    continue;
                }
                let since = self.reader().last_before(from_us)?;
                let names =
                    self.reader()
                        .segments_not_asked_for(stream.id, since, (from_us, until_us))?;
                if !names.is_empty() {
                    each(&stream.name, (from_us, until_us), names)?;
                }
            }
        }
        Ok(())
    }

    /// Calls `each` with every fault of an outage, and with the moment of the next good answer of the same resource; of a raw
    /// stream with that of its next byte.
    ///
    /// # Errors
    /// The session is damaged; those of `each`.
    pub fn faults_of<E: From<ReadError>>(
        &self,
        outage: &Outage,
        mut each: impl FnMut(Fault, Option<i64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let key = &outage.key;
        let raw = self.reader().raw_streams()?;
        for span in &outage.spans {
            self.reader()
                .faults_between(*span, &raw, |mut fault, again_us| {
                    let cause = self.cause(&mut fault);
                    let again_us = match fault.is_raw && fault.kind == Kind::Main {
                        true => outage.good_us,
                        false => again_us,
                    };
                    let is_own_wait = fault.is_long_wait && cause.own.is_some();
                    match fault.stream_id == key.stream_id && cause.own == key.own && !is_own_wait {
                        true => each(fault, again_us),
                        false => Ok(()),
                    }
                })?;
        }
        Ok(())
    }

    fn cause(&self, fault: &mut Fault) -> Cause {
        let stake = AtStake::of(fault);
        let (from_us, until_us) = (stake.from_us, stake.until_us);
        let is_own = self.stood_still(from_us, until_us)
            && stake.is_own(self.stood_still_us(from_us, until_us));
        if is_own {
            fault.without_wait();
        }
        Cause::of(fault, is_own)
    }
}

/// What grows of a raw stream. Times in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
struct Growing {
    /// Row of `stream`.
    stream_id: i64,
    /// What exchange it will be.
    exchange: ExchangeId,
    /// When its response began.
    began_us: i64,
    /// When its first byte came.
    first_us: i64,
}

/// What grows of a raw stream came behind its last outage: that is over.
fn is_growing(mut outage: Outage, growing: &[Growing]) -> Outage {
    let is_open = outage.is_raw && outage.good_us.is_none();
    let is_it = |one: &&Growing| {
        one.stream_id == outage.key.stream_id
            && Some(one.exchange) > outage.last.exchange
            && one.first_us >= outage.last.at_us
    };
    if let Some(one) = growing.iter().find(is_it).filter(|_| is_open) {
        outage.comes_again(one.began_us, one.first_us);
    }
    outage
}
