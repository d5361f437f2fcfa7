//! Whether there is room for bodies: said by whoever is refused, heeded by all.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::Clock;

/// Room for so many bytes is needed at least before bodies are taken again, and at most,
/// whatever an origin announces.
const LEAST_NEEDED: u64 = 1024 * 1024;
const MOST_NEEDED: u64 = 64 * 1024 * 1024;

/// There is room, or there is none since some moment; clones share it.
///
/// While there is none all bodies are refused, so that the reserve is left to rows.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    clock: Option<Clock>,
    /// Microseconds of Unix time; 0: there is room.
    full_since_us: AtomicI64,
    /// The largest body that had no room, as far as it came.
    largest: AtomicU64,
    not_kept: AtomicU64,
}

impl Room {
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock: Some(clock),
            ..Inner::default()
        }))
    }

    /// Whether a body can be begun, or go on.
    pub(crate) fn admit(&self) -> io::Result<()> {
        match self.full_since_us() {
            None => Ok(()),
            Some(_) => {
                let error = "the disk is full: no bodies are kept until there is room";
                Err(io::Error::new(io::ErrorKind::StorageFull, error))
            }
        }
    }

    /// A body of so many bytes so far was refused: if it is for want of room, there is none from now on.
    pub(crate) fn refused(&self, error: &io::Error, size: u64) {
        if is_full(error) {
            self.0.largest.fetch_max(size, Ordering::Relaxed);
            self.close();
        }
    }

    /// An exchange is written whose body is not kept, though an answer was due.
    pub(crate) fn lost(&self) {
        if self.full_since_us().is_some() {
            self.0.not_kept.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// From now on there is none.
    pub(crate) fn close(&self) {
        if let Some(clock) = self.0.clock {
            let now_us = clock.now_us().max(1);
            let since = &self.0.full_since_us;
            let _ = since.compare_exchange(0, now_us, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// From now on there is room.
    pub(crate) fn open(&self) {
        self.0.not_kept.store(0, Ordering::Relaxed);
        self.0.full_since_us.store(0, Ordering::Relaxed);
    }

    /// Exchanges since then whose bodies are not kept.
    pub(crate) fn not_kept(&self) -> u64 {
        self.0.not_kept.load(Ordering::Relaxed)
    }

    /// Since when there is none, in microseconds of Unix time.
    pub(crate) fn full_since_us(&self) -> Option<i64> {
        let since_us = self.0.full_since_us.load(Ordering::Relaxed);
        (since_us != 0).then_some(since_us)
    }

    /// So much room is needed before bodies are taken again, in bytes.
    pub(crate) fn needed(&self) -> u64 {
        // It came in part only.
        let twice = self.0.largest.load(Ordering::Relaxed).saturating_mul(2);
        twice.clamp(LEAST_NEEDED, MOST_NEEDED)
    }
}

/// There may be room later.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_refused_for_want_of_room_closes_it_for_all() {
        let room = Room::new(Clock::start());
        room.refused(&io::ErrorKind::PermissionDenied.into(), 5);
        room.admit().unwrap();
        let other = room.clone();
        other.refused(&io::ErrorKind::QuotaExceeded.into(), 5);
        assert!(is_full(&room.admit().unwrap_err()));
        let since = room.full_since_us();
        room.close();
        assert_eq!(room.full_since_us(), since, "it began once");
        assert_eq!(room.not_kept(), 0, "its exchange is not written yet");
        other.lost();
        assert_eq!(room.not_kept(), 1);
        room.open();
        room.lost();
        assert_eq!(room.not_kept(), 0, "there is room");
        other.admit().unwrap();
    }

    #[test]
    fn what_had_no_room_needs_more_than_what_came_of_it() {
        let room = Room::new(Clock::start());
        assert_eq!(room.needed(), LEAST_NEEDED);
        room.refused(&io::ErrorKind::StorageFull.into(), 3_000_000);
        assert_eq!(room.needed(), 6_000_000);
        room.refused(&io::ErrorKind::StorageFull.into(), u64::MAX);
        assert_eq!(room.needed(), MOST_NEEDED);
    }
}
