//! Texts by what they depend on: one for all clocks and queries that make no difference to it.

use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};

use super::playlist::{Key, Served};
use crate::replayer::memory::bounded::bounded_cache;
use crate::replayer::memory::text::Text;

/// Bytes of memory that the texts in the cache take at most.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// How long a thread waits for another one that makes the same text.
const PATIENCE: Duration = Duration::from_millis(10);
/// What an entry takes without its text, in bytes.
const OVERHEAD: u64 = 1024;

/// Which text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TextKey {
    /// A body as recorded (row of `body`).
    Recorded(i64),
    /// As served.
    Served(Box<Key>),
}

/// The text, or what is known about it.
#[derive(Debug, Clone)]
pub(crate) enum CachedText {
    Recorded(Text),
    Served(Served),
    /// It is served as recorded.
    AsRecorded,
    /// There is no delta of it: it is served whole.
    NoDelta,
    /// It depends on more than its key says.
    Depends(Depends),
    /// It only means something at its own URL: it takes variables from its query, which the player does not have.
    OwnUrlOnly,
}

/// What else a playlist depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depends {
    /// Variables out of the query (RFC 8216bis 4.4.2.3: QUERYPARAM).
    pub(crate) query: bool,
    /// Variables of the multivariant playlist (IMPORT).
    pub(crate) imports: bool,
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<TextKey, CachedText> for Weight {
    fn weight(&self, key: &TextKey, made: &CachedText) -> u64 {
        let key = match key {
            TextKey::Recorded(_) => 0,
            TextKey::Served(key) => key.served.len() + key.origin.as_str().len(),
        };
        let text = match made {
            CachedText::Recorded(text) => text.weight(),
            CachedText::Served(served) => served.text.weight(),
            CachedText::AsRecorded
            | CachedText::NoDelta
            | CachedText::Depends(_)
            | CachedText::OwnUrlOnly => 0,
        };
        OVERHEAD + key as u64 + text
    }
}

/// The cache.
#[derive(Debug)]
pub(crate) struct TextCache(Cache<TextKey, CachedText, Weight>);

impl Default for TextCache {
    fn default() -> Self {
        Self(bounded_cache(MOST_BYTES, Weight))
    }
}

impl TextCache {
    /// The text of a key; where there is none, it is made once, on this thread. `None`: it cannot be made now, or
    /// another thread is making it, and that takes long: readers of the session are few.
    pub(crate) fn get_or_make<E>(
        &self,
        key: &TextKey,
        make: impl FnOnce() -> Result<Option<CachedText>, E>,
    ) -> Result<Option<CachedText>, E> {
        match self.0.get_value_or_guard(key, Some(PATIENCE)) {
            GuardResult::Value(made) => Ok(Some(made)),
            GuardResult::Guard(guard) => {
                let made = make()?;
                if let Some(made) = &made {
                    // Nobody removes it meanwhile; if so, it is made again.
                    let _ = guard.insert(made.clone());
                }
                Ok(made)
            }
            GuardResult::Timeout => Ok(None),
        }
    }

    /// Texts take no more from now on, in bytes.
    #[cfg(any(test, feature = "archive"))]
    pub(crate) fn limit(&self, most_bytes: u64) {
        self.0.set_capacity(most_bytes);
    }
}
