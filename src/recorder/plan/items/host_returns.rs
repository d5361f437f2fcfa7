//! Things that waited for a host are asked for again, not all at one moment. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Between the first and the next two, these and the next four, and so on: time for the host to say that it
/// wants to be left alone again.
const STEP: Duration = Duration::from_millis(250);

/// How many wait for each moment.
#[derive(Debug, Default)]
pub(crate) struct Returning(BTreeMap<Instant, u32>);

impl Returning {
    /// How long after `until`, when a host may be asked again, one more thing that waits for it is.
    pub(crate) fn place(&mut self, until: Instant, now: Instant) -> Duration {
        // There may be very many of them to come.
        while self.0.first_key_value().is_some_and(|(at, _)| *at <= now) {
            self.0.pop_first();
        }
        let before = self.0.entry(until).or_default();
        *before = before.saturating_add(1);
        STEP * before.ilog2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_first_returns_alone_and_twice_as_many_in_each_step() {
        let now = clock::instant();
        let until = now + Duration::from_secs(9);
        let mut returning = Returning::default();
        let mut in_step = [0; 4];
        for _ in 0..15 {
            let place = returning.place(until, now);
            in_step[(place.as_millis() / STEP.as_millis()) as usize] += 1;
        }
        assert_eq!(in_step, [1, 2, 4, 8]);
        let other = until + Duration::from_secs(1);
        assert_eq!(returning.place(other, now), Duration::ZERO, "another host");
        returning.place(other + STEP, until);
        assert_eq!(returning.0.len(), 2, "what is over is forgotten");
    }
}
