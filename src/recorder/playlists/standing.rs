//! How a playlist stands: when it last advanced, failed, was dropped.

use crate::recorder::admission::reach::Reach;
use std::time::Duration;
use tokio::time::Instant;

/// How a playlist stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub multivariant: bool,
    /// Its first revision had an end already: it is no live playlist.
    pub on_demand: bool,
    pub ended_since: Option<Instant>,
    pub dropped_since: Option<Instant>,
    pub target_duration: Option<Duration>,
    pub advanced_at: Option<Instant>,
    pub ever_good: bool,
    /// In a row.
    pub failures: u32,
    /// The first of these.
    pub failing_since: Option<Instant>,
    /// The last so many of these said that it is not to be had: 401, 403 or 410, or an address that is not to be asked.
    pub denials: u32,
    /// The last of these came with a Retry-After of so long, and so many in a row with any.
    pub patience: Option<(Duration, u32)>,
    /// Each loop of it since then has panicked before its first poll was over.
    pub panics_since: Option<Instant>,
    /// All polls since then were answered with 401, 403, 404 or 410.
    pub gone_since: Option<Instant>,
    /// What answered for its URL, redirects aside, is public: it stays so, whatever its name is
    /// resolved to later.
    pub(super) head_leads: Reach,
    /// The last answer, or a redirect that led to it, came from a public address.
    pub(super) leads: Reach,
    /// The same of redirects from https to http.
    pub(super) leads_downgraded: bool,
    /// What names it now has been reached by one.
    pub(super) named_downgraded: bool,
}

impl Standing {
    /// Takes back a revision that turned out to be unreadable: what it said is forgotten.
    pub(crate) fn take_back(&mut self, before: &Self) {
        self.multivariant = before.multivariant;
        self.on_demand = before.on_demand;
        self.ended_since = before.ended_since;
        self.target_duration = before.target_duration;
        self.advanced_at = before.advanced_at;
    }

    /// Whether its last poll failed in a way that may be over at the next one.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.failures > 0 && self.denials == 0
    }

    pub(super) fn target(&self) -> Duration {
        self.target_duration.unwrap_or(UNKNOWN_TARGET)
    }

    /// For so long it is watched after its end, or when it is no longer named.
    pub(super) fn watch(&self) -> Duration {
        self.target() * WATCH
    }

    /// Whether it answers, and has not advanced for long.
    pub(super) fn stands(&self, now: Instant) -> bool {
        let is_late = |at: Instant| now.saturating_duration_since(at) >= self.watch();
        self.failures == 0 && self.ended_since.is_none() && self.advanced_at.is_some_and(is_late)
    }
}

/// Target durations that an ended or dropped playlist is still watched for: false ends exist.
pub(crate) const WATCH: u32 = 3;

/// Without a target duration, this is taken for one.
pub(crate) const UNKNOWN_TARGET: Duration = Duration::from_secs(6);
