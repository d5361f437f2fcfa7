//! Writing a session: one thread, one connection, one order of file, row and commit.

pub mod adopt;
pub mod begin;
pub mod close;
pub mod commit_error;
pub mod date_ranges;
pub mod disk;
pub mod keep;
pub mod message;
pub mod noticed;
pub mod notices;
pub mod pulse;
pub mod queue;
pub mod rows;
pub mod store;
pub mod thread;
pub mod wal;
pub mod writer;
