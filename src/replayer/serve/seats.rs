//! Places for connections: who comes when there is none, and who goes.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::crowd::{Crowd, Id, NoRoom};
use super::limits::Limits;
use crate::clock;

/// All places.
#[derive(Debug)]
pub(super) struct Seats {
    crowd: Mutex<Crowd<Arc<Notify>>>,
    /// Somebody left, or has become idle.
    room: Notify,
}

/// A place; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    id: Id,
    taken: Arc<Notify>,
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            crowd: Mutex::new(Crowd::new(limits)),
            room: Notify::new(),
        })
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd<Arc<Notify>>> {
        // Nothing in there panics.
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, as soon as there is one; `None`: its address has too many.
    pub(super) async fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let taken = Arc::new(Notify::new());
        loop {
            let entered = self
                .crowd()
                .enter(address, clock::instant(), Arc::clone(&taken));
            match entered {
                Ok((id, evicted)) => {
                    if let Some(evicted) = evicted {
                        evicted.notify_one();
                    }
                    let seats = Arc::clone(self);
                    return Some(Seat { seats, id, taken });
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
            oldest.notify_one();
            true
        })
    }
}

impl Seat {
    /// Its client asks for nothing now.
    pub(super) fn is_idle(&self) {
        self.seats.crowd().is_idle(self.id, clock::instant());
        self.seats.room.notify_one();
    }

    /// Its client is being answered now.
    pub(super) fn is_busy(&self) {
        self.seats.crowd().is_busy(self.id);
    }

    /// Ends when it has to be left.
    pub(super) async fn is_taken(&self) {
        self.taken.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.crowd().leave(self.id);
        self.seats.room.notify_one();
    }
}
