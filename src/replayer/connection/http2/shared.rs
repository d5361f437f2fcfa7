//! What the streams of a connection have in common, and how many of them are open.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::budget::Budget;
use crate::replayer::connection::activity::Activity;
use crate::replayer::connection::http1::Peer;

/// Pieces of bodies that a connection has in memory at once, of 64 KiB at most.
const FLIGHTS: usize = 8;

/// What the streams of a connection have in common.
pub(super) struct Shared {
    pub(super) peer: Option<Peer>,
    pub(super) stall: Duration,
    pub(super) budget: Arc<Budget>,
    pub(super) flights: Arc<Semaphore>,
    activity: Arc<Activity>,
    open: Mutex<usize>,
}

impl Shared {
    pub(super) fn new(
        peer: Option<Peer>,
        stall: Duration,
        budget: Arc<Budget>,
        activity: Arc<Activity>,
    ) -> Arc<Self> {
        Arc::new(Self {
            peer,
            stall,
            budget,
            flights: Arc::new(Semaphore::new(FLIGHTS)),
            activity,
            open: Mutex::default(),
        })
    }

    /// Counts one more stream; `None`: the connection is to be closed instead. The first has the place of its connection;
    /// `is_first` says so.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if *open == 0 && !self.activity.begin_answer() {
            return None;
        }
        *open += 1;
        Some(Open {
            shared: Arc::clone(self),
            is_first: *open == 1,
        })
    }
}

/// A stream that is counted until it is dropped.
pub(super) struct Open {
    pub(super) shared: Arc<Shared>,
    pub(super) is_first: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        let shared = &self.shared;
        let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open -= 1;
        if *open == 0 {
            shared.activity.end_body();
            shared.activity.flushed();
        }
    }
}
