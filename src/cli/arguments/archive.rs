//! Arguments about what is replayed out of an archive.

use std::path::PathBuf;

use clap::Args;

use super::durations::{parse_bytes, parse_moment};
use crate::cli::exit::Failure;
use crate::store::StoreUrl;

/// What is said of an archive.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Out of an archive (s3://BUCKET/PREFIX, file:///FOLDER)")]
pub struct ArchiveArguments {
    /// The only stream that is replayed, as in …/streams/NAME [default: all of them]
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,

    /// Moment at which the clock starts, UTC: 2026-11-29T10:00:00Z [default: its beginning]
    #[arg(long, value_name = "TIME", value_parser = parse_moment, conflicts_with_all = ["offset", "zero"])]
    pub from: Option<i64>,

    /// Folder for what was fetched; one program uses it at a time [default: a temporary one]
    #[arg(long, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,

    /// What was used longest ago is removed from the cache beyond that; units as in 500M, 2G [default: 2G]
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub cache_bytes: Option<u64>,
}

/// What the cache takes where nothing was said, in bytes.
const CACHE_BYTES: u64 = 2_000_000_000;

impl ArchiveArguments {
    /// Bytes that the cache takes at most.
    pub fn most_cached(&self) -> u64 {
        self.cache_bytes.unwrap_or(CACHE_BYTES)
    }

    /// Whether what is replayed is an archive.
    ///
    /// # Errors
    /// It is a session, and something was typed that archives have.
    pub fn is_for(&self, session: &str) -> Result<bool, Failure> {
        if StoreUrl::is_one(session) {
            return Ok(true);
        }
        let typed = [
            (self.stream.is_some(), "--stream"),
            (self.from.is_some(), "--from"),
            (self.cache.is_some(), "--cache"),
            (self.cache_bytes.is_some(), "--cache-bytes"),
        ];
        match typed.iter().find(|(is_typed, _)| *is_typed) {
            None => Ok(false),
            Some((_, option)) => Err(Failure::usage(format!(
                "{option} is for archives (s3://BUCKET/PREFIX, file:///FOLDER), and {session:?} is the name of a session"
            ))),
        }
    }
}
