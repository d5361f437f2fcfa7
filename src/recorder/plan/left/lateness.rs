//! For how long, and how often, a thing that left its playlists is still tried.

use std::time::Duration;
use tokio::time::Instant;

/// How long something that left is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late {
    pub(crate) left: Instant,
    /// The origin has to keep it until then.
    pub(crate) promised: Instant,
    pub(crate) until: Instant,
    /// For so long after it has come it is not fetched again, if an edge that lags behind lists it.
    pub(crate) departed_for: Duration,
}

impl Late {
    /// `appeared`: when it was in use last, or came into the playlist; `available`: for how long from then on the origin
    /// has to keep it.
    pub(crate) fn new(appeared: Instant, available: Duration, stay: Stay, left: Instant) -> Self {
        Self {
            left,
            promised: appeared + available,
            until: left + available.min(LONGEST),
            departed_for: stay.departed_for,
        }
    }

    /// When it is given up: the last try itself may be a little late.
    pub(crate) fn given_up_at(&self) -> Instant {
        self.until + LAST_TRY
    }

    pub(crate) fn is_too_late(&self, now: Instant) -> bool {
        now > self.promised
    }

    /// When it is tried again that would be tried after `delay`: ever later. `None`: it is given up.
    pub(crate) fn again(&self, delay: Duration, now: Instant) -> Option<Instant> {
        let delay = delay.max(now.saturating_duration_since(self.left) / 4);
        match now + delay {
            at if at <= self.until => Some(at),
            _ if now + LAST_TRY <= self.until => Some(self.until),
            _ => None,
        }
    }
}

/// What a playlist says of how long what left it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    /// The longest that it was.
    pub(crate) longest: Duration,
    pub(crate) departed_for: Duration,
}

/// Whatever a playlist says, what left it is tried for so long at most.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);

/// So many are tried at once, in all, ...
pub(crate) const MOST: usize = 1024;

/// ... with so many bytes of URLs; of more the oldest are given up.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// A last try is made at the end, unless that is nearer than this.
pub(crate) const LAST_TRY: Duration = Duration::from_millis(250);
