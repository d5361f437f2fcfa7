//! A revision while it is taken into the plan.

use super::playlist::Playlist;
use crate::recorder::plan::left::lateness::Stay;
use crate::recorder::plan::model::{Changes, Key, Listing, Wanted};
use crate::session::Kind;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// A revision while it is taken in.
pub(crate) struct RevisionUpdate<'a> {
    pub(crate) listing: &'a Listing,
    /// Number of the revision: every thing that it lists gets this number.
    pub(crate) number: u64,
    pub(crate) now: Instant,
    /// Duration of the entries behind the current one.
    pub(crate) behind: Duration,
    pub(crate) playlist: Playlist,
    pub(crate) changes: Changes,
    /// The parts that are listed; made when that is asked.
    pub(crate) parts: OnceCell<HashSet<Key>>,
}

impl RevisionUpdate<'_> {
    /// When the current entry was published: the entries behind it came later.
    pub(crate) fn appeared(&self) -> Instant {
        self.now.checked_sub(self.behind).unwrap_or(self.now)
    }

    /// Whether it lists that as a part.
    pub(crate) fn lists_part(&self, key: &Key) -> bool {
        let all = || {
            let parts = self.listing.wanted.iter();
            let parts = parts.filter(|wanted| wanted.kind == Kind::Part);
            parts.map(Wanted::key).collect()
        };
        self.parts.get_or_init(all).contains(key)
    }

    /// For how long the origin has what leaves the playlist; `None`: its name may stand for something else by then.
    pub(crate) fn stay(&self) -> Option<Stay> {
        let is_told = !self.listing.restarted() && !self.playlist.reuses_names;
        is_told.then(|| self.playlist.stay(self.listing.target_duration_us))
    }
}
