//! For how long the requests for a playlist, or for a raw stream, have brought no answer.

use std::sync::atomic::{AtomicI64, Ordering};

/// The requests without an answer in a row.
#[derive(Debug, Default)]
pub struct Waiting {
    /// When the first of them was made, in microseconds of Unix time; 0: there is none.
    since_us: AtomicI64,
    /// The one that is under way was made then.
    asked_us: AtomicI64,
}

impl Waiting {
    /// A request is made.
    pub(crate) fn asks(&self, at_us: i64) {
        let first = (0, at_us, Ordering::Relaxed, Ordering::Relaxed);
        // Where an earlier one had no answer either, it began then.
        let _ = self
            .since_us
            .compare_exchange(first.0, first.1, first.2, first.3);
        self.asked_us.store(at_us, Ordering::Relaxed);
    }

    /// The head of an answer is there.
    pub(crate) fn is_answered(&self) {
        self.since_us.store(0, Ordering::Relaxed);
        self.asked_us.store(0, Ordering::Relaxed);
    }

    /// The request that was under way is over without one.
    pub(crate) fn is_given_up(&self) {
        self.asked_us.store(0, Ordering::Relaxed);
    }

    /// When the first request without an answer was made, in microseconds of Unix time.
    pub fn since_us(&self) -> Option<i64> {
        Some(self.since_us.load(Ordering::Relaxed)).filter(|us| *us > 0)
    }

    /// When the request under way was made that has no answer yet.
    pub fn asked_us(&self) -> Option<i64> {
        Some(self.asked_us.load(Ordering::Relaxed)).filter(|us| *us > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_vain_count_from_the_first_of_them() {
        let waiting = Waiting::default();
        assert_eq!(waiting.since_us(), None);
        waiting.asks(5);
        waiting.is_given_up();
        assert_eq!((waiting.since_us(), waiting.asked_us()), (Some(5), None));
        waiting.asks(9);
        assert_eq!((waiting.since_us(), waiting.asked_us()), (Some(5), Some(9)));
        waiting.is_answered();
        assert_eq!((waiting.since_us(), waiting.asked_us()), (None, None));
    }
}
