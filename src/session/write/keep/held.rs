//! What `--keep` may not remove yet, since somebody still has to copy it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment behind which nothing goes, whatever is to be kept. Clones share it. Nothing goes before it is told where it is.
#[derive(Debug, Clone)]
pub struct Held {
    from_us: Arc<AtomicI64>,
    /// Until when what was held has gone all the same.
    dropped_until_us: Arc<AtomicI64>,
    gives_way: bool,
}

impl Held {
    /// `gives_way`: where the disk is full it holds nothing.
    pub fn new(gives_way: bool) -> Self {
        Self {
            from_us: Arc::new(AtomicI64::new(i64::MIN)),
            dropped_until_us: Arc::new(AtomicI64::new(i64::MIN)),
            gives_way,
        }
    }

    /// What was before a moment, in microseconds of Unix time, is not held any more.
    pub fn let_go_before(&self, us: i64) {
        self.from_us.fetch_max(us, Ordering::Relaxed);
    }

    /// Nothing is held any more: nobody will copy it.
    pub fn let_go(&self) {
        self.let_go_before(i64::MAX);
    }

    /// Where the disk was full it went up to this moment, in microseconds of Unix time, though it was held; `None`: nothing did.
    pub fn dropped_until_us(&self) -> Option<i64> {
        Some(self.dropped_until_us.load(Ordering::Relaxed)).filter(|us| *us != i64::MIN)
    }

    /// All that was before a moment goes.
    pub(crate) fn goes_before(&self, us: i64) {
        if us > self.from_us.load(Ordering::Relaxed) {
            self.dropped_until_us.fetch_max(us, Ordering::Relaxed);
        }
    }

    /// From when on all is held; `None`: nothing is.
    pub(crate) fn since_us(&self, is_full: bool) -> Option<i64> {
        let holds = !(self.gives_way && is_full);
        holds.then(|| self.from_us.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_held_until_it_is_let_go_and_a_full_disk_may_let_go() {
        let held = Held::new(false);
        assert_eq!(held.since_us(true), Some(i64::MIN));
        held.clone().let_go_before(7);
        held.let_go_before(5);
        assert_eq!(
            (held.since_us(false), held.since_us(true)),
            (Some(7), Some(7))
        );
        let dropping = Held::new(true);
        assert_eq!(
            (dropping.since_us(false), dropping.since_us(true)),
            (Some(i64::MIN), None)
        );
        dropping.let_go_before(7);
        dropping.goes_before(7);
        assert_eq!(dropping.dropped_until_us(), None);
        dropping.goes_before(9);
        assert_eq!(dropping.dropped_until_us(), Some(9));
        dropping.let_go();
        assert_eq!(dropping.since_us(false), Some(i64::MAX));
    }
}
