//! What a connection is doing and since when: for its time limits, and for the table that looks for one to evict.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::limits::Limits;
use crate::clock;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its client sends the head of a request, since then.
    Head(Instant),
    /// A request is being answered.
    Answering,
    /// All of an answer was given to hyper; the system has not taken all of it yet.
    Flushing,
    /// It is between requests, since then.
    Idle(Instant),
    /// It was evicted, or has taken too long.
    Closed,
}

impl State {
    /// Since when it has been the client's turn; `None`: it is the server's.
    fn waits_since(self) -> Option<Instant> {
        match self {
            Self::Head(since) | Self::Idle(since) => Some(since),
            Self::Answering | Self::Flushing | Self::Closed => None,
        }
    }

    /// Until when the client has to do something.
    fn deadline(self, limits: &Limits) -> Option<Instant> {
        match self {
            Self::Head(since) => Some(since + limits.head),
            Self::Idle(since) => Some(since + limits.idle),
            Self::Answering | Self::Flushing | Self::Closed => None,
        }
    }
}

/// The state of a connection, shared by the code that reads, answers and writes on it.
#[derive(Debug)]
pub(super) struct Activity {
    watched: Mutex<WatchedState>,
    /// Its client has to do something from now on, or it was evicted.
    changed: Notify,
}

#[derive(Debug)]
struct WatchedState {
    state: State,
    /// The server had its turn at the last look, and nobody looks until the client has it.
    is_unwatched: bool,
}

impl Activity {
    /// Of a connection that was made just now: its client has to send a head.
    pub(super) fn new() -> Self {
        Self {
            watched: Mutex::new(WatchedState {
                state: State::Head(clock::instant()),
                is_unwatched: false,
            }),
            changed: Notify::new(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.watched().state)
    }

    fn watched(&self) -> MutexGuard<'_, WatchedState> {
        // No code panics while it is locked.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came from the client.
    pub(super) fn received(&self) {
        self.with(|state| {
            if let State::Idle(_) = state {
                *state = State::Head(clock::instant());
            }
        });
    }

    /// Marks a request as being answered; `false`: the connection is to be closed instead.
    pub(super) fn begin_answer(&self) -> bool {
        self.with(|state| {
            if *state != State::Closed {
                *state = State::Answering;
            }
            *state != State::Closed
        })
    }

    /// The body of an answer has ended, or was given up.
    pub(super) fn end_body(&self) {
        self.with(|state| {
            if *state == State::Answering {
                *state = State::Flushing;
            }
        });
    }

    /// The system has taken all that was to be written.
    pub(super) fn flushed(&self) {
        let mut watched = self.watched();
        if watched.state == State::Flushing {
            watched.state = State::Idle(clock::instant());
            if mem::take(&mut watched.is_unwatched) {
                self.changed.notify_one();
            }
        }
    }

    /// Since when it has waited for its client; `None`: it does not wait.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.with(|state| state.waits_since())
    }

    /// Closes a connection that still waits for its client; whether it was closed.
    pub(super) fn evict(&self) -> bool {
        let waited = self.with(|state| {
            let waits = state.waits_since().is_some();
            if waits {
                *state = State::Closed;
            }
            waits
        });
        if waited {
            self.changed.notify_one();
        }
        waited
    }

    /// Ends when the connection has to be closed, and says why.
    ///
    /// It looks now and then, not at each request: a state that begins after a look lasts
    /// for the shorter of both limits at least. While an answer is under way, which may be held for long, it does not look.
    pub(super) async fn closes(&self, limits: &Limits) -> &'static str {
        loop {
            let now = clock::instant();
            let deadline = {
                let mut watched = self.watched();
                if watched.state == State::Closed {
                    return "another one needed its place";
                }
                let deadline = watched.state.deadline(limits);
                if deadline.is_some_and(|deadline| deadline <= now) {
                    watched.state = State::Closed;
                    return "it asked for nothing in time";
                }
                watched.is_unwatched = deadline.is_none();
                deadline
            };
            let Some(deadline) = deadline else {
                self.changed.notified().await;
                continue;
            };
            let next_look = now + limits.head.min(limits.idle);
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(deadline.min(next_look)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LIMITS: Limits = Limits {
        connections: 1,
        per_address: 1,
        head: Duration::from_secs(10),
        idle: Duration::from_secs(30),
        stall: Duration::from_secs(20),
    };

    /// In how many seconds it is closed.
    async fn closed_after(activity: &Activity) -> u64 {
        let before = clock::instant();
        activity.closes(&LIMITS).await;
        (clock::instant() - before).as_secs()
    }

    async fn answer(activity: &Activity) {
        assert!(activity.begin_answer());
        activity.end_body();
        activity.flushed();
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_and_a_pause_have_a_limit_each_from_their_beginning_on() {
        assert_eq!(closed_after(&Activity::new()).await, 10);
        let idle = Activity::new();
        answer(&idle).await;
        assert_eq!(closed_after(&idle).await, 30);
        let slow = Activity::new();
        answer(&slow).await;
        let closing = async { closed_after(&slow).await };
        let sending = async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            for _ in 0..9 {
                slow.received();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        assert_eq!(tokio::join!(closing, sending).0, 25);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_no_limit_and_is_not_evicted() {
        let activity = Activity::new();
        assert!(activity.begin_answer());
        let closing = async { closed_after(&activity).await };
        let answering = async {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            assert!(!activity.evict());
            activity.flushed();
            assert!(!activity.evict(), "its body has not ended");
            activity.end_body();
            assert!(!activity.evict(), "not all of it was taken");
            activity.flushed();
        };
        assert_eq!(tokio::join!(closing, answering).0, 3630);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_held_wakes_nobody() {
        let activity = Activity::new();
        assert!(activity.begin_answer());
        let mut closes = std::pin::pin!(activity.closes(&LIMITS));
        let mut polls = 0;
        let closing = std::future::poll_fn(|context| {
            polls += 1;
            closes.as_mut().poll(context)
        });
        let held = tokio::time::timeout(Duration::from_secs(3600), closing).await;
        assert!(held.is_err(), "it was closed");
        assert!(polls <= 2, "{polls}");
        activity.end_body();
        activity.flushed();
        let before = clock::instant();
        closes.await;
        assert_eq!((clock::instant() - before).as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_evicted_answers_nothing_more() {
        let activity = Activity::new();
        assert!(activity.evict() && !activity.evict());
        assert!(!activity.begin_answer());
        assert_eq!(closed_after(&activity).await, 0);
    }
}
