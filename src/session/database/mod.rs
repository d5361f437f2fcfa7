//! The database file: which schema and version it has, how a stranger's is opened.

pub mod guarded;
pub mod holders;
pub mod schema;
pub mod spellings;
pub mod sum;
pub mod versions;
