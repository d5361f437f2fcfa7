//! Texts by what they depend on: one for all clocks and queries that make no difference to it.

use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};

use super::playlist::{Key, Served};
use crate::replayer::memory::bounded::one_shard;
use crate::replayer::memory::text::Text;

/// The texts in the cache take at most so many bytes of memory.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// So long a thread waits for another that makes the same.
const PATIENCE: Duration = Duration::from_millis(10);
/// What an entry takes without its text, in bytes.
const OVERHEAD: u64 = 1024;

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TextKey {
    /// A body as recorded (row of `body`).
    Recorded(i64),
    /// As served.
    Served(Box<Key>),
}

/// What is known of it.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    Recorded(Text),
    Served(Served),
    /// It is served as recorded.
    Unread,
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

impl Weighter<TextKey, Made> for Weight {
    fn weight(&self, key: &TextKey, made: &Made) -> u64 {
        let key = match key {
            TextKey::Recorded(_) => 0,
            TextKey::Served(key) => key.served.len() + key.origin.as_str().len(),
        };
        let text = match made {
            Made::Recorded(text) => text.weight(),
            Made::Served(served) => served.text.weight(),
            Made::Unread | Made::Depends(_) | Made::OwnUrlOnly => 0,
        };
        OVERHEAD + key as u64 + text
    }
}

/// The texts.
#[derive(Debug)]
pub(crate) struct Texts(Cache<TextKey, Made, Weight>);

impl Default for Texts {
    fn default() -> Self {
        Self(one_shard(MOST_BYTES, Weight))
    }
}

impl Texts {
    /// What is known for a key; else it is made, on this thread, and once. `None`: it cannot be made now, or
    /// another thread is making it, and that takes long: readers of the session are few.
    pub(crate) fn get_or_make<E>(
        &self,
        key: &TextKey,
        make: impl FnOnce() -> Result<Option<Made>, E>,
    ) -> Result<Option<Made>, E> {
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

    #[cfg(test)]
    pub(crate) fn limit(&self, most_bytes: u64) {
        self.0.set_capacity(most_bytes);
    }
}
