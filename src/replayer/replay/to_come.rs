//! What playlists of a session that is being recorded announce: looked for once after each commit, for all who wait.

use std::sync::{Arc, Mutex, PoisonError};

use crate::replayer::content::pool::Pool;
use crate::session::{ReadError, ToCome};

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    last: Mutex<Option<(u64, Arc<[ToCome]>)>>,
    looking: tokio::sync::Mutex<()>,
}

impl Announcements {
    /// What is announced and not recorded, after so many commits.
    pub(crate) async fn after(
        &self,
        pool: &Arc<Pool>,
        commits: u64,
    ) -> Result<Arc<[ToCome]>, ReadError> {
        if let Some(known) = self.known(commits) {
            return Ok(known);
        }
        let _looking = self.looking.lock().await;
        if let Some(known) = self.known(commits) {
            return Ok(known);
        }
        let to_come = pool.read(|reader| reader.to_come()).await?;
        let to_come: Arc<[ToCome]> = to_come.into();
        let last = self.last.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some((commits, Arc::clone(&to_come)));
        Ok(to_come)
    }

    fn known(&self, commits: u64) -> Option<Arc<[ToCome]>> {
        // No code panics while it is locked.
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, to_come) = last.as_ref()?;
        (*of >= commits).then(|| Arc::clone(to_come))
    }
}
