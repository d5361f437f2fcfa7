//! Outages of a stream in the log: each has a line as it begins and one as it is over, and what it comes to is told in
//! between. Of many in a short time most are told in sums. Pure but for its lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::outage::{Failed, Outage, WINDOW};
use super::over::{Class, MOST_HOSTS, Over, counted, requests};

/// So many that begin within [`WINDOW`] have lines of their own.
const MOST: usize = 4;

/// What a playlist that answers again was in.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// Since when it had no good answer, in microseconds of Unix time; `None`: it was in none.
    pub since_us: Option<i64>,
    /// What is over with it, and is to be told.
    pub over: Option<Over>,
}

/// What is to be told now, and what is over without that.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub over: Vec<Over>,
    pub untold: Vec<Over>,
    pub sums: Vec<String>,
}

/// Of a stream.
#[derive(Debug, Default)]
pub(crate) struct Outages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    open: Vec<Outage>,
    /// When the last ones began that have lines of their own.
    told: VecDeque<Instant>,
    /// What was forgotten for others, and is to be told.
    forgotten: Vec<Over>,
    /// Those that have none, by host.
    short: BTreeMap<String, Short>,
}

/// Outages that are told in sums.
#[derive(Debug)]
struct Short {
    since: Instant,
    count: u64,
    times: u64,
    slow: u64,
    whats: Vec<String>,
}

impl Outages {
    /// A request has failed; whether the log says so now.
    pub(crate) fn fails(&self, failed: Failed<'_>, now: Instant) -> bool {
        let mut known = self.known();
        let n = known.outage_of(&failed, now);
        let may_tell = known.may_tell(now);
        let Some(outage) = known.open.get_mut(n) else {
            return false;
        };
        let is_new = outage.fails(&failed, now);
        if outage.is_quiet || (outage.is_told && !is_new) {
            return failed.is_told;
        }
        let begins = !outage.is_told;
        let is_told = failed.is_told || !begins || may_tell;
        if is_told {
            outage.told();
        }
        if is_told && begins {
            known.told.push_back(now);
        }
        is_told
    }

    /// A download is slow, or has no answer for long; `is_new`: it was not known before. Whether the log says so now.
    pub(crate) fn is_slow(&self, failed: Failed<'_>, is_new: bool, now: Instant) -> bool {
        let is_told = self.fails(failed, now);
        if is_new {
            self.each_of_chunks(failed.of, failed.host, Outage::is_slow);
        }
        is_told
    }

    /// One that was has failed in the end, which is told as that.
    pub(crate) fn is_slow_no_more(&self, of: usize, host: &str) {
        self.each_of_chunks(of, host, Outage::is_slow_no_more);
    }

    /// What a download is of.
    fn each_of_chunks(&self, of: usize, host: &str, each: impl Fn(&mut Outage)) {
        let mut known = self.known();
        let is_it =
            |one: &&mut Outage| one.class == Class::Chunks && one.has(of) && one.host == host;
        known.open.iter_mut().find(is_it).into_iter().for_each(each);
    }

    /// A good answer came for a playlist.
    pub(crate) fn answers(&self, of: usize, at_us: i64, now: Instant) -> Answered {
        let mut known = self.known();
        let is_it = |one: &Outage| one.class == Class::Polls && one.has(of);
        let known_n = known.open.iter().position(is_it);
        let Some((n, outage)) = known_n.and_then(|n| Some((n, known.open.get_mut(n)?))) else {
            return Answered::default();
        };
        let since_us = outage.answers(of, at_us);
        let over = outage.over(at_us, false);
        let over = over.filter(|over| known.ends(n, over, now));
        Answered { since_us, over }
    }

    /// Whether the log is still to say that an outage is over which a playlist is, or was, in.
    pub(crate) fn are_open_for(&self, of: usize) -> bool {
        let known = self.known();
        let is_it = |one: &Outage| one.class == Class::Polls && one.is_told && one.has(of);
        known.open.iter().any(is_it)
    }

    /// A segment came, or what else a playlist lists.
    pub(crate) fn comes(&self, of: (usize, &str), number: Option<u64>, at_us: i64) {
        let mut known = self.known();
        let outages = known.open.iter_mut();
        for outage in outages.filter(|one| one.class == Class::Chunks) {
            outage.comes(of, number, at_us);
        }
    }

    /// A segment that failed is not asked for any more.
    pub(crate) fn gives_up(&self, of: usize, number: u64) {
        let mut known = self.known();
        let chunks = known.open.iter_mut();
        let chunks = chunks.filter(|one| one.class == Class::Chunks);
        chunks.for_each(|one| one.gives_up(of, number));
    }

    /// What there is to tell now; `is_over`: whether a playlist is not asked for any more.
    pub(crate) fn due(
        &self,
        (now, now_us): (Instant, i64),
        is_over: impl Fn(usize) -> bool,
        at_end: bool,
    ) -> Due {
        let mut known = self.known();
        let mut due = Due {
            over: std::mem::take(&mut known.forgotten),
            ..Due::default()
        };
        for n in (0..known.open.len()).rev() {
            let Some(outage) = known.open.get_mut(n) else {
                continue;
            };
            if outage.class == Class::Polls {
                outage.forget(&is_over);
            }
            let over = outage.over(now_us, at_end);
            match over.or_else(|| outage.lapses(now, &is_over)) {
                Some(over) => match known.ends(n, &over, now) {
                    true => due.over.push(over),
                    false => due.untold.push(over),
                },
                None if outage.is_empty() => {
                    known.open.remove(n);
                }
                None => due.sums.extend(outage.sum((now, now_us), at_end)),
            }
        }
        due.sums.extend(known.sums(now, at_end));
        due
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The outage that a fault is of.
    fn outage_of(&mut self, failed: &Failed<'_>, now: Instant) -> usize {
        let Failed {
            class,
            of,
            host,
            since_us,
            ..
        } = *failed;
        let is_in = |one: &Outage| {
            one.class == class && one.has(of) && one.host == host && !one.is_past(now)
        };
        let joins = |one: &Outage| one.is_joined(class, host, since_us) && !one.is_past(now);
        let known = self.open.iter().position(is_in);
        if let Some(n) = known.or_else(|| self.open.iter().position(joins)) {
            self.says_so_still(n);
            return n;
        }
        // Of polls each playlist is in one: its host may be another one by now.
        if class == Class::Polls {
            let polls = self.open.iter_mut().filter(|one| one.class == class);
            polls.for_each(|one| one.forget(|other| other == of));
            self.open.retain(|one| !one.is_empty());
        }
        if class == Class::Chunks {
            self.make_room(now);
        }
        let mut outage = Outage::new(class, host, since_us, now);
        let says_so = |one: &Outage| one.is_told && one.is_joined(Class::Polls, host, since_us);
        outage.is_quiet = class == Class::Chunks && self.open.iter().any(says_so);
        self.open.push(outage);
        self.open.len() - 1
    }

    /// An origin may name ever new hosts: of too many the one whose last fault was the longest ago is forgotten.
    fn make_room(&mut self, now: Instant) {
        let all = self.open.iter_mut().enumerate();
        let chunks = all.filter(|(_, one)| one.class == Class::Chunks);
        let chunks: Vec<_> = chunks.collect();
        if chunks.len() < MOST_HOSTS {
            return;
        }
        let oldest = chunks.into_iter().min_by_key(|(_, one)| one.failed);
        let Some((n, outage)) = oldest else { return };
        let over = outage.forgotten();
        if !self.ends(n, &over, now) {
            return;
        }
        match self.forgotten.len() < MOST_HOSTS {
            true => self.forgotten.push(over),
            false => self.count(&over, now),
        }
    }

    /// What another outage says is to be told by itself once that one is over.
    fn says_so_still(&mut self, n: usize) {
        let is_other = |one: &Outage, host: &str| one.class == Class::Polls && one.host == host;
        let host = self.open.get(n).map(|one| one.host.clone());
        let host = host.unwrap_or_default();
        let says_so = self.open.iter().any(|one| is_other(one, &host));
        if let Some(outage) = self.open.get_mut(n) {
            outage.is_quiet &= says_so;
        }
    }

    /// Whether one more may have a line of its own.
    fn may_tell(&mut self, now: Instant) -> bool {
        let is_past = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        while self.told.front().is_some_and(is_past) {
            self.told.pop_front();
        }
        self.told.len() < MOST
    }

    /// One is over, or is for some of its playlists; whether that is told.
    fn ends(&mut self, n: usize, over: &Over, now: Instant) -> bool {
        let Some(outage) = self.open.get(n) else {
            return false;
        };
        let (is_told, is_quiet) = (outage.is_told, outage.is_quiet);
        if outage.is_empty() {
            self.open.remove(n);
        }
        if !is_told && !is_quiet {
            self.count(over, now);
        }
        is_told || (is_quiet && !over.missing.is_empty())
    }

    fn count(&mut self, over: &Over, now: Instant) {
        let is_known = self.short.contains_key(&over.host);
        let host = match is_known || self.short.len() < MOST_HOSTS {
            true => over.host.as_str(),
            false => "other hosts",
        };
        let short = self.short.entry(host.to_owned()).or_insert(Short {
            since: now,
            count: 0,
            times: 0,
            slow: 0,
            whats: Vec::new(),
        });
        short.count += 1;
        short.times = short.times.saturating_add(over.times);
        short.slow = short.slow.saturating_add(over.slow);
        for what in &over.whats {
            if short.whats.len() < MOST && !short.whats.contains(what) {
                short.whats.push(what.clone());
            }
        }
    }

    /// What is told of those that have no lines of their own.
    fn sums(&mut self, now: Instant, at_end: bool) -> Vec<String> {
        let mut lines = Vec::new();
        self.short.retain(|host, short| {
            let age = now.saturating_duration_since(short.since);
            if age < WINDOW && !at_end {
                return true;
            }
            let seconds = (age.as_secs_f64().round() as u64).max(1);
            lines.push(format!(
                "{host}: {} in {seconds} s, too many to be told one by one: {} ({})",
                counted(short.count, "more outage"),
                requests(short.times, short.slow),
                short.whats.join(", ")
            ));
            false
        });
        lines
    }
}

#[cfg(test)]
mod tests;
