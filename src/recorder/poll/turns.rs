//! When a playlist is asked for again, and how late it was.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use super::Poller;
use super::listing::TARGET;
use crate::clock::{self, Clock};
use crate::hls::Step;
use crate::recorder::http::fetch::Hop;
use crate::recorder::schedule::times::{Asked, Polled, Saw, Times};
use crate::recorder::schedule::{
    MAX_POLL, await_interval, costly_interval, poll_backoff, poll_interval, search_interval,
};
use crate::session::{Notice, NoticeEvent};

/// An interval that is shorter than another by no more is as long.
const NEARLY_US: i64 = 50_000;
/// Polls that waited for a host are so far apart at most.
const MOST_APART: Duration = Duration::from_millis(500);
/// A poll later than this against its moment is an event.
const LATE_US: i64 = 1_000_000;

/// The polls of a playlist, and what the last one showed.
#[derive(Debug)]
pub(super) struct Turns {
    times: Times,
    asked_us: i64,
    /// A poll was made.
    is_asked: bool,
    saw: Saw,
    is_doubted: bool,
}

impl Turns {
    /// The first poll is due now.
    pub(super) fn new(now_us: i64) -> Self {
        Self {
            times: Times::new(now_us),
            asked_us: now_us,
            is_asked: false,
            saw: Saw::Behind,
            is_doubted: false,
        }
    }

    /// A poll was made.
    pub(super) fn asked(&mut self, head: Option<&Hop>) {
        self.asked_us = head.map_or(self.asked_us, |head| head.requested_us);
        self.is_asked = true;
        self.saw = Saw::Behind;
        self.is_doubted = false;
    }

    /// It brought the playlist, by this hop; [`Self::stepped`] knows of changes.
    pub(super) fn answered(&mut self, last: &Hop) {
        self.saw = Saw::Same(Asked {
            requested_us: last.requested_us,
            response_us: last.response_us(),
        });
    }

    /// What it brought was so to what was there before; `segments`: how many more there were.
    pub(super) fn stepped(&mut self, step: Step, segments: u64) {
        let Saw::Same(asked) = self.saw else {
            return;
        };
        self.saw = match step {
            Step::First | Step::Slid if self.is_doubted => Saw::Restart(asked),
            Step::First | Step::Slid => Saw::Advance(asked, segments),
            Step::Restarted => Saw::Restart(asked),
            Step::Same => Saw::Same(asked),
            Step::Behind => Saw::Behind,
        };
    }

    /// What it brought may have been there for longer than the polls before say: nothing is learnt of when.
    pub(super) fn doubted(&mut self) {
        self.is_doubted = true;
    }

    /// `interval`: between polls; `is_least`: no two are to be closer, whatever is expected.
    fn next(
        &mut self,
        clock: Clock,
        (interval, is_least): (Duration, bool),
        failures: u32,
        over: Instant,
    ) -> Instant {
        let over_us = clock.at_us(over);
        let saw = match failures {
            0 => self.saw,
            _ => Saw::Fault(clock::micros(poll_backoff(interval, failures))),
        };
        let polled = Polled {
            asked_us: self.asked_us,
            over_us,
            saw,
        };
        let mut due_us = self.times.next(clock::micros(interval), polled);
        if is_least {
            // From poll to poll: on a grid each second one would come a moment too early, and be left out.
            let least_us = self.asked_us.saturating_add(clock::micros(interval));
            due_us = match failures {
                0 => least_us.max(over_us),
                _ => due_us.max(least_us),
            };
            self.times.hold(due_us);
        }
        let pause_us = due_us.saturating_sub(over_us);
        over + Duration::from_micros(u64::try_from(pause_us).unwrap_or(0))
    }
}

impl Poller {
    /// When the next poll is due, after one that was over then.
    pub(super) fn next(&mut self, over: Instant) -> Instant {
        let playlists = &self.context.playlists;
        let target = self.target_duration();
        let is_slow = self.is_slow();
        let costly = costly_interval(self.taken, target);
        let as_allowed = |interval: Duration| match is_slow {
            true => interval.max(target.unwrap_or(interval)).max(costly),
            false => interval.max(costly),
        };
        if playlists.are_awaited(over) {
            return over + as_allowed(await_interval(target, self.context.poll));
        }
        if self.searches() {
            self.searches += 1;
            let base = poll_interval(target, self.context.poll);
            return over + as_allowed(search_interval(base, target, self.searches));
        }
        self.searches = 0;
        if self.playlist.has_fresh_name(over) {
            return over;
        }
        let interval = as_allowed(self.interval());
        let failures = self.playlist.standing().failures;
        let clock = self.context.fetcher.writer.clock();
        let is_least = is_slow || !costly.is_zero();
        self.turns.next(clock, (interval, is_least), failures, over)
    }

    /// Until when the host that is asked next wants to be left alone.
    pub(super) fn held_until(&mut self, now: Instant) -> Option<Instant> {
        let hosts = &self.context.fetcher.hosts;
        let until = hosts.not_before(&self.url_to_ask(), now)?;
        // What waited together is not asked for at one moment.
        let mut hasher = DefaultHasher::new();
        self.playlist.url.hash(&mut hasher);
        let part = (hasher.finish() % 64) as u32;
        let until = until + self.interval().min(MOST_APART) * part / 64;
        let clock = self.context.fetcher.writer.clock();
        self.turns.times.hold(clock.at_us(until));
        Some(until)
    }

    /// Whether a host of it has said that it is asked too often.
    pub(super) fn is_slow(&self) -> bool {
        let hosts = &self.context.fetcher.hosts;
        let mut chain = self.chain.iter();
        hosts.is_slow(&self.url_to_ask()) || chain.any(|passed| hosts.is_slow(&passed.host))
    }

    /// The interval of a player, where it is asked for sooner than he would.
    pub(super) fn denser_than(&self) -> Option<Duration> {
        let target = self.target_duration();
        // A player polls one of them, from the beginning on.
        if self.context.playlists.has_others_in_place(&self.playlist) {
            return target.or(Some(TARGET));
        }
        let target = target.filter(|_| self.turns.is_asked)?;
        let now_us = self.context.fetcher.writer.clock().now_us();
        let passed_us = now_us.saturating_sub(self.turns.asked_us);
        let dense_us = clock::micros(target).saturating_sub(NEARLY_US);
        (passed_us < dense_us).then_some(target)
    }

    fn target_duration(&self) -> Option<Duration> {
        let standing = self.playlist.standing();
        match standing.multivariant {
            true => self.context.playlists.shortest_target(),
            false => standing.target_duration,
        }
    }

    /// In microseconds; of a playlist that states none, what is taken for it.
    pub(super) fn target_us(&self) -> i64 {
        clock::micros(self.target_duration().unwrap_or(TARGET))
    }

    fn interval(&self) -> Duration {
        let interval = poll_interval(self.target_duration(), self.context.poll);
        // An origin that begins a session at each request would have ever more of them.
        let slower = self.renewals.min(6);
        if self.context.poll.is_none() && slower > 0 {
            (interval * 2_u32.pow(slower)).min(MAX_POLL)
        } else {
            interval
        }
    }

    /// Notes how late a poll was against its moment.
    pub(super) async fn was_late(&self, head: Option<&Hop>, lag_us: i64) {
        self.context.stats.lag(lag_us);
        if lag_us <= LATE_US {
            return;
        }
        let detail = format!(
            "poll {}: {:.3} s behind its moment",
            head.map_or(0, |head| head.id),
            lag_us as f64 / 1e6
        );
        let asked_us = head.map_or(0, |head| head.requested_us);
        let late = NoticeEvent {
            kind: Notice::Late,
            at_us: asked_us.saturating_sub(lag_us),
            length_us: Some(lag_us),
            detail,
        };
        self.context.fetcher.writer.notice(late).await;
    }
}
