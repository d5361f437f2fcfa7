//! What playlists of a session that is being recorded announce: looked for once after each commit, for all who wait.

use std::sync::{Arc, Mutex, PoisonError};

use super::Replay;
use crate::session::{ReadError, ToCome};

/// The last look.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    last: Mutex<Option<(u64, Arc<[ToCome]>)>>,
    looking: tokio::sync::Mutex<()>,
}

impl Announcements {
    fn known(&self, commits: u64) -> Option<Arc<[ToCome]>> {
        // No code panics while it is locked.
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, to_come) = last.as_ref()?;
        (*of >= commits).then(|| Arc::clone(to_come))
    }
}

impl Replay {
    /// What is announced and not recorded, after so many commits.
    pub(crate) async fn to_come(&self, commits: u64) -> Result<Arc<[ToCome]>, ReadError> {
        if let Some(known) = self.announcements.known(commits) {
            return Ok(known);
        }
        let _looking = self.announcements.looking.lock().await;
        if let Some(known) = self.announcements.known(commits) {
            return Ok(known);
        }
        let to_come = self.read(|reader| reader.to_come()).await?;
        let to_come: Arc<[ToCome]> = to_come.into();
        let last = self.announcements.last.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some((commits, Arc::clone(&to_come)));
        Ok(to_come)
    }
}
