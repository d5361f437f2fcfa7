//! What an answer is made of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index::Index;
use super::judging::Judging;
use crate::session::{Hole, Reader, StreamInfo, seconds};

/// What is known of a session without asking it. Times in microseconds of Unix time.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its name.
    pub session: String,
    /// Session zero.
    pub zero_us: i64,
    /// Its end; of one that is being recorded, when its recorder was last known alive.
    pub end_us: i64,
    /// Whether it is being recorded.
    pub recording: bool,
    /// From when on nothing was removed; `None`: nothing was.
    pub kept_us: Option<i64>,
    /// When no recorder ran.
    pub holes: Vec<Hole>,
    /// Its streams.
    pub streams: Vec<StreamInfo>,
    /// Where each of them is, in the same order; relative to the page.
    pub paths: Vec<StreamPaths>,
    /// Whether there is a player at `-/hls.js`.
    pub has_hls_js: bool,
}

/// Where a stream is, relative to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPaths {
    /// On the server's clock.
    pub play: String,
    /// All of it as a playlist; `None`: nothing of it can be played so.
    pub dvr: Option<String>,
}

impl Known {
    /// Session seconds of a moment (microseconds of Unix time).
    pub(super) fn at(&self, us: i64) -> f64 {
        seconds(us.saturating_sub(self.zero_us))
    }

    /// The moment of session microseconds, in microseconds of Unix time.
    pub(super) fn moment_us(&self, session_us: i64) -> i64 {
        self.zero_us.saturating_add(session_us)
    }

    /// The stream of a row of `stream`.
    pub(super) fn stream(&self, id: i64) -> &str {
        let stream = self.streams.iter().find(|stream| stream.id == id);
        stream.map_or("", |stream| stream.name.as_str())
    }

    /// The row of the stream of a name; `None`: there is none.
    pub(super) fn stream_id(&self, name: &str) -> Option<i64> {
        let stream = self.streams.iter().find(|stream| stream.name == name);
        stream.map(|stream| stream.id)
    }
}

/// A look at a session.
#[derive(Debug)]
pub struct View<'a> {
    /// Reads it.
    pub reader: &'a Reader,
    /// What is known without asking it.
    pub known: &'a Known,
    /// Moments, held in memory.
    pub index: &'a Mutex<Index>,
    /// What `isreport` says.
    pub judging: &'a Judging,
}

impl View<'_> {
    /// A panic while it was held leaves an index that is behind, no more.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
