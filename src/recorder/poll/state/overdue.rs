//! A poll that the origin holds for longer than it should, while it is under way.

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::blocking::Held;
use crate::recorder::http::fetch::Hop;
use crate::recorder::playlists::names::Name;

/// A poll that was made, as far as its answer is judged by it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) name: Name,
    pub(crate) is_direct: bool,
    /// A player would have the newest name by then.
    pub(crate) is_stale: bool,
    /// Another name answers, and stands still: whether this one is further on is looked at.
    pub(crate) is_trial: bool,
    pub(crate) lag_us: i64,
}

/// A poll that is still under way.
#[derive(Debug)]
pub(crate) struct Overdue {
    pub(crate) asked: Asked,
    pub(crate) held: Held,
    pub(crate) request: Request,
    /// One was made beside it.
    pub(crate) has_others: bool,
}

/// The request of a poll, made beside its loop.
#[derive(Debug)]
pub(crate) struct Request {
    chain: AbortOnDropHandle<Vec<Hop>>,
    until: CancellationToken,
}

impl Request {
    /// `until`: what lets go of it.
    pub(crate) fn new(chain: AbortOnDropHandle<Vec<Hop>>, until: CancellationToken) -> Self {
        Self { chain, until }
    }

    /// Waits for its answer.
    pub(crate) async fn answer(&mut self) -> Vec<Hop> {
        came((&mut self.chain).await)
    }

    /// Nobody waits for it any more: what came of it.
    pub(crate) async fn let_go(&mut self) -> Vec<Hop> {
        self.until.cancel();
        self.answer().await
    }
}

/// The answer to a poll that is overdue; none ever, where there is none.
pub(crate) async fn answer(overdue: &mut Option<Overdue>) -> Vec<Hop> {
    match overdue {
        Some(overdue) => overdue.request.answer().await,
        None => std::future::pending().await,
    }
}

/// What panicked there panics here, where it is contained.
fn came(hops: Result<Vec<Hop>, JoinError>) -> Vec<Hop> {
    match hops.map_err(JoinError::try_into_panic) {
        Ok(hops) => hops,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // It is never aborted while somebody waits for it.
        Err(Err(_)) => Vec::new(),
    }
}
