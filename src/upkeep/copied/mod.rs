//! A session that is made out of another one: its database, its modes, and the moment at which it becomes a session.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::session::database::sum;
use crate::session::files::chunk_dir::TEMPORARY;
use crate::session::files::folder::SessionFolder;
use crate::session::format::{APPLICATION_ID, FORMAT_VERSION, SCHEMA};

pub(crate) mod modes;

/// Where the database is made.
pub(crate) fn building(target: &SessionFolder) -> PathBuf {
    target.chunks().join(TEMPORARY).join("session.db")
}

/// Whether a folder has a copy that was never finished.
pub(crate) fn is_begun(folder: &Path) -> bool {
    let building = folder.join("chunks").join(TEMPORARY).join("session.db");
    !folder.join("session.db").exists() && building.exists()
}

/// The copy's database, that of a stopped session.
pub(crate) fn new_database(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    // It is no session before it is whole, so that a crash needs no journal.
    db.pragma_update(None, "journal_mode", "OFF")?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", FORMAT_VERSION)?;
    db.execute_batch(SCHEMA)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// Makes a session of a copy whose database is closed. Who could read the session may read the copy.
pub(crate) fn finish(source: &SessionFolder, target: &SessionFolder) -> io::Result<()> {
    let building = building(target);
    // Only what is whole becomes a session.
    File::open(&building)?.sync_all()?;
    fs::rename(&building, target.database())?;
    fs::remove_dir(target.chunks().join(TEMPORARY))?;
    sum::write(target)?;
    // Where modes cannot be set it stays its owner's.
    let _ = modes::copy(source, target);
    make_durable(&File::open(target.path())?)
}

/// Removes a copy that failed. It was made here, exclusively; what cannot be removed has no session.db and is no session.
pub(crate) fn discard(target: &SessionFolder) {
    let _ = fs::remove_dir_all(target.path());
}

/// All files at once, where the system has a call for that.
fn make_durable(folder: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(folder)?;
    folder.sync_all()
}
