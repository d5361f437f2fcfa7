//! How a run ends: its row is closed, and the database becomes one file with its sum.

use std::io;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::begin;
use crate::clock;
use crate::session::database::sum;
use crate::session::error::WriterError;
use crate::session::files::folder::SessionFolder;
use crate::session::write::thread::commits::Thread;

/// How long to wait for readers to let go, so that the database can become one file.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// How long the check of the whole database may take when a run ends.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Steps of SQLite's machine, or rows of a page, between two looks at the time.
const STEPS: i32 = 1000;
const NOT_CHECKED: &str = "an earlier run was killed or its session.db was changed, and session.db has not been found to be whole; `issession repair SESSION` looks at all of it";

/// Whether indexes and rows of a database agree; `false` also where there was no time to find out.
fn is_whole(db: &mut Connection, folder: &SessionFolder) -> bool {
    // SQLite counts no steps while it goes through pages that belong to nothing, and there may be a terabyte of them.
    if !sum::is_short(folder) {
        return false;
    }
    let deadline = clock::instant() + LONGEST_LOOK;
    let is_over = move || clock::instant() >= deadline;
    if db.progress_handler(STEPS, Some(is_over)).is_err() {
        return false;
    }
    let sql = "PRAGMA integrity_check(1)";
    let said: rusqlite::Result<String> = db.query_row(sql, [], |row| row.get(0));
    said.is_ok_and(|said| said == "ok")
}

impl Thread {
    /// Closes the run and makes the database one file; when the run ended, in microseconds of Unix time.
    pub(crate) async fn close(mut self, ended: &str) -> Result<i64, WriterError> {
        self.disk.let_go();
        self.disk.close(&self.store, self.clock.now_us());
        self.write_spans()?;
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
        let stopped_us = closed.map_err(|e| self.database_error(e))?;
        self.sweep();
        let one_file = self.become_one_file().await;
        let one_file = one_file.map_err(|e| self.database_error(e));
        let is_one_file = matches!(one_file, Ok(true));
        self.look_at_spans(true)?;
        let is_whole =
            is_one_file && (self.is_covered || is_whole(&mut self.store.db, &self.folder));
        let Self {
            store,
            folder,
            lock,
            ..
        } = self;
        drop(store);
        if is_one_file {
            let summed = match is_whole {
                true => sum::write(&folder),
                false => Err(io::Error::other(NOT_CHECKED)),
            };
            if let Err(error) = summed {
                // The session is one without.
                tracing::warn!("{}: no session.sum: {error}", folder.path().display());
            }
        }
        drop(lock);
        one_file.map(|_| stopped_us)
    }

    /// What is not written for want of room stays as it is.
    fn write_spans(&mut self) -> Result<(), WriterError> {
        self.look_at_spans(false)?;
        let looked = self.spans.look(&self.store, true);
        looked.map_err(|e| self.database_error(e))?;
        let _ = self.commit(&mut []);
        Ok(())
    }

    fn close_run(&self, ended: &str) -> rusqlite::Result<i64> {
        let now_us = self.clock.now_us();
        self.store.db.execute_batch("DELETE FROM pending")?;
        self.store.db.execute(
            "UPDATE run SET stopped_us = ?1, seen_us = ?1, ended = ?2 WHERE id = ?3",
            params![now_us, ended, self.run_id],
        )?;
        Ok(now_us)
    }

    fn sweep(&self) {
        let chunks = &self.store.chunks;
        for (name, _) in chunks.temporary_entries().into_iter().flatten() {
            // Left by a download that was cut off; nothing refers to it.
            let _ = chunks.sweep(&name);
        }
        let _ = chunks.remove_temporary_folder();
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
