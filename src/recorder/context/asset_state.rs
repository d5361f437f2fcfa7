//! The state of interstitials of a stream: which were asked for, and how many requests are in flight.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use url::Url;

use crate::recorder::settings::limits::{
    ASSETS_AT_ONCE, MOST_ASSETS_WAITING, MOST_DATE_RANGE_BYTES, MOST_DATE_RANGES,
};
use crate::session::digest;

/// What was asked for on account of date ranges of a stream.
#[derive(Debug)]
pub(crate) struct Assets {
    known: Mutex<Known>,
    pub(crate) under_way: AtomicUsize,
    pub(crate) permits: Semaphore,
    pub(crate) said_too_many: AtomicBool,
    /// Which player we are, to whoever makes lists of assets (`_HLS_primary_id`, RFC 8216bis appendix D).
    pub(crate) player: String,
}

#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By the ID of the date range: under which URL what it names is known.
    pub(crate) asked: HashMap<String, Url>,
    pub(crate) aliases: HashSet<u64>,
    /// Assets that were recorded.
    pub(crate) assets: HashSet<u64>,
    /// What `asked` takes.
    bytes: usize,
}

impl Known {
    /// Notes what a date range names.
    pub(crate) fn note(&mut self, id: &str, url: &Url) {
        self.bytes += id.len() + url.as_str().len();
        self.asked.insert(id.to_owned(), url.clone());
    }
}

impl Assets {
    /// Of a stream, by its number; `zero_us`: when the session began.
    pub(crate) fn new(stream_id: i64, zero_us: i64) -> Self {
        let seed = format!("{stream_id} {zero_us} {}", std::process::id());
        let bytes = digest(seed.as_bytes());
        Self {
            known: Mutex::default(),
            under_way: AtomicUsize::new(0),
            permits: Semaphore::new(ASSETS_AT_ONCE),
            said_too_many: AtomicBool::new(false),
            player: bytes.iter().take(16).map(|b| format!("{b:02x}")).collect(),
        }
    }

    pub(crate) fn lock_known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is being asked for.
    pub(crate) fn are_idle(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn has_room(&self, known: &Known) -> bool {
        known.asked.len() < MOST_DATE_RANGES
            && known.bytes < MOST_DATE_RANGE_BYTES
            && self.under_way.load(Ordering::Relaxed) < MOST_ASSETS_WAITING
    }
}
