//! Rows: how an exchange becomes INSERTs, inside the writer's transaction.
//!
//! Everything that is remembered between transactions is a cache of what the database
//! says, and is thrown away when a transaction is.

use std::collections::{HashMap, VecDeque};

use rusqlite::Connection;

use self::cache::Remembered;
use super::date_ranges::Asked;
use super::rows::EventRow;
use crate::session::digest::Digest;
use crate::session::files::chunk_dir::{Changed, ChunkDir};
use crate::session::headers::HeaderSets;
use crate::session::id::ExchangeId;
use crate::session::model::{Remark, ResourceKey};

use self::logs::Logs;
use allowance::Allowance;

mod allowance;
mod cache;
mod date_ranges;
mod exchange;
mod files;
mod listed;
mod logs;
mod memory;
mod paths;
mod resources;
mod texts;

pub(crate) use crate::session::files::around::around_files;

/// The writing side of the database.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) chunks: ChunkDir,
    zero_us: i64,
    /// Exchanges before are those of earlier runs.
    first_id: ExchangeId,
    /// Folders to sync before the commit.
    pub(crate) changed: Changed,
    cache: Cache,
    pub(crate) asked: Asked,
    /// That a host has too many sets of names of parameters was said.
    told_of_names: bool,
}

#[derive(Debug, Default)]
struct Cache {
    headers: HeaderSets,
    header_sets: Remembered<String, i64>,
    resources: Remembered<ResourceKey, i64>,
    recent: VecDeque<(Digest, bool, i64)>,
    lines: Logs,
    /// By stream.
    allowances: HashMap<i64, Allowance>,
    suffixes: Remembered<String, u32>,
    /// Host, and names of parameters that are noted of it.
    names: Remembered<String, ()>,
}

impl Store {
    pub(crate) fn new(
        db: Connection,
        chunks: ChunkDir,
        zero_us: i64,
        first_id: ExchangeId,
    ) -> Self {
        Self {
            db,
            chunks,
            zero_us,
            first_id,
            changed: Changed::new(),
            cache: Cache::default(),
            asked: Asked::default(),
            told_of_names: false,
        }
    }

    /// Notes something that has no length; gives the number of its row.
    pub(crate) fn event(
        &mut self,
        at_us: i64,
        kind: Remark,
        detail: &str,
    ) -> rusqlite::Result<i64> {
        if kind == Remark::LeftOut {
            self.note(detail)?;
        }
        let row = EventRow {
            at_us,
            length_us: None,
            kind: kind.into(),
            detail,
        };
        row.insert(&self.db)
    }
}
