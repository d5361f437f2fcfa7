//! How a run ends: its row is closed, and the database becomes one file with its sum.

use std::time::Duration;

use rusqlite::params;

use super::{Thread, WriterError};
use crate::clock;
use crate::session::begin;
use crate::session::chunks::TEMPORARY;
use crate::session::sum;

/// How long to wait for readers to let go, so that the database can become one file.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

impl Thread {
    /// Closes the run and makes the database one file.
    pub(super) async fn close(mut self, ended: &str) -> Result<(), WriterError> {
        self.disk.let_go();
        self.disk.tell(true);
        let mut closed = self.close_run(ended);
        if closed
            .as_ref()
            .is_err_and(|error| self.disk.is_to_blame(error))
        {
            // The log can be used again where it is folded in, without any more room.
            let fold = "PRAGMA wal_checkpoint(RESTART)";
            let folded = self.store.db.query_row(fold, [], |_| Ok(()));
            closed = folded.and_then(|()| self.close_run(ended));
        }
        closed.map_err(|e| self.database_error(e))?;
        self.sweep();
        let one_file = self.become_one_file().await;
        let one_file = one_file.map_err(|e| self.database_error(e));
        let Self {
            store,
            folder,
            lock,
            ..
        } = self;
        drop(store);
        if matches!(one_file, Ok(true))
            && let Err(error) = sum::write(&folder)
        {
            // The session is whole without.
            tracing::warn!("{}: no session.sum: {error}", folder.path().display());
        }
        drop(lock);
        one_file.map(|_| ())
    }

    fn close_run(&self, ended: &str) -> rusqlite::Result<()> {
        self.store.db.execute_batch("DELETE FROM pending")?;
        self.store.db.execute(
            "UPDATE run SET stopped_us = ?1, seen_us = ?1, ended = ?2 WHERE id = ?3",
            params![self.clock.now_us(), ended, self.run_id],
        )?;
        Ok(())
    }

    fn sweep(&self) {
        let temporary = self.folder.chunks().join(TEMPORARY);
        for entry in std::fs::read_dir(temporary).into_iter().flatten().flatten() {
            // Left by a download that was cut off; nothing refers to it.
            let _ = std::fs::remove_file(entry.path());
        }
        let _ = std::fs::remove_dir(self.folder.chunks().join(TEMPORARY));
    }

    /// Readers that hold the database open prevent it; they are asked to let go by `stopped_us`.
    /// Whether it did.
    async fn become_one_file(&self) -> rusqlite::Result<bool> {
        let db = &self.store.db;
        // SQLite's own patience would block; ours is below.
        let _ = db.busy_timeout(Duration::from_millis(50));
        let deadline = clock::instant() + CLOSE_PATIENCE;
        loop {
            match begin::become_one_file(db) {
                Ok(true) => return Ok(true),
                Err(error) if self.disk.is_to_blame(&error) => {
                    tracing::warn!(
                        "there is no room to make {} one file; copy it together with the -wal file beside it",
                        self.folder.database().display()
                    );
                    return Ok(false);
                }
                Err(error) => return Err(error),
                _ if clock::instant() >= deadline => break,
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        tracing::warn!(
            "another program has {} open; copy it together with the -wal file beside it",
            self.folder.database().display()
        );
        Ok(false)
    }
}
