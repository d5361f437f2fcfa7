//! When the loop of a playlist polls next.

use crate::clock;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::polls;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::poller::TARGET;
use crate::recorder::schedule::MAX_POLL;
use crate::recorder::schedule::MIN_POLL;
use crate::recorder::schedule::await_interval;
use crate::recorder::schedule::costly_interval;
use crate::recorder::schedule::crowded_interval;
use crate::recorder::schedule::poll_backoff;
use crate::recorder::schedule::poll_interval;
use crate::recorder::schedule::search_interval;
use crate::recorder::stats::load::LATE_US;
use crate::session::Notice;
use crate::session::NoticeEvent;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::time::Duration;
use tokio::time::Instant;

impl Poller {
    /// When the next poll is due, after one that was over then.
    pub(crate) fn next(&mut self, over: Instant) -> Instant {
        let playlists = &self.context.playlists;
        let target = self.target_duration();
        let is_slow = self.is_slow();
        let crowded = crowded_interval(playlists.count(), polls::APART);
        let costly = costly_interval(self.taken, target).max(crowded);
        let seldom = target.unwrap_or_default().min(MAX_POLL);
        let as_allowed = |interval: Duration| match is_slow {
            true => interval.max(seldom).max(costly),
            false => interval.max(costly),
        };
        if playlists.are_awaited(over) {
            return over + as_allowed(await_interval(target, self.context.poll));
        }
        let standing = self.playlist.standing();
        if self.searches() && !standing.is_in_trouble() {
            self.searches += 1;
            let base = poll_interval(target, self.context.poll);
            return over + as_allowed(search_interval(base, target, self.searches));
        }
        self.searches = 0;
        if self.playlist.has_fresh_name(over) {
            return over;
        }
        if self.begins_beside() {
            return over;
        }
        // A look at a newer URL takes no poll of the one that works.
        let has_looked = std::mem::take(&mut self.has_looked);
        if has_looked && !is_slow && costly.is_zero() {
            return over;
        }
        if let Some(due) = self.next_held(over, costly) {
            return due;
        }
        let interval = as_allowed(self.interval());
        let has_failed = standing.failures > 0;
        let failed = has_failed.then(|| match standing.patience {
            // All requests to its host waited, twice in a row. It leaves them some time before it may stop them again.
            Some((patience, 2..)) => patience + target.unwrap_or(TARGET).min(MAX_POLL),
            // The first time its host says when it is asked again.
            _ => poll_backoff(interval, target, standing.denials),
        });
        let clock = self.context.fetcher.writer.clock();
        let is_least = is_slow || !costly.is_zero();
        self.poll_times
            .next(clock, (interval, is_least), failed, over)
    }

    /// Until when the host that is asked next wants to be left alone.
    pub(crate) fn held_until(&mut self, now: Instant) -> Option<Instant> {
        let hosts = &self.context.fetcher.hosts;
        let until = hosts.not_before(&self.url_to_ask(), now)?;
        // What waited together is not asked for at one moment.
        let mut hasher = DefaultHasher::new();
        self.playlist.url.hash(&mut hasher);
        let part = (hasher.finish() % 64) as u32;
        let until = until + self.interval().min(MOST_APART) * part / 64;
        let clock = self.context.fetcher.writer.clock();
        let until_us = clock.at_us(until);
        self.poll_times.times.hold(until_us);
        let span = (clock.at_us(now), until_us);
        self.playlist.stats.left_alone.lasts(span);
        // Another stream, or the run before, may have met it.
        self.context.stats.left_alone().lasts(span);
        Some(until)
    }

    /// Whether a host of it has said that it is asked too often.
    pub(crate) fn is_slow(&self) -> bool {
        let hosts = &self.context.fetcher.hosts;
        let mut chain = self.chain.iter();
        hosts.is_slow(&self.url_to_ask()) || chain.any(|passed| hosts.is_slow(&passed.host))
    }

    /// The interval of a player, where it is asked for sooner than he would.
    pub(crate) fn denser_than(&self) -> Option<Duration> {
        let target = self.target_duration();
        // A player polls one of them, from the beginning on.
        if self.context.playlists.has_others_in_place(&self.playlist) {
            return target.or(Some(TARGET));
        }
        let target = target.filter(|_| self.poll_times.is_asked)?;
        let now_us = self.context.fetcher.writer.clock().now_us();
        let passed_us = now_us.saturating_sub(self.poll_times.asked_us);
        let dense_us = clock::micros(target).saturating_sub(NEARLY_US);
        (passed_us < dense_us).then_some(target)
    }

    pub(crate) fn target_duration(&self) -> Option<Duration> {
        let standing = self.playlist.standing();
        match standing.multivariant {
            true => self.context.playlists.shortest_target(),
            false => standing.target_duration,
        }
    }

    /// In microseconds; of a playlist that states none, what is taken for it.
    pub(crate) fn target_us(&self) -> i64 {
        clock::micros(self.target_duration().unwrap_or(TARGET))
    }

    pub(crate) fn interval(&self) -> Duration {
        let mut interval = poll_interval(self.target_duration(), self.context.poll);
        let standing = self.playlist.standing();
        if let (None, Some(part_target)) = (self.context.poll, standing.part_target) {
            interval = interval.min((part_target / 2).max(MIN_POLL));
        }
        if self.context.poll.is_none()
            && standing.multivariant
            && self.context.playlists.have_parts()
        {
            // Requests for the media playlists are held: it would be the one that is asked for most often.
            interval = interval
                .max(self.target_duration().unwrap_or_default())
                .min(MAX_POLL);
        }
        // An origin that begins a session at each request would have ever more of them.
        let slower = self.renewals.min(6);
        if self.context.poll.is_none() && slower > 0 {
            (interval * 2_u32.pow(slower)).min(MAX_POLL)
        } else {
            interval
        }
    }

    /// Notes how late a poll was against its moment: without the time in which the recorder stood still, which is told as that.
    pub(crate) async fn was_late(&self, head: Option<&Hop>, lag_us: i64) {
        let asked_us = head.map_or(0, |head| head.requested_us);
        let activity = &self.context.fetcher.activity;
        let stood_us = activity.stood_still_us(asked_us.saturating_sub(lag_us), asked_us);
        let lag_us = lag_us.saturating_sub(stood_us).max(0);
        self.context.stats.lag(lag_us);
        if lag_us <= LATE_US {
            return;
        }
        let detail = format!(
            "poll {}: {:.3} s behind its moment",
            head.map_or(0, |head| head.id),
            lag_us as f64 / 1e6
        );
        let late = NoticeEvent {
            kind: Notice::Late,
            at_us: asked_us.saturating_sub(lag_us),
            length_us: Some(lag_us),
            detail,
        };
        self.context.fetcher.writer.notice(late).await;
    }
}

/// An interval that is shorter than another by no more is as long.
pub(crate) const NEARLY_US: i64 = 50_000;

/// Polls that waited for a host are so far apart at most.
pub(crate) const MOST_APART: Duration = Duration::from_millis(500);
