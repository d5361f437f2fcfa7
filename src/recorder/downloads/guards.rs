//! What polls and downloads hold of the queue of a stream: given back when they end, however they end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::fates::Fates;
use crate::recorder::plan::state::Plan;
use crate::recorder::plan::{Done, Fate, Job, PlaylistId};
use crate::session::ExchangeId;

/// What is held of a queue.
#[derive(Debug, Default)]
pub(super) struct Guards {
    state: Mutex<State>,
    pub(super) changed: Notify,
    /// What becomes of what was announced and asked for.
    pub(super) fates: Fates,
}

#[derive(Debug, Default)]
struct State {
    /// Playlists whose newest revision has not been handed to the writer yet: its exchange.
    held: HashMap<PlaylistId, ExchangeId>,
    /// Whoever drops a guard cannot wait for the plan: the next who has it takes this in.
    dropped: Vec<Dropped>,
}

/// A guard that was dropped before its time.
#[derive(Debug)]
enum Dropped {
    Revision(PlaylistId, ExchangeId),
    Download(Box<Job>),
}

impl Guards {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds up the downloads of a playlist.
    pub(super) fn hold(self: &Arc<Self>, playlist: PlaylistId, revision: ExchangeId) -> Hold {
        self.state().held.insert(playlist, revision);
        Hold {
            guards: Arc::clone(self),
            playlist,
            revision,
            is_written: false,
            fates: Vec::new(),
        }
    }

    /// The place of a request that is under way.
    pub(super) fn place(self: &Arc<Self>, job: Job) -> Place {
        Place {
            guards: Arc::clone(self),
            job: Some(job),
        }
    }

    /// Tells the plan of guards that were dropped before their time; which playlists are held.
    pub(super) fn settle(&self, plan: &mut Plan, now: Instant) -> HashMap<PlaylistId, ExchangeId> {
        // Both at one moment: what is no longer held may be what was dropped.
        let (held, dropped) = {
            let mut state = self.state();
            (state.held.clone(), std::mem::take(&mut state.dropped))
        };
        for dropped in dropped {
            match dropped {
                Dropped::Revision(playlist, revision) => {
                    plan.withdraw(playlist, revision);
                    self.fates.tell(plan.take_fates());
                }
                Dropped::Download(job) => plan.done(&job, Done::Panicked, None, now),
            }
        }
        held
    }
}

/// Holds up the downloads of a playlist until its revision has been handed to the writer. Dropped before, the revision is
/// taken back: it will not be in the session, so nothing may be fetched on its account.
#[derive(Debug)]
pub(crate) struct Hold {
    guards: Arc<Guards>,
    playlist: PlaylistId,
    revision: ExchangeId,
    is_written: bool,
    /// Told once it has been handed to the writer: nothing that was announced is written before what lists it.
    fates: Vec<(u64, Fate)>,
}

impl Hold {
    /// What the revision means for what was announced before it.
    pub(super) fn with_fates(mut self, fates: Vec<(u64, Fate)>) -> Self {
        self.fates = fates;
        self
    }

    /// The revision has been handed to the writer.
    pub(crate) fn written(mut self) {
        self.is_written = true;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.guards.state();
        if state.held.get(&self.playlist) == Some(&self.revision) {
            state.held.remove(&self.playlist);
        }
        let fates = std::mem::take(&mut self.fates);
        if self.is_written {
            self.guards.fates.tell(fates);
        } else {
            // What it lists is in no session.
            let gone = fates.into_iter().map(|(job, _)| (job, Fate::Withdrawn));
            self.guards.fates.tell(gone.collect());
            let revision = Dropped::Revision(self.playlist, self.revision);
            state.dropped.push(revision);
        }
        drop(state);
        self.guards.changed.notify_one();
    }
}

/// The place of a request among those under way. Dropped before [`Self::ended`], the request is made again.
#[derive(Debug)]
pub(super) struct Place {
    guards: Arc<Guards>,
    job: Option<Job>,
}

impl Place {
    /// The plan knows how the request ended.
    pub(super) fn ended(mut self) {
        self.job = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let download = Dropped::Download(Box::new(job));
            self.guards.state().dropped.push(download);
            self.guards.changed.notify_one();
        }
    }
}
