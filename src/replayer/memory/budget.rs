//! Memory for texts: those in the cache and those on their way to clients, together. A client that reads
//! slowly keeps its text for as long as it likes; so texts that find no room wait, or are refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Bytes that texts take at most: what the caches hold, and as much again. One text may take more.
const MOST_BYTES: usize = 192 * 1024 * 1024;
/// Smaller texts are not counted: the number of connections bounds their memory, as it does for chunks.
const SMALL: usize = 64 * 1024;

/// Memory for texts; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    used: AtomicUsize,
    freed: Arc<Notify>,
}

/// Room for a text. By default it counts nothing.
#[derive(Debug, Default)]
pub(crate) struct Permit {
    budget: Option<Arc<Shared>>,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(MOST_BYTES)
    }
}

impl Budget {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            used: AtomicUsize::new(0),
            freed: Arc::default(),
        }))
    }

    /// Takes room for a text while it is made: `times` its bytes, if there is room. There is always room for one
    /// text.
    pub(crate) fn take(&self, text_bytes: usize, times: usize) -> Option<Permit> {
        if text_bytes < SMALL {
            return Some(Permit::default());
        }
        let bytes = text_bytes.saturating_mul(times);
        let more = |used: usize| {
            let all = used.saturating_add(bytes);
            (used == 0 || all <= self.0.most).then_some(all)
        };
        let used = &self.0.used;
        let taken = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        taken.ok().map(|_| Permit {
            budget: Some(Arc::clone(&self.0)),
            bytes,
        })
    }

    /// Resolves once room is given back after this call.
    pub(crate) fn freed(&self) -> OwnedNotified {
        Arc::clone(&self.0.freed).notified_owned()
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.0.used.load(Ordering::Acquire)
    }
}

impl Permit {
    /// Gives back all but `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if let (Some(shared), Some(less @ 1..)) = (&self.budget, self.bytes.checked_sub(bytes)) {
            self.bytes = bytes;
            shared.used.fetch_sub(less, Ordering::AcqRel);
            shared.freed.notify_waiters();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::Text;
    use super::*;

    #[tokio::test]
    async fn a_text_keeps_its_room_until_the_last_client_has_it() {
        let budget = Budget::new(4 * SMALL);
        let permit = budget.take(SMALL, 3).unwrap();
        let text = Text::new(vec![b'a'; SMALL], permit);
        let sent = text.bytes().clone();
        assert_eq!(budget.used(), SMALL + SMALL / 4);
        drop(text);
        assert!(budget.take(SMALL, 3).is_none());
        let freed = budget.freed();
        drop(sent);
        freed.await;
        assert!(budget.take(SMALL, 3).is_some());
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn small_texts_are_never_refused_and_one_of_any_size_is_not() {
        let budget = Budget::new(2 * SMALL);
        let large = budget.take(100 * SMALL, 1).unwrap();
        assert!(budget.take(SMALL, 1).is_none());
        assert!(budget.take(SMALL - 1, 100).is_some());
        drop(large);
        assert!(budget.take(SMALL, 1).is_some());
    }
}
