//! A moment behind which nothing of a store is waited for any more.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A moment that is set by somebody else, also while requests are under way. Clones share it; at first there is none.
#[derive(Debug, Clone, Default)]
pub struct Deadline(Arc<watch::Sender<Option<Instant>>>);

impl Deadline {
    /// Nothing goes on behind this moment. One that is set already and earlier stays.
    pub fn set(&self, at: Instant) {
        self.0
            .send_modify(|known| *known = Some(known.map_or(at, |known| known.min(at))));
    }

    /// Whether it has come.
    pub fn is_over(&self) -> bool {
        let at = *self.0.borrow();
        at.is_some_and(|at| at <= crate::clock::instant())
    }

    pub(super) async fn passed(&self) {
        let mut set = self.0.subscribe();
        loop {
            let at = *set.borrow_and_update();
            match at {
                Some(at) => return sleep_until(at).await,
                // The sender is this one: there is always another word to come.
                None => _ = set.changed().await,
            }
        }
    }
}
