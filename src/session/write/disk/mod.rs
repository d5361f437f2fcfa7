//! What the writer does about its disk: a full one, a log that cannot be made small, files that need room.

pub mod full;
pub mod noticed;
pub mod wal;
