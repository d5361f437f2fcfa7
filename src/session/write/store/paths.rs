//! Where under `chunks/` a new chunk goes.

use crate::session::files::around::around_files;
use rusqlite::Result;

use super::Store;
use crate::hls::{chunk_path, encoded_chunk_path, ranged_chunk_path, with_suffix};
use crate::session::ResourceKey;
use crate::session::files::beneath::PlainPath;

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
        let known = self.cache.suffixes.get(&wished);
        let number = first_free(known.unwrap_or(1), |number| {
            self.is_taken(&with_suffix(&wished, number))
        })?;
        let path = with_suffix(&wished, number);
        self.cache.suffixes.insert(wished, number);
        Ok(path)
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

/// A number behind `taken` that is free and follows one that is not, without asking for each: by steps that double, then
/// by halves.
fn first_free(taken: u32, is_taken: impl Fn(u32) -> Result<bool>) -> Result<u32> {
    let (mut taken, mut step) = (taken, 1_u32);
    let mut free = taken.saturating_add(step);
    while is_taken(free)? && free < u32::MAX {
        taken = free;
        free = taken.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while free - taken > 1 {
        let between = taken + (free - taken) / 2;
        match is_taken(between)? {
            true => taken = between,
            false => free = between,
        }
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_free_number_is_found_by_few_questions_whether_or_not_it_is_known_where_to_begin() {
        for last in [1_u32, 2, 3, 7, 100, 12_345] {
            for begin in [1, last / 2 + 1, last] {
                let asked = Cell::new(0);
                let found = first_free(begin, |number| {
                    asked.set(asked.get() + 1);
                    Ok(number <= last)
                });
                assert_eq!(found.unwrap(), last + 1);
                assert!(asked.get() <= 40, "{last} from {begin}: {}", asked.get());
            }
        }
    }
}
