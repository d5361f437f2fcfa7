//! Whether a client reads: what a body learns of the connection that it leaves by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether bytes are waiting for the client to take them. Shared by a connection and the bodies that are sent on it.
#[derive(Debug, Clone, Default)]
pub struct Stalled(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    waits: AtomicBool,
    is_patient: AtomicBool,
}

impl Stalled {
    /// Whether the last write had to wait and still does.
    pub fn is_stalled(&self) -> bool {
        self.0.waits.load(Ordering::Relaxed)
    }

    /// Lets the client pause from now on.
    pub fn be_patient(&self) {
        self.0.is_patient.store(true, Ordering::Relaxed);
    }

    /// Says whether a write waits.
    pub(crate) fn set(&self, waits: bool) {
        self.0.waits.store(waits, Ordering::Relaxed);
    }

    pub(crate) fn is_patient(&self) -> bool {
        self.0.is_patient.load(Ordering::Relaxed)
    }
}
