//! Chunk files without a row: a crash between a commit and the removal of files leaves them,
//! and so does one between a rename and its commit.

use std::ffi::OsString;
use std::fmt;

use rusqlite::{Connection, Result};

use crate::session::files::beneath::{PlainPath, Sort};
use crate::session::files::chunk_dir::{ChunkDir, is_temporary};

/// Files that are looked at in one go.
const SOME: usize = 256;

/// A walk through the folder of chunks, a little at a time.
pub(super) struct Orphans {
    chunks: ChunkDir,
    /// `None`: the folder of chunks itself.
    folders: Vec<Option<PlainPath>>,
    current: Option<(Option<PlainPath>, Entries)>,
}

type Entries = Box<dyn Iterator<Item = (OsString, Sort)> + Send>;

impl fmt::Debug for Orphans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} folders to look at", self.folders.len())
    }
}

impl Orphans {
    pub(super) fn below(chunks: ChunkDir) -> Self {
        Self {
            folders: vec![None],
            chunks,
            current: None,
        }
    }

    /// Looks at some files; whether there are more.
    pub(super) fn remove_some(&mut self, db: &Connection) -> Result<bool> {
        for _ in 0..SOME {
            let Some((folder, entries)) = &mut self.current else {
                let Some(folder) = self.folders.pop() else {
                    return Ok(false);
                };
                // A folder that cannot be read is left alone.
                let entries = self.chunks.entries(folder.as_ref());
                self.current = entries
                    .ok()
                    .map(|entries| (folder, Box::new(entries) as Entries));
                continue;
            };
            let Some((name, sort)) = entries.next() else {
                self.current = None;
                continue;
            };
            let path = match folder {
                Some(folder) => folder.child(name),
                None => PlainPath::parse(name),
            };
            let Some(path) = path.filter(|path| !is_temporary(path)) else {
                continue;
            };
            match (sort, path.as_os_str().to_str()) {
                // A link is no folder: nothing outside is looked at.
                (Sort::Folder, Some(_)) => self.folders.push(Some(path)),
                (Sort::File, Some(text)) if !is_chunk(db, text)? => {
                    tracing::info!("removed chunks/{text}: no row names it");
                    let _ = self.chunks.remove_only(&path);
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
