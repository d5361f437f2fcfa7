//! Writing a session: one thread, one connection, one order of file, row and commit.

pub mod date_ranges;
pub mod disk;
pub mod keep;
pub mod notices;
pub mod revisions;
pub mod rows;
pub mod run;
pub mod spans;
pub mod store;
pub mod thread;
pub mod writer;
