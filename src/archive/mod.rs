//! Volumes of sessions in a store (`docs/design/archive.md`): written, checked, and brought back as one session.
//!
//! What is in a store is as hostile as a session from a stranger: objects are read up to the sizes that their manifest and a limit allow,
//! databases by the guarded reader, chunks by their digest.

mod archiver;
mod check;
mod cursor;
mod error;
mod fetch;
mod listing;
mod manifest;
mod names;
mod replay;
mod reserve;
mod sent;
mod state;
mod tail;
mod trouble;
mod unpack;
mod volume;
mod windows;

pub use self::archiver::{Archiver, Step, Told, check_volume};
pub use self::check::{ArchiveReport, check};
pub use self::cursor::CursorError;
pub use self::error::ArchiveError;
pub use self::fetch::{FetchWanted, Fetched, fetch};
pub use self::replay::{ArchiveVolumes, Cache, CacheError, split_stream};
pub use self::state::TailState;
pub use self::tail::{Left, Tail, TailOptions};

#[cfg(test)]
pub(crate) mod tests;
