//! Triggers, and indexes on our tables, that somebody added: dropped by name, from a connection on which neither is
//! run. Dropping asks no row and computes no expression.

use crate::session::database::guarded::Guarded;
use crate::session::database::schema;
use crate::session::database::schema::Refusal;
use crate::session::error::ReadError;
use crate::session::error::WriterError;
use crate::session::files::folder::SessionFolder;
use crate::session::write::run::begin;

use super::error::RepairError;

/// Drops them, where nothing else is wrong with the schema: whether it was so.
pub(super) fn drop_added(
    folder: &SessionFolder,
    say: &mut dyn FnMut(String),
) -> Result<bool, RepairError> {
    let path = folder.database().display().to_string();
    let failed = |refused: Refusal| {
        refused.unwrap_or_else(|source| ReadError::database(&folder.database(), source))
    };
    // Nothing is locked, made or recovered for what is none of ours.
    let guarded = Guarded::open(folder)?;
    if schema::removable(guarded.connection(), &path)
        .map_err(failed)?
        .is_none()
    {
        return Ok(false);
    }
    drop(guarded);
    let (_lock, chunks) = begin::lock(folder)?;
    let dropped = drop_locked(folder, say);
    if !matches!(dropped, Ok(true)) {
        // It was made for the lock; one that has something in it stays.
        let _ = chunks.remove_temporary_folder();
    }
    dropped
}

fn drop_locked(folder: &SessionFolder, say: &mut dyn FnMut(String)) -> Result<bool, RepairError> {
    let path = folder.database().display().to_string();
    let mut db = begin::open_free(folder)?;
    let failed = |source| begin::database_error(folder, source);
    let transaction = db.transaction().map_err(failed)?;
    let removable = schema::removable(&transaction, &path).map_err(|refused| match refused {
        Ok(altered) => WriterError::from(altered),
        Err(source) => failed(source),
    })?;
    let Some(removable) = removable else {
        return Ok(false);
    };
    for (statement, _) in &removable {
        transaction.execute_batch(statement).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    for (_, what) in removable {
        say(format!("dropped: {what}"));
    }
    Ok(true)
}
