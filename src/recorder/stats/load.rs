//! How busy the recorder itself is with a stream, and how late.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prometheus_client::metrics::histogram::Histogram;

/// A poll later than this against its moment is late, and an event, in microseconds.
pub const LATE_US: i64 = 1_000_000;
/// Upper ends of the classes that lags are counted in, in seconds.
const CLASSES: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Lags of polls, counted by size; clones share them.
#[derive(Debug, Clone)]
pub struct Lags(Histogram);

impl Default for Lags {
    fn default() -> Self {
        Self(Histogram::new(CLASSES))
    }
}

impl Lags {
    pub(crate) fn note(&self, lag_us: i64) {
        self.0.observe(lag_us as f64 / 1e6);
    }

    /// In seconds.
    pub fn histogram(&self) -> &Histogram {
        &self.0
    }
}

/// What a stream has to do at the moment.
#[derive(Debug, Default)]
pub struct Load {
    waiting: AtomicU64,
    under_way: AtomicU64,
    is_over: AtomicBool,
}

impl Load {
    pub(crate) fn set(&self, waiting: usize, under_way: usize) {
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        self.under_way.store(under_way as u64, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self) {
        self.is_over.store(false, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.set(0, 0);
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Downloads that wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Downloads under way.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// The stream has ended or was taken out.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
