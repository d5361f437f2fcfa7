//! What is told of an archive that is in trouble, and how long the next attempt waits.

use std::time::Duration;

use tokio::time::Instant;

use super::error::ArchiveError;
use crate::clock;
use crate::session::rfc3339;

/// The first wait after a failure, and the longest: each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Where it is one stream that fails: the others wait with it.
const LONGEST_WAIT_OF_ONE: Duration = Duration::from_secs(10);
/// What the store asks for is granted up to so long.
const MOST_PATIENCE: Duration = Duration::from_secs(600);
/// How often a trouble is told that goes on.
const TELL_EVERY: Duration = Duration::from_secs(300);

/// What is told beside an error.
pub(super) struct Beside {
    /// How many streams fail, and of how many.
    pub(super) failing: (usize, usize),
    /// Seconds since the end of what is there.
    pub(super) behind: Option<f64>,
    /// `--keep` removes something.
    pub(super) keeps_some: bool,
    /// It is not tried again.
    pub(super) ends: bool,
}

/// What was removed before it was archived, told once and then in sums.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    told: Option<(Instant, i64)>,
}

impl Dropped {
    /// It goes up to a moment, in microseconds of Unix time.
    pub(super) fn goes_on(&mut self, shown: &str, until_us: i64) {
        let is_due = self
            .told
            .is_none_or(|(at, told_us)| until_us > told_us && at.elapsed() >= TELL_EVERY);
        if is_due {
            self.told = Some((clock::instant(), until_us));
            tracing::error!(
                "archive {shown}: the disk is full; what was recorded until {} and is not there has been removed (--archive-drop)",
                rfc3339(until_us)
            );
        }
    }
}

/// What is wrong with the store, told once and then in sums.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    since: Option<Instant>,
    told: Option<Instant>,
    failures: u64,
    untold: u64,
}

impl Trouble {
    /// It has failed once more; how long to wait.
    pub(super) fn goes_on(
        &mut self,
        shown: &str,
        error: &ArchiveError,
        beside: &Beside,
    ) -> Duration {
        let now = clock::instant();
        self.since.get_or_insert(now);
        (self.failures, self.untold) = (
            self.failures.saturating_add(1),
            self.untold.saturating_add(1),
        );
        let held = match beside.keeps_some {
            true => "; --keep removes nothing that is not there",
            false => "",
        };
        match self.told {
            None if beside.ends => tracing::warn!("archive {shown}: {error}"),
            None => {
                tracing::warn!(
                    "archive {shown}: {error}; it is tried again and again, and recording goes on{held}"
                );
                (self.told, self.untold) = (Some(now), 0);
            }
            Some(told) if told.elapsed() >= TELL_EVERY => {
                let behind = beside
                    .behind
                    .map_or_else(String::new, |seconds| format!(", {seconds:.0} s behind"));
                let of = match beside.failing {
                    (some, all) if some < all => format!(", {some} of {all} streams"),
                    _ => String::new(),
                };
                tracing::warn!(
                    "archive {shown}: {} more failures, the last: {error}{of}{behind}{held}",
                    self.untold
                );
                (self.told, self.untold) = (Some(now), 0);
            }
            Some(_) => {}
        }
        let doublings = u32::try_from(self.failures.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(10);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let wait = match error.is_of_one_volume() && beside.failing.0 < beside.failing.1 {
            true => wait.min(LONGEST_WAIT_OF_ONE),
            false => wait,
        };
        let asked = match error {
            ArchiveError::Store(error) => error.retry_after.unwrap_or_default().min(MOST_PATIENCE),
            _ => Duration::ZERO,
        };
        wait.max(asked)
    }

    /// The archive has taken something, and nothing fails.
    pub(super) fn is_over(&mut self, shown: &str) {
        if let Some(since) = self.since {
            let lasted = since.elapsed().as_secs();
            tracing::info!(
                "archive {shown}: goes on after {lasted} s and {} failures",
                self.failures
            );
        }
        *self = Self::default();
    }
}
