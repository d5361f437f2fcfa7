//! What was made for one request and is given to the next that asks for the same.
//!
//! | file | is |
//! | --- | --- |
//! | `answers` | answers by path, from a moment until a moment; one request reads for all |
//! | `answer`, `prepared` | an answer in the cache, the response that it is |
//! | `texts`, `text` | texts by what they depend on: as recorded, as served, in gzip |
//! | `bodies` | recorded bodies: texts that are shared, files that are opened when their turn comes |
//! | `budget` | memory for texts, those on their way to clients included |
//! | `commits` | when what is read of a session that is being recorded may be another answer |

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

pub(super) mod answer;
pub(super) mod answers;
pub(super) mod bodies;
pub(super) mod budget;
pub(super) mod commits;
mod prepared;
pub(super) mod text;
pub(super) mod texts;

/// A cache in which one entry may have half of the room; a larger one is not kept. Half is for what was asked for
/// again, so that many who ask for other things each do not take that away.
pub(super) fn one_shard<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
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
