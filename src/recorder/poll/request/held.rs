//! Whether the next poll is one that the origin holds, and when that is made (`docs/design/low-latency.md`).

use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::state::blocking::{Held, LEAST_APART};
use crate::recorder::schedule::MIN_POLL;

impl Poller {
    /// What the origin is asked to wait for, if the next poll is made then; `None`: it is an ordinary one.
    pub(super) fn held(&self, now: Instant) -> Option<Held> {
        let standing = self.playlist.standing();
        let may = self.context.blocking
            && self.overdue.is_none()
            && standing.failures == 0
            && !standing.multivariant
            && !self.is_slow()
            && !self.playlist.has_fresh_name(now);
        self.blocking.due(now).filter(|_| may)
    }

    /// When a poll that the origin holds is due, after one that was over then: at once. `least`: polls are so far apart,
    /// whatever the origin answers.
    pub(super) fn next_held(&mut self, over: Instant, least: Duration) -> Option<Instant> {
        self.held(over)?;
        let clock = self.context.fetcher.writer.clock();
        let over_us = clock.at_us(over);
        let wished = self.context.poll.unwrap_or_default();
        let part = self.playlist.standing().part_target.unwrap_or(MIN_POLL);
        let apart = (part / 2).clamp(LEAST_APART, MIN_POLL).max(wished);
        let apart_us = clock::micros(least.max(apart));
        let due_us = over_us.max(self.poll_times.asked_us.saturating_add(apart_us));
        // Ordinary polls go on from here.
        self.poll_times.times.settle(due_us);
        let pause_us = due_us.saturating_sub(over_us);
        Some(over + Duration::from_micros(u64::try_from(pause_us).unwrap_or(0)))
    }
}
