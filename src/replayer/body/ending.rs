//! How a connection is to end: what a recorded reset comes back as.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a connection is to end. Shared by the connection and the bodies that are sent on it.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// With a reset, when the connection is dropped.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
