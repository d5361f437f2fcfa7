//! Caches that take a bounded number of bytes.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// A cache in which one entry may have half of the room; a larger one is not kept. Half is for entries that were asked
/// for again, so that requests for many other things do not evict them.
pub(crate) fn bounded_cache<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    most_bytes: u64,
    weight: W,
) -> Cache<K, V, W> {
    let mut options = OptionsBuilder::new();
    options
        .shards(1)
        .hot_allocation(0.5)
        .estimated_items_capacity(1024)
        .weight_capacity(most_bytes);
    let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    match options.build() {
        Ok(options) => Cache::with_options(options, weight, hash, lifecycle),
        // All options that have no default are set.
        Err(_) => Cache::with(1024, most_bytes, weight, hash, lifecycle),
    }
}
