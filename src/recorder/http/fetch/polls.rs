//! The turns of a stream's polls: how many are under way at once, and how close together they begin.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::clock;

/// Polls of a stream begin so far apart, on average: 250 a second leave the machine to others. A stream of 8192
/// playlists whose segments last a second would ask for 32,000.
pub(crate) const APART: Duration = Duration::from_millis(4);
/// Polls that may begin at once after a time with fewer: a large multivariant playlist begins.
const AT_ONCE: u32 = 512;

/// Of one stream.
#[derive(Debug)]
pub(crate) struct Polls {
    permits: Semaphore,
    pace: Mutex<Pace>,
}

impl Polls {
    /// `most`: polls under way at once.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            permits: Semaphore::new(most),
            pace: Mutex::new(Pace {
                next: clock::instant(),
            }),
        }
    }

    /// Waits until a poll may begin; it is under way as long as the permit is held.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        let permit = self.permits.acquire().await.ok();
        let begin = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.begin(clock::instant())
        };
        sleep_until(begin).await;
        permit
    }
}

/// When the next poll may begin.
#[derive(Debug)]
struct Pace {
    next: Instant,
}

impl Pace {
    /// When the poll begins that asks for its turn now.
    fn begin(&mut self, now: Instant) -> Instant {
        // Turns that were not used lately can be used now, up to a limit.
        let earliest = now.checked_sub(APART * AT_ONCE).unwrap_or(now);
        let begin = self.next.max(earliest);
        self.next = begin + APART;
        begin.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_begin_at_once_and_the_rest_apart() {
        let start = clock::instant();
        let mut pace = Pace { next: start };
        let later = start + Duration::from_secs(60);
        let begun: Vec<Duration> = (0..1000).map(|_| pace.begin(later) - later).collect();
        assert_eq!(begun.iter().filter(|wait| wait.is_zero()).count(), 513);
        assert_eq!(begun[999], APART * (999 - AT_ONCE));
    }

    #[test]
    fn who_polls_now_and_then_never_waits() {
        let start = clock::instant();
        let mut pace = Pace { next: start };
        for n in 0..10_000 {
            let now = start + APART * n;
            assert_eq!(pace.begin(now), now);
        }
    }
}
