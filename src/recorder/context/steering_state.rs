//! The state of content steering of a stream: which server is named, and whether its first manifest is awaited.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::hls::SteeringTag;
use crate::recorder::admission::reach::Reach;
use crate::session::ExchangeId;

/// The steering of a stream.
#[derive(Debug, Default)]
pub(crate) struct Steering {
    pub(crate) state: Mutex<State>,
    /// The playlist names another server.
    pub(crate) changed: Notify,
    /// The first manifest is waited for.
    pub(crate) is_awaited: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Of the server that is asked.
    pub(crate) named: Option<Named>,
    pub(crate) aliases: BTreeSet<String>,
}

/// A tag, and the revision that has it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub tag: SteeringTag,
    pub revision: ExchangeId,
    pub from_us: i64,
    /// As far as it may lead, and whether a redirect led there from https to http.
    pub reach: Reach,
    pub downgraded: bool,
}

impl Steering {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stream may end as far as steering goes.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_awaited.load(Ordering::Relaxed)
    }

    pub(crate) fn named(&self) -> Option<Named> {
        self.state().named.clone()
    }
}
