//! Forgets what a rollback or a removal has made untrue of what is remembered between transactions.

use super::cache::Remembered;
use super::{Cache, Store};
use crate::session::write::keep::Removed;

impl Store {
    /// After a rollback: what was remembered may not be there.
    pub(crate) fn forget(&mut self) {
        self.cache = Cache::default();
        self.asked.forget();
    }

    /// Names of parameters that were noted may not be there.
    pub(crate) fn forget_names(&mut self) {
        self.cache.names = Remembered::default();
    }

    /// After a removal: what was remembered of that is not there.
    pub(crate) fn forget_removed(&mut self, removed: &Removed) {
        let cache = &mut self.cache;
        cache
            .recent
            .retain(|(_, _, id)| !removed.bodies.contains(id));
        cache
            .header_sets
            .retain(|id| !removed.header_sets.contains(id));
        cache.resources.retain(|id| !removed.resources.contains(id));
        for (owner, first) in &removed.lines {
            if let Some(log) = cache.lines.get_mut(*owner) {
                log.forget_before(*first);
            }
        }
        cache.lines.retain(|id| !removed.resources.contains(&id));
    }
}
