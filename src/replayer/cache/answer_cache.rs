//! Answers by path and query, each from the moment at which it was asked for until it may be another one.
//!
//! The first of those who ask for the same reads the session; the others wait for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, EntryAction, EntryResult, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};

use super::cached_answer::Answer;
use crate::replayer::memory::bounded::one_shard;
use crate::replayer::response::reply::Reply;

/// The answers in the cache take at most so many bytes of memory …
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// … and so many open files: what the players of some dozens of channels load now, and loaded before.
pub(crate) const MOST_FILES: usize = 128;
/// What an open file weighs, so that there are no more.
const FILE_BYTES: u64 = MOST_BYTES / MOST_FILES as u64;
/// What an answer takes without its content, in bytes, at least; so there are at most 16,384.
const OVERHEAD: u64 = 4096;
/// For so long, in microseconds, those who ask for what is not kept do not wait for each other.
const UNKEPT_US: i64 = 1_000_000;

/// What was read of a session: an answer of one age is one of another if nothing was committed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age {
    /// How often what is known of the session as a whole has changed.
    pub(crate) changes: u64,
    /// How many commits were seen, while it is being recorded.
    pub(crate) commits: u64,
}

/// An answer in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    age: Age,
    /// From when until when it is the answer, in microseconds of Unix time.
    from_us: i64,
    until_us: i64,
    /// `None`: what there is cannot be kept.
    answer: Option<Arc<Answer>>,
}

impl Entry {
    pub(crate) fn new(age: Age, (from_us, until_us): (i64, i64), answer: Answer) -> Self {
        Self {
            age,
            from_us,
            until_us,
            answer: Some(Arc::new(answer)),
        }
    }

    fn unkept(age: Age, from_us: i64) -> Self {
        Self {
            age,
            from_us,
            until_us: from_us.saturating_add(UNKEPT_US),
            answer: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn until_us(&self) -> i64 {
        self.until_us
    }

    /// What was read later is as good.
    fn holds(&self, age: Age, moment_us: i64) -> bool {
        self.age.changes == age.changes
            && self.age.commits >= age.commits
            && (self.from_us..self.until_us).contains(&moment_us)
    }
}

/// A reply, and what of it is kept for the next who asks.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Reply,
    pub(crate) entry: Option<Entry>,
}

impl Answered {
    pub(crate) fn kept(reply: Reply, entry: Entry) -> Self {
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

/// The answers.
#[derive(Debug)]
pub(crate) struct Answers {
    entries: Cache<String, Entry, Weight>,
    changes: AtomicU64,
}

/// What there is for a path at a moment.
pub(crate) enum Found<'a> {
    /// An answer that holds.
    Holds(Arc<Answer>),
    /// What others read a moment ago, and could not be kept.
    Unkept,
    /// Nothing: it is to be read, and others wait for that.
    Load(Loading<'a>),
}

/// To be filled by who reads the session.
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
    /// Gives an answer to all who wait, or says that there is none to keep.
    pub(crate) fn fill(self, entry: Option<Entry>, age: Age, moment_us: i64) {
        // What was forgotten meanwhile is not kept.
        let _ = self
            .0
            .insert(entry.unwrap_or_else(|| Entry::unkept(age, moment_us)));
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            entries: one_shard(MOST_BYTES, Weight),
            changes: AtomicU64::default(),
        }
    }
}

impl Answers {
    /// The answer for a path at a moment of the recording (microseconds of Unix time).
    pub(crate) fn get(&self, path: &str, age: Age, moment_us: i64) -> Option<Arc<Answer>> {
        let entry = self.entries.get(path)?;
        let holds = entry.holds(age, moment_us);
        entry.answer.filter(|_| holds)
    }

    /// The same; where another request is reading it, waits for that.
    pub(crate) async fn wait(&self, path: &str, age: Age, moment_us: i64) -> Found<'_> {
        let found = self
            .entries
            .entry_async(path, |_, entry| match entry.holds(age, moment_us) {
                true => EntryAction::Retain(entry.answer.clone()),
                false => EntryAction::ReplaceWithGuard,
            });
        match found.await {
            EntryResult::Retained(Some(answer)) => Found::Holds(answer),
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                Found::Load(Loading(guard))
            }
            // Nothing is removed, and nothing times out.
            EntryResult::Retained(None) | EntryResult::Removed(..) | EntryResult::Timeout => {
                Found::Unkept
            }
        }
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, path: &str, entry: Entry) {
        self.entries.insert(path.into(), entry);
    }

    #[cfg(test)]
    pub(crate) fn get_any(&self, path: &str) -> Option<Entry> {
        self.entries.get(path)
    }

    #[cfg(test)]
    pub(crate) fn limit(&self, most_bytes: u64) {
        self.entries.set_capacity(most_bytes);
    }

    /// How often what is known of the session has changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The session has changed: nothing that was read before holds.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.entries.clear();
    }
}
