//! Bytes on their way through HTTP/2: how many a connection has in memory, and when those of a stream have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Bytes that HTTP/2 was given to send. They count until it has written all of them.
#[derive(Debug)]
pub(super) struct Flight {
    bytes: Bytes,
    in_flight: InFlight,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The flights of a stream that have not left.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    flights: AtomicUsize,
    none_left: Notify,
}

impl InFlight {
    /// Bytes to be sent; the permit is given back when they have left.
    pub(super) fn begin(&self, bytes: Bytes, permit: Option<OwnedSemaphorePermit>) -> Flight {
        self.0.flights.fetch_add(1, Ordering::AcqRel);
        Flight {
            bytes,
            in_flight: self.clone(),
            _permit: permit,
        }
    }

    /// Waits until all have left.
    pub(super) async fn ends(&self) {
        loop {
            let ended = self.0.none_left.notified();
            if self.0.flights.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let counter = &self.in_flight.0;
        if counter.flights.fetch_sub(1, Ordering::AcqRel) == 1 {
            counter.none_left.notify_one();
        }
    }
}

impl Buf for Flight {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
