//! What `--keep` may not remove yet, since somebody still has to copy it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment behind which nothing goes, whatever is to be kept. Clones share it. Nothing goes before it is told where it is.
#[derive(Debug, Clone)]
pub struct Held {
    from_us: Arc<AtomicI64>,
    gives_way: bool,
}

impl Held {
    /// `gives_way`: where the disk is full it holds nothing.
    pub fn new(gives_way: bool) -> Self {
        Self {
            from_us: Arc::new(AtomicI64::new(i64::MIN)),
            gives_way,
        }
    }

    /// What was before a moment, in microseconds of Unix time, is not held any more.
    pub fn let_go_before(&self, us: i64) {
        self.from_us.fetch_max(us, Ordering::Relaxed);
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
    }
}
