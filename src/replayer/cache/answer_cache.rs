//! Answers by path and query, each from the moment at which it was asked for until it may be another one.
//!
//! Of concurrent requests for a path the first one reads the session; the others wait for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, EntryAction, EntryResult, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};

use super::cached_answer::CachedAnswer;
use crate::replayer::memory::bounded::bounded_cache;
use crate::replayer::response::reply::Reply;

/// Bytes of memory that the answers in the cache take at most …
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// … and the number of open files: those that players of some dozens of channels load now, and loaded before.
pub(crate) const MOST_FILES: usize = 128;
/// The weight of an open file, so that there are at most [`MOST_FILES`].
const FILE_BYTES: u64 = MOST_BYTES / MOST_FILES as u64;
/// The weight of an answer without its content, in bytes; so there are at most 16,384 answers.
const OVERHEAD: u64 = 4096;
/// For this long after an answer that cannot be cached, requests for its path do not wait for each other. In
/// microseconds.
const UNCACHEABLE_US: i64 = 1_000_000;

/// The generation of a session's content: within one generation no commit was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation {
    /// How often the state of the session as a whole has changed.
    pub(crate) changes: u64,
    /// How many commits were seen, while it is being recorded.
    pub(crate) commits: u64,
}

/// An answer in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    generation: Generation,
    /// From when until when it is the answer, in microseconds of Unix time.
    from_us: i64,
    until_us: i64,
    /// `None`: the answer cannot be cached.
    answer: Option<Arc<CachedAnswer>>,
}

impl Entry {
    pub(crate) fn new(
        generation: Generation,
        (from_us, until_us): (i64, i64),
        answer: CachedAnswer,
    ) -> Self {
        Self {
            generation,
            from_us,
            until_us,
            answer: Some(Arc::new(answer)),
        }
    }

    fn uncacheable(generation: Generation, from_us: i64) -> Self {
        Self {
            generation,
            from_us,
            until_us: from_us.saturating_add(UNCACHEABLE_US),
            answer: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn until_us(&self) -> i64 {
        self.until_us
    }

    /// An answer of a later generation is as good.
    fn holds(&self, generation: Generation, moment_us: i64) -> bool {
        self.generation.changes == generation.changes
            && self.generation.commits >= generation.commits
            && (self.from_us..self.until_us).contains(&moment_us)
    }
}

/// A reply, and its entry for the cache.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    pub(crate) entry: Option<Entry>,
}

impl Answered {
    pub(crate) fn cached(reply: Reply, entry: Entry) -> Self {
        let entry = Some(entry);
        Self { reply, entry }
    }
}

impl From<Reply> for Answered {
    fn from(reply: Reply) -> Self {
        Self { reply, entry: None }
    }
}

#[derive(Debug, Clone)]
struct Weight;

impl Weighter<String, Entry> for Weight {
    fn weight(&self, path: &String, entry: &Entry) -> u64 {
        let answer = entry.answer.as_ref();
        let file = answer.is_some_and(|answer| answer.is_file());
        let content = match file {
            true => FILE_BYTES - OVERHEAD,
            false => answer.map_or(0, |answer| answer.content_bytes()),
        };
        OVERHEAD.max(path.len() as u64) + content
    }
}

/// The cache.
#[derive(Debug)]
pub(crate) struct AnswerCache {
    entries: Cache<String, Entry, Weight>,
    changes: AtomicU64,
}

/// What the cache has for a path at a moment.
pub(crate) enum CacheResult<'a> {
    /// An answer that holds.
    Hit(Arc<CachedAnswer>),
    /// Another request read it a moment ago, and it cannot be cached.
    Uncacheable,
    /// Nothing: the caller reads it, and other requests wait for that.
    Miss(Loading<'a>),
}

/// A miss: whoever holds it reads the session and fills the entry.
pub(crate) struct Loading<'a>(
    PlaceholderGuard<
        'a,
        String,
        Entry,
        Weight,
        DefaultHashBuilder,
        quick_cache::sync::DefaultLifecycle<String, Entry>,
    >,
);

impl Loading<'_> {
    /// Gives the answer to all requests that wait, or `None`: it cannot be cached.
    pub(crate) fn fill(self, entry: Option<Entry>, generation: Generation, moment_us: i64) {
        // An entry that was cleared meanwhile is not filled.
        let _ = self
            .0
            .insert(entry.unwrap_or_else(|| Entry::uncacheable(generation, moment_us)));
    }
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self {
            entries: bounded_cache(MOST_BYTES, Weight),
            changes: AtomicU64::default(),
        }
    }
}

impl AnswerCache {
    /// The answer for a path at a moment of the recording (microseconds of Unix time).
    pub(crate) fn get(
        &self,
        path: &str,
        generation: Generation,
        moment_us: i64,
    ) -> Option<Arc<CachedAnswer>> {
        let entry = self.entries.get(path)?;
        let holds = entry.holds(generation, moment_us);
        entry.answer.filter(|_| holds)
    }

    /// The answer for a path at a moment. Where another request is reading it, waits for that.
    pub(crate) async fn wait(
        &self,
        path: &str,
        generation: Generation,
        moment_us: i64,
    ) -> CacheResult<'_> {
        let found =
            self.entries
                .entry_async(path, |_, entry| match entry.holds(generation, moment_us) {
                    true => EntryAction::Retain(entry.answer.clone()),
                    false => EntryAction::ReplaceWithGuard,
                });
        match found.await {
            EntryResult::Retained(Some(answer)) => CacheResult::Hit(answer),
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                CacheResult::Miss(Loading(guard))
            }
            // The closure removes no entry, and there is no time limit.
            EntryResult::Retained(None) | EntryResult::Removed(..) | EntryResult::Timeout => {
                CacheResult::Uncacheable
            }
        }
    }

    /// Caches an answer.
    pub(crate) fn put(&self, path: &str, entry: Entry) {
        self.entries.insert(path.into(), entry);
    }

    #[cfg(test)]
    pub(crate) fn get_any(&self, path: &str) -> Option<Entry> {
        self.entries.get(path)
    }

    /// Answers take no more from now on, in bytes.
    #[cfg(any(test, feature = "archive"))]
    pub(crate) fn limit(&self, most_bytes: u64) {
        self.entries.set_capacity(most_bytes);
    }

    /// How often the state of the session has changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Clears the cache after the session has changed: earlier answers no longer hold.
    pub(crate) fn clear(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }
}
