//! Places for connections: who comes when there is none, and who goes.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::crowd::{Crowd, Doing, Guest, Id, NoRoom};
use super::limits::Limits;
use crate::clock;

/// Who has a place. What it does is noted here, where nobody else looks, and told to the crowd only
/// when somebody had to go meanwhile: requests are many, and the crowd has one lock.
#[derive(Debug)]
struct Sitter {
    leave: Notify,
    began: Instant,
    /// Microseconds after `began` since when it is idle, and the two flags.
    doing: AtomicU64,
}

/// It is being answered.
const BUSY: u64 = 1 << 63;
/// It was when it was asked, and tells when it is not any more.
const TELLS: u64 = 1 << 62;

impl Sitter {
    fn new(now: Instant) -> Arc<Self> {
        Arc::new(Self {
            leave: Notify::new(),
            began: now,
            doing: AtomicU64::new(0),
        })
    }

    fn is_busy(&self) {
        self.doing.fetch_or(BUSY, Ordering::AcqRel);
    }

    /// Whether the crowd has to be told.
    fn is_idle(&self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.began).as_micros();
        let since = u64::try_from(since).unwrap_or(0) & !(BUSY | TELLS);
        self.doing.swap(since, Ordering::AcqRel) & TELLS != 0
    }
}

impl Guest for Arc<Sitter> {
    fn doing(&self) -> Doing {
        let tells = |doing| (doing & BUSY != 0).then_some(doing | TELLS);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        match self.doing.fetch_update(order.0, order.1, tells) {
            Ok(_) => Doing::Busy,
            Err(since) => Doing::IdleSince(self.began + Duration::from_micros(since)),
        }
    }
}

/// All places.
#[derive(Debug)]
pub(super) struct Seats {
    crowd: Mutex<Crowd<Arc<Sitter>>>,
    /// Somebody left, or has become idle.
    room: Notify,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    id: Id,
    sitter: Arc<Sitter>,
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            crowd: Mutex::new(Crowd::new(limits)),
            room: Notify::new(),
        })
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<Arc<Sitter>>> {
        // Nothing in there panics.
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, as soon as there is one; `None`: its address has too many.
    pub(super) async fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        loop {
            let now = clock::instant();
            let sitter = Sitter::new(now);
            let entered = self.crowd().enter(address, now, Arc::clone(&sitter));
            match entered {
                Ok((id, evicted)) => {
                    if let Some(evicted) = evicted {
                        evicted.leave.notify_one();
                    }
                    let seats = Arc::clone(self);
                    return Some(Seat { seats, id, sitter });
                }
                Err(NoRoom::TooManyOfOne) => return None,
                Err(NoRoom::Full) => self.room.notified().await,
            }
        }
    }

    /// Whoever has been idle for longest has to go; whether there was one.
    pub(super) fn evict(&self) -> bool {
        let oldest = self.crowd().oldest_leaves();
        oldest.is_some_and(|oldest| {
            oldest.leave.notify_one();
            true
        })
    }
}

impl Seat {
    /// Its client asks for nothing now.
    pub(super) fn is_idle(&self) {
        let now = clock::instant();
        if self.sitter.is_idle(now) {
            self.seats.crowd().is_idle(self.id, now);
            self.seats.room.notify_one();
        }
    }

    /// Its client is being answered now.
    pub(super) fn is_busy(&self) {
        self.sitter.is_busy();
    }

    /// Ends when it has to be left.
    pub(super) async fn is_taken(&self) {
        self.sitter.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.crowd().leave(self.id);
        self.seats.room.notify_one();
    }
}
