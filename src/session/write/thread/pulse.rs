//! How the writer is doing, for those who watch over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::WeakSender;
use tokio::time::Instant;

use super::queue::Queued;
use crate::clock;
use crate::session::notices::Tallies;

/// Notes when something was last alive; clones share it.
#[derive(Debug, Clone)]
pub struct Pulse {
    since: Instant,
    /// Microseconds after `since`.
    beat_us: Arc<AtomicI64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            since: clock::instant(),
            beat_us: Arc::default(),
        }
    }
}

impl Pulse {
    /// Notes that it is alive now.
    pub fn beat(&self) {
        self.beat_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// How long ago it was known to be alive.
    pub fn silence(&self) -> Duration {
        let silent_us = self.now_us() - self.beat_us.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(silent_us).unwrap_or(0))
    }

    fn now_us(&self) -> i64 {
        clock::micros(clock::instant().saturating_duration_since(self.since))
    }
}

/// The writer, looked at from outside; it does not keep the writer going.
#[derive(Debug, Clone)]
pub struct WriterWatch {
    pub(crate) queue: WeakSender<Queued>,
    pub(crate) pulse: Pulse,
    pub(crate) tallies: Tallies,
}

impl WriterWatch {
    /// Messages that wait for it.
    pub fn waiting(&self) -> usize {
        let queue = self.queue.upgrade();
        queue.map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// What the recorder has noticed about itself in this run.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// How long ago it last was through with a batch, committed or refused by a full disk. It
    /// writes that it is alive where there is nothing else to write.
    pub fn silence(&self) -> Duration {
        self.pulse.silence()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_beat() {
        let pulse = Pulse::default();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(pulse.silence(), Duration::from_secs(7));
        pulse.clone().beat();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(pulse.silence(), Duration::from_secs(2));
    }
}
