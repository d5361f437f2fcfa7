//! What is held for pages: an index of moments, what `isreport` says, and how many may ask at once.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::page::{Index, Judging};

/// Questions of pages that are answered at once.
const AT_ONCE: usize = 2;

/// What is held for pages.
#[derive(Debug)]
pub(crate) struct PageState {
    pub(super) index: Mutex<Index>,
    pub(super) judging: Judging,
    /// Players come first.
    pub(super) slots: Arc<Semaphore>,
    /// The file of hls.js.
    pub(crate) hls_js: Option<PathBuf>,
    player: Mutex<Option<Arc<PlayerFile>>>,
    /// Whether the index is being read, or was.
    pub(super) has_read_ahead: AtomicBool,
}

/// Seconds and nanoseconds of Unix time at which a file was changed, and its size: another file has others.
pub(crate) type FileStamp = (i64, i64, u64);

/// The file of hls.js, read.
#[derive(Debug)]
pub(crate) struct PlayerFile {
    pub(crate) bytes: Bytes,
    pub(crate) gzip: Option<Bytes>,
    /// Its entity tag.
    pub(crate) tag: String,
    /// When it was changed, and its size.
    pub(crate) changed: FileStamp,
}

impl PageState {
    pub(super) fn new(hls_js: Option<PathBuf>) -> Self {
        Self {
            index: Mutex::default(),
            judging: Judging::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            hls_js,
            player: Mutex::default(),
            has_read_ahead: AtomicBool::new(false),
        }
    }

    /// The player as it was read, if its file has not changed since.
    pub(crate) fn player(&self, changed: FileStamp) -> Option<Arc<PlayerFile>> {
        let known = self.player.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|known| known.changed == changed)
    }

    pub(crate) fn keep_player(&self, player: Arc<PlayerFile>) {
        let mut known = self.player.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(player);
    }
}
