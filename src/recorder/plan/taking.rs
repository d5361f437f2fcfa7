//! A revision that is being taken into the plan.

use super::lateness::Stay;
use super::model::{Changes, Listing};
use super::playlist::Playlist;
use std::time::Duration;
use tokio::time::Instant;

/// A revision while it is taken in.
pub(super) struct Taking<'a> {
    pub(super) listing: &'a Listing,
    /// Of the revision: what is listed by it bears this number.
    pub(super) number: u64,
    pub(super) now: Instant,
    /// What is listed behind what is being looked at is so long.
    pub(super) behind: Duration,
    pub(super) playlist: Playlist,
    pub(super) changes: Changes,
}

impl Taking<'_> {
    /// When what is being looked at was published: what is listed behind it came later.
    pub(super) fn appeared(&self) -> Instant {
        self.now.checked_sub(self.behind).unwrap_or(self.now)
    }

    /// How long what leaves the playlist is there; `None`: nobody knows what its name stands for then.
    pub(super) fn stay(&self) -> Option<Stay> {
        let is_told = !self.listing.restarted() && !self.playlist.reuses_names;
        is_told.then(|| self.playlist.stay(self.listing.target_duration_us))
    }
}
