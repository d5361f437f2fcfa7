//! What a connection is doing and since when: for its time limits, and for the table that looks for one to evict.

use std::sync::{Mutex, PoisonError};

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
    state: Mutex<State>,
    evicted: Notify,
}

impl Activity {
    /// Of a connection that was made just now: its client has to send a head.
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::Head(clock::instant())),
            evicted: Notify::new(),
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // No code panics while it is locked.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
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
        self.with(|state| {
            if *state == State::Flushing {
                *state = State::Idle(clock::instant());
            }
        });
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
            self.evicted.notify_one();
        }
        waited
    }

    /// Ends when the connection has to be closed, and says why.
    ///
    /// It looks now and then, not at each request: a state that begins after a look lasts
    /// for the shorter of both limits at least.
    pub(super) async fn closes(&self, limits: &Limits) -> &'static str {
        loop {
            let now = clock::instant();
            let (deadline, is_late) = self.with(|state| {
                let deadline = state.deadline(limits);
                let is_late = deadline.is_some_and(|deadline| deadline <= now);
                if is_late {
                    *state = State::Closed;
                }
                (deadline, is_late)
            });
            if is_late {
                return "it asked for nothing in time";
            }
            let next_look = now + limits.head.min(limits.idle);
            let wakes = deadline.map_or(next_look, |deadline| deadline.min(next_look));
            tokio::select! {
                () = self.evicted.notified() => return "another one needed its place",
                () = sleep_until(wakes) => {}
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
    async fn a_connection_that_was_evicted_answers_nothing_more() {
        let activity = Activity::new();
        assert!(activity.evict() && !activity.evict());
        assert!(!activity.begin_answer());
        assert_eq!(closed_after(&activity).await, 0);
    }
}
