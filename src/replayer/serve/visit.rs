//! What a connection is doing now, and when it has taken too long over it. Shared by whoever
//! reads, answers and writes on it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::head::{Head, Refusal};
use super::limits::Limits;
use super::seats::Seat;
use crate::clock;

/// A connection, as far as its limits matter.
#[derive(Debug)]
pub(super) struct Visit {
    limits: Limits,
    seat: Seat,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Heads that were handed on.
    asked: u64,
    /// Heads that somebody answers.
    taken: u64,
    /// Answers that were handed on whole; they may not have left.
    handed_on: u64,
    /// Answers whose last byte has left for the network.
    done: u64,
    /// Since when nothing is being done.
    since: Instant,
    /// When the first byte of the next head came.
    head_began: Option<Instant>,
    /// The last head of this connection, by its number.
    last: Option<u64>,
    refusal: Option<Refusal>,
    /// Until when the watch over it sleeps at most; `None`: until it is woken.
    sleeps_until: Option<Instant>,
}

impl State {
    /// Until when the client has to do something; `None`: it is not its turn.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        if self.done < self.asked {
            return None;
        }
        let (since, limit) = match self.head_began {
            // What came before the answer had left waited for it.
            Some(began) => (began.max(self.since), limits.head),
            None if self.asked == 0 => (self.since, limits.head),
            None => (self.since, limits.idle),
        };
        Some(since + limit)
    }

    /// Whether the watch would wake too late. That it wakes too early costs less, since most
    /// requests come long before.
    fn oversleeps(&self, limits: &Limits) -> bool {
        let deadline = self.deadline(limits);
        deadline.is_some_and(|deadline| self.sleeps_until.is_none_or(|until| until > deadline))
    }
}

/// The turn of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// The connection ends behind its answer.
    pub(super) is_last: bool,
    /// It is answered with this.
    pub(super) refusal: Option<Refusal>,
}

impl Visit {
    pub(super) fn new(limits: Limits, seat: Seat) -> Self {
        Self {
            limits,
            seat,
            state: Mutex::new(State {
                asked: 0,
                taken: 0,
                handed_on: 0,
                done: 0,
                since: clock::instant(),
                head_began: None,
                last: None,
                refusal: None,
                sleeps_until: None,
            }),
            changed: Notify::new(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Nothing in here panics.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes of the next head are there.
    pub(super) fn head_begins(&self) {
        let wakes = self.with(|state| {
            state.head_began.get_or_insert_with(clock::instant);
            state.oversleeps(&self.limits)
        });
        if wakes {
            self.changed.notify_one();
        }
    }

    /// A head is whole, and handed on.
    pub(super) fn asks(&self, head: &Result<Head, Refusal>) {
        self.with(|state| {
            state.asked += 1;
            state.head_began = None;
            match head {
                Ok(head) if !head.has_body => {}
                Ok(_) => state.last = Some(state.asked),
                Err(refusal) => {
                    (state.last, state.refusal) = (Some(state.asked), Some(*refusal));
                }
            }
        });
        self.seat.is_busy();
    }

    /// The next request is being answered.
    pub(super) fn turn(&self) -> Turn {
        self.with(|state| {
            state.taken += 1;
            let is_last = state.last == Some(state.taken);
            Turn {
                is_last,
                refusal: state.refusal.filter(|_| is_last),
            }
        })
    }

    /// The body of an answer was handed on, or given up.
    pub(super) fn hands_on(&self) {
        self.with(|state| state.handed_on += 1);
    }

    /// Everything that was handed on has left.
    pub(super) fn flushed(&self) {
        let (is_idle, wakes) = self.with(|state| {
            if state.done == state.handed_on {
                return (false, false);
            }
            (state.done, state.since) = (state.handed_on, clock::instant());
            let is_idle = state.done == state.asked;
            (is_idle, is_idle && state.oversleeps(&self.limits))
        });
        if is_idle {
            self.seat.is_idle();
        }
        if wakes {
            self.changed.notify_one();
        }
    }

    /// Ends when the client has taken too long, or has to go for another one.
    pub(super) async fn is_over(&self) -> &'static str {
        loop {
            let deadline = self.with(|state| {
                state.sleeps_until = state.deadline(&self.limits);
                state.sleeps_until
            });
            if deadline.is_some_and(|deadline| deadline <= clock::instant()) {
                return "it asked for nothing";
            }
            let wakes = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.seat.is_taken() => return "it had to go for another one",
                () = self.changed.notified() => {}
                () = wakes => {}
            }
        }
    }
}

/// Says when a body was handed on.
#[derive(Debug)]
pub(super) struct HandsOn(pub(super) Arc<Visit>);

impl Drop for HandsOn {
    fn drop(&mut self) {
        self.0.hands_on();
    }
}
