//! A revision that is being taken into the plan.

use super::playlist::Playlist;
use crate::recorder::plan::left::lateness::Stay;
use crate::recorder::plan::model::{Changes, Listing};
use std::time::Duration;
use tokio::time::Instant;

/// A revision while it is taken in.
pub(crate) struct RevisionUpdate<'a> {
    pub(crate) listing: &'a Listing,
    /// Of the revision: what is listed by it bears this number.
    pub(crate) number: u64,
    pub(crate) now: Instant,
    /// What is listed behind what is being looked at is so long.
    pub(crate) behind: Duration,
    pub(crate) playlist: Playlist,
    pub(crate) changes: Changes,
}

impl RevisionUpdate<'_> {
    /// When what is being looked at was published: what is listed behind it came later.
    pub(crate) fn appeared(&self) -> Instant {
        self.now.checked_sub(self.behind).unwrap_or(self.now)
    }

    /// How long what leaves the playlist is there; `None`: nobody knows what its name stands for then.
    pub(crate) fn stay(&self) -> Option<Stay> {
        let is_told = !self.listing.restarted() && !self.playlist.reuses_names;
        is_told.then(|| self.playlist.stay(self.listing.target_duration_us))
    }
}
