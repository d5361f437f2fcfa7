//! What became of what was announced and asked for before it was listed: told to whoever asks for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::recorder::plan::Fate;

/// Of requests that are under way or wait for it, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Fates(Mutex<HashMap<u64, watch::Sender<Fate>>>);

/// What becomes of what one request asks for.
#[derive(Debug)]
pub(super) struct Destiny(watch::Receiver<Fate>);

impl Fates {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, watch::Sender<Fate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request begins.
    pub(super) fn of(&self, job: u64) -> Destiny {
        let (sender, receiver) = watch::channel(Fate::Open);
        let mut open = self.open();
        // A request that panicked waits for nothing.
        open.retain(|_, sender| !sender.is_closed());
        open.insert(job, sender);
        Destiny(receiver)
    }

    /// What is told once is never another.
    pub(super) fn tell(&self, fates: Vec<(u64, Fate)>) {
        if fates.is_empty() {
            return;
        }
        let mut open = self.open();
        for (job, fate) in fates {
            if let Some(sender) = open.remove(&job) {
                let _ = sender.send(fate);
            }
        }
    }
}

impl Destiny {
    /// As far as it is known.
    pub(super) fn now(&self) -> Fate {
        *self.0.borrow()
    }

    /// Waits until it is known; for ever, where nobody is left to tell.
    pub(super) async fn known(&mut self) -> Fate {
        let fate = self.0.wait_for(|fate| *fate != Fate::Open).await;
        let fate = fate.ok().map(|fate| *fate);
        match fate {
            Some(fate) => fate,
            None => std::future::pending().await,
        }
    }
}
