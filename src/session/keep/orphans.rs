//! Chunk files without a row: a crash between a commit and the removal of files leaves them,
//! and so does one between a rename and its commit.

use std::fs::{self, ReadDir};
use std::path::PathBuf;

use rusqlite::{Connection, Result};

use crate::session::chunks::TEMPORARY;

/// Files that are looked at in one go.
const SOME: usize = 256;

/// A walk through the folder of chunks, a little at a time.
#[derive(Debug)]
pub(super) struct Orphans {
    chunks: PathBuf,
    folders: Vec<PathBuf>,
    current: Option<ReadDir>,
}

impl Orphans {
    pub(super) fn below(chunks: PathBuf) -> Self {
        Self {
            folders: vec![chunks.clone()],
            chunks,
            current: None,
        }
    }

    /// Looks at some files; whether there are more.
    pub(super) fn remove_some(&mut self, db: &Connection) -> Result<bool> {
        for _ in 0..SOME {
            let Some(current) = &mut self.current else {
                let Some(folder) = self.folders.pop() else {
                    return Ok(false);
                };
                // What cannot be read holds nothing that could be removed.
                self.current = fs::read_dir(folder).ok();
                continue;
            };
            let Some(entry) = current.next() else {
                self.current = None;
                continue;
            };
            // A link is no folder: nothing outside is looked at.
            let Some((entry, kind)) = entry
                .ok()
                .and_then(|e| Some((e.path(), e.file_type().ok()?)))
            else {
                continue;
            };
            let relative = entry.strip_prefix(&self.chunks).ok();
            match relative.and_then(|path| path.to_str()) {
                Some(TEMPORARY) => {}
                Some(_) if kind.is_dir() => self.folders.push(entry),
                Some(path) if kind.is_file() && !is_chunk(db, path)? => {
                    tracing::info!("removed chunks/{path}: no row names it");
                    let _ = fs::remove_file(&entry);
                }
                _ => {}
            }
        }
        Ok(true)
    }
}

fn is_chunk(db: &Connection, path: &str) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL)",
    )?
    .query_row([path], |row| row.get(0))
}
