//! One outage, as the log has it: of which playlists it is, since when, and what it comes to. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::over::{Class, End, Over, failed, rows};

/// What an outage that goes on comes to is told so often.
pub(super) const WINDOW: Duration = Duration::from_secs(30);
/// Of one server, what begins to fail so close together, in microseconds, is one outage.
pub(super) const TOGETHER_US: i64 = 10_000_000;
/// Where segments have failed and may be asked for again, or were slow, it is known so long after a good one, in
/// microseconds, that none fails any more.
const SETTLED_US: i64 = 10_000_000;
/// Segments may come from another host for good: an outage of them is over when none has failed for so long.
const NO_FAULT: Duration = Duration::from_secs(300);
/// The same where none of its playlists is asked for any more.
const NO_FAULT_AT_END: Duration = Duration::from_secs(60);
/// Kinds of faults of one outage that are told apart.
const MOST_KINDS: usize = 4;
/// Segments of one outage that are told apart.
const MOST_NUMBERS: usize = 4096;

/// A request that failed, or that has no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed<'a> {
    pub class: Class,
    /// Which playlist of the stream it is of, by its number there.
    pub of: usize,
    /// Host and port.
    pub host: &'a str,
    /// What failed, in words.
    pub place: &'a str,
    /// What happened, in order: `unanswered`, `reset`.
    pub whats: &'a [&'a str],
    /// When it was made, in microseconds of Unix time.
    pub since_us: i64,
    /// The segment that did not come.
    pub number: Option<u64>,
    /// It is over; else it has no answer yet.
    pub is_over: bool,
    /// What came before had come for a while: it is told whatever else was.
    pub is_told: bool,
}

/// Of a playlist in an outage.
#[derive(Debug, Default)]
struct Member {
    /// What failed of it, in words.
    place: String,
    since_us: i64,
    /// When its first good answer was, behind which nothing of it has failed.
    good_us: Option<i64>,
    /// Segments that have failed and not come, and that may be asked for again.
    missing: BTreeSet<u64>,
    /// Those that are not asked for any more.
    given_up: BTreeSet<u64>,
}

impl Member {
    /// Whether one more of its segments is told apart.
    fn has_room(&self) -> bool {
        self.missing.len() + self.given_up.len() < MOST_NUMBERS
    }
}

/// Faults of one server, of a class, that began together.
#[derive(Debug)]
pub(super) struct Outage {
    pub class: Class,
    pub host: String,
    members: BTreeMap<usize, Member>,
    pub since_us: i64,
    whats: Vec<String>,
    pub times: u64,
    /// Requests that took too long, and that have not failed.
    slow: u64,
    /// When its last fault was.
    pub failed: Instant,
    /// When the last request that failed was made, in microseconds of Unix time.
    last_us: i64,
    /// The log has said that it began.
    pub is_told: bool,
    /// Another one that the log has told of says so.
    pub is_quiet: bool,
    summed: Instant,
    /// Requests that failed since the log had the last line of it.
    untold: u64,
}

impl Outage {
    pub(super) fn new(class: Class, host: &str, since_us: i64, now: Instant) -> Self {
        Self {
            class,
            host: host.to_owned(),
            members: BTreeMap::new(),
            since_us,
            whats: Vec::new(),
            times: 0,
            slow: 0,
            failed: now,
            last_us: since_us,
            is_told: false,
            is_quiet: false,
            summed: now,
            untold: 0,
        }
    }

    pub(super) fn has(&self, of: usize) -> bool {
        self.members.contains_key(&of)
    }

    /// Whether what began to fail then at a host is of it.
    pub(super) fn is_joined(&self, class: Class, host: &str, since_us: i64) -> bool {
        self.class == class
            && self.host == host
            && since_us.saturating_sub(self.since_us).saturating_abs() <= TOGETHER_US
    }

    /// Of one playlist more, or once more of one. Whether a kind of fault is new to it.
    pub(super) fn fails(&mut self, failed: &Failed<'_>, now: Instant) -> bool {
        let Failed {
            of,
            place,
            whats,
            since_us,
            ..
        } = *failed;
        let member = self.members.entry(of).or_insert_with(|| Member {
            place: place.to_owned(),
            since_us,
            ..Member::default()
        });
        member.good_us = None;
        member.since_us = member.since_us.min(since_us);
        if let Some(number) = failed.number
            && member.has_room()
        {
            member.missing.insert(number);
        }
        let times = u64::from(failed.is_over);
        self.since_us = self.since_us.min(since_us);
        self.last_us = self.last_us.max(since_us);
        self.failed = self.failed.max(now);
        self.times = self.times.saturating_add(times);
        self.untold = self.untold.saturating_add(times);
        let mut is_new = false;
        for what in whats {
            if self.whats.len() < MOST_KINDS && !self.whats.iter().any(|known| known == what) {
                self.whats.push((*what).to_owned());
                is_new = true;
            }
        }
        is_new
    }

    /// One more request takes too long.
    pub(super) fn is_slow(&mut self) {
        self.slow = self.slow.saturating_add(1);
        self.untold = self.untold.saturating_add(1);
    }

    /// One of them has failed.
    pub(super) fn is_slow_no_more(&mut self) {
        self.slow = self.slow.saturating_sub(1);
        self.untold = self.untold.saturating_sub(1);
    }

    /// A good answer came for one of its playlists; since when that had none, if it is the first.
    pub(super) fn answers(&mut self, of: usize, at_us: i64) -> Option<i64> {
        let member = self.members.get_mut(&of)?;
        let is_first = member.good_us.is_none();
        member.good_us.get_or_insert(at_us);
        is_first.then_some(member.since_us)
    }

    /// A good answer came of a host for one of its playlists.
    pub(super) fn comes(&mut self, (of, host): (usize, &str), number: Option<u64>, at_us: i64) {
        let Some(member) = self.members.get_mut(&of) else {
            return;
        };
        if host == self.host {
            member.good_us.get_or_insert(at_us);
        }
        if let Some(number) = number {
            member.missing.remove(&number);
            member.given_up.remove(&number);
        }
    }

    /// A segment that failed is not asked for any more: nothing is waited for on its account.
    pub(super) fn gives_up(&mut self, of: usize, number: u64) {
        if let Some(member) = self.members.get_mut(&of)
            && member.missing.remove(&number)
        {
            member.given_up.insert(number);
        }
    }

    /// Of some of its playlists no good answer is to come.
    pub(super) fn forget(&mut self, is_one: impl Fn(usize) -> bool) {
        self.members.retain(|of, _| !is_one(*of));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The log has a line of it now.
    pub(super) fn told(&mut self) {
        self.is_told = true;
        self.untold = 0;
    }

    /// Its end, where all of it is good again; where it has gone on for long for others, that of those that are.
    pub(super) fn over(&mut self, now_us: i64, at_end: bool) -> Option<Over> {
        let goods = self.members.values().filter_map(|one| one.good_us);
        let (good, first_us, last_us) = goods.fold((0, i64::MAX, i64::MIN), |sum, us| {
            (sum.0 + 1, us.min(sum.1), us.max(sum.2))
        });
        let left = self.members.len() - good;
        let is_settled = match self.class {
            Class::Polls => true,
            Class::Chunks => {
                let misses = self.members.values().any(|one| !one.missing.is_empty());
                // Where segments come too slowly the next one may be slow, too.
                !(misses || self.slow > 0) || at_end || now_us.saturating_sub(last_us) >= SETTLED_US
            }
        };
        let is_due = match left {
            0 => is_settled,
            _ => now_us.saturating_sub(first_us) >= TOGETHER_US,
        };
        if good == 0 || !is_due {
            return None;
        }
        Some(self.ends(End::Good, last_us, |one| one.good_us.is_some()))
    }

    /// Whether its segments have not failed for so long that what fails now is another outage.
    pub(super) fn is_past(&self, now: Instant) -> bool {
        self.has_no_fault_for(NO_FAULT, now)
    }

    /// Its end where nothing good came and nothing fails any more; `is_over`: whether a playlist is not asked for any more.
    pub(super) fn lapses(&mut self, now: Instant, is_over: impl Fn(usize) -> bool) -> Option<Over> {
        let are_over = self.members.keys().all(|of| is_over(*of));
        let is_it = self.is_past(now) || (are_over && self.has_no_fault_for(NO_FAULT_AT_END, now));
        let quiet = End::NoFault(now.saturating_duration_since(self.failed));
        is_it.then(|| self.ends(quiet, self.last_us, |_| true))
    }

    /// Its end where others are to be known in its place; what is missing may come still.
    pub(super) fn forgotten(&mut self) -> Over {
        let mut over = self.ends(End::Forgotten, self.last_us, |_| true);
        over.missing.clear();
        over
    }

    fn has_no_fault_for(&self, time: Duration, now: Instant) -> bool {
        self.class == Class::Chunks && now.saturating_duration_since(self.failed) >= time
    }

    /// It is over for some of its playlists.
    fn ends(&mut self, end: End, until_us: i64, is_it: impl Fn(&Member) -> bool) -> Over {
        let subject = self.subject();
        let mut of = Vec::new();
        let mut missing = BTreeSet::new();
        self.members.retain(|n, one| {
            let ends = is_it(one);
            if ends {
                of.push(*n);
                missing.append(&mut one.missing);
                missing.append(&mut one.given_up);
            }
            !ends
        });
        Over {
            class: self.class,
            end,
            subject,
            host: self.host.clone(),
            since_us: self.since_us,
            until_us,
            times: self.times,
            slow: self.slow,
            whats: self.whats.clone(),
            left: self.members.len(),
            missing: rows(&missing),
            of,
        }
    }

    /// What it comes to so far, now and then.
    pub(super) fn sum(&mut self, (now, now_us): (Instant, i64), at_end: bool) -> Option<String> {
        if self.is_quiet {
            return None;
        }
        let is_due = now.saturating_duration_since(self.summed) >= WINDOW;
        if !(is_due || at_end) || (at_end && self.untold == 0) {
            return None;
        }
        self.summed = now;
        if self.untold == 0 {
            return None;
        }
        self.told();
        let seconds = now_us.saturating_sub(self.since_us) as f64 / 1e6;
        let seconds = (seconds.round() as u64).max(1);
        let failed = failed(self.class, (self.times, self.slow), self.members.len());
        let what = self.whats.join(", then ");
        Some(format!(
            "{}: {what}, {failed} in {seconds} s",
            self.subject()
        ))
    }

    /// One playlist by its name, several by their host.
    fn subject(&self) -> String {
        let mut members = self.members.values();
        match (self.class, members.next(), members.next()) {
            (Class::Polls, Some(only), None) => only.place.clone(),
            (Class::Polls, ..) => self.host.clone(),
            (Class::Chunks, ..) => format!("segments of {}", self.host),
        }
    }
}
