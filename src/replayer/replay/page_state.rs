//! What is held for pages: an index of moments, what `isreport` says, and how many may ask at once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
}

impl PageState {
    pub(super) fn new(hls_js: Option<PathBuf>) -> Self {
        Self {
            index: Mutex::default(),
            judging: Judging::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            hls_js,
        }
    }
}
