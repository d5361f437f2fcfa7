//! Where under `chunks/` a new chunk goes.

use rusqlite::Result;

use super::{MAX_CACHED, Store};
use crate::hls::{chunk_path, encoded_chunk_path, ranged_chunk_path, with_suffix};
use crate::session::ResourceKey;
use crate::session::beneath::{PlainPath, Sort};
use crate::session::chunk_dir::ChunkDir;

impl Store {
    /// Step 3: the wished or the URL's own path, or the first that is free with a suffix.
    /// `codings`: those that the body is still in.
    pub(super) fn free_path(
        &mut self,
        key: &ResourceKey,
        wished: Option<&str>,
        codings: Option<&str>,
    ) -> Result<String> {
        let own = match (url::Url::parse(&key.url), key.range) {
            (Ok(url), Some(range)) => ranged_chunk_path(&url, range),
            (Ok(url), None) => chunk_path(&url),
            (Err(_), _) => "chunk".to_owned(),
        };
        let wished = encoded_chunk_path(wished.unwrap_or(&own), codings.unwrap_or_default());
        let wished = around_files(&self.chunks, &wished);
        if !self.is_taken(&wished)? {
            return Ok(wished);
        }
        let known = self.cache.suffixes.get(&wished).copied();
        let mut number = known.map_or(2, |n| n.saturating_add(1));
        if known.is_none() {
            // Doubling finds the end of a long row of suffixes without asking for each.
            while self.is_taken(&with_suffix(&wished, number.saturating_mul(2)))? {
                number = number.saturating_mul(2);
            }
        }
        while self.is_taken(&with_suffix(&wished, number))? {
            number = number.saturating_add(1);
        }
        if self.cache.suffixes.len() >= MAX_CACHED {
            self.cache.suffixes.clear();
        }
        self.cache.suffixes.insert(wished.clone(), number);
        Ok(with_suffix(&wished, number))
    }

    fn is_taken(&self, path: &str) -> Result<bool> {
        // What cannot be looked at is not written over: the rename says so.
        let facts = PlainPath::parse(path).map(|path| self.chunks.facts(&path));
        if facts.is_some_and(|facts| facts.is_ok()) {
            return Ok(true);
        }
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM body WHERE path = ?1 COLLATE NOCASE AND path IS NOT NULL)")?
            .query_row([path], |row| row.get(0))
    }
}

/// `a/b.ts` where `a` is a chunk itself, or a link, becomes `a~/b.ts`.
pub(in crate::session) fn around_files(chunks: &ChunkDir, path: &str) -> String {
    let mut around = String::new();
    let mut components = path.split('/').peekable();
    while let Some(component) = components.next() {
        around.push_str(component);
        if components.peek().is_some() {
            while is_in_the_way(chunks, &around) {
                around.push('~');
            }
            around.push('/');
        }
    }
    around
}

fn is_in_the_way(chunks: &ChunkDir, folder: &str) -> bool {
    let facts = PlainPath::parse(folder).map(|path| chunks.facts(&path));
    facts.is_some_and(|facts| facts.is_ok_and(|facts| facts.sort != Sort::Folder))
}
