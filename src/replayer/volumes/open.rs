//! Volumes that are open: a few, those that were asked last.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock;
use crate::replayer::replay::Replay;
use crate::session::source::OpenVolume;

/// Volumes that are open at a time.
const MOST: usize = 32;

/// A volume that answers from a moment to another.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) stream: String,
    pub(super) volume: Arc<OpenVolume>,
    pub(super) replay: Arc<Replay>,
    /// The one behind it was opened, or is being opened.
    pub(super) has_read_ahead: AtomicBool,
    used: AtomicU64,
}

impl Opened {
    pub(super) fn new(stream: &str, volume: Arc<OpenVolume>, replay: Arc<Replay>) -> Self {
        Self {
            stream: stream.to_owned(),
            volume,
            replay,
            has_read_ahead: AtomicBool::new(false),
            used: AtomicU64::new(0),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Open {
    all: Mutex<Vec<Arc<Opened>>>,
    uses: AtomicU64,
}

impl Open {
    /// The one of a stream that answers at a moment, where that is known not to have changed.
    pub(super) fn at(&self, stream: &str, moment_us: i64) -> Option<Arc<Opened>> {
        let now = clock::instant();
        let all = self.all();
        let mut fresh = all.iter().filter(|one| {
            one.stream == stream && one.volume.contains(moment_us) && one.volume.fresh_until > now
        });
        let found = fresh.next()?;
        let uses = self.uses.fetch_add(1, Ordering::Relaxed);
        found.used.store(uses, Ordering::Relaxed);
        Some(Arc::clone(found))
    }

    /// The replay of a volume that is open, where more is known of when it is asked.
    pub(super) fn same(
        &self,
        stream: &str,
        volume: &OpenVolume,
        end_us: i64,
    ) -> Option<Arc<Replay>> {
        let all = self.all();
        let same = all.iter().find(|one| {
            one.stream == stream
                && one.volume.folder.path() == volume.folder.path()
                && one.volume.known_until_us == volume.known_until_us
                && one.replay.span().end_us == end_us
        });
        same.map(|one| Arc::clone(&one.replay))
    }

    /// Holds one, in place of what was known of the same time, and lets go of the one that was asked longest ago.
    pub(super) fn hold(&self, opened: &Arc<Opened>) {
        let uses = self.uses.fetch_add(1, Ordering::Relaxed);
        opened.used.store(uses, Ordering::Relaxed);
        let mut all = self.all();
        let (from_us, until_us) = (opened.volume.from_us, opened.volume.until_us);
        all.retain(|one| {
            let overlaps = one.volume.from_us < until_us && one.volume.until_us > from_us;
            one.stream != opened.stream || !overlaps
        });
        if all.len() >= MOST {
            let oldest = all.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, one)| one.used.load(Ordering::Relaxed));
            if let Some(at) = oldest.map(|(at, _)| at) {
                all.swap_remove(at);
            }
        }
        all.push(Arc::clone(opened));
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Opened>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
