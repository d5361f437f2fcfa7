//! Paths that rows name: whether each stays beneath `chunks/`.

use std::collections::HashSet;
use std::io;

use crate::session::error::ReadError;
use crate::session::files::beneath::{PlainPath, Sort};
use crate::session::files::chunk_dir::{ChunkDir, ChunkPath};
use crate::session::read::reader::Reader;

/// Folders that are remembered; what comes again later is looked at again.
const MOST_FOLDERS: usize = 16_384;
/// Rows of one transaction.
const SOME: i64 = 10_000;

const PATHS: &str =
    "SELECT id, path FROM body WHERE path IS NOT NULL AND id > ?1 ORDER BY id LIMIT ?2";

/// Folders that have been looked at and are none but folders.
#[derive(Debug, Default)]
pub(crate) struct Folders(HashSet<PlainPath>);

impl Folders {
    /// What is wrong with a path, in a sentence; `None`: nothing.
    pub(crate) fn fault(&mut self, chunks: Option<&ChunkDir>, path: &ChunkPath) -> Option<String> {
        let chunks = chunks?;
        for folder in path.plain().folders() {
            if self.0.contains(&folder) {
                continue;
            }
            match chunks.facts(&folder) {
                Ok(facts) if facts.sort == Sort::Link => {
                    return Some(format!(
                        "chunks/{} leads through a link: chunks/{folder}",
                        path.plain()
                    ));
                }
                Ok(_) => {}
                // What is not there leads nowhere.
                Err(_) => break,
            }
            if self.0.len() >= MOST_FOLDERS {
                self.0.clear();
            }
            self.0.insert(folder);
        }
        None
    }
}

/// The first row whose path leads, or could lead, out of `chunks/`: its number, and what is wrong.
pub(crate) fn first_wrong(
    reader: &Reader,
    chunks: &ChunkDir,
) -> Result<Option<(i64, String)>, ReadError> {
    let mut folders = Folders::default();
    let mut after = i64::MIN;
    loop {
        let rows = reader.list(PATHS, [after, SOME], |row| {
            let path = row.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default();
            Ok((row.get::<_, i64>(0)?, ChunkPath::of_row(path)))
        })?;
        let Some((last, _)) = rows.last() else {
            return Ok(None);
        };
        after = *last;
        for (id, path) in rows {
            let fault = path.map(|path| folders.fault(Some(chunks), &path));
            if let Some(what) = fault.unwrap_or_else(|error: io::Error| Some(error.to_string())) {
                return Ok(Some((id, what)));
            }
        }
    }
}
